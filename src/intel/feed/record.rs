//! What a line of a feed says: one indicator, with what the feed knows of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::event::Time;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Indicator {
    /// An address.
    Ip(IpAddr),
    /// A prefix, a single address written as one included.
    Net(IpNet),
    /// An address with a port.
    Endpoint(SocketAddr),
    /// A host name, in lower case and without a dot at its end.
    Domain(Box<str>),
    /// A host name with a port.
    HostPort(Box<str>, u16),
    /// A URL as it was written.
    Url(Box<str>),
    /// The digest of a file.
    Hash(FileHash),
}

/// A digest of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileHash {
    /// MD5: kept to be counted; gVisor gives none to compare it with.
    Md5([u8; 16]),
    /// SHA-1
    Sha1([u8; 20]),
    /// SHA-256
    Sha256([u8; 32]),
    /// SHA-512: kept to be counted, as MD5 is.
    Sha512([u8; 64]),
}

/// The kinds of indicators, as reports count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An IPv4 address.
    Ipv4,
    /// An IPv4 prefix.
    Cidr4,
    /// An IPv4 address with a port.
    Ip4Port,
    /// An IPv6 address.
    Ipv6,
    /// An IPv6 prefix.
    Cidr6,
    /// An IPv6 address with a port.
    Ip6Port,
    /// A host name.
    Domain,
    /// A host name with a port.
    HostPort,
    /// A URL.
    Url,
    /// An MD5 digest.
    Md5,
    /// A SHA-1 digest.
    Sha1,
    /// A SHA-256 digest.
    Sha256,
    /// A SHA-512 digest.
    Sha512,
}

impl Kind {
    /// The kind's name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ipv4 => "ipv4",
            Kind::Cidr4 => "cidr4",
            Kind::Ip4Port => "ip4port",
            Kind::Ipv6 => "ipv6",
            Kind::Cidr6 => "cidr6",
            Kind::Ip6Port => "ip6port",
            Kind::Domain => "domain",
            Kind::HostPort => "hostport",
            Kind::Url => "url",
            Kind::Md5 => "md5",
            Kind::Sha1 => "sha1",
            Kind::Sha256 => "sha256",
            Kind::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Indicator {
    /// The indicator's kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Indicator::Ip(IpAddr::V4(_)) => Kind::Ipv4,
            Indicator::Ip(IpAddr::V6(_)) => Kind::Ipv6,
            Indicator::Net(IpNet::V4(_)) => Kind::Cidr4,
            Indicator::Net(IpNet::V6(_)) => Kind::Cidr6,
            Indicator::Endpoint(SocketAddr::V4(_)) => Kind::Ip4Port,
            Indicator::Endpoint(SocketAddr::V6(_)) => Kind::Ip6Port,
            Indicator::Domain(_) => Kind::Domain,
            Indicator::HostPort(..) => Kind::HostPort,
            Indicator::Url(_) => Kind::Url,
            Indicator::Hash(FileHash::Md5(_)) => Kind::Md5,
            Indicator::Hash(FileHash::Sha1(_)) => Kind::Sha1,
            Indicator::Hash(FileHash::Sha256(_)) => Kind::Sha256,
            Indicator::Hash(FileHash::Sha512(_)) => Kind::Sha512,
        }
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest: &[u8] = match self {
            FileHash::Md5(digest) => digest,
            FileHash::Sha1(digest) => digest,
            FileHash::Sha256(digest) => digest,
            FileHash::Sha512(digest) => digest,
        };
        digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Indicator {
    /// As feeds write it; the same text is read as the same indicator again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Indicator::Ip(address) => address.fmt(f),
            Indicator::Net(net) => net.fmt(f),
            Indicator::Endpoint(endpoint) => endpoint.fmt(f),
            Indicator::Domain(name) | Indicator::Url(name) => f.write_str(name),
            Indicator::HostPort(name, port) => write!(f, "{name}:{port}"),
            Indicator::Hash(hash) => hash.fmt(f),
        }
    }
}

/// One indicator, with what its feed says of it. What the feed does not say is the feed's own setting's to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What to look for.
    pub indicator: Indicator,
    /// The line or the array element that it stands in, counted from 1.
    pub line: u32,
    /// What the feed calls it, such as a malware family; shared, as feeds repeat themselves.
    pub tags: Vec<Arc<str>>,
    /// How sure the feed is, 0 to 100.
    pub confidence: Option<u8>,
    /// When it was first seen.
    pub first_seen: Option<Time>,
    /// When it was last seen.
    pub last_seen: Option<Time>,
    /// From when on it is no longer to be believed.
    pub expires: Option<Time>,
}

impl Record {
    /// An indicator of which nothing else is said.
    #[must_use]
    pub fn bare(indicator: Indicator, line: u32) -> Record {
        Record {
            indicator,
            line,
            tags: Vec::new(),
            confidence: None,
            first_seen: None,
            last_seen: None,
            expires: None,
        }
    }
}
