//! Sockets, and the remote endpoints that a container talks to.
//!
//! A socket is what a descriptor leads to, with the rhythm of what passes through it; an endpoint is an address and
//! port, with what happened to it over all sockets of the container. Attempts are counted by socket, not by event: a
//! socket that does not block reports its connect twice (`EINPROGRESS`, then the end). Where the end is asked for by
//! `SO_ERROR` nothing is seen of it: the first byte that passes, or the first error, tells.
//!
//! A port of the container itself can be the door to a remote: its [`Listeners`] are kept with where they lead on to.
//!
//! Bounds: [`MAX_SOCKETS`] per sandbox; [`MAX_ENDPOINTS`], [`MAX_LISTENERS`] per container.

use std::net::{IpAddr, SocketAddr};

use crate::event::{Errno, Exit, Family, Ino, Nanos, Time};
use crate::hash::Map;

use super::arena::{Arena, Evict, Id, Keep};
use super::budget::{Account, Budget, Charge, Weight, heap_of};
use super::cadence::{Cadence, Pauses};
use super::process::ProcessSerial;
use super::program::Source;
use super::{EndpointId, ProcessId};

/// Sockets that are remembered. A busy server has some thousands at once; the forgotten ones are idle or long closed.
pub(crate) const MAX_SOCKETS: usize = 4096;

/// Endpoints that are remembered of a container. A crawler talks to more; then those go that it never came back to.
pub(crate) const MAX_ENDPOINTS: usize = 1024;

/// Ports of a container that are remembered as bound. A container has a handful; the oldest goes.
const MAX_LISTENERS: usize = 32;

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Its address family.
    pub family: Family,
    /// Its type without flags: 1 stream, 2 datagram, 3 raw.
    pub kind: i32,
    /// How it came to have a peer.
    pub role: Role,
    /// This end, where bind(2) or the listening socket said it; most sockets are never bound.
    pub local: Option<Box<SocketAddr>>,
    /// The endpoint that this side connected it to.
    pub(crate) endpoint: Option<EndpointId>,
    /// Who last took bytes out of it, or made it its standard input to do so.
    pub(crate) reader: Option<ProcessSerial>,
    /// The inode that the sentry calls it by, once it did.
    pub(crate) ino: Option<Ino>,
    /// The other end, if it is half of a pair (socketpair(2)).
    pub(crate) pair: Option<Box<Pair>>,
    /// What passed through it to and from a remote endpoint; made with the first byte, as most sockets see none.
    pub traffic: Option<Box<Traffic>>,
}

/// One end of a pair of sockets: a pipe in both directions.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The other end.
    pub(crate) peer: Id<Socket>,
    /// The source of network bytes that someone had who writes into the other end: they come out of this one.
    pub(crate) source: Option<Source>,
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
        Socket {
            family,
            kind,
            role,
            local: None,
            endpoint: None,
            reader: None,
            ino: None,
            pair: None,
            traffic: None,
        }
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
        if self.pair.as_ref().is_some_and(|pair| pair.source.is_some()) {
            return Keep::Suspicious;
        }
        match self.role {
            Role::Idle | Role::Local | Role::Client { outcome: Outcome::Failed(_), .. } => Keep::Dull,
            Role::Client { .. } | Role::Server { .. } => {
                // What was sent is the beginning of a rhythm, evidence that is being gathered. A bound of several messages
                // would let those that are beyond it push out every one that begins.
                let messages = self.traffic.as_ref().map_or(0, |traffic| traffic.sends.messages());
                if messages > 0 { Keep::Suspicious } else { Keep::Normal }
            }
        }
    }

    fn weigh(&self) -> Weight {
        let traffic = self.traffic.as_ref().map_or(0, |_| heap_of::<Traffic>(1));
        let pair = self.pair.as_ref().map_or(0, |_| heap_of::<Pair>(1));
        let local = self.local.as_ref().map_or(0, |_| heap_of::<SocketAddr>(1));
        Weight { own: traffic.saturating_add(pair).saturating_add(local), shared: 0 }
    }
}

/// Connects that failed, by what came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Nobody listens there.
    pub refused: u64,
    /// Nothing came back.
    pub timed_out: u64,
    /// There is no way there.
    pub unreachable: u64,
    /// Anything else.
    pub other: u64,
}

