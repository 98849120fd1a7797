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
    /// Events that claimed a time long before the one before: a clock was set back, or a thread was held up.
    pub time_backs: u64,
    /// Programs that were run although no event said so.
    pub unseen_execs: u64,
    /// Connects whose end was not told.
    pub unseen_connects: u64,
    /// Calls whose argument was another one when they began.
    pub args_changed: u64,
    /// Whether the sentry claimed the id of a container that is another sandbox's, as far as the host could tell.
    pub claims_other: bool,
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
        self.lost() > 0 || self.unattributed > 0 || self.unseen_execs > 0
    }

    /// Messages that are known not to have come.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped.saturating_add(self.undecodable).saturating_add(self.truncated)
    }

    /// Notes that the sandbox claims to be a container that it is not: what only the host's side can know.
    pub fn note_claim_of_other(&mut self) {
        self.claims_other = true;
    }

    pub(super) fn unseen_exec(&mut self) {
        self.unseen_execs = self.unseen_execs.saturating_add(1);
    }

    pub(super) fn unseen_connect(&mut self) {
        self.unseen_connects = self.unseen_connects.saturating_add(1);
    }

    pub(super) fn arg_changed(&mut self) {
        self.args_changed = self.args_changed.saturating_add(1);
    }

    pub(super) fn time_back(&mut self) {
        self.time_backs = self.time_backs.saturating_add(1);
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
