//! Who is at the other end, from the host's side: what the kernel says, nothing that the client says.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{getsockopt, sockopt};

/// The number of a connection: counted from 1 as they are accepted, never reused while the server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The process that connected, as it was at that moment.
#[derive(Debug)]
pub struct Peer {
    /// Which connection this is.
    pub connection: ConnectionId,
    /// Its process id (SO_PEERCRED) in our PID namespace; 0 where it lies outside of that.
    pub pid: u32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
    /// A handle that still means that process when `pid` has been reused (SO_PEERPIDFD, Linux 6.5).
    ///
    /// Whoever reads `/proc/PID` must look at this afterwards: as long as it shows the process alive, what was read
    /// was its own.
    pub pidfd: Option<OwnedFd>,
}

impl Peer {
    /// Asks the kernel who is behind `socket`.
    pub(super) fn of(connection: ConnectionId, socket: &OwnedFd) -> nix::Result<Peer> {
        let credentials = getsockopt(&socket.as_fd(), sockopt::PeerCredentials)?;
        Ok(Peer {
            connection,
            pid: u32::try_from(credentials.pid()).unwrap_or(0),
            uid: credentials.uid(),
            gid: credentials.gid(),
            // An older kernel does not know the option: absent, not an error.
            pidfd: getsockopt(&socket.as_fd(), sockopt::PeerPidfd).ok(),
        })
    }
}
