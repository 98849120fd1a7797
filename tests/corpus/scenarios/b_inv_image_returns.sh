# an inventory's agent of the image with a JIT reports again and again
#bind served:/opt/agent
#pool 203.0.113.96:8443:http
/opt/agent/inv 203.0.113.96 8443 5 2555904
