#!/bin/bash
# Who is who, with real gVisor: a pod with a container that mines, an honest sandbox beside it, and a stranger who plays a
# recording under the honest one's id. The miner's findings must be verified and carry its labels; the stranger gets a
# finding for its claim; the honest sandbox gets none and ends with status 0.
#
#   tests/live/identity.sh [--newest] [--keep]
#
# As run.sh: root, Debian or Ubuntu, nothing leaves the machine. Exit status: 0 passed, 1 failed, 77 skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/live/lib.sh
source "$here/lib.sh"

take_options "" "$@"

# The stranger's recording, and the id that it claims.
readonly recording=$here/../corpus/2026/m_drop_exec_pool.trace.zst victim=m_drop_exec_pool

end() {
    local name
    set +e
    for name in miner pod "$victim"; do
        [ -n "${watched[*]:-}" ] && "${watched[@]}" delete --force "$name" >/dev/null 2>&1
    done
    cleanup
}
make_work end

# bundle NAME ANNOTATIONS PROGRAM ARGUMENT...: a bundle of its own over the common root file system.
bundle() {
    local name=$1 annotations=$2
    shift 2
    mkdir -p "$work/$name"
    python3 "$here/bundle.py" "$@" | python3 -c '
import json, sys
config = json.load(sys.stdin)
config["root"]["path"] = sys.argv[1]
config["annotations"] = json.loads(sys.argv[2])
json.dump(config, sys.stdout)
' "$work/bundle/rootfs" "$annotations" >"$work/$name/config.json"
}

# make NAME: creates and starts it, its output in a file. Only a sandbox's first container has a session of its own.
make() {
    "${watched[@]}" create --bundle "$work/$1" "$1" >"$work/$1.out" 2>&1 </dev/null || die "cannot create $1"
    "${watched[@]}" start "$1" || die "cannot start $1"
}

# Asked from within the namespace: the release of 2022 is reached by an abstract socket there.
state_of() {
    [[ $("${watched[@]}" state "$1" 2>/dev/null) == *"\"status\": \"$2\""* ]]
}

has_found() {
    lives live || die "sluicebox ended"
    python3 "$here/found.py" "$@" <"$work/live.out" 2>/dev/null
}

make_scene "$work/bundle/rootfs"
cp "$here/workload.sh" "$work/bundle/rootfs/root/workload.sh"

live=$work/live.sock
"$sluicebox" session --gvisor "$release" --socket "$live" >"$work/pod-init.json" || die "no session"
watched=(ip netns exec "$namespace" "$runsc" "${flags[@]}" --pod-init-config "$work/pod-init.json")
start_listener live "$live" run --format json

cri=io.kubernetes.cri
bundle pod "{\"$cri.container-type\": \"sandbox\", \"$cri.sandbox-id\": \"pod\"}" /bin/sleep 300
bundle miner "{\"$cri.container-type\": \"container\", \"$cri.sandbox-id\": \"pod\", \"user\": \"alice\"}" \
    /bin/bash /root/workload.sh $http:8000 $pool 3333
# shellcheck disable=SC2016  # the shell in the sandbox expands it
bundle "$victim" '{"user": "bob"}' /bin/bash -c 'i=0; while [ $i -lt 60 ]; do i=$((i + 1)); sleep 0.1; done'

"${watched[@]}" run --bundle "$work/$victim" "$victim" >"$work/$victim.out" 2>&1 </dev/null &
honest=$!
wait_until "the honest sandbox" state_of "$victim" running
"$sluicebox" play "$live" "$recording" 2>"$work/play.err" || die "the recording could not be played"
wait_until "the finding about the claim" has_found stranger identity_claim
make pod
make miner
wait_until "the finding about the miner" has_found miner alert

status=0
wait $honest || status=$?
[ $status = 0 ] || die "the honest sandbox ended with status $status"
"${watched[@]}" kill --all pod KILL >/dev/null 2>&1 || true
stop_listener live
python3 "$here/found.py" all "$victim" <"$work/live.out" || die "findings are not attributed as they should be"
echo "passed: $(runsc_version), each finding is about whom it should be"
