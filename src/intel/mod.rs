//! Denylists: what the current snapshot says of an address, a program, an argument.
//!
//! A snapshot is immutable. Its owner hands it in with every batch of events and swaps it whenever it likes; the
//! engine never loads or publishes one. Every hit says which source said so.
//!
//! Nothing in here convicts alone: a list is somebody's opinion of yesterday. Rules join it with what was seen.

mod addresses;
mod buckets;
mod builder;
mod bytes;
mod claim;
pub mod feed;
mod host;
mod ip;
mod nest;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod wallet;
mod words;

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use crate::event::Time;

pub use builder::{Added, FeedIx, IntelBuilder, MAX_ENTRIES};
pub use claim::{Claim, HINT, HINT_CONFIDENCE, Hit, PrefixLen, Scope, Trust};
use claim::{Claims, SaidIx};
use feed::{FileHash, Indicator};
use host::{HOST_MAX, named};
use ip::IpIndex;
pub use snapshot::{MAX_SNAPSHOT, SnapshotError};
use table::Table;
pub use text::{Anchor, ParseAnchorError, TextHits};
use text::{LOOKED_AT, MAX_ARGS, TextIndex};
use words::Words;

/// An immutable snapshot of all denylists.
#[derive(Debug)]
pub struct Intel {
    generation: u64,
    tables: Tables,
}

#[derive(Debug, Default)]
struct Tables {
    claims: Claims,
    ips: IpIndex,
    sha256: Table<[u8; 32]>,
    sha1: Table<[u8; 20]>,
    names: Words,
    /// Hosts, with a port where the feed has one.
    hosts: Words,
    urls: Words,
    texts: TextIndex,
}

/// How much a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// IPv4 addresses.
    pub addresses4: usize,
    /// IPv4 prefixes.
    pub prefixes4: usize,
    /// IPv6 addresses and prefixes.
    pub prefixes6: usize,
    /// Addresses with a port.
    pub endpoints: usize,
    /// SHA-256 and SHA-1 digests of files.
    pub digests: usize,
    /// Names of programs.
    pub names: usize,
    /// Hosts, with and without a port.
    pub hosts: usize,
    /// URLs.
    pub urls: usize,
    /// Text indicators.
    pub texts: usize,
    /// The memory that all of it takes, but for what is said: in bytes.
    pub bytes: usize,
}

/// The longest name of a program that is looked up, in bytes (`NAME_MAX`, `include/uapi/linux/limits.h`).
const NAME_MAX: usize = 255;

impl Intel {
    /// A snapshot that knows nothing.
    #[must_use]
    pub fn empty() -> Intel {
        IntelBuilder::default().build(0)
    }

    /// The lists that come with Sluicebox: names of miners, their flags and schemes, hosts of large pools.
    #[must_use]
    pub fn seed() -> Intel {
        IntelBuilder::seed().build(0)
    }

