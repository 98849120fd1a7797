//! Bodies of the fuzz targets: what must hold for any bytes whatsoever.
//!
//! The targets in `fuzz/` are one line each; a test below runs the same bodies over the committed seeds.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use crate::engine::Sandbox;
use crate::event::{Record, Time, Value, Visitor};
use crate::finding::{json, text};
use crate::intel::Intel;
use crate::intel::feed::vet::{Lists, Policy};
use crate::intel::feed::{
    FileHash, Format, Indicator, Limits, Options, WarningList, indicator, manifest, parse, vet,
};
pub use crate::rules::fuzz::{condition, rule_file};
use crate::rules::{RuleSet, Thresholds, builtin};
use crate::state::model;
use crate::wire::{
    Header, MAX_MESSAGE, MessageType, decode, handshake, oracle, pb, sockaddr, strace, tracefile,
};

/// A packet as it comes from the socket: read as prost reads it, and whatever was read can be shown.
pub fn frame(data: &[u8]) {
    oracle::check(data);
    if let Some(event) = decode(data).ok().and_then(|message| message.event) {
        let mut shown = Shown(0);
        event.context.iter().for_each(|context| context.visit(&mut shown));
        event.kind.record().visit(&mut shown);
    }
}

/// The body of a message: the first byte chooses one of all types and one that nobody knows.
pub fn message(data: &[u8]) {
    let Some((number, payload)) = data.split_first() else {
        return;
    };
    let mut packet = Header::encode(MessageType(u16::from(number % 40)), 0).to_vec();
    packet.extend_from_slice(payload);
    frame(&packet);
}

/// The peer's side of the handshake, against prost.
pub fn handshake(data: &[u8]) {
    let theirs = <pb::Handshake as prost::Message>::decode(data).ok();
    let ours = handshake::decode(data).ok();
    if data.len() <= handshake::MAX_HANDSHAKE {
        let theirs = theirs.map(|handshake| handshake.version).filter(|version| *version != 0);
        assert_eq!(ours.map(|handshake| handshake.version), theirs);
    } else {
        assert_eq!(ours, None);
    }
}

/// A trace file: what was read can be written and is read the same again.
pub fn tracefile(data: &[u8]) {
    let Ok(mut reader) = tracefile::Reader::new(data) else {
        return;
    };
    let Ok(mut writer) = tracefile::Writer::new(Vec::new()) else {
        return;
    };
    let mut packets = Vec::new();
    while let Ok(Some(packet)) = reader.next_packet() {
        assert!(packet.len() <= MAX_MESSAGE);
        assert!(writer.write_packet(packet).is_ok(), "what was read can be written");
        packets.push(packet.to_vec());
    }
    let Ok(written) = writer.finish() else {
        return;
    };
    let mut again = tracefile::Reader::new(written.as_slice()).ok();
    for packet in packets {
        let read = again.as_mut().and_then(|reader| reader.next_packet().ok().flatten());
        assert_eq!(read, Some(packet.as_slice()));
    }
}

/// A log of strace: what is made of it are packets as a sentry sends them, and their times never go back.
pub fn strace_log(data: &[u8]) {
    let log = strace::Log { tid: None, text: data };
    let imported = strace::import(&[log], b"lab", |packet| {
        if packet.len() <= MAX_MESSAGE {
            oracle::check(packet);
            assert!(decode(packet).is_ok(), "what was made can be read");
        }
    });
    if let Ok(summary) = imported {
        assert!(summary.packets >= summary.calls, "every call is an event");
    }
}

/// A raw socket address.
pub fn sockaddr(data: &[u8]) {
    let addr = sockaddr::parse(data);
    assert_eq!(data.is_empty(), addr == crate::event::SockAddr::Absent);
    assert!(!addr.to_string().contains(char::is_control), "shown on one line");
}

/// Formats every field, as a printer would, and keeps only the length.
struct Shown(usize);

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.wrapping_add(text.len());
        Ok(())
    }
}

impl Visitor for Shown {
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        assert!(write!(self, "{name}={value:?}").is_ok());
    }

    fn record(&mut self, _name: &'static str, record: &dyn Record) {
        record.visit(self);
    }
}

/// A stream of packets, each behind its length in two bytes, through the whole engine: nothing panics, what is found is
/// JSON on one line, and the same packets give the same findings twice.
pub fn stream(data: &[u8]) {
    static KNOWLEDGE: OnceLock<Option<(Arc<RuleSet>, Intel)>> = OnceLock::new();
    let knowledge = KNOWLEDGE.get_or_init(|| {
        let rules = builtin::compiled(Thresholds::default()).rules?;
        Some((Arc::new(rules), Intel::seed()))
    });
    let Some((rules, intel)) = knowledge else { return };
    let run = || {
        let mut sandbox = Sandbox::new(Arc::clone(rules));
        let mut found = Vec::new();
        let mut rest = data;
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (packet, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
            // What cannot be decoded is counted, and the stream goes on.
            let _counted = sandbox.packet(packet, intel, &mut found);
            rest = after;
        }
        found.iter().map(|finding| (text::story(finding), json::line(finding))).collect::<Vec<_>>()
    };
    let found = run();
    for (_, line) in &found {
        assert!(!line.contains('\n'), "one line");
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "JSON");
    }
    assert_eq!(found, run());
}

