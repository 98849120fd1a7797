//! Raw socket addresses, as calls hand them to the kernel: `struct sockaddr` and its kin.
//!
//! Families are little endian (the host's order), ports and addresses big endian. Sizes are those of
//! `include/uapi/linux/in.h`, `in6.h` and `un.h`. What the kernel would refuse is malformed here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::event::{Family, SockAddr, Text};

/// Room for a path in `struct sockaddr_un`, in bytes.
const SUN_PATH: usize = 108;

/// The address in `raw`. Bytes behind its end are the caller's stack garbage and are ignored.
#[must_use]
pub fn parse(raw: &[u8]) -> SockAddr<'_> {
    let Some((&family, rest)) = raw.split_first_chunk() else {
        return if raw.is_empty() { SockAddr::Absent } else { SockAddr::Malformed(raw) };
    };
    match Family(u32::from(u16::from_le_bytes(family))) {
        Family::INET => inet(rest),
        Family::INET6 => inet6(rest),
        Family::UNIX => unix(rest),
        family => Some(SockAddr::Other(family)),
    }
    .unwrap_or(SockAddr::Malformed(raw))
}

/// `struct sockaddr_in` behind its family: port, address, 8 bytes of padding.
fn inet(rest: &[u8]) -> Option<SockAddr<'_>> {
    let &[p0, p1, a, b, c, d, ..] = rest.first_chunk::<14>()?;
    let addr = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([p0, p1]));
    Some(SockAddr::Inet(SocketAddr::V4(addr)))
}

/// `struct sockaddr_in6` behind its family: port, flow information, address, scope.
fn inet6(rest: &[u8]) -> Option<SockAddr<'_>> {
    let (&port, rest) = rest.split_first_chunk::<2>()?;
    let (_flow, rest) = rest.split_first_chunk::<4>()?;
    let (&octets, rest) = rest.split_first_chunk::<16>()?;
    let scope = u32::from_le_bytes(*rest.first_chunk()?);
    let port = u16::from_be_bytes(port);
    let ip = Ipv6Addr::from(octets);
    if let Some(ip) = ip.to_ipv4_mapped() {
        return Some(SockAddr::Inet(SocketAddr::V4(SocketAddrV4::new(ip, port))));
    }
    // The flow label, and the scope of an address that needs none, do not change where the packets go. The workload
    // chooses both: kept, they would let it make one remote look like many.
    let scope = if ip.is_unicast_link_local() { scope } else { 0 };
    Some(SockAddr::Inet(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope))))
}

/// `struct sockaddr_un` behind its family: a path up to the first NUL, or a NUL and an abstract name.
fn unix(rest: &[u8]) -> Option<SockAddr<'_>> {
    if rest.len() > SUN_PATH {
        return None;
    }
    match rest.split_first() {
        Some((0, name)) => {
            let len = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
            Some(SockAddr::Abstract(Text(name.get(..len)?)))
        }
        _ => {
            let len = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
            Some(SockAddr::Unix(Text(rest.get(..len)?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet6_bytes(octets: [u8; 16], flow: [u8; 4], scope: u32) -> Vec<u8> {
        [&[10, 0, 0x01, 0xbb][..], &flow, &octets, &scope.to_le_bytes()].concat()
    }

    #[test]
    fn ipv4_is_a_port_and_an_address() {
        let raw = [2, 0, 0x0d, 0x05, 203, 0, 113, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(parse(&raw), SockAddr::Inet("203.0.113.10:3333".parse().unwrap()));
    }

    #[test]
    fn ipv6_has_its_address_behind_the_flow_label_which_does_not_count() {
        let ip: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let expected = SockAddr::Inet("[2001:db8::7]:443".parse().unwrap());
        assert_eq!(parse(&inet6_bytes(ip.octets(), [0; 4], 0)), expected);
        assert_eq!(parse(&inet6_bytes(ip.octets(), [1, 2, 3, 4], 9)), expected);
    }

    #[test]
    fn a_link_local_address_keeps_its_scope() {
        let ip: Ipv6Addr = "fe80::1".parse().unwrap();
        let expected = SockAddr::Inet(SocketAddr::V6(SocketAddrV6::new(ip, 443, 0, 2)));
        assert_eq!(parse(&inet6_bytes(ip.octets(), [0; 4], 2)), expected);
    }

    #[test]
    fn a_mapped_ipv4_address_is_ipv4() {
        let ip: Ipv6Addr = "::ffff:203.0.113.10".parse().unwrap();
        let expected = SockAddr::Inet("203.0.113.10:443".parse().unwrap());
        assert_eq!(parse(&inet6_bytes(ip.octets(), [0; 4], 0)), expected);
    }

    #[test]
    fn a_local_path_ends_at_its_first_nul_whatever_lies_behind() {
        let mut raw = b"\x01\0/run/nscd/socket\0\xff\xfestack".to_vec();
        raw.resize(110, 7);
        assert_eq!(parse(&raw), SockAddr::Unix(Text(b"/run/nscd/socket")));
        assert_eq!(parse(b"\x01\0/no/nul"), SockAddr::Unix(Text(b"/no/nul")));
        assert_eq!(parse(b"\x01\0"), SockAddr::Unix(Text(b"")));
    }

    #[test]
    fn an_abstract_name_keeps_inner_nuls_and_loses_those_behind_it() {
        assert_eq!(parse(b"\x01\0\0a\0b\0\0\0"), SockAddr::Abstract(Text(b"a\0b")));
        assert_eq!(parse(b"\x01\0\0\0"), SockAddr::Abstract(Text(b"")));
    }

    #[test]
    fn nothing_is_absent_and_what_the_kernel_would_refuse_is_malformed() {
        assert_eq!(parse(b""), SockAddr::Absent);
        for raw in [&b"\x02"[..], b"\x02\0\x0d\x05\xcb\0\x71", &[10; 27], &[b"\x01\0".as_slice(), &[b'x'; 109]].concat()]
        {
            let raw = if raw[0] == 10 { &[&[10, 0], &raw[2..]].concat() } else { raw };
            assert_eq!(parse(raw), SockAddr::Malformed(raw));
        }
    }

    #[test]
    fn other_families_are_named_and_not_looked_into() {
        assert_eq!(parse(&[16, 0, 1, 2]), SockAddr::Other(Family::NETLINK));
        assert_eq!(parse(&[0, 0]), SockAddr::Other(Family(0)));
    }
}
