//! Why a packet was refused: small, `Copy`, free of input, so that it can be counted at any rate.

use std::fmt;

use super::MessageType;

/// Why a packet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    message: Option<MessageType>,
    offset: u32,
    kind: DecodeErrorKind,
}

/// What was wrong with a packet; [`DecodeErrorKind::name`] is fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The packet is shorter than a header.
    ShortHeader,
    /// The header's own size is smaller than a header or larger than the packet.
    HeaderSize,
    /// The packet is larger than [`super::MAX_MESSAGE`].
    TooLarge,
    /// A field runs past the end of its message.
    Truncated,
    /// A variable-length integer of more than 64 bits.
    Varint,
    /// A field number that is 0 or too large.
    FieldNumber,
    /// A wire type that protobuf does not have.
    WireType,
    /// A known field in a wire type that is not its own.
    WrongType,
    /// A group that ends without a beginning, or under another number.
    Group,
    /// Groups in groups beyond any use.
    Depth,
}

impl DecodeErrorKind {
    /// A short stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DecodeErrorKind::ShortHeader => "short_header",
            DecodeErrorKind::HeaderSize => "header_size",
            DecodeErrorKind::TooLarge => "too_large",
            DecodeErrorKind::Truncated => "truncated",
            DecodeErrorKind::Varint => "varint",
            DecodeErrorKind::FieldNumber => "field_number",
            DecodeErrorKind::WireType => "wire_type",
            DecodeErrorKind::WrongType => "wrong_type",
            DecodeErrorKind::Group => "group",
            DecodeErrorKind::Depth => "depth",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            DecodeErrorKind::ShortHeader => "packet is shorter than its header",
            DecodeErrorKind::HeaderSize => "header claims an impossible size",
            DecodeErrorKind::TooLarge => "packet is larger than 256 KiB",
            DecodeErrorKind::Truncated => "field runs past the end of its message",
            DecodeErrorKind::Varint => "integer has more than 64 bits",
            DecodeErrorKind::FieldNumber => "impossible field number",
            DecodeErrorKind::WireType => "unknown wire type",
            DecodeErrorKind::WrongType => "known field has the wrong wire type",
            DecodeErrorKind::Group => "group ends without a beginning",
            DecodeErrorKind::Depth => "groups are nested too deep",
        }
    }
}

impl DecodeError {
    /// An error of the frame, before the message's type is known.
    pub(super) fn frame(kind: DecodeErrorKind) -> Self {
        DecodeError { message: None, offset: 0, kind }
    }

    /// An error inside a message.
    pub(super) fn message(message: MessageType, fault: Fault) -> Self {
        DecodeError { message: Some(message), offset: fault.offset, kind: fault.kind }
    }

    /// The message's type; nothing where the frame itself was broken.
    #[must_use]
    pub fn message_type(&self) -> Option<MessageType> {
        self.message
    }

    /// Where in the packet, in bytes.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// What was wrong.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// Whether the frame was broken, so that the stream cannot be trusted any more. A bad message inside a good frame
    /// is counted, and the stream goes on.
    #[must_use]
    pub fn is_frame(&self) -> bool {
        self.message.is_none()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message {
            Some(message) => {
                write!(f, "message of type {message}, byte {}: {}", self.offset, self.kind.describe())
            }
            None => f.write_str(self.kind.describe()),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What went wrong inside a message, and where in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: u32,
    pub(super) kind: DecodeErrorKind,
}

impl Fault {
    #[cold]
    pub(super) fn new(offset: usize, kind: DecodeErrorKind) -> Self {
        // Packets are far smaller than 4 GiB, so the fallback is never seen.
        Fault { offset: u32::try_from(offset).unwrap_or(u32::MAX), kind }
    }
}
