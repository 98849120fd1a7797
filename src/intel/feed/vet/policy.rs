//! What is asked of a feed, and who is heard before it.

use std::sync::Arc;

use ipnet::IpNet;

use super::super::format::Format;
use super::super::read::Ending;
use super::super::record::{FileHash, Indicator};
use super::super::value::{self, Defang};
use super::super::warn::WarningList;
use crate::event::{Nanos, Time};

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

impl Policy {
    /// What is asked of a feed of this form where its own settings say nothing. Spamhaus DROP lists networks that
    /// were taken over whole, IPv6 ones of /29 as a rule and of /19 at times.
    #[must_use]
    pub fn of(format: Format) -> Policy {
        if matches!(format, Format::DropText | Format::DropJson) {
            Policy { shortest_v4: 9, shortest_v6: 19, ..Policy::default() }
        } else {
            Policy::default()
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
