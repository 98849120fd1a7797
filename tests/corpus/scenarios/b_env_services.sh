# a namespace with thousands of services: every exec carries 300 KB of environment
#pool 203.0.113.93:8080:http
b=$(head -c 100000 /dev/zero | tr '\0' x); export SVC_A=$b SVC_B=$b SVC_C=$b
for i in 1 2 3 4 5; do curl -s http://203.0.113.93:8080/health >/dev/null; ls /usr/bin | wc -l; python3 -c 'import urllib.request;urllib.request.urlopen("http://203.0.113.93:8080/x").read()'; done
