//! Text indicators in arguments: schemes, flags, hosts, wallets.
//!
//! A pattern counts only where it stands as what it is (its [`Anchor`]): `grep -r stratum+tcp:// /etc` holds the
//! scheme as well, but `sh -c 'grep stratum…'` and a path that contains a pool's name do not. One automaton finds
//! the candidates in a single pass over each argument.

use std::str::FromStr;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use smallvec::SmallVec;

use super::bytes::{Reader, put_count, put_many, put_slice};
use super::claim::{Hit, SaidIx};
use super::snapshot::SnapshotError;
use super::wallet::is_monero;
use crate::event::Time;

/// Where a pattern must stand in an argument to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// At the argument's beginning, or as the value of an option behind a `=`.
    Start,
    /// As the whole argument, or as all of it up to a `=`.
    Flag,
    /// As a host with a port: alone or with scheme and user, and with names below it.
    Host,
}

/// The word is none of `start`, `flag`, `host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an anchor: use start, flag or host")]
pub struct ParseAnchorError;

impl FromStr for Anchor {
    type Err = ParseAnchorError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "start" => Ok(Anchor::Start),
            "flag" => Ok(Anchor::Flag),
            "host" => Ok(Anchor::Host),
            _ => Err(ParseAnchorError),
        }
    }
}

impl Anchor {
    const ALL: [Anchor; 3] = [Anchor::Start, Anchor::Flag, Anchor::Host];

    fn number(self) -> u8 {
        match self {
            Anchor::Start => 0,
            Anchor::Flag => 1,
            Anchor::Host => 2,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Indicator {
    /// In lower case.
    pub(super) pattern: Box<[u8]>,
    pub(super) anchor: Anchor,
    /// What is said of it.
    pub(super) said: SaidIx,
}

/// What the arguments of a program gave away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextHits {
    /// The tags, each once, in the order of the arguments.
    pub tags: SmallVec<[Arc<str>; 2]>,
    /// The argument that the first tag is of.
    pub argument: Option<Box<[u8]>>,
    /// The list that the first tag is from.
    pub source: Option<Arc<str>>,
    /// How sure that list is.
    pub confidence: u8,
    /// Since when that list says so.
    pub since: Option<Time>,
}

/// The longest part of an argument that is looked at, in bytes: no host, flag or wallet is longer, and a megabyte of
/// arguments must not cost a megabyte of matching.
pub(super) const LOOKED_AT: usize = 1024;

/// Arguments that are looked at.
pub(super) const MAX_ARGS: usize = 256;

/// Patterns that the automaton takes: some megabytes of it. Hosts and URLs of feeds are looked up whole, not searched.
pub(super) const MAX_PATTERNS: usize = 20_000;

/// The longest pattern, in bytes.
pub(super) const MAX_PATTERN: usize = 256;

/// All patterns together, in bytes: each may become a state of the automaton.
pub(super) const MAX_PATTERN_BYTES: usize = 1 << 20;

/// How sure the shape of a wallet is: nothing else has it.
const SHAPE_CONFIDENCE: u8 = 90;

#[derive(Default)]
pub(super) struct TextIndex {
    automaton: Option<AhoCorasick>,
    indicators: Vec<Indicator>,
}

impl std::fmt::Debug for TextIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "text index of {}", self.indicators.len())
    }
}

impl TextIndex {
    pub(super) fn new(mut indicators: Vec<Indicator>) -> Self {
        indicators.sort_unstable();
        indicators.dedup();
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(indicators.iter().map(|indicator| &indicator.pattern))
            // Fails beyond 2^31 states only; then no text indicator is worth having.
            .ok();
        TextIndex { automaton, indicators }
    }

