//! Since when a feed names something, where it does not say so itself: when the first file came that did.
//!
//! `NAME.seen` has twelve bytes for each entry of the last good file, in order: eight of its digest, four of the time in
//! seconds since 1970. Should it be lost or broken, all entries are as old as that file.

use sha2::{Digest as _, Sha256};
use sluicebox::intel::feed::Indicator;
use sluicebox::intel::feed::vet::Entry;

use super::update::time;

/// The length of one entry.
const WIDTH: usize = 12;

/// Entries by digest, with the time at which they were first seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(Vec<(u64, u32)>);

impl Seen {
    pub(super) fn read(bytes: &[u8]) -> Seen {
        let (entries, rest) = bytes.as_chunks::<WIDTH>();
        let entry = |[a, b, c, d, e, f, g, h, i, j, k, l]: &[u8; WIDTH]| {
            (u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), u32::from_le_bytes([*i, *j, *k, *l]))
        };
        let seen: Vec<_> = entries.iter().map(entry).collect();
        if rest.is_empty() && seen.is_sorted() { Seen(seen) } else { Seen::default() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(digest, at)| [&digest.to_le_bytes()[..], &at.to_le_bytes()].concat())
            .collect()
    }

    /// Dates the entries that have no date of their own, those that were not there before by `now`; what is gone is
    /// forgotten.
    pub(super) fn date(&self, entries: &mut [Entry], now: u64) -> Seen {
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        let mut seen = Vec::new();
        for entry in entries.iter_mut().filter(|entry| entry.record.first_seen.is_none()) {
            let digest = digest(&entry.record.indicator);
            let at = match self.0.binary_search_by_key(&digest, |(digest, _)| *digest) {
                Ok(at) => self.0.get(at).map_or(now, |(_, at)| *at),
                Err(_) => now,
            };
            entry.record.first_seen = Some(time(u64::from(at)));
            seen.push((digest, at));
        }
        seen.sort_unstable();
        Seen(seen)
    }
}

/// Eight bytes that tell an entry from millions of others.
fn digest(indicator: &Indicator) -> u64 {
    let digest = Sha256::digest(indicator.to_string().as_bytes());
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use sluicebox::intel::feed::{Record, indicator};

    use super::*;

    fn entry(text: &str) -> Entry {
        let record = Record::bare(indicator(text).unwrap(), 1);
        Entry { record, confidence: 50, demoted_by: Vec::new() }
    }

    fn dates(entries: &[Entry]) -> Vec<u64> {
        let seconds =
            |entry: &Entry| u64::try_from(entry.record.first_seen.unwrap().0 / 1_000_000_000).unwrap();
        entries.iter().map(seconds).collect()
    }

    #[test]
    fn an_entry_keeps_its_first_date_as_long_as_it_is_listed() {
        let mut entries = [entry("192.0.2.1"), entry("192.0.2.2")];
        let first = Seen::default().date(&mut entries, 100);
        assert_eq!(dates(&entries), [100, 100]);

        let mut entries = [entry("192.0.2.3"), entry("192.0.2.2")];
        let second = Seen::read(&first.to_bytes()).date(&mut entries, 200);
        assert_eq!(dates(&entries), [200, 100]);

        let mut entries = [entry("192.0.2.1"), entry("192.0.2.2")];
        second.date(&mut entries, 300);
        assert_eq!(dates(&entries), [300, 100], "what was gone is new again");
    }

    #[test]
    fn what_a_feed_says_itself_stays() {
        let mut entries = [entry("192.0.2.1")];
        entries[0].record.first_seen = Some(time(50));
        let seen = Seen::default().date(&mut entries, 100);
        assert_eq!((dates(&entries), seen), (vec![50], Seen::default()));
    }

    #[test]
    fn a_broken_file_says_nothing() {
        let bytes = Seen(vec![(1, 5), (2, 6)]).to_bytes();
        assert_eq!(Seen::read(&bytes[..bytes.len() - 1]), Seen::default());
        let (first, second) = bytes.split_at(WIDTH);
        assert_eq!(Seen::read(&[second, first].concat()), Seen::default(), "out of order");
    }
}
