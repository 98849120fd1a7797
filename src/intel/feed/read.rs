//! Bytes of a feed → records, or one reason why the file as a whole is not what it should be.
//!
//! A value that cannot be read costs itself and is counted with an example; a file that is another file than it says
//! (HTML with status 200, JSON cut in the middle, a form that must not be taken for a list) is refused whole. Whether
//! what was read is believed is the business of [`vet`](super::vet).

use std::sync::Arc;

use crate::event::Time;
use crate::hash::Map;

use super::format::Format;
use super::formats;
use super::record::{Indicator, Record};
use super::sniff;
use super::value::{self, Defang};

/// How many values that could not be read are kept as examples.
const MAX_EXAMPLES: usize = 16;
/// The longest piece of a feed that is quoted in a report, in characters.
const MAX_QUOTE: usize = 120;
/// The longest tag that is kept, in bytes: feeds put whole reports there.
const MAX_TAG: usize = 128;
/// The most tags that one record keeps.
const MAX_TAGS: usize = 16;

/// What a file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file of lines.
    pub bytes: usize,
    /// Bytes of a JSON document, which is held as a tree several times its size.
    pub json_bytes: usize,
    /// Bytes of a line.
    pub line: usize,
    /// Indicators, repeats included.
    pub records: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 512 << 20, json_bytes: 128 << 20, line: 64 << 10, records: 10_000_000 }
    }
}

/// Where values stand in a file whose form says nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// JSON: the keys that lead to the array of entries, such as `data.items`; the document itself if empty.
    pub items: Vec<Box<str>>,
    /// CSV: what separates columns; a comma if not given.
    pub delimiter: Option<u8>,
    /// The column of the indicator.
    pub value: Option<Column>,
    /// The column of its port.
    pub port: Option<Column>,
    /// Columns that become tags.
    pub tags: Vec<Column>,
    /// The column of the confidence, 0 to 100.
    pub confidence: Option<Column>,
    /// The column that says when it was first seen.
    pub first_seen: Option<Column>,
    /// The column that says when it was last seen.
    pub last_seen: Option<Column>,
    /// The column that says when it ends.
    pub expires: Option<Column>,
}

/// A column of CSV or a field of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By its name in the header or by its key.
    Name(Box<str>),
    /// By its place, counted from 0; CSV only.
    Index(usize),
}

/// How a file is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is done about defanged values.
    pub defang: Defang,
    /// What the file may cost.
    pub limits: Limits,
    /// Where values stand, for CSV and JSON of no known feed.
    pub columns: Option<Columns>,
    /// When the file was fetched: durations count from here.
    pub now: Option<Time>,
}

/// What a file says.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The form that it was read as.
    pub format: Format,
    /// The indicators in the order of the file, repeats included.
    pub records: Vec<Record>,
    /// What could not be read.
    pub unparsed: Unparsed,
    /// What was understood and names nothing to look for, by reason.
    pub skipped: Vec<(Skip, u64)>,
    /// Lines of comment.
    pub comments: u64,
    /// Empty lines.
    pub blank: u64,
    /// Prefixes that were written with bits of a host in them.
    pub host_bits: u64,
    /// What the file says of its own size.
    pub declared: Option<Declared>,
    /// Whether the file proves that it is whole.
    pub ending: Ending,
    /// When the publisher made the file, as it says.
    pub published: Option<Time>,
}

/// Values and lines that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unparsed {
    /// How many there were.
    pub total: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// A value that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The line or element, counted from 1.
    pub line: u32,
    /// What stands there, shortened, without control characters.
    pub text: Box<str>,
    /// Why it is nothing.
    pub why: Why,
}

/// Why a value could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is no address, name, URL or digest.
    NotAnIndicator,
    /// It was made unclickable, and nobody said that it should be made whole.
    Defanged,
    /// It is not UTF-8.
    NotText,
    /// The entry has no such column or field.
    NoValue,
    /// The entry is no record of this form.
    NotARecord,
    /// The range runs backwards or needs too many prefixes.
    BadRange,
}

impl Why {
    /// What reports call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Why::NotAnIndicator => "not-an-indicator",
            Why::Defanged => "defanged",
            Why::NotText => "not-utf-8",
            Why::NoValue => "no-value",
            Why::NotARecord => "not-a-record",
            Why::BadRange => "bad-range",
        }
    }
}

/// Why an entry that was understood names nothing to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// A path of a URL without a host.
    UrlPath,
    /// A record of a kind that is not looked for: registry keys, file names, network numbers.
    KindNotUsed,
    /// MISP: the attribute is not meant for detection.
    NotForDetection,
    /// MISP, CrowdSec: the entry was taken back.
    Deleted,
    /// STIX: the indicator was revoked.
    Revoked,
    /// STIX: a pattern beyond `[a:b = 'c']` joined by OR.
    PatternOutsideSubset,
    /// STIX: a pattern in another language.
    PatternLanguage,
    /// The machine itself, as every hosts file names it.
    LocalName,
    /// An exception to the list.
    Exception,
}