    /// What is said of one argument, of which at most [`LOOKED_AT`] bytes are given.
    pub(super) fn look(&self, arg: &[u8], found: &mut dyn FnMut(SaidIx)) {
        if self.indicators.is_empty() {
            return;
        }
        let Some(automaton) = &self.automaton else { return };
        for matched in automaton.find_overlapping_iter(arg) {
            if let Some(indicator) = self.indicators.get(matched.pattern().as_usize())
                && stands(indicator.anchor, arg, matched.start(), matched.end())
            {
                found(indicator.said);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.indicators.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let automaton = self.automaton.as_ref().map_or(0, AhoCorasick::memory_usage);
        automaton.saturating_add(size_of_val(&*self.indicators))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.indicators.len());
        for Indicator { pattern, anchor, said } in &self.indicators {
            out.push(anchor.number());
            put_many(out, &[said.0]);
            put_slice(out, pattern);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<TextIndex, SnapshotError> {
        let count = reader.count()?;
        if count > MAX_PATTERNS {
            return Err(SnapshotError::Inconsistent("more text indicators than there may be"));
        }
        let mut indicators = Vec::new();
        let mut pattern_bytes = 0usize;
        for _ in 0..count {
            let anchor = reader.u8()?;
            let anchor = Anchor::ALL.into_iter().find(|known| known.number() == anchor);
            let anchor = anchor.ok_or(SnapshotError::Inconsistent("an anchor that nobody knows"))?;
            let said = SaidIx(reader.u32()?);
            if usize::try_from(said.0).is_ok_and(|said| said >= numbers) {
                return Err(SnapshotError::Inconsistent("a text says what nobody claims"));
            }
            let pattern: Box<[u8]> = reader.slice()?.into();
            pattern_bytes = pattern_bytes.saturating_add(pattern.len());
            if pattern.is_empty() || pattern.len() > MAX_PATTERN || pattern_bytes > MAX_PATTERN_BYTES {
                return Err(SnapshotError::Inconsistent("a text is empty or too long"));
            }
            indicators.push(Indicator { pattern, anchor, said });
        }
        Ok(TextIndex::new(indicators))
    }
}

impl TextHits {
    /// Adds what is said of an argument.
    pub(super) fn add(&mut self, argument: &[u8], hit: &Hit<'_>) {
        if self.argument.is_none() {
            self.argument = Some(argument.into());
            self.source = Some(Arc::clone(hit.source()));
            self.confidence = hit.confidence();
            self.since = hit.since();
        }
        for tag in hit.tags() {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
    }

    /// Adds the wallet that an argument, or the value of an option, is by its shape.
    pub(super) fn add_wallet(&mut self, argument: &[u8]) {
        let value = argument.split(|byte| *byte == b'=').next_back().unwrap_or(argument);
        if !is_monero(value) {
            return;
        }
        if self.argument.is_none() {
            self.argument = Some(argument.into());
            self.source = Some("shape".into());
            self.confidence = SHAPE_CONFIDENCE;
        }
        if !self.tags.iter().any(|tag| &**tag == "wallet") {
            self.tags.push("wallet".into());
        }
    }
}

fn stands(anchor: Anchor, arg: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| arg.get(at)).copied();
    let after = arg.get(end).copied();
    match anchor {
        // Behind a `=` it is an option's value; in the query of a URL it is what somebody asks for.
        // A scheme without a host is a word that somebody looks for.
        Anchor::Start => {
            let begins = before.is_none() || (before == Some(b'=') && arg.starts_with(b"-"));
            begins && after.is_some_and(|next| next.is_ascii_alphanumeric() || next == b'[')
        }
        Anchor::Flag => before.is_none() && matches!(after, None | Some(b'=')),
        Anchor::Host => {
            // What stands before the host must be a name below it, a user, a scheme, or nothing.
            let opens = matches!(before, None | Some(b'.' | b'/' | b'@' | b'='));
            // A path behind the port is a web page about the pool, not the pool.
            // A port must follow: the bare name is what firewalls and curious people write.
            let closes = match after {
                Some(b':') => arg
                    .get(end.saturating_add(1)..)
                    .is_some_and(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit)),
                Some(_) | None => false,
            };
            opens && closes && !arg.starts_with(b"http")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Intel;
    use crate::event::Time;

    fn tags(args: &[&str]) -> Vec<String> {
        let hits = Intel::seed().arguments(args.iter().map(|arg| arg.as_bytes()), Time(1));
        hits.tags.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pattern_counts_where_it_stands_as_what_it_is() {
        assert_eq!(tags(&["x", "-o", "stratum+tcp://198.51.100.7:3333"]), ["stratum-scheme"]);
        assert_eq!(tags(&["x", "--url=stratum+ssl://pool.example:443"]), ["stratum-scheme"]);
        assert_eq!(tags(&["x", "--donate-level", "0"]), ["miner-flag"]);
        assert_eq!(tags(&["x", "--donate-level=0"]), ["miner-flag"]);
        assert_eq!(tags(&["x", "-o", "pool.supportxmr.com:443"]), ["pool-host"]);
        assert_eq!(tags(&["x", "--pool", "ETC.2miners.com:1010"]), ["pool-host"]);
    }

    #[test]
    fn what_only_speaks_of_mining_is_no_hit() {
        for args in [
            &["sh", "-c", "grep -r stratum+tcp:// /etc"][..],
            &["cat", "docs/--donate-level.md"],
            &["curl", "https://pool.supportxmr.com/status"],
            &["curl", "http://search.example/?q=stratum+tcp://pool"],
            &["git", "clone", "https://github.com/example/nanopool.org"],
            &["x", "mynanopool.org.txt"],
            &["redis-cli", "SADD", "blocked", "pool.supportxmr.com"],
            &["x", "--pattern", "stratum+tcp://"],
            &["stratum+tcp://as-argv0"],
        ] {
            assert_eq!(tags(args), Vec::<String>::new(), "{args:?}");
        }
    }

    #[test]
    fn a_first_hit_is_kept_with_its_argument_and_source() {
        let args = ["x", "-a", "--coin=monero", "--nicehash"];
        let hits = Intel::seed().arguments(args.iter().map(|arg| arg.as_bytes()), Time(1));
        assert_eq!(hits.tags.len(), 1);
        assert_eq!(hits.argument.as_deref(), Some(&b"--coin=monero"[..]));
        assert_eq!(hits.source.as_deref(), Some("seed:text"));
    }
}
