//! Addresses: one union says "no", which is nearly always the answer; only on "yes" the lists are asked one by one.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use roaring::RoaringBitmap;

use super::Verdict;

/// The addresses of one list.
#[derive(Debug, Default)]
struct List {
    v4: RoaringBitmap,
    /// IPv6 prefixes, sorted by network so that a lookup is a binary search.
    v6: Vec<ipnet::Ipv6Net>,
}

#[derive(Debug, Default)]
pub(super) struct IpIndex {
    any_v4: RoaringBitmap,
    lists: Vec<(Arc<Verdict>, List)>,
}

#[derive(Debug, Default)]
pub(super) struct IpIndexBuilder {
    lists: Vec<(Arc<Verdict>, List)>,
}

impl IpIndexBuilder {
    pub(super) fn add(&mut self, net: IpNet, verdict: Arc<Verdict>) {
        let at = match self.lists.iter().position(|(known, _)| *known == verdict) {
            Some(at) => at,
            None => {
                self.lists.push((verdict, List::default()));
                self.lists.len().saturating_sub(1)
            }
        };
        let Some((_, list)) = self.lists.get_mut(at) else { return };
        match net {
            IpNet::V4(net) => {
                list.v4.insert_range(u32::from(net.network())..=u32::from(net.broadcast()));
            }
            IpNet::V6(net) => list.v6.push(net.trunc()),
        }
    }

    pub(super) fn build(self) -> IpIndex {
        let mut index = IpIndex { any_v4: RoaringBitmap::new(), lists: self.lists };
        for (_, list) in &mut index.lists {
            list.v6.sort_unstable();
            list.v6.dedup();
            index.any_v4 |= &list.v4;
        }
        index
    }
}

impl IpIndex {
    pub(super) fn lookup(&self, addr: IpAddr) -> Option<&Verdict> {
        let holds = |list: &List| match addr {
            IpAddr::V4(v4) => list.v4.contains(u32::from(v4)),
            IpAddr::V6(v6) => {
                // Every prefix that holds an address sorts at or before it; the nearest one is found first, and the
                // lists are short enough that the rare wider one behind it may be walked to.
                let at = list.v6.partition_point(|net| net.network() <= v6);
                list.v6.iter().take(at).rev().any(|net| net.contains(&v6))
            }
        };
        if let IpAddr::V4(v4) = addr
            && !self.any_v4.contains(u32::from(v4))
        {
            return None;
        }
        self.lists.iter().find(|(_, list)| holds(list)).map(|(verdict, _)| &**verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(source: &str) -> Arc<Verdict> {
        Arc::new(Verdict { source: source.into(), tags: vec!["mining-pool".into()], confidence: 90 })
    }

    #[test]
    fn a_hit_says_which_list_it_is_from() {
        let mut builder = IpIndexBuilder::default();
        for (net, source) in [
            ("198.51.100.7/32", "pools"),
            ("203.0.113.0/24", "ranges"),
            ("2001:db8::/32", "six"),
            ("2001:db8:1::/48", "six"),
        ] {
            builder.add(net.parse().unwrap(), verdict(source));
        }
        let index = builder.build();
        for (addr, source) in [
            ("198.51.100.7", Some("pools")),
            ("198.51.100.8", None),
            ("203.0.113.0", Some("ranges")),
            ("203.0.113.255", Some("ranges")),
            ("203.0.114.0", None),
            ("2001:db8:2::1", Some("six")),
            ("2001:db9::1", None),
        ] {
            assert_eq!(index.lookup(addr.parse().unwrap()).map(|verdict| &*verdict.source), source, "{addr}");
        }
    }
}
