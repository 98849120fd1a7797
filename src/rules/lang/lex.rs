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

    /// Passes `not` and the blanks behind it, of which there must be one.
    pub(super) fn eat_not(&mut self) -> bool {
        let start = self.at;
        let blank =
            self.eat("not").then(|| self.rest().find(|c| !is_space(c)).unwrap_or_else(|| self.rest().len()));
        if let Some(length) = blank.filter(|length| *length > 0) {
            self.skip(length);
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
        let end = self.rest().find(|c: char| is_space(c) || "(),=\"'".contains(c));
        self.take(end.unwrap_or_else(|| self.rest().len()))
    }

    /// Passes a bare argument in brackets: up to a blank, a bracket or a quote.
    pub(super) fn bare_argument(&mut self) -> Option<&'a str> {
        let end = self.rest().find(|c: char| is_space(c) || "[]\"'".contains(c));
        self.take(end.unwrap_or_else(|| self.rest().len()))
    }

    /// Whether a keyword stands here: alone, or before anything but a letter or a digit.
    pub(super) fn is_at_keyword(&self) -> bool {
        ["and", "or", "not"].iter().any(|keyword| {
            let rest = self.rest().strip_prefix(keyword);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        })
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
            Some(blank) if blank.starts_with(|c| is_blank(c) || is_space(c)) => "a blank".to_owned(),
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
        let ends = |c: char| is_blank(c) || is_space(c) || "()[],=<>!\"'".contains(c);
        let word = rest.find(ends).unwrap_or(rest.len());
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

/// What may stand between words. Falco has the backspace among them, and neither of the tabulators of old printers.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x08' | '\r' | '\n')
}

/// What ends a bare text: blanks as POSIX has them (`isspace(3)` in the C locale).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Whether `text` can stand without quotes where a value is expected.
pub(super) fn is_bare(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    !text.starts_with(is_blank) && cursor.bare() == Some(text)
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
    let mut text = Vec::with_capacity(inner.len());
    let mut chars = inner.char_indices();
    while let Some((offset, c)) = chars.next() {
        if c != '\\' {
            text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let Some((_, escape)) = chars.next() else { break };
        let start = at.saturating_add(offset);
        text.push(match escape {
            'b' => b'\x08',
            'f' => b'\x0c',
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            '\\' | ' ' => b'\\',
            '/' => b'/',
            '"' if quote == '"' => b'"',
            '\'' if quote == '\'' => b'\'',
            'x' => match chars.as_str().get(..2).and_then(byte_of) {
                Some(byte) => {
                    chars.by_ref().take(2).for_each(drop);
                    byte
                }
                None => return Err(bad_escape('x', start, "write two digits, such as `\\x1b`")),
            },
            '"' | '\'' => {
                let help = format!("write {escape} alone: only the quote around the text is escaped");
                return Err(bad_escape(escape, start, help));
            }
            other => return Err(bad_escape(other, start, "write `\\\\` for a backslash")),
        });
    }
    String::from_utf8(text).map_err(|_| {
        let kind = ParseErrorKind::NotText;
        ParseError::new(kind, at..at.saturating_add(inner.len()))
            .help("look for bytes with `bcontains` or `bstartswith`, such as `bcontains fffe`")
    })
}

fn bad_escape(escape: char, start: usize, help: impl Into<String>) -> ParseError {
    let end = start.saturating_add(1).saturating_add(escape.len_utf8());
    ParseError::new(ParseErrorKind::BadEscape { escape }, start..end).help(help)
}

/// The byte that two hexadecimal digits are.
fn byte_of(digits: &str) -> Option<u8> {
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hexadecimal.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
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
            control if control.is_ascii_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
