//! What becomes of a finding: whom it is told, and what is done about it.
//!
//! [`sinks`] tell. The [`Responder`] acts: it kills convicted containers with `runsc`, from a thread of its own. A worker only drops an order into a bounded queue and never waits. What came of
//! each order is a finding of its own, so that whoever reads findings knows it without reading a log.
//!
//! **Invariant**: nothing is done to a container by a name that a sandbox claims. An order needs a [`Target`], and only
//! what the host knows makes one. Dry run is the default.

mod kill;
mod limit;
mod outcome;
mod runsc;
pub mod sinks;
pub mod spool;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sluicebox::finding::Finding;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::config::Doing;
use crate::identity::{ContainerId, Runtime};
use crate::reload::InForce;

use limit::Limiter;
use outcome::Outcome;
use sinks::Sinks;

/// Orders that may wait. Each container gives one kill at most, and the cap on kills is far below.
const QUEUE: usize = 1024;

/// Calls of runsc that may be under way at once: one that hangs must not hold up the next container's.
const AT_ONCE: usize = 32;

/// How long orders that are under way may take at the end of the daemon.
const PATIENCE: Duration = Duration::from_secs(5);

/// A container that the host vouches for, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The `runsc` that made it, and its root directory.
    pub runtime: Runtime,
    /// The container.
    pub container: ContainerId,
}

/// What was done so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Containers that were killed.
    pub killed: AtomicU64,
    /// Containers that would have been killed.
    pub would_kill: AtomicU64,
    /// Containers that could not be killed.
    pub failed: AtomicU64,
    /// Containers that were not killed because too many had been within a minute.
    pub capped: AtomicU64,
    /// Convicted containers for whom nobody vouches.
    pub unverified: AtomicU64,
    /// Orders that did not fit into the queue.
    pub lost: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A container that is to be killed, and why.
#[derive(Debug)]
struct Order {
    target: Target,
    /// The finding that asks for it.
    finding: Box<Finding>,
    /// What is in force, which says how it is done.
    force: Arc<InForce>,
}

/// Takes orders and carries them out. Dropping it lets what is under way end.
#[derive(Debug)]
pub struct Responder {
    orders: Option<Sender<Order>>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Starts; outcomes go to `sinks`.
    ///
    /// # Errors
    /// If there is no thread or runtime for it.
    pub fn start(sinks: Arc<Sinks>) -> io::Result<Responder> {
        let (orders, taken) = channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let office = Office { sinks, counts: Arc::clone(&counts), limiter: Limiter::default() };
        let thread = std::thread::Builder::new()
            .name("respond".to_owned())
            .spawn(move || runtime.block_on(office.work(taken)))?;
        Ok(Responder { orders: Some(orders), counts, thread: Some(thread) })
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Orders a container to be killed, for a finding, as the settings say. Never waits.
    pub fn kill(&self, target: Target, finding: &Finding, force: &Arc<InForce>) {
        let Some(orders) = self.orders.as_ref().filter(|_| force.config.kill.mode != Doing::Off) else {
            return;
        };
        let order = Order { target, finding: Box::new(finding.clone()), force: Arc::clone(force) };
        match orders.try_send(order) {
            Ok(()) => {}
            Err(TrySendError::Full(order) | TrySendError::Closed(order)) => {
                Counts::add(&self.counts.lost);
                error!(container = %order.target.container, "a container is not killed: too many wait for it");
            }
        }
    }

    /// Notes that a convicted container is left alone, since nobody vouches for who it is.
    pub fn leave(&self, finding: &Finding) {
        Counts::add(&self.counts.unverified);
        warn!(finding = %finding.id, "a convicted container is left alone: nobody vouches for who it is");
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the thread that acts had panicked");
        }
    }
}

/// The responder's own side.
struct Office {
    sinks: Arc<Sinks>,
    counts: Arc<Counts>,
    limiter: Limiter,
}

impl Office {
    async fn work(mut self, mut orders: Receiver<Order>) {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                Some(ended) = under_way.join_next() => self.ended(ended),
                order = orders.recv(), if under_way.len() < AT_ONCE => match order {
                    Some(order) => self.begin(order, &mut under_way),
                    None => break,
                },
            }
        }
        let deadline = tokio::time::sleep(PATIENCE);
        tokio::pin!(deadline);
        while !under_way.is_empty() {
            tokio::select! {
                Some(ended) = under_way.join_next() => self.ended(ended),
                () = &mut deadline => break,
            }
        }
        if !under_way.is_empty() {
            // The calls are killed with their tasks.
            warn!(left = under_way.len(), "calls of runsc hold up the end and are given up");
        }
    }

    fn begin(&mut self, order: Order, under_way: &mut JoinSet<(Order, Outcome)>) {
        let settings = order.force.config.kill.clone();
        if !self.limiter.admits(Instant::now(), settings.per_minute) {
            self.tell(&order, &Outcome::Capped { per_minute: settings.per_minute });
        } else if settings.mode == Doing::On {
            under_way.spawn(async move {
                let outcome = kill::kill(&order.target, &settings).await;
                (order, outcome)
            });
        } else {
            self.tell(&order, &Outcome::WouldKill);
        }
    }

    fn ended(&self, ended: Result<(Order, Outcome), tokio::task::JoinError>) {
        match ended {
            Ok((order, outcome)) => self.tell(&order, &outcome),
            Err(error) => error!(%error, "an order was lost half-way"),
        }
    }

    /// Counts, logs and publishes what came of an order.
    fn tell(&self, order: &Order, outcome: &Outcome) {
        Counts::add(outcome.counter(&self.counts));
        let finding = outcome.finding(&order.finding, &order.target);
        outcome.log(&order.target, &order.finding.id);
        self.sinks.publish(finding);
    }
}

#[cfg(test)]
mod tests;
