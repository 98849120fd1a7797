//! The wire's edges, one packet each. That ordinary packets are read right is the oracle's business.

use super::{DecodeErrorKind, Header, MAX_MESSAGE, Message, MessageType, decode};
use crate::event::{Event, Fd, Kind, Open, SentryExecve, Text};

const OPEN: MessageType = MessageType(7);
const EXECVE: MessageType = MessageType(3);

fn packet(message: MessageType, payload: &[u8]) -> Vec<u8> {
    [&Header::encode(message, 0), payload].concat()
}

/// The open event with that payload.
fn open(payload: &[u8]) -> Open<'static> {
    match decode(packet(OPEN, payload).leak()).unwrap().event {
        Some(Event { kind: Kind::Open(open), .. }) => open,
        other => panic!("not an open: {other:?}"),
    }
}

fn refused(payload: &[u8]) -> DecodeErrorKind {
    let error = decode(&packet(OPEN, payload)).unwrap_err();
    assert!(!error.is_frame(), "the stream goes on behind a bad message");
    error.kind()
}

#[test]
fn the_header_gives_type_and_dropped_count() {
    let packet = Header::encode(MessageType(0x1234), 0x0102_0304);
    assert_eq!(packet, [8, 0, 0x34, 0x12, 4, 3, 2, 1]);
    let message = decode(&packet).unwrap();
    assert_eq!(message.header, Header { size: 8, message_type: MessageType(0x1234), dropped: 0x0102_0304 });
}

#[test]
fn a_header_that_grew_is_skipped_by_its_own_size() {
    let mut grown = packet(OPEN, b"newer\x32\x01x");
    grown[0] = 13;
    let message = decode(&grown).unwrap();
    assert_eq!(message.header.size, 13);
    assert!(matches!(message.event.unwrap().kind, Kind::Open(Open { pathname: Text(b"x"), .. })));
}

#[test]
fn an_empty_message_is_an_event_without_a_context() {
    let packet = packet(OPEN, b"");
    let Message { event: Some(event), unknown_fields: 0, .. } = decode(&packet).unwrap() else {
        panic!("an event");
    };
    assert_eq!(event, Event { context: None, kind: Kind::Open(Open::default()) });
}

#[test]
fn a_broken_frame_is_told_apart_from_a_bad_message() {
    let mut too_small = packet(OPEN, b"");
    too_small[0] = 7;
    let mut beyond = packet(OPEN, b"");
    beyond[0] = 9;
    for (packet, kind) in [
        (&b""[..], DecodeErrorKind::ShortHeader),
        (&[8, 0, 7, 0, 0, 0, 0], DecodeErrorKind::ShortHeader),
        (&too_small, DecodeErrorKind::HeaderSize),
        (&beyond, DecodeErrorKind::HeaderSize),
        (&vec![8; MAX_MESSAGE + 1], DecodeErrorKind::TooLarge),
    ] {
        let error = decode(packet).unwrap_err();
        assert_eq!((error.kind(), error.is_frame()), (kind, true));
    }
}

#[test]
fn an_unknown_type_is_no_error_whatever_its_payload() {
    for number in [0, 39, u16::MAX] {
        let packet = packet(MessageType(number), b"\xff\xff\xff");
        assert_eq!(decode(&packet).unwrap().event, None);
    }
}

#[test]
fn unknown_fields_are_skipped_and_counted() {
    let payload =
        b"\xa0\x06\x01\xa1\x06\0\0\0\0\0\0\0\0\xa2\x06\x02ab\xa3\x06\x08\x01\xa4\x06\xa5\x06\0\0\0\0\x32\x01x";
    let packet = packet(OPEN, payload);
    let message = decode(&packet).unwrap();
    assert_eq!(message.unknown_fields, 5, "an integer, 8 bytes, a string, a group, 4 bytes");
    assert!(matches!(message.event.unwrap().kind, Kind::Open(Open { pathname: Text(b"x"), .. })));
}

#[test]
fn unknown_fields_inside_the_context_are_counted_too() {
    let packet = packet(OPEN, b"\x0a\x03\xa0\x06\x01");
    assert_eq!(decode(&packet).unwrap().unknown_fields, 1);
}

#[test]
fn a_known_field_in_a_wrong_wire_type_is_refused() {
    assert_eq!(refused(b"\x22\x01x"), DecodeErrorKind::WrongType, "a string for the descriptor");
    assert_eq!(refused(b"\x30\x01"), DecodeErrorKind::WrongType, "an integer for the path");
    assert_eq!(refused(b"\x08\x01"), DecodeErrorKind::WrongType, "an integer for the context");
}

