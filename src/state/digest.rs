//! What the bytes of an executable hash to, as the sentry says where its session asks for that.

use super::budget::heap_of;
use crate::event::SentryExecve;

/// The digests of an executable. Most sessions ask for none, so that none costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests(Option<Box<Given>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Given {
    sha256: Option<[u8; 32]>,
    sha1: Option<[u8; 20]>,
}

impl Digests {
    /// What an exec tells. A digest of another length is none.
    pub(crate) fn of(exec: &SentryExecve<'_>) -> Digests {
        let given = Given { sha256: exec.sha256.try_into().ok(), sha1: exec.sha1.try_into().ok() };
        Digests((given != Given::default()).then(|| Box::new(given)))
    }

    /// The SHA-256.
    #[must_use]
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.0.as_ref()?.sha256
    }

    /// The SHA-1.
    #[must_use]
    pub fn sha1(&self) -> Option<[u8; 20]> {
        self.0.as_ref()?.sha1
    }

    /// What they cost on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.0.as_ref().map_or(0, |_| heap_of::<Given>(1))
    }
}
