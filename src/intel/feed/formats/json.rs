//! JSON: what a document is, and lists of entries in it.
//!
//! Most publishers wrap one array of objects, each in its own paper. The array is found by the names that they use,
//! or by configured keys; the value in an entry likewise.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::format::Format;
use super::super::read::{Column, Columns, Declared, FeedError, Options, Sink, Why, is_null};
use super::super::{value, when};
use super::csv::{Said, after};
use super::{Line, Lines, crowdsec, misp, otx, stix};

/// How many entries are looked at to tell where their values are.
const SAMPLE: usize = 200;
/// The most keys that are followed to the array of entries.
const MAX_PATH: usize = 8;

/// Names of the array of entries, as publishers wrap it.
const WRAPPERS: [&str; 16] = [
    "data",
    "iocs",
    "items",
    "urls",
    "results",
    "indicators",
    "entries",
    "records",
    "list",
    "objects",
    "blocklist",
    "prefixes",
    "ips",
    "addresses",
    "domains",
    "hashes",
];

const TAGS: [&str; 10] = [
    "malwareprintable",
    "malware",
    "signature",
    "threat",
    "tags",
    "scenarios",
    "scenario",
    "reason",
    "category",
    "family",
];

/// Whether the bytes begin like JSON. A square bracket alone may be an IPv6 address or a heading.
pub(in super::super) fn looks_like(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    match bytes.split_first() {
        Some((b'{', _)) => true,
        Some((b'[', rest)) => {
            matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[' | b'"' | b']') | None)
        }
        _ => false,
    }
}

/// The document, or `None` where each line is one.
pub(in super::super) fn document(bytes: &[u8]) -> Result<Option<Value>, FeedError> {
    let error = match serde_json::from_slice(bytes) {
        Ok(document) => return Ok(Some(document)),
        Err(error) => error,
    };
    // Lines of documents: the first ends where its line ends, and another begins.
    let first = bytes.trim_ascii_start();
    let end = first.iter().position(|byte| *byte == b'\n');
    let is_line = |end: usize| {
        let line = first.get(..end).unwrap_or_default();
        serde_json::from_slice::<Map<String, Value>>(line).is_ok()
    };
    if error.is_syntax() && end.is_some_and(is_line) { Ok(None) } else { Err(broken(&error)) }
}

fn broken(error: &serde_json::Error) -> FeedError {
    FeedError::Json { line: error.line(), column: error.column(), what: error.to_string().into() }
}

/// The document on a line. A line that is none means that the file was cut or is no such file.
pub(super) fn line(number: u32, text: &str) -> Result<Value, FeedError> {
    serde_json::from_str(text).map_err(|error| FeedError::Json {
        line: usize::try_from(number).unwrap_or(usize::MAX),
        column: error.column(),
        what: error.to_string().into(),
    })
}

/// The form of a document.
pub(in super::super) fn told(document: &Value, options: &Options) -> Option<Format> {
    if misp::is_event(document) {
        return Some(Format::MispEvent);
    }
    if misp::is_manifest(document) {
        return Some(Format::MispManifest);
    }
    if misp::is_warninglist(document) {
        return Some(Format::MispWarninglist);
    }
    if stix::is_stix(document) {
        return Some(Format::Stix);
    }
    if crowdsec::is_decisions(document) {
        return Some(Format::CrowdsecJson);
    }
    if otx::is_pulses(document) {
        return Some(Format::Otx);
    }
    let rows = rows(document, options.columns.as_ref())?;
    rows_told(&rows, options)
}

fn rows_told(rows: &[&Value], options: &Options) -> Option<Format> {
    if rows.is_empty() || options.columns.is_some() {
        return Some(Format::Json);
    }
    let has = |name: &str| rows.iter().take(SAMPLE).any(|row| field(row, name).is_some());
    if has("ioctype") || has("iocvalue") || (has("ioc") && has("malware")) {
        return Some(Format::ThreatfoxJson);
    }
    if has("ipaddress") && has("port") && has("malware") {
        return Some(Format::FeodoJson);
    }
    if has("urlstatus") || has("urlhausreference") || has("urlhauslink") {
        return Some(Format::UrlhausJson);
    }
    if has("sha256hash") && has("md5hash") {
        return Some(Format::BazaarJson);
    }
    (!keys(Format::Json, rows).is_empty() || rows.iter().any(|row| row.is_string())).then_some(Format::Json)
}

/// The form of a file of documents.
pub(in super::super) fn told_lines(bytes: &[u8]) -> Option<Format> {
    let documents = sample_lines(bytes);
    let first = documents.first()?;
    if first.get("asn").is_some() || (first.get("cidr").is_some() && first.get("rir").is_some()) {
        return Some(Format::DropJson);
    }
    if first.get("cidr").is_some() && first.get("sblid").is_some() {
        return Some(Format::DropJson);
    }
    if first.get("type").and_then(Value::as_str) == Some("metadata") && first.get("records").is_some() {
        return Some(Format::DropJson);
    }
    let rows: Vec<&Value> = documents.iter().collect();
    (!keys(Format::Json, &rows).is_empty()).then_some(Format::Json)
}

fn sample_lines(bytes: &[u8]) -> Vec<Value> {
    let lines = Lines::new(bytes, usize::MAX).flatten().take(SAMPLE);
    lines
        .filter_map(|line| match line {
            Line::Data(_, text) => serde_json::from_str(text).ok(),
            Line::Blank | Line::Comment(..) | Line::NotText(_) => None,
        })
        .collect()
}

/// The entries of a document.
fn rows<'d>(document: &'d Value, columns: Option<&Columns>) -> Option<Vec<&'d Value>> {
    if let Some(columns) = columns
        && !columns.items.is_empty()
    {
        let found = columns.items.iter().take(MAX_PATH).try_fold(document, |at, key| at.get(&**key))?;
        return Some(found.as_array()?.iter().collect());
    }
    if let Some(list) = document.as_array() {
        return Some(list.iter().collect());
    }
    let object = document.as_object()?;
    // An export of abuse.ch: entries by number, each a list of one.
    let by_number = |(key, value): (&String, &Value)| {
        key.bytes().all(|byte| byte.is_ascii_digit()) && (value.is_array() || value.is_object())
    };
    if !object.is_empty() && object.iter().all(by_number) {
        let entries = object.values().flat_map(|value| match value.as_array() {
            Some(list) => list.iter(),
            None => std::slice::from_ref(value).iter(),
        });
        return Some(entries.collect());
    }
    for name in WRAPPERS {
        match object.get(name) {
            Some(Value::Array(list)) => return Some(list.iter().collect()),
            Some(Value::Object(inner)) => {
                let list = WRAPPERS.iter().find_map(|name| inner.get(*name).and_then(Value::as_array));
                if let Some(list) = list {
                    return Some(list.iter().collect());
                }
            }
            _ => {}
        }
    }
    // One array only: there is nothing else that it could be.
    let mut lists = object.values().filter_map(Value::as_array);
    match (lists.next(), lists.next()) {
        (Some(list), None) => Some(list.iter().collect()),
        _ => None,
    }
}

