//! What is wrong with rule files, said so that it can be mended: severity, stable code, place, mend.
//!
//! Owns the form of a diagnostic and its two faces, the text that an operator reads and plain data for JSON. It
//! decides nothing: whoever finds an error makes it. All errors of all files are collected in one run; the same one
//! (a bad macro that fifty rules use) is kept once. Bound: [`MAX_DIAGNOSTICS`], the rest is counted.

mod closest;
pub mod codes;
mod render;

pub use closest::closest;
pub use codes::Code;
pub use render::DiagnosticData;

use super::source::Span;
use crate::hash::Set;

/// The most diagnostics that are kept. A file of 4 MiB can hold a million errors, and nobody reads the second page.
pub const MAX_DIAGNOSTICS: usize = 1000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The rule set cannot be used.
    Error,
    /// It can be used, but does less than it seems to.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable code.
    pub code: Code,
    /// What is wrong: lower case, no full stop, with the thing.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to say at the marked place; may be empty.
    pub label: String,
    /// Other places that matter, and why.
    pub related: Vec<(Span, String)>,
    /// The mend.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message, span)
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message, span)
    }

    /// A note at `span`.
    #[must_use]
    pub fn note(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Severity::Note, code, message, span)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
        let (label, related) = (String::new(), Vec::new());
        Diagnostic { severity, code, message: message.into(), span, label, related, help: None }
    }

    /// With words at the marked place.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Diagnostic {
        Diagnostic { label: label.into(), ..self }
    }

    /// With the mend.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: Some(help.into()), ..self }
    }

    /// With the mend, if there is one.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Diagnostic {
        Diagnostic { help: help.or(self.help), ..self }
    }

    /// With another place that matters.
    #[must_use]
    pub fn related(mut self, span: Span, why: impl Into<String>) -> Diagnostic {
        self.related.push((span, why.into()));
        self
    }
}

/// The diagnostics of one run.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    seen: Set<(Code, Span, String)>,
    errors: usize,
    /// Errors that were added, the same one again each time.
    raised: usize,
    dropped: usize,
}

impl Diagnostics {
    /// Adds one, unless the same was added before.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.raised = self.raised.saturating_add(usize::from(diagnostic.severity == Severity::Error));
        if self.seen.len() >= MAX_DIAGNOSTICS {
            self.dropped = self.dropped.saturating_add(1);
            self.errors = self.errors.saturating_add(usize::from(diagnostic.severity == Severity::Error));
            return;
        }
        let key = (diagnostic.code, diagnostic.span, diagnostic.message.clone());
        if self.seen.insert(key) {
            self.errors = self.errors.saturating_add(usize::from(diagnostic.severity == Severity::Error));
            self.list.push(diagnostic);
        }
    }

    /// All of them, by file and place; those of one place in the order in which they were found.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.list.iter().collect();
        sorted.sort_by_key(|diagnostic| diagnostic.span);
        sorted
    }

    /// Whether there is an error among them.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are, those beyond [`MAX_DIAGNOSTICS`] included.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How often an error was added, the same one again each time: whether something has an error that was said
    /// before is told by this number.
    pub(crate) fn raised(&self) -> usize {
        self.raised
    }

    /// How many of that severity were kept.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// How many were not kept.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
