//! Prefixes, some of them within others: all that hold an address, the longest first.
//!
//! Two prefixes are nested or apart, never overlapping. So the last one that begins at or before an address either holds
//! it, or lies within all those that do: each keeps the number of the one around it, and the walk out is as long as
//! prefixes are deep.

use super::bytes::{Fixed, Reader, put_count, put_many};
use super::claim::SaidIx;
use super::snapshot::SnapshotError;
use super::table::said_of;

/// No prefix is around this one.
const OUTERMOST: u32 = u32::MAX;

/// An address as a number.
pub(super) trait Address: Fixed + Ord {
    /// Its bits.
    const BITS: u8;

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

/// Prefixes with what is said of each.
#[derive(Debug)]
pub(super) struct Nest<A> {
    /// Where each begins; those that begin together are sorted by length.
    networks: Box<[A]>,
    lengths: Box<[u8]>,
    /// The number of the next one around each.
    around: Box<[u32]>,
    said: Box<[u32]>,
}

impl<A> Default for Nest<A> {
    fn default() -> Self {
        Nest {
            networks: Box::default(),
            lengths: Box::default(),
            around: Box::default(),
            said: Box::default(),
        }
    }
}

impl<A: Address> Nest<A> {
    /// Of prefixes that are sorted by network, then length, and different.
    pub(super) fn new(networks: Box<[A]>, lengths: Box<[u8]>, said: Box<[u32]>) -> Nest<A> {
        let mut around = Vec::with_capacity(networks.len());
        // Those that hold the one before, the innermost last: as many as a prefix has lengths.
        let mut open: Vec<(u32, A, u8)> = Vec::new();
        for (number, (network, length)) in (0u32..).zip(networks.iter().zip(&lengths)) {
            while open.pop_if(|(_, outer, bits)| !network.shares(*outer, *bits)).is_some() {}
            around.push(open.last().map_or(OUTERMOST, |(number, ..)| *number));
            open.push((number, *network, *length));
        }
        Nest { networks, lengths, around: around.into(), said }
    }

    /// The prefixes that hold the address, the longest first, with their lengths.
    pub(super) fn holding(&self, addr: A) -> impl Iterator<Item = (u8, SaidIx)> + '_ {
        let mut next = self.networks.partition_point(|network| *network <= addr).checked_sub(1);
        std::iter::from_fn(move || {
            // Each step leads to a shorter prefix, so this ends.
            while let Some(at) = next {
                let (network, length) = (self.networks.get(at)?, *self.lengths.get(at)?);
                next = self.around.get(at).and_then(|around| {
                    if *around == OUTERMOST { None } else { usize::try_from(*around).ok() }
                });
                if addr.shares(*network, length) {
                    return Some((length, SaidIx(*self.said.get(at)?)));
                }
            }
            None
        })
    }

    pub(super) fn len(&self) -> usize {
        self.networks.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.networks)
            .saturating_add(size_of_val(&*self.lengths))
            .saturating_add(size_of_val(&*self.around))
            .saturating_add(size_of_val(&*self.said))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.networks.len());
        put_many(out, &self.networks);
        put_many(out, &self.lengths);
        put_many(out, &self.said);
    }

    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<Nest<A>, SnapshotError> {
        let count = reader.count()?;
        let networks = reader.many::<A>(count)?;
        let lengths = reader.many::<u8>(count)?;
        let said = said_of(reader, count, numbers)?;
        let mut prefixes = networks.iter().zip(&lengths);
        if !prefixes.all(|(network, length)| *length <= A::BITS && network.ends_at(*length)) {
            return Err(SnapshotError::Inconsistent("a prefix has bits behind its end"));
        }
        if !networks.iter().zip(&lengths).is_sorted_by(|a, b| a < b) {
            return Err(SnapshotError::Inconsistent("prefixes are not in order"));
        }
        Ok(Nest::new(networks, lengths, said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_around_an_address_is_found_the_longest_first() {
        let prefixes = [
            (0x0a00_0000u32, 8u8),
            (0x0a01_0000, 16),
            (0x0a01_0000, 24),
            (0x0a01_0200, 24),
            (0x0b00_0000, 9),
        ];
        let (networks, lengths): (Vec<u32>, Vec<u8>) = prefixes.into_iter().unzip();
        let nest = Nest::new(networks.into(), lengths.into(), Box::new([0, 1, 2, 3, 4]));
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
        let nest = Nest::new(Box::new([0u128, 7]), Box::new([0, 128]), Box::new([0, 1]));
        assert_eq!(nest.holding(7).map(|(length, _)| length).collect::<Vec<_>>(), [128, 0]);
        assert_eq!(nest.holding(8).map(|(length, _)| length).collect::<Vec<_>>(), [0]);
    }
}