impl Skip {
    /// What reports call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Skip::UrlPath => "url-path",
            Skip::KindNotUsed => "kind-not-used",
            Skip::NotForDetection => "not-for-detection",
            Skip::Deleted => "deleted",
            Skip::Revoked => "revoked",
            Skip::PatternOutsideSubset => "pattern-outside-subset",
            Skip::PatternLanguage => "pattern-language",
            Skip::LocalName => "local-name",
            Skip::Exception => "exception",
        }
    }
}

/// What a file says of its own size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// So many entries, repeats included.
    Entries {
        /// What is declared.
        declared: u64,
        /// What stands there: read, unreadable and skipped entries.
        found: u64,
    },
    /// So many IPv4 addresses covered by all entries together.
    Addresses {
        /// What is declared.
        declared: u64,
        /// What is covered.
        found: u64,
    },
}

impl Declared {
    /// The number that the file declares.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Declared::Entries { declared, .. } | Declared::Addresses { declared, .. } => declared,
        }
    }

    /// The number that was found.
    #[must_use]
    pub fn found(self) -> u64 {
        match self {
            Declared::Entries { found, .. } | Declared::Addresses { found, .. } => found,
        }
    }

    /// Whether the file keeps its word.
    #[must_use]
    pub fn holds(self) -> bool {
        self.number() == self.found()
    }
}

/// Whether a file proves that it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Files of this form have no end mark.
    Unmarked,
    /// The end mark is there.
    Marked,
    /// Files of this form have an end mark; this one has none: it may be a piece.
    Missing,
}

/// Why a file is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// More bytes than a feed may have.
    #[error("{bytes} bytes are more than the {limit} that a feed may have")]
    TooLarge {
        /// What there is.
        bytes: usize,
        /// What there may be.
        limit: usize,
    },
    /// A line longer than any feed's.
    #[error("line {line} is longer than {limit} bytes")]
    LineTooLong {
        /// Which.
        line: u32,
        /// What there may be.
        limit: usize,
    },
    /// More indicators than a feed may have.
    #[error("more than {limit} indicators")]
    TooManyRecords {
        /// What there may be.
        limit: usize,
    },
    /// Bytes that are no text.
    #[error("not text: {0}")]
    NotText(&'static str),
    /// A page for people: an error, a login, a notice.
    #[error("an HTML page, no feed")]
    Html,
    /// A form that looks like a list and must not be read as one.
    #[error("{0}: this form is not read")]
    Form(&'static str),
    /// JSON that is broken or was cut.
    #[error("broken JSON at line {line}, column {column}: {what}")]
    Json {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What is wrong.
        what: Box<str>,
    },
    /// YAML that is broken.
    #[error("broken YAML: {0}")]
    Yaml(Box<str>),
    /// The file does not have the form that it was said to have.
    #[error("not {format}: {why}")]
    NotThisFormat {
        /// What it was said to be.
        format: Format,
        /// What is missing.
        why: &'static str,
    },
    /// No form that is known.
    #[error("no form of a feed that is known: {0}")]
    Unrecognised(&'static str),
}

impl FeedError {
    /// The reason in one word, for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            FeedError::TooLarge { .. } => "too-large",
            FeedError::LineTooLong { .. } => "line-too-long",
            FeedError::TooManyRecords { .. } => "too-many-records",
            FeedError::NotText(_) => "not-text",
            FeedError::Html => "html",
            FeedError::Form(_) => "form-not-read",
            FeedError::Json { .. } => "broken-json",
            FeedError::Yaml(_) => "broken-yaml",
            FeedError::NotThisFormat { .. } => "not-this-format",
            FeedError::Unrecognised(_) => "unrecognised",
        }
    }
}

/// Reads a feed. Without `format` the form is told from the bytes.
///
/// # Errors
/// A [`FeedError`] where the file as a whole is not what it should be.
pub fn parse(format: Option<Format>, bytes: &[u8], options: &Options) -> Result<Parsed, FeedError> {
    if bytes.len() > options.limits.bytes {
        return Err(FeedError::TooLarge { bytes: bytes.len(), limit: options.limits.bytes });
    }
    let bytes = sniff::text(bytes)?;
    let shape = sniff::shape(bytes, format, options)?;
    let mut sink = Sink::new(shape.format, options);
    formats::read(&shape, bytes, &mut sink)?;
    sink.finish()
}

/// Collects what a format's reader finds, within the limits.
pub(super) struct Sink<'o> {
    pub(super) options: &'o Options,
    parsed: Parsed,
    tags: Map<Box<str>, Arc<str>>,
    overflow: bool,
}

