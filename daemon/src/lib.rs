//! Sluicebox on a host: the parts of the `sluicebox` command that an embedder may want as well.
//!
//! [`serve`] is the receive loop for trace events, [`trace`] opens recorded traces, [`play`] sends them.

pub mod play;
pub mod serve;
mod sys;
