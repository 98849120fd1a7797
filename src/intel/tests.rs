//! What a snapshot says, how it is told apart, and what becomes of it as a file.

use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::feed::{FileHash, Indicator, Kind, Record};
use super::*;
use crate::event::Nanos;

const NOW: Time = Time(1_800_000_000_000_000_000);

fn record(indicator: Indicator) -> Record {
    Record::bare(indicator, 1)
}

fn ip(text: &str) -> Indicator {
    Indicator::Ip(text.parse().unwrap())
}

fn net(text: &str) -> Indicator {
    Indicator::Net(text.parse().unwrap())
}

fn endpoint(text: &str) -> Indicator {
    Indicator::Endpoint(text.parse().unwrap())
}

/// A feed's name, its tag, what it says, how surely, and whether that may convict.
type Said<'a> = (&'a str, &'a str, Indicator, u8, Trust);

fn built(said: &[Said<'_>]) -> Intel {
    let mut builder = IntelBuilder::default();
    for (feed, tag, indicator, confidence, trust) in said {
        let feed = builder.feed(feed, [*tag]);
        assert_eq!(builder.add(feed, &record(indicator.clone()), *confidence, *trust), Added::Kept);
    }
    builder.build(7)
}

fn source(intel: &Intel, remote: &str) -> Option<String> {
    let hit = intel.endpoint(remote.parse().unwrap(), NOW)?;
    Some(hit.source().to_string())
}

fn tags(hit: &Hit<'_>) -> Vec<String> {
    hit.tags().iter().map(ToString::to_string).collect()
}

#[test]
fn the_closest_entry_is_heard_first() {
    let intel = built(&[
        ("ranges", "bulletproof", net("203.0.113.0/24"), 90, Trust::Full),
        ("wide", "bulletproof", net("203.0.112.0/20"), 95, Trust::Full),
        ("addresses", "scanner", ip("203.0.113.7"), 60, Trust::Full),
        ("ports", "mining-pool", endpoint("203.0.113.7:3333"), 50, Trust::Full),
        ("six", "mining-pool", net("2001:db8::/32"), 50, Trust::Full),
        ("six-address", "mining-pool", ip("2001:db8::1"), 50, Trust::Full),
        ("six-port", "mining-pool", endpoint("[2001:db8::1]:3333"), 50, Trust::Full),
    ]);
    for (remote, expected) in [
        ("203.0.113.7:3333", Some("ports")),
        ("203.0.113.7:3334", Some("addresses")),
        ("203.0.113.8:3333", Some("ranges")),
        ("203.0.112.8:3333", Some("wide")),
        ("203.0.128.1:3333", None),
        ("[::ffff:203.0.113.7]:3333", Some("ports")),
        ("[2001:db8::1]:3333", Some("six-port")),
        ("[2001:db8::1]:1", Some("six-address")),
        ("[2001:db8::2]:1", Some("six")),
        ("[2001:db9::1]:3333", None),
    ] {
        assert_eq!(source(&intel, remote).as_deref(), expected, "{remote}");
    }
    let hit = intel.endpoint("203.0.113.7:3333".parse().unwrap(), NOW).unwrap();
    assert_eq!(tags(&hit), ["mining-pool", "scanner", "bulletproof"], "the others are heard as well");
    assert_eq!((hit.confidence(), hit.is_hint()), (50, false));
    assert_eq!(hit.claims().count(), 4);
}

#[test]
fn shared_infrastructure_is_a_hint_whatever_is_said_of_what_is_around_it() {
    let intel = built(&[
        ("poisoned", "mining-pool", ip("203.0.113.7"), 100, Trust::Hint),
        ("ranges", "mining-pool", net("203.0.113.0/24"), 100, Trust::Full),
    ]);
    let hit = intel.ip("203.0.113.7".parse().unwrap(), NOW).unwrap();
    assert!(hit.is_hint());
    assert_eq!(tags(&hit), ["hint", "hint:mining-pool"]);
    assert_eq!(hit.confidence(), HINT_CONFIDENCE);
    assert!(!intel.ip("203.0.113.8".parse().unwrap(), NOW).unwrap().is_hint());
}

#[test]
fn what_one_feed_says_in_full_is_no_hint_by_another() {
    let intel = built(&[
        ("a", "cdn-user", ip("203.0.113.7"), 90, Trust::Hint),
        ("b", "mining-pool", ip("203.0.113.7"), 40, Trust::Full),
    ]);
    let hit = intel.ip("203.0.113.7".parse().unwrap(), NOW).unwrap();
    assert_eq!((tags(&hit), hit.confidence()), (vec!["mining-pool".to_owned()], 40));
    assert_eq!(&**hit.source(), "b");
}

#[test]
fn no_feed_can_call_itself_a_hint_or_not_one() {
    let mut builder = IntelBuilder::default();
    let feed = builder.feed("a", ["mining-pool"]);
    let mut said = record(ip("203.0.113.7"));
    said.tags = ["hint", "hint:x", "", "xmrig"].map(Arc::from).to_vec();
    assert_eq!(builder.add(feed, &said, 90, Trust::Full), Added::Kept);
    let intel = builder.build(1);
    assert_eq!(tags(&intel.ip("203.0.113.7".parse().unwrap(), NOW).unwrap()), ["mining-pool", "xmrig"]);
}

#[test]
fn what_is_over_is_said_no_longer() {
    let mut builder = IntelBuilder::default();
    let feed = builder.feed("a", ["mining-pool"]);
    let mut said = record(ip("203.0.113.7"));
    said.first_seen = Some(Time(NOW.0 - Nanos::from_mins(60).0));
    said.expires = Some(NOW);
    assert_eq!(builder.add(feed, &said, 90, Trust::Full), Added::Kept);
    let intel = Intel::from_bytes(&builder.build(1).to_bytes()).unwrap();
    let addr: IpAddr = "203.0.113.7".parse().unwrap();
    let before = Time(NOW.0 - Nanos::from_secs(1).0);
    assert_eq!(intel.ip(addr, before).unwrap().since(), said.first_seen);
    assert!(intel.ip(addr, NOW).is_none());
}

#[test]
fn files_are_known_by_their_bytes() {
    let (a, b) = (FileHash::Sha256([7; 32]), FileHash::Sha1([9; 20]));
    let intel = built(&[
        ("bazaar", "miner", Indicator::Hash(a), 90, Trust::Full),
        ("bazaar", "miner", Indicator::Hash(b), 90, Trust::Full),
    ]);
    assert!(intel.file(&a, NOW).is_some() && intel.file(&b, NOW).is_some());
    assert!(intel.file(&FileHash::Sha256([8; 32]), NOW).is_none());
    let mut builder = IntelBuilder::default();
    let feed = builder.feed("bazaar", ["miner"]);
    let md5 = record(Indicator::Hash(FileHash::Md5([1; 16])));
    assert_eq!(builder.add(feed, &md5, 90, Trust::Full), Added::Unusable, "{}", Kind::Md5);
}

#[test]
fn hosts_and_urls_of_feeds_are_found_in_arguments() {
    let intel = built(&[
        ("hosts", "malware-host", Indicator::Domain("drop.example".into()), 90, Trust::Full),
        ("pools", "mining-pool", Indicator::Domain("pool.example".into()), 90, Trust::Full),
        ("ports", "c2", Indicator::HostPort("c2.example".into(), 4444), 90, Trust::Full),
        ("urls", "payload", Indicator::Url("http://Shared.example/X.sh".into()), 90, Trust::Full),
    ]);
    for (argument, expected) in [
        ("https://DROP.example/a", Some("malware-host")),
        ("https://sub.drop.example/a", None),
        ("pool.example:3333", Some("mining-pool")),
        ("stratum+tcp://pool.example:3333", Some("mining-pool")),
        ("https://pool.example/about", None),
        ("c2.example:4444", Some("c2")),
        ("c2.example:4445", None),
        ("HTTP://shared.example/X.sh", Some("payload")),
        ("http://shared.example/x.sh", None),
        ("drop.example", None),
    ] {
        let hits = intel.arguments([&b"x"[..], argument.as_bytes()].into_iter(), NOW);
        assert_eq!(hits.tags.first().map(|tag| &**tag), expected, "{argument}");
    }
}

#[test]
fn the_order_of_feeds_and_entries_makes_no_difference() {
    let mut said = vec![
        ("b", "x", ip("203.0.113.7"), 50, Trust::Full),
        ("a", "x", ip("203.0.113.7"), 60, Trust::Hint),
        ("a", "x", ip("203.0.113.9"), 60, Trust::Full),
        ("a", "y", net("203.0.113.0/24"), 10, Trust::Full),
        ("b", "y", net("203.0.113.0/28"), 10, Trust::Full),
        ("c", "z", Indicator::Domain("a.example".into()), 10, Trust::Full),
        ("c", "z", Indicator::Hash(FileHash::Sha256([3; 32])), 10, Trust::Full),
    ];
    let bytes = built(&said).to_bytes();
    said.reverse();
    assert_eq!(built(&said).to_bytes(), bytes);
    assert_eq!(Intel::from_bytes(&bytes).unwrap().to_bytes(), bytes, "written as it was read");
}

#[test]
fn a_feed_that_repeats_an_entry_says_it_once() {
    let mut builder = IntelBuilder::default();
    let feed = builder.feed("a", ["x"]);
    for second in 1..1000 {
        let mut said = record(ip("203.0.113.7"));
        said.first_seen = Some(Time(Nanos::from_secs(second).0));
        assert_eq!(builder.add(feed, &said, 50, Trust::Full), Added::Kept);
    }
    let intel = builder.build(1);
    let hit = intel.ip("203.0.113.7".parse().unwrap(), NOW).unwrap();
    assert_eq!(hit.claims().count(), 1);
    assert_eq!(hit.since(), Some(Time(Nanos::from_secs(1).0)), "as early as it said so");
}

#[test]
fn a_broken_file_is_refused_whole() {
    let bytes = Intel::seed().to_bytes();
    assert_eq!(Intel::from_bytes(&bytes).unwrap().sizes(), Intel::seed().sizes());
    assert_eq!(Intel::from_bytes(b"").unwrap_err(), SnapshotError::NotASnapshot);
    assert_eq!(Intel::from_bytes(b"<!doctype html>").unwrap_err(), SnapshotError::NotASnapshot);
    for end in 8..bytes.len() {
        assert!(Intel::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in [12, 20, 30, bytes.len() / 2, bytes.len() - 1] {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        assert_eq!(Intel::from_bytes(&broken).unwrap_err(), SnapshotError::Checksum, "at {at}");
    }
    let mut other = bytes.clone();
    other[8] = 2;
    assert_eq!(Intel::from_bytes(&other).unwrap_err(), SnapshotError::Version { found: 2 });
}

#[test]
fn a_file_that_claims_more_than_it_has_costs_nothing() {
    // Every four bytes in turn say four billion, under a checksum that holds.
    let bytes = Intel::seed().to_bytes();
    let end = bytes.len() - 32;
    for at in (20..end - 4).step_by(4) {
        let mut broken = bytes[..end].to_vec();
        broken[at..at + 4].copy_from_slice(&[0xff; 4]);
        let checksum = Sha256::digest(&broken);
        broken.extend_from_slice(&checksum);
        // Refused, or read: never a panic, nor memory that is not there.
        if let Ok(intel) = Intel::from_bytes(&broken) {
            assert!(intel.sizes().bytes < 1 << 24);
        }
    }
}

#[test]
fn the_bundled_lists_know_a_miner_by_its_whole_name() {
    let intel = Intel::seed();
    for (name, known) in
        [("xmrig", true), ("XMRig", true), ("xmrig-notes", false), ("python3", false), ("", false)]
    {
        assert_eq!(intel.binary_name(name.as_bytes(), Time(1)).is_some(), known, "{name}");
    }
    assert!(intel.binary_name(&[b'x'; 4096], Time(1)).is_none());
}

#[test]
fn a_line_that_is_no_entry_is_named() {
    let mut builder = IntelBuilder::default();
    let complaints = builder.texts("mine", "# fine\nstart tag x\n\nsomewhere tag x\nstart x\n");
    assert_eq!(complaints.iter().map(|complaint| complaint.line).collect::<Vec<_>>(), [4, 5]);
}

mod against_a_naive_model {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    /// Who says it, of what, how surely, since when.
    type Claimed = (usize, Indicator, u8, Trust, Option<Time>);

    /// A claim, closest and surest first in their order.
    type Heard = (Scope, Trust, Reverse<u8>, &'static str, Option<Time>);

    const FEEDS: [&str; 4] = ["a", "b", "c", "d"];

    fn claimed() -> impl Strategy<Value = Claimed> {
        let what = prop_oneof![
            (0..8u8).prop_map(|last| ip(&format!("203.0.113.{last}"))),
            (24..=32u8, 0..8u8).prop_map(|(length, last)| {
                let net: ipnet::IpNet = format!("203.0.113.{last}/{length}").parse().unwrap();
                Indicator::Net(net.trunc())
            }),
            (0..8u8, 1..3u16).prop_map(|(last, port)| endpoint(&format!("203.0.113.{last}:{port}"))),
            (120..=128u8, 0..8u8).prop_map(|(length, last)| {
                let net: ipnet::IpNet = format!("2001:db8::{last}/{length}").parse().unwrap();
                Indicator::Net(net.trunc())
            }),
        ];
        let trust = prop_oneof![Just(Trust::Full), Just(Trust::Hint)];
        let since = proptest::option::of((1..5i64).prop_map(|second| Time(Nanos::from_secs(second).0)));
        (0..FEEDS.len(), what, 0..4u8, trust, since)
    }

    /// How closely an indicator names a remote, if it does.
    fn scope(of: &Indicator, remote: SocketAddr) -> Option<Scope> {
        match of {
            Indicator::Endpoint(endpoint) => (*endpoint == remote).then_some(Scope::Exact),
            Indicator::Ip(addr) => (*addr == remote.ip()).then_some(Scope::Address),
            Indicator::Net(net) if net.prefix_len() == net.max_prefix_len() => {
                (net.addr() == remote.ip()).then_some(Scope::Address)
            }
            Indicator::Net(net) => {
                net.contains(&remote.ip()).then_some(Scope::Prefix(PrefixLen(net.prefix_len())))
            }
            Indicator::Domain(_) | Indicator::HostPort(..) | Indicator::Url(_) | Indicator::Hash(_) => None,
        }
    }

    proptest! {
        #[test]
        fn all_that_feeds_say_of_a_remote_is_found(said in proptest::collection::vec(claimed(), 0..60)) {
            let mut builder = IntelBuilder::default();
            let feeds = FEEDS.map(|name| builder.feed(name, ["x"]));
            for (feed, indicator, confidence, trust, since) in &said {
                let mut record = record(indicator.clone());
                record.first_seen = *since;
                prop_assert_eq!(builder.add(feeds[*feed], &record, *confidence, *trust), Added::Kept);
            }
            let built = builder.build(1);
            let read = Intel::from_bytes(&built.to_bytes()).unwrap();
            let remotes = ["203.0.113", "2001:db8:"].into_iter().flat_map(|net| {
                (0..8).flat_map(move |last| (1..3).map(move |port| match net.contains(':') {
                    true => format!("[{net}:{last}]:{port}"),
                    false => format!("{net}.{last}:{port}"),
                }))
            });
            for remote in remotes {
                let remote: SocketAddr = remote.parse().unwrap();
                // Of each feed the best that it says in one place: in full, then the surest, then the earliest.
                let mut expected: Vec<Heard> = Vec::new();
                for (feed, indicator, confidence, trust, since) in &said {
                    let Some(scope) = scope(indicator, remote) else { continue };
                    let new = (scope, *trust, Reverse(*confidence), FEEDS[*feed], *since);
                    let worth = |(_, trust, Reverse(sure), _, since): Heard| {
                        (trust == Trust::Full, sure, since.map_or(i64::MIN, |since| since.0.saturating_neg()))
                    };
                    match expected.iter_mut().find(|known| (known.0, known.3) == (scope, FEEDS[*feed])) {
                        Some(known) if worth(new) > worth(*known) => *known = new,
                        Some(_) => {}
                        None => expected.push(new),
                    }
                }
                expected.sort_by_key(|(scope, trust, sure, feed, _)| (*scope, *trust, *sure, *feed));
                for intel in [&built, &read] {
                    let hit = intel.endpoint(remote, NOW);
                    let found: Vec<_> = hit.iter().flat_map(Hit::claims).collect();
                    let found: Vec<_> = found
                        .into_iter()
                        .map(|(scope, claim)| {
                            (scope, claim.trust, Reverse(claim.confidence), &*claim.source, claim.since)
                        })
                        .collect();
                    prop_assert_eq!(&found, &expected, "{}", remote);
                }
            }
        }
    }
}
