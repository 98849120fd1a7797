//! One sandbox from its connection to its findings: the consumer that `sluicebox run` makes for each client.
//!
//! Everything here runs on the receive loop's worker threads, so nothing here waits: what is in force is one atomic load
//! a batch, and findings go into queues.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicebox::engine::Stats;
use sluicebox::event::Time;
use sluicebox::finding::{Action, Finding, Severity};

use crate::analyze::{Analysis, Knowledge};
use crate::identity::{ContainerId, Runtime};
use crate::observe::tree::Tree;
use crate::observe::{Answerer, Asks, Metrics, Tally};
use crate::registry::Registry;
use crate::reload::{Current, InForce};
use crate::respond::sinks::Sinks;
use crate::respond::{Responder, Target};
use crate::serve::{ConnectionId, Consumer, End, Factory, Flow, LastWords, Peer, Refusal};

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// What is in force.
    pub current: Arc<Current>,
    /// Where findings go.
    pub sinks: Arc<Sinks>,
    /// What acts on them.
    pub responder: Responder,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// What all analyses count together.
    pub metrics: Arc<Metrics>,
    /// Questions about one of them.
    pub asks: Arc<Asks>,
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
    /// How the sandbox is reached, if the host vouches for who it is.
    runtime: Option<Runtime>,
    /// Containers that were ordered to be killed: once each. As many as a sandbox has containers, and no more are verified.
    convicted: BTreeSet<ContainerId>,
    tally: Tally,
    answerer: Answerer,
}

/// What it had goes with it, also if it panicked.
impl Drop for Watch {
    fn drop(&mut self) {
        self.tally.end(&self.shared.metrics);
    }
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
            runtime: peer.identity.sandbox().and_then(|sandbox| sandbox.runtime.clone()),
            convicted: BTreeSet::new(),
            tally: Tally::default(),
            answerer: shared.asks.open(peer.connection),
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

    /// Answers whoever asks how it is.
    fn answer(&self) {
        self.answerer.answer(|| Tree::of(self.connection.0, self.analysis.sandbox()));
    }

    /// Passes on what was found. Most batches find nothing.
    fn publish(&mut self) {
        for finding in self.analysis.findings() {
            self.worst = self.worst.max(Some(finding.severity));
            self.shared.metrics.found(&finding);
            if finding.action == Action::Kill && !finding.shadow {
                convict(&self.shared, &self.force, self.runtime.as_ref(), &mut self.convicted, &finding);
            }
            self.shared.sinks.publish(finding);
        }
    }
}

/// Orders the container of a finding to be killed, once, if the host vouches for who it is.
fn convict(
    shared: &Shared,
    force: &Arc<InForce>,
    runtime: Option<&Runtime>,
    convicted: &mut BTreeSet<ContainerId>,
    finding: &Finding,
) {
    let container = ContainerId::new(&finding.container.id).ok().filter(|_| finding.container.verified);
    let (Some(runtime), Some(container)) = (runtime, container) else {
        shared.responder.leave(finding);
        return;
    };
    if convicted.insert(container.clone()) {
        shared.responder.kill(Target { runtime: runtime.clone(), container }, finding, force);
    }
}

impl Consumer for Watch {
    fn packet(&mut self, packet: &[u8]) {
        let decoded = self.analysis.packet(packet);
        self.tally.packet(packet, decoded);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.analysis.truncated();
    }

    fn batch_end(&mut self) -> Flow {
        self.catch_up();
        self.publish();
        self.tally.add_events(&self.shared.metrics);
        self.answer();
        Flow::Continue
    }

    fn tick(&mut self, now: Time) -> Flow {
        self.catch_up();
        self.analysis.tick(now);
        self.publish();
        self.tally.add_state(&self.shared.metrics, self.analysis.sandbox());
        self.answer();
        Flow::Continue
    }

    fn closed(&mut self, _end: End) {
        self.publish();
        self.tally.add_events(&self.shared.metrics);
        self.tally.add_state(&self.shared.metrics, self.analysis.sandbox());
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
