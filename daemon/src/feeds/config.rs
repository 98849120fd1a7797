//! `feeds.toml`: which feeds there are, what is asked of each, and whom the operator allows.
//!
//! A key that is not known is an error: a bound that was mistyped would otherwise be no bound.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};
use sluicebox::event::{Nanos, Time};
use sluicebox::intel::feed::vet::{Allow, Allowed, Bounds, Documentation, Empty, Policy, Strictness};
use sluicebox::intel::feed::{Column, Columns, Defang, Format};
use thiserror::Error;

/// Feeds at most: each costs a connection and a file.
pub const MAX_FEEDS: usize = 1000;

/// The longest name of a feed; it names files and is shown in findings.
const MAX_NAME: usize = 64;

/// Why there is no configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not in its form.
    #[error("{}: {source}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: Box<toml::de::Error>,
    },
    /// It contradicts itself.
    #[error("{}: {what}", path.display())]
    Meaning {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// All of `feeds.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What holds for all feeds.
    #[serde(default)]
    pub settings: Settings,
    /// What no feed may convict.
    #[serde(default)]
    allow: Vec<AllowEntry>,
    /// The feeds.
    #[serde(default, rename = "feed")]
    pub feeds: Vec<Source>,
}

/// What holds for all feeds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The proxy; that of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) if not given.
    pub proxy: Option<String>,
    /// MISP warninglists, by file; relative to the configuration.
    #[serde(default)]
    pub warninglists: Vec<PathBuf>,
    /// Whether addresses and names of documentation are believed. For tests only.
    #[serde(default)]
    pub allow_documentation: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowEntry {
    what: String,
    reason: String,
    expires: Option<toml::value::Datetime>,
}

/// One feed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What findings call it.
    pub name: String,
    /// Where it is. `{key}` is replaced by the key, for publishers who want it there.
    pub url: String,
    /// How it is published: as a file, a TAXII collection or a directory of MISP events.
    #[serde(default)]
    pub published: Published,
    /// Of a directory of events, how many at most; the newest.
    #[serde(default = "max_events")]
    pub max_events: usize,
    /// Its form; told from its bytes if not given.
    #[serde(default, deserialize_with = "format")]
    pub format: Option<Format>,
    /// What all of its entries are, such as `mining-pool`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How sure it is where it does not say itself, 0 to 100.
    #[serde(default = "fifty")]
    pub confidence: u8,
    /// The terms under which it is published.
    pub licence: String,
    /// The shortest time between two fetches.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// How long an entry is believed after it was last seen.
    #[serde(default, deserialize_with = "some_duration")]
    pub ttl: Option<Duration>,
    /// How old the file may be by its own date before it counts half.
    #[serde(default, deserialize_with = "some_duration")]
    pub max_age: Option<Duration>,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it may have no entry.
    #[serde(default)]
    pub may_be_empty: bool,
    /// Whether one grave entry (a private range, what the operator allows) refuses the file whole.
    #[serde(default = "yes")]
    pub strict: bool,
    /// The fewest entries.
    #[serde(default)]
    pub min_entries: u64,
    /// The most entries.
    pub max_entries: Option<u64>,
    /// The most that it may grow, in percent.
    pub max_growth: Option<u64>,
    /// The most that it may shrink, in percent.
    pub max_shrinkage: Option<u64>,
    /// The most IPv4 addresses that it may cover.
    pub max_addresses: Option<u64>,
    /// The shortest IPv4 prefix that is believed.
    pub shortest_v4: Option<u8>,
    /// The shortest IPv6 prefix that is believed.
    pub shortest_v6: Option<u8>,
    /// Whether `192[.]0[.]2[.]1` is made whole.
    #[serde(default)]
    pub defang: bool,
    /// Where values stand in CSV and JSON.
    columns: Option<ColumnNames>,
    /// The most bytes, unpacked.
    #[serde(default = "max_bytes")]
    pub max_bytes: u64,
    /// How long a fetch may take in all.
    #[serde(default = "minute", deserialize_with = "duration")]
    pub timeout: Duration,
    /// Whether plain HTTP will do, which anybody on the way can change.
    #[serde(default)]
    pub plain_http: bool,
    /// The key that the publisher asks for.
    pub key: Option<Key>,
}