impl<'o> Sink<'o> {
    fn new(format: Format, options: &'o Options) -> Sink<'o> {
        let parsed = Parsed {
            format,
            records: Vec::new(),
            unparsed: Unparsed::default(),
            skipped: Vec::new(),
            comments: 0,
            blank: 0,
            host_bits: 0,
            declared: None,
            ending: Ending::Unmarked,
            published: None,
        };
        Sink { options, parsed, tags: Map::default(), overflow: false }
    }

    fn finish(self) -> Result<Parsed, FeedError> {
        if self.overflow {
            return Err(FeedError::TooManyRecords { limit: self.options.limits.records });
        }
        Ok(self.parsed)
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.parsed.records
    }

    /// Whether there is no more room: a reader may stop.
    pub(super) fn is_full(&self) -> bool {
        self.overflow
    }

    pub(super) fn push(&mut self, record: Record) {
        if self.parsed.records.len() >= self.options.limits.records {
            self.overflow = true;
        } else {
            self.parsed.records.push(record);
        }
    }

    /// Reads one value; the record that it makes is dressed by `dress`.
    pub(super) fn value(&mut self, line: u32, text: &str, dress: impl FnOnce(&mut Record)) {
        match self.read(text) {
            Ok(indicator) => self.dressed(indicator, line, dress),
            Err(why) => self.unparsed(line, text, why),
        }
    }

    /// Reads one value with a port beside it.
    pub(super) fn endpoint(&mut self, line: u32, host: &str, port: &str, dress: impl FnOnce(&mut Record)) {
        let host = self.refanged(host);
        match value::port(port).and_then(|port| value::host_port(&host, port)) {
            Some(indicator) => self.dressed(indicator, line, dress),
            None => self.unparsed(line, &format!("{host} {port}"), Why::NotAnIndicator),
        }
    }

    pub(super) fn dressed(&mut self, indicator: Indicator, line: u32, dress: impl FnOnce(&mut Record)) {
        let mut record = Record::bare(indicator, line);
        dress(&mut record);
        self.push(record);
    }

    /// The indicator that `text` names.
    pub(super) fn read(&mut self, text: &str) -> Result<Indicator, Why> {
        let whole = self.refanged(text);
        let Some(indicator) = value::indicator(&whole) else {
            return Err(if value::is_defanged(text) { Why::Defanged } else { Why::NotAnIndicator });
        };
        if matches!(indicator, Indicator::Net(_)) && value::has_host_bits(&whole) {
            self.parsed.host_bits = self.parsed.host_bits.saturating_add(1);
        }
        Ok(indicator)
    }

    fn refanged<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        match self.options.defang {
            Defang::Undo if value::is_defanged(text) => value::refang(text).into(),
            Defang::Undo | Defang::AsWritten => text.into(),
        }
    }

    pub(super) fn unparsed(&mut self, line: u32, text: &str, why: Why) {
        self.parsed.unparsed.total = self.parsed.unparsed.total.saturating_add(1);
        if self.parsed.unparsed.examples.len() < MAX_EXAMPLES {
            let text = quoted(text);
            self.parsed.unparsed.examples.push(Example { line, text, why });
        }
    }

    pub(super) fn skip(&mut self, reason: Skip) {
        match self.parsed.skipped.binary_search_by_key(&reason, |(reason, _)| *reason) {
            Ok(at) => {
                if let Some((_, count)) = self.parsed.skipped.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            }
            Err(at) => self.parsed.skipped.insert(at, (reason, 1)),
        }
    }

    pub(super) fn comment(&mut self) {
        self.parsed.comments = self.parsed.comments.saturating_add(1);
    }

    pub(super) fn blank(&mut self) {
        self.parsed.blank = self.parsed.blank.saturating_add(1);
    }

    pub(super) fn declare(&mut self, declared: Declared) {
        self.parsed.declared = Some(declared);
    }

    pub(super) fn ending(&mut self, ending: Ending) {
        self.parsed.ending = ending;
    }

    pub(super) fn is_marked(&self) -> bool {
        self.parsed.ending == Ending::Marked
    }

    pub(super) fn published(&mut self, time: Option<Time>) {
        if time.is_some() {
            self.parsed.published = time;
        }
    }

    /// A tag, shared with all records that have it; `None` for the words that feeds write for nothing.
    pub(super) fn tag(&mut self, text: &str) -> Option<Arc<str>> {
        let text = text.trim();
        if is_null(text) || text.len() > MAX_TAG || text.chars().any(char::is_control) {
            return None;
        }
        if let Some(tag) = self.tags.get(text) {
            return Some(Arc::clone(tag));
        }
        let tag: Arc<str> = text.into();
        self.tags.insert(text.into(), Arc::clone(&tag));
        Some(tag)
    }

    /// Tags out of a list with commas, appended to `tags` without repeats and within their bound.
    pub(super) fn tag_list(&mut self, list: &str, tags: &mut Vec<Arc<str>>) {
        for tag in list.split(',') {
            if tags.len() >= MAX_TAGS {
                return;
            }
            if let Some(tag) = self.tag(tag)
                && !tags.contains(&tag)
            {
                tags.push(tag);
            }
        }
    }
}

/// The number of elements, as reports count.
pub(super) fn count<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// Whether a text is what feeds write where they know nothing.
pub(super) fn is_null(text: &str) -> bool {
    text.is_empty()
        || ["none", "n/a", "null", "-", "unknown"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A piece of a feed as it may be shown to people: short, and without anything that moves a terminal.
fn quoted(text: &str) -> Box<str> {
    text.chars().take(MAX_QUOTE).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl std::fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sink of {} records", self.parsed.records.len())
    }
}
