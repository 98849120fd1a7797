//! Why something is not believed.

use std::fmt;
use std::sync::Arc;

use super::super::format::Format;
use super::super::read::Declared;
use super::super::special::Special;

/// Why an entry is not believed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is nobody's address or name.
    Special(Special),
    /// The prefix is so short that no feed may name it.
    PrefixTooShort,
    /// The prefix is shorter than this feed may name.
    PrefixShortForFeed,
    /// It was made unclickable, and nobody said that it should be made whole.
    Defanged,
    /// It is the digest of no bytes at all.
    EmptyFile,
    /// A warninglist says that it is worthless.
    Warninglist(Arc<str>),
    /// The operator allows it, for this reason.
    Allowed(Arc<str>),
    /// The feed itself says that it is over.
    Expired,
    /// It was last seen too long ago.
    Stale,
}

impl Reason {
    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Special(special) => special.name(),
            Reason::PrefixTooShort => "prefix-too-short",
            Reason::PrefixShortForFeed => "prefix-short-for-feed",
            Reason::Defanged => "defanged",
            Reason::EmptyFile => "empty-file",
            Reason::Warninglist(_) => "warninglist",
            Reason::Allowed(_) => "allowed-by-operator",
            Reason::Expired => "expired",
            Reason::Stale => "stale",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Warninglist(list) => write!(f, "{}: {list}", self.name()),
            Reason::Allowed(why) => write!(f, "{}: {why}", self.name()),
            Reason::Special(_)
            | Reason::PrefixTooShort
            | Reason::PrefixShortForFeed
            | Reason::Defanged
            | Reason::EmptyFile
            | Reason::Expired
            | Reason::Stale => f.write_str(self.name()),
        }
    }
}

/// Why a file is refused whole, though it could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VetError {
    /// It names nothing to look for by its form.
    #[error("{0} names nothing to look for")]
    NotAFeed(Format),
    /// It has no entry and may not be empty.
    #[error("no entry, and this feed may not be empty")]
    Empty,
    /// Fewer than half of its entries could be read.
    #[error("{unparsed} of {entries} entries could not be read")]
    MostlyUnparsed {
        /// What could not be read.
        unparsed: u64,
        /// All that there is.
        entries: u64,
    },
    /// It says another size than it has: it was cut, or put together wrong.
    #[error("it declares {} and has {}", .0.number(), .0.found())]
    DeclaredMismatch(Declared),
    /// It has no end mark, though its form and the last file have one.
    #[error("the end mark is missing that the last file had")]
    EndMarkMissing,
    /// Fewer entries than its bounds allow.
    #[error("{entries} entries are fewer than {min}")]
    TooFew {
        /// What there is.
        entries: u64,
        /// The fewest.
        min: u64,
    },
    /// More entries than its bounds allow.
    #[error("{entries} entries are more than {max}")]
    TooMany {
        /// What there is.
        entries: u64,
        /// The most.
        max: u64,
    },
    /// It shrank by more than its bounds allow.
    #[error("{entries} entries after {last}: it shrank by more than {percent} %")]
    Shrunk {
        /// What there is.
        entries: u64,
        /// What there was.
        last: u64,
        /// What it may shrink.
        percent: u64,
    },
    /// It grew by more than its bounds allow.
    #[error("{entries} entries after {last}: it grew by more than {percent} %")]
    Grown {
        /// What there is.
        entries: u64,
        /// What there was.
        last: u64,
        /// What it may grow.
        percent: u64,
    },
    /// It covers more of the Internet than its bounds allow.
    #[error("it covers {addresses} IPv4 addresses, more than {max}")]
    CoversTooMuch {
        /// What it covers.
        addresses: u64,
        /// What it may cover.
        max: u64,
    },
    /// It names at least half of all addresses.
    #[error("line {line} names half of the Internet or more")]
    HalfOfAll {
        /// Where.
        line: u32,
    },
    /// It names what no entry may name, and the feed is judged as a whole.
    #[error("line {line}: {reason}")]
    Strict {
        /// Where.
        line: u32,
        /// What is wrong with it.
        reason: Reason,
    },
}

impl VetError {
    /// The reason in one word, for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            VetError::NotAFeed(_) => "not-a-feed",
            VetError::Empty => "empty",
            VetError::MostlyUnparsed { .. } => "mostly-unparsed",
            VetError::DeclaredMismatch(_) => "declared-mismatch",
            VetError::EndMarkMissing => "end-mark-missing",
            VetError::TooFew { .. } => "too-few",
            VetError::TooMany { .. } => "too-many",
            VetError::Shrunk { .. } => "shrunk",
            VetError::Grown { .. } => "grown",
            VetError::CoversTooMuch { .. } => "covers-too-much",
            VetError::HalfOfAll { .. } => "half-of-all",
            VetError::Strict { .. } => "strict",
        }
    }
}
