curl -so /opt/agent http://203.0.113.72:8090/beat.py; chmod +x /opt/agent; (timeout 16 /opt/agent 203.0.113.73 5671 &)
curl -so /root/train.py http://203.0.113.72:8090/train.py; cd /root; python3 train.py new 203.0.113.78 8085; sleep 5
