//! What many feeds say → one snapshot. The order in which things are added makes no difference.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::addresses::Addresses;
use super::claim::{Claim, Claims, HINT, SaidIx, Trust, seconds, time};
use super::feed::{FileHash, Indicator, Record};
use super::host::HOST_MAX;
use super::ip::{IpIndex, endpoint6};
use super::nest::Nest;
use super::table::{Endpoint4, Endpoint6, Key, Table};
use super::text::{self, Anchor, LOOKED_AT, MAX_PATTERN, MAX_PATTERN_BYTES, MAX_PATTERNS, TextIndex};
use super::words::Words;
use super::{Complaint, Intel, NAME_MAX, ParseAnchorError, Tables, entries, url_key};
use crate::hash::Map;

/// Entries of a snapshot at most.
pub const MAX_ENTRIES: usize = 1 << 26;

/// Tags of one claim at most, and the longest of them in bytes: what a feed calls things is shown in findings.
const MAX_TAGS: usize = 32;
const MAX_TAG: usize = 64;

/// How sure the bundled lists are: they were right when they were written.
const SEED_CONFIDENCE: u8 = 70;

/// A feed by its place in a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedIx(u32);

/// What became of an entry that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Added {
    /// It will be found.
    Kept,
    /// gVisor never says anything that it could be compared with: an MD5 or SHA-512, a name that is too long.
    Unusable,
    /// The snapshot holds [`MAX_ENTRIES`].
    Full,
}

/// A pattern in lower case, and where it must stand.
type Pattern = (Box<[u8]>, Anchor);

/// Collects entries for a snapshot.
#[derive(Debug, Default)]
pub struct IntelBuilder {
    feeds: Vec<Feed>,
    lists: Interned<Arc<[Arc<str>]>>,
    rows: Interned<Row>,
    entries: usize,
    v4: Vec<(u32, u32)>,
    endpoints4: Vec<(Endpoint4, u32)>,
    nets4: Vec<((u32, u8), u32)>,
    endpoints6: Vec<(Endpoint6, u32)>,
    nets6: Vec<((u128, u8), u32)>,
    sha256: Vec<([u8; 32], u32)>,
    sha1: Vec<([u8; 20], u32)>,
    names: Vec<(Box<[u8]>, u32)>,
    hosts: Vec<(Box<[u8]>, u32)>,
    urls: Vec<(Box<[u8]>, u32)>,
    texts: Vec<(Pattern, u32)>,
    pattern_bytes: usize,
}

#[derive(Debug)]
struct Feed {
    name: Arc<str>,
    tags: Vec<Arc<str>>,
    /// The list of its own tags.
    own: u32,
}

/// A claim in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    feed: u32,
    tags: u32,
    confidence: u8,
    trust: Trust,
    since: u32,
    until: u32,
}

/// Values that are kept once each, by number.
#[derive(Debug)]
struct Interned<T> {
    all: Vec<T>,
    numbers: Map<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Interned { all: Vec::new(), numbers: Map::default() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}

impl IntelBuilder {
    /// Begins with the lists that come with Sluicebox.
    #[must_use]
    pub fn seed() -> IntelBuilder {
        let mut builder = IntelBuilder::default();
        builder.names(
            "seed:binary-names",
            "miner",
            SEED_CONFIDENCE,
            include_str!("../../feeds/seed/binary-names.txt"),
        );
        let complaints = builder.texts("seed:text", include_str!("../../feeds/seed/text.txt"));
        debug_assert_eq!(complaints, Vec::new(), "the bundled list is in its own format");
        builder
    }

    /// A feed, with the tags that all its entries have.
    pub fn feed<'a>(&mut self, name: &str, tags: impl IntoIterator<Item = &'a str>) -> FeedIx {
        let tags: Vec<Arc<str>> = tags.into_iter().map(Arc::from).collect();
        let own = self.lists.number(list_of(&tags, &[]));
        let number = u32::try_from(self.feeds.len()).unwrap_or(u32::MAX);
        self.feeds.push(Feed { name: name.into(), tags, own });
        FeedIx(number)
    }

