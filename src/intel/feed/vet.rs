//! What a feed says → what of it is believed, and why the rest is not.
//!
//! Operator over warninglist over feed: what the operator allows is taken out of every feed, what a warninglist names
//! is refused or only a hint. Entries are judged one by one; a file whose *shape* is wrong (empty where it may not be,
//! cut, grown or shrunk beyond its bounds, mostly unreadable) is refused whole, and the caller keeps the last good one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use super::ranges::AddrSet;
use super::read::{Declared, Ending, Parsed, count};
use super::record::{FileHash, Indicator, Kind, Record};
use super::special::{self, Special};
use super::value::{self, Defang};
use super::warn::{Effect, WarningList, net_of};
use crate::event::{Nanos, Time};
use crate::hash::Map;

/// IPv4 prefixes of this length and shorter are never believed: a 256th of the Internet.
const SHORTEST_V4: u8 = 8;
/// IPv6 prefixes shorter than this are never believed; Spamhaus lists some of exactly this length.
const SHORTEST_V6: u8 = 19;
/// A prefix as short as this is no mistake but an attack or a broken generator: the file is refused whole.
const HALF_OF_ALL: u8 = 1;
/// How sure a feed is that says nothing about it.
const CONFIDENCE: u8 = 50;
/// The most IPv4 addresses that a feed may cover unless it is told otherwise: a 64th of the Internet.
/// Spamhaus DROP covers 15 million.
const MAX_ADDRESSES: u64 = 1 << 26;

/// What is asked of one feed.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether addresses and names of documentation are believed. For tests only.
    pub documentation: Documentation,
    /// Whether defanged URLs are refused; as the file was read.
    pub defang: Defang,
    /// The shortest IPv4 prefix that is believed; /8 and shorter never are.
    pub shortest_v4: u8,
    /// The shortest IPv6 prefix that is believed; those shorter than /19 never are.
    pub shortest_v6: u8,
    /// What the number of entries may be.
    pub bounds: Bounds,
    /// How sure the feed is where it says nothing itself, 0 to 100.
    pub confidence: u8,
    /// How long an entry is believed after it was last seen; for ever if not given.
    pub ttl: Option<Nanos>,
    /// How old the file may be by its own date before it counts half.
    pub max_age: Option<Nanos>,
    /// What a single entry that must be refused means for the file.
    pub strictness: Strictness,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            documentation: Documentation::Refuse,
            defang: Defang::AsWritten,
            shortest_v4: 12,
            shortest_v6: 32,
            bounds: Bounds::default(),
            confidence: CONFIDENCE,
            ttl: None,
            max_age: None,
            strictness: Strictness::Entry,
        }
    }
}

/// Whether what stands in documentation is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Documentation {
    /// It is refused, as it is nobody's.
    #[default]
    Refuse,
    /// It is believed: tests need addresses that harm nobody.
    Allow,
}

/// What an entry that must be refused means for its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Nothing: the entry is left out.
    #[default]
    Entry,
    /// The file is refused whole if it names a special range, half of the Internet or what the operator allows.
    File,
}

/// What the number of entries may be.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The fewest entries.
    pub min: u64,
    /// The most entries.
    pub max: u64,
    /// Whether the list may be without an entry.
    pub empty: Empty,
    /// How many entries were accepted last time, and whether that file proved that it was whole.
    pub last: Option<Last>,
    /// The most that it may grow, in percent of the last time.
    pub max_growth: u64,
    /// The most that it may shrink, in percent of the last time.
    pub max_shrinkage: u64,
    /// The most IPv4 addresses that all entries together may cover.
    pub max_addresses: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            min: 0,
            max: u64::MAX,
            empty: Empty::Refuse,
            last: None,
            max_growth: 300,
            max_shrinkage: 50,
            max_addresses: MAX_ADDRESSES,
        }
    }
}

