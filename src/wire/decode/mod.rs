//! A packet into an event.
//!
//! The families' tables map field numbers to the fields of `event`; `fields` knows how a field of each type is read;
//! this file maps message types to events. The numbers are those of `proto/seccheck.proto`.

mod fd;
mod fields;
mod file;
mod net;
mod process;

use super::error::{DecodeError, Fault};
use super::protobuf::Input;
use super::{Header, MessageType};
use crate::event::{Event, Kind};
use fields::Body;

/// One packet of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The frame.
    pub header: Header,
    /// What happened; nothing for a message type that we do not know, which is no error.
    pub event: Option<Event<'a>>,
    /// Fields that were skipped since we do not know them: a sign of a newer gVisor.
    pub unknown_fields: u32,
}

/// Reads one packet. Everything in the result borrows from it.
///
/// # Errors
///
/// The packet is no message of the stream: see [`DecodeError`], and [`DecodeError::is_frame`] for whether the stream
/// can go on behind it.
pub fn decode(packet: &[u8]) -> Result<Message<'_>, DecodeError> {
    let (header, begin) = Header::parse(packet)?;
    match event(header.message_type, Input::new(packet, begin)) {
        Ok((event, unknown_fields)) => Ok(Message { header, event, unknown_fields }),
        Err(fault) => Err(DecodeError::message(header.message_type, fault)),
    }
}

/// Maps message types to the kinds of events.
macro_rules! kinds {
    ($($number:literal => $kind:ident,)*) => {
        #[inline]
        fn event<'a>(message: MessageType, input: Input<'a>) -> Result<(Option<Event<'a>>, u32), Fault> {
            match message.0 {
                $($number => body(input, Kind::$kind),)*
                _ => Ok((None, 0)),
            }
        }
    };
}

kinds! {
    1 => ContainerStart,
    2 => SentryClone,
    3 => SentryExecve,
    4 => ExitNotifyParent,
    5 => TaskExit,
    6 => Raw,
    7 => Open,
    8 => Close,
    9 => Read,
    10 => Connect,
    11 => Execve,
    12 => Socket,
    13 => Chdir,
    14 => Setid,
    15 => Setresid,
    16 => Prlimit,
    17 => Pipe,
    18 => Fcntl,
    19 => Dup,
    20 => Signalfd,
    21 => Chroot,
    22 => Eventfd,
    23 => Clone,
    24 => Bind,
    25 => Accept,
    26 => TimerfdCreate,
    27 => TimerfdSettime,
    28 => TimerfdGettime,
    29 => Fork,
    30 => InotifyInit,
    31 => InotifyAddWatch,
    32 => InotifyRmWatch,
    33 => SocketPair,
    34 => Write,
    35 => SentryMmap,
    36 => Mmap,
    37 => Listen,
    38 => Ptrace,
}

/// Reads the body of one kind and its context.
#[inline]
fn body<'a, B: Body<'a>>(
    input: Input<'a>,
    kind: impl FnOnce(B) -> Kind<'a>,
) -> Result<(Option<Event<'a>>, u32), Fault> {
    let mut context = None;
    let mut body = B::default();
    let unknown = body.merge(&mut context, input)?;
    Ok((Some(Event { context, kind: kind(body) }), unknown))
}
