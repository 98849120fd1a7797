//! Accepting and shaking hands: each client in a task of its own, a bounded number of them, each with a deadline.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinHandle};
use tracing::{info, warn};
use uds::nonblocking::UnixSeqpacketConn as Shaken;
use uds::tokio::UnixSeqpacketConn;

use super::counters::Counters;
use super::peer::Caller;
use super::places::{Full, Place, Places};
use super::pool::Adopters;
use super::socket::Listening;
use super::worker::Connection;
use super::{ConnectionId, End, Factory, Options, Peer, ServeError, handshake};
use crate::identity::{Identity, Sandbox, Standing};
use crate::sys;

/// Clients that may be shaking hands at once. When one more comes, the longest waiting of them is given up: a runtime
/// introduces itself at once, so whoever floods us with silent connections displaces only their own.
pub const MAX_HANDSHAKES: usize = 1024;

/// Clients that may be looked up at once, each on a blocking thread: it reads a few files, one of them where the runtime
/// says.
const MAX_ADMISSIONS: u32 = 8;

/// How long a server that stops waits for clients that are being looked up.
const ADMISSION_PATIENCE: Duration = Duration::from_secs(2);

/// How long accepting rests when the process is out of descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whom a socket is for.
#[derive(Clone, Debug)]
pub(super) enum Whose {
    /// Anybody: who a client is, its process must tell.
    Anybodys,
    /// This sandbox, and nobody else can connect to it.
    Its(Arc<Sandbox>),
}

/// What all sockets of a server share.
pub(super) struct Entrance {
    pub(super) options: Options,
    pub(super) counters: Arc<Counters>,
    pub(super) adopters: Adopters,
    pub(super) factory: Arc<dyn Factory>,
    pub(super) places: Places,
    admissions: Arc<Semaphore>,
    pending: Mutex<Pending>,
    accepted: AtomicU64,
}

/// The handshakes under way, oldest first.
#[derive(Default)]
struct Pending(VecDeque<AbortHandle>);

impl Pending {
    fn push(&mut self, task: AbortHandle) {
        if self.0.len() >= MAX_HANDSHAKES {
            // Finished ones are in here too; only when the queue is full is it worth looking for them.
            self.0.retain(|task| !task.is_finished());
        }
        if self.0.len() >= MAX_HANDSHAKES
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(task);
    }

    fn give_up(&mut self) {
        for task in self.0.drain(..) {
            task.abort();
        }
    }
}

/// A socket that is listened on. Dropped, it is closed and its file removed; who came through it stays.
#[derive(Debug)]
pub struct Door {
    path: Box<Path>,
    task: JoinHandle<Infallible>,
}

impl Door {
    /// The socket file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes it, and waits until it is closed.
    pub(super) async fn close(mut self) {
        self.task.abort();
        // That it was aborted is all that can come of it.
        let _aborted = (&mut self.task).await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Entrance {
    pub(super) fn new(
        options: Options,
        counters: Arc<Counters>,
        adopters: Adopters,
        factory: Arc<dyn Factory>,
    ) -> Entrance {
        Entrance {
            places: Places::new(&options, &counters),
            options,
            counters,
            adopters,
            factory,
            admissions: Arc::new(Semaphore::new(usize::try_from(MAX_ADMISSIONS).unwrap_or(usize::MAX))),
            pending: Mutex::default(),
            accepted: AtomicU64::new(0),
        }
    }

    /// Accepts what comes to a socket until the door is dropped.
    pub(super) fn open(self: &Arc<Self>, listening: Listening, whose: Whose) -> Result<Door, ServeError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ServeError::NoRuntime)?;
        let path = Box::from(listening.path());
        let task = runtime.spawn(Arc::clone(self).accept(listening, whose));
        Ok(Door { path, task })
    }