    /// Which snapshot this is; 0 is what comes with Sluicebox.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is said of an address at the time `now`, whatever the port.
    #[must_use]
    pub fn ip(&self, addr: IpAddr, now: Time) -> Option<Hit<'_>> {
        self.hit(&self.tables.ips.lookup(addr, None), now)
    }

    /// What is said of an address and port: of both together, of the address, of the prefixes that it lies in.
    #[must_use]
    pub fn endpoint(&self, remote: SocketAddr, now: Time) -> Option<Hit<'_>> {
        self.hit(&self.tables.ips.lookup(remote.ip(), Some(remote.port())), now)
    }

    /// What is said of a file's bytes.
    #[must_use]
    pub fn file(&self, digest: &FileHash, now: Time) -> Option<Hit<'_>> {
        let said = match digest {
            FileHash::Sha256(digest) => self.tables.sha256.get(digest),
            FileHash::Sha1(digest) => self.tables.sha1.get(digest),
            FileHash::Md5(_) | FileHash::Sha512(_) => None,
        }?;
        self.exact(said, now)
    }

    /// What is said of a program of that name, upper and lower case alike.
    #[must_use]
    pub fn binary_name(&self, name: &[u8], now: Time) -> Option<Hit<'_>> {
        let name = lower::<NAME_MAX>(name)?;
        self.exact(self.tables.names.get(&name)?, now)
    }

    /// What is said of a host by its whole name; names below it are others.
    #[must_use]
    pub fn host(&self, name: &[u8], now: Time) -> Option<Hit<'_>> {
        let name = lower::<HOST_MAX>(name)?;
        self.exact(self.tables.hosts.get(&name)?, now)
    }

    /// What is said of a URL as a whole.
    #[must_use]
    pub fn url(&self, url: &[u8], now: Time) -> Option<Hit<'_>> {
        if self.tables.urls.len() == 0 || url.len() > LOOKED_AT {
            return None;
        }
        self.exact(self.tables.urls.get(&url_key(url))?, now)
    }

    /// What is said of an indicator: the question that a feed's entry answers.
    #[must_use]
    pub fn lookup(&self, indicator: &Indicator, now: Time) -> Option<Hit<'_>> {
        match indicator {
            Indicator::Ip(addr) => self.ip(*addr, now),
            Indicator::Net(net) => self.ip(net.network(), now),
            Indicator::Endpoint(remote) => self.endpoint(*remote, now),
            Indicator::Domain(name) => self.host(name.as_bytes(), now),
            Indicator::HostPort(name, port) => self.host(format!("{name}:{port}").as_bytes(), now),
            Indicator::Url(url) => self.url(url.as_bytes(), now),
            Indicator::Hash(digest) => self.file(digest, now),
        }
    }

    /// What is said of the arguments of a program at the time `now`.
    #[must_use]
    pub fn arguments<'a>(&self, args: impl Iterator<Item = &'a [u8]>, now: Time) -> TextHits {
        let mut hits = TextHits::default();
        // The program's own name is no argument; names have a list of their own.
        for arg in args.skip(1).take(MAX_ARGS) {
            let arg = arg.get(..LOOKED_AT).unwrap_or(arg);
            self.tables.texts.look(arg, &mut |said| {
                if let Some(hit) = self.exact(said, now) {
                    hits.add(arg, &hit);
                }
            });
            if let Some(hit) = self.named_in(arg, now) {
                hits.add(arg, &hit);
            }
            hits.add_wallet(arg);
        }
        hits
    }

    /// What is said of the URL or the host that an argument names.
    fn named_in(&self, arg: &[u8], now: Time) -> Option<Hit<'_>> {
        if self.tables.hosts.len() == 0 && self.tables.urls.len() == 0 {
            return None;
        }
        let named = named(arg)?;
        if let Some(hit) = named.url.and_then(|url| self.url(url, now)) {
            return Some(hit);
        }
        // A page on a pool's host is a page about the pool.
        let is_meant = |hit: &Hit<'_>| !(named.is_page && hit.tags().iter().any(|tag| &**tag == POOL));
        let with_port = named.with_port.and_then(|host| self.host(host, now));
        with_port.or_else(|| self.host(named.host, now)).filter(is_meant)
    }

    fn exact(&self, said: SaidIx, now: Time) -> Option<Hit<'_>> {
        self.hit(&[(Scope::Exact, said)], now)
    }

    fn hit(&self, said: &[(Scope, SaidIx)], now: Time) -> Option<Hit<'_>> {
        if said.is_empty() {
            return None;
        }
        let claims = |(scope, said): &(Scope, SaidIx)| {
            let scope = *scope;
            self.tables.claims.of(*said).map(move |claim| (scope, claim))
        };
        Hit::of(said.iter().flat_map(claims), now)
    }

    /// How much it holds.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let Tables { claims: _, ips, sha256, sha1, names, hosts, urls, texts } = &self.tables;
        let bytes = [
            ips.v4.bytes(),
            ips.endpoints4.bytes(),
            ips.nets4.bytes(),
            ips.endpoints6.bytes(),
            ips.nets6.bytes(),
            sha256.bytes(),
            sha1.bytes(),
            names.bytes(),
            hosts.bytes(),
            urls.bytes(),
            texts.bytes(),
        ];
        Sizes {
            addresses4: ips.v4.len(),
            prefixes4: ips.nets4.len(),
            prefixes6: ips.nets6.len(),
            endpoints: ips.endpoints4.len().saturating_add(ips.endpoints6.len()),
            digests: sha256.len().saturating_add(sha1.len()),
            names: names.len(),
            hosts: hosts.len(),
            urls: urls.len(),
            texts: texts.len(),
            bytes: bytes.into_iter().fold(0, usize::saturating_add),
        }
    }
}

/// The tag of mining pools.
const POOL: &str = "mining-pool";

/// A text in lower case, if it is no longer than `MAX`.
fn lower<const MAX: usize>(text: &[u8]) -> Option<SmallVec<[u8; 64]>> {
    (text.len() <= MAX).then(|| text.iter().map(u8::to_ascii_lowercase).collect())
}

/// A URL with scheme and host in lower case, where upper and lower case are alike (RFC 3986, 6.2.2.1).
fn url_key(url: &[u8]) -> SmallVec<[u8; 128]> {
    let host = url.windows(3).position(|at| at == b"://").map_or(0, |at| at.saturating_add(3));
    let path = url.iter().skip(host).position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let path = path.map_or(url.len(), |path| path.saturating_add(host));
    let (front, rest) = url.split_at(path.min(url.len()));
    front.iter().map(u8::to_ascii_lowercase).chain(rest.iter().copied()).collect()
}

/// A line that is no entry, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Complaint {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The lines of a list that say something, with their numbers.
fn entries(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.lines()
        .zip(1usize..)
        .map(|(line, number)| (number, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
}