    /// Adds what a feed says of one thing. `confidence` and `trust` are what became of it when it was vetted.
    pub fn add(&mut self, feed: FeedIx, record: &Record, confidence: u8, trust: Trust) -> Added {
        let Some(known) = self.feeds.get(usize::try_from(feed.0).unwrap_or(usize::MAX)) else {
            return Added::Unusable;
        };
        let tags = if record.tags.is_empty() {
            known.own
        } else {
            let list = list_of(&known.tags, &record.tags);
            self.lists.number(list)
        };
        let row = Row {
            feed: feed.0,
            tags,
            confidence: confidence.min(100),
            trust,
            since: seconds(record.first_seen),
            until: seconds(record.expires),
        };
        self.keep(&record.indicator, row)
    }

    fn keep(&mut self, indicator: &Indicator, row: Row) -> Added {
        if self.entries >= MAX_ENTRIES {
            return Added::Full;
        }
        match indicator {
            Indicator::Domain(name) if name.len() > HOST_MAX => return Added::Unusable,
            Indicator::HostPort(name, _) if name.len() > HOST_MAX => return Added::Unusable,
            // An argument is looked at only so far.
            Indicator::Url(url) if url.len() >= LOOKED_AT => return Added::Unusable,
            Indicator::Hash(FileHash::Md5(_) | FileHash::Sha512(_)) => return Added::Unusable,
            Indicator::Domain(_)
            | Indicator::HostPort(..)
            | Indicator::Url(_)
            | Indicator::Hash(FileHash::Sha1(_) | FileHash::Sha256(_))
            | Indicator::Ip(_)
            | Indicator::Net(_)
            | Indicator::Endpoint(_) => {}
        }
        let row = self.rows.number(row);
        match indicator {
            Indicator::Ip(addr) => self.net(IpNet::from(addr.to_canonical()), row),
            Indicator::Net(net) => self.net(*net, row),
            Indicator::Endpoint(endpoint) => match endpoint.ip().to_canonical() {
                IpAddr::V4(v4) => {
                    self.endpoints4.push((Endpoint4(u32::from(v4), endpoint.port()), row));
                }
                IpAddr::V6(v6) => self.endpoints6.push((endpoint6(v6, endpoint.port()), row)),
            },
            Indicator::Domain(name) => self.hosts.push((name.as_bytes().into(), row)),
            Indicator::HostPort(name, port) => {
                self.hosts.push((format!("{name}:{port}").into_bytes().into(), row));
            }
            Indicator::Url(url) => self.urls.push((url_key(url.as_bytes()).as_slice().into(), row)),
            Indicator::Hash(FileHash::Sha256(digest)) => self.sha256.push((*digest, row)),
            Indicator::Hash(FileHash::Sha1(digest)) => self.sha1.push((*digest, row)),
            Indicator::Hash(FileHash::Md5(_) | FileHash::Sha512(_)) => return Added::Unusable,
        }
        self.entries = self.entries.saturating_add(1);
        Added::Kept
    }

    fn net(&mut self, net: IpNet, row: u32) {
        match net.trunc() {
            IpNet::V4(net) if net.prefix_len() == 32 => self.v4.push((u32::from(net.network()), row)),
            IpNet::V4(net) => self.nets4.push(((u32::from(net.network()), net.prefix_len()), row)),
            IpNet::V6(net) => self.nets6.push(((u128::from(net.network()), net.prefix_len()), row)),
        }
    }

    fn bare_row(&mut self, feed: FeedIx, confidence: u8) -> u32 {
        let tags = self.feeds.get(usize::try_from(feed.0).unwrap_or(usize::MAX)).map_or(0, |known| known.own);
        self.rows.number(Row { feed: feed.0, tags, confidence, trust: Trust::Full, since: 0, until: 0 })
    }

