# What run.sh is made of. Sourced, not run.
# shellcheck shell=bash disable=SC2154  # work, newest, keep, here come from run.sh

# Documentation addresses (RFC 5737): routed nowhere.
readonly http=203.0.113.9 pool=198.51.100.7

# gVisor's module of September 2026, the newest that the trace points were compared with.
readonly newest_gvisor=gvisor.dev/gvisor/runsc@v0.0.0-20260905035102-160fafc42237

# Says what failed, and everything that was written by then which may tell why.
die() {
    local log
    echo "FAILED: $*" >&2
    for log in "${work:-/nonexistent}"/{container.log,*.err,*.out,*.verdict}; do
        if [ -s "$log" ]; then
            echo "--- ${log##*/}, the last lines" >&2
            tail -20 "$log" | cut -c1-400 >&2
        fi
    done
    [ "${keep:-no}" = yes ] || echo "--keep leaves the recording and the logs for a look" >&2
    exit 1
}

skip() {
    echo "SKIPPED: $*" >&2
    exit 77
}

cleanup() {
    local pid
    # Whatever fails here must not hide how the test ended.
    set +e
    for pid in "$work"/*.pid; do
        [ -e "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
    done
    [ -n "${runsc:-}" ] && "$runsc" --root "$work/state" delete --force live >/dev/null 2>&1
    [ -n "${namespace:-}" ] && ip netns del "$namespace" 2>/dev/null
    # The newest gVisor leaves this mounted.
    umount "$work/state/null-netns" 2>/dev/null
    if [ "$keep" = yes ]; then echo "kept: $work" >&2; else rm -rf "$work"; fi
}

# Waits until a command succeeds, at most 30 seconds.
wait_until() {
    local what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || die "waited 30 seconds in vain for $what"
        sleep 0.05
    done
}

# Whether the background process of that name still lives.
lives() {
    kill -0 "$(cat "$work/$1.pid")" 2>/dev/null
}

# take_options WANTED ARGUMENT...: sets newest, keep and, where WANTED names it, session.
# shellcheck disable=SC2034  # the scripts that source this read them
take_options() {
    local wanted=$1
    newest=no keep=no session=
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --newest) newest=yes ;;
            --keep) keep=yes ;;
            --session)
                [ "$wanted" = session ] || die "unknown option: $1"
                session=$(realpath "${2:?a file}")
                shift
                ;;
            *) die "unknown option: $1" ;;
        esac
        shift
    done
}

# The working directory; what is in it goes when the script ends, by the command that is given.
make_work() {
    [ "$(id -u)" = 0 ] || skip "must be root to make namespaces and sandboxes"
    work=$(mktemp -d /tmp/sluicebox-live.XXXXXX)
    # shellcheck disable=SC2064  # the command's name, now
    trap "$1" EXIT
}

# Everything that a sandbox and its servers need, with the root file system at the path that is given.
make_scene() {
    install_tools "$newest"
    find_sluicebox
    make_rootfs "$1"
    make_namespace
    check_gvisor
    start_servers
}

install_tools() {
    local missing=()
    command -v ip >/dev/null || missing+=(iproute2)
    command -v curl >/dev/null || missing+=(curl)
    command -v python3 >/dev/null || missing+=(python3)
    [ "$1" = yes ] || [ -x /usr/bin/runsc ] || missing+=(runsc)
    if [ ${#missing[@]} -gt 0 ]; then
        command -v apt-get >/dev/null || skip "no apt-get to install: ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null ||
            skip "cannot install: ${missing[*]}"
    fi
    if [ "$1" = no ]; then
        runsc=/usr/bin/runsc flags=(--platform=ptrace)
    else
        command -v go >/dev/null || skip "--newest needs Go"
        runsc=$(go env GOPATH)/bin/runsc flags=(--platform=systrap)
        # With cgo every sandbox dies at its start ("cannot read client sync file").
        [ -x "$runsc" ] || CGO_ENABLED=0 GOFLAGS=-mod=mod go install "$newest_gvisor" || skip "cannot install gVisor"
    fi
    # What is written stays in memory, as platforms run it. The name of that flag changed once, the trace points twice.
    case $(runsc_version) in
        *2022*) release=2022 flags+=(--overlay) ;;
        *2024*) release=2024 flags+=(--overlay2=root:memory) ;;
        *) release=2026 flags+=(--overlay2=root:memory) ;;
    esac
    # The network is the namespace's, which has a loopback only.
    flags+=(--root "$work/state" --network=host --ignore-cgroups)
}

runsc_version() {
    "$runsc" --version | head -1
}

find_sluicebox() {
    sluicebox=${SLUICEBOX:-}
    if [ -z "$sluicebox" ]; then
        (cd "$here/../.." && cargo build --quiet -p sluicebox-daemon)
        sluicebox=${CARGO_TARGET_DIR:-$here/../../target}/debug/sluicebox
    fi
    [ -x "$sluicebox" ] || die "SLUICEBOX names no program that can be run: $sluicebox"
}

# A root file system out of the host's own programs and their libraries: small, and nothing to download.
make_rootfs() {
    local root=$1 program file
    mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root}
    for program in bash curl chmod sleep; do
        program=$(command -v "$program")
        cp -L "$program" "$root/bin/"
        # The paths in ldd's lines: libraries after "=>", and the loader.
        ldd "$program" | grep -o '/[^ ]*' | while read -r file; do
            mkdir -p "$root${file%/*}"
            cp -Ln "$file" "$root$file"
        done
    done
    echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
    mkdir -p "$work/served"
    cp "$root/bin/bash" "$work/served/w"
}

make_namespace() {
    namespace=sluicebox-live-$$
    ip netns add "$namespace" || skip "cannot make a network namespace"
    ip -n "$namespace" link set lo up
    ip -n "$namespace" addr add $http/32 dev lo
    ip -n "$namespace" addr add $pool/32 dev lo
}

start_servers() {
    # The file is there before the server is, so that looking into it never fails.
    : >"$work/servers.out"
    ip netns exec "$namespace" python3 "$here/servers.py" \
        --http $http:8000 --directory "$work/served" --pool $pool:3333 >"$work/servers.out" 2>"$work/servers.err" &
    echo $! >"$work/servers.pid"
    wait_until "the servers" servers_answer
}

servers_answer() {
    lives servers || die "the servers ended instead of listening"
    grep -q ready "$work/servers.out"
}

# make_bundle PROGRAM ARGUMENT...: the OCI configuration of the container.
make_bundle() {
    python3 "$here/bundle.py" "$@" >"$work/bundle/config.json"
}

# Whether gVisor runs here at all, before anything is asked of it.
check_gvisor() {
    make_bundle /bin/sleep 0
    "$runsc" "${flags[@]}" run --bundle "$work/bundle" probe >"$work/probe.err" 2>&1 ||
        skip "gVisor does not run here: $(tail -1 "$work/probe.err")"
    rm "$work/probe.err"
}

# make_session FILE SOCKET SOCKET: the session of `sluicebox session` (or FILE), sent to both sockets, so that the
# recording is of the very run that was watched.
make_session() {
    local printed=$work/session.json
    if [ -n "$1" ]; then
        cp "$1" "$printed"
    else
        "$sluicebox" session --gvisor "$release" --socket "$2" >"$printed" || die "sluicebox session --gvisor $release failed"
    fi
    python3 - "$printed" "$2" "$3" <<'PYTHON'
import copy, json, sys
pod = json.load(open(sys.argv[1]))
sink = pod["trace_session"]["sinks"][0]
sinks = [copy.deepcopy(sink) for _ in sys.argv[2:]]
for sink, socket in zip(sinks, sys.argv[2:]):
    sink["config"]["endpoint"] = socket
pod["trace_session"]["sinks"] = sinks
json.dump(pod, sys.stdout)
PYTHON
}

# start_listener NAME SOCKET COMMAND ARGUMENT...
start_listener() {
    local name=$1 socket=$2 command=$3
    shift 3
    "$sluicebox" "$command" --socket "$socket" "$@" >"$work/$name.out" 2>"$work/$name.err" &
    echo $! >"$work/$name.pid"
    wait_until "the socket of $name" listens "$name" "$socket"
}

listens() {
    lives "$1" || die "sluicebox ended instead of listening: $1"
    [ -S "$2" ]
}

stop_listener() {
    local pid status=0
    pid=$(cat "$work/$1.pid")
    kill -TERM "$pid" 2>/dev/null || die "$1 had ended before it was told to: did it crash?"
    wait "$pid" || status=$?
    rm "$work/$1.pid"
    [ $status = 0 ] || die "$1 ended with status $status when told to stop, 0 expected"
}

# run_container SCRIPT: runs it with the container's bash, watched.
run_container() {
    cp "$1" "$work/bundle/rootfs/root/workload.sh"
    make_bundle /bin/bash /root/workload.sh $http:8000 $pool 3333
    ip netns exec "$namespace" timeout 120 "$runsc" "${flags[@]}" --pod-init-config "$work/pod-init.json" \
        run --bundle "$work/bundle" live 2>&1 | tee "$work/container.log"
}
