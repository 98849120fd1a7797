//! The arguments of a call as strace prints them: strings, arrays, structs, and words.

/// Structs and arrays inside each other beyond which a line is not read. strace prints five at most.
const MAX_DEPTH: usize = 16;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'l> {
    /// A string, unescaped.
    Text {
        /// Its bytes.
        bytes: Vec<u8>,
        /// strace left the rest out.
        cut: bool,
    },
    /// `[a, b]`.
    Array(Vec<Value<'l>>),
    /// `{name=a, name=b}`; a part without a name has an empty one.
    Struct(Vec<(&'l [u8], Value<'l>)>),
    /// Whatever else: a number, flags, `NULL`, `htons(80)`; with what `-y` says of a descriptor.
    Word {
        /// The text without the annotation.
        text: &'l [u8],
        /// What stands between angle brackets behind a descriptor.
        path: Option<&'l [u8]>,
    },
}

/// An argument, some of which strace gives a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arg<'l> {
    pub(super) name: &'l [u8],
    pub(super) value: Value<'l>,
}

impl<'l> Value<'l> {
    /// The string's bytes.
    pub(super) fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Text { bytes, .. } => Some(bytes),
            Value::Array(_) | Value::Struct(_) | Value::Word { .. } => None,
        }
    }

    /// The elements of an array.
    pub(super) fn elements(&self) -> &[Value<'l>] {
        match self {
            Value::Array(elements) => elements,
            Value::Text { .. } | Value::Struct(_) | Value::Word { .. } => &[],
        }
    }

    /// A part of a struct.
    pub(super) fn part(&self, name: &[u8]) -> Option<&Value<'l>> {
        match self {
            Value::Struct(parts) => parts.iter().find(|(known, _)| *known == name).map(|(_, value)| value),
            Value::Text { .. } | Value::Array(_) | Value::Word { .. } => None,
        }
    }

    /// The word's text.
    pub(super) fn word(&self) -> Option<&'l [u8]> {
        match self {
            Value::Word { text, .. } => Some(text),
            Value::Text { .. } | Value::Array(_) | Value::Struct(_) => None,
        }
    }

    /// What `-y` says of a descriptor.
    pub(super) fn path(&self) -> Option<&'l [u8]> {
        match self {
            Value::Word { path, .. } => *path,
            Value::Text { .. } | Value::Array(_) | Value::Struct(_) => None,
        }
    }
}

/// A place in a line. Reads forward only, and never past the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'l> {
    rest: &'l [u8],
}

impl<'l> Scanner<'l> {
    pub(super) fn new(line: &'l [u8]) -> Scanner<'l> {
        Scanner { rest: line }
    }

    pub(super) fn rest(&self) -> &'l [u8] {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Goes on by so many bytes and gives them.
    pub(super) fn take(&mut self, count: usize) -> &'l [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Takes the piece if it comes next.
    pub(super) fn eat(&mut self, piece: &[u8]) -> bool {
        match self.rest.strip_prefix(piece) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes bytes as long as they are wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'l [u8] {
        let count = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        self.take(count)
    }

    pub(super) fn spaces(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    /// Reads arguments up to the closing parenthesis, which is taken.
    pub(super) fn arguments(&mut self) -> Option<Vec<Arg<'l>>> {
        let mut args = Vec::new();
        loop {
            self.spaces();
            if self.eat(b")") {
                return Some(args);
            }
            let (name, value) = self.named(0)?;
            args.push(Arg { name, value });
            self.separator();
        }
    }

    /// What may stand between two values: a comma, and what became of an argument (`=> [5]`).
    fn separator(&mut self) {
        self.spaces();
        self.eat(b",");
        self.spaces();
    }

    /// `name=value`, or a value alone.
    fn named(&mut self, depth: usize) -> Option<(&'l [u8], Value<'l>)> {
        let before = *self;
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !name.is_empty() && !name.first().is_some_and(u8::is_ascii_digit) && self.eat(b"=") {
            return Some((name, self.value(depth)?));
        }
        *self = before;
        Some((b"", self.value(depth)?))
    }

    fn value(&mut self, depth: usize) -> Option<Value<'l>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let depth = depth.saturating_add(1);
        match self.peek()? {
            b'"' => self.string(),
            b'[' => {
                self.take(1);
                let mut elements = Vec::new();
                while !self.closed(b"]")? {
                    let (_, element) = self.named(depth)?;
                    elements.push(element);
                }
                Some(Value::Array(elements))
            }
            b'{' => {
                self.take(1);
                let mut parts = Vec::new();
                while !self.closed(b"}")? {
                    parts.push(self.named(depth)?);
                }
                Some(Value::Struct(parts))
            }
            _ => self.word(),
        }
    }

    /// Whether the group ends here; its end is taken.
    fn closed(&mut self, end: &[u8]) -> Option<bool> {
        self.separator();
        if self.eat(end) {
            return Some(true);
        }
        self.peek().map(|_| false)
    }

