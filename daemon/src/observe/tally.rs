//! What one connection adds to the metrics: kept apart, and added once a batch or once a tick.

use sluicebox::engine::Sandbox;
use sluicebox::state::Evictions;
use sluicebox::wire::DecodeError;

use super::metrics::{ERROR_KINDS, Metrics, TYPES};

/// The counts of one connection that are not in the metrics yet.
#[derive(Debug)]
pub struct Tally {
    /// By the number of the message; those that are unknown are the first.
    events: [u32; TYPES],
    /// A bit for each of them that is not 0, so that adding them costs what came.
    touched: u64,
    errors: [u32; ERROR_KINDS.len()],
    has_errors: bool,
    /// What was added already of that which the sandbox counts itself.
    dropped: u64,
    truncated: u64,
    evictions: Evictions,
    partial_matches: u64,
}

// A bit of `touched` for each.
const _: () = assert!(TYPES <= 64);

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            events: [0; TYPES],
            touched: 0,
            errors: [0; ERROR_KINDS.len()],
            has_errors: false,
            dropped: 0,
            truncated: 0,
            evictions: Evictions::default(),
            partial_matches: 0,
        }
    }
}

impl Tally {
    /// Notes a packet and what came of decoding it.
    pub fn packet(&mut self, packet: &[u8], decoded: Result<(), DecodeError>) {
        match decoded {
            Ok(()) => {
                // The header's second field; what was decoded has it.
                let number =
                    packet.get(2..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes);
                let slot = usize::from(number);
                let slot = if slot < TYPES { slot } else { 0 };
                if let Some(count) = self.events.get_mut(slot) {
                    *count = count.saturating_add(1);
                    self.touched |= 1 << slot;
                }
            }
            Err(error) => {
                self.has_errors = true;
                let slot = ERROR_KINDS.iter().position(|kind| *kind == error.kind());
                if let Some(count) = slot.and_then(|slot| self.errors.get_mut(slot)) {
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// Adds what came since the last time: after a batch.
    pub fn add_events(&mut self, metrics: &Metrics) {
        while self.touched != 0 {
            let slot = usize::try_from(self.touched.trailing_zeros()).unwrap_or(0);
            if let Some(count) = self.events.get_mut(slot) {
                metrics.events.add(slot, u64::from(std::mem::take(count)));
            }
            self.touched &= self.touched.wrapping_sub(1);
        }
        if std::mem::take(&mut self.has_errors) {
            for (slot, count) in self.errors.iter_mut().enumerate() {
                metrics.decode_errors.add(slot, u64::from(std::mem::take(count)));
            }
        }
    }

    /// Adds what the sandbox counts itself: at a tick, and at the end.
    pub fn add_state(&mut self, metrics: &Metrics, sandbox: &Sandbox) {
        let (sight, evictions) = (sandbox.state().sight(), sandbox.state().evictions());
        let since = |now: u64, before: &mut u64| now.saturating_sub(std::mem::replace(before, now));
        metrics.dropped.add(since(sight.dropped, &mut self.dropped));
        metrics.truncated.add(since(sight.truncated, &mut self.truncated));
        if evictions != self.evictions {
            metrics.evictions.add(evictions, self.evictions);
            self.evictions = evictions;
        }
        let partial_matches = u64::try_from(sandbox.partial_matches()).unwrap_or(u64::MAX);
        metrics.partial_matches.moved(self.partial_matches, partial_matches);
        self.partial_matches = partial_matches;
    }

    /// Takes back what only the living have.
    pub fn end(&mut self, metrics: &Metrics) {
        metrics.partial_matches.moved(std::mem::take(&mut self.partial_matches), 0);
    }
}

#[cfg(test)]
mod tests {
    use sluicebox::wire::Header;

    use super::*;

    #[test]
    fn what_came_is_added_once_by_its_kind() {
        let metrics = Metrics::default();
        let mut tally = Tally::default();
        let packet = |number: u16| Header::encode(sluicebox::wire::MessageType(number), 0);
        for number in [7, 7, 8, 999, 0] {
            tally.packet(&packet(number), Ok(()));
        }
        let error = sluicebox::wire::decode(b"short").unwrap_err();
        tally.packet(b"short", Err(error));
        tally.add_events(&metrics);
        tally.add_events(&metrics);
        let events: Vec<u64> = [0, 7, 8, 9].map(|slot| metrics.events.get(slot)).to_vec();
        assert_eq!(events, [2, 2, 1, 0]);
        assert_eq!(metrics.decode_errors.total(), 1);
    }
}
