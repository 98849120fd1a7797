//! What a process did before its clone was seen: done again on what it inherits once the clone says from whom.
//!
//! A shell's child moves its descriptors and runs its program within microseconds, and its thread may report before
//! its maker's does. Bound: [`MAX_OPS`] calls; a process that did more had its time, or no clone will come.

use super::budget::heap_of;
use super::fds::TableOp;

/// Calls that are kept. Between a clone and the exec that follows it a shell makes a dozen; an interpreter that starts
/// makes hundreds, but by then the clone was seen.
const MAX_OPS: usize = 32;

/// What a process did before its clone was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Early {
    ops: Vec<TableOp>,
    log: Log,
    /// Whether its program is its own.
    pub(crate) program: Own,
    /// Whether its working directory is its own.
    pub(crate) cwd: Own,
    /// Whether it made processes that took their lineage from it.
    pub(crate) offspring: Offspring,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Log {
    /// It has every call.
    #[default]
    Whole,
    /// There were too many.
    Cut,
}

/// Whether the process set something itself or had it from its maker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Own {
    /// From its maker.
    #[default]
    Inherited,
    /// It did.
    Set,
}

/// Whether a process made others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Offspring {
    /// None.
    #[default]
    None,
    /// Some.
    Some,
}

impl Early {
    /// Notes what a call did to the descriptors.
    pub(crate) fn note(&mut self, op: TableOp) {
        if self.ops.len() >= MAX_OPS {
            self.log = Log::Cut;
            self.ops = Vec::new();
        }
        if self.log == Log::Whole {
            self.ops.push(op);
        }
    }

    /// What it takes on the heap.
    pub(crate) fn heap(&self) -> usize {
        heap_of::<Early>(1).saturating_add(heap_of::<TableOp>(self.ops.capacity()))
    }

    /// All that was done to the descriptors, unless it was too much.
    pub(crate) fn ops(&self) -> Option<&[TableOp]> {
        match self.log {
            Log::Whole => Some(&self.ops),
            Log::Cut => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fd;

    #[test]
    fn what_is_kept_is_all_or_nothing() {
        let mut early = Early::default();
        for fd in 0..32 {
            early.note(TableOp::Close(Fd(fd)));
        }
        assert_eq!(early.ops().map(<[TableOp]>::len), Some(32));
        for _ in 0..100 {
            early.note(TableOp::Exec);
            assert_eq!(early.ops(), None);
        }
    }
}
