//! A reader for each family of forms.

mod crowdsec;
pub(super) mod csv;
mod drop_json;
mod falco;
pub(super) mod json;
pub(super) mod lines;
pub(super) mod misp;
mod otx;
mod stix;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::format::Format;
use super::read::{FeedError, Sink};
use super::sniff::{Body, Shape};

/// Reads a file whose form is known.
pub(super) fn read(shape: &Shape, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), FeedError> {
    match &shape.body {
        Body::Lines => lines::read(shape.format, bytes, sink),
        Body::Csv(layout) => csv::read(shape.format, layout, bytes, sink),
        Body::Yaml => falco::read(bytes, sink),
        Body::JsonLines if shape.format == Format::DropJson => drop_json::read(bytes, sink),
        Body::JsonLines => json::read_lines(shape.format, bytes, sink),
        Body::Json(document) => read_document(shape.format, document, sink),
    }
}

fn read_document(format: Format, document: &Value, sink: &mut Sink<'_>) -> Result<(), FeedError> {
    if format == Format::MispEvent {
        misp::event(document, sink)
    } else if format == Format::MispManifest {
        // It names files, which whoever fetches them asks of `manifest`.
        Ok(())
    } else if format == Format::MispWarninglist {
        misp::warninglist(document, sink)
    } else if format == Format::Stix {
        stix::read(document, sink)
    } else if format == Format::CrowdsecJson {
        crowdsec::read(document, sink)
    } else if format == Format::Otx {
        otx::read(document, sink)
    } else {
        json::read(format, document, sink)
    }
}

/// A line of a file, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'b> {
    /// Nothing but blanks.
    Blank,
    /// A comment with its mark, without the blanks around it.
    Comment(u32, &'b str),
    /// Anything else, without the blanks around it.
    Data(u32, &'b str),
    /// Not UTF-8.
    NotText(u32),
}

/// The lines of a file.
#[derive(Clone, Debug)]
pub(super) struct Lines<'b> {
    rest: &'b [u8],
    number: u32,
    limit: usize,
}

impl<'b> Lines<'b> {
    pub(super) fn new(bytes: &'b [u8], limit: usize) -> Lines<'b> {
        Lines { rest: bytes, number: 0, limit }
    }
}

impl<'b> Iterator for Lines<'b> {
    type Item = Result<Line<'b>, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // Of Unix, of Windows, and of the old Macintosh.
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let end = self.rest.iter().position(is_end).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
        self.number = self.number.saturating_add(1);
        if line.len() > self.limit {
            self.rest = &[];
            return Some(Err(FeedError::LineTooLong { line: self.number, limit: self.limit }));
        }
        // A file that was put behind another keeps its mark.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return Some(Ok(Line::Blank));
        }
        let is_comment = [&b"#"[..], b";", b"!", b"//"].iter().any(|mark| line.starts_with(mark));
        Some(Ok(match std::str::from_utf8(line) {
            Ok(text) if is_comment => Line::Comment(self.number, text),
            Ok(text) => Line::Data(self.number, text),
            // Old comments are in Latin-1; nothing is lost with them.
            Err(_) if is_comment => Line::Comment(self.number, "#"),
            Err(_) => Line::NotText(self.number),
        }))
    }
}
