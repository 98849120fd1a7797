//! What it costs to take events out of the socket, with a consumer that does nothing and with the whole analysis.
//!
//! A child process sends a recorded trace through a real socket into the receive loop with one worker; the figure is
//! the CPU time, user and system, of this process per event. The null consumer is the floor for every consumer; the
//! analysis is what `sluicebox run` does, findings as JSON lines included, but for writing them anywhere. The two take
//! turns, so that a busy machine spoils both alike, and their ratio less than either. Not in it: the sender's time.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sluicebox::finding::json;
use thiserror::Error;

use crate::analyze::{Analysis, Knowledge};
use crate::serve::{Consumer, End, Factory, Flow, Options, Peer, Refusal, ServeError, Server, Totals};

/// Why nothing could be measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The receive loop did not start, or did not last.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The sending process could not be run.
    #[error("the sender cannot be run: {0}")]
    Sender(#[source] io::Error),
    /// The sending process failed; it said why itself.
    #[error("the sender failed")]
    SenderFailed,
    /// This process's CPU time is not known.
    #[error("the kernel does not say how much CPU time was used: {0}")]
    Usage(#[source] nix::Error),
    /// Events were lost on the way: the figures would say nothing.
    #[error("events were lost: {sent} came, {seen} were seen")]
    Lost {
        /// Packets that the receive loop took.
        sent: u64,
        /// Packets that the consumer was given.
        seen: u64,
    },
}

/// Which consumer is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// It counts, and does nothing else.
    Null,
    /// The whole analysis.
    Whole,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// What the receive loop counted.
    pub totals: Totals,
    /// User and system time of this process.
    pub cpu: Duration,
    /// How long it took.
    pub wall: Duration,
}

impl Measured {
    /// Nanoseconds of CPU time for each event.
    #[must_use]
    pub fn nanos_per_event(&self) -> f64 {
        per(self.cpu.as_secs_f64() * 1e9, self.totals.packets)
    }

    /// Packets that one system call took, in the middle.
    #[must_use]
    pub fn events_per_batch(&self) -> f64 {
        per(count(self.totals.packets), self.totals.batches)
    }

    /// Events a second.
    #[must_use]
    pub fn events_per_second(&self) -> f64 {
        count(self.totals.packets) / self.wall.as_secs_f64().max(1e-9)
    }
}

fn per(amount: f64, number: u64) -> f64 {
    if number == 0 { 0.0 } else { amount / count(number) }
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at; 2^53 events do not happen")]
fn count(number: u64) -> f64 {
    number as f64
}

/// Serves one sender at `socket` until it is done. `sender` is a command that sends what is to be measured there.
///
/// # Errors
/// If the receive loop or the sender fails, or an event was lost.
pub fn drain(
    socket: &Path,
    sender: &mut Command,
    knowledge: &Knowledge,
    which: Which,
) -> Result<Measured, BenchError> {
    let mut options = Options::at(socket);
    options.workers = NonZeroUsize::MIN;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| BenchError::Serve(ServeError::Start(error)))?;
    let seen = Arc::new(AtomicU64::new(0));
    let factory = factory(knowledge.clone(), which, Arc::clone(&seen));
    runtime.block_on(async {
        let server = Server::bind(options)?;
        let mut sender = sender.spawn().map_err(BenchError::Sender)?;
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
        let measured = Measured { totals, cpu: cpu()?.saturating_sub(before), wall: begin.elapsed() };
        let status = waiting.join().map_err(|_panic| BenchError::SenderFailed)?;
        if !status.map_err(BenchError::Sender)?.success() {
            return Err(BenchError::SenderFailed);
        }
        let seen = seen.load(Ordering::Relaxed);
        if seen != totals.packets {
            return Err(BenchError::Lost { sent: totals.packets, seen });
        }
        Ok(measured)
    })
}

fn factory(knowledge: Knowledge, which: Which, seen: Arc<AtomicU64>) -> impl Factory {
    move |_peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        let seen = Arc::clone(&seen);
        Ok(match which {
            Which::Null => Box::new(Null { own: 0, seen }),
            Which::Whole => Box::new(Whole { analysis: Analysis::new(&knowledge), written: 0, own: 0, seen }),
        })
    }
}

struct Null {
    own: u64,
    seen: Arc<AtomicU64>,
}

impl Consumer for Null {
    fn packet(&mut self, _packet: &[u8]) {
        self.own = self.own.saturating_add(1);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.own = self.own.saturating_add(1);
    }

    fn closed(&mut self, _end: End) {
        self.seen.fetch_add(self.own, Ordering::Relaxed);
    }
}

struct Whole {
    analysis: Analysis,
    /// Bytes of findings: that somebody wants them keeps the compiler from leaving them out.
    written: usize,
    own: u64,
    seen: Arc<AtomicU64>,
}

impl Consumer for Whole {
    fn packet(&mut self, packet: &[u8]) {
        self.own = self.own.saturating_add(1);
        let _counted = self.analysis.packet(packet);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.own = self.own.saturating_add(1);
        self.analysis.truncated();
    }

    fn batch_end(&mut self) -> Flow {
        for finding in self.analysis.findings() {
            self.written = self.written.saturating_add(json::line(&finding).len());
        }
        Flow::Continue
    }

    fn closed(&mut self, _end: End) {
        std::hint::black_box(self.written);
        self.seen.fetch_add(self.own, Ordering::Relaxed);
    }
}

/// CPU time of this process.
fn cpu() -> Result<Duration, BenchError> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(BenchError::Usage)?;
    let micros = usage.user_time().num_microseconds().saturating_add(usage.system_time().num_microseconds());
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
}
