//! The judge of single entries.

use std::sync::Arc;

use ipnet::IpNet;

use super::super::record::{FileHash, Indicator, Record};
use super::super::special::{self, Special};
use super::super::value::{self, Defang};
use super::super::warn::{Effect, net_of};
use super::policy::{Allow, Allowed, Documentation, Lists, Policy};
use super::reason::Reason;
use super::{Entry, Refused, Vetted, add};
use crate::event::{Nanos, Time};

/// IPv4 prefixes of this length and shorter are never believed: a 256th of the Internet.
const SHORTEST_V4: u8 = 8;
/// IPv6 prefixes shorter than this are never believed; Spamhaus lists some of exactly this length.
const SHORTEST_V6: u8 = 19;
/// The judge of single entries.
pub(super) struct Judge<'a> {
    policy: &'a Policy,
    lists: &'a Lists,
    now: Time,
    stale: bool,
    /// Networks that the operator allows today.
    nets: Vec<(&'a IpNet, &'a Arc<str>)>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(policy: &'a Policy, lists: &'a Lists, now: Time, stale: bool) -> Judge<'a> {
        let nets = lists.allowed.iter().filter(|allowed| is_current(allowed, now));
        let nets = nets
            .filter_map(|allowed| match &allowed.what {
                Allow::Net(net) => Some((net, &allowed.reason)),
                Allow::Domain(_) | Allow::Hash(_) | Allow::Url(_) => None,
            })
            .collect();
        Judge { policy, lists, now, stale, nets }
    }

    pub(super) fn entry(&self, record: Record, vetted: &mut Vetted) {
        if let Some(reason) = self.refusal(&record) {
            vetted.refused.push(Refused { indicator: record.indicator, line: record.line, reason });
            return;
        }
        let demoted_by: Vec<Arc<str>> = self.warned(&record, Effect::Demote).map(Arc::clone).collect();
        if !demoted_by.is_empty() {
            vetted.demoted = vetted.demoted.saturating_add(1);
        }
        for list in &demoted_by {
            add(&mut vetted.demoted_by, Arc::clone(list));
        }
        let confidence = self.confidence(&record);
        match &record.indicator {
            Indicator::Net(net) => {
                let (rest, reason) = self.carved(*net);
                if let Some(reason) = reason {
                    let indicator = record.indicator.clone();
                    vetted.refused.push(Refused { indicator, line: record.line, reason });
                }
                for net in rest {
                    let record = Record { indicator: Indicator::Net(net), ..record.clone() };
                    vetted.entries.push(Entry { record, confidence, demoted_by: demoted_by.clone() });
                }
            }
            Indicator::Ip(_)
            | Indicator::Endpoint(_)
            | Indicator::Domain(_)
            | Indicator::HostPort(..)
            | Indicator::Url(_)
            | Indicator::Hash(_) => vetted.entries.push(Entry { record, confidence, demoted_by }),
        }
    }

    fn refusal(&self, record: &Record) -> Option<Reason> {
        let indicator = &record.indicator;
        if let Some(reason) = self.allowed(indicator) {
            return Some(Reason::Allowed(reason));
        }
        if let Some(special) = self.special(indicator) {
            return Some(Reason::Special(special));
        }
        match indicator {
            Indicator::Net(net) => self.short(net),
            Indicator::Hash(hash) if is_of_nothing(hash) => Some(Reason::EmptyFile),
            Indicator::Url(url) if self.policy.defang == Defang::AsWritten && has_defanged_host(url) => {
                Some(Reason::Defanged)
            }
            Indicator::Ip(_)
            | Indicator::Endpoint(_)
            | Indicator::Domain(_)
            | Indicator::HostPort(..)
            | Indicator::Url(_)
            | Indicator::Hash(_) => None,
        }
        .or_else(|| self.rejecting(record))
        .or_else(|| self.over(record))
    }

    fn rejecting(&self, record: &Record) -> Option<Reason> {
        self.warned(record, Effect::Reject).next().map(|list| Reason::Warninglist(Arc::clone(list)))
    }

    fn over(&self, record: &Record) -> Option<Reason> {
        if record.expires.is_some_and(|end| end <= self.now) {
            return Some(Reason::Expired);
        }
        let seen = record.last_seen.or(record.first_seen)?;
        (self.now.since(seen) > self.policy.ttl?).then_some(Reason::Stale)
    }

    fn special(&self, indicator: &Indicator) -> Option<Special> {
        let special = match net_of(indicator) {
            Some(net) => special::of_net(&net),
            None => host_of(indicator).and_then(|host| special::of_name(&host.to_ascii_lowercase())),
        };
        special.filter(|special| {
            *special != Special::Documentation || self.policy.documentation == Documentation::Refuse
        })
    }

    fn short(&self, net: &IpNet) -> Option<Reason> {
        let length = net.prefix_len();
        let (never, policy) = match net {
            IpNet::V4(_) => (length <= SHORTEST_V4, length < self.policy.shortest_v4),
            IpNet::V6(_) => (length < SHORTEST_V6, length < self.policy.shortest_v6),
        };
        if never {
            return Some(Reason::PrefixTooShort);
        }
        policy.then_some(Reason::PrefixShortForFeed)
    }

    /// The reason for which the operator allows all of `indicator`.
    fn allowed(&self, indicator: &Indicator) -> Option<Arc<str>> {
        if let Some(net) = net_of(indicator) {
            let hit = self.nets.iter().find(|(allowed, _)| allowed.contains(&net));
            if let Some((_, reason)) = hit {
                return Some(Arc::clone(reason));
            }
        }
        let host = host_of(indicator).map(str::to_ascii_lowercase);
        let hit = self.lists.allowed.iter().filter(|allowed| is_current(allowed, self.now)).find(|allowed| {
            match &allowed.what {
                Allow::Net(_) => false,
                Allow::Domain(name) => host.as_deref().is_some_and(|host| is_under(host, name)),
                Allow::Hash(hash) => matches!(indicator, Indicator::Hash(listed) if listed == hash),
                Allow::Url(url) => matches!(indicator, Indicator::Url(listed) if listed == url),
            }
        });
        hit.map(|allowed| Arc::clone(&allowed.reason))
    }

    /// `net` without what the operator allows inside it. Halving ends at the allowed prefix, so that each costs as
    /// many pieces as its prefix is longer, at most 128.
    fn carved(&self, net: IpNet) -> (Vec<IpNet>, Option<Reason>) {
        let mut pieces = vec![net];
        let mut reason = None;
        for (allowed, why) in self.nets.iter().filter(|(allowed, _)| net.contains(*allowed)) {
            reason = Some(Reason::Allowed(Arc::clone(why)));
            pieces = pieces.into_iter().flat_map(|piece| without(piece, allowed)).collect();
        }
        (pieces, reason)
    }

    fn warned<'r>(&'r self, record: &'r Record, effect: Effect) -> impl Iterator<Item = &'r Arc<str>> {
        self.lists
            .warning
            .iter()
            .filter(move |list| list.effect == effect && list.names(&record.indicator))
            .map(|list| &list.name)
    }

    /// How sure the entry is today: in the second half of its time to live it falls to nothing, in a straight line;
    /// in a feed that is older than it may be it counts half.
    fn confidence(&self, record: &Record) -> u8 {
        let base = u64::from(record.confidence.unwrap_or(self.policy.confidence).min(100));
        let seen = record.last_seen.or(record.first_seen);
        let aged = match (seen, self.policy.ttl) {
            (Some(seen), Some(Nanos(ttl))) if ttl > 0 => {
                let left = i128::from(ttl).saturating_sub(i128::from(self.now.since(seen).0));
                let share = left.saturating_mul(200).checked_div(i128::from(ttl)).unwrap_or(0).clamp(0, 100);
                let share = u64::try_from(share).unwrap_or(0);
                base.saturating_mul(share).saturating_div(100)
            }
            _ => base,
        };
        let aged = if self.stale { aged.saturating_div(2) } else { aged };
        u8::try_from(aged).unwrap_or(100)
    }
}

