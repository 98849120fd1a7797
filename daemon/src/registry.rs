//! The sandboxes that are connected now, for whoever lists, kills or compares them.
//!
//! A connection's worker writes to its own [`Entry`] once a batch: relaxed atomics, no lock that anybody else holds. The
//! map is locked when a connection comes, goes, or shows another container, and when somebody reads it.
//!
//! Bounds: as many entries as the server has connections; [`MAX_NAMES`] containers of each.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sluicebox::engine::Stats;
use sluicebox::event::Time;

use crate::identity::{ContainerId, Identity};
use crate::serve::ConnectionId;

/// Containers of a connection that are known by name: as many as the library keeps of a sandbox.
pub const MAX_NAMES: usize = 64;

/// Rules that an entry names, those with the most points.
pub const TOP_RULES: usize = 3;

/// Everybody who is connected.
#[derive(Debug, Default)]
pub struct Registry {
    live: RwLock<Live>,
}

#[derive(Debug, Default)]
struct Live {
    entries: BTreeMap<ConnectionId, Arc<Entry>>,
    /// Who owns a container, as the host vouches for it. Several do after a session was replaced, or with several roots.
    owners: HashMap<ContainerId, Vec<ConnectionId>>,
}

/// One connection.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub connection: ConnectionId,
    /// Who that is.
    pub identity: Arc<Identity>,
    /// When it came.
    pub since: Time,
    events: AtomicU64,
    dropped: AtomicU64,
    undecodable: AtomicU64,
    findings: AtomicU64,
    rate: AtomicU64,
    score: AtomicU64,
    /// Its containers as the host vouches for them, and what is held against the sandbox: both change rarely.
    rest: Mutex<Rest>,
}

#[derive(Clone, Debug, Default)]
struct Rest {
    containers: Vec<ContainerId>,
    top_rules: Vec<TopRule>,
}

/// A rule that weighs in a sandbox's score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopRule {
    /// Its id.
    pub rule: Box<str>,
    /// What it adds, in hundredths of a point.
    pub points: u64,
}

/// An entry's values at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Glance {
    /// Packets that were taken in.
    pub events: u64,
    /// Of those in a second, lately.
    pub events_per_second: u64,
    /// Messages that the sentry could not send.
    pub dropped: u64,
    /// Packets that could not be decoded.
    pub undecodable: u64,
    /// Findings.
    pub findings: u64,
    /// The highest score of its containers, in hundredths of a point.
    pub score: u64,
    /// What that rests on, the most first.
    pub top_rules: Vec<TopRule>,
    /// The containers that the host vouches for.
    pub containers: Vec<ContainerId>,
}

impl Registry {
    /// Adds a connection, which goes when what is returned is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>, connection: ConnectionId, identity: Arc<Identity>, since: Time) -> Seat {
        let own = identity.sandbox().map(|sandbox| sandbox.id.clone());
        let entry = Arc::new(Entry {
            connection,
            identity,
            since,
            events: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            undecodable: AtomicU64::new(0),
            findings: AtomicU64::new(0),
            rate: AtomicU64::new(0),
            score: AtomicU64::new(0),
            rest: Mutex::default(),
        });
        self.write().entries.insert(connection, Arc::clone(&entry));
        let seat = Seat { registry: Arc::clone(self), entry };
        if let Some(own) = own {
            seat.owns(own);
        }
        seat
    }

    /// Everybody, in the order in which they came.
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.read().entries.values().map(Arc::clone).collect()
    }

    /// The connections that the host vouches for as the owner of that container, the newest last.
    #[must_use]
    pub fn owners(&self, container: &ContainerId) -> Vec<Arc<Entry>> {
        let live = self.read();
        let owners = live.owners.get(container).into_iter().flatten();
        owners.filter_map(|connection| live.entries.get(connection).map(Arc::clone)).collect()
    }

    /// Whether somebody who is connected owns that container.
    #[must_use]
    pub fn is_owned(&self, container: &ContainerId) -> bool {
        self.read().owners.contains_key(container)
    }

    // A panic while the lock was held leaves a map that is whole: each change is one insertion or removal.
    fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the registry, held by its analysis.
#[derive(Debug)]
pub struct Seat {
    registry: Arc<Registry>,
    entry: Arc<Entry>,
}

impl Seat {
    /// The entry.
    #[must_use]
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Notes a container that the host vouches for. Beyond [`MAX_NAMES`] none is noted.
    pub fn owns(&self, container: ContainerId) {
        let mut rest = self.entry.rest();
        if rest.containers.len() >= MAX_NAMES || rest.containers.contains(&container) {
            return;
        }
        rest.containers.push(container.clone());
        drop(rest);
        self.registry.write().owners.entry(container).or_default().push(self.entry.connection);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let connection = self.entry.connection;
        let containers = std::mem::take(&mut self.entry.rest().containers);
        let mut live = self.registry.write();
        live.entries.remove(&connection);
        for container in containers {
            if let Some(owners) = live.owners.get_mut(&container) {
                owners.retain(|owner| *owner != connection);
                if owners.is_empty() {
                    live.owners.remove(&container);
                }
            }
        }
    }
}

