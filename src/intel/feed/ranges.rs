//! Sorted sets of address ranges: what overlaps them, and how much they cover.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses of both families as ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct AddrSet {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl AddrSet {
    pub(super) fn new(nets: impl IntoIterator<Item = IpNet>) -> AddrSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            match net {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        AddrSet { v4: Ranges::new(v4), v6: Ranges::new(v6) }
    }

    /// Whether any address of `net` is in the set.
    pub(super) fn overlaps(&self, net: &IpNet) -> bool {
        match net {
            IpNet::V4(net) => self.v4.overlaps(net.network().to_bits(), net.broadcast().to_bits()),
            IpNet::V6(net) => self.v6.overlaps(net.network().to_bits(), net.broadcast().to_bits()),
        }
    }

    /// How many IPv4 addresses are in the set.
    pub(super) fn v4_addresses(&self) -> u64 {
        let size = |(first, last): &(u32, u32)| u64::from(last.saturating_sub(*first)).saturating_add(1);
        self.v4.0.iter().map(size).fold(0, u64::saturating_add)
    }
}

/// The prefix that is one address.
pub(super) fn single(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// Ranges, first to last included, in ascending order and apart from each other.
#[derive(Clone, Debug)]
struct Ranges<T>(Vec<(T, T)>);

impl<T> Default for Ranges<T> {
    fn default() -> Ranges<T> {
        Ranges(Vec::new())
    }
}

impl<T: Copy + Ord + Next> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Ranges<T> {
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.next() => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Ranges(merged)
    }

    /// The last range that begins at or before `address`.
    fn before(&self, address: T) -> Option<(T, T)> {
        let after = self.0.partition_point(|(first, _)| *first <= address);
        self.0.get(after.checked_sub(1)?).copied()
    }

    fn overlaps(&self, first: T, last: T) -> bool {
        self.before(last).is_some_and(|(_, end)| end >= first)
    }
}

/// The number after a number; the last one is its own.
trait Next {
    fn next(self) -> Self;
}

impl Next for u32 {
    fn next(self) -> u32 {
        self.saturating_add(1)
    }
}

impl Next for u128 {
    fn next(self) -> u128 {
        self.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(nets: &[&str]) -> AddrSet {
        AddrSet::new(nets.iter().map(|net| net.parse::<IpNet>().unwrap()))
    }

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn neighbours_and_repeats_are_one_range() {
        let set = set(&["192.0.2.0/25", "192.0.2.128/25", "192.0.2.5/32", "255.255.255.255/32"]);
        assert_eq!(set.v4_addresses(), 257);
        assert!(set.overlaps(&net("192.0.0.0/16")) && !set.overlaps(&net("192.0.3.0/24")));
    }

    #[test]
    fn families_are_apart() {
        let set = set(&["::/0"]);
        assert!(!set.overlaps(&net("0.0.0.0/0")) && set.overlaps(&net("2001:db8::1/128")));
        assert_eq!(set.v4_addresses(), 0);
    }
}