/// Whether a list may be without an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Empty {
    /// An empty file is an error of its publisher.
    #[default]
    Refuse,
    /// The publisher has nothing to say at times.
    Allow,
}

/// The last file that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its entries.
    pub entries: u64,
    /// Whether it had its end mark.
    pub ending: Ending,
}

/// Lists smaller than this come and go in the whole: growth and shrinkage in percent say nothing about them.
const SMALL: u64 = 20;

/// What the operator never wants to hear of.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// What is allowed.
    pub what: Allow,
    /// Why.
    pub reason: Arc<str>,
    /// Until when; for ever if not given.
    pub expires: Option<Time>,
}

/// What an operator allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Addresses; longer prefixes inside are allowed with them.
    Net(IpNet),
    /// A name and all below it, in lower case.
    Domain(Box<str>),
    /// A file.
    Hash(FileHash),
    /// A URL as it is written.
    Url(Box<str>),
}

impl Allow {
    /// What `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Allow> {
        Some(match value::indicator(text.trim())? {
            Indicator::Ip(address) => Allow::Net(IpNet::from(address)),
            Indicator::Net(net) => Allow::Net(net),
            Indicator::Domain(name) => Allow::Domain(name),
            Indicator::Url(url) => Allow::Url(url),
            Indicator::Hash(hash) => Allow::Hash(hash),
            Indicator::Endpoint(_) | Indicator::HostPort(..) => return None,
        })
    }
}

/// Who is heard before a feed.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// What is worthless or shared.
    pub warning: Vec<WarningList>,
    /// What the operator allows.
    pub allowed: Vec<Allowed>,
}

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

/// An entry that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the feed says; repeats of an indicator are one record.
    pub record: Record,
    /// How sure that is today, 0 to 100.
    pub confidence: u8,
    /// The warninglists that make it a hint; none for a full entry.
    pub demoted_by: Vec<Arc<str>>,
}

/// An entry that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the feed says.
    pub indicator: Indicator,
    /// Where, counted from 1.
    pub line: u32,
    /// Why not.
    pub reason: Reason,
}

/// Why a file is refused whole, though it could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VetError {
    /// It names nothing to look for by its form.
    #[error("{0} names nothing to look for")]
    NotAFeed(super::Format),
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

/// A number for each kind of indicator.
pub type Counts = BTreeMap<Kind, u64>;

/// How many records there are of each kind.
#[must_use]
pub fn kinds(records: &[Record]) -> Counts {
    let mut counts = Counts::new();
    for record in records {
        add(&mut counts, record.indicator.kind());
    }
    counts
}

/// What became of a feed.
#[derive(Clone, Debug)]
pub struct Vetted {
    /// Indicators by kind as listed, repeats included.
    pub read: Counts,
    /// Different indicators by kind.
    pub distinct: Counts,
    /// What is not believed, each indicator once.
    pub refused: Vec<Refused>,
    /// Different indicators that are only hints.
    pub demoted: u64,
    /// Hints by the warninglist that made them so; one may be on several.
    pub demoted_by: BTreeMap<Arc<str>, u64>,
    /// How many IPv4 addresses the entries cover that are believed.
    pub v4_addresses: u64,
    /// How old the file is by its own date, where it is older than it may be: it counts half.
    pub stale: Option<Nanos>,
    /// The end mark, to be remembered for the next file.
    pub ending: Ending,
    entries: Vec<Entry>,
    error: Option<VetError>,
}

impl Vetted {
    /// What is believed, in the order of the file.
    ///
    /// # Errors
    /// Where the file is refused whole: the last good one stays in force.
    pub fn accept(self) -> Result<Vec<Entry>, VetError> {
        match self.error {
            None => Ok(self.entries),
            Some(error) => Err(error),
        }
    }

    /// Why the file is refused whole, if it is.
    #[must_use]
    pub fn error(&self) -> Option<&VetError> {
        self.error.as_ref()
    }

