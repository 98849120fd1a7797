//! What the engine could not see, and what it had to forget: the ground on which a finding stands.

/// Counters of lost sight. All of them only ever grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Messages that the sentry could not send.
    pub dropped: u64,
    /// Messages that could not be decoded.
    pub undecodable: u64,
    /// Messages that were larger than the receive buffer.
    pub truncated: u64,
    /// Messages of a type that this version does not know.
    pub unknown_types: u64,
    /// Events that named no process: without context (an exit-only raw point of the releases before August 2026,
    /// gVisor's `task_syscall.go`), without a thread group, or of one container too many.
    pub unattributed: u64,
    /// Events of processes whose start was not seen.
    pub stubs: u64,
    /// Events that claimed a time too far ahead.
    pub time_jumps: u64,
    /// Descriptors that were too high to be kept.
    pub high_fds: u64,
    last_dropped: u32,
}

impl Sight {
    /// Notes the cumulative drop counter of a message's header, which wraps.
    pub fn note_dropped(&mut self, counter: u32) {
        let more = counter.wrapping_sub(self.last_dropped);
        // A counter that went back a little is a message that was overtaken, not four billion lost ones.
        if more <= u32::MAX / 2 {
            self.dropped = self.dropped.saturating_add(u64::from(more));
            self.last_dropped = counter;
        }
    }

    /// Notes a message that could not be decoded.
    pub fn note_undecodable(&mut self) {
        self.undecodable = self.undecodable.saturating_add(1);
    }

    /// Notes a message that was cut by the receive buffer.
    pub fn note_truncated(&mut self) {
        self.truncated = self.truncated.saturating_add(1);
    }

    /// Notes a message of an unknown type.
    pub fn note_unknown_type(&mut self) {
        self.unknown_types = self.unknown_types.saturating_add(1);
    }

    /// Whether something that matters was lost.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.dropped > 0 || self.undecodable > 0 || self.truncated > 0 || self.unattributed > 0
    }

    pub(super) fn unattributed(&mut self) {
        self.unattributed = self.unattributed.saturating_add(1);
    }

    pub(super) fn stub(&mut self) {
        self.stubs = self.stubs.saturating_add(1);
    }

    pub(super) fn time_jump(&mut self) {
        self.time_jumps = self.time_jumps.saturating_add(1);
    }

    pub(super) fn high_fd(&mut self) {
        self.high_fds = self.high_fds.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_counter_is_cumulative_and_wraps() {
        let mut sight = Sight::default();
        for (counter, total) in [(0, 0), (3, 3), (3, 3), (2, 3), (u32::MAX / 2, 2_147_483_647)] {
            sight.note_dropped(counter);
            assert_eq!(sight.dropped, total, "{counter}");
        }
        sight.note_dropped(u32::MAX - 1);
        sight.note_dropped(4);
        assert_eq!(sight.dropped, u64::from(u32::MAX) + 5);
    }
}
