//! OTX: pulses with their indicators.

use serde_json::Value;

use super::super::format::Format;
use super::super::read::{FeedError, Sink, Skip, Why};
use super::super::when;
use super::csv::Said;

pub(super) fn is_pulses(document: &Value) -> bool {
    is_export(document)
        || pulses(document).first().is_some_and(|pulse| {
            let first = pulse.get("indicators").and_then(Value::as_array);
            first.is_some_and(|list| list.first().is_none_or(|first| first.get("indicator").is_some()))
        })
}

/// Whether it is a page of indicators without their pulses.
fn is_export(document: &Value) -> bool {
    let first = document.get("results").and_then(Value::as_array).and_then(|list| list.first());
    first.is_some_and(|first| {
        let is_text = |key| first.get(key).is_some_and(Value::is_string);
        is_text("indicator") && is_text("type")
    })
}

fn pulses(document: &Value) -> &[Value] {
    let list = document.as_array().or_else(|| document.get("results").and_then(Value::as_array));
    list.map_or_else(|| std::slice::from_ref(document), Vec::as_slice)
}

pub(super) fn read(document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    if !is_pulses(document) {
        return Err(FeedError::NotThisFormat { format: Format::Otx, why: "no pulses in it" });
    }
    let mut number = 0_u32;
    if is_export(document) {
        for indicator in pulses(document) {
            number = number.saturating_add(1);
            read_indicator(number, indicator, &[], sink);
        }
        return Ok(());
    }
    for pulse in pulses(document) {
        let mut tags = Vec::new();
        if let Some(name) = pulse.get("name").and_then(Value::as_str) {
            // A title may have commas.
            tags.extend(sink.tag(name));
        }
        for tag in pulse.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            sink.tag_list(tag, &mut tags);
        }
        for indicator in pulse.get("indicators").and_then(Value::as_array).into_iter().flatten() {
            number = number.saturating_add(1);
            read_indicator(number, indicator, &tags, sink);
            if sink.is_full() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read_indicator(number: u32, indicator: &Value, tags: &[std::sync::Arc<str>], sink: &mut Sink<'_>) {
    let text = |key| indicator.get(key).and_then(Value::as_str).map(str::trim);
    let (Some(kind), Some(value)) = (text("type"), text("indicator")) else {
        return sink.unparsed(number, "", Why::NoValue);
    };
    let is_used = matches!(
        kind,
        "IPv4"
            | "IPv6"
            | "CIDR"
            | "domain"
            | "hostname"
            | "URL"
            | "FileHash-MD5"
            | "FileHash-SHA1"
            | "FileHash-SHA256"
    );
    if !is_used {
        return sink.skip(Skip::KindNotUsed);
    }
    let said = Said {
        tags: tags.to_vec(),
        first_seen: text("created").and_then(when::parse),
        expires: text("expiration").and_then(when::parse),
        ..Said::default()
    };
    sink.value(number, value, |record| said.dress(record));
}