    /// The entries that stood the test one by one, though the file may be refused: for reports.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many different indicators were refused, by reason.
    #[must_use]
    pub fn refused_by_reason(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for refused in &self.refused {
            add(&mut counts, refused.reason.name());
        }
        counts
    }
}

/// Decides what is believed of a feed at the time `now`.
#[must_use]
pub fn vet(parsed: Parsed, policy: &Policy, lists: &Lists, now: Time) -> Vetted {
    let mut error = shape(&parsed, policy);
    let stale = policy.max_age.and_then(|limit| {
        let age = now.since(parsed.published?);
        (age > limit).then_some(age)
    });
    let ending = parsed.ending;
    let read = kinds(&parsed.records);
    let records = merged(parsed.records);
    let mut vetted = Vetted {
        read,
        distinct: Counts::new(),
        refused: Vec::new(),
        demoted: 0,
        demoted_by: BTreeMap::new(),
        v4_addresses: 0,
        stale,
        ending,
        entries: Vec::with_capacity(records.len()),
        error: None,
    };
    let judge = Judge::new(policy, lists, now, stale.is_some());
    for record in records {
        add(&mut vetted.distinct, record.indicator.kind());
        if let Some(found) = half_of_all(&record) {
            error.get_or_insert(found);
        }
        judge.entry(record, &mut vetted);
    }
    if policy.strictness == Strictness::File {
        let strict = vetted.refused.iter().find(|refused| is_grave(&refused.reason));
        if let Some(Refused { line, reason, .. }) = strict {
            error.get_or_insert_with(|| VetError::Strict { line: *line, reason: reason.clone() });
        }
    }
    let is_address = |entry: &&Entry| !matches!(entry.record.indicator, Indicator::Url(_));
    let nets = vetted.entries.iter().filter(is_address).filter_map(|entry| net_of(&entry.record.indicator));
    vetted.v4_addresses = AddrSet::new(nets).v4_addresses();
    vetted.error = error.or_else(|| size(&vetted, &policy.bounds));
    vetted
}

/// What is wrong with the file before any entry is looked at.
fn shape(parsed: &Parsed, policy: &Policy) -> Option<VetError> {
    if !parsed.format.is_feed() {
        return Some(VetError::NotAFeed(parsed.format));
    }
    let skipped = parsed.skipped.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let unparsed = parsed.unparsed.total;
    let entries = count(&parsed.records).saturating_add(unparsed).saturating_add(skipped);
    if entries == 0 && policy.bounds.empty == Empty::Refuse {
        return Some(VetError::Empty);
    }
    if unparsed > entries.saturating_sub(unparsed) {
        return Some(VetError::MostlyUnparsed { unparsed, entries });
    }
    if let Some(declared) = parsed.declared
        && !declared.holds()
    {
        return Some(VetError::DeclaredMismatch(declared));
    }
    let had_mark = policy.bounds.last.is_some_and(|last| last.ending == Ending::Marked);
    (parsed.ending != Ending::Marked && had_mark).then_some(VetError::EndMarkMissing)
}

/// What is wrong with the number of entries.
fn size(vetted: &Vetted, bounds: &Bounds) -> Option<VetError> {
    let entries = count(&vetted.entries);
    let is_empty = entries == 0 && bounds.empty == Empty::Allow;
    if entries < bounds.min && !is_empty {
        return Some(VetError::TooFew { entries, min: bounds.min });
    }
    if entries > bounds.max {
        return Some(VetError::TooMany { entries, max: bounds.max });
    }
    if vetted.v4_addresses > bounds.max_addresses {
        return Some(VetError::CoversTooMuch { addresses: vetted.v4_addresses, max: bounds.max_addresses });
    }
    let last = bounds.last?.entries;
    if last < SMALL {
        return None;
    }
    let percent = |of: u64, share: u64| of.saturating_mul(share).saturating_div(100);
    if entries < last.saturating_sub(percent(last, bounds.max_shrinkage)) && !is_empty {
        return Some(VetError::Shrunk { entries, last, percent: bounds.max_shrinkage });
    }
    let grown = entries > last.saturating_add(percent(last, bounds.max_growth));
    grown.then_some(VetError::Grown { entries, last, percent: bounds.max_growth })
}

