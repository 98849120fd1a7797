//! Events of sockets, and what the sentry says of a descriptor that it resolved itself.

use super::record::record;
use super::{Call, Family, Fd, FdFlags, Ino, SockAddr, Text};

record! {
    /// socket(2).
    #[derive(Copy, Default, Eq)]
    pub struct Socket {
        /// Which call, and how it ended.
        pub call: Call,
        /// The address family.
        pub domain: Family,
        /// The type with its flags (`SOCK_*`), see [`Socket::kind`].
        pub kind_and_flags: i32,
        /// The protocol.
        pub protocol: i32,
    }
}

/// The low bits of a socket's type that are the type (`SOCK_TYPE_MASK`, `include/linux/net.h`).
const SOCK_TYPE_MASK: i32 = 0xf;

impl Socket {
    /// The socket's type without flags: 1 stream, 2 datagram, 3 raw, 5 sequenced packets.
    #[must_use]
    pub fn kind(&self) -> i32 {
        self.kind_and_flags & SOCK_TYPE_MASK
    }

    /// The flags beside the type.
    #[must_use]
    pub fn flags(&self) -> FdFlags {
        FdFlags::from_bits_retain((self.kind_and_flags & !SOCK_TYPE_MASK).cast_unsigned())
    }
}

record! {
    /// connect(2). `EINPROGRESS` is the normal end for a socket that does not block.
    #[derive(Default)]
    pub struct Connect<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The socket.
        pub fd: Fd,
        /// Where it leads: `socket:[n]`.
        pub fd_path: Text<'a>,
        /// Whereto.
        pub address: SockAddr<'a>,
    }
}

record! {
    /// bind(2).
    #[derive(Default)]
    pub struct Bind<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The socket.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// The local address.
        pub address: SockAddr<'a>,
    }
}

record! {
    /// accept(2) and accept4(2). The new descriptor is the call's result; the address is valid on exit only.
    #[derive(Default)]
    pub struct Accept<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The listening socket.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// Who connected.
        pub address: SockAddr<'a>,
        /// Flags of accept4(2).
        pub flags: FdFlags,
    }
}

record! {
    /// listen(2) (gVisor of 2026; a raw call elsewhere).
    #[derive(Default)]
    pub struct Listen<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The socket.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// Connections that may wait.
        pub backlog: i32,
        /// The local address.
        pub address: SockAddr<'a>,
        /// The address family.
        pub family: i32,
        /// The socket's type.
        pub socket_type: i32,
    }
}

record! {
    /// socketpair(2). The descriptors are valid on exit only.
    #[derive(Copy, Default, Eq)]
    pub struct SocketPair {
        /// Which call, and how it ended.
        pub call: Call,
        /// The address family.
        pub domain: Family,
        /// The type with its flags.
        pub kind_and_flags: i32,
        /// The protocol.
        pub protocol: i32,
        /// One end.
        pub first: Fd,
        /// The other.
        pub second: Fd,
    }
}

record! {
    /// What the sentry says of a descriptor (gVisor of 2026).
    #[derive(Default)]
    pub struct FdInfo<'a> {
        /// Its `st_mode`.
        pub mode: u32,
        /// Its inode.
        pub ino: Ino,
        /// Where it leads.
        pub path: Text<'a>,
        /// Its ends, if it is a socket.
        pub socket: Option<SocketInfo<'a>>,
    }
}

record! {
    /// The two ends of a socket.
    #[derive(Default)]
    pub struct SocketInfo<'a> {
        /// The address family.
        pub family: Family,
        /// Our end.
        pub local: Option<SocketIp<'a>>,
        /// The other end.
        pub remote: Option<SocketIp<'a>>,
    }
}

record! {
    /// One end of a socket. The port can come in either byte order: with host networking it is swapped.
    #[derive(Default)]
    pub struct SocketIp<'a> {
        /// The address family.
        pub family: Family,
        /// 4 or 16 bytes.
        pub ip: &'a [u8],
        /// The port, possibly with its bytes swapped.
        pub port: u32,
    }
}
