//! What is believed, as an operator would say it. Documentation addresses only, so most policies allow them.

use super::*;
use crate::intel::feed::warn::{Effect, WarningList};
use crate::intel::feed::{Defang, Options, parse};

const DAY: i64 = 86_400_000_000_000;
const NOW: Time = Time(20_000 * DAY);

fn policy() -> Policy {
    Policy { documentation: Documentation::Allow, ..Policy::default() }
}

fn judged(text: &str, policy: &Policy, lists: &Lists) -> Vetted {
    vet(parse(None, text.as_bytes(), &Options::default()).unwrap(), policy, lists, NOW)
}

fn accepted(vetted: &Vetted) -> Vec<String> {
    vetted.entries().iter().map(|entry| entry.record.indicator.to_string()).collect()
}

fn refused(vetted: &Vetted) -> Vec<String> {
    vetted
        .refused
        .iter()
        .map(|refused| format!("{}: {} {}", refused.line, refused.indicator, refused.reason))
        .collect()
}

fn allowed(what: &str, expires: Option<Time>) -> Lists {
    let allowed = Allowed { what: Allow::parse(what).unwrap(), reason: "our mirror".into(), expires };
    Lists { warning: Vec::new(), allowed: vec![allowed] }
}

fn warning(kind: &str, entries: &str, effect: Effect) -> Lists {
    let json = format!(r#"{{"name":"x","type":"{kind}","list":[{entries}]}}"#);
    let list = WarningList::parse("shared", json.as_bytes(), Some(effect)).unwrap();
    Lists { warning: vec![list], allowed: Vec::new() }
}

#[test]
fn nobodys_addresses_are_refused_with_their_line() {
    let vetted = judged(
        "10.1.2.3\n\n192.0.2.1:3333\n0.0.0.0/8\n8.0.0.0/8\n9.0.0.0/9\n1.1.0.0/16\n",
        &Policy::default(),
        &Lists::default(),
    );
    assert_eq!(accepted(&vetted), ["1.1.0.0/16"]);
    assert_eq!(
        refused(&vetted),
        [
            "1: 10.1.2.3 private",
            "3: 192.0.2.1:3333 documentation",
            "4: 0.0.0.0/8 this-network",
            "5: 8.0.0.0/8 prefix-too-short",
            "6: 9.0.0.0/9 prefix-short-for-feed",
        ]
    );
    assert_eq!(vetted.error(), None);
}

#[test]
fn short_ipv6_prefixes_are_the_feeds_own_business_down_to_19() {
    let loose = Policy { shortest_v6: 19, ..Policy::default() };
    let text = "2a00:4c80::/29\n2a00::/19\n2a00::/18\n";
    assert_eq!(accepted(&judged(text, &loose, &Lists::default())), ["2a00:4c80::/29", "2a00::/19"]);
    assert_eq!(accepted(&judged(text, &Policy::default(), &Lists::default())), [""; 0]);
    let drop = Policy::of(crate::intel::feed::Format::DropText);
    assert_eq!(accepted(&judged(text, &drop, &Lists::default())).len(), 2);
}

#[test]
fn a_file_that_names_half_of_the_internet_is_refused_whole() {
    for net in ["0.0.0.0/0", "128.0.0.0/1", "::/0"] {
        let vetted = judged(&format!("192.0.2.1\n{net}\n"), &policy(), &Lists::default());
        assert_eq!(vetted.error(), Some(&VetError::HalfOfAll { line: 2 }), "{net}");
        assert_eq!(vetted.accept().unwrap_err().name(), "half-of-all");
    }
}

#[test]
fn a_strict_feed_is_refused_for_one_entry_that_nobody_may_name() {
    let strict = Policy { strictness: Strictness::File, ..policy() };
    let vetted = judged("192.0.2.1\n10.0.0.0/8\n", &strict, &Lists::default());
    assert_eq!(vetted.error().unwrap().to_string(), "line 2: private");
}

#[test]
fn the_operator_is_heard_before_any_feed_until_the_leave_expires() {
    let text = "192.0.2.9\nhttp://192.0.2.9/x\n192.0.2.10\na.mirror.example.org\nmirror.example.org:81\nxmirror.example.org\n";
    let vetted = judged(text, &policy(), &allowed("192.0.2.9", Some(Time(NOW.0 + 1))));
    assert_eq!(vetted.refused.len(), 2);
    assert_eq!(refused(&vetted)[0], "1: 192.0.2.9 allowed-by-operator: our mirror");
    assert_eq!(judged(text, &policy(), &allowed("192.0.2.9", Some(NOW))).refused.len(), 0, "expired");
    assert_eq!(judged(text, &policy(), &allowed("mirror.example.org", None)).refused.len(), 2);
}

#[test]
fn what_the_operator_allows_is_cut_out_of_a_prefix() {
    let vetted = judged("198.51.100.0/24\n", &policy(), &allowed("198.51.100.64/26", None));
    assert_eq!(accepted(&vetted), ["198.51.100.0/26", "198.51.100.128/25"]);
    assert_eq!(vetted.refused.len(), 1);
    let vetted = judged("2001:db8::/32\n", &policy(), &allowed("2001:db8::1", None));
    assert_eq!(vetted.entries().len(), 96, "one piece for each bit");
    let all = judged("198.51.100.0/24\n", &policy(), &allowed("198.51.0.0/16", None));
    assert_eq!(accepted(&all), [""; 0]);
}

#[test]
fn shared_infrastructure_is_a_hint_and_worthless_values_are_nothing() {
    let text = "192.0.2.1\n198.51.100.1\n";
    let vetted = judged(text, &policy(), &warning("cidr", r#""192.0.2.0/24""#, Effect::Demote));
    assert_eq!(vetted.demoted_by.get("shared"), Some(&1));
    let hints: Vec<bool> = vetted.entries().iter().map(|entry| !entry.demoted_by.is_empty()).collect();
    assert_eq!(hints, [true, false]);
    let vetted = judged(text, &policy(), &warning("cidr", r#""192.0.2.0/24""#, Effect::Reject));
    assert_eq!(refused(&vetted), ["1: 192.0.2.1 warninglist: shared"]);
}

#[test]
fn the_digest_of_nothing_is_nothing() {
    let vetted = judged(
        "d41d8cd98f00b204e9800998ecf8427e\nd41d8cd98f00b204e9800998ecf8427f\n",
        &policy(),
        &Lists::default(),
    );
    assert_eq!(vetted.refused_by_reason().get("empty-file"), Some(&1));
    assert_eq!(vetted.entries().len(), 1);
}

#[test]
fn defanged_urls_are_refused_unless_they_are_made_whole() {
    let text = "http://x[.]example[.]org/a\nhxxp://y.example.org/\nhttp://z.example.org/\n";
    assert_eq!(judged(text, &policy(), &Lists::default()).refused_by_reason().get("defanged"), Some(&2));
    let options = Options { defang: Defang::Undo, ..Options::default() };
    let parsed = parse(None, text.as_bytes(), &options).unwrap();
    let vetted = vet(parsed, &Policy { defang: Defang::Undo, ..policy() }, &Lists::default(), NOW);
    assert_eq!(
        accepted(&vetted),
        ["http://x.example.org/a", "http://y.example.org/", "http://z.example.org/"]
    );
}

#[test]
fn an_empty_file_is_an_error_unless_the_feed_may_be_empty() {
    for text in ["", "\n", "# Firstseen,DstIP,DstPort\n"] {
        assert_eq!(judged(text, &policy(), &Lists::default()).error(), Some(&VetError::Empty), "{text:?}");
        let bounds = Bounds { empty: Empty::Allow, ..Bounds::default() };
        assert_eq!(judged(text, &Policy { bounds, ..policy() }, &Lists::default()).error(), None, "{text:?}");
    }
}

#[test]
fn a_file_that_is_not_as_long_as_it_says_is_refused() {
    let cut = "# Number of entries: 3\n192.0.2.1\n192.0.2.2\n";
    let error = judged(cut, &policy(), &Lists::default()).accept().unwrap_err();
    assert_eq!(error.to_string(), "it declares 3 and has 2");
    let whole = "# Entries : 2 subnets, 257 unique IPs\n192.0.2.0/24\n192.0.2.7\n198.51.100.1\n";
    assert_eq!(judged(whole, &policy(), &Lists::default()).error(), None);
}

fn bounded(bounds: Bounds, entries: u32) -> Option<&'static str> {
    let text: String = (0..entries).map(|n| format!("192.0.2.{n}\n")).collect();
    judged(&text, &Policy { bounds, ..policy() }, &Lists::default()).error().map(VetError::name)
}

#[test]
fn growth_and_shrinkage_have_bounds() {
    let last =
        |entries| Bounds { last: Some(Last { entries, ending: Ending::Unmarked }), ..Bounds::default() };
    assert_eq!(bounded(last(100), 50), None);
    assert_eq!(bounded(last(100), 49), Some("shrunk"));
    assert_eq!(bounded(last(25), 100), None);
    assert_eq!(bounded(last(25), 101), Some("grown"));
    assert_eq!(bounded(last(3), 101), None, "percent of nearly nothing say nothing");
    assert_eq!(bounded(Bounds { min: 5, ..Bounds::default() }, 4), Some("too-few"));
    assert_eq!(bounded(Bounds { max: 5, ..Bounds::default() }, 6), Some("too-many"));
    assert_eq!(bounded(Bounds { max_addresses: 5, ..Bounds::default() }, 6), Some("covers-too-much"));
}

#[test]
fn a_file_without_its_end_mark_does_not_replace_one_that_had_it() {
    let feodo = "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
                 \"2024-01-02 03:04:05\",\"192.0.2.1\",\"443\",\"online\",\"2024-01-03\",\"QakBot\"\n";
    let after = |ending| {
        let bounds = Bounds { last: Some(Last { entries: 1, ending }), ..Bounds::default() };
        judged(feodo, &Policy { bounds, ..policy() }, &Lists::default()).error().map(VetError::name)
    };
    assert_eq!(after(Ending::Missing), None);
    assert_eq!(after(Ending::Marked), Some("end-mark-missing"));
}

#[test]
fn entries_age_and_end() {
    let csv = "ioc_value,last_seen,confidence,valid_until\n\
               192.0.2.1,2024-10-01,80,\n192.0.2.2,2024-09-10,80,\n192.0.2.3,2024-01-01,80,\n192.0.2.4,,80,2024-10-03\n192.0.2.5,,,\n";
    let policy = Policy { ttl: Some(Nanos(40 * DAY)), ..policy() };
    let vetted = judged(csv, &policy, &Lists::default());
    let sure: Vec<u8> = vetted.entries().iter().map(|entry| entry.confidence).collect();
    assert_eq!(sure, [80, 64, 50], "fresh; 24 of 40 days old; of the feed itself");
    let reasons: Vec<&str> = vetted.refused.iter().map(|refused| refused.reason.name()).collect();
    assert_eq!(reasons, ["stale", "expired"]);
}

#[test]
fn a_feed_that_is_older_than_it_may_be_counts_half() {
    let text = "# Last updated: 2024-09-01 00:00:00 UTC\n192.0.2.1\n";
    let vetted = judged(text, &Policy { max_age: Some(Nanos(DAY)), ..policy() }, &Lists::default());
    assert_eq!(vetted.stale, Some(Nanos(33 * DAY)));
    assert_eq!(vetted.entries()[0].confidence, 25);
}

#[test]
fn repeats_are_one_entry_with_all_that_they_say() {
    let csv = "ioc_value,first_seen,last_seen,confidence,tags\n\
               192.0.2.1,2024-02-01,2024-02-02,50,a\n192.0.2.1,2024-01-01,2024-03-01,70,\"b,a\"\n";
    let vetted = judged(csv, &policy(), &Lists::default());
    assert_eq!((vetted.read[&Kind::Ipv4], vetted.distinct[&Kind::Ipv4]), (2, 1));
    let entry = &vetted.entries()[0];
    let tags: Vec<&str> = entry.record.tags.iter().map(|tag| &**tag).collect();
    assert_eq!((entry.confidence, tags.as_slice()), (70, &["a", "b"][..]));
    assert!(entry.record.first_seen < entry.record.last_seen);
}

#[test]
fn half_of_the_lines_must_say_something() {
    let vetted = judged("192.0.2.1\nnothing\n", &policy(), &Lists::default());
    assert_eq!(vetted.error(), None);
    let parsed =
        parse(Some("plain".parse().unwrap()), b"192.0.2.1\nnothing\nat-all\n", &Options::default()).unwrap();
    let error = vet(parsed, &policy(), &Lists::default(), NOW).accept().unwrap_err();
    assert_eq!(error.name(), "mostly-unparsed");
}

#[test]
fn a_warninglist_is_no_feed() {
    let json = r#"{"name":"x","type":"cidr","list":["192.0.2.0/24"]}"#;
    assert_eq!(judged(json, &policy(), &Lists::default()).error().map(VetError::name), Some("not-a-feed"));
}
