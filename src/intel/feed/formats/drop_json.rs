//! Spamhaus DROP as JSON lines: a prefix a line, and at the end what the file is.

use serde_json::Value;

use super::super::read::{Declared, Ending, FeedError, Sink, Skip, Why};
use super::super::when;
use super::json;
use super::{Line, Lines};

pub(super) fn read(bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let mut records = 0_u64;
    sink.ending(Ending::Missing);
    for line in Lines::new(bytes, sink.options.limits.line) {
        let (number, text) = match line? {
            Line::Data(number, text) => (number, text),
            Line::Blank => {
                sink.blank();
                continue;
            }
            Line::Comment(..) => {
                sink.comment();
                continue;
            }
            Line::NotText(number) => {
                sink.unparsed(number, "", Why::NotText);
                continue;
            }
        };
        let entry = json::line(number, text)?;
        if entry.get("type").and_then(Value::as_str) == Some("metadata") {
            sink.ending(Ending::Marked);
            sink.published(entry.get("timestamp").and_then(Value::as_i64).and_then(when::seconds));
            if let Some(declared) = entry.get("records").and_then(Value::as_u64) {
                sink.declare(Declared::Entries { declared, found: records });
            }
            continue;
        }
        records = records.saturating_add(1);
        match entry.get("cidr").and_then(Value::as_str) {
            Some(cidr) => {
                let tag = entry.get("sblid").and_then(Value::as_str).and_then(|id| sink.tag(id));
                sink.value(number, cidr, |record| record.tags.extend(tag));
            }
            // The list of networks by number: no address is in it.
            None if entry.get("asn").is_some() => sink.skip(Skip::KindNotUsed),
            None => sink.unparsed(number, text, Why::NoValue),
        }
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}
