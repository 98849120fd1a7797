# statistics by UDP in an even rhythm, by a program of the image
#pool 203.0.113.75:9:drop
python3 - <<'P'
import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.connect(('203.0.113.75',8125))
for i in range(16):
    try: s.send(b'app.requests:%d|c'%i)
    except OSError: pass
    time.sleep(0.5)
P
