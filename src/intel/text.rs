//! Text indicators in arguments: schemes, flags, hosts, wallets.
//!
//! A pattern counts only where it stands as what it is (its [`Anchor`]): `grep -r stratum+tcp:// /etc` holds the
//! scheme as well, but `sh -c 'grep stratum…'` and a path that contains a pool's name do not. One automaton finds
//! the candidates in a single pass over each argument.

use std::str::FromStr;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use smallvec::SmallVec;

use super::wallet::is_monero;

/// Where a pattern must stand in an argument to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Clone, Debug)]
pub(super) struct Indicator {
    /// In lower case.
    pub(super) pattern: Box<[u8]>,
    pub(super) anchor: Anchor,
    pub(super) tag: Arc<str>,
    pub(super) source: Arc<str>,
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
}

/// The longest part of an argument that is looked at, in bytes: no host, flag or wallet is longer, and a megabyte of
/// arguments must not cost a megabyte of matching.
const LOOKED_AT: usize = 1024;

/// Arguments that are looked at.
const MAX_ARGS: usize = 256;

pub(super) struct TextIndex {
    automaton: Option<AhoCorasick>,
    indicators: Vec<Indicator>,
    wallet_tag: Arc<str>,
    wallet_source: Arc<str>,
}

impl std::fmt::Debug for TextIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "text index of {}", self.indicators.len())
    }
}

impl TextIndex {
    pub(super) fn new(indicators: Vec<Indicator>) -> Self {
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(indicators.iter().map(|indicator| &indicator.pattern))
            // Fails beyond 2^31 states only; then no text indicator is worth having.
            .ok();
        TextIndex { automaton, indicators, wallet_tag: "wallet".into(), wallet_source: "shape".into() }
    }

    pub(super) fn look<'a>(&self, args: impl Iterator<Item = &'a [u8]>) -> TextHits {
        let mut hits = TextHits::default();
        if self.indicators.is_empty() {
            return hits;
        }
        // The program's own name is no argument; names have a list of their own.
        for arg in args.skip(1).take(MAX_ARGS) {
            let looked_at = arg.get(..LOOKED_AT).unwrap_or(arg);
            if let Some(automaton) = &self.automaton {
                for found in automaton.find_overlapping_iter(looked_at) {
                    if let Some(indicator) = self.indicators.get(found.pattern().as_usize())
                        && stands(indicator.anchor, looked_at, found.start(), found.end())
                    {
                        hits.add(&indicator.tag, &indicator.source, looked_at);
                    }
                }
            }
            let value = looked_at.split(|byte| *byte == b'=').next_back().unwrap_or(looked_at);
            if is_monero(value) {
                hits.add(&self.wallet_tag, &self.wallet_source, looked_at);
            }
        }
        hits
    }
}

impl TextHits {
    fn add(&mut self, tag: &Arc<str>, source: &Arc<str>, argument: &[u8]) {
        if self.tags.is_empty() {
            self.argument = Some(argument.into());
            self.source = Some(Arc::clone(source));
        }
        if !self.tags.contains(tag) {
            self.tags.push(Arc::clone(tag));
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

    fn tags(args: &[&str]) -> Vec<String> {
        let hits = Intel::seed().arguments(args.iter().map(|arg| arg.as_bytes()));
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
        let hits = Intel::seed()
            .arguments(["x", "-a", "--coin=monero", "--nicehash"].iter().map(|arg| arg.as_bytes()));
        assert_eq!(hits.tags.len(), 1);
        assert_eq!(hits.argument.as_deref(), Some(&b"--coin=monero"[..]));
        assert_eq!(hits.source.as_deref(), Some("seed:text"));
    }
}
