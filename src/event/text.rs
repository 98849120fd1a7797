//! Text that the workload chose: bytes that are shown escaped and compared as they are.

use std::fmt;

/// A borrowed piece of workload text. Not necessarily UTF-8; empty means absent, as in proto3.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The bytes as they came.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The text, or nothing where nothing was said.
    #[must_use]
    pub fn present(self) -> Option<&'a [u8]> {
        if self.0.is_empty() { None } else { Some(self.0) }
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text(text.as_bytes())
    }
}

/// Shows the text on one line: control characters, backslashes and bytes that are not UTF-8 escaped, so that no
/// workload can write to an operator's terminal or break a log into lines.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    // Bidirectional overrides can make a line read as something else.
                    '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                        write!(f, "{}", c.escape_unicode())?;
                    }
                    c if c.is_control() => write!(f, "{}", c.escape_default())?,
                    c => fmt::Write::write_char(f, c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Finds the next text in the bytes of a message and returns it with the rest of the message.
///
/// How texts lie in a message is the business of whoever decoded it, so that this module knows no wire format.
pub type Scan = for<'x> fn(&'x [u8]) -> Option<(Text<'x>, &'x [u8])>;

/// A list of texts (arguments, environment) that is read when asked for: nothing is copied or allocated.
#[derive(Clone, Copy)]
pub struct Texts<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Slice(&'a [Text<'a>]),
    Message { bytes: &'a [u8], scan: Scan },
}

impl<'a> Texts<'a> {
    /// A list that is read out of `bytes` by `scan`.
    #[must_use]
    pub fn in_message(bytes: &'a [u8], scan: Scan) -> Self {
        Texts(Source::Message { bytes, scan })
    }

    /// A list of texts that are at hand.
    #[must_use]
    pub fn of(texts: &'a [Text<'a>]) -> Self {
        Texts(Source::Slice(texts))
    }

    /// The texts in their order.
    pub fn iter(&self) -> impl Iterator<Item = Text<'a>> + use<'a> {
        let mut source = self.0;
        std::iter::from_fn(move || match &mut source {
            Source::Slice(texts) => {
                let (first, rest) = texts.split_first()?;
                *texts = rest;
                Some(*first)
            }
            Source::Message { bytes, scan } => {
                let (text, rest) = scan(bytes)?;
                *bytes = rest;
                Some(text)
            }
        })
    }

    /// The first text, such as `argv[0]`.
    #[must_use]
    pub fn first(&self) -> Option<Text<'a>> {
        self.iter().next()
    }

    /// Whether the list has no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }
}

impl Default for Texts<'_> {
    fn default() -> Self {
        Texts(Source::Slice(&[]))
    }
}

impl PartialEq for Texts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Texts<'_> {}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_on_one_line_whatever_it_holds() {
        let hostile = Text(b"a\x1b[2J\nb\\\xff\xe2\x80\xae");
        assert_eq!(hostile.to_string(), r"a\u{1b}[2J\nb\\\xff\u{202e}");
    }

    #[test]
    fn texts_are_equal_by_content_whatever_they_are_read_from() {
        fn halves(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
            let (half, rest) = bytes.split_at_checked(2)?;
            Some((Text(half), rest))
        }
        let at_hand = [Text(b"ab"), Text(b"cd")];
        assert_eq!(Texts::in_message(b"abcd", halves), Texts::of(&at_hand));
        assert_ne!(Texts::in_message(b"ab", halves), Texts::of(&at_hand));
        assert!(Texts::default().is_empty());
    }
}
