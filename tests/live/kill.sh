#!/bin/bash
# The live test of killing: two containers in real gVisor, one of which does what a dropped miner does while the other
# builds. The daemon must kill the first within a second of the event that convicted it, say so with the container's
# true id and labels, and leave the second alone.
#
#   tests/live/kill.sh             Debian's or Ubuntu's runsc, --platform=ptrace
#   tests/live/kill.sh --newest    gVisor of September 2026, --platform=systrap
#   tests/live/kill.sh --keep      leaves the working directory for a look
#
# Needs what run.sh needs. Exit status: 0 passed, 1 failed, 77 skipped because gVisor cannot run here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/live/lib.sh
source "$here/lib.sh"

take_options "" "$@"

make_work cleanup
make_scene "$work/bundle/rootfs"

socket=$work/live.sock
"$sluicebox" session --gvisor "$release" --socket "$socket" >"$work/pod-init.json"
cat >"$work/sluicebox.toml" <<TOML
[kill]
mode = "on"
TOML
# Of releases before 2024 the sandbox is reached through a socket of the network namespace that runsc was started in.
ip netns exec "$namespace" "$sluicebox" run --socket "$socket" --config "$work/sluicebox.toml" --format json \
    >"$work/live.out" 2>"$work/live.err" &
echo $! >"$work/live.pid"
wait_until "the socket of live" listens live "$socket"

# make_container NAME SCRIPT ARGUMENT...: a bundle of its own, with a label.
make_container() {
    local name=$1 script=$2
    shift 2
    mkdir -p "$work/$name"
    cp -r "$work/bundle/rootfs" "$work/$name/rootfs"
    cp "$here/$script" "$work/$name/rootfs/root/workload.sh"
    python3 "$here/bundle.py" /bin/bash /root/workload.sh "$@" |
        python3 -c 'import json, sys; c = json.load(sys.stdin); c["annotations"] = {"workspace": sys.argv[1]}; json.dump(c, sys.stdout)' \
            "of-$name" >"$work/$name/config.json"
}

# run_in_background NAME: its status and the time of its end, in nanoseconds since 1970, go to NAME.end.
run_in_background() {
    local name=$1 status=0
    (
        ip netns exec "$namespace" timeout 120 "$runsc" "${flags[@]}" --pod-init-config "$work/pod-init.json" \
            run --bundle "$work/$name" "$name" >"$work/$name.log" 2>&1 || status=$?
        echo "$status $(date +%s%N)" >"$work/$name.end"
    ) &
}

make_container builder build.sh
make_container miner workload.sh $http:8000 $pool 3333
run_in_background builder
run_in_background miner
wait_until "the end of the miner" test -s "$work/miner.end"
wait_until "the end of the build" test -s "$work/builder.end"
# What came of the kill is told when runsc has ended.
wait_until "the word that it was killed" grep -q '"rule":"response-killed"' "$work/live.out"
stop_listener live

python3 - "$work" <<'PYTHON' || die "see above; live.out has the findings"
import json, sys
work = sys.argv[1]
end = {name: [int(word) for word in open(f"{work}/{name}.end").read().split()] for name in ("miner", "builder")}
findings = [json.loads(line) for line in open(f"{work}/live.out")]
wrong = []
def check(holds, what):
    if not holds:
        wrong.append(what)
kills = [f for f in findings if f.get("severity") == "kill"]
check(len(kills) == 1, f"one conviction, not {len(kills)}")
for finding in findings:
    container = finding["container"]
    check(container["id"] == "miner", f"a finding of {container['id']}: {finding['rule']}")
    check(container["verified"] is True, f"not verified: {finding['rule']}")
    check(container["labels"].get("workspace") == "of-miner", f"labels: {container['labels']}")
took = (end["miner"][1] - kills[0]["time_ns"]) / 1e9 if kills else None
check(took is not None and took <= 1.0, f"dead after {took} s")
check(end["miner"][0] != 0, "the miner ended with status 0")
check(end["builder"][0] == 0, f"the build ended with status {end['builder'][0]}")
done = [f for f in findings if f["rule"] == "response-killed"]
check(len(done) == 1, f"one word of the kill, not {len(done)}")
for what in wrong:
    print("WRONG:", what)
if not wrong:
    print(f"killed by {kills[0]['rule']}, dead {took:.2f} s after the event that convicted it; the build ended with status 0")
sys.exit(bool(wrong))
PYTHON
echo "passed: $(runsc_version), the miner was killed and the build was not"
