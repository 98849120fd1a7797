//! STIX 2.0 and 2.1: bundles, TAXII envelopes and pages, bare objects.
//!
//! Of the pattern language only what needs no history is taken: `[a:b = 'c']`, joined by OR. A part of an AND pattern
//! is not what the author claims, so that those are counted and left.

use serde_json::Value;

use super::super::format::Format;
use super::super::read::{FeedError, Sink, Skip, Why};
use super::super::when;
use super::csv::Said;

/// The most comparisons of one pattern.
const MAX_COMPARISONS: usize = 10_000;

pub(super) fn is_stix(document: &Value) -> bool {
    let is_object = |value: &Value| {
        let text = |key| value.get(key).and_then(Value::as_str);
        text("type").is_some_and(|kind| {
            text("id").is_some_and(|id| id.split_once("--").is_some_and(|(of, _)| of == kind))
        })
    };
    let first = document.get("objects").and_then(Value::as_array).and_then(|objects| objects.first());
    let first = first.or_else(|| document.as_array().and_then(|objects| objects.first()));
    let is_empty_envelope = document.get("objects").and_then(Value::as_array).is_some_and(Vec::is_empty);
    is_object(document)
        || first.is_some_and(is_object)
        || is_empty_envelope
        || indicators(document).next().is_some()
}

/// Every indicator of a document, in its order, wherever it is wrapped.
fn indicators(document: &Value) -> impl Iterator<Item = &Value> {
    let mut left = vec![document];
    std::iter::from_fn(move || {
        while let Some(value) = left.pop() {
            match value {
                Value::Array(list) => left.extend(list.iter().rev()),
                Value::Object(object) => {
                    let is_indicator = object.get("type").and_then(Value::as_str) == Some("indicator");
                    if is_indicator && object.get("pattern").is_some_and(Value::is_string) {
                        return Some(value);
                    }
                    left.extend(object.values().filter(|value| value.is_array() || value.is_object()).rev());
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        None
    })
}

pub(super) fn read(document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    if !is_stix(document) {
        return Err(FeedError::NotThisFormat { format: Format::Stix, why: "no object of STIX in it" });
    }
    let mut number = 0_u32;
    for indicator in indicators(document) {
        number = number.saturating_add(1);
        let text = |key| indicator.get(key).and_then(Value::as_str);
        if indicator.get("revoked").and_then(Value::as_bool) == Some(true) {
            sink.skip(Skip::Revoked);
            continue;
        }
        if text("pattern_type").is_some_and(|language| language != "stix") {
            sink.skip(Skip::PatternLanguage);
            continue;
        }
        let Some(comparisons) = text("pattern").and_then(comparisons) else {
            sink.skip(Skip::PatternOutsideSubset);
            continue;
        };
        let mut tags = Vec::new();
        for key in ["labels", "indicator_types"] {
            let words = indicator.get(key).and_then(Value::as_array);
            for word in words.into_iter().flatten().filter_map(Value::as_str) {
                sink.tag_list(word, &mut tags);
            }
        }
        let confidence = indicator.get("confidence").and_then(Value::as_u64);
        let said = Said {
            tags,
            confidence: confidence.and_then(|sure| u8::try_from(sure).ok()).filter(|sure| *sure <= 100),
            first_seen: text("valid_from").and_then(when::parse),
            last_seen: None,
            expires: text("valid_until").and_then(when::parse),
        };
        for (path, value) in comparisons {
            if !is_used(&path) {
                sink.skip(Skip::KindNotUsed);
            } else if value.is_empty() {
                sink.unparsed(number, "", Why::NoValue);
            } else {
                sink.value(number, &value, |record| said.dress(record));
            }
        }
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}

/// Whether the values at a path are looked for.
fn is_used(path: &str) -> bool {
    let path: String =
        path.chars().filter(|c| !matches!(c, '\'' | '"')).collect::<String>().to_ascii_lowercase();
    match path.strip_prefix("file:hashes.") {
        Some(digest) => {
            matches!(digest, "md5" | "sha-1" | "sha1" | "sha-256" | "sha256" | "sha-512" | "sha512")
        }
        None => matches!(&*path, "ipv4-addr:value" | "ipv6-addr:value" | "domain-name:value" | "url:value"),
    }
}

/// The comparisons of a pattern that is nothing but equalities joined by OR.
fn comparisons(pattern: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = pattern.trim_start();
    loop {
        rest = rest.strip_prefix('[')?;
        loop {
            let (comparison, after) = comparison(rest)?;
            found.push(comparison);
            if found.len() > MAX_COMPARISONS {
                return None;
            }
            match after.strip_prefix("OR") {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix(']')?.trim_start();
                    break;
                }
            }
        }
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
    }
}

/// One equality, and what is behind it and its blanks.
fn comparison(text: &str) -> Option<((String, String), &str)> {
    let text = text.trim_start();
    let (path, rest) = text.split_once('=')?;
    let path = path.trim_end();
    // Anything but a path means another operator, a bracket or a negation.
    let is_path = path.contains(':')
        && !path.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '!' | '<' | '>'));
    let (value, rest) = literal(rest.trim_start().strip_prefix('\'')?)?;
    is_path.then(|| ((path.to_owned(), value), rest.trim_start()))
}

/// A string up to its closing quote, where a backslash keeps the next character.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return text.get(at.saturating_add(1)..).map(|rest| (value, rest)),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pattern: &str) -> Option<Vec<String>> {
        Some(comparisons(pattern)?.into_iter().map(|(path, value)| format!("{path}={value}")).collect())
    }

    #[test]
    fn equalities_joined_by_or_are_taken() {
        let pattern =
            r"[ipv4-addr:value = '192.0.2.1' OR url:value='http://x/\'\\'] OR [file:hashes.'SHA-256' = 'ab']";
        let expected = ["ipv4-addr:value=192.0.2.1", r"url:value=http://x/'\", "file:hashes.'SHA-256'=ab"];
        assert_eq!(values(pattern).unwrap(), expected);
    }

    #[test]
    fn everything_else_is_left_alone() {
        for pattern in [
            "",
            "[]",
            "[a:b = 'c'",
            "[a:b = 'c' AND a:d = 'e']",
            "[a:b = 'c'] AND [a:b = 'd']",
            "[a:b = 'c'] FOLLOWEDBY [a:b = 'd']",
            "[a:b = 'c'] WITHIN 5 SECONDS",
            "[a:b != 'c']",
            "[NOT a:b = 'c']",
            "[a:b LIKE 'c']",
            "[(a:b = 'c')]",
            "[a:b = 5]",
            "[a:b = 'c]",
        ] {
            assert_eq!(values(pattern), None, "{pattern}");
        }
    }
}
