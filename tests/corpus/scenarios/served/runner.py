# A runner of jobs: they come as JSON lines over its connection, and what they say goes back as JSON.
import json,socket,subprocess,sys
s=socket.create_connection((sys.argv[1],int(sys.argv[2]))); s.sendall(b'{"hello":"r1"}\n')
for n,c in enumerate(['id','uname -a','ls -la /tmp','true']):
    d=s.recv(4096)
    if not d: break
    o=subprocess.run(c,shell=True,capture_output=True).stdout
    s.sendall(json.dumps({"job":n,"out":o.decode()}).encode()+b'\n')
