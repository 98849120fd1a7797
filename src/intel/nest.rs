//! Prefixes, some of them within others: all that hold an address, the longest first.
//!
//! Two prefixes are nested or apart, never overlapping. So the last one that begins at or before an address either holds
//! it, or lies within all those that do: each keeps the number of the one around it, and the walk out is as long as
//! prefixes are deep. An index of leading bits leads to that last one.

use super::buckets::Buckets;
use super::bytes::{Fixed, Reader, put_count, put_many};
use super::claim::SaidIx;
use super::snapshot::SnapshotError;
use super::table::said_of;

/// Prefixes that share a bucket of the index, on average.
const PER_BUCKET: usize = 2;

/// Leading bits that the index goes by: a quarter of a mebibyte of it at most.
const BITS: std::ops::RangeInclusive<u32> = 1..=16;

/// No prefix is around this one.
const OUTERMOST: u32 = u32::MAX;

/// An address as a number.
pub(super) trait Address: Fixed + Ord {
    /// Its bits.
    const BITS: u8;

    /// Its first 32 bits.
    fn leading(self) -> u32;

    /// Whether the first `length` bits of both are the same.
    fn shares(self, other: Self, length: u8) -> bool;

    /// Whether there is nothing behind the first `length` bits.
    fn ends_at(self, length: u8) -> bool;
}

macro_rules! address {
    ($integer:ty) => {
        impl Address for $integer {
            #[expect(clippy::cast_possible_truncation, reason = "32 or 128")]
            const BITS: u8 = <$integer>::BITS as u8;

            fn leading(self) -> u32 {
                let bytes = self.to_be_bytes();
                bytes.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first))
            }

            fn shares(self, other: Self, length: u8) -> bool {
                let rest = u32::from(<Self as Address>::BITS.saturating_sub(length));
                (self ^ other).checked_shr(rest).unwrap_or(0) == 0
            }

            fn ends_at(self, length: u8) -> bool {
                self.checked_shl(u32::from(length)).unwrap_or(0) == 0
            }
        }
    };
}

address!(u32);
address!(u128);

/// A prefix, in one line of memory.
#[derive(Clone, Copy, Debug)]
struct Prefix<A> {
    network: A,
    length: u8,
    /// The number of the next one around it.
    around: u32,
    /// What is said of it.
    said: u32,
}

/// Prefixes with what is said of each.
#[derive(Debug)]
pub(super) struct Nest<A> {
    buckets: Buckets,
    /// In the order of where they begin; those that begin together are sorted by length.
    prefixes: Box<[Prefix<A>]>,
}

impl<A> Default for Nest<A> {
    fn default() -> Self {
        Nest { buckets: Buckets::default(), prefixes: Box::default() }
    }
}

impl<A: Address> Nest<A> {
    /// Of prefixes, each a network and its length, that are sorted and different.
    pub(super) fn new(keys: &[(A, u8)], said: &[u32]) -> Nest<A> {
        // Those that hold the one before, the innermost last: as many as a prefix has lengths.
        let mut open: Vec<(u32, A, u8)> = Vec::new();
        let prefixes = (0u32..).zip(keys.iter().zip(said)).map(|(number, ((network, length), said))| {
            while open.pop_if(|(_, outer, bits)| !network.shares(*outer, *bits)).is_some() {}
            let around = open.last().map_or(OUTERMOST, |(number, ..)| *number);
            open.push((number, *network, *length));
            Prefix { network: *network, length: *length, around, said: *said }
        });
        let prefixes = prefixes.collect();
        Nest {
            buckets: Buckets::new(keys.iter().map(|(network, _)| network.leading()), PER_BUCKET, BITS),
            prefixes,
        }
    }

    /// The last prefix that begins at or before the address.
    fn before(&self, addr: A) -> Option<u32> {
        let bucket = self.buckets.of(addr.leading())?;
        let from = bucket.start;
        // Where the bucket has none it is the last one before the bucket.
        let at = self.prefixes.get(bucket)?.partition_point(|prefix| prefix.network <= addr);
        u32::try_from(from.saturating_add(at).checked_sub(1)?).ok()
    }

