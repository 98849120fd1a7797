//! Where findings go. Each sink has a thread and a bounded queue of its own.
//!
//! [`Sinks::publish`] never waits: it is called on worker threads, where every sandbox of the worker would wait with it.
//! A sink that is slow or dead lets its own queue fill, and what does not fit is lost *to that sink*, counted and said
//! once. Sinks on the network ([`remote`]) keep on disk what did not arrive. A new kind of sink is one more
//! implementation of [`Sink`].
//!
//! **Invariant**: no sink holds up a sandbox, another sink, or for longer than [`PATIENCE`] the end of the daemon.

mod encode;
mod file;
pub mod remote;
mod sample;
mod stdout;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sluicebox::finding::Finding;
use thiserror::Error;

use super::spool::SpoolError;
use crate::config;

pub use encode::Encoding;
#[cfg(test)]
pub(super) use encode::tests::finding as example;
pub use file::JsonLines;
pub use sample::sample;
pub use stdout::Printer;

use remote::{Remote, SendError, Stream, Syslog, Transport, Webhook};
use thread::Handle;

/// How long all sinks together may take at the end of the daemon for what waits in their queues.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Takes findings somewhere, one after the other, on a thread of its own: it may block, for a bounded time at best.
pub trait Sink: Send {
    /// Takes one finding. What is `Ok` has arrived; a repeat is harmless, since a finding's id is stable.
    ///
    /// # Errors
    /// If it did not arrive.
    fn deliver(&mut self, finding: &Finding) -> Result<(), SinkError>;

    /// Opens anew whatever is open: files may have been rotated.
    ///
    /// # Errors
    /// If that fails; what was open stays then.
    fn reopen(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// When [`Sink::wake`] wants to be called next, if no finding comes before: a sink that keeps what did not arrive
    /// tries again then.
    fn next_wake(&self) -> Option<Duration> {
        None
    }

    /// Time has passed.
    ///
    /// # Errors
    /// If what waits did not arrive.
    fn wake(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Bytes that wait on disk.
    fn backlog(&self) -> u64 {
        0
    }
}

/// Why a finding did not arrive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Whoever read there has gone and does not come back.
    #[error("nobody reads it any more")]
    Gone,
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] std::io::Error),
    /// The file could not be opened.
    #[error("{}: {source}", path.display())]
    Open {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The receiver does not want it.
    #[error("refused: {0}")]
    Refused(String),
    /// The receiver does not take anything. What it did not take waits.
    #[error("{0}")]
    Down(String),
    /// The disk does not take what waits.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The settings cannot be meant.
    #[error("{0}")]
    Setting(&'static str),
}

/// What became of the findings that a sink was to take. They only grow, but for `waiting`, `spooled` and `is_failing`.
#[derive(Debug, Default)]
pub struct State {
    /// Findings that arrived.
    pub delivered: AtomicU64,
    /// Findings that the sink could not take.
    pub failed: AtomicU64,
    /// Findings that did not fit into its queue.
    pub lost: AtomicU64,
    /// Findings that wait in its queue.
    pub waiting: AtomicU64,
    /// Bytes that wait for it on disk.
    pub spooled: AtomicU64,
    /// Whether the last one failed or was lost.
    pub is_failing: AtomicBool,
}

impl State {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// All sinks.
#[derive(Debug, Default)]
pub struct Sinks {
    handles: Vec<Handle>,
}

impl Sinks {
    /// No sink yet.
    #[must_use]
    pub fn new() -> Sinks {
        Sinks::default()
    }

    /// The sinks that the settings ask for.
    ///
    /// # Errors
    /// If one cannot be opened or has no thread.
    pub fn open(settings: &config::Sinks) -> Result<Sinks, SinkError> {
        let mut sinks = Sinks::new();
        if let Some(encoding) = settings.stdout {
            sinks.add("stdout", settings.queue, Printer::new(encoding))?;
        }
        for file in &settings.file {
            let sink = JsonLines::open(&file.path, file.format)?;
            sinks.add(&format!("file:{}", file.path.display()), settings.queue, sink)?;
        }
        for webhook in &settings.webhook {
            let sink = Remote::new(Webhook::new(webhook)?, settings.spool(&webhook.name)?);
            sinks.add(&format!("webhook:{}", webhook.name), settings.queue, sink)?;
        }
        for stream in &settings.stream {
            let sink = Remote::new(Stream::new(stream.endpoint()?), settings.spool(&stream.name)?);
            sinks.add(&format!("stream:{}", stream.name), settings.queue, sink)?;
        }
        for syslog in &settings.syslog {
            let sink = Remote::new(Syslog::new(syslog.receiver()), settings.spool(&syslog.name)?);
            sinks.add(&format!("syslog:{}", syslog.name), settings.queue, sink)?;
        }
        Ok(sinks)
    }

    /// Adds a sink with a queue of so many findings.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn add(&mut self, name: &str, queue: usize, sink: impl Sink + 'static) -> Result<(), SinkError> {
        self.handles.push(Handle::start(name, queue, Box::new(sink))?);
        Ok(())
    }

    /// Gives a finding to every sink, without waiting.
    pub fn publish(&self, finding: Finding) {
        let finding = Arc::new(finding);
        for handle in &self.handles {
            handle.offer(&finding);
        }
    }

    /// Asks every sink to open anew what is open.
    pub fn reopen(&self) {
        self.handles.iter().for_each(Handle::reopen);
    }

    /// Each sink's name and state.
    pub fn states(&self) -> impl Iterator<Item = (&str, &Arc<State>)> {
        self.handles.iter().map(|handle| (handle.name(), handle.state()))
    }

    /// Lets the sinks take what waits, for [`PATIENCE`] at most.
    pub fn close(self) {
        let deadline = std::time::Instant::now().checked_add(PATIENCE);
        // All of them are told first, so that they work side by side.
        let closing: Vec<_> = self.handles.into_iter().map(Handle::close).collect();
        for closed in closing {
            closed.wait(deadline);
        }
    }
}

/// Gives a finding to each sink of the settings but standard output, once, past spools and queues; each sink's name with
/// what came of it.
#[must_use]
pub fn try_each(settings: &config::Sinks, finding: &Finding) -> Vec<(String, Result<(), SinkError>)> {
    let mut results = Vec::new();
    for file in &settings.file {
        let result = JsonLines::open(&file.path, file.format).and_then(|mut sink| sink.deliver(finding));
        results.push((format!("file:{}", file.path.display()), result));
    }
    for webhook in &settings.webhook {
        let result = Webhook::new(webhook).and_then(|transport| try_once(transport, finding));
        results.push((format!("webhook:{}", webhook.name), result));
    }
    for stream in &settings.stream {
        let result = stream.endpoint().and_then(|endpoint| try_once(Stream::new(endpoint), finding));
        results.push((format!("stream:{}", stream.name), result));
    }
    for syslog in &settings.syslog {
        results.push((format!("syslog:{}", syslog.name), try_once(Syslog::new(syslog.receiver()), finding)));
    }
    results
}

fn try_once(mut transport: impl Transport, finding: &Finding) -> Result<(), SinkError> {
    let record = transport.encode(finding);
    transport.send(&record).map_err(|error| match error {
        SendError::Refused(why) => SinkError::Refused(why),
        SendError::Down(why) => SinkError::Down(why),
    })
}
