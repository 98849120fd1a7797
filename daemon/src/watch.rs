//! One sandbox from its connection to its findings: the consumer that `sluicebox run` makes for each client.
//!
//! Everything here runs on the receive loop's worker threads, so nothing here waits: what is in force is one atomic load
//! a batch, and findings go into queues.

use std::sync::Arc;

use sluicebox::engine::Stats;
use sluicebox::event::Time;
use sluicebox::finding::Severity;

use crate::analyze::{Analysis, Knowledge};
use crate::registry::Registry;
use crate::reload::{Current, InForce};
use crate::respond::sinks::Sinks;
use crate::serve::{ConnectionId, Consumer, End, Factory, Flow, LastWords, Peer, Refusal};

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// What is in force.
    pub current: Arc<Current>,
    /// Where findings go.
    pub sinks: Sinks,
    /// Who is connected.
    pub registry: Arc<Registry>,
}

/// Makes a [`Watch`] for each connection.
#[derive(Clone, Debug)]
pub struct Watching(pub Arc<Shared>);

impl Factory for Watching {
    fn consumer(&self, peer: Peer) -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(Watch::new(&self.0, &peer)))
    }
}

/// The analysis of one connection.
#[derive(Debug)]
pub struct Watch {
    connection: ConnectionId,
    shared: Arc<Shared>,
    force: Arc<InForce>,
    analysis: Analysis,
    worst: Option<Severity>,
}

impl Watch {
    fn new(shared: &Arc<Shared>, peer: &Peer) -> Watch {
        let force = shared.current.get();
        let knowledge =
            Knowledge { rules: Arc::clone(&force.rules), intel: Arc::clone(&force.intel), image: None };
        Watch {
            connection: peer.connection,
            shared: Arc::clone(shared),
            analysis: Analysis::with_budget(&knowledge, force.config.sandbox_memory.0)
                .of(peer, &shared.registry),
            force,
            worst: None,
        }
    }

    /// Takes up what is in force, if it is something else than before: once a batch, between two events.
    fn catch_up(&mut self) {
        let Some(force) = self.shared.current.newer_than(&self.force) else { return };
        if !Arc::ptr_eq(&force.rules, &self.force.rules) {
            self.analysis.reload(Arc::clone(&force.rules));
        }
        if !Arc::ptr_eq(&force.intel, &self.force.intel) {
            self.analysis.swap(Arc::clone(&force.intel));
        }
        self.force = force;
    }

    /// Passes on what was found. Most batches find nothing.
    fn publish(&mut self) {
        for finding in self.analysis.findings() {
            self.worst = self.worst.max(Some(finding.severity));
            self.shared.sinks.publish(finding);
        }
    }
}

impl Consumer for Watch {
    fn packet(&mut self, packet: &[u8]) {
        self.analysis.packet(packet);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.analysis.truncated();
    }

    fn batch_end(&mut self) -> Flow {
        self.catch_up();
        self.publish();
        Flow::Continue
    }

    fn tick(&mut self, now: Time) -> Flow {
        self.catch_up();
        self.analysis.tick(now);
        self.publish();
        Flow::Continue
    }

    fn closed(&mut self, _end: End) {
        self.publish();
        let Stats { events, dropped, undecodable, findings, .. } = self.analysis.stats();
        let verdict = self.worst.map_or("clean", Severity::name);
        tracing::info!(
            "connection {}: {events} events, {dropped} dropped, {undecodable} undecodable, {findings} findings, verdict {verdict}",
            self.connection
        );
    }

    fn last_words(&self) -> Option<LastWords> {
        let shared = Arc::clone(&self.shared);
        self.analysis.last_words(move |finding| shared.sinks.publish(finding))
    }
}
