//! Many clients at once, and clients that mean no good: what one of them can cost the server and its neighbours.
//!
//! Each test has a size that takes seconds. The large ones are for a quiet machine:
//!
//!     cargo test --release -p sluicebox-daemon --test crowd -- --ignored --nocapture
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of a test; Clippy knows only its functions as tests"
)]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::serving::Running;
use common::wait_for;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect as connect_to, recv, send, setsockopt,
    socket, sockopt,
};
use sluicebox::finding::Severity;
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::play::Player;
use sluicebox_daemon::registry::Registry;
use sluicebox_daemon::serve::{ConnectionId, Consumer, End, Flow, Options, Peer, Refusal};
use sluicebox_daemon::trace::{self, Source};
use uds::UnixSeqpacketConn;

/// Descriptors and memory are the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn many(options: &mut Options) {
    // Seconds pass between two calls on a busy machine; nobody is to be closed for that here.
    options.handshake_timeout = Duration::from_secs(600);
}

fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Memory of this process in KiB, with what the test itself needs.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn packets(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/2026").join(name);
    let mut trace = trace::open(&Source::from(&*path)).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = trace.next_packet().unwrap() {
        packets.push(packet.to_vec());
    }
    packets
}

/// A real analysis that tells how many packets it was given, and the worst that it found.
struct Counted {
    analysis: Box<dyn Consumer>,
    connection: ConnectionId,
    packets: u64,
    tell: Sender<(ConnectionId, u64)>,
}

impl Consumer for Counted {
    fn packet(&mut self, packet: &[u8]) {
        self.packets += 1;
        self.analysis.packet(packet);
    }

    fn truncated(&mut self, beginning: &[u8]) {
        self.analysis.truncated(beginning);
    }

    fn batch_end(&mut self) -> Flow {
        self.analysis.batch_end()
    }

    fn closed(&mut self, end: End) {
        self.analysis.closed(end);
        self.tell.send((self.connection, self.packets)).unwrap();
    }
}

/// So many idle connections, then so many of them play a miner: memory at rest, verdicts, nothing lost.
fn a_crowd(idle: usize, playing: usize) -> u64 {
    let _alone = alone();
    raise_descriptor_limit();
    let trace = packets("m_drop_exec_pool.trace.zst");
    let (knowledge, registry) = (Knowledge::builtin().unwrap(), Arc::<Registry>::default());
    let (tell, told) = channel();
    let (convict, convicted) = channel();
    let running = Running::start(many, move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        let (connection, convict) = (peer.connection, convict.clone());
        let analysis = Analysis::new(&knowledge).of(&peer, &registry).into_consumer(move |finding| {
            convict.send((connection, finding.severity)).unwrap();
        });
        Ok(Box::new(Counted { analysis, connection, packets: 0, tell: tell.clone() }))
    });
    // The first connection pays for what all share.
    drop(Player::connect(&running.socket).unwrap());
    told.recv().unwrap();
    let (fds, memory) = (descriptors(), resident());
    let players: Vec<Player> = (0..idle).map(|_| Player::connect(&running.socket).unwrap()).collect();
    let each = resident().saturating_sub(memory) * 1024 / u64::try_from(idle).unwrap();

    for player in players.iter().take(playing) {
        for packet in &trace {
            player.send(packet).unwrap();
        }
    }
    drop(players);
    let mut ends = BTreeMap::new();
    for _ in 0..idle {
        let (connection, packets) = told.recv_timeout(Duration::from_secs(120)).unwrap();
        ends.insert(connection, packets);
    }
    let length = u64::try_from(trace.len()).unwrap();
    assert_eq!(ends.values().filter(|packets| **packets == length).count(), playing, "an event was lost");
    assert_eq!(ends.values().filter(|packets| **packets == 0).count(), idle - playing);
    let mut worst: BTreeMap<ConnectionId, Severity> = BTreeMap::new();
    for (connection, severity) in convicted.try_iter() {
        let known = worst.entry(connection).or_insert(severity);
        *known = severity.max(*known);
    }
    assert_eq!(worst.len(), playing, "somebody who did nothing was convicted, or a miner was not");
    assert!(worst.values().all(|severity| *severity == Severity::Kill));
    wait_for("the descriptors", || (descriptors() <= fds).then_some(()));
    each
}

#[test]
fn idle_connections_cost_little_and_who_mines_among_them_is_found() {
    let each = a_crowd(100, 5);
    assert!(each <= 64 << 10, "{each} bytes for an idle connection");
}

#[test]
#[ignore = "takes a minute"]
fn two_thousand_connections_and_two_hundred_miners() {
    let each = a_crowd(2000, 200);
    println!("{each} bytes for an idle connection");
    assert!(each <= 64 << 10);
}

/// Tells how long each packet of a normal client was under way. The packet holds the time at which it was sent.
struct Stopwatch {
    begin: Instant,
    analysis: Box<dyn Consumer>,
    tell: Sender<Duration>,
}

impl Consumer for Stopwatch {
    fn packet(&mut self, packet: &[u8]) {
        if let Some(sent) = packet.strip_prefix(b"sent") {
            let sent = Duration::from_nanos(u64::from_le_bytes(sent.try_into().unwrap()));
            // The test that listens ends before its clients do.
            let _ended = self.tell.send(self.begin.elapsed().saturating_sub(sent));
        } else {
            self.analysis.packet(packet);
        }
    }

