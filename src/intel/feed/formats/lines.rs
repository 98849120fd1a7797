//! Files of lines: one entry a line, dressed differently by each publisher.

use std::net::IpAddr;

use super::super::format::Format;
use super::super::ranges::{AddrSet, single};
use super::super::read::{Declared, Ending, FeedError, Sink, Skip, Why};
use super::super::record::{Indicator, Record};
use super::super::sniff::Sample;
use super::super::{value, when};
use super::{Line, Lines};

/// The most names that stand behind one address in a hosts file.
const MAX_NAMES: usize = 64;

/// The form of a file of lines, where its banner or its lines are those of one publisher only.
pub(in super::super) fn told(sample: &Sample<'_>) -> Option<Format> {
    let comment = |test: &dyn Fn(&str) -> bool| sample.comments.iter().any(|line| test(line));
    let data = |test: &dyn Fn(&str) -> bool| sample.most(test);
    if data(&|line| tor_line(line).is_some()) {
        return Some(Format::TorExits);
    }
    if data(&|line| misp_hash(line)) {
        return Some(Format::MispHashes);
    }
    if data(&|line| hosts(line).is_some()) {
        return Some(Format::Hosts);
    }
    if sample.data.first().is_some_and(|line| line.starts_with("[Adblock"))
        || data(&|line| line.starts_with("||") || line.starts_with("@@||"))
    {
        return Some(Format::Adblock);
    }
    if data(&|line| dshield(line).is_some()) {
        return Some(Format::Dshield);
    }
    if comment(&|line| line.contains("hash:ip ipset") || line.contains("hash:net ipset")) {
        return Some(Format::Firehol);
    }
    if comment(&|line| line.contains("Spamhaus")) && data(&is_entry) {
        return Some(Format::DropText);
    }
    if comment(&|line| line.starts_with("IPsum")) {
        return Some(Format::Ipsum);
    }
    if comment(&|line| line.contains("Maltrail developers")) {
        return Some(Format::Maltrail);
    }
    let brute = |line: &str| line.split_once('#').is_some_and(|(_, rest)| when::parse(clock(rest)).is_some());
    data(&brute).then_some(Format::BruteForceBlocker)
}

/// Whether a line of data names something.
pub(in super::super) fn is_entry(line: &str) -> bool {
    match entry(line) {
        Entry::Value(text, _) => {
            value::indicator(text).is_some()
                || value::is_defanged(text) && value::indicator(&value::refang(text)).is_some()
        }
        Entry::Range(..) | Entry::Several(_) | Entry::Path => true,
    }
}

/// Whether a line of data names several addresses.
pub(in super::super) fn is_several(line: &str) -> bool {
    matches!(entry(line), Entry::Several(_))
}

/// Reads a file of lines.
pub(super) fn read(format: Format, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), FeedError> {
    let mut declared = None;
    let mut entries = 0_u64;
    for line in Lines::new(bytes, sink.options.limits.line) {
        match line? {
            Line::Blank => sink.blank(),
            Line::NotText(number) => {
                entries = entries.saturating_add(1);
                sink.unparsed(number, "", Why::NotText);
            }
            Line::Comment(_, text) => {
                sink.comment();
                comment(text, sink, &mut declared);
            }
            Line::Data(number, text) => {
                entries = entries.saturating_add(1);
                data(format, number, text, sink);
            }
        }
        if sink.is_full() {
            break;
        }
    }
    match declared {
        Some(Claim::Entries(declared)) => sink.declare(Declared::Entries { declared, found: entries }),
        Some(Claim::Addresses(declared)) => {
            if let Some(found) = addresses(sink.records()) {
                sink.declare(Declared::Addresses { declared, found });
            }
        }
        None => {}
    }
    Ok(())
}

/// What a comment claims of the file's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Entries(u64),
    Addresses(u64),
}

