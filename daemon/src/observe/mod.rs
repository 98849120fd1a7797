//! What can be seen of the daemon from outside: metrics, health, and `sluicebox status`.
//!
//! Workers add to counters once a batch ([`Tally`]) and to their line of the [`registry`](crate::registry) once a tick;
//! whoever asks reads that, on a thread of its own ([`Desk`]). Only the tree of one sandbox is made by its worker,
//! between two batches, when somebody asked for it ([`Asks`]).
//!
//! **Invariant**: nobody who asks, asks often, or never takes the answer holds up a sandbox. Nothing that a workload
//! chose is a label.

mod asks;
mod control;
mod desk;
mod http;
mod metrics;
pub mod status;
mod tally;
pub mod tree;

use std::sync::Arc;
use std::time::SystemTime;

use crate::registry::Registry;
use crate::reload::Current;
use crate::respond;
use crate::respond::sinks::Sinks;
use crate::serve::Counters;

pub use asks::{Answerer, Asks};
pub use control::{Answer, AskError, Question, ask};
pub use desk::{Desk, DeskError};
pub use metrics::{Metrics, exposition};
pub use tally::Tally;

/// Everything that can be looked at.
#[derive(Debug)]
pub struct Observed {
    /// Since when the daemon runs.
    pub since: SystemTime,
    /// What is in force.
    pub current: Arc<Current>,
    /// Where findings go.
    pub sinks: Arc<Sinks>,
    /// What was done about them.
    pub responses: Arc<respond::Counts>,
    /// What the receive loop counts.
    pub connections: Arc<Counters>,
    /// What the analyses count.
    pub metrics: Arc<Metrics>,
    /// The sandboxes that live.
    pub registry: Arc<Registry>,
    /// Questions that wait for their workers.
    pub asks: Arc<Asks>,
}
