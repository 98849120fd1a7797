//! What it costs to take events out of the socket, with a consumer that does nothing and with the whole analysis.
//!
//! A child process sends a recorded trace through a real socket into the receive loop with one worker; the figure is
//! the CPU time, user and system, of this process per event. The null consumer is the floor for every consumer; the
//! analysis is what `sluicebox run` does, with the built-in rules and lists, but for the printing. The two take turns,
//! so that a busy machine spoils both alike, and their ratio less than either. Not in it: the sender's time.
//!
//!     cargo bench -p sluicebox-daemon --bench drain -- TRACE [TIMES] [EVENTS_PER_SECOND] [ROUNDS]
//!
//! Seen with `tests/corpus/2024/b_busy_mix.trace.zst` on a virtual machine of two processors with a load of 3 to 4:
//! null 780 to 1050, analysis 1070 to 1380, ratio 1.23 to 1.36.
//!
//! The worker waits 500 µs after a wake-up (`Options::linger`). What the null consumer showed with and without that,
//! on a virtual machine of two busy cores and another trace of a busy build, in ns per event:
//!
//! | | sender flat out | 100,000 a second | 20,000 a second |
//! |---|---|---|---|
//! | waiting 500 µs after a wake-up (the default) | 530–550 | 690–720 | 1830 |
//! | not waiting | 565–580 | 1960–2000 | 2750 |
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::env;
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sluicebox::intel::Intel;
use sluicebox::rules::{Thresholds, builtin};
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::play::Player;
use sluicebox_daemon::serve::{Consumer, End, Flow, Options, Peer, Refusal, Server, Totals};
use sluicebox_daemon::trace::{self, Source};

/// Counts, so that nothing is lost unnoticed, and does nothing else.
struct Null {
    own: u64,
    all: Arc<AtomicU64>,
}

impl Consumer for Null {
    fn packet(&mut self, _packet: &[u8]) {
        self.own = self.own.saturating_add(1);
    }

    fn truncated(&mut self, _beginning: &[u8]) {}

    fn closed(&mut self, _end: End) {
        self.all.fetch_add(self.own, Ordering::Relaxed);
    }
}

/// What `sluicebox run` does with a connection, but for the printing.
struct Whole {
    analysis: Analysis,
    findings: usize,
    all: Arc<AtomicU64>,
}

impl Consumer for Whole {
    fn packet(&mut self, packet: &[u8]) {
        self.analysis.packet(packet);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.analysis.truncated();
    }

    fn batch_end(&mut self) -> Flow {
        self.findings = self.findings.saturating_add(self.analysis.findings().count());
        Flow::Continue
    }

    fn closed(&mut self, _end: End) {
        std::hint::black_box(self.findings);
        self.all.fetch_add(self.analysis.stats().events, Ordering::Relaxed);
    }
}

/// Which consumer is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Null,
    Whole,
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds flags of its own, such as `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.as_slice() {
        [role, socket, trace, times, rate] if role == "sender" => {
            send(Path::new(socket), Path::new(trace), times.parse()?, rate.parse()?)
        }
        [trace, rest @ ..] => {
            let argument = |at: usize, otherwise| rest.get(at).map_or(otherwise, String::as_str);
            measure(trace, argument(0, "10"), argument(1, "0"), argument(2, "3").parse()?)
        }
        [] => {
            println!("skipped: name a recorded trace after `--`");
            Ok(())
        }
    }
}

fn measure(trace: &str, times: &str, rate: &str, rounds: u32) -> Result<(), Box<dyn Error>> {
    let rules = builtin::compiled(Thresholds::default()).rules.ok_or("the built-in rules do not compile")?;
    let knowledge = Knowledge { rules: Arc::new(rules), intel: Arc::new(Intel::seed()), image: None };
    for _ in 0..rounds {
        let null = figure("null", drain(trace, times, rate, &knowledge, Which::Null)?);
        let whole = figure("analysis", drain(trace, times, rate, &knowledge, Which::Whole)?);
        if let Some(percent) = whole.saturating_mul(100).checked_div(null) {
            println!("ratio      {}.{:02}", percent / 100, percent % 100);
        }
    }
    Ok(())
}

/// Prints what was measured; the nanoseconds of CPU time per event.
fn figure(name: &str, (totals, cpu, wall): (Totals, Duration, Duration)) -> u128 {
    let per = |amount: u128, count: u64| amount.checked_div(u128::from(count)).unwrap_or_default();
    let nanos = per(cpu.as_nanos(), totals.packets);
    let rate = u128::from(totals.packets).saturating_mul(1_000_000).checked_div(wall.as_micros());
    println!(
        "{name:<10} {nanos} ns CPU per event, {} events in {} batches ({} each), {} events/s",
        totals.packets,
        totals.batches,
        per(u128::from(totals.packets), totals.batches),
        rate.unwrap_or_default(),
    );
    nanos
}

fn drain(
    trace: &str,
    times: &str,
    rate: &str,
    knowledge: &Knowledge,
    which: Which,
) -> Result<(Totals, Duration, Duration), Box<dyn Error>> {
    let socket = PathBuf::from(format!("/tmp/sluicebox-drain-{}.sock", std::process::id()));
    let mut options = Options::at(&socket);
    options.workers = NonZeroUsize::MIN;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let server = Server::bind(options)?;
        let all = Arc::clone(&seen);
        let knowledge = knowledge.clone();
        let factory = move |_peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
            let all = Arc::clone(&all);
            Ok(match which {
                Which::Null => Box::new(Null { own: 0, all }),
                Which::Whole => Box::new(Whole { analysis: Analysis::new(&knowledge), findings: 0, all }),
            })
        };
        let mut sender = Command::new(env::current_exe()?)
            .args(["sender", &socket.to_string_lossy(), trace, times, rate])
            .spawn()?;
        let begin = Instant::now();
        let before = cpu()?;
        let (done, ended) = tokio::sync::oneshot::channel();
        let waiting = thread::spawn(move || {
            let status = sender.wait();
            // Nobody waits only where the server is gone already.
            done.send(()).unwrap_or_default();
            status
        });
        let totals = server.run(factory, async { drop(ended.await) }).await?;
        let (cpu, wall) = (cpu()?.saturating_sub(before), begin.elapsed());
        let status = waiting.join().map_err(|_panic| "the sender cannot be waited for")??;
        if !status.success() || seen.load(Ordering::Relaxed) != totals.packets {
            return Err("the sender failed, or events were lost".into());
        }
        Ok((totals, cpu, wall))
    })
}

/// CPU time of this process.
fn cpu() -> nix::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds().saturating_add(usage.system_time().num_microseconds());
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
}

/// The other process: the trace is in memory before the first packet is sent.
fn send(socket: &Path, trace: &Path, times: u64, rate: u32) -> Result<(), Box<dyn Error>> {
    let mut trace = trace::open(&Source::from(trace))?;
    let mut packets = Vec::new();
    while let Some(packet) = trace.next_packet()? {
        packets.push(packet.to_vec());
    }
    let interval = Duration::from_secs(1).checked_div(rate);
    let mut due = Instant::now();
    for _ in 0..times {
        // A sandbox of its own: nothing happens twice in one.
        let player = Player::connect(socket)?;
        for packet in &packets {
            if let Some(interval) = interval {
                // Spinning keeps to the microsecond, as a busy sandbox would come, where sleeping would send bursts.
                while Instant::now() < due {
                    std::hint::spin_loop();
                }
                due = due.checked_add(interval).ok_or("time ran out")?;
            }
            player.send(packet)?;
        }
    }
    Ok(())
}
