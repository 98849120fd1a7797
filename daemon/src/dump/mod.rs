//! One line for every record of a trace, whatever is in it: decoded, unknown or broken.
//!
//! Lines are made of [`Record`](sluicebox::event::Record)s, so a field that the decoder learns is printed without a
//! change here. Everything that the workload chose is escaped; a line is a line.

mod json;
mod text;

use std::io::{self, Write};

use sluicebox::event::Time;
use sluicebox::wire::{self, DecodeError, Message};

/// Writes into a `String`, which cannot fail.
macro_rules! put {
    ($line:expr, $($arg:tt)*) => { write!($line, $($arg)*).unwrap_or_default() };
}
use put;

/// How a record is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For reading, like strace.
    Text,
    /// For programs, one JSON object a line.
    Json,
}

/// Prints the records of one trace.
#[derive(Debug)]
pub struct Dumper<W> {
    out: W,
    style: Style,
    /// Number of the next record, from 0.
    record: u64,
    /// The first time seen, from which the text's times count.
    begin: Option<Time>,
    line: String,
}

/// A record and what came of decoding it.
struct Decoded<'a> {
    record: u64,
    packet: &'a [u8],
    message: Result<Message<'a>, DecodeError>,
}

impl<W: Write> Dumper<W> {
    /// A printer at the beginning of a trace.
    #[must_use]
    pub fn new(out: W, style: Style) -> Dumper<W> {
        Dumper { out, style, record: 0, begin: None, line: String::new() }
    }

    /// Prints one record as exactly one line.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn packet(&mut self, packet: &[u8]) -> io::Result<()> {
        let decoded = Decoded { record: self.record, packet, message: wire::decode(packet) };
        self.record = self.record.saturating_add(1);
        self.line.clear();
        match self.style {
            Style::Text => {
                let time = decoded.time();
                let begin = match (self.begin, time) {
                    (Some(begin), _) => begin,
                    (None, Some(time)) => *self.begin.insert(time),
                    (None, None) => Time(0),
                };
                text::line(&mut self.line, &decoded, time.map(|time| time.since(begin)));
            }
            Style::Json => json::line(&mut self.line, &decoded),
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Decoded<'_> {
    fn time(&self) -> Option<Time> {
        let context = self.message.as_ref().ok()?.event.as_ref()?.context.as_ref()?;
        context.time.is_known().then_some(context.time)
    }
}

/// Appends `bytes` in hexadecimal.
fn hex(line: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            let digit = DIGITS.get(usize::from(digit)).copied().unwrap_or_default();
            line.push(char::from(digit));
        }
    }
}