impl Entry {
    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was seen by now: once a batch.
    pub fn note(&self, stats: Stats) {
        self.events.store(stats.events, Ordering::Relaxed);
        self.dropped.store(stats.dropped, Ordering::Relaxed);
        self.undecodable.store(stats.undecodable, Ordering::Relaxed);
        self.findings.store(stats.findings, Ordering::Relaxed);
    }

    /// Notes the score: once a tick, and when something was found.
    pub fn note_score(&self, score: u64, top_rules: Vec<TopRule>) {
        self.score.store(score, Ordering::Relaxed);
        self.rest().top_rules = top_rules;
    }

    /// Notes how many events came in a second.
    pub fn note_rate(&self, events_per_second: u64) {
        self.rate.store(events_per_second, Ordering::Relaxed);
    }

    /// The values now.
    #[must_use]
    pub fn glance(&self) -> Glance {
        let Rest { containers, top_rules } = self.rest().clone();
        Glance {
            events: self.events.load(Ordering::Relaxed),
            events_per_second: self.rate.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            undecodable: self.undecodable.load(Ordering::Relaxed),
            findings: self.findings.load(Ordering::Relaxed),
            score: self.score.load(Ordering::Relaxed),
            top_rules,
            containers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Labels, PeerProcess, Reason, Sandbox, Standing};

    fn id(id: &str) -> ContainerId {
        ContainerId::new(id.as_bytes()).unwrap()
    }

    fn identity(own: Option<&str>) -> Arc<Identity> {
        let standing = match own {
            Some(own) => {
                let sandbox = Sandbox {
                    id: id(own),
                    runtime: None,
                    bundle: None,
                    labels: Labels::new(),
                    rootfs: crate::identity::Rootfs::MayChange,
                };
                Standing::Verified(sandbox)
            }
            None => Standing::Unverified(Reason::Gone),
        };
        let peer = PeerProcess { pid: None, uid: 0, gid: 0, started: None, executable: None };
        Arc::new(Identity { peer, standing })
    }

    #[test]
    fn who_is_connected_is_found_by_each_of_its_containers_until_it_goes() {
        let registry = Arc::new(Registry::default());
        let pod = registry.enter(ConnectionId(1), identity(Some("pod")), Time(1));
        let nobody = registry.enter(ConnectionId(2), identity(None), Time(2));
        pod.owns(id("web"));
        pod.owns(id("web"));
        assert_eq!(registry.entries().len(), 2);
        let owners = registry.owners(&id("web"));
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].glance().containers, [id("pod"), id("web")]);
        assert!(!registry.is_owned(&id("we")));
        drop(pod);
        assert!(!registry.is_owned(&id("web")) && !registry.is_owned(&id("pod")));
        drop(nobody);
        assert!(registry.entries().is_empty());
    }

    #[test]
    fn a_sandbox_with_two_sessions_is_owned_until_the_last_one_ends() {
        let registry = Arc::new(Registry::default());
        let old = registry.enter(ConnectionId(1), identity(Some("a")), Time(1));
        let new = registry.enter(ConnectionId(2), identity(Some("a")), Time(2));
        drop(old);
        assert_eq!(registry.owners(&id("a"))[0].connection, ConnectionId(2));
        drop(new);
        assert!(!registry.is_owned(&id("a")));
    }

    #[test]
    fn containers_are_bounded() {
        let registry = Arc::new(Registry::default());
        let seat = registry.enter(ConnectionId(1), identity(Some("a")), Time(1));
        for number in 0..1000 {
            seat.owns(id(&number.to_string()));
        }
        assert_eq!(seat.entry().glance().containers.len(), MAX_NAMES);
    }

    #[test]
    fn values_are_those_that_were_noted_last() {
        let registry = Arc::new(Registry::default());
        let seat = registry.enter(ConnectionId(1), identity(None), Time(1));
        seat.entry().note(Stats { events: 3, dropped: 2, undecodable: 1, findings: 1, ..Stats::default() });
        seat.entry().note_rate(7);
        let top = vec![TopRule { rule: "miner".into(), points: 4000 }];
        seat.entry().note_score(4000, top.clone());
        let expected = Glance {
            events: 3,
            dropped: 2,
            undecodable: 1,
            findings: 1,
            events_per_second: 7,
            score: 4000,
            top_rules: top,
            containers: Vec::new(),
        };
        assert_eq!(seat.entry().glance(), expected);
    }
}
