//! What is wrong with a configuration, said with file, line, column and mend.

use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// Why there is no configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is wrong: a line for each thing, with its place and the mend.
    #[error("{0}")]
    Wrong(String),
}

/// Something in a configuration that is in its form and cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where, from the outermost table inwards.
    pub key: &'static [&'static str],
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.key.join("."), self.what, self.mend)
    }
}

/// A file that is not in the form of a configuration.
pub(super) fn form(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let place = place(text, error.span().unwrap_or_default().start);
    let message = error.message().trim_end();
    // The parser of TOML says more than one line where it knows what may stand there.
    let mut said = format!("{}:{place}: {}", path.display(), message.replace('\n', ", "));
    if let Some(mend) = nearest(message) {
        said.push_str(&format!("; did you mean `{mend}`?"));
    }
    ConfigError::Wrong(said)
}

/// A file that contradicts itself.
pub(super) fn meaning(path: &Path, text: &str, wrong: &[Wrong]) -> ConfigError {
    let table = DeTable::parse(text).ok();
    let lines = wrong.iter().map(|wrong| {
        let at = table.as_ref().and_then(|table| locate(table.get_ref(), wrong.key)).unwrap_or_default();
        format!("{}:{}: {wrong}", path.display(), place(text, at.start))
    });
    ConfigError::Wrong(lines.collect::<Vec<_>>().join("\n"))
}

/// Where a key stands; if it is not given, the innermost table that is.
fn locate(table: &DeTable<'_>, key: &[&str]) -> Option<Range<usize>> {
    let mut found = None;
    let mut inside = Some(table);
    for name in key {
        let member = inside.and_then(|inside| inside.iter().find(|(at, _)| at.get_ref() == name));
        let Some((at, value)) = member else { break };
        found = Some(at.span());
        inside = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => None,
        };
    }
    found
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.chars().rev().take_while(|character| *character != '\n').count().saturating_add(1);
    format!("{line}:{column}")
}

/// The name that serde expected which is most like the one that it met, if one is like it at all. Its message names them
/// all: ``unknown field `a`, expected one of `b`, `c` ``.
fn nearest(message: &str) -> Option<&str> {
    let mut names = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let met = names.next()?;
    let (name, distance) =
        names.map(|name| (name, distance(met, name))).min_by_key(|(_, distance)| *distance)?;
    (distance <= (met.len() / 4).saturating_add(1)).then_some(name)
}

/// The edits that make one word of the other. Words of a configuration are short.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, byte) in one.bytes().enumerate() {
        let mut diagonal = at;
        let mut left = at.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, against) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = diagonal.saturating_add(usize::from(byte != against));
            diagonal = *cell;
            left = changed.min(cell.saturating_add(1)).min(left.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words_counts_edits() {
        for (one, other, edits) in
            [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("sockt", "socket", 1), ("abc", "abc", 0)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (edits, edits), "{one} {other}");
        }
    }

    #[test]
    fn a_name_that_is_like_none_has_no_mend() {
        assert_eq!(nearest("unknown field `sockt`, expected one of `rules`, `socket`"), Some("socket"));
        assert_eq!(nearest("unknown field `apples`, expected one of `rules`, `socket`"), None);
        assert_eq!(nearest("invalid type: integer `5`, expected a string"), None);
    }
}
