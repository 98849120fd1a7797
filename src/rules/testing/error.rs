//! What is wrong with a script, with its place and its mend.

use std::fmt;

use crate::rules::diagnostics::closest;

/// Why a script cannot be run. Reads as one line: where, what, and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub kind: ScriptErrorKind,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptErrorKind {
    /// A line does not begin with a time.
    BadTime(String),
    /// A line does not say which process.
    NoProcess,
    /// A line does not say what happened.
    NoEvent,
    /// There is no such event.
    UnknownEvent(String),
    /// The event has no such key.
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that the event has.
        known: Vec<&'static str>,
    },
    /// A key is there twice.
    Twice(String),
    /// The event needs a key that is not there.
    MissingKey(&'static str),
    /// A key has a value that it cannot have.
    BadValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A quoted text does not end.
    OpenQuote,
    /// The parent did nothing before.
    UnknownParent(i32),
    /// A process that did something before cannot get a parent or a container.
    KnownProcess(i32),
    /// An annotation stands above the first event.
    NothingAbove,
    /// There is more than a script may have.
    TooLong {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
}

impl fmt::Display for ScriptErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScriptErrorKind::BadTime(word) => {
                write!(
                    f,
                    "`{}` is no time; begin the line with one such as `30m` or `1s5ms`",
                    word.escape_debug()
                )
            }
            ScriptErrorKind::NoProcess => f.write_str("no process is named; write `pid=10` behind the time"),
            ScriptErrorKind::NoEvent => {
                f.write_str("no event is named; write one such as `connect` behind the process")
            }
            ScriptErrorKind::UnknownEvent(name) => {
                write!(f, "there is no event `{}`; ", name.escape_debug())?;
                match closest(name, super::events::NAMES.iter().copied()) {
                    Some(near) => write!(f, "did you mean `{near}`?"),
                    None => f.write_str("use the name of a system call, `exit` or `container`"),
                }
            }
            ScriptErrorKind::UnknownKey { key, known } => {
                write!(f, "the event has no key `{}`; ", key.escape_debug())?;
                match closest(key, known.iter().copied()) {
                    Some(near) => write!(f, "did you mean `{near}`?"),
                    None => write!(f, "it has: {}", known.join(", ")),
                }
            }
            ScriptErrorKind::Twice(key) => {
                write!(f, "`{}` is there twice; leave one out", key.escape_debug())
            }
            ScriptErrorKind::MissingKey(key) => write!(f, "the event needs `{key}`; add `{key}=`"),
            ScriptErrorKind::BadValue { key, value, expected } => {
                write!(f, "`{key}` cannot be `{}`; write {expected}", value.escape_debug())
            }
            ScriptErrorKind::OpenQuote => f.write_str("the quoted text does not end; close it with `\"`"),
            ScriptErrorKind::UnknownParent(pid) => {
                write!(
                    f,
                    "process {pid} did nothing so far; let it do something first, or leave `parent` out"
                )
            }
            ScriptErrorKind::KnownProcess(pid) => {
                write!(
                    f,
                    "process {pid} is there already; say its parent and container where it is named first"
                )
            }
            ScriptErrorKind::NothingAbove => f.write_str(
                "the annotation has no event above it; put it under the line that causes the match",
            ),
            ScriptErrorKind::TooLong { what, max } => {
                write!(f, "a script has at most {max} {what}; split it")
            }
        }
    }
}
