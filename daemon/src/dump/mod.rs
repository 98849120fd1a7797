//! One line for every record of a trace, whatever is in it: decoded, unknown or broken.
//!
//! Lines are made of [`Record`](sluicebox::event::Record)s, so a field that the decoder learns is printed without a
//! change here. Everything that the workload chose is escaped; a line is a line.

mod json;
pub mod state;
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
        self.write_line(packet);
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// The line of one record, which is printed nowhere.
    pub fn one(&mut self, packet: &[u8]) -> &str {
        self.write_line(packet);
        &self.line
    }

    fn write_line(&mut self, packet: &[u8]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Field `number` with `bytes` as its content; enough for numbers up to 15 and contents up to 127 bytes.
    fn bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// Field `number` with a number up to 127 as its content.
    fn small(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    /// An open by thread 7 of process 6, `comm`, of `path`.
    fn open(time: u8, comm: &[u8], path: &[u8], exit: &[u8]) -> Vec<u8> {
        let context = [small(1, time), small(2, 7), small(4, 6), bytes(9, comm)].concat();
        let fields = [small(3, 2), bytes(6, path), small(7, 0x41)].concat();
        [vec![8, 0, 7, 0, 5, 0, 0, 0], bytes(1, &context), exit.to_vec(), fields].concat()
    }

    fn dump(style: Style, packets: &[Vec<u8>]) -> String {
        let mut dumper = Dumper::new(Vec::new(), style);
        for packet in packets {
            dumper.packet(packet).unwrap();
        }
        String::from_utf8(dumper.out).unwrap()
    }

    #[test]
    fn text_reads_like_strace() {
        let failed = bytes(2, &small(2, 2));
        let succeeded = bytes(2, &small(1, 3));
        let packets = [
            open(1, b"sh", b"/tmp/x", &[]),
            open(1, b"sh", b"/tmp/x", &succeeded),
            open(1, b"a\nb", b"\", flags=0x0, \"\x1b[2J", &failed),
            vec![8, 0, 99, 0, 0, 0, 0, 0],
            vec![1, 2, 3],
        ];
        assert_eq!(
            dump(Style::Text, &packets),
            concat!(
                r#" 0.000000 6/7 sh open(dirfd=0, pathname="/tmp/x", flags=0x41, mode=0x0) ..."#,
                "\n",
                r#" 0.000000 6/7 sh open(dirfd=0, pathname="/tmp/x", flags=0x41, mode=0x0) = 3"#,
                "\n",
                r#" 0.000000 6/7 a\nb open(dirfd=0, pathname="\", flags=0x0, \"\u{1b}[2J", flags=0x41, mode=0x0) = -1 ENOENT"#,
                "\n",
                " ?.?????? unknown message of type 99 (8 bytes)\n",
                " ?.?????? undecodable (3 bytes): packet is shorter than its header\n",
            )
        );
    }

    #[test]
    fn json_has_header_context_and_every_field() {
        let line = dump(Style::Json, &[open(9, b"sh", b"/tmp/\"\xff", &bytes(2, &small(1, 3)))]);
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(record["record"], 0);
        assert_eq!(record["message_type"], 7);
        assert_eq!(record["dropped_count"], 5);
        assert_eq!(record["event"], "open");
        assert_eq!(record["context"]["time"], 9);
        assert_eq!(record["context"]["tid"], 7);
        assert_eq!(record["context"]["tgid"], 6);
        assert_eq!(record["context"]["comm"], "sh");
        assert_eq!(record["fields"]["pathname"], r#"/tmp/"\xff"#);
        assert_eq!(record["fields"]["flags"], 0x41);
        assert_eq!(record["fields"]["call"]["exit"]["result"], 3);
    }
}
