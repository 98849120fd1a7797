//! The decoder against prost: every recorded event, random messages of every type, and damaged ones.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{check, compare, frame};
use crate::wire::{Header, MessageType, decode, schema, tracefile};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads the recorded traces")]
fn every_recorded_event_is_what_prost_says() {
    let mut traces = 0;
    for release in ["2022", "2024", "2026"] {
        for entry in std::fs::read_dir(format!("tests/corpus/{release}")).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".trace.zst") {
                continue;
            }
            let trace = zstd::decode_all(std::fs::read(&path).unwrap().as_slice()).unwrap();
            let mut reader = tracefile::Reader::new(trace.as_slice()).unwrap();
            while let Some(packet) = reader.next_packet().unwrap() {
                check(packet);
                let message = decode(packet).unwrap();
                assert!(message.event.is_some(), "{path:?}: a type that we do not know");
                assert_eq!(message.unknown_fields, 0, "{path:?}: a field that we do not know");
            }
            assert!(reader.packets() > 300, "{path:?} has events");
            traces += 1;
        }
    }
    assert!(traces >= 29, "the corpus is not whole");
}

/// A field of the schema: number, and what it holds.
#[derive(Clone, Debug)]
enum Holds {
    Integer,
    Bytes,
    Message(String),
}

type Fields = Vec<(u32, Holds)>;

/// The schema's messages by name, as protox reads them from the file.
static SCHEMA: LazyLock<BTreeMap<String, Fields>> = LazyLock::new(|| {
    /// `google/protobuf/descriptor.proto`, `FieldDescriptorProto.Type`
    const TYPE_MESSAGE: i32 = 11;
    const TYPE_BYTES: i32 = 12;
    let files = protox::compile(["seccheck.proto"], ["proto"]).unwrap();
    let messages = files.file[0].message_type.iter().map(|message| {
        let fields = message.field.iter().map(|field| {
            let holds = match field.r#type.unwrap() {
                TYPE_MESSAGE => Holds::Message(field.type_name().rsplit('.').next().unwrap().to_owned()),
                TYPE_BYTES => Holds::Bytes,
                _ => Holds::Integer,
            };
            (u32::try_from(field.number()).unwrap(), holds)
        });
        (message.name().to_owned(), fields.collect())
    });
    messages.collect()
});

/// Numbers from proptest, so that it can shrink what was built from them; zeros when they run out.
struct Dice<'a>(&'a [u64]);

impl Dice<'_> {
    fn next(&mut self) -> u64 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap().checked_rem(bound).unwrap()
    }

    /// An integer from where readers differ, or any.
    fn integer(&mut self) -> u64 {
        const EDGES: [u64; 10] = [
            0,
            1,
            127,
            128,
            u32::MAX as u64,
            u32::MAX as u64 + 1,
            i64::MAX as u64,
            (-100_i64).cast_unsigned(),
            u64::MAX,
            i64::MIN.cast_unsigned(),
        ];
        let at = self.below(16);
        EDGES.get(at).copied().unwrap_or_else(|| self.next())
    }
}

/// An integer, now and then padded.
fn put_integer(dice: &mut Dice<'_>, value: u64, out: &mut Vec<u8>) {
    prost::encoding::encode_varint(value, out);
    if dice.below(16) == 1 && value < 1 << 56 {
        *out.last_mut().unwrap() |= 0x80;
        out.push(0);
    }
}