    fn truncated(&mut self, _beginning: &[u8]) {}

    fn batch_end(&mut self) -> Flow {
        self.analysis.batch_end()
    }

    fn closed(&mut self, _end: End) {}
}

/// The time under way of the packets of `normal` clients on one worker, beside `flooding` others: median and 99th percentile.
fn latency(normal: usize, flooding: usize, rounds: usize) -> (Duration, Duration) {
    let _alone = alone();
    let trace = packets("m_drop_exec_pool.trace.zst");
    let (knowledge, registry) = (Knowledge::builtin().unwrap(), Arc::<Registry>::default());
    let (tell, told) = channel();
    let begin = Instant::now();
    let running = Running::start(many, move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        let analysis = Analysis::new(&knowledge).of(&peer, &registry).into_consumer(|_| {});
        Ok(Box::new(Stopwatch { begin, analysis, tell: tell.clone() }))
    });
    let clients: Vec<Player> = (0..normal).map(|_| Player::connect(&running.socket).unwrap()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..flooding)
        .map(|_| {
            let (flooder, stop, trace) =
                (Player::connect(&running.socket).unwrap(), Arc::clone(&stop), trace.clone());
            std::thread::spawn(move || {
                for packet in trace.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                    flooder.send(packet).unwrap();
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..rounds {
        for client in &clients {
            let mut packet = b"sent".to_vec();
            packet.extend(u64::try_from(begin.elapsed().as_nanos()).unwrap().to_le_bytes());
            client.send(&packet).unwrap();
        }
        times.extend((0..normal).map(|_| told.recv_timeout(Duration::from_secs(60)).unwrap()));
    }
    stop.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.join().unwrap();
    }
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[test]
fn beside_a_flood_every_packet_of_the_others_comes_through() {
    // How fast, a busy machine cannot tell: see the large test.
    latency(10, 1, 20);
}

#[test]
#[ignore = "measures time: needs a quiet machine and a release build"]
fn a_flooding_client_at_most_doubles_the_latency_of_fifty_others() {
    let (median_alone, alone) = latency(50, 0, 400);
    let (median, beside) = latency(50, 1, 400);
    println!(
        "alone: median {median_alone:?}, p99 {alone:?}; beside a flood: median {median:?}, p99 {beside:?}"
    );
    assert!(beside <= alone * 2);
}

#[test]
fn clients_that_mean_no_good_are_closed_or_counted_and_leave_nothing_behind() {
    let _alone = alone();
    raise_descriptor_limit();
    let running = Running::start(
        |options| {
            options.max_per_process = NonZeroUsize::new(50).unwrap();
            options.handshake_timeout = Duration::from_millis(50);
        },
        |_: Peer| -> Result<Box<dyn Consumer>, Refusal> { Ok(Box::new(Nobody)) },
    );
    let connect = || UnixSeqpacketConn::connect(&running.socket).unwrap();
    let is_empty = || (running.counters.live.load(Ordering::Relaxed) == 0).then_some(());
    // The first one pays for what the server needs itself.
    drop(common::client(&running.socket));
    wait_for("the place", is_empty);
    let fds = descriptors();
    let hello = sluicebox::wire::handshake::encode();

    // Garbage; half a handshake; too long a one; nothing at all; an end before the answer.
    for first in [&b"\xff\xff\xff"[..], &hello[..1], &[0x08; 5000], b"GET / HTTP/1.1\r\n\r\n"] {
        let client = connect();
        client.send(first).unwrap();
        assert!(common::is_closed(&client));
    }
    assert!(common::is_closed(&connect()));
    let gone = connect();
    gone.send(&hello).unwrap();
    drop(gone);

    // A message beyond every buffer: received cut, counted, and the stream goes on.
    let large = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
    if setsockopt(&large, sockopt::SndBufForce, &(4 << 20)).is_ok() {
        connect_to(large.as_raw_fd(), &UnixAddr::new(&running.socket).unwrap()).unwrap();
        let send_all = |packet: &[u8]| send(large.as_raw_fd(), packet, MsgFlags::empty()).unwrap();
        send_all(&hello);
        recv(large.as_raw_fd(), &mut [0; 64], MsgFlags::empty()).unwrap();
        send_all(&vec![0; 1 << 20]);
        send_all(b"after");
        wait_for("the packet after the large one", || {
            (running.counters.packets.load(Ordering::Relaxed) == 2).then_some(())
        });
        assert_eq!(running.counters.truncated.load(Ordering::Relaxed), 1);
    }
    drop(large);

    // Many: beyond the process's share each is closed at once, so that none of them is in anybody's way.
    let mut crowd = Vec::new();
    for _ in 0..1000 {
        match UnixSeqpacketConn::connect(&running.socket) {
            Ok(client) => crowd.push(client),
            Err(error) => panic!("{error}"),
        }
    }
    wait_for("the refusals", || {
        (running.counters.refused_share.load(Ordering::Relaxed) >= 900).then_some(())
    });
    drop(crowd);
    wait_for("all places", is_empty);
    wait_for("all descriptors", || (descriptors() <= fds).then_some(()));
    drop(common::client(&running.socket));
}

struct Nobody;

impl Consumer for Nobody {
    fn packet(&mut self, _packet: &[u8]) {}
    fn truncated(&mut self, _beginning: &[u8]) {}
    fn closed(&mut self, _end: End) {}
}