/// The number of entries that a document says it has, unless it is one page of several.
fn declared(document: &Value) -> Option<u64> {
    if document.get("next").is_some_and(|next| !next.is_null()) {
        return None;
    }
    let counts = document.get("counts").and_then(|counts| counts.get("total"));
    document.get("count").or(counts)?.as_u64()
}

/// Whether a key is a name but for case and underscores.
fn is_named(key: &str, name: &str) -> bool {
    let mut letters = key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    name.bytes().all(|byte| letters.next() == Some(byte)) && letters.next().is_none()
}

fn field<'d>(row: &'d Value, name: &str) -> Option<&'d Value> {
    row.as_object()?.iter().find(|(key, _)| is_named(key, name)).map(|(_, value)| value)
}

/// The text of a scalar.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if is_null(text) => None,
        Value::String(text) => Some(Cow::Borrowed(text.trim())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The names of the values in the entries.
fn keys(format: Format, rows: &[&Value]) -> Vec<&'static str> {
    if format == Format::FeodoJson {
        return vec!["ipaddress"];
    }
    if format == Format::UrlhausJson {
        return vec!["url"];
    }
    if format == Format::BazaarJson {
        return vec!["sha256hash", "md5hash", "sha1hash"];
    }
    let share = |name: &str| {
        let fields = rows.iter().take(SAMPLE).filter_map(|row| field(row, name)).filter_map(text);
        fields.filter(|text| value::indicator(&value::refang(text)).is_some()).count()
    };
    let half = rows.len().min(SAMPLE).div_ceil(2);
    let is_there =
        |name: &str| rows.iter().take(SAMPLE).any(|row| field(row, name).is_some_and(Value::is_string));
    let certain = value::NAMES.iter().take(value::CERTAIN).find(|name| is_there(name));
    let key = certain.or_else(|| value::NAMES.iter().find(|name| share(name) >= half.max(1)));
    match key {
        // Digests of one file stand beside each other.
        Some(name) if name.starts_with("sha256") => vec![name, "md5hash", "md5", "sha1hash", "sha1"],
        Some(name) => vec![name],
        None => Vec::new(),
    }
}