fn put_bytes(dice: &mut Dice<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    put_integer(dice, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A field that nobody knows, of any wire type.
fn put_unknown(dice: &mut Dice<'_>, out: &mut Vec<u8>) {
    let number = 100 | (dice.below(16) as u64);
    let wire = dice.below(6);
    match wire {
        1 => {
            put_integer(dice, number << 3 | 1, out);
            out.extend([7; 8]);
        }
        2 => {
            put_integer(dice, number << 3 | 2, out);
            put_bytes(dice, b"unknown", out);
        }
        3 | 4 => {
            put_integer(dice, number << 3 | 3, out);
            for _ in 0..dice.below(3) {
                put_unknown(dice, out);
            }
            put_integer(dice, number << 3 | 4, out);
        }
        5 => {
            put_integer(dice, number << 3 | 5, out);
            out.extend([7; 4]);
        }
        _ => {
            put_integer(dice, number << 3, out);
            let value = dice.integer();
            put_integer(dice, value, out);
        }
    }
}

/// A message of that name: fields in any order, some missing, some several times, some unknown.
fn put_message(dice: &mut Dice<'_>, name: &str, out: &mut Vec<u8>) {
    let fields = &SCHEMA[name];
    for _ in 0..dice.below(12) {
        if dice.below(10) == 1 {
            put_unknown(dice, out);
            continue;
        }
        let (number, holds) = &fields[dice.below(fields.len())];
        let number = u64::from(*number);
        match holds {
            Holds::Integer => {
                put_integer(dice, number << 3, out);
                let value = dice.integer();
                put_integer(dice, value, out);
            }
            Holds::Bytes => {
                let bytes = dice.next().to_le_bytes();
                let len = dice.below(9);
                put_integer(dice, number << 3 | 2, out);
                put_bytes(dice, &bytes[..len], out);
            }
            Holds::Message(inner) => {
                let mut bytes = Vec::new();
                put_message(dice, inner, &mut bytes);
                put_integer(dice, number << 3 | 2, out);
                put_bytes(dice, &bytes, out);
            }
        }
    }
}

/// The prost message of each type, by name; that the names are right shows in that all packets below are good.
const NAMES: [&str; 38] = [
    "Start",
    "CloneInfo",
    "ExecveInfo",
    "ExitNotifyParentInfo",
    "TaskExit",
    "Syscall",
    "Open",
    "Close",
    "Read",
    "Connect",
    "Execve",
    "Socket",
    "Chdir",
    "Setid",
    "Setresid",
    "Prlimit",
    "Pipe",
    "Fcntl",
    "Dup",
    "Signalfd",
    "Chroot",
    "Eventfd",
    "Clone",
    "Bind",
    "Accept",
    "TimerfdCreate",
    "TimerfdSetTime",
    "TimerfdGetTime",
    "Fork",
    "InotifyInit",
    "InotifyAddWatch",
    "InotifyRmWatch",
    "SocketPair",
    "Write",
    "MmapInfo",
    "Mmap",
    "Listen",
    "Ptrace",
];

fn packet(number: u16, dice: &[u64]) -> Vec<u8> {
    let mut packet = Header::encode(MessageType(number), 0).to_vec();
    put_message(&mut Dice(dice), NAMES[usize::from(number).checked_sub(1).unwrap()], &mut packet);
    packet
}

/// Not too short: a message with many fields is where readers differ.
fn dice() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(any::<u64>(), 0..160)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_of_any_type_is_what_prost_says(number in 1_u16..=38, dice in dice()) {
        let packet = packet(number, &dice);
        check(&packet);
        prop_assert!(decode(&packet).is_ok(), "a well-formed message is accepted");
    }

    #[test]
    fn a_damaged_message_is_refused_or_read_by_both_alike(
        number in 1_u16..=38,
        dice in dice(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut packet = packet(number, &dice);
        for (at, byte) in damage {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        if !whole {
            packet.truncate(cut.index(packet.len()));
        }
        check(&packet);
    }

    #[test]
    fn any_bytes_are_refused_or_read_by_both_alike(number in 1_u16..=38, payload in any::<Vec<u8>>()) {
        check(&[&Header::encode(MessageType(number), 0), payload.as_slice()].concat());
    }
}

#[test]
fn groups_inside_messages_inside_messages_nest_as_deep_as_prost_lets_them() {
    let groups = |depth: usize| [b"\xa3\x06".repeat(depth), b"\xa4\x06".repeat(depth)].concat();
    // An exec's peer, its context, its credentials: from the inside out.
    let path = [7, 1, 21];
    for depth in 90..110 {
        for levels in 0..=path.len() {
            let mut payload = groups(depth);
            for number in path.iter().skip(path.len() - levels) {
                let mut outer = Vec::new();
                prost::encoding::encode_key(*number, prost::encoding::WireType::LengthDelimited, &mut outer);
                prost::encoding::encode_varint(payload.len() as u64, &mut outer);
                payload = [outer, payload].concat();
            }
            let packet = [&Header::encode(MessageType(3), 0), payload.as_slice()].concat();
            check(&packet);
            assert_eq!(decode(&packet).is_ok(), depth <= 100 - levels, "{depth} groups, {levels} messages");
        }
    }
}

#[test]
#[should_panic(expected = "decoded:")]
fn the_oracle_notices_a_wrong_field() {
    let packet = packet(7, &[]);
    let other = [&packet[..], b"\x32\x01x"].concat();
    let (_, payload) = frame(&packet).unwrap();
    compare::<crate::wire::pb::Open>(payload, &decode(&other));
}

#[test]
fn each_type_of_the_table_has_a_message_in_the_schema() {
    assert_eq!(NAMES.len(), schema::messages().len());
    assert!(NAMES.iter().all(|name| SCHEMA.contains_key(*name)));
}
