# a downloaded tool waits for a service that is not up yet, then goes on; an image script tries with back-off as well
#http 203.0.113.73:8015
#pool 203.0.113.76:9:drop
curl -so /usr/local/bin/waitsvc http://203.0.113.73:8015/poll; chmod +x /usr/local/bin/waitsvc; waitsvc 203.0.113.76 5432 6 400
for t in 0.2 0.4 0.8 1.6; do curl -s --max-time 2 http://203.0.113.76:8080/ready || sleep $t; done
