//! One value as a feed writes it → what to look for.
//!
//! Strict where leniency would guess: octets with leading zeros (decimal here, octal there), names with a dot at the
//! end, ports of zero and defanged text are refused unless the caller says what is meant.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use super::record::{FileHash, Indicator};

/// Names that publishers give the value of an entry, in headers of tables and keys of objects, the surest first.
/// Underscores and case do not count.
pub(super) const NAMES: [&str; 31] = [
    "iocvalue",
    "ioc",
    "indicator",
    "indicatorvalue",
    "value",
    "ipaddress",
    "dstip",
    "ip",
    "ipv4",
    "ipv6",
    "srcip",
    "cidr",
    "ipprefix",
    "network",
    "subnet",
    "prefix",
    "address",
    "url",
    "domain",
    "domainname",
    "host",
    "hostname",
    "fqdn",
    "sha256hash",
    "sha256",
    "md5hash",
    "md5",
    "sha1hash",
    "sha1",
    "hash",
    "filehash",
];

/// So many of [`NAMES`] mean nothing else: where they are, they are taken, whatever stands there.
pub(super) const CERTAIN: usize = 4;

/// The longest name that DNS can carry (RFC 1035), written without its last dot.
const MAX_NAME: usize = 253;
/// The longest label of a name (RFC 1035).
const MAX_LABEL: usize = 63;
/// The longest URL that is taken: browsers and servers give up far below.
const MAX_URL: usize = 8192;
/// The most prefixes that a range of addresses may become: any IPv4 range needs at most 62.
const MAX_RANGE_PREFIXES: usize = 256;

/// Whether text that was made unclickable (`1[.]2[.]3[.]4`, `hxxp`) is made whole again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Defang {
    /// Values are what is written: defanged ones are refused.
    #[default]
    AsWritten,
    /// Values are made whole before they are read.
    Undo,
}

/// The indicator that `text` names, or `None` where it names none. Surrounding blanks and quotes are the caller's.
#[must_use]
pub fn indicator(text: &str) -> Option<Indicator> {
    let first = *text.as_bytes().first()?;
    if text.contains("://") {
        return url(text);
    }
    if first == b'[' {
        return endpoint6(text);
    }
    if let Some((address, length)) = text.split_once('/') {
        return net(address, length).map(Indicator::Net);
    }
    if let Some(address) = ip(text) {
        return Some(Indicator::Ip(address));
    }
    if let Some((host, number)) = text.rsplit_once(':') {
        let number = port(number)?;
        return host_port(host, number);
    }
    hash(text).map(Indicator::Hash).or_else(|| domain(text).map(Indicator::Domain))
}

/// A host, address or name, with a port that stands beside it.
pub(super) fn host_port(host: &str, port: u16) -> Option<Indicator> {
    match ip(host) {
        Some(address) => Some(Indicator::Endpoint(SocketAddr::new(address, port))),
        None => domain(host).map(|name| Indicator::HostPort(name, port)),
    }
}

/// An address; IPv4 within IPv6 is IPv4.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    // The standard parser refuses leading zeros and knows no zones, as it should be here.
    match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some(IpAddr::V4(address)),
        IpAddr::V6(address) => Some(canonical(address)),
    }
}

fn canonical(address: Ipv6Addr) -> IpAddr {
    match address.to_ipv4_mapped() {
        Some(inner) => IpAddr::V4(inner),
        None => IpAddr::V6(address),
    }
}

/// A prefix; bits of the host are cleared, as every router does that is given one.
fn net(address: &str, length: &str) -> Option<IpNet> {
    let address = ip(address)?;
    // No sign, no leading zero: `/08` may be octal.
    if length.is_empty() || length.len() > 3 || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if length.len() > 1 && length.starts_with('0') {
        return None;
    }
    let length: u8 = length.parse().ok()?;
    Some(match address {
        IpAddr::V4(address) => IpNet::V4(Ipv4Net::new(address, length).ok()?.trunc()),
        IpAddr::V6(address) => IpNet::V6(Ipv6Net::new(address, length).ok()?.trunc()),
    })
}

/// Whether a prefix was written with bits of a host in it.
pub(super) fn has_host_bits(text: &str) -> bool {
    text.parse::<IpNet>().is_ok_and(|net| net.trunc() != net)
}

/// The prefixes of the range from `first` to `last`, both included.
pub(super) fn range(first: IpAddr, last: IpAddr) -> Option<Vec<IpNet>> {
    let nets: Vec<IpNet> = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            Ipv4Subnets::new(first, last, 0).map(IpNet::V4).take(MAX_RANGE_PREFIXES + 1).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            Ipv6Subnets::new(first, last, 0).map(IpNet::V6).take(MAX_RANGE_PREFIXES + 1).collect()
        }
        _ => return None,
    };
    (nets.len() <= MAX_RANGE_PREFIXES).then_some(nets)
}

/// A port: 1 to 65535, without leading zeros or a sign.
pub(super) fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

fn endpoint6(text: &str) -> Option<Indicator> {
    let (address, rest) = text.strip_prefix('[')?.split_once(']')?;
    let address: Ipv6Addr = address.parse().ok()?;
    match rest.strip_prefix(':') {
        Some(number) => Some(Indicator::Endpoint(SocketAddr::new(canonical(address), port(number)?))),
        None if rest.is_empty() => Some(Indicator::Ip(canonical(address))),
        None => None,
    }
}