/// Each indicator once, with all that its repeats say.
fn merged(records: Vec<Record>) -> Vec<Record> {
    let mut at: Map<Indicator, usize> = Map::default();
    let mut merged: Vec<Record> = Vec::with_capacity(records.len());
    for record in records {
        match at.get(&record.indicator).copied().and_then(|at| merged.get_mut(at)) {
            Some(known) => {
                known.confidence = known.confidence.max(record.confidence);
                known.first_seen = min_known(known.first_seen, record.first_seen);
                known.last_seen = known.last_seen.max(record.last_seen);
                // For ever, where one of them says nothing of an end.
                known.expires = known.expires.zip(record.expires).map(|(a, b)| a.max(b));
                for tag in record.tags {
                    if known.tags.len() < MAX_TAGS && !known.tags.contains(&tag) {
                        known.tags.push(tag);
                    }
                }
            }
            None => {
                at.insert(record.indicator.clone(), merged.len());
                merged.push(record);
            }
        }
    }
    merged
}

/// The most tags that an indicator collects from its repeats.
const MAX_TAGS: usize = 32;

fn min_known(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (known, None) | (None, known) => known,
    }
}

/// The judge of single entries.
struct Judge<'a> {
    policy: &'a Policy,
    lists: &'a Lists,
    now: Time,
    stale: bool,
    /// Networks that the operator allows today.
    nets: Vec<(&'a IpNet, &'a Arc<str>)>,
}