/// What a comment says of the whole file.
pub(super) fn comment(text: &str, sink: &mut Sink<'_>, declared: &mut Option<Claim>) {
    let text = text.trim_matches(['#', ';', '!', ' ', '\t']);
    if text == "EOF" {
        sink.ending(Ending::Marked);
    }
    if let Some(claim) = claim(text) {
        *declared = Some(claim);
    }
    if let Some((key, date)) = text.split_once(':') {
        let key = key.trim().to_ascii_lowercase();
        if [
            "last updated",
            "updated",
            "last modified",
            "last-modified",
            "last update",
            "generated",
            "source file date",
        ]
        .contains(&key.as_str())
        {
            sink.published(when::banner(date.trim_end_matches('#').trim()));
        }
    }
}

/// `END 28 entries`, `END (114) entries`, `Number of entries: 7202`, `Entries: 730`, `Entries : 20 subnets, 5120 unique
/// IPs`.
pub(super) fn claim(comment: &str) -> Option<Claim> {
    if let Some(rest) = comment.strip_prefix("END ") {
        let number = rest.trim_start_matches('(').split([')', ' ']).next()?;
        return number.parse().ok().map(Claim::Entries);
    }
    let (key, rest) = comment.split_once(':')?;
    let key = key.trim();
    if !key.eq_ignore_ascii_case("entries") && !key.eq_ignore_ascii_case("number of entries") {
        return None;
    }
    let rest = rest.trim();
    if let Some(before) = rest.strip_suffix("unique IPs") {
        return before.trim().rsplit(' ').next()?.parse().ok().map(Claim::Addresses);
    }
    rest.replace(',', "").parse().ok().map(Claim::Entries)
}

/// How many IPv4 addresses the records cover; `None` where others are among them.
fn addresses(records: &[Record]) -> Option<u64> {
    let nets: Option<Vec<_>> = records
        .iter()
        .map(|record| match &record.indicator {
            Indicator::Ip(address @ IpAddr::V4(_)) => Some(single(*address)),
            Indicator::Net(net @ ipnet::IpNet::V4(_)) => Some(*net),
            Indicator::Ip(IpAddr::V6(_))
            | Indicator::Net(ipnet::IpNet::V6(_))
            | Indicator::Endpoint(_)
            | Indicator::Domain(_)
            | Indicator::HostPort(..)
            | Indicator::Url(_)
            | Indicator::Hash(_) => None,
        })
        .collect();
    Some(AddrSet::new(nets?).v4_addresses())
}

fn data(format: Format, number: u32, text: &str, sink: &mut Sink<'_>) {
    if format == Format::Hosts {
        read_hosts(number, text, sink);
    } else if format == Format::TorExits {
        tor(number, text, sink);
    } else if format == Format::MispHashes {
        if misp_hash(text) {
            sink.skip(Skip::KindNotUsed);
        } else {
            sink.unparsed(number, text, Why::NotARecord);
        }
    } else if format == Format::Adblock {
        adblock(number, text, sink);
    } else if format == Format::Dshield {
        match dshield(text) {
            Some((first, last)) => range(number, text, first, last, sink),
            // The header of the table.
            None if text.starts_with("Start") => {}
            None => sink.unparsed(number, text, Why::NotARecord),
        }
    } else {
        plain(format, number, text, sink);
    }
}

fn tor(number: u32, text: &str, sink: &mut Sink<'_>) {
    match tor_line(text) {
        Some(Tor::Exit(address, time)) => {
            let time = when::parse(time);
            sink.value(number, address, |record| record.last_seen = time);
        }
        Some(Tor::Other) => {}
        None => sink.unparsed(number, text, Why::NotARecord),
    }
}

fn plain(format: Format, number: u32, text: &str, sink: &mut Sink<'_>) {
    match entry(text) {
        Entry::Path => sink.skip(Skip::UrlPath),
        Entry::Range(first, last) => range(number, text, first, last, sink),
        Entry::Several(list) => words(list).for_each(|word| sink.value(number, word, |_| {})),
        Entry::Value(value, note) => {
            let seen = (format == Format::BruteForceBlocker).then(|| when::parse(clock(note))).flatten();
            // What stands behind a semicolon is a name or a number of the publisher's; behind `#` it is prose.
            let tag = note.strip_prefix(';').and_then(|note| sink.tag(note));
            sink.value(number, value, |record| {
                record.last_seen = seen;
                record.tags.extend(tag);
            });
        }
    }
}

