//! Feeds of several parts, as a server publishes them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::feeds::Host;
use super::http::Answer;

/// An archive with one file, stored as it is.
pub(crate) fn zip(plain: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    let length = u32::try_from(plain.len()).unwrap().to_le_bytes();
    let shared =
        [&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc.sum().to_le_bytes(), &length, &length, &[8, 0, 0, 0]];
    let shared = shared.concat();
    let file = [b"PK\x03\x04", &shared[..], b"full.csv", plain].concat();
    let entry = [b"PK\x01\x02\x0a\x00", &shared[..], &[0; 14], b"full.csv"].concat();
    let (at, size) = (u32::try_from(file.len()).unwrap(), u32::try_from(entry.len()).unwrap());
    let end = [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &size.to_le_bytes(), &at.to_le_bytes(), &[0, 0]];
    [file, entry, end.concat()].concat()
}

/// Indicators of addresses, as STIX has them.
pub(crate) fn objects(numbers: std::ops::Range<u8>) -> Vec<Value> {
    let indicator = |last: u8| {
        json!({
            "type": "indicator", "spec_version": "2.1", "id": format!("indicator--00000000-0000-4000-8000-0000000000{last:02}"),
            "pattern": format!("[ipv4-addr:value = '192.0.2.{last}']"), "pattern_type": "stix",
            "valid_from": "2026-01-01T00:00:00Z",
        })
    };
    numbers.map(indicator).collect()
}

pub(crate) fn page(objects: Vec<Value>, next: Option<&str>) -> Answer {
    let mut envelope = json!({ "more": next.is_some(), "objects": objects });
    if let Some(next) = next {
        envelope["next"] = next.into();
    }
    Answer::ok(envelope.to_string())
}

pub(crate) const UUID: &str = "57c4445b-c548-4654-af0b-4be3950d210";

pub(crate) fn event(number: u8, timestamp: u64, addresses: std::ops::Range<u8>) -> Answer {
    let attribute = |last: u8| json!({ "type": "ip-dst", "value": format!("192.0.2.{last}"), "to_ids": true, "timestamp": "1700000000" });
    let attributes: Vec<Value> = addresses.map(attribute).collect();
    let event = json!({ "Event": {
        "uuid": format!("{UUID}{number}"), "info": "x", "timestamp": timestamp.to_string(), "Attribute": attributes,
    }});
    Answer::ok(event.to_string())
}

pub(crate) fn manifest(events: &[(u8, u64)]) -> Answer {
    let named = events.iter().map(|(number, timestamp)| {
        (format!("{UUID}{number}"), json!({ "info": "x", "timestamp": timestamp.to_string() }))
    });
    Answer::ok(Value::Object(named.collect()).to_string())
}

/// A host whose feed is the directory `/misp/`.
pub(crate) fn misp(settings: &str) -> Host {
    let host = Host::new();
    let url = host.http.url("/misp/");
    host.configure(&format!(
        "[settings]\nallow_documentation = true\n\n[[feed]]\nname = \"one\"\nurl = \"{url}\"\nplain_http = true\n\
         licence = \"CC0-1.0\"\ninterval = \"1h\"\npublished = \"misp\"\n{settings}\n"
    ));
    host
}

pub(crate) fn asked(host: &Host) -> String {
    let mut paths = String::new();
    for request in host.http.requests() {
        let path = request.split(' ').nth(1).unwrap().to_owned();
        write!(paths, "{} ", path.trim_start_matches("/misp/").trim_start_matches(UUID)).unwrap();
    }
    paths
}
