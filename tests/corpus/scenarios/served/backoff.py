import socket,time
a=('198.51.100.98',443); t=0.5
for _ in range(5):
    s=socket.socket(); s.settimeout(t)
    try: s.connect(a)
    except OSError: pass
    s.close(); time.sleep(t); t=min(t*1.6,3)
