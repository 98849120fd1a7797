//! A directory of MISP events: a manifest that names them, and a file for each. Events that have not changed since are not
//! fetched again.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sluicebox::intel::feed::{ManifestEntry, manifest};

use super::fetch::{FetchError, Fetched, Page, Reply, Session, Validators, resolve};

/// The file that says which events there are.
const MANIFEST: &str = "manifest.json";

/// The newest events of a directory, as one list.
pub(super) fn fetch(
    session: &Session<'_>,
    known: &Validators,
    kept: &dyn Fn() -> Option<Vec<u8>>,
) -> Result<Fetched, FetchError> {
    let no_url = FetchError::Redirect("the URL is none");
    let url = resolve(&session.url, MANIFEST).ok_or(no_url)?;
    let Page { bytes, validators, added_last: _ } = match session.get(&url, known)? {
        Reply::Unchanged => return Ok(Fetched::Unchanged),
        Reply::Body(page) => page,
    };
    // Whatever it is, if it is no manifest, the parser has the word.
    let Ok(mut entries) = manifest(&bytes) else { return Ok(Fetched::Body { bytes, validators }) };
    entries.sort_by(|a, b| b.timestamp.cmp(&a.timestamp).then_with(|| a.uuid.cmp(&b.uuid)));
    entries.truncate(session.source.max_events);
    let mut before = events(kept());
    let mut events = Vec::new();
    for entry in &entries {
        let same = before.remove(&*entry.uuid).filter(|event| {
            let is_dated = entry.timestamp.is_some();
            is_dated && seconds(event) == entry.timestamp.map(|time| time.0 / 1_000_000_000)
        });
        if let Some(event) = same {
            events.push(event);
        } else if let Some(event) = event(session, entry)? {
            events.push(event);
        }
    }
    Ok(Fetched::Body { bytes: Value::Array(events).to_string().into_bytes(), validators })
}

/// An event from its file; nothing where there is none, as its publisher took it back meanwhile.
fn event(session: &Session<'_>, entry: &ManifestEntry) -> Result<Option<Value>, FetchError> {
    let url = resolve(&session.url, &format!("{}.json", entry.uuid));
    let url = url.ok_or(FetchError::Redirect("the URL is none"))?;
    let bytes = match session.get(&url, &Validators::default()) {
        Ok(Reply::Body(page)) => page.bytes,
        Ok(Reply::Unchanged) => return Err(FetchError::Parts("an event has no body")),
        Err(FetchError::Status(404 | 410)) => return Ok(None),
        Err(error) => return Err(error),
    };
    if entry.sha256.is_some_and(|digest| Sha256::digest(&bytes).as_slice() != digest) {
        return Err(FetchError::Parts("an event is not what the manifest says that it is"));
    }
    let event: Value =
        serde_json::from_slice(&bytes).map_err(|_| FetchError::Parts("an event is no JSON"))?;
    if event.get("Event").is_some_and(Value::is_object) {
        Ok(Some(event))
    } else {
        Err(FetchError::Parts("an event is no event"))
    }
}

/// The events of the last good file, by their identifiers.
fn events(bytes: Option<Vec<u8>>) -> BTreeMap<String, Value> {
    let Some(Ok(Value::Array(events))) = bytes.map(|bytes| serde_json::from_slice(&bytes)) else {
        return BTreeMap::new();
    };
    let named = events.into_iter().filter_map(|event: Value| {
        let uuid = event.get("Event")?.get("uuid")?.as_str()?.to_ascii_lowercase();
        Some((uuid, event))
    });
    named.collect()
}

/// When an event was changed last, in seconds since 1970.
fn seconds(event: &Value) -> Option<i64> {
    let timestamp = event.get("Event")?.get("timestamp")?;
    timestamp.as_i64().or_else(|| timestamp.as_str()?.parse().ok())
}
