//! Threat feeds on a host: fetched, kept, vetted by the library, published as one snapshot.
//!
//! The way of a run: [`Config`] says which feeds there are, [`fetch`](fetch::fetch) brings what is new, the library
//! parses and vets it, [`Store`] keeps the last good file of each feed, [`Update`] joins all of them with the bundled
//! lists and [`publish`](publish::publish) replaces the snapshot. The daemon notices by itself.
//!
//! **Invariant**: a feed that breaks changes nothing. Its last good file stays in force, and the reason is told and
//! counted. Nothing that a feed or a crash does leaves half a snapshot.

pub mod config;
pub mod explain;
pub mod fetch;
mod misp;
pub mod publish;
mod seen;
pub mod store;
mod taxii;
pub mod unpack;
pub mod update;
mod zip;

pub use config::{Config, ConfigError, Source};
pub use store::{Locked, State, Store, StoreError};
pub use update::{Fate, Told, Update, UpdateError};
