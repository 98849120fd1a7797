#!/usr/bin/python3
# The system calls of a GPU miner: MODE says how it speaks with the pool. It computes nothing.
import fcntl,os,random,socket,sys,time
def io(fd,req,n=1):
    for _ in range(n):
        try: fcntl.ioctl(fd,req,b'\0'*48)
        except OSError: pass
ip,port,mode,n=sys.argv[1],int(sys.argv[2]),sys.argv[3],int(sys.argv[4])
ctl=os.open('/dev/nvidiactl',os.O_RDWR); io(ctl,0xc04846d2); io(ctl,0xc90046c8); io(ctl,0xc020462b,4); io(ctl,0xc020462a,40)
g=os.open('/dev/nvidia0',os.O_RDWR|os.O_CLOEXEC); io(g,0xc00446c9); io(ctl,0xc020462b,20); io(ctl,0xc038464e,12)
u=os.open('/dev/nvidia-uvm',os.O_RDWR); io(u,0x30000001); io(u,37); io(u,25); io(u,27); io(ctl,0xc020462a,60)
login=b'{"id":1,"method":"mining.subscribe","params":["m/1"]}\n'
s=None
for i in range(n):
    if mode in('drop','refused') or i==0:
        try: s=socket.create_connection((ip,port)); s.sendall(login)
        except OSError: pass
    if mode=='hold': time.sleep(12); break
    if mode in('drop','refused') and s is None: time.sleep(1.5); continue
    if mode in('drop','refused'):
        try: s.recv(300)
        except OSError: pass
        s.close(); io(ctl,0xc020462a,3); time.sleep(1.5); continue
    s.sendall(b'{"id":%d,"method":"mining.submit"}\n'%i); s.recv(300); io(ctl,0xc020462a,3)
    time.sleep(random.choice([.1,.3,.5,.9,1.6,2.2]) if mode=='jitter' else .5)
