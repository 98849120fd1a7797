# one process fetches a data set and hands it to another through a socketpair and a passed descriptor; it is read, never run
#http 203.0.113.71:8014
#pool 203.0.113.72:443:http
python3 - <<'P'
import os,socket,urllib.request,hashlib
a,b=socket.socketpair()
if os.fork()==0:
    a.close(); _,fds,_,_=socket.recv_fds(b,1,1); x=os.fdopen(fds[0],'rb').read(); y=b''
    while d:=b.recv(65536): y+=d
    open('/root/data.bin','wb').write(y); print(hashlib.sha256(x).hexdigest()==hashlib.sha256(y).hexdigest()); os._exit(0)
b.close(); d=urllib.request.urlopen('http://203.0.113.71:8014/data.bin').read(); f=open('/tmp/d','w+b'); f.write(d); f.flush(); f.seek(0); os.unlink('/tmp/d')
socket.send_fds(a,[b'x'],[f.fileno()]); a.sendall(d); a.close(); os.wait()
for i in range(5): urllib.request.urlopen('http://203.0.113.72:443/report').read()
P
