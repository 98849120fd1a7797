//! Who is at the other end, from the host's side: what the kernel says, nothing that the client says.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt};

use crate::identity::process::{Credentials, Policy};
use crate::identity::{Identity, identify};

/// The number of a connection: counted from 1 as they are accepted, never reused while the server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Who connected.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Which connection this is.
    pub connection: ConnectionId,
    /// Who that is, as far as the host knows.
    pub identity: Arc<Identity>,
}

/// What the kernel says of the process that connected, as it was at that moment.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) pid: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Still means that process when `pid` has been reused (SO_PEERPIDFD, Linux 6.5).
    pidfd: Option<OwnedFd>,
    accepted: Instant,
}

impl Caller {
    /// Asks the kernel who is behind `socket`, which was accepted at that time.
    pub(super) fn of(socket: &impl AsFd, accepted: Instant) -> nix::Result<Caller> {
        let credentials = getsockopt(&socket.as_fd(), sockopt::PeerCredentials)?;
        Ok(Caller {
            pid: u32::try_from(credentials.pid()).unwrap_or(0),
            uid: credentials.uid(),
            gid: credentials.gid(),
            // An older kernel does not know the option: absent, not an error.
            pidfd: getsockopt(&socket.as_fd(), sockopt::PeerPidfd).ok(),
            accepted,
        })
    }

    /// Finds out who that is. Reads files: not to be called where others would wait.
    pub(super) fn identify(&self, policy: &Policy) -> Identity {
        let waited: Duration = self.accepted.elapsed();
        let credentials =
            Credentials { pid: self.pid, uid: self.uid, gid: self.gid, pidfd: self.pidfd.as_ref(), waited };
        identify(&credentials, policy)
    }
}