impl Failures {
    fn note(&mut self, errno: Errno) {
        let kind = match errno {
            Errno::ECONNREFUSED => &mut self.refused,
            Errno::ETIMEDOUT => &mut self.timed_out,
            Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EHOSTDOWN => &mut self.unreachable,
            _ => &mut self.other,
        };
        *kind = kind.saturating_add(1);
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.refused
            .saturating_add(self.timed_out)
            .saturating_add(self.unreachable)
            .saturating_add(self.other)
    }
}

/// What happened between a container and one remote endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its address and port.
    pub remote: SocketAddr,
    /// Sockets that were to connect to it.
    pub attempts: u64,
    /// Those that could not.
    pub failures: Failures,
    /// Those that could.
    pub successes: u64,
    /// When it was first tried.
    pub first: Time,
    /// When it was last tried.
    pub last: Time,
    /// When a socket was first connected to it.
    pub connected: Option<Time>,
    /// Who tried it last, and with a socket of what type.
    pub(crate) by: Option<ProcessId>,
    pub(crate) kind: i32,
    /// What came of coming back; made with the second attempt, as most endpoints see one.
    pub returns: Option<Box<Returns>>,
}

/// What is known of an endpoint that was tried more than once: a pool that drops its clients is seen over many sockets.
#[derive(Clone, Debug, Default)]
pub struct Returns {
    /// From one attempt to the next.
    pub pauses: Pauses,
    /// What is sent to it, over all sockets since the second.
    pub sends: Cadence,
}

impl Endpoint {
    fn new(remote: SocketAddr, time: Time) -> Endpoint {
        Endpoint {
            remote,
            attempts: 0,
            failures: Failures::default(),
            successes: 0,
            first: time,
            last: time,
            connected: None,
            by: None,
            kind: 0,
            returns: None,
        }
    }

    /// A socket was to connect to it.
    pub(crate) fn tried(&mut self, time: Time) {
        if self.attempts > 0 {
            self.returns.get_or_insert_default().pauses.note(time.since(self.last));
        }
        self.attempts = self.attempts.saturating_add(1);
        self.last = self.last.max(time);
    }

    /// An attempt ended, or goes on.
    pub(crate) fn came_to(&mut self, outcome: Outcome, time: Time) {
        match outcome {
            Outcome::Connected => {
                self.successes = self.successes.saturating_add(1);
                self.connected.get_or_insert(time);
            }
            Outcome::Failed(errno) => self.failures.note(errno),
            Outcome::Pending => {}
        }
    }

    /// How long ago the container was first connected to it.
    #[must_use]
    pub fn connected_for(&self, now: Time) -> Option<Nanos> {
        self.connected.map(|connected| now.since(connected))
    }
}

impl Evict for Endpoint {
    fn keep(&self) -> Keep {
        // Tried once and never known to answer: one of a scan.
        if self.attempts > 1 || self.successes > 0 { Keep::Normal } else { Keep::Dull }
    }

    fn weigh(&self) -> Weight {
        Weight { own: self.returns.as_ref().map_or(0, |_| heap_of::<Returns>(1)), shared: 0 }
    }
}

/// The endpoints of a container.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(super) arena: Arena<Endpoint>,
    by_remote: Map<SocketAddr, Id<Endpoint>>,
    addresses: Charge,
}

impl Endpoints {
    pub(crate) fn new(budget: &Budget) -> Self {
        Endpoints {
            arena: Arena::new(MAX_ENDPOINTS, budget),
            by_remote: Map::default(),
            addresses: budget.charge(Account::Objects, 0),
        }
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
        let (id, evicted) = self.arena.insert(Endpoint::new(remote, time));
        if let Some(evicted) = evicted {
            self.by_remote.remove(&evicted.remote);
        }
        self.by_remote.insert(remote, id);
        self.addresses.set(self.by_remote.heap());
        id
    }

