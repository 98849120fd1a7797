//! What the receive loop feeds: one consumer per connection, made by the owner of the loop.

use std::error::Error;
use std::fmt;

use sluicebox::event::Time;

use super::Peer;

/// Receives everything of one connection, in its order, always on the same worker thread.
///
/// Calls come as: any number of `packet` and `truncated`, then one `batch_end`, again and again; `tick` in between at
/// the server's interval; at last `closed`, after which nothing comes. A consumer that panics loses its connection
/// and nothing else: its [`last_words`](Consumer::last_words) are called, it is dropped, `closed` is not called.
///
/// Every sandbox of a worker waits while one of its consumers works, so a consumer must never block.
pub trait Consumer: Send {
    /// One whole packet: header and payload as the client sent them.
    fn packet(&mut self, packet: &[u8]);

    /// A packet larger than [`MAX_PACKET`](super::MAX_PACKET): only its beginning was received, the rest is gone.
    fn truncated(&mut self, beginning: &[u8]);

    /// The packets that were at hand are done: the moment to write out what they caused.
    fn batch_end(&mut self) -> Flow {
        Flow::Continue
    }

    /// Time passes also for a connection that says nothing.
    fn tick(&mut self, now: Time) -> Flow {
        let _ = now;
        Flow::Continue
    }

    /// The connection is over.
    fn closed(&mut self, end: End);

    /// What is to be done if the consumer panics, which cannot be asked for anything then: asked for once, before the first
    /// packet.
    fn last_words(&self) -> Option<LastWords> {
        None
    }
}

/// Called with what the panic said, on the worker's thread.
pub type LastWords = Box<dyn FnOnce(&str) + Send>;

/// Whether a consumer wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More, please.
    Continue,
    /// Close the connection.
    Close,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The client closed it (or sent an empty packet, which SOCK_SEQPACKET cannot tell from that).
    Peer,
    /// The server was told to stop; what the client had sent by then was consumed.
    Stopped,
    /// The consumer asked for it.
    Consumer,
    /// Receiving failed.
    Failed(nix::errno::Errno),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Peer => f.write_str("closed by the client"),
            End::Stopped => f.write_str("the server stopped"),
            End::Consumer => f.write_str("closed by the consumer"),
            End::Failed(errno) => write!(f, "receiving failed: {}", errno.desc()),
        }
    }
}

/// Why no consumer could be made for a client, which is then refused before its handshake is answered.
pub type Refusal = Box<dyn Error + Send + Sync>;

/// Makes the consumer of a connection whose client has introduced itself.
///
/// A refused client never gets its answer, so that a runtime that insists on being watched does not start.
pub trait Factory: Send + Sync + 'static {
    /// The consumer for what `peer` is going to send.
    ///
    /// # Errors
    /// Whatever keeps the owner from watching this client; it is logged.
    fn consumer(&self, peer: Peer) -> Result<Box<dyn Consumer>, Refusal>;
}

impl<F> Factory for F
where
    F: Fn(Peer) -> Result<Box<dyn Consumer>, Refusal> + Send + Sync + 'static,
{
    fn consumer(&self, peer: Peer) -> Result<Box<dyn Consumer>, Refusal> {
        self(peer)
    }
}
