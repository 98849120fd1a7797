//! MISP: events, the manifest of a feed's directory, warninglists.

use std::sync::Arc;

use serde_json::Value;

use super::super::format::Format;
use super::super::read::{FeedError, Sink, Skip, Why};
use super::super::record::{FileHash, Record};
use super::super::{value, when};
use crate::event::Time;

/// The most events that a manifest may name.
const MAX_EVENTS: usize = 1_000_000;

/// An event that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The event's file is `UUID.json` beside the manifest.
    pub uuid: Box<str>,
    /// When the event was changed last: it need not be fetched again while this stays.
    pub timestamp: Option<Time>,
    /// The SHA-256 of the event's file, where the publisher gives one.
    pub sha256: Option<[u8; 32]>,
}

/// The events of a feed's directory, in the order of their identifiers.
///
/// # Errors
/// Where the bytes are no manifest.
pub fn manifest(bytes: &[u8]) -> Result<Vec<ManifestEntry>, FeedError> {
    let not = |why| FeedError::NotThisFormat { format: Format::MispManifest, why };
    let document = super::json::document(bytes)?.ok_or_else(|| not("lines of documents"))?;
    if !is_manifest(&document) {
        return Err(not("keys that are no identifiers of events"));
    }
    let events = document.as_object().ok_or_else(|| not("no object"))?;
    if events.len() > MAX_EVENTS {
        return Err(FeedError::TooManyRecords { limit: MAX_EVENTS });
    }
    let mut entries: Vec<ManifestEntry> = events
        .iter()
        .map(|(uuid, event)| ManifestEntry {
            uuid: uuid.to_ascii_lowercase().into(),
            timestamp: time(event.get("timestamp")),
            sha256: event.get("integrity:sha256").and_then(Value::as_str).and_then(sha256),
        })
        .collect();
    entries.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    Ok(entries)
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let FileHash::Sha256(digest) = value::hash(text)? else {
        return None;
    };
    Some(digest)
}

