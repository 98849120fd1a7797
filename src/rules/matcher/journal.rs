//! What becomes of the partial matches of one rule, noted for whoever explains it. Nobody else pays for it: without a
//! journal a note is one comparison at a place where something happened anyway.

use crate::event::Nanos;
use crate::rules::fields::OwnedValue;

/// Which partial match of a rule in a container.
pub(crate) type Serial = u64;

/// Something that became of a partial match.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// An event met a step.
    Took {
        /// Of which partial match.
        partial: Serial,
        /// Which step.
        step: usize,
    },
    /// It was remembered before its turn, and is a step now.
    TookEarly {
        /// Of which partial match.
        partial: Serial,
        /// Which step.
        step: usize,
    },
    /// An event met a step before its turn, and is remembered for as long as order is not trusted.
    Early {
        /// Which step.
        step: usize,
    },
    /// An event was counted, and there are not enough.
    Counted {
        /// Which step.
        step: usize,
        /// By which value.
        by: Option<OwnedValue>,
        /// How many there are, within the rule's time.
        seen: usize,
    },
    /// The value that a step counts by, or counts different ones of, was absent.
    NotCounted {
        /// Which step.
        step: usize,
    },
    /// Its time was over.
    Expired {
        /// Which.
        partial: Serial,
        /// How far beyond its time the event was that showed it.
        over: Nanos,
    },
    /// The rule's `until` held.
    Voided {
        /// Which.
        partial: Serial,
    },
    /// A step was met that had to be absent.
    Broken {
        /// Which.
        partial: Serial,
    },
    /// It had to make room.
    Evicted {
        /// Which.
        partial: Serial,
    },
    /// It was complete, and the rule had matched with these values of `once` before.
    Suppressed {
        /// Which.
        partial: Serial,
    },
    /// It was complete: a match.
    Matched {
        /// Which.
        partial: Serial,
        /// What the match says.
        output: String,
    },
}

/// Notes, if somebody reads them.
#[derive(Debug, Default)]
pub(crate) struct Journal(Option<Vec<Note>>);

impl Journal {
    /// Begins to keep notes.
    pub(super) fn open(&mut self) {
        self.0.get_or_insert_default();
    }

    /// Notes something.
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.0 {
            notes.push(note());
        }
    }

    /// What was noted since the last time.
    pub(super) fn take(&mut self) -> Vec<Note> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
