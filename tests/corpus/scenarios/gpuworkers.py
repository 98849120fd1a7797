# The system calls of a training run with one GPU worker; it computes nothing.
import fcntl,os,sys,time,urllib.request
def io(fd,req,n=1):
    for _ in range(n):
        try: fcntl.ioctl(fd,req,b'\0'*48)
        except OSError: pass
r,w=os.pipe()
if os.fork()==0:
    os.close(r); ctl=os.open('/dev/nvidiactl',os.O_RDWR); io(ctl,0xc04846d2); io(ctl,0xc020462b,4); g=os.open('/dev/nvidia0',os.O_RDWR); io(g,0xc00446c9)
    u=os.open('/dev/nvidia-uvm',os.O_RDWR); io(u,0x30000001); io(u,37); io(u,25); io(u,27); io(ctl,0xc020462a,60)
    for step in range(8):
        io(ctl,0xc020462a,3); open('/etc/services').read(); time.sleep(0.5); os.write(w,b'loss %d\n'%step)
    os._exit(0)
os.close(w); f=os.fdopen(r)
for n,line in enumerate(f):
    os.makedirs('/root/ckpt',exist_ok=True); open('/root/ckpt/%d.pt'%n,'wb').write(os.urandom(100000))
    urllib.request.urlopen('http://%s:%s/metrics'%tuple(sys.argv[1:3]),data=line.encode()).read()
os.wait()
