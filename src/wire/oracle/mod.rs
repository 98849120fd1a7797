//! The decoder's oracle, for tests and fuzzing only: what prost makes of the same bytes.
//!
//! `wire::pb` holds prost's types of `proto/seccheck.proto`, `expect` the plain mapping from them to events, and
//! [`check`] asserts that both readers agree on whether a packet is good and on every field.

mod expect;
#[cfg(test)]
mod tests;

use super::{DecodeError, Message, MessageType, decode, pb};
use crate::event::Event;
use expect::Expect;

/// Asserts that the decoder and prost agree on a packet.
///
/// # Panics
///
/// They do not.
pub(crate) fn check(packet: &[u8]) {
    let decoded = decode(packet);
    let Some((message, payload)) = frame(packet) else {
        assert!(decoded.is_err_and(|error| error.is_frame()), "a broken frame was accepted");
        return;
    };
    macro_rules! compare {
        ($($number:literal => $message:ident,)*) => {
            match message.0 {
                $($number => compare::<pb::$message>(payload, &decoded),)*
                _ => assert!(
                    matches!(decoded, Ok(Message { event: None, .. })),
                    "message of unknown type {message}: {decoded:?}"
                ),
            }
        };
    }
    pb::messages!(compare);
}

/// The type and payload of a packet, by the header's definition and nothing of the decoder's.
fn frame(packet: &[u8]) -> Option<(MessageType, &[u8])> {
    let number = |at: usize| Some(u16::from_le_bytes([*packet.get(at)?, *packet.get(at.checked_add(1)?)?]));
    let begin = usize::from(number(0)?);
    let message = MessageType(number(2)?);
    packet.get(..8)?;
    let payload = packet.get(begin..)?;
    (begin >= 8 && packet.len() <= super::MAX_MESSAGE).then_some((message, payload))
}

#[expect(clippy::panic, reason = "this is an assertion")]
fn compare<M: Expect>(payload: &[u8], decoded: &Result<Message<'_>, DecodeError>) {
    match (M::decode(payload), decoded) {
        (Err(_), Err(error)) if !error.is_frame() => {}
        (Ok(message), Ok(Message { event: Some(event), .. })) => {
            let lists = message.lists();
            let expected = Event { context: message.context(), kind: message.kind(&lists) };
            assert!(*event == expected, "decoded:  {event:?}\nexpected: {expected:?}");
        }
        (theirs, ours) => panic!("prost: {theirs:?}\nours: {ours:?}"),
    }
}
