//! Sluicebox on a host: the parts of the `sluicebox` command that an embedder may want as well.
//!
//! [`serve`] is the receive loop for trace events, [`identity`] finds out whose they are, [`registry`] is who is connected,
//! [`notice`] what is found about connections themselves, [`trace`] opens recorded traces, [`record`] writes them, [`play`]
//! sends them, [`dump`] prints them, [`image`] looks into root file systems, [`feeds`] brings threat feeds and
//! publishes a snapshot of them, which [`intel`] reads, as [`rules`] reads rules and [`config`] settings; [`reload`]
//! changes them while sandboxes are watched, [`analyze`] joins all that with the library's engine, and [`respond`] tells
//! of what was found. [`watch`] is all of it for one connection, and [`mod@bench`] measures it.

pub mod analyze;
pub mod bench;
pub mod config;
pub mod dump;
pub mod feeds;
pub mod identity;
pub mod image;
pub mod intel;
pub mod notice;
pub mod observe;
pub mod play;
pub mod record;
pub mod registry;
pub mod reload;
pub mod respond;
pub mod rules;
pub mod serve;
mod sys;
pub mod trace;
pub mod watch;
