//! The library's engine for one stream of packets: a sandbox's connection, or a recorded one.

use std::sync::Arc;

use sluicebox::engine::{Sandbox, Stats};
use sluicebox::event::Time;
use sluicebox::finding::Finding;
use sluicebox::intel::Intel;
use sluicebox::rules::RuleSet;
use sluicebox::state::Image;

/// The analysis of one stream of packets.
#[derive(Debug)]
pub struct Analysis {
    sandbox: Sandbox,
    intel: Arc<Intel>,
    findings: Vec<Finding>,
}

/// What every analysis shares: rules and lists, each swapped whole.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The denylists.
    pub intel: Arc<Intel>,
    /// Who knows what is in the images, if anyone does.
    pub image: Option<Arc<dyn Image>>,
}

impl Analysis {
    /// A sandbox of which nothing is known yet.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Analysis {
        let sandbox = Sandbox::new(Arc::clone(&knowledge.rules));
        Analysis {
            sandbox: match &knowledge.image {
                Some(image) => sandbox.with_image(Arc::clone(image)),
                None => sandbox,
            },
            intel: Arc::clone(&knowledge.intel),
            findings: Vec::new(),
        }
    }

    /// Takes in one packet.
    pub fn packet(&mut self, packet: &[u8]) {
        // The engine counts what it cannot decode; the stream goes on.
        let _counted = self.sandbox.packet(packet, &self.intel, &mut self.findings);
    }

    /// A packet came that was too long to be received whole.
    pub fn truncated(&mut self) {
        self.sandbox.truncated();
    }

    /// Time passes.
    pub fn tick(&mut self, now: Time) {
        self.sandbox.tick(now, &self.intel, &mut self.findings);
    }

    /// Takes another snapshot of the denylists from here on. What is remembered is judged by what is new in it.
    pub fn swap(&mut self, intel: Arc<Intel>) {
        self.sandbox.lists_changed(&self.intel, &intel, &mut self.findings);
        self.intel = intel;
    }

    /// The snapshot in use.
    #[must_use]
    pub fn intel(&self) -> &Arc<Intel> {
        &self.intel
    }

    /// Takes out what was found since the last call.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> {
        self.findings.drain(..)
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.sandbox.stats()
    }
}
