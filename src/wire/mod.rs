//! Bytes of the trace stream into events, and nothing else.
//!
//! Owns the packet's header, the handshake, the protobuf of every message, the raw socket addresses inside, the trace
//! file format, the table of what gVisor can send ([`schema`]), and the import of `strace` logs ([`strace`]). Knows no container and keeps nothing from one
//! packet to the next.
//!
//! Every byte may come from a sentry that its workload took over. So: a packet has at most [`MAX_MESSAGE`] bytes,
//! decoding borrows and never allocates, no length is believed before the bytes are there, nothing recurses over the
//! input, no input panics. What is accepted and what comes out is exactly what prost makes of
//! `proto/seccheck.proto`; tests and fuzzing hold the two together.
//!
//! Cost: one pass over the packet, some tens of nanoseconds; lists of texts are checked in that pass and walked again
//! only when somebody reads them.

mod decode;
mod error;
pub mod handshake;
mod header;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod oracle;
pub(crate) mod pb;
mod protobuf;
pub mod schema;
pub mod sockaddr;
pub mod strace;
pub mod tracefile;

#[cfg(test)]
mod tests;

pub use decode::{Message, decode};
pub use error::{DecodeError, DecodeErrorKind};
pub use header::{Header, MessageType};

/// The largest packet that is looked at, in bytes.
///
/// A sentry's socket takes messages up to its send buffer, 212,992 bytes by default (`net.core.wmem_default`), and
/// drops larger ones itself. The bound above that answers a sentry that claims or sends anything larger.
pub const MAX_MESSAGE: usize = 256 * 1024;