fn range(number: u32, text: &str, first: IpAddr, last: IpAddr, sink: &mut Sink<'_>) {
    match value::range(first, last) {
        Some(nets) => nets.into_iter().for_each(|net| sink.dressed(Indicator::Net(net), number, |_| {})),
        None => sink.unparsed(number, text, Why::BadRange),
    }
}

/// What a line of data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry<'t> {
    /// A value, with the rest of the line.
    Value(&'t str, &'t str),
    /// A range of addresses.
    Range(IpAddr, IpAddr),
    /// Addresses beside each other.
    Several(&'t str),
    /// A path of a URL whose host is not said.
    Path,
}

/// What stands between blanks and commas.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([' ', '\t', ',', '|'])
        .map(|word| word.trim_matches(['"', '\'']))
        .filter(|word| !word.is_empty())
}

/// What several words are, if they are addresses: a network and its mask, or a list. Two with a blank between may be a
/// range as well as two addresses, so they are nothing.
fn several(value: &str) -> Option<Entry<'_>> {
    let is_address =
        |word: &str| value::ip(word).is_some() || matches!(value::indicator(word), Some(Indicator::Net(_)));
    if !words(value).all(is_address) {
        return None;
    }
    let mut all = words(value);
    match (all.next(), all.next(), all.next()) {
        (Some(network), Some(mask), None) if !value.contains([',', '|']) => {
            Some(masked(network, mask).unwrap_or(Entry::Value(value, "")))
        }
        (Some(_), Some(_), _) => Some(Entry::Several(value)),
        _ => None,
    }
}

/// A network with its mask in the form of an address.
fn masked(network: &str, mask: &str) -> Option<Entry<'static>> {
    let (IpAddr::V4(network), IpAddr::V4(mask)) = (value::ip(network)?, value::ip(mask)?) else {
        return None;
    };
    let net = ipnet::Ipv4Net::with_netmask(network, mask).ok()?;
    Some(Entry::Range(net.network().into(), net.broadcast().into()))
}

fn entry(line: &str) -> Entry<'_> {
    // An item of a YAML list.
    let line = line.strip_prefix("- ").map_or(line, str::trim_start);
    let word = line.split([' ', '\t']).next().unwrap_or(line);
    if word.contains("://") {
        let rest = line.strip_prefix(word).unwrap_or_default().trim_start();
        return Entry::Value(word.trim_matches(['"', '\'', ',']), rest);
    }
    if word.starts_with('/') {
        return Entry::Path;
    }
    // The value ends where a remark begins.
    let end = [line.find(['#', ';']), line.find("//")].into_iter().flatten().min().unwrap_or(line.len());
    let (value, note) = line.split_at_checked(end).unwrap_or((line, ""));
    let value = value.trim_matches(['"', '\'', ',', ' ', '\t']);
    if let Some((first, last)) = value.split_once('-')
        && let (Some(first), Some(last)) = (value::ip(first.trim()), value::ip(last.trim()))
    {
        return Entry::Range(first, last);
    }
    if let Some(several) = several(value) {
        return several;
    }
    if let Some(masked) = value.split_once('/').and_then(|(network, mask)| masked(network, mask)) {
        return masked;
    }
    // PeerGuardian's lists: a name, then a range.
    if let Some((first, last)) = value.rsplit_once(':').and_then(|(_, range)| range.split_once('-'))
        && let (Some(first @ IpAddr::V4(_)), Some(last)) = (value::ip(first.trim()), value::ip(last.trim()))
    {
        return Entry::Range(first, last);
    }
    let value = value.split([' ', '\t', ',', '|']).next().unwrap_or(value).trim_matches(['"', '\'']);
    if let Some((host, path)) = value.split_once('/')
        && !path.is_empty()
        && value::ip(host).is_none()
        && host.split(':').next().is_some_and(|host| value::domain(host).is_some())
    {
        return Entry::Path;
    }
    // A name with all below it, as proxies and certificates write it.
    let name = value
        .strip_prefix("*.")
        .or_else(|| value.strip_prefix('.'))
        .filter(|name| value::domain(name).is_some());
    Entry::Value(name.unwrap_or(value), note)
}

