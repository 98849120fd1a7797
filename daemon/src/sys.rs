//! The one place with unsafe code: taking over a descriptor from a crate that speaks only raw numbers.
//!
//! `uds` predates `OwnedFd`; everything after the handshake (epoll, recvmmsg, SO_PEERPIDFD) wants one.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use uds::nonblocking::UnixSeqpacketConn;

/// The connection's descriptor, still non-blocking, closed when the result is dropped.
#[expect(unsafe_code, reason = "uds 0.4 has no conversion into OwnedFd")]
pub(crate) fn into_owned_fd(connection: UnixSeqpacketConn) -> OwnedFd {
    let raw = connection.into_raw_fd();
    // SAFETY: `into_raw_fd` consumed the connection without closing, so `raw` is open and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(raw) }
}
