//! Addresses and names that are nobody's on the Internet: a feed that lists them is wrong, whatever it means.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What an address range is set aside for (RFC 6890 and the registries of IANA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Special {
    /// The host itself or its own network.
    ThisNetwork,
    /// Private networks (RFC 1918, RFC 4193).
    Private,
    /// Shared by customers of a provider (RFC 6598).
    CarrierNat,
    /// The host itself.
    Loopback,
    /// The wire that the host is on; 169.254.169.254 serves cloud metadata.
    LinkLocal,
    /// Protocols of the IETF.
    Ietf,
    /// Examples in documentation (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Benchmarks of network devices (RFC 2544).
    Benchmark,
    /// Groups, not hosts.
    Multicast,
    /// Assigned to nobody.
    Reserved,
    /// Translation and tunnels: another address inside.
    Translation,
}

impl Special {
    /// What reports call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Special::ThisNetwork => "this-network",
            Special::Private => "private",
            Special::CarrierNat => "cgnat",
            Special::Loopback => "loopback",
            Special::LinkLocal => "link-local",
            Special::Ietf => "ietf",
            Special::Documentation => "documentation",
            Special::Benchmark => "benchmark",
            Special::Multicast => "multicast",
            Special::Reserved => "reserved",
            Special::Translation => "translation",
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>, multicast and class E.
const V4: [(Ipv4Net, Special); 16] = [
    (v4(0, 0, 0, 0, 8), Special::ThisNetwork),
    (v4(10, 0, 0, 0, 8), Special::Private),
    (v4(172, 16, 0, 0, 12), Special::Private),
    (v4(192, 168, 0, 0, 16), Special::Private),
    (v4(100, 64, 0, 0, 10), Special::CarrierNat),
    (v4(127, 0, 0, 0, 8), Special::Loopback),
    (v4(169, 254, 0, 0, 16), Special::LinkLocal),
    (v4(192, 0, 0, 0, 24), Special::Ietf),
    (v4(192, 0, 2, 0, 24), Special::Documentation),
    (v4(198, 51, 100, 0, 24), Special::Documentation),
    (v4(203, 0, 113, 0, 24), Special::Documentation),
    (v4(198, 18, 0, 0, 15), Special::Benchmark),
    (v4(192, 88, 99, 0, 24), Special::Translation),
    (v4(224, 0, 0, 0, 4), Special::Multicast),
    (v4(240, 0, 0, 0, 4), Special::Reserved),
    (v4(192, 31, 196, 0, 24), Special::Ietf),
];

/// <https://www.iana.org/assignments/iana-ipv6-special-registry>. What is outside of 2000::/3 is assigned to nobody.
const V6: [(Ipv6Net, Special); 9] = [
    (v6(0x2001, 0xdb8, 0, 32), Special::Documentation),
    (v6(0x3fff, 0, 0, 20), Special::Documentation),
    (v6(0x2001, 2, 0, 48), Special::Benchmark),
    (v6(0x2001, 0, 0, 23), Special::Ietf),
    (v6(0x2002, 0, 0, 16), Special::Translation),
    (v6(0xfc00, 0, 0, 7), Special::Private),
    (v6(0xfe80, 0, 0, 10), Special::LinkLocal),
    (v6(0xff00, 0, 0, 8), Special::Multicast),
    (v6(0x64, 0xff9b, 0, 96), Special::Translation),
];

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What `net` is set aside for, as a whole or in part; the first of the table where there are several.
///
/// Documentation comes last, so that leave for it is no leave for anything around it.
pub(super) fn of_net(net: &IpNet) -> Option<Special> {
    let (first, documentation): (Option<Special>, bool) = match net {
        IpNet::V4(net) => {
            let mut hits = V4.iter().filter(|(range, _)| overlap4(range, net)).map(|(_, special)| *special);
            partition(&mut hits)
        }
        IpNet::V6(net) => {
            let mut hits = V6.iter().filter(|(range, _)| overlap6(range, net)).map(|(_, special)| *special);
            let (first, documentation) = partition(&mut hits);
            (first.or_else(|| outside_global(net)), documentation)
        }
    };
    first.or_else(|| documentation.then_some(Special::Documentation))
}

fn partition(hits: &mut dyn Iterator<Item = Special>) -> (Option<Special>, bool) {
    let (mut first, mut documentation) = (None, false);
    for special in hits {
        if special == Special::Documentation {
            documentation = true;
        } else if first.is_none() {
            first = Some(special);
        }
    }
    (first, documentation)
}

fn outside_global(net: &Ipv6Net) -> Option<Special> {
    if GLOBAL_V6.contains(net) {
        return None;
    }
    if net.prefix_len() == 128 && net.network() == Ipv6Addr::LOCALHOST {
        return Some(Special::Loopback);
    }
    if net.prefix_len() == 128 && net.network() == Ipv6Addr::UNSPECIFIED {
        return Some(Special::ThisNetwork);
    }
    Some(Special::Reserved)
}

fn overlap4(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

fn overlap6(a: &Ipv6Net, b: &Ipv6Net) -> bool {
    a.contains(b) || b.contains(a)
}

/// Names that are never looked up on the Internet (RFC 6761, RFC 6762, RFC 8375) or stand in documentation.
pub(super) fn of_name(name: &str) -> Option<Special> {
    let under =
        |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if under("localhost") || under("localdomain") {
        return Some(Special::Loopback);
    }
    if under("local") || under("internal") || under("home.arpa") || under("lan") {
        return Some(Special::Private);
    }
    let documented =
        ["example", "test", "invalid", "example.com", "example.net", "example.org"].into_iter().any(under);
    documented.then_some(Special::Documentation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(net: &str) -> Option<&'static str> {
        let net: IpNet = net.parse().unwrap();
        of_net(&net).map(Special::name)
    }

    #[test]
    fn every_special_range_is_known_and_its_neighbours_are_not() {
        let cases = [
            ("0.0.0.0/0", Some("this-network")),
            ("10.1.2.3/32", Some("private")),
            ("11.0.0.0/8", None),
            ("100.64.0.1/32", Some("cgnat")),
            ("100.128.0.0/32", None),
            ("169.254.169.254/32", Some("link-local")),
            ("172.15.0.0/16", None),
            ("172.31.255.255/32", Some("private")),
            ("198.19.0.1/32", Some("benchmark")),
            ("203.0.112.0/23", Some("documentation")),
            ("224.0.0.0/3", Some("multicast")),
            ("255.255.255.255/32", Some("reserved")),
            ("::1/128", Some("loopback")),
            ("::/0", Some("benchmark")),
            ("fe80::1/128", Some("link-local")),
            ("fd00::/8", Some("private")),
            ("2001:db8::1/128", Some("documentation")),
            ("2001:678:6c4::/48", None),
            ("2a06:4884:5000::61/128", None),
            ("4000::/16", Some("reserved")),
        ];
        for (net, expected) in cases {
            assert_eq!(name_of(net), expected, "{net}");
        }
    }

    #[test]
    fn leave_for_documentation_is_no_leave_for_what_is_around_it() {
        assert_eq!(name_of("192.0.0.0/16"), Some("ietf"));
    }

    #[test]
    fn names_of_the_host_and_of_documentation_are_known() {
        assert_eq!(of_name("localhost"), Some(Special::Loopback));
        assert_eq!(of_name("printer.local"), Some(Special::Private));
        assert_eq!(of_name("pool.example.org"), Some(Special::Documentation));
        assert_eq!(of_name("myexample.org"), None);
    }
}
