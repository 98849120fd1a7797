//! Where a rule's text came from: files, places in them, and text whose every byte knows its place.
//!
//! Owns the loaded texts. Never reads a file: names and texts are handed in. Places are byte offsets, 32 bits wide,
//! which [`crate::rules::file::MAX_FILE`] makes enough.

use core::ops::Range;

/// A loaded file, by its position among the files that were handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A stretch of a loaded file, in bytes: `start` is part of it, `end` is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// The offset of its first byte.
    pub start: u32,
    /// The offset after its last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` to `end` of `source`.
    #[must_use]
    pub fn new(source: SourceId, start: usize, end: usize) -> Span {
        let start = narrow(start);
        Span { source, start, end: narrow(end).max(start) }
    }

    /// From the start of `self` to the end of `other`; `self` alone where they lie in two files.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if self.source == other.source { Span { end: self.end.max(other.end), ..self } } else { self }
    }
}

/// A value and the place where it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub const fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}

/// The files that were handed in, in their order.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    /// The offset of each line's first byte; never empty.
    lines: Vec<usize>,
}

/// A place as people count: lines and columns from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, name: &str, text: &str) -> SourceId {
        let id = SourceId(narrow(self.files.len()));
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at.saturating_add(1)));
        self.files.push(Source { name: name.to_owned(), text: text.to_owned(), lines });
        id
    }

    /// The file's name; empty if there is no such file.
    #[must_use]
    pub fn name(&self, source: SourceId) -> &str {
        self.file(source).map_or("", |file| file.name.as_str())
    }

    /// The file's text; empty if there is no such file.
    #[must_use]
    pub fn text(&self, source: SourceId) -> &str {
        self.file(source).map_or("", |file| file.text.as_str())
    }

    /// What stands at `span`; empty where it cuts a character or leaves the file.
    #[must_use]
    pub fn snippet(&self, span: Span) -> &str {
        self.text(span.source).get(widen(span.start)..widen(span.end)).unwrap_or("")
    }

    /// Line and column of an offset; that of the last byte for one beyond the end.
    #[must_use]
    pub fn position(&self, source: SourceId, offset: u32) -> LineColumn {
        let Some(file) = self.file(source) else { return LineColumn { line: 1, column: 1 } };
        let offset = widen(offset).min(file.text.len());
        let line = file.lines.partition_point(|start| *start <= offset);
        let start = file.line_start(line);
        let before = file.text.as_bytes().get(start..offset).unwrap_or(&[]);
        let column = String::from_utf8_lossy(before).chars().count().saturating_add(1);
        LineColumn { line, column }
    }

    /// The whole lines that `span` touches, with the offset of the first of them.
    #[must_use]
    pub fn lines_around(&self, span: Span) -> (usize, &str) {
        let Some(file) = self.file(span.source) else { return (0, "") };
        let first = file.line_start(file.lines.partition_point(|start| *start <= widen(span.start)));
        let rest = file.text.get(first..).unwrap_or("");
        let inside = widen(span.end).saturating_sub(first).min(rest.len());
        let tail = rest.as_bytes().get(inside..).unwrap_or(&[]);
        let end = tail.iter().position(|byte| *byte == b'\n').unwrap_or(tail.len());
        (first, rest.get(..inside.saturating_add(end)).unwrap_or(rest))
    }

    fn file(&self, source: SourceId) -> Option<&Source> {
        self.files.get(widen(source.0))
    }
}

impl Source {
    /// Where the line (counted from 1) starts.
    fn line_start(&self, line: usize) -> usize {
        self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0)
    }
}

/// Text in which every byte knows where it was written.
///
/// A condition is folded, quoted or appended to by YAML and by `append`; an error in it must still point into the
/// file. `pieces` are the offsets of the text where a new straight stretch of a file begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What it says.
    pub value: String,
    /// Sorted by `at`; the first one, if there is any, has `at == 0`.
    pieces: Vec<Piece>,
}

/// From byte `at` of the text on, the text runs along with the file from `place.start` on, at most to `place.end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    at: u32,
    place: Span,
}

