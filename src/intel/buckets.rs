//! An index of sorted keys by their leading bits: where each bucket of keys begins. Reading it is one step that stays in
//! the processor's cache; what lies in a bucket is a line or two of memory.

use std::ops::{Range, RangeInclusive};

/// Where each bucket begins.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// How far a key's leading bits are shifted to be its bucket's number.
    shift: u32,
    /// Where each bucket begins, and where the last one ends. Empty if there is no key.
    starts: Box<[u32]>,
}

impl Buckets {
    /// Of the first 32 bits of all keys in their order, so that about `per_bucket` share a bucket, within a number of
    /// `bits`.
    pub(super) fn new(
        leading: impl ExactSizeIterator<Item = u32>,
        per_bucket: usize,
        bits: RangeInclusive<u32>,
    ) -> Buckets {
        if leading.len() == 0 {
            return Buckets::default();
        }
        let wanted = leading.len().div_ceil(per_bucket.max(1)).next_power_of_two().trailing_zeros();
        let bits = wanted.clamp(*bits.start(), *bits.end());
        let shift = u32::BITS.saturating_sub(bits);
        let buckets = 1usize << bits;
        let mut starts = Vec::with_capacity(buckets.saturating_add(1));
        let mut at = 0u32;
        starts.push(0);
        for leading in leading {
            let bucket = usize::try_from(leading >> shift).unwrap_or(usize::MAX);
            // As many starts as buckets up to this one: those between are empty.
            if bucket >= starts.len() {
                starts.resize(bucket.saturating_add(1), at);
            }
            at = at.saturating_add(1);
        }
        starts.resize(buckets.saturating_add(1), at);
        Buckets { shift, starts: starts.into() }
    }

    /// Where the keys lie that begin with the same bits; nowhere if there is no key at all.
    pub(super) fn of(&self, leading: u32) -> Option<Range<usize>> {
        let bucket = usize::try_from(leading.checked_shr(self.shift)?).ok()?;
        let [from, to] = *self.starts.get(bucket..)?.first_chunk::<2>()?;
        Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
    }

    /// The buckets in their order: the bits that all keys of one begin with, and where those lie.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Range<usize>)> + '_ {
        let bounds = self.starts.iter().zip(self.starts.iter().skip(1));
        (0u32..).zip(bounds).filter_map(|(bucket, (from, to))| {
            let range = usize::try_from(*from).ok()?..usize::try_from(*to).ok()?;
            Some((bucket.checked_shl(self.shift)?, range))
        })
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.starts)
    }
}
