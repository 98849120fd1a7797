//! How many connections there may be: altogether, of one process, and of one user who is neither root nor us.
//!
//! A runtime's process connects once for each sandbox that it makes, so a share is far above what anybody honest needs.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::unistd::geteuid;
use uds::tokio::UnixSeqpacketConn;

use super::Options;
use super::counters::Counters;

/// The places of a server.
pub(super) struct Places {
    limit: usize,
    shares: Arc<Shares>,
    counters: Arc<Counters>,
    us: u32,
}

/// Who has how many.
struct Shares {
    per_process: NonZeroUsize,
    per_user: NonZeroUsize,
    taken: Mutex<HashMap<Holder, usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Process(u32),
    User(u32),
}

/// Why there is no place for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Server,
    Process(u32),
    User(u32),
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Full::Server => f.write_str("too many are open"),
            Full::Process(pid) => write!(f, "process {pid} has too many"),
            Full::User(uid) => write!(f, "user {uid} has too many"),
        }
    }
}

impl Places {
    pub(super) fn new(options: &Options, counters: &Arc<Counters>) -> Places {
        let shares = Shares {
            per_process: options.max_per_process,
            per_user: options.max_per_user,
            taken: Mutex::default(),
        };
        Places {
            limit: options.max_connections,
            shares: Arc::new(shares),
            counters: Arc::clone(counters),
            us: geteuid().as_raw(),
        }
    }

    /// A place for whoever is at the other end.
    pub(super) fn take(&self, connection: &UnixSeqpacketConn) -> Result<Place, Full> {
        match connection.initial_peer_credentials() {
            Ok(who) => self.take_for(who.pid().map_or(0, std::num::NonZeroU32::get), who.euid()),
            // Who it is will be asked again, and refused then.
            Err(_) => self.take_for(0, self.us),
        }
    }

    fn take_for(&self, pid: u32, uid: u32) -> Result<Place, Full> {
        let mut place = Place::all(&self.counters, &self.shares);
        if place.counters.live.load(Ordering::Relaxed) > self.limit {
            return Err(Full::Server);
        }
        // Without a number (another PID namespace) nobody can be told from anybody.
        if pid != 0 && !place.take_share(Holder::Process(pid), self.shares.per_process) {
            return Err(Full::Process(pid));
        }
        if uid != 0 && uid != self.us && !place.take_share(Holder::User(uid), self.shares.per_user) {
            return Err(Full::User(uid));
        }
        Ok(place)
    }
}

impl Shares {
    fn taken(&self) -> MutexGuard<'_, HashMap<Holder, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place; given back when dropped.
pub(super) struct Place {
    counters: Arc<Counters>,
    shares: Arc<Shares>,
    holds: [Option<Holder>; 2],
    load: Option<Arc<AtomicUsize>>,
}

impl Place {
    fn all(counters: &Arc<Counters>, shares: &Arc<Shares>) -> Place {
        counters.live.fetch_add(1, Ordering::Relaxed);
        Place { counters: Arc::clone(counters), shares: Arc::clone(shares), holds: [None; 2], load: None }
    }

    fn take_share(&mut self, holder: Holder, limit: NonZeroUsize) -> bool {
        let mut taken = self.shares.taken();
        let count = taken.entry(holder).or_insert(0);
        if *count >= limit.get() {
            return false;
        }
        *count = count.saturating_add(1);
        drop(taken);
        if let Some(free) = self.holds.iter_mut().find(|hold| hold.is_none()) {
            *free = Some(holder);
        }
        true
    }

    /// Counts the connection towards the load of a worker as well.
    pub(super) fn pin(&mut self, load: &Arc<AtomicUsize>) {
        self.unpin();
        load.fetch_add(1, Ordering::Relaxed);
        self.load = Some(Arc::clone(load));
    }

    fn unpin(&mut self) {
        if let Some(load) = self.load.take() {
            load.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.unpin();
        self.counters.live.fetch_sub(1, Ordering::Relaxed);
        let mut taken = self.shares.taken();
        for holder in self.holds.into_iter().flatten() {
            if let Some(count) = taken.get_mut(&holder) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    taken.remove(&holder);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(limit: usize, per_process: usize, per_user: usize) -> Places {
        let mut options = Options::at("/nonexistent");
        options.max_connections = limit;
        options.max_per_process = NonZeroUsize::new(per_process).unwrap();
        options.max_per_user = NonZeroUsize::new(per_user).unwrap();
        Places { us: 0, ..Places::new(&options, &Arc::default()) }
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let places = places(2, 9, 9);
        let first = places.take_for(1, 0).ok();
        let _second = places.take_for(2, 0).ok();
        assert_eq!(places.take_for(3, 0).err(), Some(Full::Server));
        drop(first);
        assert!(places.take_for(3, 0).is_ok());
        assert_eq!(places.counters.live.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_process_and_a_user_have_a_share_each_but_root_makes_all_sandboxes() {
        let places = places(100, 2, 3);
        let mut held: Vec<Place> = (0..2).map(|_| places.take_for(7, 0).ok().unwrap()).collect();
        assert_eq!(places.take_for(7, 0).err(), Some(Full::Process(7)));
        held.extend((8..50).map(|pid| places.take_for(pid, 0).ok().unwrap()));
        held.extend((60..63).map(|pid| places.take_for(pid, 1000).ok().unwrap()));
        assert_eq!(places.take_for(64, 1000).err(), Some(Full::User(1000)));
        // What a refused one had taken by then is given back, and so is all else.
        held.clear();
        assert!(places.shares.taken().is_empty());
        assert!(places.take_for(64, 1000).is_ok());
    }

    #[test]
    fn who_cannot_be_told_apart_has_no_share_of_a_process() {
        let places = places(100, 1, 9);
        let held: Vec<_> = (0..9).map(|_| places.take_for(0, 0)).collect();
        assert!(held.iter().all(Result::is_ok));
    }
}
