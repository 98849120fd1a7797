//! Who says what of an entry, and how surely: shared between all entries of which the same is said.
//!
//! An entry holds a number only. Of nearly all entries one feed says one thing, so the number is a [`Claim`]'s; where
//! several feeds name an entry it is a set's, beyond the claims.

use std::sync::Arc;

use smallvec::SmallVec;

use super::bytes::{Reader, put_count, put_many, put_slice};
use super::snapshot::SnapshotError;
use crate::event::{Nanos, Time};

/// The tag of everything that is only a hint.
pub const HINT: &str = "hint";

/// How sure a hint is at most. Shared infrastructure is on lists because of some of its users.
pub const HINT_CONFIDENCE: u8 = 30;

/// Whether what a feed says may convict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// It is what the feed says it is.
    Full,
    /// It is shared by many, such as a CDN, a cloud, a public resolver: a hint, and no more.
    Hint,
}

/// What one feed says of one or many entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The feed.
    pub source: Arc<str>,
    /// What it says, such as `mining-pool`, in the order of the alphabet.
    pub tags: Arc<[Arc<str>]>,
    /// How sure it is, 0 to 100.
    pub confidence: u8,
    /// Whether it may convict.
    pub trust: Trust,
    /// Since when it says so, to the second.
    pub since: Option<Time>,
    /// From when on it is no longer to be believed, to the second.
    pub until: Option<Time>,
}

impl Claim {
    fn holds_at(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether it says the same as another, whenever either began to: a feed that is dated anew says nothing new.
    fn says_as(&self, other: &Claim) -> bool {
        self.source == other.source && self.tags == other.tags && self.trust >= other.trust
    }
}

/// How closely an entry names what was looked up. The closer one is heard first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// It names it as it is: the address with its port, the digest, the whole name.
    Exact,
    /// It names the address, whatever the port.
    Address,
    /// It names a prefix of so many bits that the address lies in.
    Prefix(PrefixLen),
}

/// The length of a prefix in bits; the longer one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrefixLen(pub u8);