/// Whether a text is an identifier such as `57c4445b-c548-4654-af0b-4be3950d210f`: a file name that is safe to ask for.
pub(super) fn is_uuid(text: &str) -> bool {
    let mut parts = text.split('-');
    let all = [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts
            .next()
            .is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    all && parts.next().is_none()
}

pub(super) fn is_manifest(document: &Value) -> bool {
    document.as_object().is_some_and(|events| {
        !events.is_empty() && events.iter().all(|(key, event)| is_uuid(key) && event.is_object())
    })
}

pub(super) fn is_warninglist(document: &Value) -> bool {
    let text = |key| document.get(key).is_some_and(Value::is_string);
    document.get("list").is_some_and(Value::is_array) && text("name") && text("type")
}

pub(super) fn is_event(document: &Value) -> bool {
    !events(document).is_empty()
}

/// The events of a document, whatever they are wrapped in.
fn events(document: &Value) -> Vec<&Value> {
    if let Some(response) = document.get("response") {
        return match response.as_array() {
            Some(list) => list.iter().filter_map(one).collect(),
            None => one(response).into_iter().collect(),
        };
    }
    match document.as_array() {
        Some(list) => list.iter().filter(|item| item.get("Event").is_some()).filter_map(one).collect(),
        None => one(document).into_iter().collect(),
    }
}

fn one(item: &Value) -> Option<&Value> {
    let event = item.get("Event").unwrap_or(item);
    let is_event = event.get("Attribute").is_some_and(Value::is_array)
        || event.get("Object").is_some_and(Value::is_array)
        || (event.get("info").is_some() && event.get("uuid").is_some());
    is_event.then_some(event)
}

pub(super) fn event(document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let events = events(document);
    if events.is_empty() {
        return Err(FeedError::NotThisFormat { format: Format::MispEvent, why: "no event in it" });
    }
    let mut number = 0_u32;
    for event in events {
        sink.published(time(event.get("timestamp")));
        let mut tags = Vec::new();
        for tag in tag_names(event) {
            sink.tag_list(tag, &mut tags);
        }
        let objects = list(event, "Object").iter().filter(|object| !is_true(object.get("deleted")));
        let attributes =
            list(event, "Attribute").iter().chain(objects.flat_map(|object| list(object, "Attribute")));
        for attribute in attributes {
            number = number.saturating_add(1);
            let mut tags = tags.clone();
            for tag in tag_names(attribute) {
                sink.tag_list(tag, &mut tags);
            }
            read_attribute(number, attribute, &tags, sink);
            if sink.is_full() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read_attribute(number: u32, attribute: &Value, tags: &[Arc<str>], sink: &mut Sink<'_>) {
    if is_true(attribute.get("deleted")) {
        return sink.skip(Skip::Deleted);
    }
    if !is_true(attribute.get("to_ids")) {
        return sink.skip(Skip::NotForDetection);
    }
    let text = |key| attribute.get(key).and_then(Value::as_str).map(str::trim);
    let (Some(kind), Some(value)) = (text("type"), text("value")) else {
        return sink.unparsed(number, "", Why::NoValue);
    };
    let first = time(attribute.get("first_seen")).or_else(|| time(attribute.get("timestamp")));
    let last = time(attribute.get("last_seen"));
    let dress = |record: &mut Record| {
        record.tags = tags.to_vec();
        record.first_seen = first;
        record.last_seen = last;
    };
    match kind {
        "ip-src" | "ip-dst" | "domain" | "hostname" | "url" | "md5" | "sha1" | "sha256" | "sha512" => {
            sink.value(number, value, dress);
        }
        "ip-src|port" | "ip-dst|port" | "hostname|port" => {
            match value.rsplit_once('|').or_else(|| value.rsplit_once(':')) {
                Some((host, port)) => sink.endpoint(number, host.trim(), port.trim(), dress),
                None => sink.unparsed(number, value, Why::NotAnIndicator),
            }
        }
        "domain|ip" => match value.split_once('|') {
            Some((name, address)) => {
                sink.value(number, name.trim(), dress);
                sink.value(number, address.trim(), dress);
            }
            None => sink.unparsed(number, value, Why::NotAnIndicator),
        },
        "filename|md5" | "filename|sha1" | "filename|sha256" | "filename|sha512" => {
            match value.rsplit_once('|') {
                Some((_, digest)) => sink.value(number, digest.trim(), dress),
                None => sink.unparsed(number, value, Why::NotAnIndicator),
            }
        }
        _ => sink.skip(Skip::KindNotUsed),
    }
}

/// What a warninglist names. It is counted to be shown; as a feed it is refused.
pub(super) fn warninglist(document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let mut number = 0_u32;
    for entry in list(document, "list") {
        number = number.saturating_add(1);
        match entry.as_str() {
            Some(text) => match sink.read(text.trim()) {
                Ok(indicator) => sink.dressed(indicator, number, |_| {}),
                // Names of one label, digests of other lengths, parts of words.
                Err(_) => sink.skip(Skip::KindNotUsed),
            },
            None => sink.unparsed(number, "", Why::NoValue),
        }
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}

fn list<'d>(value: &'d Value, key: &str) -> &'d [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn tag_names(value: &Value) -> impl Iterator<Item = &str> {
    list(value, "Tag").iter().filter_map(|tag| tag.get("name").and_then(Value::as_str))
}

/// True in any of the ways in which MISP has written it.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(set)) => *set,
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        Some(Value::String(text)) => text == "1" || text == "true",
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
    }
}

fn time(value: Option<&Value>) -> Option<Time> {
    match value? {
        Value::String(text) if text == "0" => None,
        Value::String(text) => when::parse(text),
        Value::Number(number) => number.as_i64().filter(|seconds| *seconds > 0).and_then(when::seconds),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