/// A host name in lower case, of at least two labels.
pub(super) fn domain(text: &str) -> Option<Box<str>> {
    if text.is_empty() || text.len() > MAX_NAME {
        return None;
    }
    let mut labels = 0_usize;
    let mut last = "";
    for label in text.split('.') {
        let shaped = !label.is_empty()
            && label.len() <= MAX_LABEL
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !shaped {
            return None;
        }
        labels = labels.saturating_add(1);
        last = label;
    }
    // A last label that begins with a digit is an address gone wrong, not a name.
    let named = last.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (labels >= 2 && named).then(|| text.to_ascii_lowercase().into_boxed_str())
}

fn url(text: &str) -> Option<Indicator> {
    let (scheme, rest) = text.split_once("://")?;
    let schemed = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let plain = text.len() <= MAX_URL && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    (schemed && plain && !rest.is_empty()).then(|| Indicator::Url(text.into()))
}

/// The host of a URL as it is written there: no user, no port, no brackets.
#[must_use]
pub fn url_host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return Some(inner.0);
    }
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    (!host.is_empty()).then_some(host)
}

/// A digest in hexadecimal, told by its length.
pub(super) fn hash(text: &str) -> Option<FileHash> {
    match text.len() {
        32 => hex(text).map(FileHash::Md5),
        40 => hex(text).map(FileHash::Sha1),
        64 => hex(text).map(FileHash::Sha256),
        128 => hex(text).map(FileHash::Sha512),
        _ => None,
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

/// Whether text was made unclickable.
pub(super) fn is_defanged(text: &str) -> bool {
    ["[.]", "(.)", "{.}", "[dot]", "[:]", "[://]"].iter().any(|mark| text.contains(mark))
        || text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("hxxp"))
}

/// Makes defanged text whole again.
pub(super) fn refang(text: &str) -> String {
    let mut whole = text.to_owned();
    for (mark, meant) in
        [("[.]", "."), ("(.)", "."), ("{.}", "."), ("[dot]", "."), ("[://]", "://"), ("[:]", ":")]
    {
        if whole.contains(mark) {
            whole = whole.replace(mark, meant);
        }
    }
    match whole.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("hxxp") => {
            let rest = whole.get(4..).unwrap_or_default();
            format!("http{rest}")
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<&'static str> {
        indicator(text).map(|indicator| indicator.kind().name())
    }

    #[test]
    fn what_is_written_tells_its_kind() {
        let cases = [
            ("192.0.2.1", "ipv4"),
            ("192.0.2.0/24", "cidr4"),
            ("192.0.2.1/32", "cidr4"),
            ("192.0.2.1:3333", "ip4port"),
            ("2001:db8::1", "ipv6"),
            ("2001:db8::/32", "cidr6"),
            ("[2001:db8::1]:3333", "ip6port"),
            ("::ffff:192.0.2.1", "ipv4"),
            ("pool.example.org", "domain"),
            ("_x.pool.example.org", "domain"),
            ("pool.example.org:3333", "hostport"),
            ("http://192.0.2.1/x.sh", "url"),
            ("stratum+tcp://pool.example.org:3333", "url"),
            ("d41d8cd98f00b204e9800998ecf8427e", "md5"),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1"),
            ("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "sha256"),
        ];
        for (text, expected) in cases {
            assert_eq!(kind(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_means_nothing() {
        for text in [
            "",
            "192.0.2.01",
            "0x7f.0.0.1",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.0/33",
            "192.0.2.0/08",
            "192.0.2.0/+8",
            "192.0.2.1:0",
            "192.0.2.1:65536",
            "192.0.2.1:080",
            "fe80::1%eth0",
            "localhost",
            "example.org.",
            "-x.example.org",
            "x..example.org",
            "example.1org",
            "exämple.org",
            "192[.]0[.]2[.]1",
            "32f85cbf0fcd...d4c2",
            "example.org/",
            "://x",
            "http://",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn bits_of_a_host_are_cleared_and_noticed() {
        assert_eq!(indicator("192.0.2.77/24"), indicator("192.0.2.0/24"));
        assert!(has_host_bits("192.0.2.77/24") && !has_host_bits("192.0.2.0/24"));
    }

    #[test]
    fn a_range_becomes_the_fewest_prefixes() {
        let nets = range(ip("192.0.2.1").unwrap(), ip("192.0.2.6").unwrap()).unwrap();
        let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
        assert_eq!(nets, ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32"]);
        assert_eq!(range(ip("192.0.2.6").unwrap(), ip("192.0.2.1").unwrap()), None, "backwards");
        assert_eq!(range(ip("192.0.2.6").unwrap(), ip("2001:db8::").unwrap()), None, "two families");
    }

    #[test]
    fn the_host_of_a_url_is_what_is_connected_to() {
        assert_eq!(url_host("http://user@192.0.2.1:81/a?b@c"), Some("192.0.2.1"));
        assert_eq!(url_host("http://[2001:db8::1]:81/"), Some("2001:db8::1"));
        assert_eq!(url_host("http:///x"), None);
    }

    #[test]
    fn defanged_text_is_known_and_made_whole() {
        assert_eq!(refang("hxxps[:]//x[.]example[.]org/"), "https://x.example.org/");
        assert!(is_defanged("192[.]0[.]2[.]1") && !is_defanged("192.0.2.1"));
    }
}
