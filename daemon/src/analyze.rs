//! The seam between the daemon and the library's engine: one [`Analysis`] per sandbox or trace.

use std::sync::Arc;

use sluicebox::event::Time;
use sluicebox::wire;

/// The compiled rules.
#[derive(Debug, Default)]
pub struct RuleSet;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look.
    Notice,
    /// Somebody should act.
    Alert,
    /// Certain enough to kill the container.
    Kill,
}

/// What the engine found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The rule that tipped the score.
    pub rule: String,
    /// The container as it claims to be called.
    pub container: String,
    /// When.
    pub time: Time,
}

/// What was seen of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets.
    pub events: u64,
    /// Events that the sentry could not send.
    pub dropped: u64,
    /// Packets that made no sense.
    pub undecodable: u64,
}

/// The analysis of one stream of packets: a sandbox's connection, or a recorded one.
#[derive(Debug)]
pub struct Analysis {
    findings: Vec<Finding>,
    counts: Counts,
    /// The sentry's own count of what it dropped, as last heard; it wraps.
    dropped: u32,
}

impl Analysis {
    /// A sandbox of which nothing is known yet.
    #[must_use]
    pub fn new(rules: &Arc<RuleSet>) -> Analysis {
        let _ = rules;
        Analysis { findings: Vec::new(), counts: Counts::default(), dropped: 0 }
    }

    /// Takes in one packet.
    pub fn packet(&mut self, packet: &[u8]) {
        self.counts.events = self.counts.events.saturating_add(1);
        match wire::decode(packet) {
            Ok(message) => {
                let new = message.header.dropped.wrapping_sub(self.dropped);
                self.counts.dropped = self.counts.dropped.saturating_add(u64::from(new));
                self.dropped = message.header.dropped;
            }
            Err(_) => self.counts.undecodable = self.counts.undecodable.saturating_add(1),
        }
    }

    /// A packet came that was too long to be received whole.
    pub fn truncated(&mut self) {
        self.counts.events = self.counts.events.saturating_add(1);
        self.counts.undecodable = self.counts.undecodable.saturating_add(1);
    }

    /// Time passes.
    pub fn tick(&mut self, now: Time) {
        let _ = now;
    }

    /// Takes out what was found since the last call.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> {
        self.findings.drain(..)
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// The finding as an operator reads it, several lines.
#[must_use]
pub fn story(finding: &Finding) -> String {
    format!("{:?} {}\n", finding.severity, finding.rule)
}

/// The finding as one line of JSON.
#[must_use]
pub fn json(finding: &Finding) -> String {
    serde_json::json!({ "rule": finding.rule }).to_string()
}
