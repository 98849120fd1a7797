//! The library's engine for one stream of packets: a sandbox's connection, or a recorded one.

use std::sync::Arc;

use sluicebox::engine::{Sandbox, Stats};
use sluicebox::event::Time;
use sluicebox::finding::Finding;
use sluicebox::intel::Intel;
use sluicebox::rules::{RuleSet, Thresholds, builtin};
use sluicebox::state::{DEFAULT_BUDGET, Image};
use sluicebox::wire::DecodeError;

use crate::identity::attribution::Attribution;
use crate::notice::Notice;
use crate::registry::Registry;
use crate::serve::{Consumer, End, Flow, LastWords, Peer, now};

/// The analysis of one stream of packets.
#[derive(Debug)]
pub struct Analysis {
    sandbox: Sandbox,
    intel: Arc<Intel>,
    findings: Vec<Finding>,
    /// Whose it is, for a connection.
    who: Option<Box<Attribution>>,
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

impl Knowledge {
    /// The built-in rules and the bundled lists; nothing if those rules do not compile, which the library's tests rule out.
    #[must_use]
    pub fn builtin() -> Option<Knowledge> {
        let rules = Arc::new(builtin::compiled(Thresholds::default()).rules?);
        Some(Knowledge { rules, intel: Arc::new(Intel::seed()), image: None })
    }
}

impl Analysis {
    /// A sandbox of which nothing is known yet.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Analysis {
        Analysis::with_budget(knowledge, DEFAULT_BUDGET)
    }

    /// The same, to remember so many bytes at most.
    #[must_use]
    pub fn with_budget(knowledge: &Knowledge, bytes: usize) -> Analysis {
        let sandbox = Sandbox::with_budget(Arc::clone(&knowledge.rules), bytes);
        Analysis {
            sandbox: match &knowledge.image {
                Some(image) => sandbox.with_image(Arc::clone(image)),
                None => sandbox,
            },
            intel: Arc::clone(&knowledge.intel),
            findings: Vec::new(),
            who: None,
        }
    }

    /// The same for a connection: findings say whose it is, and false claims are findings. The connection is in the
    /// registry from here on, as long as this is.
    #[must_use]
    pub fn of(mut self, peer: &Peer, registry: &Arc<Registry>) -> Analysis {
        let mut who = Attribution::new(peer, registry, now());
        if let Some(image) = who.image() {
            self.sandbox = self.sandbox.with_image(image);
        }
        who.begin(&mut self.sandbox);
        self.who = Some(Box::new(who));
        self
    }

    /// A consumer that hands over each finding as it is made, on the worker's thread: it must not wait.
    #[must_use]
    pub fn into_consumer(self, on_finding: impl Fn(Finding) + Send + Sync + 'static) -> Box<dyn Consumer> {
        Box::new(Handing { analysis: self, on_finding: Arc::new(on_finding) })
    }

    /// What is to be told if the analysis of a connection panics.
    #[must_use]
    pub fn last_words(&self, on_finding: impl FnOnce(Finding) + Send + 'static) -> Option<LastWords> {
        let entry = Arc::clone(self.who.as_ref()?.seat().entry());
        Some(Box::new(move |message| {
            on_finding(Notice::Panicked { message }.finding(entry.connection, &entry.identity, now()));
        }))
    }

    /// Takes in one packet. What cannot be decoded is counted, and the stream goes on.
    ///
    /// # Errors
    /// What could not be decoded, for whoever counts that by kind.
    pub fn packet(&mut self, packet: &[u8]) -> Result<(), DecodeError> {
        let decoded = self.sandbox.packet(packet, &self.intel, &mut self.findings);
        if let Some(who) = &mut self.who
            && who.is_due(&self.sandbox)
        {
            who.look(&mut self.sandbox, now(), &mut self.findings);
        }
        decoded
    }

    /// The sandbox.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A packet came that was too long to be received whole.
    pub fn truncated(&mut self) {
        self.sandbox.truncated();
    }

    /// Time passes.
    pub fn tick(&mut self, now: Time) {
        self.sandbox.tick(now, &self.intel, &mut self.findings);
        if let Some(who) = &mut self.who {
            who.tick(&self.sandbox, now, &mut self.findings);
        }
    }

    /// Takes another snapshot of the denylists from here on. What is remembered is judged by what is new in it.
    pub fn swap(&mut self, intel: Arc<Intel>) {
        self.sandbox.lists_changed(&self.intel, &intel, &mut self.findings);
        self.intel = intel;
    }

    /// Takes other rules from here on. What those that are unchanged have seen so far stays.
    pub fn reload(&mut self, rules: Arc<RuleSet>) {
        self.sandbox.reload(rules);
    }

    /// The snapshot in use.
    #[must_use]
    pub fn intel(&self) -> &Arc<Intel> {
        &self.intel
    }

    /// Takes out what was found since the last call: to be called once a batch, as the registry is told what was seen.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> {
        if let Some(who) = &mut self.who {
            who.note(&self.sandbox, &mut self.findings);
        }
        self.findings.drain(..)
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.sandbox.stats()
    }
}

/// Hands over findings as they are made.
struct Handing<F> {
    analysis: Analysis,
    on_finding: Arc<F>,
}

impl<F: Fn(Finding)> Handing<F> {
    fn hand_over(&mut self) {
        for finding in self.analysis.findings() {
            (self.on_finding)(finding);
        }
    }
}

impl<F: Fn(Finding) + Send + Sync + 'static> Consumer for Handing<F> {
    fn packet(&mut self, packet: &[u8]) {
        let _counted = self.analysis.packet(packet);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.analysis.truncated();
    }

    fn batch_end(&mut self) -> Flow {
        self.hand_over();
        Flow::Continue
    }

    fn tick(&mut self, now: Time) -> Flow {
        self.analysis.tick(now);
        self.hand_over();
        Flow::Continue
    }

    fn closed(&mut self, _end: End) {
        self.hand_over();
    }

    fn last_words(&self) -> Option<LastWords> {
        let on_finding = Arc::clone(&self.on_finding);
        self.analysis.last_words(move |finding| on_finding(finding))
    }
}
