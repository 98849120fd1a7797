//! Sorted keys behind an index of their leading bits: a digest is found to be missing with one read that misses the
//! processor's cache, and found with two more. That is what a lookup costs; the steps within a bucket do not count.
//!
//! Digests are evenly spread. Where keys are not, for somebody chose them, a bucket is searched by halves: never worse than
//! the logarithm of all.

use super::buckets::Buckets;
use super::bytes::{Fixed, Reader, put_count, put_many};
use super::claim::SaidIx;
use super::snapshot::SnapshotError;

/// Keys that share a bucket, on average. They lie in one or two cache lines.
const PER_BUCKET: usize = 4;

/// Leading bits that the index goes by: a mebibyte of it at most, which stays in a cache of the second level.
const BITS: std::ops::RangeInclusive<u32> = 1..=18;

/// Marks of a bucket that are looked through one by one; in a larger bucket they are not worth it.
const FEW: usize = 32;

/// Something that can be looked up.
pub(super) trait Key: Fixed + Ord {
    /// Whether keys are so long that a bucket's would be spread over many cache lines.
    const IS_LONG: bool;

    /// Its first 32 bits, in its order.
    fn leading(&self) -> u32;

    /// Eight bits that an evenly spread key shares with few others of its bucket.
    fn mark(&self) -> u8;
}

/// An IPv4 address with a port: 32 bits, then 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint4(pub(super) u32, pub(super) u16);

impl Fixed for Endpoint4 {
    const WIDTH: usize = 6;

    fn put(self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn read_all(bytes: &[u8]) -> Box<[Self]> {
        let keys = bytes.as_chunks::<6>().0.iter();
        keys.map(|[a, b, c, d, e, f]| {
            Endpoint4(u32::from_le_bytes([*a, *b, *c, *d]), u16::from_le_bytes([*e, *f]))
        })
        .collect()
    }
}

impl Key for Endpoint4 {
    const IS_LONG: bool = false;

    fn leading(&self) -> u32 {
        self.0
    }

    fn mark(&self) -> u8 {
        0
    }
}

/// An IPv6 address with a port, in the order of its bytes.
pub(super) type Endpoint6 = [u8; 18];

impl<const N: usize> Key for [u8; N] {
    const IS_LONG: bool = true;

    fn leading(&self) -> u32 {
        self.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first))
    }

    fn mark(&self) -> u8 {
        self.last().copied().unwrap_or(0)
    }
}

/// Sorted keys, with what is said of each.
#[derive(Debug)]
pub(super) struct Table<K> {
    buckets: Buckets,
    keys: Box<[K]>,
    /// Of long keys their marks, to be looked through first: most lookups are of what is not there.
    marks: Box<[u8]>,
    said: Numbers,
}

/// What is said of each key. Few different things are said of many keys, so mostly a byte is enough.
#[derive(Debug)]
pub(super) enum Numbers {
    Bytes(Box<[u8]>),
    Words(Box<[u32]>),
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers::Bytes(Box::default())
    }
}

impl Numbers {
    pub(super) fn new(numbers: Box<[u32]>) -> Numbers {
        let bytes: Result<Box<[u8]>, _> = numbers.iter().map(|number| u8::try_from(*number)).collect();
        bytes.map_or(Numbers::Words(numbers), Numbers::Bytes)
    }

    pub(super) fn get(&self, at: usize) -> Option<u32> {
        match self {
            Numbers::Bytes(bytes) => bytes.get(at).copied().map(u32::from),
            Numbers::Words(words) => words.get(at).copied(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Numbers::Bytes(bytes) => bytes.len(),
            Numbers::Words(words) => size_of_val(&**words),
        }
    }

    /// In the file they are words, which is simpler and compresses as well.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Numbers::Bytes(bytes) => {
                out.reserve(bytes.len().saturating_mul(4));
                bytes.iter().for_each(|byte| out.extend_from_slice(&u32::from(*byte).to_le_bytes()));
            }
            Numbers::Words(words) => put_many(out, words),
        }
    }
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table {
            buckets: Buckets::default(),
            keys: Box::default(),
            marks: Box::default(),
            said: Numbers::default(),
        }
    }
}