    /// Adds names of programs, one a line; `#` begins a comment.
    pub fn names(&mut self, source: &str, tag: &str, confidence: u8, list: &str) {
        let feed = self.feed(source, [tag]);
        let row = self.bare_row(feed, confidence);
        for (_, name) in entries(list) {
            if name.len() <= NAME_MAX {
                self.names.push((name.to_ascii_lowercase().into_bytes().into_boxed_slice(), row));
            }
        }
    }

    /// Adds text indicators, `ANCHOR TAG PATTERN` a line; `#` begins a comment. Says which lines are no such thing.
    pub fn texts(&mut self, source: &str, list: &str) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (line, entry) in entries(list) {
            let mut words = entry.split_ascii_whitespace();
            let (Some(anchor), Some(tag), Some(pattern), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                complaints.push(Complaint { line, why: "expected three words: anchor, tag, pattern" });
                continue;
            };
            let anchor = match anchor.parse() {
                Ok(anchor) => anchor,
                Err(ParseAnchorError) => {
                    complaints.push(Complaint { line, why: "the anchor must be start, flag or host" });
                    continue;
                }
            };
            self.pattern_bytes = self.pattern_bytes.saturating_add(pattern.len());
            if pattern.len() > MAX_PATTERN
                || self.texts.len() >= MAX_PATTERNS
                || self.pattern_bytes > MAX_PATTERN_BYTES
            {
                complaints.push(Complaint { line, why: "the pattern is too long, or one too many" });
                continue;
            }
            let feed = self.feed(source, [tag]);
            let row = self.bare_row(feed, SEED_CONFIDENCE);
            self.texts.push(((pattern.to_ascii_lowercase().into_bytes().into_boxed_slice(), anchor), row));
        }
        complaints
    }

    /// The snapshot, with its number.
    #[must_use]
    pub fn build(self, generation: u64) -> Intel {
        let (claims, renumbered) = claims_of(&self.feeds, &self.lists.all, &self.rows.all);
        let mut merge = Merge { claims: &claims, renumbered: &renumbered, sets: Interned::default() };
        let ips = IpIndex {
            v4: merge.addresses(self.v4),
            endpoints4: merge.table(self.endpoints4),
            nets4: merge.nest(self.nets4),
            endpoints6: merge.table(self.endpoints6),
            nets6: merge.nest(self.nets6),
        };
        let (sha256, sha1) = (merge.table(self.sha256), merge.table(self.sha1));
        let names = merge.words(self.names);
        let (hosts, urls) = (merge.words(self.hosts), merge.words(self.urls));
        let (texts, said) = merge.merged(self.texts);
        let texts = texts.into_iter().zip(said).map(|((pattern, anchor), said)| text::Indicator {
            pattern,
            anchor,
            said: SaidIx(said),
        });
        let texts = TextIndex::new(texts.collect());
        let sets = merge.sets.all;
        let claims = Claims::new(claims, &sets);
        Intel { generation, tables: Tables { claims, ips, sha256, sha1, names, hosts, urls, texts } }
    }
}

/// The tags of a feed and of one of its entries together, each once, in the order of the alphabet.
fn list_of(feed: &[Arc<str>], record: &[Arc<str>]) -> Arc<[Arc<str>]> {
    // What is a hint is decided here, not by a feed.
    let is_ours = |tag: &str| tag == HINT || tag.starts_with("hint:");
    let usable = |tag: &&Arc<str>| !tag.is_empty() && tag.len() <= MAX_TAG && !is_ours(tag);
    // A feed's own tags are the operator's words; they come before the cut.
    let mut list: Vec<Arc<str>> = feed.iter().chain(record).filter(usable).take(MAX_TAGS).cloned().collect();
    list.sort_unstable();
    list.dedup();
    list.into()
}

