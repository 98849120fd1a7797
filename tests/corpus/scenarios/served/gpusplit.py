#!/usr/bin/python3
# The system calls of a GPU miner in two processes; it computes nothing.
import fcntl,os,socket,sys,time
def io(fd,req,n=1):
    for _ in range(n):
        try: fcntl.ioctl(fd,req,b'\0'*48)
        except OSError: pass
r,w=os.pipe()
if os.fork()==0:
    os.close(r); ctl=os.open('/dev/nvidiactl',os.O_RDWR); io(ctl,0xc04846d2); io(ctl,0xc020462b,4); g=os.open('/dev/nvidia0',os.O_RDWR|os.O_CLOEXEC); io(g,0xc00446c9)
    u=os.open('/dev/nvidia-uvm',os.O_RDWR); io(u,0x30000001); io(u,37); io(u,25); io(u,27); io(ctl,0xc020462a,60)
    for i in range(16): time.sleep(0.5); io(ctl,0xc020462a,3); os.write(w,b'nonce %d\n'%i)
    os._exit(0)
os.close(w); s=socket.create_connection((sys.argv[1],int(sys.argv[2]))); s.sendall(b'{"id":1,"method":"mining.subscribe"}\n'); s.recv(300)
for n in os.fdopen(r): s.sendall(b'{"id":4,"method":"mining.submit","params":["%s"]}\n'%n.strip().encode()); s.recv(300)
os.wait()
