# the same service, and somebody who looks after it: three sessions of runsc exec, in one of which a tool is downloaded that asks a service
#http 203.0.113.77:8017
#pool 203.0.113.78:8443:http
#exec 2 ps ax; ls -la /root /tmp; cat /etc/os-release; curl -s http://127.0.0.1:8080/ | head -3
#exec 4 cd /tmp; curl -so poll http://203.0.113.77:8017/poll; chmod +x poll; ./poll 203.0.113.78 8443 3 500
#exec 8 grep -c . /etc/services; df -h; python3 -c 'import socket; print(socket.gethostname())'
python3 -m http.server 8080 --bind 127.0.0.1 >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7; do sleep 2; curl -so /dev/null http://127.0.0.1:8080/; done; kill %1
