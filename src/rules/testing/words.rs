//! A line of a script as words with their columns: `TIME`, `EVENT`, `key=value`, `key="a value"`.
//!
//! Inside quotes `\"`, `\\`, `\n`, `\t` and `\xHH` stand for what they do elsewhere: what a workload chooses need not
//! be text.

use std::net::SocketAddr;

use super::error::{ScriptError, ScriptErrorKind};
use crate::event::Nanos;
use crate::rules::lang::Number;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// What stands before the `=`; all of a word without one.
    pub(super) name: String,
    /// What stands behind it.
    pub(super) value: Option<Vec<u8>>,
    /// Counted from 1.
    pub(super) column: usize,
}

/// The words of a line.
pub(super) fn words(text: &str, line: usize) -> Result<Vec<Word>, ScriptError> {
    let mut words = Vec::new();
    let mut chars = text.chars().zip(1usize..).peekable();
    while let Some((first, column)) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut name = String::from(first);
        while let Some((c, _)) = chars.next_if(|(c, _)| !c.is_whitespace() && *c != '=') {
            name.push(c);
        }
        let mut value = None;
        if chars.next_if(|(c, _)| *c == '=').is_some() {
            let mut bytes = Vec::new();
            let mut quoted = false;
            while let Some((c, at)) = chars.next_if(|(c, _)| quoted || !c.is_whitespace()) {
                match c {
                    '"' => quoted = !quoted,
                    '\\' if quoted => {
                        let mut next = || chars.next().map(|(c, _)| c);
                        let byte = match next() {
                            Some('n') => Some(b'\n'),
                            Some('t') => Some(b'\t'),
                            Some(c @ ('"' | '\\')) => u8::try_from(c).ok(),
                            Some('x') => {
                                let mut nibble = || u8::try_from(next()?.to_digit(16)?).ok();
                                nibble().zip(nibble()).map(|(high, low)| high << 4 | low)
                            }
                            Some(_) | None => None,
                        };
                        let expected = "an escape such as `\\\"`, `\\\\`, `\\n` or `\\x1b`";
                        bytes.push(byte.ok_or_else(|| bad(line, at, &name, &bytes, expected))?);
                    }
                    c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            if quoted {
                return Err(ScriptError { line, column, kind: ScriptErrorKind::OpenQuote });
            }
            value = Some(bytes);
        }
        words.push(Word { name, value, column });
    }
    Ok(words)
}

fn bad(line: usize, column: usize, key: &str, value: &[u8], expected: &'static str) -> ScriptError {
    let (key, value) = (key.to_owned(), String::from_utf8_lossy(value).into_owned());
    ScriptError { line, column, kind: ScriptErrorKind::BadValue { key, value, expected } }
}

/// The keys of an event. They are taken one by one; what is left in the end is unknown.
#[derive(Debug)]
pub(super) struct Keys {
    line: usize,
    /// Of the event's name, for what is missing.
    column: usize,
    left: Vec<Word>,
    asked: Vec<&'static str>,
}

impl Keys {
    pub(super) fn new(line: usize, column: usize, words: Vec<Word>) -> Result<Keys, ScriptError> {
        for (at, word) in words.iter().enumerate() {
            let kind = if word.value.is_none() {
                let expected = "`key=value`";
                ScriptErrorKind::BadValue { key: word.name.clone(), value: String::new(), expected }
            } else if words.iter().take(at).any(|earlier| earlier.name == word.name) {
                ScriptErrorKind::Twice(word.name.clone())
            } else {
                continue;
            };
            return Err(ScriptError { line, column: word.column, kind });
        }
        Ok(Keys { line, column, left: words, asked: Vec::new() })
    }

    /// The bytes of a key.
    pub(super) fn bytes(&mut self, key: &'static str) -> Option<Vec<u8>> {
        self.take(key).and_then(|word| word.value)
    }

    /// The value of a key as `read` understands it.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ScriptError> {
        let Some(word) = self.take(key) else { return Ok(None) };
        let value = word.value.unwrap_or_default();
        match std::str::from_utf8(&value).ok().and_then(read) {
            Some(read) => Ok(Some(read)),
            None => Err(bad(self.line, word.column, key, &value, expected)),
        }
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<i64>, ScriptError> {
        self.read(key, "a number such as `3` or `0xc020462b`", number)
    }

    pub(super) fn int(&mut self, key: &'static str) -> Result<Option<i32>, ScriptError> {
        self.read(key, "a number such as `3`", |text| {
            number(text).and_then(|number| i32::try_from(number).ok())
        })
    }

    pub(super) fn endpoint(&mut self, key: &'static str) -> Result<Option<SocketAddr>, ScriptError> {
        self.read(key, "an address with a port such as `198.51.100.7:443`", |text| text.parse().ok())
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, ScriptError> {
        let flag = self.read(key, "`true` or `false`", |text| text.parse().ok())?;
        Ok(flag.unwrap_or(false))
    }

    pub(super) fn span(&mut self, key: &'static str) -> Result<Option<Nanos>, ScriptError> {
        self.read(key, "a duration such as `30s`", span)
    }

    /// A value that must be there.
    pub(super) fn needed<T>(&self, key: &'static str, value: Option<T>) -> Result<T, ScriptError> {
        let kind = ScriptErrorKind::MissingKey(key);
        value.ok_or(ScriptError { line: self.line, column: self.column, kind })
    }

    /// Whether all keys were asked for.
    pub(super) fn finish(self) -> Result<(), ScriptError> {
        match self.left.into_iter().next() {
            None => Ok(()),
            Some(Word { name: key, column, .. }) => {
                let kind = ScriptErrorKind::UnknownKey { key, known: self.asked };
                Err(ScriptError { line: self.line, column, kind })
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Word> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let at = self.left.iter().position(|word| word.name == key)?;
        Some(self.left.remove(at))
    }
}

/// A span of time; a bare `0` needs no unit.
pub(super) fn span(text: &str) -> Option<Nanos> {
    match Number::parse(text)? {
        Number::Duration(span) => Some(span),
        Number::Integer(0) => Some(Nanos::ZERO),
        Number::Integer(_) | Number::Fraction(_) | Number::Bytes(_) => None,
    }
}

/// A number, decimal or hexadecimal; 64 bits, whatever their sign.
fn number(text: &str) -> Option<i64> {
    match Number::parse(text)? {
        Number::Integer(number) => {
            i64::try_from(number).ok().or_else(|| u64::try_from(number).ok().map(u64::cast_signed))
        }
        Number::Fraction(_) | Number::Duration(_) | Number::Bytes(_) => None,
    }
}

/// Arguments as a shell would split them: by blanks, except in single quotes. Each ends with a NUL, as in
/// `/proc/PID/cmdline`.
pub(super) fn arguments(line: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let (mut quoted, mut begun) = (false, false);
    for byte in line {
        match byte {
            b'\'' => (quoted, begun) = (!quoted, true),
            b' ' if !quoted => {
                if begun {
                    packed.push(0);
                }
                begun = false;
            }
            byte => {
                packed.push(*byte);
                begun = true;
            }
        }
    }
    if begun {
        packed.push(0);
    }
    packed
}
