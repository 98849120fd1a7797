//! Accepting and shaking hands: each client in a task of its own, a bounded number of them, each with a deadline.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tracing::{info, warn};
use uds::nonblocking::UnixSeqpacketConn as Shaken;
use uds::tokio::UnixSeqpacketConn;

use super::counters::{Counters, Live};
use super::peer::Caller;
use super::pool::Adopters;
use super::socket::Listening;
use super::worker::Connection;
use super::{ConnectionId, End, Factory, Options, Peer, handshake};
use crate::identity::Policy;
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

pub(super) struct Listener<F> {
    pub(super) listening: Listening,
    pub(super) options: Options,
    pub(super) counters: Arc<Counters>,
    pub(super) adopters: Adopters,
    pub(super) factory: Arc<F>,
    pub(super) admissions: Admissions,
}

/// The clients that are being looked up, for whoever must wait until there are none.
#[derive(Clone)]
pub(super) struct Admissions(Arc<Semaphore>);

impl Admissions {
    pub(super) fn new() -> Admissions {
        Admissions(Arc::new(Semaphore::new(usize::try_from(MAX_ADMISSIONS).unwrap_or(usize::MAX))))
    }

    /// Waits until nobody is looked up, and lets nobody in any more.
    pub(super) async fn end(self) {
        let all = tokio::time::timeout(ADMISSION_PATIENCE, self.0.acquire_many(MAX_ADMISSIONS)).await;
        self.0.close();
        if all.is_err() {
            warn!("a client that is being looked up holds up the end of the server: it is left behind");
        }
    }
}

/// The handshakes under way, oldest first. Dropping it gives them all up.
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
}

impl Drop for Pending {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl<F: Factory> Listener<F> {
    /// Accepts until dropped.
    pub(super) async fn accept(mut self) -> Infallible {
        let mut pending = Pending::default();
        let mut count = 0_u64;
        loop {
            let connection = match self.listening.listener.accept().await {
                Ok((connection, _address)) => connection,
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            count = count.saturating_add(1);
            self.counters.accepted.fetch_add(1, Ordering::Relaxed);
            let Some(live) = Live::take(&self.counters, self.options.max_connections) else {
                // Said once per power of two: a flood must not become a flood of log lines.
                let refused = self.counters.refused_full.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                if refused.is_power_of_two() {
                    warn!(
                        limit = self.options.max_connections,
                        refused, "too many connections, refusing new ones"
                    );
                }
                continue;
            };
            let client = Client {
                id: ConnectionId(count),
                live,
                counters: Arc::clone(&self.counters),
                adopters: self.adopters.clone(),
                factory: Arc::clone(&self.factory),
                accepted: Instant::now(),
                policy: self.options.runsc.clone(),
                admissions: self.admissions.clone(),
            };
            let task = tokio::spawn(client.welcome(connection, self.options.handshake_timeout));
            pending.push(task.abort_handle());
        }
    }
}

/// A client that has not introduced itself yet.
struct Client<F> {
    id: ConnectionId,
    live: Live,
    counters: Arc<Counters>,
    adopters: Adopters,
    factory: Arc<F>,
    accepted: Instant,
    policy: Policy,
    admissions: Admissions,
}

impl<F: Factory> Client<F> {
    /// Shakes hands and hands the connection to a worker, or turns the client away.
    async fn welcome(self, mut connection: UnixSeqpacketConn, timeout: Duration) {
        if let Err(error) = handshake::receive(&mut connection, timeout).await {
            self.counters.refused_handshake.fetch_add(1, Ordering::Relaxed);
            info!(connection = %self.id, %error, "client refused");
            return;
        }
        let connection = connection.into_nonblocking();
        // Nobody is let in any more once this is closed.
        let Ok(admission) = Arc::clone(&self.admissions.0).acquire_owned().await else { return };
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
                self.counters.refused_handshake.fetch_add(1, Ordering::Relaxed);
                warn!(connection = %self.id, %error, "client refused: the kernel does not say who it is");
                return;
            }
        };
        let identity = Arc::new(caller.identify(&self.policy));
        info!(connection = %self.id, pid = caller.pid, uid = caller.uid, sandbox = %identity, "client connected");
        let mut consumer = match self.factory.consumer(Peer { connection: self.id, identity }) {
            Ok(consumer) => consumer,
            Err(error) => {
                self.counters.refused_consumer.fetch_add(1, Ordering::Relaxed);
                warn!(connection = %self.id, %error, "client refused: it cannot be watched");
                return;
            }
        };
        if let Err(error) = handshake::answer(&socket) {
            self.counters.refused_handshake.fetch_add(1, Ordering::Relaxed);
            info!(connection = %self.id, %error, "client left while shaking hands");
            consumer.closed(End::Peer);
            return;
        }
        self.counters.served.fetch_add(1, Ordering::Relaxed);
        self.adopters.adopt(Connection { id: self.id, socket, consumer, live: self.live });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        drop(handshakes);
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
}
