#!/bin/bash
# The live test: a container in real gVisor downloads a program, makes it executable, runs it, and the program returns
# to one endpoint again and again. `sluicebox run` must say of it, while it lives, what `sluicebox replay` says of the
# recording of the same run.
#
#   tests/live/run.sh             Debian's or Ubuntu's runsc (installed with apt), --platform=ptrace
#   tests/live/run.sh --newest    gVisor of September 2026 (installed with Go), --platform=systrap
#   tests/live/run.sh --session FILE   with this pod-init configuration instead of the one that `session` prints
#   tests/live/run.sh --keep      leaves the working directory, with the recording, for a look
#
# Needs root and Debian or Ubuntu. SLUICEBOX names the binary; built if not given. Nothing leaves the machine: the
# container lives in a network namespace that has a loopback and nothing else. The "pool" closes every connection at
# once and never hands out work; the "miner" is bash under another name.
#
# Exit status: 0 passed, 1 failed, 77 skipped because gVisor cannot run here (the reason is said).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/live/lib.sh
source "$here/lib.sh"

take_options session "$@"

make_work cleanup
make_scene "$work/bundle/rootfs"

live=$work/live.sock recorder=$work/record.sock
make_session "$session" "$live" "$recorder" >"$work/pod-init.json"

# What the daemon would do about a finding is no verdict of the rules; the replay does nothing.
printf '[kill]\nmode = "off"\n' >"$work/sluicebox.toml"
start_listener live "$live" run --format json --config "$work/sluicebox.toml"
start_listener record "$recorder" record --out "$work/recorded"
run_container "$here/workload.sh" || die "the container failed, see container.log"
# Both write their last word when the sandbox closes its connections; stopping them loses nothing.
stop_listener live
stop_listener record

recording=$(cat "$work/record.out")
[ -n "$recording" ] || die "nothing was recorded: the sandbox never connected to the sockets of pod-init.json"
# 1 is what we want to see: findings.
"$sluicebox" replay --format json "$recording" >"$work/replay.out" 2>"$work/replay.err" || [ $? = 1 ] ||
    die "the replay of the recording failed"
cat "$work/replay.err"

for side in live replay; do
    python3 "$here/verdict.py" <"$work/$side.out" | sort -u >"$work/$side.verdict"
    echo "--- $side"
    cat "$work/$side.verdict"
done
[ -s "$work/live.verdict" ] || die "nothing was found while the container lived; the replay found: $(wc -l <"$work/replay.verdict") rules"
diff -u --label live --label replay "$work/live.verdict" "$work/replay.verdict" >&2 ||
    die "live and replay differ as shown above"
echo "passed: $(runsc_version), live and replay agree"
