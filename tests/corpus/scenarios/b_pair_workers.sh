# python fetches a list and has workers at the other ends of socket pairs make reports of it; one pipes a script to sh
#http 203.0.113.50:8000
python3 - <<'P'
import socket,os,urllib.request,subprocess,multiprocessing as mp
d=urllib.request.urlopen('http://203.0.113.50:8000/cfg.json').read()
a,b=socket.socketpair()
if os.fork()==0:
    a.close(); x=b.recv(65536); open('/tmp/report.txt','wb').write(x); os._exit(0)
b.close(); a.sendall(d); os.wait()
def w(c):
    open('/tmp/r2','w').write(str(len(c.recv())))
p,c=mp.Pipe(); q=mp.Process(target=w,args=(c,)); q.start(); p.send('x'*100); q.join()
print(subprocess.run(['sh'],input=b'echo hello; date\n',stdout=subprocess.PIPE).stdout)
print(subprocess.run(['sort'],input=d,stdout=subprocess.PIPE).stdout[:20])
P
