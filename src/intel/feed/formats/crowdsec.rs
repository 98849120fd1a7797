//! CrowdSec: answers of the decision stream, decisions for import, alerts with their decisions.

use serde_json::Value;

use super::super::format::Format;
use super::super::read::{FeedError, Sink, Skip, Why};
use super::super::when;
use super::csv::{Said, after, is_address_scope};

pub(super) fn is_decisions(document: &Value) -> bool {
    let is_list = |key| document.get(key).is_some_and(|list| list.is_array() || list.is_null());
    if document.is_object() {
        return is_list("new") && is_list("deleted");
    }
    document.as_array().and_then(|list| list.first()).is_some_and(|first| {
        let is_decision = first.get("scope").is_some() && first.get("value").is_some();
        is_decision || first.get("decisions").is_some_and(Value::is_array)
    })
}

pub(super) fn read(document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    if !is_decisions(document) {
        return Err(FeedError::NotThisFormat { format: Format::CrowdsecJson, why: "no decisions in it" });
    }
    let deleted = document.get("deleted").and_then(Value::as_array);
    for item in deleted.into_iter().flatten() {
        let decisions = item.get("decisions").and_then(Value::as_array).map_or(1, Vec::len);
        (0..decisions).for_each(|_| sink.skip(Skip::Deleted));
    }
    let mut number = 0_u32;
    let top = document.get("new").unwrap_or(document).as_array().map_or(&[][..], Vec::as_slice);
    for item in top {
        let decisions = match item.get("decisions").and_then(Value::as_array) {
            Some(decisions) => decisions.as_slice(),
            None => std::slice::from_ref(item),
        };
        for decision in decisions {
            number = number.saturating_add(1);
            read_decision(number, decision, item, sink);
            if sink.is_full() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// One decision; what it does not say itself stands in the group or the alert around it.
fn read_decision(number: u32, decision: &Value, group: &Value, sink: &mut Sink<'_>) {
    let text = |key| decision.get(key).or_else(|| group.get(key)).and_then(Value::as_str).map(str::trim);
    if decision.get("simulated").and_then(Value::as_bool) == Some(true) {
        return sink.skip(Skip::NotForDetection);
    }
    let (Some(scope), Some(value)) = (text("scope"), text("value")) else {
        return sink.unparsed(number, "", Why::NoValue);
    };
    if !is_address_scope(scope) {
        return sink.skip(Skip::KindNotUsed);
    }
    let mut tags = Vec::new();
    for key in ["scenario", "reason"] {
        if let Some(word) = text(key) {
            sink.tag_list(word, &mut tags);
        }
    }
    let expires = text("until").and_then(when::parse);
    let said = Said {
        tags,
        expires: expires.or_else(|| after(sink.options.now, text("duration")?)),
        ..Said::default()
    };
    sink.value(number, value, |record| said.dress(record));
}