    /// Forgets the endpoint that is needed least. Whether there was one.
    pub(super) fn evict(&mut self) -> bool {
        let Some(endpoint) = self.arena.evict() else { return false };
        self.by_remote.remove(&endpoint.remote);
        true
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

/// A port that a process of the container bound.
#[derive(Clone, Copy, Debug)]
struct Listener {
    port: u16,
    owner: ProcessSerial,
    /// Where the owner or a descendant of it last connected to.
    onward: Option<SocketAddr>,
}

/// The bound ports of a container, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Listeners {
    ports: Vec<Listener>,
    charge: Charge,
}

impl Listeners {
    pub(crate) fn new(budget: &Budget) -> Self {
        Listeners { ports: Vec::new(), charge: budget.charge(Account::Objects, 0) }
    }

    /// `owner` bound a stream socket to that port.
    pub(crate) fn bound(&mut self, port: u16, owner: ProcessSerial) {
        self.ports.retain(|listener| listener.port != port);
        if self.ports.len() >= MAX_LISTENERS {
            self.ports.remove(0);
        }
        self.ports.push(Listener { port, owner, onward: None });
        self.charge.set(heap_of::<Listener>(self.ports.capacity()));
    }

    /// A process connected to a remote; `is_of` says whether a listener's owner is it or an ancestor.
    pub(crate) fn connected(&mut self, remote: SocketAddr, is_of: impl Fn(ProcessSerial) -> bool) {
        for listener in &mut self.ports {
            if is_of(listener.owner) {
                listener.onward = Some(remote);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// Where whoever listens on that port last connected to.
    pub(crate) fn onward(&self, port: u16) -> Option<SocketAddr> {
        self.ports.iter().find(|listener| listener.port == port)?.onward
    }
}

/// Whether a connection to the address stays within the container.
pub(crate) fn is_own(addr: IpAddr) -> bool {
    addr.is_loopback() || addr.is_unspecified()
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

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn at(seconds: i64) -> Time {
        Time(1).after(Nanos::from_secs(seconds))
    }

    #[test]
    fn failures_are_told_apart() {
        let mut endpoint = Endpoint::new(addr("198.51.100.9:3333"), at(0));
        for errno in [111, 111, 110, 101, 113, 112, 13] {
            endpoint.came_to(Outcome::Failed(Errno(errno)), at(1));
        }
        let Failures { refused, timed_out, unreachable, other } = endpoint.failures;
        assert_eq!((refused, timed_out, unreachable, other), (2, 1, 3, 1));
        assert_eq!(endpoint.failures.total(), 7);
        assert_eq!(endpoint.connected_for(at(9)), None);
    }

    #[test]
    fn an_endpoint_is_connected_since_it_first_worked_not_since_it_was_first_tried() {
        let mut endpoint = Endpoint::new(addr("198.51.100.9:3333"), at(0));
        endpoint.came_to(Outcome::Failed(Errno::ECONNREFUSED), at(0));
        endpoint.came_to(Outcome::Connected, at(5));
        endpoint.came_to(Outcome::Connected, at(8));
        assert_eq!(endpoint.connected_for(at(9)), Some(Nanos::from_secs(4)));
    }

    #[test]
    fn a_back_off_shows_in_its_pauses() {
        let mut endpoint = Endpoint::new(addr("198.51.100.9:3333"), at(0));
        for seconds in [0, 1, 3, 7, 15, 31] {
            endpoint.tried(at(seconds));
        }
        let pauses = endpoint.returns.unwrap().pauses;
        assert_eq!(pauses.median(), Some(Nanos::from_secs(4)));
        assert_eq!(pauses.growth_permille(), Some(2000));
    }

    #[test]
    fn a_port_leads_to_where_its_owner_or_a_descendant_connected() {
        let mut listeners = Listeners::new(&Budget::default());
        listeners.bound(3333, ProcessSerial(7));
        listeners.bound(8080, ProcessSerial(8));
        listeners.connected(addr("198.51.100.9:443"), |owner| owner == ProcessSerial(7));
        assert_eq!(listeners.onward(3333), Some(addr("198.51.100.9:443")));
        assert_eq!((listeners.onward(8080), listeners.onward(1)), (None, None));
        listeners.bound(3333, ProcessSerial(9));
        assert_eq!(listeners.onward(3333), None, "another owner, another way");
    }

    #[test]
    fn bound_ports_are_bounded() {
        let mut listeners = Listeners::new(&Budget::default());
        for port in 0..u16::MAX {
            listeners.bound(port, ProcessSerial(1));
        }
        assert_eq!(listeners.ports.len(), MAX_LISTENERS);
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
