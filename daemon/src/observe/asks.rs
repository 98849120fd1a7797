//! Questions about one sandbox, which wait for its worker.
//!
//! The worker looks at a flag once a batch and once a tick. Only if somebody asks does it make the answer, which is
//! bounded, and hands it over without waiting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::{Receiver, Sender, channel};

use super::tree::Tree;
use crate::serve::ConnectionId;

/// Who may wait for the answer of one sandbox at once.
const ASKERS: usize = 8;

/// The inboxes of all sandboxes that live.
#[derive(Debug, Default)]
pub struct Asks {
    inboxes: Mutex<BTreeMap<ConnectionId, Arc<Inbox>>>,
}

/// Where questions about one sandbox wait.
#[derive(Debug, Default)]
struct Inbox {
    is_asked: AtomicBool,
    askers: Mutex<Vec<Sender<Tree>>>,
}

/// A sandbox's inbox, held by its consumer. Dropping it ends the waiting.
#[derive(Debug)]
pub struct Answerer {
    asks: Arc<Asks>,
    connection: ConnectionId,
    inbox: Arc<Inbox>,
}

impl Asks {
    /// An inbox for a connection.
    #[must_use]
    pub fn open(self: &Arc<Self>, connection: ConnectionId) -> Answerer {
        let inbox = Arc::<Inbox>::default();
        self.inboxes().insert(connection, Arc::clone(&inbox));
        Answerer { asks: Arc::clone(self), connection, inbox }
    }

    /// Asks a connection's worker; nothing if there is no such connection, or too many ask.
    #[must_use]
    pub fn ask(&self, connection: ConnectionId) -> Option<Receiver<Tree>> {
        let inbox = self.inboxes().get(&connection).map(Arc::clone)?;
        let mut askers = inbox.askers.lock().unwrap_or_else(PoisonError::into_inner);
        askers.retain(|asker| !asker.is_closed());
        if askers.len() >= ASKERS {
            return None;
        }
        let (tell, told) = channel();
        askers.push(tell);
        inbox.is_asked.store(true, Ordering::Release);
        Some(told)
    }

    fn inboxes(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Arc<Inbox>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answerer {
    /// Answers whoever asks, with what `make` gives. Costs a load if nobody does.
    pub fn answer(&self, make: impl FnOnce() -> Tree) {
        if !self.inbox.is_asked.load(Ordering::Acquire) {
            return;
        }
        let tree = make();
        let mut askers = self.inbox.askers.lock().unwrap_or_else(PoisonError::into_inner);
        self.inbox.is_asked.store(false, Ordering::Release);
        for asker in askers.drain(..) {
            // Who has given up waiting needs nothing.
            drop(asker.send(tree.clone()));
        }
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        self.asks.inboxes().remove(&self.connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_answered_by_the_worker_and_told_when_there_is_none() {
        let asks = Arc::new(Asks::default());
        let worker = asks.open(ConnectionId(7));
        worker.answer(|| panic!("nobody asks"));
        let mut told: Vec<_> = (0..2).map(|_| asks.ask(ConnectionId(7)).unwrap()).collect();
        worker.answer(|| Tree { connection: 7, ..Tree::default() });
        worker.answer(|| panic!("it was answered"));
        assert!(told.iter_mut().all(|told| told.try_recv().is_ok_and(|tree| tree.connection == 7)));
        assert!(asks.ask(ConnectionId(8)).is_none());
        let left = asks.ask(ConnectionId(7)).unwrap();
        drop(worker);
        assert!(left.blocking_recv().is_err() && asks.ask(ConnectionId(7)).is_none());
    }

    #[test]
    fn askers_are_bounded_and_those_that_gave_up_make_room() {
        let asks = Arc::new(Asks::default());
        let _worker = asks.open(ConnectionId(1));
        let waiting: Vec<_> = (0..ASKERS).map(|_| asks.ask(ConnectionId(1)).unwrap()).collect();
        assert!(asks.ask(ConnectionId(1)).is_none());
        drop(waiting);
        assert!(asks.ask(ConnectionId(1)).is_some());
    }
}
