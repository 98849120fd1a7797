//! What a feed says → what of it is believed, and why the rest is not.
//!
//! Operator over warninglist over feed: what the operator allows is taken out of every feed, what a warninglist names
//! is refused or only a hint. Entries are judged one by one; a file whose *shape* is wrong (empty where it may not be,
//! cut, grown or shrunk beyond its bounds, mostly unreadable) is refused whole, and the caller keeps the last good one.

mod judge;
mod policy;
mod reason;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use policy::{Allow, Allowed, Bounds, Documentation, Empty, Last, Lists, Policy, Strictness};
pub use reason::{Reason, VetError};

use super::ranges::AddrSet;
use super::read::{Ending, Parsed, count};
use super::record::{Indicator, Kind, Record};
pub use super::special::Special;
use super::warn::net_of;
use crate::event::{Nanos, Time};
use crate::hash::Map;
use judge::Judge;

/// A prefix as short as this is no mistake but an attack or a broken generator: the file is refused whole.
const HALF_OF_ALL: u8 = 1;
/// Lists smaller than this come and go in the whole: growth and shrinkage in percent say nothing about them.
const SMALL: u64 = 20;

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

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    let count = counts.entry(key).or_insert(0);
    *count = count.saturating_add(1);
}
