//! The two faces of a diagnostic: text with the source line, and plain data.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Diagnostics, Severity};
use crate::rules::source::{Sources, Span};

/// The most characters of a line that are shown beside a marked place. A condition may stand on one line of 256 KiB.
const MAX_LINE: usize = 400;

/// A diagnostic as plain data, for JSON.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DiagnosticData {
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The file's name.
    pub file: String,
    /// Where it starts: the line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The first byte of the place in the file.
    pub start: u32,
    /// The byte after the last one of the place.
    pub end: u32,
    /// The mend; absent if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// As plain data.
    #[must_use]
    pub fn data(&self, sources: &Sources) -> DiagnosticData {
        let place = sources.position(self.span.source, self.span.start);
        DiagnosticData {
            severity: self.severity.word(),
            code: self.code.as_str(),
            message: self.message.clone(),
            file: sources.name(self.span.source).to_owned(),
            line: place.line,
            column: place.column,
            start: self.span.start,
            end: self.span.end,
            help: self.help.clone(),
        }
    }

    /// As text: message, `file:line:column`, the source line with the place marked, the mend. No colours, ends
    /// without a line break.
    #[must_use]
    pub fn text(&self, sources: &Sources) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code.as_str());
        let label = (!self.label.is_empty()).then_some(self.label.as_str());
        let mut group =
            Group::with_title(title).element(snippet(sources, self.span, AnnotationKind::Primary, label));
        for (span, why) in &self.related {
            group = group.element(snippet(sources, *span, AnnotationKind::Context, Some(why)));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }
}

impl Diagnostics {
    /// All of them as text, by place, with an empty line between them; ends with a line break if there are any.
    #[must_use]
    pub fn text(&self, sources: &Sources) -> String {
        self.text_from(Severity::Note, sources)
    }

    /// Those that are at least so bad, as text.
    #[must_use]
    pub fn text_from(&self, least: Severity, sources: &Sources) -> String {
        let mut text = String::new();
        for diagnostic in self.sorted().into_iter().filter(|diagnostic| diagnostic.severity <= least) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&diagnostic.text(sources));
            text.push('\n');
        }
        if self.dropped() > 0 {
            text.push_str(&format!("\n{} more are not shown\n", self.dropped()));
        }
        text
    }

    /// All of them as plain data, by place.
    #[must_use]
    pub fn data(&self, sources: &Sources) -> Vec<DiagnosticData> {
        self.sorted().into_iter().map(|diagnostic| diagnostic.data(sources)).collect()
    }
}

/// The lines around a place, cut where they are too long to be read.
fn snippet<'a>(
    sources: &'a Sources,
    span: Span,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Snippet<'a, Annotation<'a>> {
    let (first, lines) = sources.lines_around(span);
    let start = usize::try_from(span.start).unwrap_or(usize::MAX).saturating_sub(first).min(lines.len());
    let end = usize::try_from(span.end).unwrap_or(usize::MAX).saturating_sub(first).clamp(start, lines.len());
    let line = sources.position(span.source, span.start).line;
    // A place over many lines is marked on its first line only: its start is what matters.
    let shown = lines.get(start..end).and_then(|place| place.find('\n'));
    let end = shown.map_or(end, |length| start.saturating_add(length));
    let lines = lines.get(..line_end(lines, end)).unwrap_or(lines);
    let lines = lines.strip_suffix('\r').unwrap_or(lines);
    let (start, end) = (start.min(lines.len()), end.min(lines.len()));
    let from = floor(lines, start.saturating_sub(MAX_LINE));
    let from = if start <= MAX_LINE { 0 } else { from };
    let to = floor(lines, start.saturating_add(MAX_LINE));
    let cut = lines.get(from..to).unwrap_or(lines);
    let start = start.saturating_sub(from).min(cut.len());
    let end = end.saturating_sub(from).clamp(start, cut.len());
    Snippet::source(cut)
        .line_start(line)
        .path(sources.name(span.source))
        .fold(false)
        .annotation(kind.span(floor(cut, start)..floor(cut, end)).label(label))
}

/// The end of the line that `at` stands on.
fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    at.saturating_add(rest.find('\n').unwrap_or(rest.len()))
}

/// `at`, or the next place before it that is between two characters.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::diagnostics::codes;

    #[test]
    fn the_text_shows_place_line_and_mend() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "- rule: x\n  condtion: a\n");
        let mut diagnostics = Diagnostics::default();
        let span = Span::new(id, 12, 20);
        for _ in 0..2 {
            diagnostics.push(
                Diagnostic::error(codes::UNKNOWN_KEY, "unknown key `condtion`", span)
                    .label("in this rule")
                    .help("did you mean `condition`?"),
            );
        }
        assert_eq!(
            diagnostics.text(&sources),
            "error[E0004]: unknown key `condtion`\n \
             --> a.yaml:2:3\n  \
             |\n\
             2 |   condtion: a\n  \
             |   ^^^^^^^^ in this rule\n  \
             |\n  \
             = help: did you mean `condition`?\n"
        );
        let data = diagnostics.data(&sources);
        assert_eq!((data[0].line, data[0].column, data[0].code), (2, 3, "E0004"));
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", &"é".repeat(1 << 19));
        let diagnostic = Diagnostic::error(codes::BAD_VALUE, "x", Span::new(id, 500_001, 500_003));
        assert!(diagnostic.text(&sources).len() < 4000);
    }

    #[test]
    fn a_place_at_the_end_or_in_no_file_is_shown_without_a_crash() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "a");
        for span in
            [Span::new(id, 1, 1), Span::new(id, 9, 12), Span::new(crate::rules::source::SourceId(3), 0, 4)]
        {
            assert!(Diagnostic::error(codes::BAD_VALUE, "x", span).text(&sources).contains("E0008"));
        }
    }
}
