# a server passes accepted connections to its workers over a Unix socket (SCM_RIGHTS), as preforking servers do
python3 - <<'P'
import os,socket,urllib.request
l=socket.socket(); l.setsockopt(1,2,1); l.bind(('127.0.0.1',8090)); l.listen(8); a,b=socket.socketpair()
if os.fork()==0:
    a.close(); l.close()
    while True:
        m,fds,_,_=socket.recv_fds(b,1,1)
        if not fds: os._exit(0)
        with socket.socket(fileno=fds[0]) as c: c.recv(4096); c.sendall(b'HTTP/1.0 200 OK\r\n\r\nhello')
if os.fork()==0:
    for i in range(8): urllib.request.urlopen('http://127.0.0.1:8090/').read()
    os._exit(0)
for i in range(8): c,_=l.accept(); socket.send_fds(a,[b'x'],[c.fileno()]); c.close()
a.close(); os.wait(); os.wait()
P