    /// A string, its first quotation mark next.
    pub(super) fn string(&mut self) -> Option<Value<'l>> {
        if !self.eat(b"\"") {
            return None;
        }
        let mut bytes = Vec::new();
        loop {
            bytes.extend_from_slice(self.take_while(|byte| byte != b'"' && byte != b'\\'));
            if self.eat(b"\"") {
                let cut = self.eat(b"...");
                return Some(Value::Text { bytes, cut });
            }
            // A backslash, or the end.
            self.take(1);
            let escaped = self.take(1);
            match *escaped.first()? {
                b'n' => bytes.push(b'\n'),
                b't' => bytes.push(b'\t'),
                b'r' => bytes.push(b'\r'),
                b'v' => bytes.push(0x0b),
                b'f' => bytes.push(0x0c),
                b'x' => bytes.push(self.digits(16, 2)?),
                digit @ b'0'..=b'7' => {
                    let first = digit.wrapping_sub(b'0');
                    let rest = self.octal_tail();
                    bytes.push(rest.iter().fold(first, |value, digit| {
                        value.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0'))
                    }));
                }
                other => bytes.push(other),
            }
        }
    }

    /// Up to two more octal digits.
    fn octal_tail(&mut self) -> &'l [u8] {
        let count = self.rest.iter().take(2).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
        self.take(count)
    }

    fn digits(&mut self, radix: u32, count: usize) -> Option<u8> {
        let digits = std::str::from_utf8(self.take(count)).ok()?;
        u8::from_str_radix(digits, radix).ok()
    }

    /// A word ends at a comma or at what closes the group it is in. Calls such as `htons(80)` are part of it, strings
    /// in them as well, and so is a comment (`/* 35 vars */`).
    fn word(&mut self) -> Option<Value<'l>> {
        let begin = self.rest;
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'(' | b'[' | b'{' => open = open.saturating_add(1),
                b')' | b']' | b'}' if open > 0 => open = open.saturating_sub(1),
                b',' | b')' | b']' | b'}' if open == 0 => break,
                b'<' if open == 0 && is_descriptor(taken(begin, self.rest)) => {
                    let text = taken(begin, self.rest);
                    self.take(1);
                    let path = self.annotation()?;
                    // What was renamed or became of it, up to the separator.
                    self.take_while(|byte| !matches!(byte, b',' | b')' | b']' | b'}'));
                    return Some(Value::Word { text, path: Some(path) });
                }
                _ => {}
            }
            self.take(1);
        }
        let text = taken(begin, self.rest).trim_ascii();
        // Nothing was read: a closing sign that fits nothing.
        if self.rest.len() == begin.len() {
            return None;
        }
        Some(Value::Word { text, path: None })
    }

    /// The rest of `<...>`. The arrow in a connection's annotation is no end, nor is the inner end of a device's.
    pub(super) fn annotation(&mut self) -> Option<&'l [u8]> {
        let mut from = 0_usize;
        loop {
            let at = self.rest.get(from..)?.iter().position(|byte| *byte == b'>')?.checked_add(from)?;
            let after = self.rest.get(at.checked_add(1)?);
            let ends = match after {
                None => true,
                Some(byte) => matches!(byte, b',' | b')' | b']' | b'}' | b' ' | b'('),
            };
            if ends {
                let inner = self.take(at);
                self.take(1);
                // A file that has gone is named by the path that it had.
                self.eat(b"(deleted)");
                return Some(inner);
            }
            from = at.checked_add(1)?;
        }
    }
}

/// What was read between two places of a line.
fn taken<'l>(begin: &'l [u8], rest: &[u8]) -> &'l [u8] {
    begin.get(..begin.len().saturating_sub(rest.len())).unwrap_or_default()
}

/// Descriptors are what `-y` annotates.
fn is_descriptor(word: &[u8]) -> bool {
    word == b"AT_FDCWD" || (!word.is_empty() && word.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Arg<'_>> {
        Scanner::new(text.as_bytes()).arguments().unwrap_or_default()
    }

    #[test]
    fn strings_are_unescaped_and_say_when_they_were_cut() {
        let args = read(r#""a\n\"\\\x21\1\0012", "abc"...)"#);
        assert_eq!(args[0].value.text(), Some(b"a\n\"\\!\x01\x012".as_slice()));
        assert_eq!(args[1].value, Value::Text { bytes: b"abc".to_vec(), cut: true });
    }

    #[test]
    fn descriptors_carry_what_is_said_of_them() {
        for (text, path) in [
            ("3</etc/passwd>)", "/etc/passwd"),
            ("AT_FDCWD</tmp/st>, 1)", "/tmp/st"),
            ("3<socket:[77]>)", "socket:[77]"),
            ("3<TCP:[10.0.0.1:44->198.51.100.7:80]>, 2)", "TCP:[10.0.0.1:44->198.51.100.7:80]"),
            ("3</dev/nvidiactl<char 195:255>>, 2)", "/dev/nvidiactl<char 195:255>"),
            ("3</tmp/gone>(deleted), 2)", "/tmp/gone"),
        ] {
            assert_eq!(read(text)[0].value.path(), Some(path.as_bytes()), "{text}");
        }
    }

    #[test]
    fn structs_arrays_and_calls_nest() {
        let args =
            read(r#"3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("198.51.100.7")}, [16])"#);
        assert_eq!(args.len(), 3);
        assert_eq!(args[1].value.part(b"sin_port").and_then(Value::word), Some(b"htons(80)".as_slice()));
        assert_eq!(args[2].value.elements().len(), 1);
        let args = read("child_stack=NULL, flags=CLONE_VM|SIGCHLD, child_tidptr=0x7f)");
        assert_eq!(
            (args[1].name, args[1].value.word()),
            (b"flags".as_slice(), Some(b"CLONE_VM|SIGCHLD".as_slice()))
        );
        let args = read(r#""/bin/sh", ["sh", "-c", "a, b) = 1"], 0x7ff /* 35 vars */)"#);
        assert_eq!(args[1].value.elements().len(), 3);
    }

    #[test]
    fn what_does_not_end_is_not_read() {
        for text in ["", "\"abc", "[1, 2", "{a=1", "3, ", "\"\\", "\"\\x4", "]", "3</etc"] {
            assert_eq!(Scanner::new(text.as_bytes()).arguments(), None, "{text}");
        }
        let deep = format!("{}1)", "[".repeat(1000));
        assert_eq!(Scanner::new(deep.as_bytes()).arguments(), None);
    }
}
