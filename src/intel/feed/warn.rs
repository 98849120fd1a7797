//! Warninglists: what is so widely used that a feed which names it errs, or names half of the Internet with it.
//!
//! The form is MISP's. Some lists make a value worthless (private networks, digests of empty files); others are of
//! shared infrastructure, where a miner is next to a thousand honest sites: there a hit is only a hint.

use std::net::IpAddr;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use serde_json::Value;

use super::format::Format;
use super::ranges::{AddrSet, single};
use super::read::FeedError;
use super::record::Indicator;
use super::value;
use crate::hash::Map;

/// The most entries that a list may have; MISP's longest has a million.
const MAX_ENTRIES: usize = 2_000_000;
/// The longest entry, in bytes.
const MAX_ENTRY: usize = 1024;
/// The most bytes that a list may have.
const MAX_BYTES: usize = 128 << 20;

/// What a list does to the indicators that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They are refused.
    Reject,
    /// They are kept as hints: worth something only beside other evidence.
    Demote,
}

/// A warninglist.
#[derive(Clone, Debug)]
pub struct WarningList {
    /// What reports call it.
    pub name: Arc<str>,
    /// What it does.
    pub effect: Effect,
    /// Entries that it could not use.
    pub unused: u64,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Cidr(AddrSet),
    /// Whole values, compared without case; addresses and digests in their own form.
    Text(Box<TextSet>),
    Substring(AhoCorasick),
}

#[derive(Clone, Debug, Default)]
struct TextSet {
    hosts: Map<Box<str>, ()>,
    /// Entries with a dot at the front: names below them, by the name without the dot.
    below: Map<Box<str>, ()>,
    whole: Map<Indicator, ()>,
}

/// Words in the titles of MISP's lists that make a value worthless.
const REJECT: [&str; 8] = [
    "rfc 1918",
    "rfc 5735",
    "rfc 6598",
    "rfc 3849",
    "multicast",
    "link local",
    "empty files",
    "common false-positives",
];

impl WarningList {
    /// Reads a list. `name` is what reports will call it; `effect` overrides what its title says.
    ///
    /// # Errors
    /// Where the document is no warninglist or of a type that is not supported.
    pub fn parse(name: &str, bytes: &[u8], effect: Option<Effect>) -> Result<WarningList, FeedError> {
        if bytes.len() > MAX_BYTES {
            return Err(FeedError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
        }
        let not = |why| FeedError::NotThisFormat { format: Format::MispWarninglist, why };
        let document: Value = serde_json::from_slice(bytes).map_err(|error| FeedError::Json {
            line: error.line(),
            column: error.column(),
            what: error.to_string().into(),
        })?;
        let text = |key| document.get(key).and_then(Value::as_str);
        let title = text("name").ok_or_else(|| not("no name"))?;
        let kind = text("type").ok_or_else(|| not("no type"))?;
        let list = document.get("list").and_then(Value::as_array).ok_or_else(|| not("no list"))?;
        if list.len() > MAX_ENTRIES {
            return Err(FeedError::TooManyRecords { limit: MAX_ENTRIES });
        }
        let entries: Vec<&str> =
            list.iter().filter_map(Value::as_str).filter(|entry| usable(entry)).collect();
        let (matcher, used) = match kind {
            "cidr" => cidr(&entries),
            "hostname" | "string" => whole(&entries),
            "substring" => substring(&entries).ok_or_else(|| not("too many substrings"))?,
            // A stranger's expression would run over every indicator: linear here, but nobody can say what it means.
            "regex" => return Err(FeedError::Form("a warninglist of regular expressions")),
            _ => return Err(not("a type that is not known")),
        };
        let effect = effect.unwrap_or_else(|| effect_of(title));
        let unused = u64::try_from(list.len().saturating_sub(used)).unwrap_or(u64::MAX);
        Ok(WarningList { name: name.into(), effect, unused, matcher })
    }

    /// Whether the list names `indicator`, or its host.
    #[must_use]
    pub fn names(&self, indicator: &Indicator) -> bool {
        match &self.matcher {
            Matcher::Cidr(set) => net_of(indicator).is_some_and(|net| set.overlaps(&net)),
            Matcher::Text(set) => set.names(indicator),
            Matcher::Substring(words) => match text_of(indicator) {
                Some(text) => words.is_match(text),
                None => net_of(indicator).is_some_and(|net| words.is_match(&net.addr().to_string())),
            },
        }
    }
}

impl TextSet {
    fn names(&self, indicator: &Indicator) -> bool {
        let name = match indicator {
            Indicator::Domain(name) | Indicator::HostPort(name, _) => Some(&**name),
            Indicator::Url(url) => value::url_host(url),
            Indicator::Ip(_) | Indicator::Net(_) | Indicator::Endpoint(_) | Indicator::Hash(_) => None,
        };
        if let Some(name) = name {
            let name = name.to_ascii_lowercase();
            if self.hosts.get(name.as_str()).is_some() || self.is_below(&name) {
                return true;
            }
        }
        match net_of(indicator) {
            Some(net) => {
                let address = (net.prefix_len() == net.max_prefix_len()).then(|| Indicator::Ip(net.addr()));
                address.is_some_and(|address| self.whole.get(&address).is_some())
                    || self.whole.get(&Indicator::Net(net)).is_some()
            }
            None => self.whole.get(indicator).is_some(),
        }
    }