fn is_current(allowed: &Allowed, now: Time) -> bool {
    allowed.expires.is_none_or(|end| end > now)
}

/// `net` without `hole`.
fn without(net: IpNet, hole: &IpNet) -> Vec<IpNet> {
    if hole.contains(&net) {
        return Vec::new();
    }
    let (mut rest, mut inside) = (Vec::new(), net);
    while inside.contains(hole) && inside != *hole {
        let Ok(halves) = inside.subnets(inside.prefix_len().saturating_add(1)) else {
            break;
        };
        for half in halves {
            if half.contains(hole) {
                inside = half;
            } else {
                rest.push(half);
            }
        }
    }
    if !inside.contains(hole) {
        rest.push(inside);
    }
    rest.sort_unstable();
    rest
}

fn is_under(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The name of the host that an indicator means.
fn host_of(indicator: &Indicator) -> Option<&str> {
    match indicator {
        Indicator::Domain(name) | Indicator::HostPort(name, _) => Some(name),
        Indicator::Url(url) => value::url_host(url),
        Indicator::Ip(_) | Indicator::Net(_) | Indicator::Endpoint(_) | Indicator::Hash(_) => None,
    }
}

fn has_defanged_host(url: &str) -> bool {
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    value::is_defanged(host) || url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("hxxp"))
}

/// Whether it is the digest of an empty file, which half-written feeds and empty downloads bring.
fn is_of_nothing(hash: &FileHash) -> bool {
    let empty = [
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ];
    let text = match hash {
        FileHash::Md5(_) => empty[0],
        FileHash::Sha1(_) => empty[1],
        FileHash::Sha256(_) => empty[2],
        FileHash::Sha512(_) => empty[3],
    };
    value::hash(text) == Some(*hash)
}
