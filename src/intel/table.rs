//! Sorted keys behind an index of their leading bits: an address or a digest is found, or found to be missing, with
//! two or three reads of memory.
//!
//! Digests are evenly spread and so are lists of addresses for the most part. Where they are not, for somebody chose
//! them, a bucket is searched by halves: never worse than the logarithm of all.

use super::bytes::{Fixed, Reader, put_count, put_many};
use super::claim::SaidIx;
use super::snapshot::SnapshotError;

/// Keys that share a bucket, on average. They lie in one or two cache lines.
const PER_BUCKET: usize = 4;

/// Leading bits that the index goes by at most: 64 MiB of it.
const MAX_BITS: u32 = 24;

/// Something that can be looked up.
pub(super) trait Key: Fixed + Ord {
    /// Its first 32 bits, in its order.
    fn leading(&self) -> u32;
}

impl Key for u32 {
    fn leading(&self) -> u32 {
        *self
    }
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
    fn leading(&self) -> u32 {
        self.0
    }
}

/// An IPv6 address with a port, in the order of its bytes.
pub(super) type Endpoint6 = [u8; 18];

impl<const N: usize> Key for [u8; N] {
    fn leading(&self) -> u32 {
        self.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first))
    }
}

/// Sorted keys, with what is said of each.
#[derive(Debug)]
pub(super) struct Table<K> {
    /// How far a key's leading bits are shifted to be a bucket's number.
    shift: u32,
    /// Where each bucket begins, and where the last one ends. Empty if there is no key.
    starts: Box<[u32]>,
    keys: Box<[K]>,
    said: Box<[u32]>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table { shift: 0, starts: Box::default(), keys: Box::default(), said: Box::default() }
    }
}

impl<K: Key> Table<K> {
    /// Of keys that are sorted and different.
    pub(super) fn new(keys: Box<[K]>, said: Box<[u32]>) -> Table<K> {
        if keys.is_empty() {
            return Table::default();
        }
        let bits = keys.len().div_ceil(PER_BUCKET).next_power_of_two().trailing_zeros().clamp(1, MAX_BITS);
        let shift = 32u32.saturating_sub(bits);
        let buckets = 1usize << bits;
        let mut starts = Vec::with_capacity(buckets.saturating_add(1));
        let mut at = 0u32;
        starts.push(0);
        for key in &keys {
            let bucket = usize::try_from(key.leading() >> shift).unwrap_or(usize::MAX);
            // As many starts as buckets up to this one: those between are empty.
            if bucket >= starts.len() {
                starts.resize(bucket.saturating_add(1), at);
            }
            at = at.saturating_add(1);
        }
        starts.resize(buckets.saturating_add(1), at);
        Table { shift, starts: starts.into(), keys, said }
    }

    /// What is said of a key.
    pub(super) fn get(&self, key: &K) -> Option<SaidIx> {
        let bucket = usize::try_from(key.leading().checked_shr(self.shift)?).ok()?;
        let [from, to] = *self.starts.get(bucket..)?.first_chunk::<2>()?;
        let from = usize::try_from(from).ok()?;
        let keys = self.keys.get(from..usize::try_from(to).ok()?)?;
        let at = keys.binary_search(key).ok()?;
        self.said.get(from.checked_add(at)?).copied().map(SaidIx)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.keys)
            .saturating_add(size_of_val(&*self.said))
            .saturating_add(size_of_val(&*self.starts))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.keys.len());
        put_many(out, &self.keys);
        put_many(out, &self.said);
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
