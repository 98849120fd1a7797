//! What came of an order, as a finding of its own.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluicebox::finding::{Action, Finding, Match, RuleName, ScoreChange, Severity};
use tracing::{error, info};

use super::{Counts, Target};

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Killed, at that try and after that time.
    Killed { tries: u32, took: Duration },
    /// It would have been killed.
    WouldKill,
    /// It could not be killed.
    KillFailed { tries: u32, reason: String },
    /// More than so many were to be killed within a minute.
    Capped { per_minute: u32 },
}

impl Outcome {
    /// The id and name of the rule that it is told as, and how grave that is.
    fn kind(&self) -> (&'static str, &'static str, Severity) {
        match self {
            Outcome::Killed { .. } => ("response-killed", "Container killed", Severity::Notice),
            Outcome::WouldKill => ("response-dry-run", "Container would be killed", Severity::Notice),
            Outcome::KillFailed { .. } => {
                ("response-kill-failed", "Container could not be killed", Severity::Alert)
            }
            Outcome::Capped { .. } => ("response-kill-limit", "Too many containers to kill", Severity::Alert),
        }
    }

    fn said(&self) -> String {
        match self {
            Outcome::Killed { tries, took } => format!("killed after {} ms, try {tries}", took.as_millis()),
            Outcome::WouldKill => {
                String::from("would be killed; it is not, since `kill.mode` is \"dry-run\"")
            }
            Outcome::KillFailed { tries, reason } => format!("not killed in {tries} tries: {reason}"),
            Outcome::Capped { per_minute } => format!(
                "not killed: more than {per_minute} containers were to be killed within a minute; is a rule or a list wrong?"
            ),
        }
    }

    /// What counts it.
    pub(super) fn counter<'c>(&self, counts: &'c Counts) -> &'c AtomicU64 {
        match self {
            Outcome::Killed { .. } => &counts.killed,
            Outcome::WouldKill => &counts.would_kill,
            Outcome::KillFailed { .. } => &counts.failed,
            Outcome::Capped { .. } => &counts.capped,
        }
    }

    pub(super) fn log(&self, target: &Target, finding: &str) {
        let (container, said) = (&target.container, self.said());
        match self {
            Outcome::Killed { .. } | Outcome::WouldKill => info!(%container, finding, "{said}"),
            Outcome::KillFailed { .. } | Outcome::Capped { .. } => error!(%container, finding, "{said}"),
        }
    }

    /// The finding that tells it, about the container and process of the one that asked for it.
    pub(super) fn finding(&self, cause: &Finding, target: &Target) -> Finding {
        let (id, name, severity) = self.kind();
        let rule = RuleName { id: id.to_owned(), name: name.to_owned() };
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time_ns = i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX);
        let output = format!("{}: {} (for {}, {})", target.container, self.said(), cause.rule.id, cause.id);
        let told = Match {
            rule: rule.clone(),
            time_ns,
            points: 0,
            output,
            tags: vec![String::from("response")],
            steps: Vec::new(),
        };
        Finding {
            // As stable as the cause's: of each cause there is one outcome of a kind.
            id: format!("{}-{}", cause.id, id.trim_start_matches("response-")),
            time_ns,
            rule,
            severity,
            score: ScoreChange { before: cause.score.after, after: cause.score.after, threshold: None },
            action: Action::Report,
            matches: vec![told],
            ..cause.clone()
        }
    }
}