    /// The prefixes that hold the address, the longest first, with their lengths.
    pub(super) fn holding(&self, addr: A) -> impl Iterator<Item = (u8, SaidIx)> + '_ {
        let mut next = self.before(addr).unwrap_or(OUTERMOST);
        std::iter::from_fn(move || {
            // Each step leads to a shorter prefix, so this ends. There is no prefix of the number that means none.
            while let Some(prefix) = usize::try_from(next).ok().and_then(|next| self.prefixes.get(next)) {
                next = prefix.around;
                if addr.shares(prefix.network, prefix.length) {
                    return Some((prefix.length, SaidIx(prefix.said)));
                }
            }
            None
        })
    }

    pub(super) fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.prefixes).saturating_add(self.buckets.bytes())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.prefixes.len());
        self.prefixes.iter().for_each(|prefix| put_many(out, &[prefix.network]));
        self.prefixes.iter().for_each(|prefix| put_many(out, &[prefix.length]));
        self.prefixes.iter().for_each(|prefix| put_many(out, &[prefix.said]));
    }

    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<Nest<A>, SnapshotError> {
        let count = reader.count()?;
        let networks = reader.many::<A>(count)?;
        let lengths = reader.many::<u8>(count)?;
        let said = said_of(reader, count, numbers)?;
        let keys: Vec<(A, u8)> = networks.into_iter().zip(lengths).collect();
        if !keys.iter().all(|(network, length)| *length <= A::BITS && network.ends_at(*length)) {
            return Err(SnapshotError::Inconsistent("a prefix has bits behind its end"));
        }
        if !keys.is_sorted_by(|a, b| a < b) {
            return Err(SnapshotError::Inconsistent("prefixes are not in order"));
        }
        Ok(Nest::new(&keys, &said))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nest<A: Address>(keys: &[(A, u8)]) -> Nest<A> {
        Nest::new(keys, &(0u32..).take(keys.len()).collect::<Vec<_>>())
    }

    #[test]
    fn every_prefix_around_an_address_is_found_the_longest_first() {
        let nest = nest(&[
            (0x0a00_0000u32, 8u8),
            (0x0a01_0000, 16),
            (0x0a01_0000, 24),
            (0x0a01_0200, 24),
            (0x0b00_0000, 9),
        ]);
        let found = |addr: u32| nest.holding(addr).map(|(length, _)| length).collect::<Vec<_>>();
        assert_eq!(found(0x0a01_0001), [24, 16, 8]);
        assert_eq!(found(0x0a01_0101), [16, 8], "between two longer ones");
        assert_eq!(found(0x0a01_02ff), [24, 16, 8]);
        assert_eq!(found(0x0aff_ffff), [8]);
        assert!(found(0x0b80_0000).is_empty());
        assert!(found(0x0900_0000).is_empty());
    }

    #[test]
    fn the_whole_internet_and_a_single_address_are_prefixes_as_well() {
        let nest = nest(&[(0u128, 0), (7, 128)]);
        assert_eq!(nest.holding(7).map(|(length, _)| length).collect::<Vec<_>>(), [128, 0]);
        assert_eq!(nest.holding(8).map(|(length, _)| length).collect::<Vec<_>>(), [0]);
    }

    fn mask(length: u8) -> u32 {
        u32::MAX.checked_shl(32u32.saturating_sub(u32::from(length))).unwrap_or(0)
    }

    /// Prefixes of all lengths, many of them within others.
    fn prefixes() -> impl Strategy<Value = Vec<(u32, u8)>> {
        let addr = prop_oneof![any::<u32>(), 0x0a00_0000u32..0x0a00_1000, Just(u32::MAX), Just(0)];
        let prefix = (addr, 0..=32u8).prop_map(|(addr, length)| (addr & mask(length), length));
        proptest::collection::btree_set(prefix, 0..300).prop_map(|set| set.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_holds_an_address_is_what_a_look_at_every_prefix_finds(
            prefixes in prefixes(),
            asked in proptest::collection::vec(any::<u32>(), 20),
        ) {
            let built = nest(&prefixes);
            // The same, far below the bits that the index goes by.
            let below = |(network, length): &(u32, u8)| (u128::from(*network) << 32, length.saturating_add(64));
            let wide = nest(&prefixes.iter().map(below).collect::<Vec<_>>());
            let near = asked.iter().map(|addr| 0x0a00_0000 | (addr & 0xfff));
            let edges = prefixes.iter().flat_map(|(network, _)| [*network, network.wrapping_sub(1)]);
            for addr in asked.iter().copied().chain(near).chain(edges) {
                let holds = |(network, length): &(u32, u8)| (network ^ addr) & mask(*length) == 0;
                let numbered = (0u32..).zip(&prefixes).filter(|(_, prefix)| holds(prefix));
                let mut expected: Vec<_> = numbered.map(|(number, prefix)| (prefix.1, SaidIx(number))).collect();
                expected.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
                prop_assert_eq!(built.holding(addr).collect::<Vec<_>>(), expected.clone());
                let in_wide = wide.holding(u128::from(addr) << 32);
                let in_wide = in_wide.map(|(length, said)| (length.saturating_sub(64), said));
                prop_assert_eq!(in_wide.collect::<Vec<_>>(), expected);
            }
        }
    }
}