impl Text {
    /// Text that stands in the file as it is, from `start` on.
    #[must_use]
    pub fn plain(value: &str, source: SourceId, start: usize) -> Text {
        let place = Span::new(source, start, start.saturating_add(value.len()));
        Text { value: value.to_owned(), pieces: vec![Piece { at: 0, place }] }
    }

    /// Text that belongs to no file: all its places are [`Span::default`].
    #[must_use]
    pub fn nowhere(value: &str) -> Text {
        Text { value: value.to_owned(), pieces: Vec::new() }
    }

    /// `value` folded from the stretch `raw` of a file; `places` pairs an offset of the value with one of the file
    /// wherever the two stop running in step.
    #[must_use]
    pub fn folded(value: String, raw: Span, places: &[(usize, usize)]) -> Text {
        let pieces = places
            .iter()
            .map(|(at, start)| Piece {
                at: narrow(*at),
                place: Span { start: narrow(*start).min(raw.end), ..raw },
            })
            .collect();
        Text { value, pieces }
    }

    /// Appends a blank and `more`, as `append: true` does.
    pub fn append(&mut self, more: &Text) {
        self.value.push(' ');
        let shift = narrow(self.value.len());
        self.value.push_str(&more.value);
        self.pieces
            .extend(more.pieces.iter().map(|piece| Piece { at: piece.at.saturating_add(shift), ..*piece }));
    }

    /// Where the bytes `range` of the text were written.
    #[must_use]
    pub fn span(&self, range: Range<usize>) -> Span {
        let start = self.place(range.start);
        // The end is one after the last byte, not the place of the byte that follows: that one may stand on another
        // line, behind the indentation.
        let last = range.end.saturating_sub(1).max(range.start);
        let mut end = self.place(last);
        if range.end > range.start {
            end.start = end.start.saturating_add(1).min(end.end.max(end.start));
        }
        if end.source == start.source && end.start >= start.start {
            Span { end: end.start, ..start }
        } else {
            Span { end: start.start, ..start }
        }
    }

    /// Where all of it was written.
    #[must_use]
    pub fn whole(&self) -> Span {
        self.span(0..self.value.len())
    }

    fn place(&self, offset: usize) -> Span {
        let offset = narrow(offset);
        let index = self.pieces.partition_point(|piece| piece.at <= offset);
        let Some(piece) = index.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return Span::default();
        };
        let start = piece.place.start.saturating_add(offset.saturating_sub(piece.at)).min(piece.place.end);
        Span { start, ..piece.place }
    }
}

/// An offset in 32 bits; files and texts are bounded far below that.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// An offset as an index.
fn widen(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "ab\nçd\n");
        for (offset, line, column) in [(0, 1, 1), (2, 1, 3), (3, 2, 1), (5, 2, 2), (7, 3, 1), (99, 3, 1)] {
            assert_eq!(sources.position(id, offset), LineColumn { line, column }, "at {offset}");
        }
    }

    #[test]
    fn an_unknown_file_has_no_name_and_no_text() {
        let sources = Sources::default();
        assert_eq!((sources.name(SourceId(7)), sources.text(SourceId(7))), ("", ""));
        assert_eq!(sources.position(SourceId(7), 3), LineColumn { line: 1, column: 1 });
    }

    #[test]
    fn the_lines_around_a_place_are_whole() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "one\ntwo\nthree");
        assert_eq!(sources.lines_around(Span::new(id, 5, 6)), (4, "two"));
        assert_eq!(sources.lines_around(Span::new(id, 5, 9)), (4, "two\nthree"));
        assert_eq!(sources.lines_around(Span::new(id, 13, 13)), (8, "three"));
    }

    #[test]
    fn appended_text_keeps_both_places() {
        let mut text = Text::plain("a", SourceId(0), 10);
        text.append(&Text::plain("and b", SourceId(1), 50));
        assert_eq!(text.value, "a and b");
        assert_eq!(text.span(0..1), Span::new(SourceId(0), 10, 11));
        assert_eq!(text.span(6..7), Span::new(SourceId(1), 54, 55));
    }
}
