//! Sluicebox on a host: the parts of the `sluicebox` command that an embedder may want as well.
//!
//! [`serve`] is the receive loop for trace events, [`trace`] opens recorded traces, [`record`] writes them, [`play`]
//! sends them, [`dump`] prints them, [`image`] looks into root file systems, [`analyze`] joins all that with
//! the library's engine.

pub mod analyze;
pub mod dump;
pub mod image;
pub mod play;
pub mod record;
pub mod serve;
mod sys;
pub mod trace;