/// The date and time at the beginning of a remark.
fn clock(note: &str) -> &str {
    let note = note.trim_start_matches(['#', ' ', '\t']);
    note.get(..19).unwrap_or(note)
}

fn read_hosts(number: u32, text: &str, sink: &mut Sink<'_>) {
    let Some(names) = hosts(text) else {
        return sink.unparsed(number, text, Why::NotARecord);
    };
    for name in names.split_whitespace().take(MAX_NAMES) {
        if is_local(name) {
            sink.skip(Skip::LocalName);
        } else {
            sink.value(number, name, |_| {});
        }
    }
}

/// The names on a line that sends them nowhere.
fn hosts(line: &str) -> Option<&str> {
    let line = line.split('#').next()?;
    let (address, names) = line.split_once([' ', '\t'])?;
    let names = names.trim();
    let address = address.split('%').next()?;
    let address: IpAddr = address.parse().ok()?;
    let nowhere =
        address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_link_local(address);
    let named =
        names.bytes().next().is_some_and(|byte| !byte.is_ascii_digit()) || value::indicator(names).is_some();
    let nowhere = nowhere || address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    (nowhere && !names.is_empty() && named || is_local(names)).then_some(names)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Names that every hosts file gives to the machine itself.
fn is_local(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost6",
        "local",
        "broadcasthost",
        "ip6-localhost",
        "ip6-loopback",
        "ip6-localnet",
        "ip6-mcastprefix",
        "ip6-allnodes",
        "ip6-allrouters",
    ];
    NAMES.contains(&name) || name == "ip6-allhosts" || name == "0.0.0.0"
}

enum Tor<'t> {
    Exit(&'t str, &'t str),
    Other,
}

fn tor_line(line: &str) -> Option<Tor<'_>> {
    let (word, rest) = line.split_once(' ')?;
    match word {
        "ExitAddress" => {
            let rest = rest.trim();
            let (address, time) = rest.split_once(' ').unwrap_or((rest, ""));
            Some(Tor::Exit(address, time))
        }
        "ExitNode" | "Published" | "LastStatus" => Some(Tor::Other),
        _ => None,
    }
}

/// A digest of an attribute's value and the event that it is in, in either order.
fn misp_hash(line: &str) -> bool {
    line.split_once(',').is_some_and(|(a, b)| {
        let pair = |hash: &str, uuid: &str| {
            hash.len() == 32 && value::hash(hash).is_some() && super::misp::is_uuid(uuid)
        };
        pair(a.trim(), b.trim()) || pair(b.trim(), a.trim())
    })
}

/// The first and last address of DShield's table; the length of the prefix must agree with them.
fn dshield(line: &str) -> Option<(IpAddr, IpAddr)> {
    let mut columns = line.split_whitespace();
    let first = value::ip(columns.next()?)?;
    let last = value::ip(columns.next()?)?;
    let length: u8 = columns.next()?.parse().ok()?;
    let net = ipnet::IpNet::new(first, length).ok()?;
    (net.network() == first && net.broadcast() == last).then_some((first, last))
}

/// A rule that blocks a host and all below it; rules about paths, elements and exceptions are no indicators.
fn adblock(number: u32, line: &str, sink: &mut Sink<'_>) {
    if line.starts_with("[Adblock") {
        return;
    }
    if line.starts_with("@@") {
        return sink.skip(Skip::Exception);
    }
    let Some(rule) = line.strip_prefix("||") else {
        return if is_entry(line) {
            plain(Format::Adblock, number, line, sink)
        } else {
            sink.skip(Skip::KindNotUsed)
        };
    };
    let rule = rule.split('$').next().unwrap_or(rule);
    match rule.strip_suffix('^').map(|host| host.trim_end_matches('.')) {
        Some(host) if !host.contains(['*', '/', '^']) => sink.value(number, host, |_| {}),
        _ if !rule.contains(['*', '/', '^']) && value::domain(rule).is_some() => {
            sink.value(number, rule, |_| {})
        }
        _ => sink.skip(Skip::UrlPath),
    }
}
