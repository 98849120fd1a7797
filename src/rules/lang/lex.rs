//! The words of a condition, one at a time.
//!
//! What a stretch of text is depends on where it stands (`in` is an operator behind a field, a value behind `=`, a
//! macro elsewhere), so there is no list of tokens: the parser asks the [`Cursor`] for what may come next.

use super::error::{ParseError, ParseErrorKind};
use super::number;

/// How much of an unexpected word an error quotes, in characters.
const QUOTED_FOUND: usize = 24;

/// A place in a condition's text.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// INVARIANT: at most the text's length, and between two characters.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The start of `text`.
    pub(super) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    /// The offset.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes back to an offset that [`Cursor::at`] gave.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The text from `start` up to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or("")
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes blanks; whether there was one.
    pub(super) fn blanks(&mut self) -> bool {
        let start = self.at;
        self.skip(self.rest().find(|c: char| !is_blank(c)).unwrap_or_else(|| self.rest().len()));
        self.at > start
    }

    /// Passes `word` if it comes next, whatever follows it.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.skip(word.len());
        }
        found
    }

    /// Passes `word` and the blanks behind it, of which there must be one.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.eat(word) && self.blanks() {
            return true;
        }
        self.at = start;
        false
    }

    /// Passes an identifier: a letter, then letters, digits and underscores.
    pub(super) fn identifier(&mut self) -> Option<&'a str> {
        let length = identifier_length(self.rest());
        self.take(length)
    }

    /// Passes a field's name: two identifiers or more, with dots between them.
    pub(super) fn field_name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let first = identifier_length(rest);
        let mut length = first;
        if first > 0 {
            while let Some(part) = rest.get(length..).and_then(|rest| rest.strip_prefix('.')) {
                match identifier_length(part) {
                    0 => break,
                    more => length = length.saturating_add(more).saturating_add(1),
                }
            }
        }
        if length > first { self.take(length) } else { None }
    }

    /// Passes a bare text: up to a blank or one of `( ) , = " '`.
    pub(super) fn bare(&mut self) -> Option<&'a str> {
        let end = self.rest().find(|c: char| is_blank(c) || "(),=\"'".contains(c));
        self.take(end.unwrap_or_else(|| self.rest().len()))
    }

    /// Passes a bare argument in brackets: up to a blank, a bracket or a quote.
    pub(super) fn bare_argument(&mut self) -> Option<&'a str> {
        let end = self.rest().find(|c: char| is_blank(c) || "[]\"'".contains(c));
        self.take(end.unwrap_or_else(|| self.rest().len()))
    }

    /// Passes a number without a unit.
    pub(super) fn number(&mut self) -> Option<&'a str> {
        self.take(number::length(self.rest()))
    }

    /// Passes a quoted text, if one starts here, and undoes its escapes.
    ///
    /// As in Falco a quote is escaped whenever a backslash stands before it, even an escaped one, so a text that
    /// ends in a backslash is written with `\ ` (backslash, blank), which means one backslash.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, ParseError> {
        let start = self.at;
        let Some(quote @ ('"' | '\'')) = self.peek() else { return Ok(None) };
        let inner = self.rest().get(1..).unwrap_or("");
        let mut previous = quote;
        let end = inner.char_indices().find(|(_, c)| {
            let closes = *c == quote && previous != '\\';
            previous = *c;
            closes
        });
        let Some((length, _)) = end else {
            let kind = ParseErrorKind::OpenText;
            let first = start..start.saturating_add(1);
            return Err(ParseError::new(kind, first).help(format!("close it with {quote}")));
        };
        let inner = inner.get(..length).unwrap_or("");
        let text = unescape(inner, quote, start.saturating_add(1))?;
        self.skip(length.saturating_add(2));
        Ok(Some(text))
    }

    /// What stands here, for an error: in backticks, shortened.
    pub(super) fn found(&self) -> String {
        let rest = self.rest();
        let length = self.found_length();
        match rest.get(..length) {
            None | Some("") => "the end of the condition".to_owned(),
            Some(blank) if blank.starts_with(is_blank) => "a blank".to_owned(),
            Some(word) if word.chars().count() > QUOTED_FOUND => {
                format!("`{}…`", word.chars().take(QUOTED_FOUND).collect::<String>())
            }
            Some(word) => format!("`{word}`"),
        }
    }

    /// The stretch that [`Cursor::found`] names.
    pub(super) fn found_range(&self) -> core::ops::Range<usize> {
        self.at..self.at.saturating_add(self.found_length())
    }

    fn found_length(&self) -> usize {
        let rest = self.rest();
        let word = rest.find(|c: char| is_blank(c) || "()[],=<>!\"'".contains(c)).unwrap_or(rest.len());
        if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) }
    }

    fn take(&mut self, length: usize) -> Option<&'a str> {
        let word = self.rest().get(..length).filter(|word| !word.is_empty())?;
        self.skip(length);
        Some(word)
    }

    fn skip(&mut self, length: usize) {
        self.at = self.at.saturating_add(length).min(self.text.len());
    }
}

/// Blanks as POSIX has them (`isspace(3)` in the C locale).
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Whether `text` can stand without quotes where a value is expected.
pub(super) fn is_bare(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.bare() == Some(text)
}

/// Whether `text` can stand in brackets without quotes.
pub(super) fn is_bare_argument(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.bare_argument() == Some(text)
}

fn identifier_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
    } else {
        0
    }
}

/// Undoes the escapes of a text that stood between two `quote`s and starts at offset `at`.
fn unescape(inner: &str, quote: char, at: usize) -> Result<String, ParseError> {
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.char_indices();
    while let Some((offset, c)) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let Some((_, escape)) = chars.next() else { break };
        text.push(match escape {
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' | ' ' => '\\',
            '/' => '/',
            c if c == quote => c,
            other => {
                let start = at.saturating_add(offset);
                let end = start.saturating_add(1).saturating_add(other.len_utf8());
                let help = if matches!(other, '"' | '\'') {
                    format!("write {other} alone: only the quote around the text is escaped")
                } else {
                    "write `\\\\` for a backslash".to_owned()
                };
                return Err(
                    ParseError::new(ParseErrorKind::BadEscape { escape: other }, start..end).help(help)
                );
            }
        });
    }
    Ok(text)
}

/// `text` in double quotes, with escapes, such that [`Cursor::quoted`] reads it back.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '"' => quoted.push_str("\\\""),
            // See `quoted`: `\\` right before the closing quote would not close it.
            '\\' if chars.peek().is_none() => quoted.push_str("\\ "),
            '\\' => quoted.push_str("\\\\"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
