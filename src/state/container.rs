//! The containers of a sandbox: in a pod there are several behind one connection.

use std::sync::Arc;

use crate::event::Time;

use super::Bounds;
use super::files::Files;
use super::net::{Endpoints, Listeners};
use super::process::ProcessSerial;
use super::terminal::Joined;

/// Containers that a sandbox may have. A pod has a handful; a sentry that was taken over can invent any number.
pub(crate) const MAX_CONTAINERS: usize = 64;

/// The longest container id that is kept, in bytes. Runtimes use 64 hexadecimal digits.
pub(crate) const MAX_CONTAINER_ID: usize = 256;

/// A container by its place in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerIx(pub u16);

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id as the sentry claims it.
    pub id: Arc<[u8]>,
    /// Its first process, if its start was seen.
    pub first: Option<ProcessSerial>,
    /// When it was first heard of.
    pub since: Time,
    pub(crate) files: Files,
    pub(crate) endpoints: Endpoints,
    pub(crate) listeners: Listeners,
    pub(crate) terminals: Joined,
}

impl Container {
    pub(crate) fn new(id: &[u8], since: Time, bounds: Bounds) -> Self {
        Container {
            id: id.into(),
            first: None,
            since,
            files: Files::new(bounds.files),
            endpoints: Endpoints::new(bounds.endpoints),
            listeners: Listeners::default(),
            terminals: Joined::default(),
        }
    }
}
