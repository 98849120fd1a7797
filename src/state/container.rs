//! The containers of a sandbox: in a pod there are several behind one connection.

use std::sync::Arc;

use crate::event::{Nanos, Time};

use super::budget::{Budget, Shared};
use super::files::Files;
use super::metadata::Metadata;
use super::moved::Moved;
use super::net::{Endpoints, Listeners};
use super::process::ProcessSerial;
use super::terminal::Joined;

/// Containers that a sandbox may have. A pod has a handful, and each restart is a new one; a sentry that was taken over
/// can invent any number. One goes whose
/// processes are gone, or that was silent for [`SILENCE`].
pub(crate) const MAX_CONTAINERS: usize = 64;

/// From when on a container may go whose processes were not seen to end. A sentry that floods with claims is faster.
pub(crate) const SILENCE: Nanos = Nanos::from_mins(60);

/// The longest container id that is kept, in bytes. Runtimes use 64 hexadecimal digits.
pub(crate) const MAX_CONTAINER_ID: usize = 256;

/// A container by its place in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerIx(pub u16);

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id as the sentry claims it.
    pub id: Shared<u8>,
    /// Its first process, if its start was seen.
    pub first: Option<ProcessSerial>,
    /// When it was first heard of.
    pub since: Time,
    /// What whoever runs it knows of it.
    pub metadata: Option<Arc<Metadata>>,
    /// When it was last heard of: the largest time that was believed by then.
    pub(crate) last: Time,
    pub(crate) files: Files,
    pub(crate) endpoints: Endpoints,
    pub(crate) listeners: Listeners,
    pub(crate) terminals: Joined,
    pub(crate) moved: Moved,
}

impl Container {
    pub(crate) fn new(id: &[u8], since: Time, budget: &Budget) -> Self {
        Container {
            id: Shared::new(id, budget),
            first: None,
            since,
            metadata: None,
            last: since,
            files: Files::new(budget),
            endpoints: Endpoints::new(budget),
            listeners: Listeners::new(budget),
            terminals: Joined::new(budget),
            moved: Moved::new(budget),
        }
    }

    /// See [`settle`](super::arena::Arena::settle).
    pub(super) fn settle(&mut self) {
        self.files.arena.settle();
        self.endpoints.arena.settle();
    }
}