impl<'a> Judge<'a> {
    fn new(policy: &'a Policy, lists: &'a Lists, now: Time, stale: bool) -> Judge<'a> {
        let nets = lists.allowed.iter().filter(|allowed| is_current(allowed, now));
        let nets = nets
            .filter_map(|allowed| match &allowed.what {
                Allow::Net(net) => Some((net, &allowed.reason)),
                Allow::Domain(_) | Allow::Hash(_) | Allow::Url(_) => None,
            })
            .collect();
        Judge { policy, lists, now, stale, nets }
    }

    fn entry(&self, record: Record, vetted: &mut Vetted) {
        if let Some(reason) = self.refusal(&record) {
            vetted.refused.push(Refused { indicator: record.indicator, line: record.line, reason });
            return;
        }
        let demoted_by: Vec<Arc<str>> = self.warned(&record, Effect::Demote).map(Arc::clone).collect();
        if !demoted_by.is_empty() {
            vetted.demoted = vetted.demoted.saturating_add(1);
        }
        for list in &demoted_by {
            add(&mut vetted.demoted_by, Arc::clone(list));
        }
        let confidence = self.confidence(&record);
        match &record.indicator {
            Indicator::Net(net) => {
                let (rest, reason) = self.carved(*net);
                if let Some(reason) = reason {
                    let indicator = record.indicator.clone();
                    vetted.refused.push(Refused { indicator, line: record.line, reason });
                }
                for net in rest {
                    let record = Record { indicator: Indicator::Net(net), ..record.clone() };
                    vetted.entries.push(Entry { record, confidence, demoted_by: demoted_by.clone() });
                }
            }
            Indicator::Ip(_)
            | Indicator::Endpoint(_)
            | Indicator::Domain(_)
            | Indicator::HostPort(..)
            | Indicator::Url(_)
            | Indicator::Hash(_) => vetted.entries.push(Entry { record, confidence, demoted_by }),
        }
    }

    fn refusal(&self, record: &Record) -> Option<Reason> {
        let indicator = &record.indicator;
        if let Some(reason) = self.allowed(indicator) {
            return Some(Reason::Allowed(reason));
        }
        if let Some(special) = self.special(indicator) {
            return Some(Reason::Special(special));
        }
        match indicator {
            Indicator::Net(net) => self.short(net),
            Indicator::Hash(hash) if is_of_nothing(hash) => Some(Reason::EmptyFile),
            Indicator::Url(url) if self.policy.defang == Defang::AsWritten && has_defanged_host(url) => {
                Some(Reason::Defanged)
            }
            Indicator::Ip(_)
            | Indicator::Endpoint(_)
            | Indicator::Domain(_)
            | Indicator::HostPort(..)
            | Indicator::Url(_)
            | Indicator::Hash(_) => None,
        }
        .or_else(|| self.rejecting(record))
        .or_else(|| self.over(record))
    }

    fn rejecting(&self, record: &Record) -> Option<Reason> {
        self.warned(record, Effect::Reject).next().map(|list| Reason::Warninglist(Arc::clone(list)))
    }

    fn over(&self, record: &Record) -> Option<Reason> {
        if record.expires.is_some_and(|end| end <= self.now) {
            return Some(Reason::Expired);
        }
        let seen = record.last_seen.or(record.first_seen)?;
        (self.now.since(seen) > self.policy.ttl?).then_some(Reason::Stale)
    }

    fn special(&self, indicator: &Indicator) -> Option<Special> {
        let special = match net_of(indicator) {
            Some(net) => special::of_net(&net),
            None => host_of(indicator).and_then(|host| special::of_name(&host.to_ascii_lowercase())),
        };
        special.filter(|special| {
            *special != Special::Documentation || self.policy.documentation == Documentation::Refuse
        })
    }

    fn short(&self, net: &IpNet) -> Option<Reason> {
        let length = net.prefix_len();
        let (never, policy) = match net {
            IpNet::V4(_) => (length <= SHORTEST_V4, length < self.policy.shortest_v4),
            IpNet::V6(_) => (length < SHORTEST_V6, length < self.policy.shortest_v6),
        };
        if never {
            return Some(Reason::PrefixTooShort);
        }
        policy.then_some(Reason::PrefixShortForFeed)
    }

    /// The reason for which the operator allows all of `indicator`.
    fn allowed(&self, indicator: &Indicator) -> Option<Arc<str>> {
        if let Some(net) = net_of(indicator) {
            let hit = self.nets.iter().find(|(allowed, _)| allowed.contains(&net));
            if let Some((_, reason)) = hit {
                return Some(Arc::clone(reason));
            }
        }
        let host = host_of(indicator).map(str::to_ascii_lowercase);
        let hit = self.lists.allowed.iter().filter(|allowed| is_current(allowed, self.now)).find(|allowed| {
            match &allowed.what {
                Allow::Net(_) => false,
                Allow::Domain(name) => host.as_deref().is_some_and(|host| is_under(host, name)),
                Allow::Hash(hash) => matches!(indicator, Indicator::Hash(listed) if listed == hash),
                Allow::Url(url) => matches!(indicator, Indicator::Url(listed) if listed == url),
            }
        });
        hit.map(|allowed| Arc::clone(&allowed.reason))
    }

    /// `net` without what the operator allows inside it. Halving ends at the allowed prefix, so that each costs as
    /// many pieces as its prefix is longer, at most 128.
    fn carved(&self, net: IpNet) -> (Vec<IpNet>, Option<Reason>) {
        let mut pieces = vec![net];
        let mut reason = None;
        for (allowed, why) in self.nets.iter().filter(|(allowed, _)| net.contains(*allowed)) {
            reason = Some(Reason::Allowed(Arc::clone(why)));
            pieces = pieces.into_iter().flat_map(|piece| without(piece, allowed)).collect();
        }
        (pieces, reason)
    }

    fn warned<'r>(&'r self, record: &'r Record, effect: Effect) -> impl Iterator<Item = &'r Arc<str>> {
        self.lists
            .warning
            .iter()
            .filter(move |list| list.effect == effect && list.names(&record.indicator))
            .map(|list| &list.name)
    }

    /// How sure the entry is today: in the second half of its time to live it falls to nothing, in a straight line;
    /// in a feed that is older than it may be it counts half.
    fn confidence(&self, record: &Record) -> u8 {
        let base = u64::from(record.confidence.unwrap_or(self.policy.confidence).min(100));
        let seen = record.last_seen.or(record.first_seen);
        let aged = match (seen, self.policy.ttl) {
            (Some(seen), Some(Nanos(ttl))) if ttl > 0 => {
                let left = i128::from(ttl).saturating_sub(i128::from(self.now.since(seen).0));
                let share = left.saturating_mul(200).checked_div(i128::from(ttl)).unwrap_or(0).clamp(0, 100);
                let share = u64::try_from(share).unwrap_or(0);
                base.saturating_mul(share).saturating_div(100)
            }
            _ => base,
        };
        let aged = if self.stale { aged.saturating_div(2) } else { aged };
        u8::try_from(aged).unwrap_or(100)
    }
}