/// How a feed is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Published {
    /// One file at the URL.
    #[default]
    File,
    /// A TAXII 2.1 collection: the URL is that of its objects, and pages are followed.
    Taxii,
    /// A directory of MISP events: the URL ends with a `/`, and `manifest.json` says which events there are.
    Misp,
}

/// Where a key is, and where it goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The file that holds it, and nothing else.
    pub file: PathBuf,
    /// The header that carries it; without one it is part of the URL.
    pub header: Option<String>,
    /// What comes before it in the header, such as `Bearer `.
    #[serde(default)]
    pub prefix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnNames {
    value: ColumnName,
    port: Option<ColumnName>,
    #[serde(default)]
    tags: Vec<ColumnName>,
    confidence: Option<ColumnName>,
    first_seen: Option<ColumnName>,
    last_seen: Option<ColumnName>,
    expires: Option<ColumnName>,
    #[serde(default)]
    items: Vec<String>,
    delimiter: Option<char>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ColumnName {
    Index(usize),
    Name(String),
}

impl ColumnName {
    fn column(&self) -> Column {
        match self {
            ColumnName::Index(index) => Column::Index(*index),
            ColumnName::Name(name) => Column::Name(name.as_str().into()),
        }
    }
}

fn fifty() -> u8 {
    50
}

fn yes() -> bool {
    true
}

/// 64 MiB: the largest public list of addresses has 20.
fn max_bytes() -> u64 {
    64 << 20
}

/// More than the largest public directory of events has.
fn max_events() -> usize {
    5000
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

fn format<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Format>, D::Error> {
    let name = String::deserialize(from)?;
    name.parse().map(Some).map_err(D::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let typed = String::deserialize(from)?;
    span(&typed).ok_or_else(|| D::Error::custom("not a span of time, such as 30s, 5m, 12h or 7d"))
}

fn some_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

/// `30s`, `5m`, `12h`, `7d`.
pub(crate) fn span(typed: &str) -> Option<Duration> {
    let digits = typed.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match typed.strip_prefix(digits)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Where it cannot be read, is not in its form, or contradicts itself.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config = Config::parse(&text, path)?;
        let beside = path.parent().unwrap_or_else(|| Path::new(""));
        for list in &mut config.settings.warninglists {
            *list = beside.join(&*list);
        }
        for key in config.feeds.iter_mut().filter_map(|feed| feed.key.as_mut()) {
            key.file = beside.join(&key.file);
        }
        Ok(config)
    }

    fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let config: Config = toml::from_str(text)
            .map_err(|source| ConfigError::Form { path: path.to_owned(), source: Box::new(source) })?;
        config.check().map_err(|what| ConfigError::Meaning { path: path.to_owned(), what })?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.feeds.len() > MAX_FEEDS {
            return Err(format!("more than {MAX_FEEDS} feeds"));
        }
        let mut names: Vec<&str> = self.feeds.iter().map(|feed| feed.name.as_str()).collect();
        names.sort_unstable();
        if let Some((twice, _)) = names.iter().zip(names.iter().skip(1)).find(|(one, other)| one == other) {
            return Err(format!("two feeds are called `{twice}`"));
        }
        self.feeds
            .iter()
            .try_for_each(|feed| feed.check().map_err(|what| format!("feed `{}`: {what}", feed.name)))?;
        self.allow.iter().try_for_each(|entry| entry.allowed().map(drop))
    }

    /// Whom the operator allows.
    #[must_use]
    pub fn allowed(&self) -> Vec<Allowed> {
        // All of them were read once already when the configuration was checked.
        self.allow.iter().filter_map(|entry| entry.allowed().ok()).collect()
    }
}

impl AllowEntry {
    fn allowed(&self) -> Result<Allowed, String> {
        let what = Allow::parse(&self.what)
            .ok_or_else(|| format!("allow: `{}` is nothing that a feed names", self.what))?;
        if self.reason.trim().is_empty() {
            return Err(format!("allow: `{}` has no reason", self.what));
        }
        let expires = match &self.expires {
            None => None,
            Some(at) => Some(moment(at).ok_or_else(|| format!("allow: `{at}` is no date"))?),
        };
        Ok(Allowed { what, reason: self.reason.as_str().into(), expires })
    }
}

/// The moment that a TOML date names, at 0:00 UTC where it names no time.
#[allow(clippy::arithmetic_side_effects, reason = "hours, minutes and seconds of TOML have two digits")]
fn moment(at: &toml::value::Datetime) -> Option<Time> {
    let date = at.date?;
    let clock = at.time.map_or(0, |time| {
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
    });
    let offset = match at.offset {
        Some(toml::value::Offset::Custom { minutes }) => i64::from(minutes) * 60,
        Some(toml::value::Offset::Z) | None => 0,
    };
    let seconds = days(i64::from(date.year), i64::from(date.month), i64::from(date.day))
        .checked_mul(86_400)?
        .checked_add(clock)?
        .checked_sub(offset)?;
    seconds.checked_mul(1_000_000_000).map(Time)
}

/// Days from 1970-01-01 to a date, counted from the March of the year 0.
#[allow(clippy::arithmetic_side_effects, reason = "a year of TOML has four digits")]
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let of_years = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    of_years + (month * 153 + 2) / 5 + day - 1 - 719_468
}

