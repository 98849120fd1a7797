//! The rhythm of a connection: how far apart its messages are and how large.
//!
//! A mining protocol is a trickle of small messages at even distances. A ring of the last [`WINDOW`] distances and
//! sizes answers with medians, which a few outliers do not move; it is bounded and costs an event two stores.

use crate::event::{Nanos, Time};

/// Messages that the medians look back on. Odd, so that a median is one of the values.
const WINDOW: usize = 15;

/// Writes closer together than this belong to one message: a header and its body, a line in two pieces.
const SAME_MESSAGE: Nanos = Nanos::from_millis(10);

/// The distances and sizes of the last messages in one direction.
#[derive(Clone, Debug, Default)]
pub struct Cadence {
    messages: u64,
    bytes: u64,
    last: Time,
    /// Bytes of the message that is still growing.
    size: u64,
    distances: Ring,
    sizes: Ring,
}

#[derive(Clone, Debug, Default)]
struct Ring {
    values: [u64; WINDOW],
    len: usize,
    next: usize,
}

impl Ring {
    fn push(&mut self, value: u64) {
        if let Some(slot) = self.values.get_mut(self.next) {
            *slot = value;
        }
        self.next = self.next.saturating_add(1) % WINDOW;
        self.len = self.len.saturating_add(1).min(WINDOW);
    }

    fn median_by(&self, key: impl Fn(u64) -> u64) -> Option<u64> {
        let mut sorted = [0; WINDOW];
        let filled = sorted.get_mut(..self.len)?;
        for (slot, value) in filled.iter_mut().zip(self.values) {
            *slot = key(value);
        }
        filled.sort_unstable();
        filled.get(self.len / 2).copied()
    }
}

impl Cadence {
    /// Notes that `bytes` passed at `time`.
    pub(crate) fn note(&mut self, time: Time, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        let distance = time.since(self.last);
        // Late events count into the message that is there: order within milliseconds is not to be trusted.
        if self.messages > 0 && distance < SAME_MESSAGE {
            self.size = self.size.saturating_add(bytes);
            return;
        }
        if self.messages > 0 {
            self.distances.push(u64::try_from(distance.0).unwrap_or(0));
            self.sizes.push(self.size);
        }
        self.messages = self.messages.saturating_add(1);
        self.last = time;
        self.size = bytes;
    }

    /// Messages so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The median distance between messages.
    #[must_use]
    pub fn period(&self) -> Option<Nanos> {
        self.distances
            .median_by(|distance| distance)
            .map(|period| Nanos(i64::try_from(period).unwrap_or(i64::MAX)))
    }

    /// How uneven the distances are: their median absolute deviation over their median, in thousandths.
    #[must_use]
    pub fn dispersion_permille(&self) -> Option<u64> {
        let median = self.distances.median_by(|distance| distance).filter(|median| *median > 0)?;
        let deviation = self.distances.median_by(|distance| distance.abs_diff(median))?;
        deviation.saturating_mul(1000).checked_div(median)
    }

    /// The median size of a message in bytes; the one that is still growing does not count.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.sizes.median_by(|size| size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(times_and_sizes: &[(i64, u64)]) -> Cadence {
        let mut cadence = Cadence::default();
        for (millis, bytes) in times_and_sizes {
            cadence.note(Time(1).after(Nanos::from_millis(*millis)), *bytes);
        }
        cadence
    }

    #[test]
    fn an_even_trickle_has_its_period_and_no_dispersion() {
        let cadence = sends(&[(0, 34), (500, 34), (1000, 35), (1500, 34)]);
        assert_eq!(cadence.messages(), 4);
        assert_eq!(cadence.period(), Some(Nanos::from_millis(500)));
        assert_eq!(cadence.dispersion_permille(), Some(0));
        assert_eq!(cadence.size(), Some(34));
    }

    #[test]
    fn pieces_of_one_message_are_one_message() {
        let cadence = sends(&[(0, 10), (2, 10), (4, 10), (500, 10), (503, 10), (1000, 10)]);
        assert_eq!(cadence.messages(), 3);
        assert_eq!(cadence.size(), Some(30));
        assert_eq!(cadence.bytes(), 60);
    }

    #[test]
    fn bursts_and_pauses_are_uneven() {
        let cadence = sends(&[(0, 1), (20, 1), (40, 1), (9000, 1), (9020, 1), (20_000, 1), (20_030, 1)]);
        assert!(cadence.dispersion_permille().unwrap() > 300);
    }

    #[test]
    fn one_message_has_no_rhythm() {
        let cadence = sends(&[(0, 10)]);
        assert_eq!((cadence.period(), cadence.dispersion_permille(), cadence.size()), (None, None, None));
    }

    #[test]
    fn only_the_last_messages_count() {
        let mut cadence = sends(&[]);
        for step in 0..100 {
            cadence.note(Time(1).after(Nanos::from_millis(step * 50)), 5000);
        }
        for step in 1..=16 {
            cadence.note(Time(1).after(Nanos::from_millis(5000 + step * 1000)), 30);
        }
        assert_eq!(cadence.period(), Some(Nanos::from_millis(1000)));
        assert_eq!(cadence.size(), Some(30));
    }
}
