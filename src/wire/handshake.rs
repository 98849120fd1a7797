//! The handshake: the first packet each way, a bare protobuf message without a header.
//!
//! The client (the sentry) speaks first, `Handshake { version: 1 }`; the server answers with its own. Nothing else is
//! ever written to the client. Whoever fails here is not a sentry, or one that nobody should listen to: close.

use super::error::{DecodeErrorKind, Fault};
use super::protobuf::{Input, VARINT};

/// The version that we speak.
pub const VERSION: u32 = 1;

/// The longest handshake that is looked at, in bytes. One with a version alone has six at most; the rest is room for
/// fields to come, and the bound answers a client that sends a stream in place of a greeting.
pub const MAX_HANDSHAKE: usize = 4096;

/// What the peer said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The highest version that it speaks, never 0.
    pub version: u32,
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The packet is no handshake.
    #[error("handshake, byte {offset}: {}", kind.name())]
    Malformed {
        /// Where in the packet, in bytes.
        offset: u32,
        /// What was wrong.
        kind: DecodeErrorKind,
    },
    /// The packet is too long.
    #[error("handshake of {len} bytes, at most {MAX_HANDSHAKE} are read")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// The peer named no version.
    #[error("handshake without a version")]
    NoVersion,
}

impl From<Fault> for HandshakeError {
    fn from(fault: Fault) -> Self {
        HandshakeError::Malformed { offset: fault.offset, kind: fault.kind }
    }
}

/// Our side of the handshake.
#[must_use]
pub const fn encode() -> [u8; 2] {
    // Field 1, an integer; the version fits in one byte.
    [0x08, 1]
}

/// Reads the peer's side.
///
/// # Errors
///
/// The packet is no handshake, or names no version.
pub fn decode(packet: &[u8]) -> Result<Handshake, HandshakeError> {
    if packet.len() > MAX_HANDSHAKE {
        return Err(HandshakeError::TooLong { len: packet.len() });
    }
    let mut input = Input::new(packet, 0);
    let mut version = 0;
    while let Some(key) = input.key()? {
        if key.number == 1 {
            input.expect(key, VARINT)?;
            let [v0, v1, v2, v3, ..] = input.varint()?.to_le_bytes();
            version = u32::from_le_bytes([v0, v1, v2, v3]);
        } else {
            input.skip(key)?;
        }
    }
    if version == 0 { Err(HandshakeError::NoVersion) } else { Ok(Handshake { version }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_what_a_peer_reads() {
        assert_eq!(decode(&encode()), Ok(Handshake { version: VERSION }));
    }

    #[test]
    fn a_newer_peer_with_more_fields_is_understood() {
        assert_eq!(decode(b"\x08\x02\x12\x03new"), Ok(Handshake { version: 2 }));
    }

    #[test]
    fn no_version_and_garbage_are_refused() {
        assert_eq!(decode(b""), Err(HandshakeError::NoVersion));
        assert_eq!(decode(b"\x08\x00"), Err(HandshakeError::NoVersion));
        assert_eq!(
            decode(b"\x0a\x01x"),
            Err(HandshakeError::Malformed { offset: 1, kind: DecodeErrorKind::WrongType })
        );
        assert_eq!(
            decode(b"GET / HTTP/1.1").unwrap_err().to_string(),
            "handshake, byte 1: wire_type"
        );
        assert_eq!(decode(&[0; MAX_HANDSHAKE + 1]), Err(HandshakeError::TooLong { len: MAX_HANDSHAKE + 1 }));
    }
}