    async fn accept(self: Arc<Self>, mut listening: Listening, whose: Whose) -> Infallible {
        loop {
            let connection = match listening.listener.accept().await {
                Ok((connection, _address)) => connection,
                Err(error) => {
                    let failed =
                        self.counters.accept_failed.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                    if failed.is_power_of_two() {
                        warn!(%error, failed, "a connection could not be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            self.counters.accepted.fetch_add(1, Ordering::Relaxed);
            let place = match self.places.take(&connection) {
                Ok(place) => place,
                Err(full) => {
                    self.refuse(full);
                    continue;
                }
            };
            let number = self.accepted.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            let client = Client {
                id: ConnectionId(number),
                place,
                accepted: Instant::now(),
                whose: whose.clone(),
                entrance: Arc::clone(&self),
            };
            let task = tokio::spawn(client.welcome(connection));
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
        }
    }

    /// Says that a client was turned away, once per power of two: a flood must not become a flood of log lines.
    fn refuse(&self, full: Full) {
        let counter = match full {
            Full::Server => &self.counters.refused_full,
            Full::Process(_) | Full::User(_) => &self.counters.refused_share,
        };
        let refused = counter.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if refused.is_power_of_two() {
            warn!(refused, "connection refused: {full}");
        }
    }

    /// Gives up whoever has not shaken hands, and waits until nobody is looked up any more.
    pub(super) async fn close(&self) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).give_up();
        let all =
            tokio::time::timeout(ADMISSION_PATIENCE, self.admissions.acquire_many(MAX_ADMISSIONS)).await;
        self.admissions.close();
        if all.is_err() {
            warn!("a client that is being looked up holds up the end of the server: it is left behind");
        }
    }
}

/// A client that has not introduced itself yet.
struct Client {
    id: ConnectionId,
    place: Place,
    accepted: Instant,
    whose: Whose,
    entrance: Arc<Entrance>,
}

impl Client {
    fn counters(&self) -> &Counters {
        &self.entrance.counters
    }

    /// Shakes hands and hands the connection to a worker, or turns the client away.
    async fn welcome(self, mut connection: UnixSeqpacketConn) {
        if let Err(error) = handshake::receive(&mut connection, self.entrance.options.handshake_timeout).await
        {
            self.counters().refused_handshake.fetch_add(1, Ordering::Relaxed);
            info!(connection = %self.id, %error, "client refused");
            return;
        }
        let connection = connection.into_nonblocking();
        // Nobody is let in any more once this is closed.
        let Ok(admission) = Arc::clone(&self.entrance.admissions).acquire_owned().await else { return };
        let admitted = tokio::task::spawn_blocking(move || {
            self.admit(connection);
            drop(admission);
        });
        if let Err(error) = admitted.await {
            warn!(%error, "a client was lost while it was looked up");
        }
    }

    /// Finds out who the client is, which waits for our answer meanwhile, and lets it in.
    fn admit(self, connection: Shaken) {
        let socket = sys::into_owned_fd(connection);
        let caller = match Caller::of(&socket, self.accepted) {
            Ok(caller) => caller,
            Err(error) => {
                self.counters().refused_handshake.fetch_add(1, Ordering::Relaxed);
                warn!(connection = %self.id, %error, "client refused: the kernel does not say who it is");
                return;
            }
        };
        let identity = match who(caller.identify(&self.entrance.options.runsc), &self.whose) {
            Ok(identity) => Arc::new(identity),
            Err(other) => {
                self.counters().refused_identity.fetch_add(1, Ordering::Relaxed);
                warn!(connection = %self.id, sandbox = %other.id, "client refused: the socket is another sandbox's");
                return;
            }
        };
        info!(connection = %self.id, pid = caller.pid, uid = caller.uid, sandbox = %identity, "client connected");
        let mut consumer = match self.entrance.factory.consumer(Peer { connection: self.id, identity }) {
            Ok(consumer) => consumer,
            Err(error) => {
                self.counters().refused_consumer.fetch_add(1, Ordering::Relaxed);
                warn!(connection = %self.id, %error, "client refused: it cannot be watched");
                return;
            }
        };
        if let Err(error) = handshake::answer(&socket) {
            self.counters().refused_handshake.fetch_add(1, Ordering::Relaxed);
            info!(connection = %self.id, %error, "client left while shaking hands");
            consumer.closed(End::Peer);
            return;
        }
        self.counters().served.fetch_add(1, Ordering::Relaxed);
        let connection = Connection::new(self.id, socket, consumer, self.place);
        self.entrance.adopters.adopt(connection);
    }
}

/// Joins what the process tells with whose the socket is. The other sandbox, if the process makes another one.
fn who(mut identity: Identity, whose: &Whose) -> Result<Identity, Sandbox> {
    let Whose::Its(sandbox) = whose else { return Ok(identity) };
    let mut sandbox = Sandbox::clone(sandbox);
    match identity.standing {
        Standing::Verified(told) | Standing::BySocketPath(told) => {
            if told.id != sandbox.id {
                return Err(told);
            }
            // Who made the socket may know less than the command line tells.
            sandbox.runtime = sandbox.runtime.or(told.runtime);
            sandbox.bundle = sandbox.bundle.or(told.bundle);
            sandbox.rootfs = told.rootfs;
            if sandbox.labels.is_empty() {
                sandbox.labels = told.labels;
            }
        }
        Standing::Unverified(_) => {}
    }
    identity.standing = Standing::BySocketPath(sandbox);
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{ContainerId, PeerProcess, Reason, RunscRoot, Runtime};
    use std::future::pending;

    #[tokio::test]
    async fn the_longest_waiting_handshake_is_given_up_for_one_more() {
        let mut handshakes = Pending::default();
        let mut tasks: VecDeque<_> = (0..MAX_HANDSHAKES).map(|_| tokio::spawn(pending::<()>())).collect();
        for task in &tasks {
            handshakes.push(task.abort_handle());
        }
        let one_more = tokio::spawn(pending::<()>());
        handshakes.push(one_more.abort_handle());
        assert!(tasks.pop_front().unwrap().await.unwrap_err().is_cancelled());
        assert!(tasks.iter().all(|task| !task.is_finished()));
        handshakes.give_up();
        assert!(one_more.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn finished_handshakes_make_room_before_anybody_is_given_up() {
        let mut handshakes = Pending::default();
        let waiting = tokio::spawn(pending::<()>());
        handshakes.push(waiting.abort_handle());
        for _ in 1..MAX_HANDSHAKES {
            let done = tokio::spawn(async {});
            handshakes.push(done.abort_handle());
            done.await.unwrap();
        }
        handshakes.push(tokio::spawn(pending::<()>()).abort_handle());
        assert!(!waiting.is_finished());
        assert_eq!(handshakes.0.len(), 2);
    }

    fn named(id: &str) -> Sandbox {
        Sandbox::named(ContainerId::new(id.as_bytes()).unwrap())
    }

    fn identity(standing: Standing) -> Identity {
        let peer = PeerProcess { pid: None, uid: 0, gid: 0, started: None, executable: None };
        Identity { peer, standing }
    }

    #[test]
    fn a_sandboxs_own_socket_says_who_comes_through_it() {
        let own = Whose::Its(Arc::new(Sandbox { labels: vec![("user".into(), "u".into())], ..named("a") }));
        let unknown = who(identity(Standing::Unverified(Reason::Gone)), &own).unwrap();
        assert_eq!(unknown.sandbox().unwrap().labels.len(), 1);
        // What the process tells beside that is taken as well.
        let runtime = Runtime { binary: "/r".into(), root: RunscRoot::new("/s".into()).unwrap() };
        let told = Sandbox { runtime: Some(runtime.clone()), ..named("a") };
        let both = who(identity(Standing::Verified(told)), &own).unwrap();
        assert!(matches!(both.standing, Standing::BySocketPath(_)));
        assert_eq!(both.sandbox().unwrap().runtime, Some(runtime));
        assert_eq!(both.sandbox().unwrap().labels.len(), 1);
    }

    #[test]
    fn a_runsc_that_makes_another_sandbox_does_not_come_through() {
        let own = Whose::Its(Arc::new(named("a")));
        assert_eq!(who(identity(Standing::Verified(named("b"))), &own).unwrap_err().id, named("b").id);
        assert!(who(identity(Standing::Verified(named("b"))), &Whose::Anybodys).is_ok());
    }
}