/// Operations of eight bytes each: the state shows what its naive model knows, and one with next to no room keeps its
/// invariants.
pub fn state(data: &[u8]) {
    model::run(data);
    model::run_confined(data);
}

/// A feed's file, its form told from the bytes or named by a first byte that begins no text: what was read can be
/// written and is read the same again, and nobody's addresses are believed. The same bytes as a warninglist.
pub fn feed(data: &[u8]) {
    let (format, bytes) = match data.split_first() {
        // A number beyond the last form tells it from the bytes again.
        Some((number, rest)) if *number >= 0x80 && *number != 0xef => {
            (Format::ALL.get(usize::from(number & 0x3f)).copied(), rest)
        }
        _ => (None, data),
    };
    let list = WarningList::parse("list", bytes, None).ok();
    if let Ok(events) = manifest(bytes) {
        assert!(events.iter().all(|event| !event.uuid.contains(['/', '.'])), "safe as a file's name");
    }
    let limits = Limits { records: 10_000, ..Limits::default() };
    let options = Options { limits, now: Some(Time(0)), ..Options::default() };
    let Ok(parsed) = parse(format, bytes, &options) else {
        return;
    };
    assert!(parsed.records.len() <= 10_000);
    for record in &parsed.records {
        assert_eq!(indicator(&record.indicator.to_string()).as_ref(), Some(&record.indicator));
    }
    assert!(parsed.unparsed.examples.iter().all(|example| !example.text.contains(char::is_control)));
    let lists = Lists { warning: list.into_iter().collect(), allowed: Vec::new() };
    let vetted = vet(parsed, &Policy::default(), &lists, Time(1));
    for entry in vetted.entries() {
        assert!(entry.confidence <= 100);
        if let Indicator::Ip(IpAddr::V4(address)) = &entry.record.indicator {
            assert!(!address.is_private() && !address.is_loopback() && !address.is_documentation());
        }
    }
}

/// A snapshot's file, as it is and under a checksum that holds: refused, or read within a small multiple of its length; then
/// it answers whatever is asked and is written as a file that is read the same again.
pub fn snapshot(data: &[u8]) {
    let body = data.get(..data.len().saturating_sub(32)).unwrap_or_default();
    let sealed = [body, Sha256::digest(body).as_slice()].concat();
    for bytes in [data, sealed.as_slice()] {
        let Ok(intel) = Intel::from_bytes(bytes) else { continue };
        // The indexes of the smallest tables are a mebibyte, and a text is a few states of an automaton.
        assert!(intel.sizes().bytes <= bytes.len().saturating_mul(200).saturating_add(4 << 20));
        // What it holds lies at the places of its own bytes as likely as anywhere.
        for asked in data.windows(32).take(1000) {
            let Some((address, rest)) = asked.split_first_chunk::<16>() else { continue };
            let Some((address4, _)) = rest.split_first_chunk::<4>() else { continue };
            for address in [IpAddr::from(*address4), IpAddr::from(*address)] {
                if let Some(hit) = intel.endpoint((address, 3333).into(), Time(1)) {
                    assert!(hit.confidence() <= 100 && hit.claims().count() > 0);
                }
            }
            let _host = intel.host(asked, Time(1));
            let _arguments = intel.arguments([asked, asked].into_iter(), Time(1));
            if let Ok(digest) = asked.try_into() {
                let _file = intel.file(&FileHash::Sha256(digest), Time(1));
            }
        }
        let written = intel.to_bytes();
        let again = Intel::from_bytes(&written).map(|again| again.to_bytes());
        assert_eq!(again.as_ref(), Ok(&written));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test reads its seeds")]

    use super::*;

    type Target = (&'static str, fn(&[u8]));

    #[test]
    fn the_committed_seeds_pass() {
        let targets: [Target; 12] = [
            ("frame", frame),
            ("message", message),
            ("handshake", handshake),
            ("tracefile", tracefile),
            ("sockaddr", sockaddr),
            ("stream", stream),
            ("state", state),
            ("condition", condition),
            ("rule_file", rule_file),
            ("feed", feed),
            ("snapshot", snapshot),
            ("strace_log", strace_log),
        ];
        for (name, body) in targets {
            let seeds: Vec<_> = std::fs::read_dir(format!("fuzz/seeds/{name}")).unwrap().collect();
            assert!(!seeds.is_empty(), "{name} has seeds");
            for seed in seeds {
                body(&std::fs::read(seed.unwrap().path()).unwrap());
            }
        }
    }
}
