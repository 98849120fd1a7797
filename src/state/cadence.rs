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

impl Ring {
    /// The values, oldest first.
    fn in_order(&self) -> impl Iterator<Item = u64> + Clone + '_ {
        let oldest = if self.len < WINDOW { 0 } else { self.next };
        self.values.iter().copied().cycle().skip(oldest).take(self.len)
    }
}

/// The pauses between attempts of something that is tried again.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Ring);

impl Pauses {
    pub(crate) fn note(&mut self, pause: Nanos) {
        self.0.push(u64::try_from(pause.0).unwrap_or(0));
    }

    /// The median pause.
    #[must_use]
    pub fn median(&self) -> Option<Nanos> {
        self.0.median_by(|pause| pause).map(|pause| Nanos(i64::try_from(pause).unwrap_or(i64::MAX)))
    }

    /// By how much a pause is longer than the one before, as the median, in thousandths: about 1000 for an even retry,
    /// 2000 for one that doubles its pauses.
    #[must_use]
    pub fn growth_permille(&self) -> Option<u64> {
        let mut growths = Ring::default();
        for (earlier, later) in self.0.in_order().zip(self.0.in_order().skip(1)) {
            if let Some(growth) = later.saturating_mul(1000).checked_div(earlier) {
                growths.push(growth);
            }
        }
        growths.median_by(|growth| growth)
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
#[expect(clippy::arithmetic_side_effects, reason = "models of tests, over small numbers")]
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

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// What a model says that keeps everything and sorts the last window of it.
        #[test]
        fn medians_are_those_of_the_last_window(steps in proptest::collection::vec((0i64..4000, 0u64..9000), 0..80)) {
            let mut cadence = Cadence::default();
            let mut messages: Vec<(i64, u64)> = Vec::new();
            let mut now = 0;
            for (pause, bytes) in steps {
                now += pause;
                cadence.note(Time(1).after(Nanos::from_millis(now)), bytes);
                match messages.last_mut() {
                    Some((start, size)) if now - *start < 10 => *size += bytes,
                    _ => messages.push((now, bytes)),
                }
            }
            let window = |mut all: Vec<u64>| {
                all.drain(..all.len().saturating_sub(WINDOW));
                all
            };
            let median = |mut values: Vec<u64>| {
                values.sort_unstable();
                values.get(values.len() / 2).copied()
            };
            let starts = messages.windows(2).map(|pair| (pair[1].0 - pair[0].0).unsigned_abs() * 1_000_000);
            let distances = window(starts.collect());
            let period = median(distances.clone());
            let finished = messages.len().saturating_sub(1);
            let sizes = window(messages.iter().take(finished).map(|(_, size)| *size).collect());
            let dispersion = period.filter(|period| *period > 0).and_then(|period| {
                let deviation = median(distances.iter().map(|distance| distance.abs_diff(period)).collect())?;
                Some(deviation * 1000 / period)
            });
            proptest::prop_assert_eq!(cadence.messages(), messages.len() as u64);
            proptest::prop_assert_eq!(cadence.period().map(|period| period.0.unsigned_abs()), period);
            proptest::prop_assert_eq!(cadence.dispersion_permille(), dispersion);
            proptest::prop_assert_eq!(cadence.size(), median(sizes));
        }

        #[test]
        fn growth_is_the_median_of_successive_quotients(pauses in proptest::collection::vec(1u64..1_000_000, 0..50)) {
            let mut kept = Pauses::default();
            pauses.iter().for_each(|pause| kept.note(Nanos(pause.cast_signed())));
            let window = &pauses[pauses.len().saturating_sub(WINDOW)..];
            let mut growths: Vec<u64> = window.windows(2).map(|pair| pair[1] * 1000 / pair[0]).collect();
            growths.sort_unstable();
            proptest::prop_assert_eq!(kept.growth_permille(), growths.get(growths.len() / 2).copied());
        }
    }
}