fn is_current(allowed: &Allowed, now: Time) -> bool {
    allowed.expires.is_none_or(|end| end > now)
}

fn is_grave(reason: &Reason) -> bool {
    match reason {
        Reason::Special(_) | Reason::PrefixTooShort | Reason::Allowed(_) => true,
        Reason::PrefixShortForFeed
        | Reason::Defanged
        | Reason::EmptyFile
        | Reason::Warninglist(_)
        | Reason::Expired
        | Reason::Stale => false,
    }
}

fn half_of_all(record: &Record) -> Option<VetError> {
    match &record.indicator {
        Indicator::Net(net) if net.prefix_len() <= HALF_OF_ALL => {
            Some(VetError::HalfOfAll { line: record.line })
        }
        Indicator::Net(_)
        | Indicator::Ip(_)
        | Indicator::Endpoint(_)
        | Indicator::Domain(_)
        | Indicator::HostPort(..)
        | Indicator::Url(_)
        | Indicator::Hash(_) => None,
    }
}

/// `net` without `hole`.
fn without(net: IpNet, hole: &IpNet) -> Vec<IpNet> {
    if hole.contains(&net) {
        return Vec::new();
    }
    let (mut rest, mut inside) = (Vec::new(), net);
    while inside.contains(hole) && inside != *hole {
        let Ok(halves) = inside.subnets(inside.prefix_len().saturating_add(1)) else {
            break;
        };
        for half in halves {
            if half.contains(hole) {
                inside = half;
            } else {
                rest.push(half);
            }
        }
    }
    if !inside.contains(hole) {
        rest.push(inside);
    }
    rest.sort_unstable();
    rest
}

fn is_under(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The name of the host that an indicator means.
fn host_of(indicator: &Indicator) -> Option<&str> {
    match indicator {
        Indicator::Domain(name) | Indicator::HostPort(name, _) => Some(name),
        Indicator::Url(url) => value::url_host(url),
        Indicator::Ip(_) | Indicator::Net(_) | Indicator::Endpoint(_) | Indicator::Hash(_) => None,
    }
}

fn has_defanged_host(url: &str) -> bool {
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    value::is_defanged(host) || url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("hxxp"))
}

/// Whether it is the digest of an empty file, which half-written feeds and empty downloads bring.
fn is_of_nothing(hash: &FileHash) -> bool {
    let empty = [
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ];
    let text = match hash {
        FileHash::Md5(_) => empty[0],
        FileHash::Sha1(_) => empty[1],
        FileHash::Sha256(_) => empty[2],
        FileHash::Sha512(_) => empty[3],
    };
    value::hash(text) == Some(*hash)
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_insert(0);
    *count = count.saturating_add(1);
}
