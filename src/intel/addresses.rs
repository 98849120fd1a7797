//! IPv4 addresses, of which lists have millions. A bucket is named by the first half of an address at least, so only the
//! second half is kept: a miss reads the index and one line of memory, a hit one more for what is said.

use super::buckets::Buckets;
use super::bytes::{Reader, put_count, put_many};
use super::claim::SaidIx;
use super::snapshot::SnapshotError;
use super::table::{Numbers, said_of};

/// Addresses that share a bucket, on average: their halves lie in one line of memory.
const PER_BUCKET: usize = 16;

/// Leading bits that the index goes by: those that are not kept at least, a mebibyte of it at most.
const BITS: std::ops::RangeInclusive<u32> = 16..=18;

/// Sorted addresses, with what is said of each.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    buckets: Buckets,
    /// The last 16 bits of each.
    halves: Box<[u16]>,
    said: Numbers,
}

/// The last 16 bits.
fn half(addr: u32) -> u16 {
    let [_, _, high, low] = addr.to_be_bytes();
    u16::from_be_bytes([high, low])
}

impl Addresses {
    /// Of addresses that are sorted and different.
    pub(super) fn new(addrs: &[u32], said: Box<[u32]>) -> Addresses {
        Addresses {
            buckets: Buckets::new(addrs.iter().copied(), PER_BUCKET, BITS),
            halves: addrs.iter().map(|addr| half(*addr)).collect(),
            said: Numbers::new(said),
        }
    }

    /// What is said of an address.
    pub(super) fn get(&self, addr: u32) -> Option<SaidIx> {
        let bucket = self.buckets.of(addr)?;
        let from = bucket.start;
        let at = self.halves.get(bucket)?.binary_search(&half(addr)).ok()?;
        self.said.get(from.checked_add(at)?).map(SaidIx)
    }

    pub(super) fn len(&self) -> usize {
        self.halves.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.halves).saturating_add(self.said.bytes()).saturating_add(self.buckets.bytes())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.halves.len());
        for (leading, range) in self.buckets.all() {
            let halves = self.halves.get(range).unwrap_or_default();
            halves.iter().for_each(|half| put_many(out, &[leading | u32::from(*half)]));
        }
        self.said.encode(out);
    }

    /// Reads it back; `numbers` is how many numbers there are for what is said.
    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<Addresses, SnapshotError> {
        let count = reader.count()?;
        let addrs = reader.many::<u32>(count)?;
        let said = said_of(reader, count, numbers)?;
        if !addrs.is_sorted_by(|a, b| a < b) {
            return Err(SnapshotError::Inconsistent("addresses are not in order"));
        }
        Ok(Addresses::new(&addrs, said))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Addresses that lie close together as well as far apart.
    fn addrs() -> impl Strategy<Value = BTreeSet<u32>> {
        let addr = prop_oneof![any::<u32>(), 0x0a00_0000u32..0x0a00_0400, Just(u32::MAX), Just(0)];
        proptest::collection::btree_set(addr, 0..600)
    }

    proptest! {
        #[test]
        fn addresses_are_found_as_in_a_sorted_set_and_come_back_from_a_file(addrs in addrs(), asked in any::<u32>()) {
            let sorted: Vec<u32> = addrs.iter().copied().collect();
            let built = Addresses::new(&sorted, (0u32..).take(sorted.len()).collect());
            let mut bytes = Vec::new();
            built.encode(&mut bytes);
            let read = Addresses::decode(&mut Reader::new(&bytes), sorted.len()).unwrap();
            for addr in sorted.iter().copied().chain([asked, asked & 0x0a00_03ff]) {
                let place = addrs.range(..addr).count();
                let expected = addrs.contains(&addr).then(|| SaidIx(u32::try_from(place).unwrap()));
                prop_assert_eq!(built.get(addr), expected);
                prop_assert_eq!(read.get(addr), expected);
            }
            prop_assert_eq!(read.len(), sorted.len());
        }
    }

    #[test]
    fn a_crowded_bucket_and_the_largest_index_give_back_what_they_were_given() {
        // A whole /15 and one address in each of the others: more than the smallest index is for.
        let addrs: BTreeSet<u32> = (0..1u32 << 17)
            .map(|low| 0x0b00_0000 | low)
            .chain((0..1u32 << 21).map(|high| high << 11))
            .collect();
        let sorted: Vec<u32> = addrs.into_iter().collect();
        let built = Addresses::new(&sorted, (0u32..).take(sorted.len()).collect());
        let mut bytes = Vec::new();
        built.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let count = reader.count().unwrap();
        assert_eq!(&*reader.many::<u32>(count).unwrap(), sorted.as_slice());
        for at in (0..sorted.len()).step_by(997) {
            assert_eq!(built.get(sorted[at]), Some(SaidIx(u32::try_from(at).unwrap())));
        }
    }
}
