//! Lists of a Falco rule file: those whose items are hosts or addresses.

use serde_json::Value;

use super::super::read::{FeedError, Sink, Skip};
use super::super::value;

pub(super) fn read(bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FeedError::NotText("it is not UTF-8"))?;
    let items: Vec<Value> = serde_saphyr::from_str(text)
        .map_err(|error| FeedError::Yaml(error.to_string().lines().next().unwrap_or_default().into()))?;
    let mut number = 0_u32;
    for item in &items {
        number = number.saturating_add(1);
        let Some(list) = item.get("items").and_then(Value::as_array) else {
            continue;
        };
        let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        let hosts = names.iter().filter(|name| value::indicator(name).is_some()).count();
        // A list of programs may hold a name that looks like a host's; a list of hosts holds little else.
        if hosts == 0 || hosts.saturating_mul(2) < list.len() {
            list.iter().for_each(|_| sink.skip(Skip::KindNotUsed));
            continue;
        }
        let tag = item.get("list").and_then(Value::as_str).and_then(|name| sink.tag(name));
        for name in names {
            let tag = tag.clone();
            sink.value(number, name, |record| record.tags.extend(tag));
        }
    }
    Ok(())
}
