//! Addresses: with a port, alone, and in prefixes. Nearly all lookups are of an address that nobody names.

use std::net::{IpAddr, Ipv6Addr};

use smallvec::SmallVec;

use super::addresses::Addresses;
use super::bytes::Reader;
use super::claim::{PrefixLen, SaidIx, Scope};
use super::nest::{Address, Nest};
use super::snapshot::SnapshotError;
use super::table::{Endpoint4, Endpoint6, Table};

/// What is said of one address, closest first.
pub(super) type Said = SmallVec<[(Scope, SaidIx); 2]>;

#[derive(Debug, Default)]
pub(super) struct IpIndex {
    pub(super) v4: Addresses,
    pub(super) endpoints4: Table<Endpoint4>,
    pub(super) nets4: Nest<u32>,
    pub(super) endpoints6: Table<Endpoint6>,
    /// Single addresses are prefixes of 128 bits.
    pub(super) nets6: Nest<u128>,
}

impl IpIndex {
    pub(super) fn lookup(&self, addr: IpAddr, port: Option<u16>) -> Said {
        // An IPv4 address may come in the clothes of an IPv6 one, through a socket of that family.
        match addr.to_canonical() {
            IpAddr::V4(v4) => {
                let addr = u32::from(v4);
                let mut said = Said::new();
                if let Some(found) = port.and_then(|port| self.endpoints4.get(&Endpoint4(addr, port))) {
                    said.push((Scope::Exact, found));
                }
                if let Some(found) = self.v4.get(addr) {
                    said.push((Scope::Address, found));
                }
                said.extend(scoped(&self.nets4, addr));
                said
            }
            IpAddr::V6(v6) => {
                let mut said = Said::new();
                if let Some(found) = port.and_then(|port| self.endpoints6.get(&endpoint6(v6, port))) {
                    said.push((Scope::Exact, found));
                }
                said.extend(scoped(&self.nets6, u128::from(v6)));
                said
            }
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.v4.encode(out);
        self.endpoints4.encode(out);
        self.nets4.encode(out);
        self.endpoints6.encode(out);
        self.nets6.encode(out);
    }

    pub(super) fn decode(reader: &mut Reader<'_>, numbers: usize) -> Result<IpIndex, SnapshotError> {
        Ok(IpIndex {
            v4: Addresses::decode(reader, numbers)?,
            endpoints4: Table::decode(reader, numbers)?,
            nets4: Nest::decode(reader, numbers)?,
            endpoints6: Table::decode(reader, numbers)?,
            nets6: Nest::decode(reader, numbers)?,
        })
    }
}

fn scoped<A: Address>(nest: &Nest<A>, addr: A) -> impl Iterator<Item = (Scope, SaidIx)> + '_ {
    nest.holding(addr).map(|(length, said)| {
        let scope = if length == A::BITS { Scope::Address } else { Scope::Prefix(PrefixLen(length)) };
        (scope, said)
    })
}

pub(super) fn endpoint6(addr: Ipv6Addr, port: u16) -> Endpoint6 {
    let mut key = [0; 18];
    for (slot, byte) in key.iter_mut().zip(addr.octets().into_iter().chain(port.to_be_bytes())) {
        *slot = byte;
    }
    key
}
