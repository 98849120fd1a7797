//! What the server counts: relaxed atomics, added to once per batch or per connection, never per packet.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counters of a running server. They only ever grow, but for [`Counters::live`].
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that were accepted.
    pub accepted: AtomicU64,
    /// Connections that shook hands and were handed to a worker.
    pub served: AtomicU64,
    /// Connections closed at once because too many were open.
    pub refused_full: AtomicU64,
    /// Connections closed at once because their process or user had too many.
    pub refused_share: AtomicU64,
    /// Connections that could not be accepted, for want of descriptors.
    pub accept_failed: AtomicU64,
    /// Clients that came through a socket of another sandbox than the one that they make.
    pub refused_identity: AtomicU64,
    /// Clients that sent something else than a handshake, or none in time, or went away.
    pub refused_handshake: AtomicU64,
    /// Clients for whom no consumer could be made.
    pub refused_consumer: AtomicU64,
    /// Connections whose consumer panicked.
    pub panicked: AtomicU64,
    /// Packets received.
    pub packets: AtomicU64,
    /// Packets among them that were longer than the receive buffer.
    pub truncated: AtomicU64,
    /// System calls that received them.
    pub batches: AtomicU64,
    /// Connections that are open now, those that still shake hands included.
    pub live: AtomicUsize,
}

/// The values of [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// See [`Counters::accepted`].
    pub accepted: u64,
    /// See [`Counters::served`].
    pub served: u64,
    /// All clients that were turned away, for whatever reason.
    pub refused: u64,
    /// See [`Counters::packets`].
    pub packets: u64,
    /// See [`Counters::truncated`].
    pub truncated: u64,
    /// See [`Counters::batches`].
    pub batches: u64,
}

impl Counters {
    /// The values now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let refused = [
            &self.refused_full,
            &self.refused_share,
            &self.refused_identity,
            &self.refused_handshake,
            &self.refused_consumer,
        ];
        Totals {
            accepted: self.accepted.load(Ordering::Relaxed),
            served: self.served.load(Ordering::Relaxed),
            refused: refused.iter().fold(0, |sum, count| sum.saturating_add(count.load(Ordering::Relaxed))),
            packets: self.packets.load(Ordering::Relaxed),
            truncated: self.truncated.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
        }
    }
}
