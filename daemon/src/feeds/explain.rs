//! Who says something of an indicator, and why that is not believed where it is not.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use sluicebox::intel::feed::vet::{Entry, Refused};
use sluicebox::intel::feed::{Indicator, url_host};

use super::config::Config;
use super::store::Store;
use super::update::{UpdateError, judged, lenient, lists, now};

/// What the last good file of a feed says of an indicator.
#[derive(Debug)]
pub struct Opinion {
    /// The feed.
    pub feed: String,
    /// What it names: the indicator, or a prefix around it.
    pub names: String,
    /// Where, counted from 1.
    pub line: u32,
    /// What of it is believed.
    pub verdict: Verdict,
}

/// What of an entry is believed.
#[derive(Debug)]
pub enum Verdict {
    /// It convicts, with so much confidence.
    Believed(u8),
    /// It is a hint because of these warninglists.
    Hint(Vec<Arc<str>>),
    /// It is refused, and why.
    Refused(String),
}

/// What every feed says of `wanted`.
///
/// # Errors
/// If what is kept cannot be read.
pub fn opinions(config: &Config, store: &Store, wanted: &Indicator) -> Result<Vec<Opinion>, UpdateError> {
    let lists = lists(config)?;
    let now = now();
    let mut opinions = Vec::new();
    for source in config.feeds.iter().filter(|source| source.enabled) {
        let Some(bytes) = store.body(&source.name)? else { continue };
        let policy = lenient(source.policy(&config.settings));
        let Ok(vetted) = judged(source, &bytes, &policy, &lists, now) else { continue };
        let opinion = |names: &Indicator, line, verdict| Opinion {
            feed: source.name.clone(),
            names: names.to_string(),
            line,
            verdict,
        };
        for Entry { record, confidence, demoted_by } in vetted.entries() {
            if speaks_of(&record.indicator, wanted) {
                let verdict = if demoted_by.is_empty() {
                    Verdict::Believed(*confidence)
                } else {
                    Verdict::Hint(demoted_by.clone())
                };
                opinions.push(opinion(&record.indicator, record.line, verdict));
            }
        }
        for Refused { indicator, line, reason } in &vetted.refused {
            if speaks_of(indicator, wanted) {
                opinions.push(opinion(indicator, *line, Verdict::Refused(reason.to_string())));
            }
        }
    }
    Ok(opinions)
}

/// Whether an entry names what is wanted, or something that it is part of.
fn speaks_of(entry: &Indicator, wanted: &Indicator) -> bool {
    if entry == wanted {
        return true;
    }
    if let (Some(around), Some(address)) = (net(entry), address(wanted)) {
        return around.contains(&address);
    }
    host(entry).is_some_and(|name| host(wanted) == Some(name))
}

fn address(indicator: &Indicator) -> Option<IpAddr> {
    match indicator {
        Indicator::Ip(address) => Some(*address),
        Indicator::Net(net) => Some(net.network()),
        Indicator::Endpoint(endpoint) => Some(endpoint.ip()),
        Indicator::Domain(_) | Indicator::HostPort(..) | Indicator::Url(_) | Indicator::Hash(_) => None,
    }
}

fn net(indicator: &Indicator) -> Option<IpNet> {
    match indicator {
        Indicator::Net(net) => Some(*net),
        Indicator::Ip(_)
        | Indicator::Endpoint(_)
        | Indicator::Domain(_)
        | Indicator::HostPort(..)
        | Indicator::Url(_)
        | Indicator::Hash(_) => address(indicator).map(IpNet::from),
    }
}

fn host(indicator: &Indicator) -> Option<&str> {
    match indicator {
        Indicator::Domain(name) | Indicator::HostPort(name, _) => Some(name),
        Indicator::Url(url) => url_host(url),
        Indicator::Ip(_) | Indicator::Net(_) | Indicator::Endpoint(_) | Indicator::Hash(_) => None,
    }
}
