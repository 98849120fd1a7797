import socket,threading,sys
l=socket.socket(); l.setsockopt(1,2,1); l.bind(('127.0.0.1',int(sys.argv[1]))); l.listen(9)
def pump(a,b):
    while True:
        d=a.recv(65536)
        if not d: break
        b.sendall(d)
    try: b.shutdown(1)
    except OSError: pass
while True:
    c,_=l.accept(); u=socket.create_connection((sys.argv[2],int(sys.argv[3])))
    for x in ((c,u),(u,c)): threading.Thread(target=pump,args=x,daemon=True).start()
