//! Sinks that somebody else must answer: what they were not known to take waits on disk and is sent again.
//!
//! A finding goes into the spool first and from there to the transport, so that neither the death of the receiver nor
//! that of the daemon loses it. A receiver can get one twice: its id tells.

mod http;
mod stream;
mod syslog;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sluicebox::finding::Finding;
use thiserror::Error;

use super::{Sink, SinkError};
use crate::respond::spool::{Place, Spool, SpoolError};

pub use http::Webhook;
pub use stream::{Endpoint, Stream};
pub use syslog::{LOCAL, Receiver, Syslog};

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause: so long a receiver may be back before it is tried.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a record did not arrive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// It will not arrive however often it is sent: the receiver looked at it and refused it.
    #[error("refused: {0}")]
    Refused(String),
    /// Nobody took it. It is sent again.
    #[error("{0}")]
    Down(String),
}

/// Takes records to somebody else.
pub trait Transport: Send {
    /// The record of a finding: what is sent, whole.
    fn encode(&self, finding: &Finding) -> Vec<u8>;

    /// Sends a record. Blocks for a bounded time.
    ///
    /// # Errors
    /// If it did not arrive.
    fn send(&mut self, record: &[u8]) -> Result<(), SendError>;

    /// How long after a record was sent it is certain that it arrived, if nothing failed meanwhile. Zero where the
    /// receiver answers.
    fn settles(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether what was sent is still on its way to a receiver that is there.
    ///
    /// # Errors
    /// If the receiver has gone: what did not settle is sent again.
    fn check(&mut self) -> Result<(), SendError> {
        Ok(())
    }

    /// Begins anew: addresses and keys may have changed.
    fn reset(&mut self) {}
}

/// A sink that spools.
#[derive(Debug)]
pub struct Remote<T> {
    transport: T,
    spool: Spool,
    /// Sent, and not yet certain to have arrived.
    sent: VecDeque<(Place, Instant)>,
    failures: u32,
    /// Nothing is tried before.
    not_before: Option<Instant>,
}

impl<T: Transport> Remote<T> {
    /// Sends by the transport what is in the spool, and what comes.
    pub fn new(transport: T, spool: Spool) -> Remote<T> {
        Remote { transport, spool, sent: VecDeque::new(), failures: 0, not_before: None }
    }

    /// Sends all that waits, up to the first failure.
    fn flush(&mut self, now: Instant) -> Result<(), SinkError> {
        let result = self.try_flush(now);
        if matches!(result, Err(SinkError::Spool(_))) {
            // A disk that fails is not asked without pause either.
            self.pause(now);
        }
        result
    }

    fn try_flush(&mut self, now: Instant) -> Result<(), SinkError> {
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return Ok(());
        }
        if !self.sent.is_empty()
            && let Err(error) = self.transport.check()
        {
            return Err(self.failed(now, error));
        }
        self.settle(now)?;
        while let Some((record, place)) = self.spool.read()? {
            match self.transport.send(&record) {
                Ok(()) => self.sent.push_back((place, now)),
                Err(SendError::Refused(why)) => {
                    // It counts as arrived: nothing else can become of it.
                    self.sent.push_back((place, now));
                    self.settle(now)?;
                    return Err(SinkError::Refused(why));
                }
                Err(error) => return Err(self.failed(now, error)),
            }
            self.failures = 0;
            self.not_before = None;
            self.settle(now)?;
        }
        Ok(())
    }

    /// Acknowledges what has arrived for certain.
    fn settle(&mut self, now: Instant) -> Result<(), SpoolError> {
        let settles = self.transport.settles();
        while let Some((place, at)) = self.sent.front() {
            if now.saturating_duration_since(*at) < settles {
                break;
            }
            self.spool.acknowledge(*place)?;
            self.sent.pop_front();
        }
        Ok(())
    }

    /// What did not settle is sent again, later.
    fn failed(&mut self, now: Instant, error: SendError) -> SinkError {
        self.sent.clear();
        self.spool.rewind();
        self.pause(now);
        SinkError::Down(error.to_string())
    }

    fn pause(&mut self, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1).min(16);
        self.not_before = now.checked_add(pause.min(LONGEST_PAUSE));
    }
}

impl<T: Transport> Sink for Remote<T> {
    fn deliver(&mut self, finding: &Finding) -> Result<(), SinkError> {
        self.spool.append(&self.transport.encode(finding))?;
        // It is safe now. What fails from here on is for `wake` to try again and to tell.
        let result = self.flush(Instant::now());
        if matches!(result, Err(SinkError::Down(_))) { Ok(()) } else { result }
    }

    fn wake(&mut self) -> Result<(), SinkError> {
        self.flush(Instant::now())
    }

    fn next_wake(&self) -> Option<Duration> {
        if self.spool.is_empty() {
            return None;
        }
        let now = Instant::now();
        let due = match (self.not_before, self.sent.front()) {
            (Some(not_before), _) => Some(not_before),
            (None, Some((_, at))) => at.checked_add(self.transport.settles()),
            (None, None) => None,
        };
        Some(due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now)))
    }

    fn backlog(&self) -> u64 {
        self.spool.bytes()
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        self.transport.reset();
        self.not_before = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
