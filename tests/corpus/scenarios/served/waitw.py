#!/usr/bin/python3
import fcntl,os,socket,sys,time
def io(fd,req,n=1):
    for _ in range(n):
        try: fcntl.ioctl(fd,req,b'\0'*48)
        except OSError: pass
for i in range(5):
    try: socket.create_connection((sys.argv[1],int(sys.argv[2])+1)); break
    except OSError: time.sleep(.3)
os.makedirs('/tmp/models',exist_ok=True); open('/tmp/models/w.bin','wb').write(os.urandom(1<<20)); w=open('/tmp/models/w.bin','rb').read()
ctl=os.open('/dev/nvidiactl',os.O_RDWR); io(ctl,0xc04846d2); io(ctl,0xc90046c8); io(ctl,0xc020462b,4); io(ctl,0xc020462a,80)
g=os.open('/dev/nvidia0',os.O_RDWR); io(g,0xc00446c9); io(ctl,0xc020462b,20); io(ctl,0xc038464e,40)
u=os.open('/dev/nvidia-uvm',os.O_RDWR); io(u,0x30000001); io(u,37); io(u,25); io(u,27)
s=socket.create_connection((sys.argv[1],int(sys.argv[2])))
for i in range(16): s.sendall(b'{"type":"ping"}\n'); s.recv(300); io(ctl,0xc020462a,3); time.sleep(.5)
