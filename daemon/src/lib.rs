//! Sluicebox on a host: the parts of the `sluicebox` command that an embedder may want as well.
//!
//! [`serve`] is the receive loop for trace events, [`trace`] opens recorded traces, [`record`] writes them, [`play`]
//! sends them, [`dump`] prints them, [`image`] looks into root file systems, [`feeds`] brings threat feeds and
//! publishes a snapshot of them, [`intel`] swaps it while sandboxes are watched, [`analyze`] joins all that with the
//! library's engine.

pub mod analyze;
pub mod dump;
pub mod feeds;
pub mod image;
pub mod intel;
pub mod play;
pub mod record;
pub mod serve;
mod sys;
pub mod trace;
