# the same way of a data set, which is read and never run
#http 203.0.113.77:8017
#bind shared:/usr/local/bin/shared
shared 203.0.113.77 8017 /strat /var/tmp/set.bin; wc -c /var/tmp/set.bin; md5sum /var/tmp/set.bin; ls -l /var/tmp
