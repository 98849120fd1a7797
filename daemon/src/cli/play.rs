//! `sluicebox play`: a recorded trace into a listening consumer.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use sluicebox_daemon::play::{Player, Sent};
use sluicebox_daemon::trace::{self, Source};

use super::{Outcome, say};

/// Send a recorded trace to a listening consumer, as a sandbox would
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// The consumer's socket
    socket: PathBuf,
    /// A recorded trace, plain or zstd; `-` for standard input
    trace: PathBuf,
    /// How often; each time is a connection of its own
    #[arg(long, value_name = "N", default_value = "1")]
    times: NonZeroU32,
    /// Events a second; as fast as the consumer takes them if not given
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU64>,
}

/// Keeps to a rate by sleeping until the next packet is due, never by catching up in a burst of more than this.
const MAX_BEHIND: Duration = Duration::from_millis(10);

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let source = Source::from(typed.trace.as_path());
    if source == Source::Stdin && typed.times.get() > 1 {
        bail!("standard input can be played once only, save it to a file: --times {}", typed.times);
    }
    let begin = Instant::now();
    let mut sent = 0_u64;
    let mut too_large = 0_u64;
    for _ in 0..typed.times.get() {
        let mut trace = trace::open(&source)?;
        let player = Player::connect(&typed.socket)?;
        let mut pace = typed.rate.map(Pace::new);
        while let Some(packet) = trace.next_packet()? {
            if let Some(pace) = &mut pace {
                pace.wait();
            }
            match player.send(packet)? {
                Sent::Whole => sent = sent.saturating_add(1),
                Sent::TooLarge => too_large = too_large.saturating_add(1),
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    say(&format!("{source}: {sent} events sent in {seconds:.3} s"));
    if too_large > 0 {
        say(&format!(
            "{too_large} events exceed the socket's send buffer, raise net.core.wmem_max: {source}"
        ));
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Clean)
}

struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    fn new(rate: NonZeroU64) -> Pace {
        let interval = 1_000_000_000_u64.checked_div(rate.get()).unwrap_or_default();
        Pace { interval: Duration::from_nanos(interval), due: Instant::now() }
    }

    fn wait(&mut self) {
        let now = Instant::now();
        if let Some(early) = self.due.checked_duration_since(now) {
            thread::sleep(early);
        }
        let earliest = now.checked_sub(MAX_BEHIND).unwrap_or(now);
        self.due = self.due.max(earliest).checked_add(self.interval).unwrap_or(now);
    }
}
