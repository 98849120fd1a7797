//! Socket addresses as a call was given them.

use std::fmt;
use std::net::SocketAddr;

use super::Text;
use super::record::{Value, field};

/// An address family (`AF_*`, `include/linux/socket.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Family(pub u32);

impl Family {
    /// Local sockets.
    pub const UNIX: Family = Family(1);
    /// IPv4.
    pub const INET: Family = Family(2);
    /// IPv6.
    pub const INET6: Family = Family(10);
    /// The kernel's own messages.
    pub const NETLINK: Family = Family(16);
    /// Raw link layer.
    pub const PACKET: Family = Family(17);

    /// The kernel's name of the family, where we know it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Family::UNIX => Some("AF_UNIX"),
            Family::INET => Some("AF_INET"),
            Family::INET6 => Some("AF_INET6"),
            Family::NETLINK => Some("AF_NETLINK"),
            Family::PACKET => Some("AF_PACKET"),
            _ => None,
        }
    }

    /// The family of an IP address.
    #[must_use]
    pub fn of(addr: SocketAddr) -> Family {
        if addr.is_ipv4() { Family::INET } else { Family::INET6 }
    }

    /// Whether sockets of the family speak IP.
    #[must_use]
    pub fn is_inet(self) -> bool {
        matches!(self, Family::INET | Family::INET6)
    }
}

/// A socket address out of a raw `struct sockaddr`, with IPv4-mapped IPv6 addresses as the IPv4 ones that they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SockAddr<'a> {
    /// None was given.
    #[default]
    Absent,
    /// IPv4 or IPv6.
    Inet(SocketAddr),
    /// A local socket's path, without the stack garbage that may follow its end.
    Unix(Text<'a>),
    /// A local socket's name outside the file system, without its leading NUL.
    Abstract(Text<'a>),
    /// A family that is not looked into.
    Other(Family),
    /// Too short for what its family says.
    Malformed(&'a [u8]),
}

impl SockAddr<'_> {
    /// The IP address and port, if it is one.
    #[must_use]
    pub fn inet(&self) -> Option<SocketAddr> {
        match *self {
            SockAddr::Inet(addr) => Some(addr),
            SockAddr::Absent
            | SockAddr::Unix(_)
            | SockAddr::Abstract(_)
            | SockAddr::Other(_)
            | SockAddr::Malformed(_) => None,
        }
    }
}

impl fmt::Display for SockAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SockAddr::Absent => f.write_str("none"),
            SockAddr::Inet(addr) => addr.fmt(f),
            SockAddr::Unix(path) => path.fmt(f),
            SockAddr::Abstract(name) => write!(f, "@{name}"),
            SockAddr::Other(family) => match family.name() {
                Some(name) => f.write_str(name),
                None => write!(f, "family {}", family.0),
            },
            SockAddr::Malformed(bytes) => write!(f, "malformed address of {} bytes", bytes.len()),
        }
    }
}

field! {
    Family => |it| Value::Unsigned(u64::from(it.0));
    SockAddr<'_> => |it| Value::Addr(*it);
}