#[test]
fn what_no_protobuf_has_is_refused() {
    assert_eq!(refused(b"\x00\x01"), DecodeErrorKind::FieldNumber);
    assert_eq!(refused(b"\x80\x80\x80\x80\x10\x01"), DecodeErrorKind::FieldNumber);
    assert_eq!(refused(b"\xa6\x06"), DecodeErrorKind::WireType);
    assert_eq!(refused(b"\xa4\x06"), DecodeErrorKind::Group);
    assert_eq!(refused(b"\xa3\x06\xac\x06"), DecodeErrorKind::Group);
    assert_eq!(refused(b"\xa3\x06\x08\x01"), DecodeErrorKind::Truncated);
    assert_eq!(refused(b"\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), DecodeErrorKind::Varint);
}

#[test]
fn a_length_beyond_the_message_is_refused_before_it_is_used() {
    assert_eq!(refused(b"\x32\x05abc"), DecodeErrorKind::Truncated);
    assert_eq!(refused(b"\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc"), DecodeErrorKind::Truncated);
    // The context's last field ends beyond the context, though not beyond the packet.
    assert_eq!(refused(b"\x0a\x03\x42\x05a\x32\x04abcd"), DecodeErrorKind::Truncated);
}

#[test]
fn groups_nest_a_hundred_deep_and_no_deeper() {
    let nested = |depth: usize| [b"\xa3\x06".repeat(depth), b"\xa4\x06".repeat(depth)].concat();
    assert_eq!(open(&nested(100)), Open::default());
    assert_eq!(refused(&nested(101)), DecodeErrorKind::Depth);
    assert_eq!(refused(&b"\xa3\x06".repeat(100_000)), DecodeErrorKind::Depth);
}

#[test]
fn the_last_of_a_scalar_wins_and_parts_of_a_message_are_joined() {
    assert_eq!(open(b"\x32\x01a\x32\x01b").pathname, Text(b"b"));

    let packet = packet(OPEN, b"\x0a\x04\x10\x07\x20\x07\x32\x01x\x0a\x04\x20\x09\x4a\x00");
    let context = decode(&packet).unwrap().event.unwrap().context.unwrap();
    assert_eq!((context.tid.0, context.tgid.0), (7, 9));

    let exit = open(b"\x12\x02\x08\x03\x12\x02\x10\x02").call.exit.unwrap();
    assert_eq!((exit.result, exit.errno.0), (3, 2));
}

#[test]
fn the_working_directory_is_a_negative_number_of_ten_bytes() {
    assert_eq!(open(b"\x20\x9c\xff\xff\xff\xff\xff\xff\xff\xff\x01").dirfd, Fd::CWD);
}

#[test]
fn descriptor_0_is_not_sent_and_comes_out_as_0() {
    assert_eq!(open(b"").dirfd, Fd::STDIN);
}

#[test]
fn numbers_are_cut_to_their_fields_but_no_call_passes_for_another() {
    assert_eq!(open(b"\x38\xff\xff\xff\xff\xff\x01").flags.bits(), u32::MAX);
    let call = open(b"\x18\xbb\x80\x80\x80\x10").call;
    assert_eq!(call.sysno.0, u32::MAX, "2^32 + 59 is not execve");
}

#[test]
fn text_that_is_no_utf8_is_kept() {
    assert_eq!(open(b"\x32\x03\xff\x00\xfe").pathname, Text(b"\xff\x00\xfe"));
}

#[test]
fn arguments_and_environment_are_read_out_of_the_packet_in_their_order() {
    let packet = packet(EXECVE, b"\x1a\x02sh\x22\x03A=1\x12\x07/bin/sh\x1a\x00\x22\x03B=2\x1a\x02-c");
    let Some(Event { kind: Kind::SentryExecve(SentryExecve { argv, env, .. }), .. }) =
        decode(&packet).unwrap().event
    else {
        panic!("an exec");
    };
    assert!(argv.iter().eq([Text(b"sh"), Text(b""), Text(b"-c")]));
    assert!(env.iter().eq([Text(b"A=1"), Text(b"B=2")]));
}

#[test]
fn an_error_is_one_line_that_says_which_message_and_where() {
    let error = decode(&packet(OPEN, b"\x32\x05abc")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "message of type 7 (SYSCALL_OPEN), byte 10: field runs past the end of its message"
    );
    assert_eq!(error.kind().name(), "truncated");
    assert_eq!(error.message_type(), Some(OPEN));
    assert_eq!(decode(b"").unwrap_err().to_string(), "packet is shorter than its header");
}
