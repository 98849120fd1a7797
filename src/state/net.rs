//! Sockets, and the remote endpoints that a container talks to.
//!
//! A socket is what a descriptor leads to, with the rhythm of what passes through it; an endpoint is an address and
//! port, with what happened to it over all sockets of the container. Attempts are counted by socket, not by event: a socket that does not block reports its
//! connect twice (`EINPROGRESS`, then the end).
//!
//! Bounds: [`MAX_SOCKETS`] per sandbox, [`MAX_ENDPOINTS`] per container.

use std::net::{IpAddr, SocketAddr};

use crate::event::{Errno, Exit, Family, Nanos, Time};
use crate::hash::Map;

use super::arena::{Arena, Evict, Id, Keep};
use super::cadence::Cadence;

/// Sockets that are remembered. A busy server has some thousands at once; the forgotten ones are idle or long closed.
pub(crate) const MAX_SOCKETS: usize = 4096;

/// Endpoints that are remembered of a container. A crawler talks to more; then those go that it never came back to.
pub(crate) const MAX_ENDPOINTS: usize = 1024;

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Its address family.
    pub family: Family,
    /// Its type without flags: 1 stream, 2 datagram, 3 raw.
    pub kind: i32,
    /// How it came to have a peer.
    pub role: Role,
    /// What passed through it to and from a remote endpoint; made with the first byte, as most sockets see none.
    pub traffic: Option<Box<Traffic>>,
}

/// What passes through a connection.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// What is sent.
    pub sends: Cadence,
    /// What is received.
    pub recvs: Cadence,
    /// Files that the process had opened when the first byte passed.
    pub opens_before: u64,
}

/// How a socket came to have a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has none.
    Idle,
    /// This side connected.
    Client {
        /// To whom.
        remote: SocketAddr,
        /// How that went so far.
        outcome: Outcome,
        /// When it was tried.
        since: Time,
    },
    /// The other side connected.
    Server {
        /// Who it was.
        remote: Option<SocketAddr>,
    },
    /// A path, a name outside the file system, or the other half of a pair.
    Local,
}

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on in the background.
    Pending,
    /// It worked.
    Connected,
    /// It failed.
    Failed(Errno),
}

impl Outcome {
    pub(crate) fn of(exit: Exit) -> Outcome {
        match exit.errno {
            Errno::OK | Errno::EISCONN => Outcome::Connected,
            // An interrupted connect goes on as well: connect(2).
            Errno::EINPROGRESS | Errno::EALREADY | Errno::ERESTARTSYS | Errno::EINTR => Outcome::Pending,
            errno => Outcome::Failed(errno),
        }
    }

    /// Whether there is or may come to be a connection.
    #[must_use]
    pub fn may_carry_bytes(self) -> bool {
        match self {
            Outcome::Pending | Outcome::Connected => true,
            Outcome::Failed(_) => false,
        }
    }
}

impl Socket {
    pub(crate) fn new(family: Family, kind: i32, role: Role) -> Socket {
        Socket { family, kind, role, traffic: None }
    }

    /// The other end, if it is an address.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        match self.role {
            Role::Client { remote, .. } => Some(remote),
            Role::Server { remote } => remote,
            Role::Idle | Role::Local => None,
        }
    }
}

impl Evict for Socket {
    fn keep(&self) -> Keep {
        match self.role {
            Role::Idle | Role::Local => Keep::Dull,
            Role::Client { .. } | Role::Server { .. } => Keep::Normal,
        }
    }
}

/// What happened between a container and one remote endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its address and port.
    pub remote: SocketAddr,
    /// Sockets that were to connect to it.
    pub attempts: u64,
    /// Those that were refused or timed out.
    pub failures: u64,
    /// Those that were connected at once.
    pub successes: u64,
    /// When it was first tried.
    pub first: Time,
    /// When it was last tried.
    pub last: Time,
}

impl Endpoint {
    /// How long the container has been talking to it.
    #[must_use]
    pub fn connected_for(&self, now: Time) -> Option<Nanos> {
        (self.successes > 0).then(|| now.since(self.first))
    }
}

impl Evict for Endpoint {
    fn keep(&self) -> Keep {
        if self.attempts > 1 { Keep::Normal } else { Keep::Dull }
    }
}

/// The endpoints of a container.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    arena: Arena<Endpoint>,
    by_remote: Map<SocketAddr, Id<Endpoint>>,
}

impl Endpoints {
    pub(crate) fn new(capacity: usize) -> Self {
        Endpoints { arena: Arena::new(capacity), by_remote: Map::default() }
    }

    pub(crate) fn find(&self, remote: &SocketAddr) -> Option<Id<Endpoint>> {
        self.by_remote.get(remote).copied()
    }

    pub(crate) fn get(&self, id: Id<Endpoint>) -> Option<&Endpoint> {
        self.arena.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Id<Endpoint>) -> Option<&mut Endpoint> {
        self.arena.get_mut(id)
    }

    /// The endpoint of that address, a new one where there is none.
    pub(crate) fn at(&mut self, remote: SocketAddr, time: Time) -> Id<Endpoint> {
        if let Some(id) = self.find(&remote) {
            return id;
        }
        let (id, evicted) = self.arena.insert(Endpoint {
            remote,
            attempts: 0,
            failures: 0,
            successes: 0,
            first: time,
            last: time,
        });
        if let Some(evicted) = evicted {
            self.by_remote.remove(&evicted.remote);
        }
        self.by_remote.insert(remote, id);
        id
    }

    /// How many endpoints are remembered.
    pub(crate) fn len(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.arena.evictions()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.arena.iter().map(|(_, endpoint)| endpoint)
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Endpoints {
    /// Panics where the addresses do not agree with the endpoints.
    pub(crate) fn check_invariants(&self) {
        assert_eq!(self.by_remote.len(), self.arena.len(), "an address for each endpoint");
        for (id, endpoint) in self.arena.iter() {
            assert_eq!(self.find(&endpoint.remote), Some(id), "an endpoint is found by its address");
        }
    }
}

/// Whether an address lies outside the host: neither loopback, link-local, unspecified nor multicast.
#[must_use]
pub(crate) fn is_remote(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => {
            !(v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_connect_ended() {
        for (errno, outcome) in [
            (0, Outcome::Connected),
            (106, Outcome::Connected),
            (115, Outcome::Pending),
            (512, Outcome::Pending),
            (111, Outcome::Failed(Errno::ECONNREFUSED)),
        ] {
            assert_eq!(Outcome::of(Exit { result: 0, errno: Errno(errno) }), outcome);
        }
    }

    #[test]
    fn the_host_itself_is_no_remote() {
        for (addr, remote) in [
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("::1", false),
            ("fe80::1", false),
            ("10.0.0.1", true),
            ("203.0.113.9", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_remote(addr.parse().unwrap()), remote, "{addr}");
        }
    }
}