impl Source {
    fn check(&self) -> Result<(), String> {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let named = !self.name.is_empty() && self.name.len() <= MAX_NAME && self.name.bytes().all(usable);
        // It names files: none above and none hidden.
        if !named || self.name.starts_with('.') {
            return Err(format!("a name has 1 to {MAX_NAME} letters, digits, `-`, `_` or `.`"));
        }
        let is_plain = self.url.starts_with("http://");
        if !is_plain && !self.url.starts_with("https://") {
            return Err("the URL is neither https nor http".to_owned());
        }
        if is_plain && !self.plain_http {
            return Err(
                "plain HTTP can be changed on the way; `plain_http = true` if that must be".to_owned()
            );
        }
        if super::fetch::has_userinfo(&self.url) {
            return Err("a password in the URL would be shown; use `key`".to_owned());
        }
        if self.published == Published::Misp && (!self.url.ends_with('/') || self.url.contains('?')) {
            return Err("the URL of a directory ends with `/`".to_owned());
        }
        if self.confidence > 100 {
            return Err("confidence is 0 to 100".to_owned());
        }
        let in_url = self.url.contains("{key}");
        match &self.key {
            None if in_url => Err("the URL has `{key}`, and there is no key".to_owned()),
            Some(key) if key.header.is_none() != in_url => {
                Err("a key needs either a header or its place `{key}` in the URL".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What is asked of it.
    #[must_use]
    pub fn policy(&self, settings: &Settings) -> Policy {
        let usual = Policy::default();
        let bounds = Bounds::default();
        Policy {
            documentation: if settings.allow_documentation {
                Documentation::Allow
            } else {
                Documentation::Refuse
            },
            defang: self.defanged(),
            shortest_v4: self.shortest_v4.unwrap_or(usual.shortest_v4),
            shortest_v6: self.shortest_v6.unwrap_or(usual.shortest_v6),
            bounds: Bounds {
                min: self.min_entries,
                max: self.max_entries.unwrap_or(bounds.max),
                empty: if self.may_be_empty { Empty::Allow } else { Empty::Refuse },
                last: None,
                max_growth: self.max_growth.unwrap_or(bounds.max_growth),
                max_shrinkage: self.max_shrinkage.unwrap_or(bounds.max_shrinkage),
                max_addresses: self.max_addresses.unwrap_or(bounds.max_addresses),
            },
            confidence: self.confidence,
            ttl: self.ttl.map(nanos),
            max_age: self.max_age.map(nanos),
            strictness: if self.strict { Strictness::File } else { Strictness::Entry },
        }
    }

    /// How it is read.
    #[must_use]
    pub fn options(&self, now: Time) -> sluicebox::intel::feed::Options {
        sluicebox::intel::feed::Options {
            defang: self.defanged(),
            columns: self.columns.as_ref().map(ColumnNames::columns),
            now: Some(now),
            ..sluicebox::intel::feed::Options::default()
        }
    }

    fn defanged(&self) -> Defang {
        if self.defang { Defang::Undo } else { Defang::AsWritten }
    }

    /// How much later than its interval it is fetched: up to a tenth, the same each time, so that the feeds of a host
    /// do not all come at once and the hosts of a fleet do not either.
    #[must_use]
    pub fn jitter(&self, host: &str) -> Duration {
        // FNV-1a: stable between versions, which the hashes of the standard library are not.
        let hash = host.bytes().chain(self.name.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let tenth = self.interval.as_secs() / 10;
        Duration::from_secs(hash.checked_rem(tenth).unwrap_or(0))
    }
}

impl ColumnNames {
    fn columns(&self) -> Columns {
        let column = |name: &Option<ColumnName>| name.as_ref().map(ColumnName::column);
        Columns {
            items: self.items.iter().map(|item| item.as_str().into()).collect(),
            delimiter: self.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()),
            value: Some(self.value.column()),
            port: column(&self.port),
            tags: self.tags.iter().map(ColumnName::column).collect(),
            confidence: column(&self.confidence),
            first_seen: column(&self.first_seen),
            last_seen: column(&self.last_seen),
            expires: column(&self.expires),
        }
    }
}

fn nanos(span: Duration) -> Nanos {
    Nanos(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: &str = "[[feed]]\nname = \"a\"\nurl = \"https://feeds.example/a\"\nlicence = \"CC0-1.0\"\ninterval = \"1h\"\n";

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("feeds.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_that_is_not_known_is_an_error_with_its_line() {
        let error = parse(&format!("{FEED}max_shrinkgae = 5\n")).unwrap_err();
        assert!(error.contains("line 6") && error.contains("max_shrinkgae"), "{error}");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (change, why) in [
            ("name = \"../a\"", "a name has"),
            ("url = \"http://feeds.example/a\"", "plain_http"),
            ("url = \"https://me:secret@feeds.example/a\"", "password"),
            ("url = \"https://feeds.example/{key}\"", "no key"),
            ("interval = \"1 hour\"", "span of time"),
            ("url = \"https://feeds.example/misp\"\npublished = \"misp\"", "ends with `/`"),
            ("interval = \"1h\"\npublished = \"ftp\"", "unknown variant `ftp`"),
        ] {
            let key = change.split(' ').next().unwrap_or_default();
            let lines = FEED.lines().map(|line| if line.starts_with(key) { change } else { line });
            let error = parse(&lines.collect::<Vec<_>>().join("\n")).unwrap_err();
            assert!(error.contains(why), "{change}: {error}");
        }
        assert!(parse(&format!("{FEED}{FEED}")).unwrap_err().contains("two feeds"));
    }

    #[test]
    fn an_allowance_has_a_reason_and_ends_when_it_says() {
        let config =
            parse("[[allow]]\nwhat = \"192.0.2.0/24\"\nreason = \"ours\"\nexpires = 2026-03-01\n").unwrap();
        assert_eq!(config.allowed()[0].expires, Some(Time(1_772_323_200_000_000_000)));
        assert!(
            parse("[[allow]]\nwhat = \"192.0.2.0/24\"\nreason = \"\"\n").unwrap_err().contains("no reason")
        );
        assert!(
            parse("[[allow]]\nwhat = \"?\"\nreason = \"x\"\n").unwrap_err().contains("nothing that a feed")
        );
    }

    #[test]
    fn the_feeds_that_come_with_it_are_in_their_form() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../feeds/feeds.toml");
        let config = Config::load(&path).unwrap();
        assert!(config.feeds.iter().all(|feed| feed.key.is_none() || !feed.enabled));
        assert!(
            config.feeds.iter().any(|feed| feed.enabled && feed.tags.iter().any(|tag| tag == "mining-pool"))
        );
    }

    #[test]
    fn a_feed_is_late_by_the_same_time_always_and_by_a_tenth_at_most() {
        let config = parse(FEED).unwrap();
        let late = config.feeds[0].jitter("host");
        assert_eq!(late, config.feeds[0].jitter("host"));
        assert!(late < Duration::from_secs(360));
    }
}
