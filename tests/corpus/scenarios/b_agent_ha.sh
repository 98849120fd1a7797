# downloaded agent with two brokers: the first is refused at the beginning, then heartbeats to both
#http 203.0.113.72:8090
#pool 203.0.113.73:5671:err
#pool 203.0.113.76:5671:err
curl -so /opt/ha http://203.0.113.72:8090/ha.py; chmod 755 /opt/ha; timeout 16 /opt/ha 203.0.113.73 203.0.113.76