impl<K: Key> Table<K> {
    /// Of keys that are sorted and different.
    pub(super) fn new(keys: Box<[K]>, said: Box<[u32]>) -> Table<K> {
        let buckets = Buckets::new(keys.iter().map(Key::leading), PER_BUCKET, BITS);
        let marks = if K::IS_LONG { keys.iter().map(Key::mark).collect() } else { Box::default() };
        Table { buckets, keys, marks, said: Numbers::new(said) }
    }

    /// What is said of a key.
    pub(super) fn get(&self, key: &K) -> Option<SaidIx> {
        let bucket = self.buckets.of(key.leading())?;
        let from = bucket.start;
        let keys = self.keys.get(bucket.clone())?;
        let at = match self.marks.get(bucket) {
            // Few keys have the same mark, so at most one of them is read.
            Some(marks) if marks.len() <= FEW => {
                let mark = key.mark();
                let same = marks.iter().zip(keys).position(|(known, found)| *known == mark && found == key);
                same?
            }
            Some(_) | None => keys.binary_search(key).ok()?,
        };
        self.said.get(from.checked_add(at)?).map(SaidIx)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.keys)
            .saturating_add(self.marks.len())
            .saturating_add(self.said.bytes())
            .saturating_add(self.buckets.bytes())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.keys.len());
        put_many(out, &self.keys);
        self.said.encode(out);
    }

    /// Reads it back; `numbers` is how many numbers there are for what is said.
    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<Table<K>, SnapshotError> {
        let count = reader.count()?;
        let keys = reader.many::<K>(count)?;
        let said = said_of(reader, count, numbers)?;
        if !keys.is_sorted_by(|a, b| a < b) {
            return Err(SnapshotError::Inconsistent("keys are not in order"));
        }
        Ok(Table::new(keys, said))
    }
}

/// What is said of `count` entries, each number among `numbers`.
pub(super) fn said_of(
    reader: &mut Reader<'_>,
    count: usize,
    numbers: usize,
) -> Result<Box<[u32]>, SnapshotError> {
    let said = reader.many::<u32>(count)?;
    let largest = said.iter().max().map_or(Some(0), |largest| usize::try_from(*largest).ok());
    if !said.is_empty() && largest.is_none_or(|largest| largest >= numbers) {
        return Err(SnapshotError::Inconsistent("an entry says what nobody claims"));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table<K: Key>(keys: Vec<K>) -> Table<K> {
        let said = (0u32..).take(keys.len()).collect();
        Table::new(keys.into(), said)
    }

    /// Keys that lie close together as well as far apart.
    fn keys() -> impl Strategy<Value = std::collections::BTreeSet<u32>> {
        let key = prop_oneof![any::<u32>(), 0x0a00_0000u32..0x0a00_0400, Just(u32::MAX), Just(0)];
        proptest::collection::btree_set(key, 0..600)
    }

    proptest! {
        #[test]
        fn a_table_finds_what_a_sorted_set_holds(keys in keys(), asked in any::<u32>()) {
            let endpoints = table(keys.iter().map(|key| Endpoint4(*key, 443)).collect());
            let digests = table(keys.iter().map(|key| (u64::from(*key) << 8).to_be_bytes()).collect());
            for key in keys.iter().copied().chain([asked, asked & 0x0a00_03ff]) {
                let place = keys.range(..key).count();
                let expected = keys.contains(&key).then(|| SaidIx(u32::try_from(place).unwrap()));
                prop_assert_eq!(endpoints.get(&Endpoint4(key, 443)), expected);
                prop_assert_eq!(digests.get(&(u64::from(key) << 8).to_be_bytes()), expected);
            }
            prop_assert_eq!(digests.get(&[0xff; 8]), None);
        }
    }
}