impl PartialOrd for PrefixLen {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PrefixLen {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

/// What the lists say of something, all of them together.
#[derive(Clone, Debug)]
pub struct Hit<'a> {
    /// What is said, closest and surest first; never empty.
    claims: SmallVec<[(Scope, &'a Claim); 2]>,
    trust: Trust,
}

impl<'a> Hit<'a> {
    /// What is said at the time `now` by claims of any order; nothing where all that was said is over.
    ///
    /// **Invariant**: what names something more closely decides whether it is a hint. A prefix that a list condemns
    /// does not convict an address in it that is known to be shared.
    pub(super) fn of(claims: impl Iterator<Item = (Scope, &'a Claim)>, now: Time) -> Option<Hit<'a>> {
        let mut claims: SmallVec<[(Scope, &'a Claim); 2]> =
            claims.filter(|(_, claim)| claim.holds_at(now)).collect();
        claims.sort_by_key(|(scope, claim)| {
            (*scope, claim.trust, std::cmp::Reverse(claim.confidence), &claim.source)
        });
        let trust = claims.first()?.1.trust;
        Some(Hit { claims, trust })
    }

    fn heard(&self) -> impl Iterator<Item = &'a Claim> + '_ {
        self.claims.iter().map(|(_, claim)| *claim).filter(|claim| claim.trust == self.trust)
    }

    /// The tags that the lists give, each once, the closest and surest list's first. Of a hint they are `hint` and
    /// `hint:TAG`, so that only a rule that asks for hints is convinced by one.
    #[must_use]
    pub fn tags(&self) -> Vec<Arc<str>> {
        let mut tags: Vec<Arc<str>> = Vec::new();
        if self.is_hint() {
            tags.push(HINT.into());
        }
        for tag in self.heard().flat_map(|claim| claim.tags.iter()) {
            let tag = if self.is_hint() { format!("{HINT}:{tag}").into() } else { Arc::clone(tag) };
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// The list that says so; the closest and surest, where there are several.
    #[must_use]
    pub fn source(&self) -> &'a Arc<str> {
        // A hit has a claim: `of` makes no other.
        static NOBODY: std::sync::LazyLock<Arc<str>> = std::sync::LazyLock::new(|| Arc::from(""));
        self.claims.first().map_or(&*NOBODY, |(_, claim)| &claim.source)
    }

    /// How sure that list is, 0 to 100; of a hint never more than [`HINT_CONFIDENCE`].
    #[must_use]
    pub fn confidence(&self) -> u8 {
        let confidence = self.claims.first().map_or(0, |(_, claim)| claim.confidence);
        if self.is_hint() { confidence.min(HINT_CONFIDENCE) } else { confidence }
    }

    /// Since when that list says so, where it tells.
    #[must_use]
    pub fn since(&self) -> Option<Time> {
        self.claims.first()?.1.since
    }

    /// Whether all that is said is only a hint.
    #[must_use]
    pub fn is_hint(&self) -> bool {
        self.trust == Trust::Hint
    }

    /// All that is said, closest and surest first.
    pub fn claims(&self) -> impl Iterator<Item = (Scope, &'a Claim)> + '_ {
        self.claims.iter().copied()
    }

    /// Whether something is said here that `before` did not say.
    #[must_use]
    pub fn is_news_after(&self, before: Option<&Hit<'_>>) -> bool {
        let known = |claim: &Claim| {
            before.is_some_and(|before| before.claims().any(|(_, known)| claim.says_as(known)))
        };
        self.claims.iter().any(|(_, claim)| !known(claim))
    }
}

/// The number that an entry holds: of a claim, or of a set of claims beyond them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SaidIx(pub(super) u32);

/// All claims of a snapshot, and the sets of them that entries have.
#[derive(Debug, Default)]
pub(super) struct Claims {
    claims: Box<[Claim]>,
    /// Where each set begins in `members`, and where the last one ends.
    starts: Box<[u32]>,
    members: Box<[u32]>,
}

impl Claims {
    pub(super) fn new(claims: Vec<Claim>, sets: &[Box<[u32]>]) -> Claims {
        let mut starts = vec![0u32];
        let mut members = Vec::new();
        for set in sets {
            members.extend_from_slice(set);
            starts.push(u32::try_from(members.len()).unwrap_or(u32::MAX));
        }
        Claims { claims: claims.into(), starts: starts.into(), members: members.into() }
    }

    /// How many numbers an entry may hold.
    pub(super) fn count(&self) -> usize {
        self.claims.len().saturating_add(self.starts.len().saturating_sub(1))
    }

    /// What is said under a number.
    pub(super) fn of(&self, said: SaidIx) -> impl Iterator<Item = &Claim> + '_ {
        let at = usize::try_from(said.0).unwrap_or(usize::MAX);
        let single = self.claims.get(at);
        let set = at.checked_sub(self.claims.len()).and_then(|set| {
            let (from, to) = (*self.starts.get(set)?, *self.starts.get(set.checked_add(1)?)?);
            self.members.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
        });
        let members = set.into_iter().flatten();
        single.into_iter().chain(
            members.filter_map(|member| self.claims.get(usize::try_from(*member).unwrap_or(usize::MAX))),
        )
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut words: Vec<&str> = self
            .claims
            .iter()
            .flat_map(|claim| claim.tags.iter().map(|tag| &**tag).chain([&*claim.source]))
            .collect();
        words.sort_unstable();
        words.dedup();
        let word = |text: &str| words.binary_search(&text).unwrap_or(usize::MAX);
        put_count(out, words.len());
        for text in &words {
            put_slice(out, text.as_bytes());
        }
        let mut lists: Vec<&[Arc<str>]> = self.claims.iter().map(|claim| &*claim.tags).collect();
        lists.sort_unstable();
        lists.dedup();
        put_count(out, lists.len());
        for tags in &lists {
            put_count(out, tags.len());
            tags.iter().for_each(|tag| put_count(out, word(tag)));
        }
        put_count(out, self.claims.len());
        for claim in &self.claims {
            put_count(out, word(&claim.source));
            put_count(out, lists.binary_search(&&*claim.tags).unwrap_or(usize::MAX));
            out.push(claim.confidence);
            out.push(match claim.trust {
                Trust::Full => 0,
                Trust::Hint => 1,
            });
            put_many(out, &[seconds(claim.since), seconds(claim.until)]);
        }
        put_count(out, self.starts.len());
        put_many(out, &self.starts);
        put_count(out, self.members.len());
        put_many(out, &self.members);
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Claims, SnapshotError> {
        const NO_WORD: SnapshotError = SnapshotError::Inconsistent("a claim names no word");
        let mut words: Vec<Arc<str>> = Vec::new();
        for _ in 0..reader.count()? {
            words.push(reader.text()?.into());
        }
        let mut lists: Vec<Arc<[Arc<str>]>> = Vec::new();
        for _ in 0..reader.count()? {
            let count = reader.count()?;
            let tags = reader.many::<u32>(count)?;
            let tags = tags.iter().map(|word| at(&words, *word).ok_or(NO_WORD));
            lists.push(tags.collect::<Result<_, _>>()?);
        }
        let mut claims = Vec::new();
        for _ in 0..reader.count()? {
            let source = at(&words, reader.u32()?).ok_or(NO_WORD)?;
            let tags = at(&lists, reader.u32()?).ok_or(NO_WORD)?;
            let confidence = reader.u8()?;
            let trust = match reader.u8()? {
                0 => Trust::Full,
                1 => Trust::Hint,
                _ => return Err(SnapshotError::Inconsistent("a claim is neither full nor a hint")),
            };
            let (since, until) = (time(reader.u32()?), time(reader.u32()?));
            claims.push(Claim { source, tags, confidence, trust, since, until });
        }
        let count = reader.count()?;
        let starts = reader.many::<u32>(count)?;
        let count = reader.count()?;
        let members = reader.many::<u32>(count)?;
        let is_whole = starts.first() == Some(&0)
            && starts.is_sorted()
            && starts.last().and_then(|last| usize::try_from(*last).ok()) == Some(members.len());
        if !is_whole {
            return Err(SnapshotError::Inconsistent("sets of claims do not add up"));
        }
        Ok(Claims { claims: claims.into(), starts, members })
    }
}

fn at<T: Clone>(of: &[T], number: u32) -> Option<T> {
    of.get(usize::try_from(number).ok()?).cloned()
}

/// A time in whole seconds; 0 where there is none. It ends in 2106.
pub(super) fn seconds(time: Option<Time>) -> u32 {
    time.map_or(0, |time| u32::try_from(time.0.div_euclid(Nanos::from_secs(1).0).max(1)).unwrap_or(u32::MAX))
}

pub(super) fn time(seconds: u32) -> Option<Time> {
    (seconds != 0).then(|| Time(Nanos::from_secs(i64::from(seconds)).0))
}
