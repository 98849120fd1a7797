//! What can be wrong with a condition: what, where, and the mend.

use core::ops::Range;

use super::{MAX_CONDITION, MAX_DEPTH};
use crate::rules::diagnostics::{Code, codes};

/// An error in a condition. The offsets are bytes of the text that was parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where it starts.
    pub start: usize,
    /// Where it ends; may equal `start`.
    pub end: usize,
    /// The mend, where one is known.
    pub help: Option<String>,
}

/// The kinds of errors in a condition. `found` is a piece of the text in backticks, or says that it ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// There is nothing.
    #[error("the condition is empty")]
    Empty,
    /// It has too many bytes.
    #[error("the condition has more than {MAX_CONDITION} bytes")]
    TooLong,
    /// Too many parentheses are open.
    #[error("more than {MAX_DEPTH} parentheses are open")]
    TooDeep,
    /// A check, a macro or a parenthesis should stand here.
    #[error("expected a check, a macro or `(`, found {found}")]
    ExpectedCheck {
        /// What stands there.
        found: String,
    },
    /// An operator should follow the left side.
    #[error("expected an operator after `{left}`, found {found}")]
    ExpectedOperator {
        /// The left side.
        left: String,
        /// What stands there.
        found: String,
    },
    /// `and` or `or` runs into the next word.
    #[error("expected a blank or `(` after `{keyword}`")]
    ExpectedBlank {
        /// The keyword.
        keyword: &'static str,
    },
    /// The condition could end here, but something follows.
    #[error("expected `and`, `or` or the end, found {found}")]
    ExpectedEnd {
        /// What stands there.
        found: String,
    },
    /// Something opened is never closed.
    #[error("expected `{close}`, found {found}")]
    Unclosed {
        /// What would close it.
        close: char,
        /// What stands there.
        found: String,
    },
    /// A text should stand on the right.
    #[error("expected a text after `{operator}`, found {found}")]
    ExpectedText {
        /// The operator.
        operator: &'static str,
        /// What stands there.
        found: String,
    },
    /// A number should stand on the right.
    #[error("expected a number after `{operator}`, found {found}")]
    ExpectedNumber {
        /// The operator.
        operator: &'static str,
        /// What stands there.
        found: String,
    },
    /// A list should stand on the right.
    #[error("expected a list after `{operator}`, found {found}")]
    ExpectedList {
        /// The operator.
        operator: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value should stand in a list.
    #[error("expected a value in the list, found {found}")]
    ExpectedItem {
        /// What stands there.
        found: String,
    },
    /// A quoted text is never closed.
    #[error("the quoted text is never closed")]
    OpenText,
    /// A backslash that means nothing.
    #[error("unknown escape `\\{escape}`")]
    BadEscape {
        /// What follows the backslash.
        escape: char,
    },
    /// Escaped bytes that are no UTF-8.
    #[error("the escapes make bytes that are no text")]
    NotText,
    /// The brackets behind a field hold nothing usable.
    #[error("expected a bare or quoted text in the brackets, found {found}")]
    BadFieldArgument {
        /// What stands there.
        found: String,
    },
    /// A name before a parenthesis is no transformer.
    #[error("`{name}` is not a transformer")]
    UnknownFunction {
        /// The name.
        name: String,
    },
    /// A transformer's argument is none.
    #[error("expected a field, a transformer, a quoted text or a number, found {found}")]
    ExpectedArgument {
        /// What stands there.
        found: String,
    },
    /// A field should stand here.
    #[error("expected a field, found {found}")]
    ExpectedField {
        /// What stands there.
        found: String,
    },
}

impl ParseError {
    /// An error at `range`.
    pub(super) fn new(kind: ParseErrorKind, range: Range<usize>) -> ParseError {
        ParseError { kind, start: range.start, end: range.end, help: None }
    }

    /// With the mend.
    #[must_use]
    pub(super) fn help(self, help: impl Into<String>) -> ParseError {
        ParseError { help: Some(help.into()), ..self }
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.kind {
            ParseErrorKind::Empty => codes::CONDITION_EMPTY,
            ParseErrorKind::TooLong => codes::CONDITION_TOO_LONG,
            ParseErrorKind::TooDeep => codes::CONDITION_TOO_DEEP,
            ParseErrorKind::ExpectedCheck { .. } => codes::EXPECTED_CHECK,
            ParseErrorKind::ExpectedOperator { .. } => codes::EXPECTED_OPERATOR,
            ParseErrorKind::ExpectedBlank { .. } => codes::EXPECTED_BLANK,
            ParseErrorKind::ExpectedEnd { .. } => codes::EXPECTED_END,
            ParseErrorKind::Unclosed { .. } => codes::UNCLOSED,
            ParseErrorKind::ExpectedText { .. } => codes::EXPECTED_TEXT,
            ParseErrorKind::ExpectedNumber { .. } => codes::EXPECTED_NUMBER,
            ParseErrorKind::ExpectedList { .. } => codes::EXPECTED_LIST,
            ParseErrorKind::ExpectedItem { .. } => codes::EXPECTED_ITEM,
            ParseErrorKind::OpenText => codes::OPEN_TEXT,
            ParseErrorKind::BadEscape { .. } | ParseErrorKind::NotText => codes::BAD_ESCAPE,
            ParseErrorKind::BadFieldArgument { .. } => codes::BAD_FIELD_ARGUMENT,
            ParseErrorKind::UnknownFunction { .. } => codes::UNKNOWN_FUNCTION,
            ParseErrorKind::ExpectedArgument { .. } => codes::EXPECTED_ARGUMENT,
            ParseErrorKind::ExpectedField { .. } => codes::EXPECTED_FIELD,
        }
    }
}