    /// A name has at most 127 labels, so that this is a bounded walk.
    fn is_below(&self, name: &str) -> bool {
        let mut rest = Some(name);
        while let Some(name) = rest {
            if self.below.get(name).is_some() {
                return true;
            }
            rest = name.split_once('.').map(|(_, parent)| parent);
        }
        false
    }
}

/// The effect that a list of this title has where nobody says otherwise: most lists are of shared infrastructure.
fn effect_of(title: &str) -> Effect {
    let title = title.to_ascii_lowercase();
    if REJECT.iter().any(|word| title.contains(word)) { Effect::Reject } else { Effect::Demote }
}

fn usable(entry: &str) -> bool {
    // Short substrings would match everything; short values match nothing.
    entry.len() > 2 && entry.len() <= MAX_ENTRY
}

fn cidr(entries: &[&str]) -> (Matcher, usize) {
    let mut nets = Vec::with_capacity(entries.len());
    for entry in entries {
        match value::indicator(&entry.to_ascii_lowercase()) {
            Some(Indicator::Ip(address)) => nets.push(single(address)),
            Some(Indicator::Net(net)) => nets.push(net),
            Some(
                Indicator::Endpoint(_)
                | Indicator::Domain(_)
                | Indicator::HostPort(..)
                | Indicator::Url(_)
                | Indicator::Hash(_),
            )
            | None => {}
        }
    }
    let used = nets.len();
    (Matcher::Cidr(AddrSet::new(nets)), used)
}

fn whole(entries: &[&str]) -> (Matcher, usize) {
    let mut set = TextSet::default();
    for entry in entries {
        let lower = entry.trim().to_ascii_lowercase();
        if let Some(name) = lower.strip_prefix('.') {
            set.below.insert(name.into(), ());
            continue;
        }
        match value::indicator(&lower) {
            Some(Indicator::Domain(name)) => drop(set.hosts.insert(name, ())),
            Some(indicator) => drop(set.whole.insert(indicator, ())),
            // Digests of other lengths and names of one label: compared as they are.
            None => drop(set.hosts.insert(lower.into(), ())),
        }
    }
    (Matcher::Text(Box::new(set)), entries.len())
}

fn substring(entries: &[&str]) -> Option<(Matcher, usize)> {
    let words = AhoCorasick::builder().ascii_case_insensitive(true).build(entries).ok()?;
    Some((Matcher::Substring(words), entries.len()))
}

/// The addresses that an indicator means: its own, or those of its URL's host.
pub(super) fn net_of(indicator: &Indicator) -> Option<IpNet> {
    match indicator {
        Indicator::Ip(address) => Some(single(*address)),
        Indicator::Net(net) => Some(*net),
        Indicator::Endpoint(endpoint) => Some(single(endpoint.ip())),
        Indicator::Url(url) => {
            let host: Option<IpAddr> = value::url_host(url).and_then(value::ip);
            host.map(single)
        }
        Indicator::Domain(_) | Indicator::HostPort(..) | Indicator::Hash(_) => None,
    }
}

fn text_of(indicator: &Indicator) -> Option<&str> {
    match indicator {
        Indicator::Domain(name) | Indicator::HostPort(name, _) => Some(name),
        Indicator::Url(url) => Some(url),
        Indicator::Ip(_) | Indicator::Net(_) | Indicator::Endpoint(_) | Indicator::Hash(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(kind: &str, entries: &str) -> WarningList {
        let json = format!(r#"{{"name":"List of things","type":"{kind}","version":1,"list":[{entries}]}}"#);
        WarningList::parse("things", json.as_bytes(), None).unwrap()
    }

    fn names(list: &WarningList, text: &str) -> bool {
        list.names(&value::indicator(text).unwrap())
    }

    #[test]
    fn prefixes_name_what_they_overlap() {
        let list = list("cidr", r#""192.0.2.0/24","198.51.100.7","2001:DB8::/32""#);
        for text in [
            "192.0.2.9",
            "192.0.0.0/16",
            "192.0.2.9:3333",
            "http://192.0.2.9/x",
            "198.51.100.7",
            "2001:db8::1",
        ] {
            assert!(names(&list, text), "{text}");
        }
        assert!(!names(&list, "198.51.100.8") && !names(&list, "192.0.2.9.example.org"));
        assert_eq!(list.effect, Effect::Demote);
    }

    #[test]
    fn host_names_are_exact_and_a_dot_at_the_front_means_below() {
        let list = list("hostname", r#""example.org",".cdn.example.net""#);
        for text in
            ["example.org", "EXAMPLE.ORG", "http://example.org/x", "example.org:81", "a.b.cdn.example.net"]
        {
            assert!(names(&list, text), "{text}");
        }
        assert!(!names(&list, "pool.example.org") && !names(&list, "xcdn.example.net"));
    }

    #[test]
    fn strings_are_compared_as_what_they_are() {
        let list = list("string", r#""D41D8CD98F00B204E9800998ECF8427E","192.0.2.1""#);
        assert!(names(&list, "d41d8cd98f00b204e9800998ecf8427e") && names(&list, "192.0.2.1/32"));
        assert!(names(&list, "192.0.2.1:80") && !names(&list, "192.0.2.0/24"));
    }

    #[test]
    fn substrings_are_found_anywhere_but_not_if_they_are_nearly_nothing() {
        let list = list("substring", r#""cdn-","""#);
        assert!(names(&list, "x.cdn-1.example.org") && !names(&list, "example.org"));
        assert_eq!(list.unused, 1);
    }

    #[test]
    fn titles_of_worthless_values_reject() {
        assert_eq!(effect_of("List of RFC 1918 CIDR blocks"), Effect::Reject);
        assert_eq!(effect_of("List of known hashes for empty files"), Effect::Reject);
        assert_eq!(effect_of("List of known Cloudflare IP ranges"), Effect::Demote);
    }

    #[test]
    fn a_list_of_regular_expressions_is_refused() {
        let json = br#"{"name":"x","type":"regex","list":[".*"]}"#;
        assert!(matches!(WarningList::parse("x", json, None), Err(FeedError::Form(_))));
        assert!(WarningList::parse("x", b"[1]", None).is_err());
    }
}
