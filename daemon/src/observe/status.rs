//! How it is altogether: what is in force, who is connected, where findings go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Observed;
use crate::identity::Standing;
use crate::registry::Entry;
use crate::serve::ConnectionId;

/// The daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Since when it runs, in seconds since 1970.
    pub since: u64,
    /// What is in force.
    pub force: Force,
    /// Who is connected, in the order in which they came.
    pub sandboxes: Vec<Line>,
    /// Where findings go.
    pub sinks: Vec<Sink>,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Force {
    /// Counts changes, from 1.
    pub generation: u64,
    /// Since when.
    pub since: u64,
    /// How many rules there are.
    pub rules: usize,
    /// The generation of the rules.
    pub rules_generation: u64,
    /// The generation of the lists.
    pub intel_generation: u64,
    /// Changes that were taken.
    pub reloads_taken: u64,
    /// Changes that were refused.
    pub reloads_refused: u64,
    /// Why the last change was refused, if none was taken since.
    pub refusal: Option<String>,
}

/// A sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its connection.
    pub connection: u64,
    /// Who it is, as far as the host knows.
    pub identity: String,
    /// Whether the host vouches for that.
    pub verified: bool,
    /// Its containers for which the host vouches.
    pub containers: Vec<String>,
    /// Since when it is connected.
    pub since: u64,
    /// The highest score of its containers, in hundredths of a point.
    pub score: u64,
    /// The rules that this rests on, the weightiest first, each with what it adds.
    pub top_rules: Vec<(String, u64)>,
    /// Events.
    pub events: u64,
    /// Of those in a second, lately.
    pub events_per_second: u64,
    /// Messages that its sentry could not send.
    pub dropped: u64,
    /// Packets that could not be decoded.
    pub undecodable: u64,
    /// Findings.
    pub findings: u64,
}

/// A sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sink {
    /// Its name.
    pub name: String,
    /// Findings that it took.
    pub delivered: u64,
    /// Findings that it could not take.
    pub failed: u64,
    /// Findings that did not fit into its queue.
    pub lost: u64,
    /// Findings that wait.
    pub waiting: u64,
    /// Bytes that wait on disk.
    pub spooled: u64,
    /// Whether it failed to take the last one.
    pub is_failing: bool,
}

fn secs(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Status {
    pub(super) fn of(observed: &Observed) -> Status {
        let (force, history) = (observed.current.get(), observed.current.history());
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: secs(observed.since),
            force: Force {
                generation: force.generation,
                since: secs(force.since),
                rules: force.rules.rules().len(),
                rules_generation: force.rules.generation(),
                intel_generation: force.intel.generation(),
                reloads_taken: history.taken,
                reloads_refused: history.refused,
                refusal: history.refusal.map(|(_, why)| why),
            },
            sandboxes: observed.registry.entries().iter().map(|entry| Line::of(entry)).collect(),
            sinks: observed
                .sinks
                .states()
                .map(|(name, state)| Sink {
                    name: name.to_owned(),
                    delivered: read(&state.delivered),
                    failed: read(&state.failed),
                    lost: read(&state.lost),
                    waiting: read(&state.waiting),
                    spooled: read(&state.spooled),
                    is_failing: state.is_failing.load(Ordering::Relaxed),
                })
                .collect(),
        }
    }
}

impl Line {
    fn of(entry: &Entry) -> Line {
        let glance = entry.glance();
        Line {
            connection: entry.connection.0,
            identity: entry.identity.to_string(),
            verified: !matches!(entry.identity.standing, Standing::Unverified(_)),
            containers: glance.containers.iter().map(ToString::to_string).collect(),
            since: u64::try_from(entry.since.0.checked_div(1_000_000_000).unwrap_or(0)).unwrap_or(0),
            score: glance.score,
            top_rules: glance.top_rules.into_iter().map(|top| (top.rule.into(), top.points)).collect(),
            events: glance.events,
            events_per_second: glance.events_per_second,
            dropped: glance.dropped,
            undecodable: glance.undecodable,
            findings: glance.findings,
        }
    }
}

impl Observed {
    /// The connections with that number, or for whose container of that id the host vouches.
    pub(super) fn connections_of(&self, id: &str) -> Vec<ConnectionId> {
        let entries = self.registry.entries();
        let is_meant = |entry: &Entry| {
            id.parse() == Ok(entry.connection.0)
                || entry.glance().containers.iter().any(|container| container.as_str() == id)
        };
        entries.iter().filter(|entry| is_meant(entry)).map(|entry| entry.connection).collect()
    }

    /// Why it is not ready to watch; nothing if it is.
    pub(super) fn unready(&self) -> Option<String> {
        let failing: Vec<&str> = self
            .sinks
            .states()
            // What waits on disk is not lost: nobody need turn to another daemon for that.
            .filter(|(_, state)| {
                state.is_failing.load(Ordering::Relaxed) && state.spooled.load(Ordering::Relaxed) == 0
            })
            .map(|(name, _)| name)
            .collect();
        (!failing.is_empty()).then(|| format!("a sink loses findings: {}", failing.join(", ")))
    }
}
