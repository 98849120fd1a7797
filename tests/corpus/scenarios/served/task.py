#!/usr/bin/env python3
# The system calls of a pool client in Python; it computes nothing.
import os,socket,sys,time
open('/proc/cpuinfo').read(); open('/proc/meminfo').read()
host,port=sys.argv[2].split('//')[1].split(':')
for _ in range(3):
    s=socket.create_connection((host,int(port))); s.sendall(b'{"id":1,"method":"login","params":{"login":"x","agent":"t/1"}}\n'); s.recv(300)
    for i in range(6): time.sleep(0.5); s.sendall(b'{"id":%d,"method":"keepalived"}\n'%i); s.recv(300)
    s.close()
