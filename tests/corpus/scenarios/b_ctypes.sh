# python maps a downloaded library, as of a wheel, computes with it and tells a service
#http 203.0.113.77:8017
#pool 203.0.113.78:8443:http
#mmap
cd /tmp; curl -so _fastsum.so http://203.0.113.77:8017/fastsum.so; python3 - <<'P'
import ctypes, http.client
s = ctypes.CDLL("/tmp/_fastsum.so").sum(1000)
c = http.client.HTTPConnection("203.0.113.78", 8443); c.request("POST", "/result", str(s)); print(c.getresponse().status)
P
