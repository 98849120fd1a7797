//! The header of a packet: `{u16 header_size, u16 message_type, u32 dropped_count}`, little endian.

use std::fmt;

use super::{DecodeError, DecodeErrorKind, MAX_MESSAGE, schema};

/// The number that says which message follows (`MESSAGE_*`); see [`schema`] for what they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u16);

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match schema::message(*self) {
            Some(message) => write!(f, "{} ({})", self.0, message.short_name()),
            None => self.0.fmt(f),
        }
    }
}

/// The header of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Its own size in bytes: 8 today, more once it grows. The message begins there.
    pub size: u16,
    /// Which message follows.
    pub message_type: MessageType,
    /// How many messages the sentry could not send on this connection so far. Cumulative, wraps.
    pub dropped: u32,
}

impl Header {
    /// The size of the header that we know, in bytes.
    pub const SIZE: u16 = 8;

    /// The header of a packet and where its message begins.
    pub(super) fn parse(packet: &[u8]) -> Result<(Header, usize), DecodeError> {
        if packet.len() > MAX_MESSAGE {
            return Err(DecodeError::frame(DecodeErrorKind::TooLarge));
        }
        let Some(&[s0, s1, t0, t1, d0, d1, d2, d3]) = packet.first_chunk() else {
            return Err(DecodeError::frame(DecodeErrorKind::ShortHeader));
        };
        let header = Header {
            size: u16::from_le_bytes([s0, s1]),
            message_type: MessageType(u16::from_le_bytes([t0, t1])),
            dropped: u32::from_le_bytes([d0, d1, d2, d3]),
        };
        let begin = usize::from(header.size);
        if header.size < Header::SIZE || begin > packet.len() {
            return Err(DecodeError::frame(DecodeErrorKind::HeaderSize));
        }
        Ok((header, begin))
    }

    /// The header's bytes, for whoever writes packets.
    #[must_use]
    pub fn encode(message_type: MessageType, dropped: u32) -> [u8; 8] {
        let [s0, s1] = Header::SIZE.to_le_bytes();
        let [t0, t1] = message_type.0.to_le_bytes();
        let [d0, d1, d2, d3] = dropped.to_le_bytes();
        [s0, s1, t0, t1, d0, d1, d2, d3]
    }
}