/// The claims in an order of their own, each once, and the new number of each row.
fn claims_of(feeds: &[Feed], lists: &[Arc<[Arc<str>]>], rows: &[Row]) -> (Vec<Claim>, Vec<u32>) {
    let at = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let key = |row: &Row| {
        (
            feeds.get(at(row.feed)).map(|feed| &feed.name),
            lists.get(at(row.tags)),
            row.confidence,
            row.trust,
            row.since,
            row.until,
        )
    };
    let mut order: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| key(a).cmp(&key(b)));
    let mut claims = Vec::new();
    let mut renumbered = vec![0; rows.len()];
    let mut last = None;
    for (number, row) in order {
        if last.is_none_or(|last| key(last) != key(row)) {
            let (source, tags, confidence, trust, since, until) = key(row);
            claims.push(Claim {
                source: source.cloned().unwrap_or_else(|| "".into()),
                tags: tags.cloned().unwrap_or_else(|| Arc::new([])),
                confidence,
                trust,
                since: time(since),
                until: time(until),
            });
        }
        last = Some(row);
        if let Some(slot) = renumbered.get_mut(number) {
            *slot = u32::try_from(claims.len().saturating_sub(1)).unwrap_or(u32::MAX);
        }
    }
    (claims, renumbered)
}

/// Brings together what several feeds say of one thing.
struct Merge<'a> {
    claims: &'a [Claim],
    renumbered: &'a [u32],
    sets: Interned<Box<[u32]>>,
}

impl Merge<'_> {
    /// The keys in order, each once, with what is said of it.
    fn merged<K: Ord>(&mut self, entries: Vec<(K, u32)>) -> (Vec<K>, Box<[u32]>) {
        let mut entries = entries;
        for (_, row) in &mut entries {
            let number = usize::try_from(*row).ok().and_then(|row| self.renumbered.get(row));
            *row = number.copied().unwrap_or_default();
        }
        entries.sort_unstable();
        let mut keys: Vec<K> = Vec::with_capacity(entries.len());
        let mut said: Vec<u32> = Vec::with_capacity(entries.len());
        let mut of_key: Vec<u32> = Vec::new();
        for (key, claim) in entries {
            if keys.last() != Some(&key) {
                said.extend(self.number(&of_key));
                of_key.clear();
                keys.push(key);
            }
            of_key.push(claim);
        }
        said.extend(self.number(&of_key));
        keys.shrink_to_fit();
        (keys, said.into())
    }

    /// The number of what these claims say together: of each feed its best one only, however often it repeats itself.
    fn number(&mut self, claims: &[u32]) -> Option<u32> {
        if let [claim] = claims {
            return Some(*claim);
        }
        let claim = |number: u32| self.claims.get(usize::try_from(number).ok()?);
        let worth = |number: &u32| {
            let claim = claim(*number)?;
            let since = claim.since.map_or(i64::MIN, |since| since.0.saturating_neg());
            Some((claim.trust == Trust::Full, claim.confidence, since))
        };
        let source = |number: u32| claim(number).map(|claim| &claim.source);
        // Claims are sorted by feed.
        let best: Vec<u32> = claims
            .chunk_by(|a, b| source(*a) == source(*b))
            .filter_map(|of_feed| of_feed.iter().max_by_key(|number| worth(number)).copied())
            .collect();
        match *best {
            [] => None,
            [claim] => Some(claim),
            _ => {
                let set = self.sets.number(best.into());
                Some(u32::try_from(self.claims.len()).unwrap_or(u32::MAX).saturating_add(set))
            }
        }
    }

    fn addresses(&mut self, entries: Vec<(u32, u32)>) -> Addresses {
        let (addrs, said) = self.merged(entries);
        Addresses::new(&addrs, said)
    }

    fn table<K: Key>(&mut self, entries: Vec<(K, u32)>) -> Table<K> {
        let (keys, said) = self.merged(entries);
        Table::new(keys.into(), said)
    }

    fn nest<A: super::nest::Address>(&mut self, entries: Vec<((A, u8), u32)>) -> Nest<A> {
        let (keys, said) = self.merged(entries);
        Nest::new(&keys, &said)
    }

    fn words(&mut self, entries: Vec<(Box<[u8]>, u32)>) -> Words {
        let (keys, said) = self.merged(entries);
        Words::new(keys.iter().map(|key| &**key), said)
    }
}
