# downloaded agent, heartbeat each 0.5 s over one connection
#http 203.0.113.72:8090
#pool 203.0.113.73:5671:err
curl -sfo /opt/beat.py http://203.0.113.72:8090/beat.py; chmod 755 /opt/beat.py; timeout 14 /opt/beat.py 203.0.113.73 5671
