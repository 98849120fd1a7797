# inetd-like server spawns sh with the accepted socket as stdio; the clients are in the same sandbox
python3 - <<'P'
import socket,subprocess,threading,time
l=socket.socket(); l.setsockopt(1,2,1); l.bind(('127.0.0.1',7007)); l.listen(5)
def srv():
    while True:
        c,_=l.accept(); subprocess.Popen(['/bin/sh'],stdin=c.fileno(),stdout=c.fileno(),stderr=c.fileno()).wait(); c.close()
threading.Thread(target=srv,daemon=True).start()
for i in range(4):
    s=socket.create_connection(('127.0.0.1',7007)); s.sendall(b'echo hi; id; exit\n'); print(s.recv(200)); s.close(); time.sleep(.2)
P
busybox nc -l -p 7010 -e /bin/cat & sleep 0.5; echo hello | timeout 2 busybox nc 127.0.0.1 7010