/// Reads a document of entries.
pub(super) fn read(format: Format, document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let columns = sink.options.columns.clone();
    let not = |why| FeedError::NotThisFormat { format, why };
    let rows = rows(document, columns.as_ref()).ok_or_else(|| not("no array of entries"))?;
    read_rows(format, &rows, columns.as_ref(), sink)?;
    if let Some(declared) = declared(document) {
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        sink.declare(Declared::Entries { declared, found });
    }
    Ok(())
}

/// Reads a file of documents, an entry each.
pub(super) fn read_lines(format: Format, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let columns = sink.options.columns.clone();
    let sample = sample_lines(bytes);
    let keys = keys(format, &sample.iter().collect::<Vec<_>>());
    for read in Lines::new(bytes, sink.options.limits.line) {
        match read? {
            Line::Blank => sink.blank(),
            Line::Comment(..) => sink.comment(),
            Line::NotText(number) => sink.unparsed(number, "", Why::NotText),
            Line::Data(number, text) => {
                let document = line(number, text)?;
                row(number, &document, &keys, columns.as_ref(), sink);
            }
        }
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}

fn read_rows(
    format: Format,
    rows: &[&Value],
    columns: Option<&Columns>,
    sink: &mut Sink<'_>,
) -> Result<(), FeedError> {
    let keys = keys(format, rows);
    if keys.is_empty() && columns.is_none() && !rows.is_empty() && !rows.iter().any(|row| row.is_string()) {
        return Err(FeedError::NotThisFormat { format, why: "no entry has a value" });
    }
    let mut number = 0_u32;
    for entry in rows {
        number = number.saturating_add(1);
        row(number, entry, &keys, columns, sink);
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}

fn row(number: u32, entry: &Value, keys: &[&str], columns: Option<&Columns>, sink: &mut Sink<'_>) {
    if let Value::String(text) = entry {
        return sink.value(number, text.trim(), |_| {});
    }
    if !entry.is_object() {
        return sink.unparsed(number, "", Why::NotARecord);
    }
    let said = said(entry, columns, sink);
    let named = |column: &Option<Column>| match column {
        Some(Column::Name(name)) => entry.get(&**name),
        Some(Column::Index(_)) | None => None,
    };
    let (values, port): (Vec<_>, _) = match columns {
        Some(columns) => (named(&columns.value).into_iter().collect(), named(&columns.port)),
        None => (
            keys.iter().filter_map(|name| field(entry, name)).collect(),
            field(entry, "port").or_else(|| field(entry, "dstport")),
        ),
    };
    let port = port.and_then(text);
    let mut found = false;
    for value in values.into_iter().filter_map(text) {
        found = true;
        match &port {
            Some(port) => sink.endpoint(number, &value, port, |record| said.dress(record)),
            None => sink.value(number, &value, |record| said.dress(record)),
        }
    }
    if !found {
        sink.unparsed(number, "", Why::NoValue);
    }
}

fn said(entry: &Value, columns: Option<&Columns>, sink: &mut Sink<'_>) -> Said {
    let named = |column: &Option<Column>| match column {
        Some(Column::Name(name)) => entry.get(&**name).and_then(text),
        Some(Column::Index(_)) | None => None,
    };
    let any = |names: &[&str]| names.iter().find_map(|name| field(entry, name).and_then(text));
    let mut tags = Vec::new();
    let tag_fields: Vec<&Value> = match columns {
        Some(columns) => columns
            .tags
            .iter()
            .filter_map(|column| match column {
                Column::Name(name) => entry.get(&**name),
                Column::Index(_) => None,
            })
            .collect(),
        None => TAGS.iter().filter_map(|name| field(entry, name)).collect(),
    };
    for value in tag_fields {
        match value {
            Value::Array(list) => {
                list.iter().filter_map(Value::as_str).for_each(|tag| sink.tag_list(tag, &mut tags));
            }
            Value::String(list) => sink.tag_list(list, &mut tags),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
    }
    let (confidence, first, last, expires) = match columns {
        Some(columns) => (
            named(&columns.confidence),
            named(&columns.first_seen),
            named(&columns.last_seen),
            named(&columns.expires),
        ),
        None => (
            any(&["confidencelevel", "confidence", "abuseconfidencescore"]),
            any(&["firstseenutc", "firstseen", "dateadded"]),
            any(&["lastseenutc", "lastseen", "lastonline"]),
            any(&["validuntil", "expires", "expiration", "expirationtime"]),
        ),
    };
    Said {
        tags,
        confidence: confidence.and_then(|text| text.parse().ok()).filter(|sure| *sure <= 100),
        first_seen: first.as_deref().and_then(when::parse),
        last_seen: last.as_deref().and_then(when::parse),
        expires: expires
            .as_deref()
            .and_then(when::parse)
            .or_else(|| after(sink.options.now, &any(&["duration"])?)),
    }
}
