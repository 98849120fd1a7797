//! What it costs to take events out of the socket and do nothing with them: the floor for every consumer.
//!
//! A child process sends a recorded trace through a real socket into the receive loop with one worker; the figure is
//! the CPU time, user and system, of this process per event. Not in it: the sender's time, decoding, analysing.
//!
//!     cargo bench -p sluicebox-daemon --bench drain -- TRACE [TIMES] [EVENTS_PER_SECOND]
//!
//! Seen with a trace of a busy build on a virtual machine of two busy cores, in ns per event:
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
use sluicebox_daemon::play::Player;
use sluicebox_daemon::serve::{Consumer, End, Options, Peer, Refusal, Server, Totals};
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

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds flags of its own, such as `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.as_slice() {
        [role, socket, trace, times, rate] if role == "sender" => {
            send(Path::new(socket), Path::new(trace), times.parse()?, rate.parse()?)
        }
        [trace, rest @ ..] => {
            let times = rest.first().map_or("10", String::as_str);
            let rate = rest.get(1).map_or("0", String::as_str);
            measure(trace, times, rate)
        }
        [] => {
            println!("skipped: name a recorded trace after `--`");
            Ok(())
        }
    }
}

fn measure(trace: &str, times: &str, rate: &str) -> Result<(), Box<dyn Error>> {
    for linger in [Duration::from_micros(500), Duration::ZERO] {
        let (totals, cpu, wall) = drain(trace, times, rate, linger)?;
        let per = |amount: u128, count: u64| amount.checked_div(u128::from(count)).unwrap_or_default();
        println!(
            "waiting {linger:?} after a wake-up: {} ns CPU per event, {} events in {} batches ({} each), {} events/s",
            per(cpu.as_nanos(), totals.packets),
            totals.packets,
            totals.batches,
            per(u128::from(totals.packets), totals.batches),
            per(u128::from(totals.packets).saturating_mul(1_000_000), u64::try_from(wall.as_micros())?),
        );
    }
    Ok(())
}

fn drain(
    trace: &str,
    times: &str,
    rate: &str,
    linger: Duration,
) -> Result<(Totals, Duration, Duration), Box<dyn Error>> {
    let socket = PathBuf::from(format!("/tmp/sluicebox-drain-{}.sock", std::process::id()));
    let mut options = Options::at(&socket);
    options.workers = NonZeroUsize::MIN;
    options.linger = linger;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let server = Server::bind(options)?;
        let all = Arc::clone(&seen);
        let factory = move |_peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
            Ok(Box::new(Null { own: 0, all: Arc::clone(&all) }))
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
    let player = Player::connect(socket)?;
    let mut due = Instant::now();
    for _ in 0..times {
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
