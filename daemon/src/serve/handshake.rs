//! The handshake: the client sends `Handshake{version}` as one packet of its own, the server answers with its version.
//!
//! A client has [`Options::handshake_timeout`](super::Options) for it, each in a task of its own: one that says
//! nothing holds up nobody. The answer is the only thing that a client is ever sent.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, send};
use sluicebox::wire::handshake::{self, MAX_HANDSHAKE};
use thiserror::Error;
use uds::tokio::UnixSeqpacketConn;

/// Why a client was turned away.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("the client said nothing for {0:?}")]
    Silent(Duration),
    #[error("the client left before it said who it is")]
    Left,
    #[error("{0}")]
    Garbage(#[from] handshake::HandshakeError),
    #[error("the handshake failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Waits for the client's part.
pub(super) async fn receive(connection: &mut UnixSeqpacketConn, timeout: Duration) -> Result<(), Refused> {
    // One byte more than is allowed: `recv` cuts without a word, so a packet that is too long must not fit by chance.
    let mut buffer = vec![0; MAX_HANDSHAKE.saturating_add(1)];
    let length = tokio::time::timeout(timeout, connection.recv(&mut buffer))
        .await
        .map_err(|_elapsed| Refused::Silent(timeout))??;
    match buffer.get(..length) {
        Some([]) | None => Err(Refused::Left),
        Some(hello) => {
            handshake::decode(hello)?;
            Ok(())
        }
    }
}

/// Sends ours. A fresh socket has room for two bytes, so this never waits.
pub(super) fn answer(socket: &OwnedFd) -> Result<(), Refused> {
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    send(socket.as_raw_fd(), &handshake::encode(), flags).map_err(std::io::Error::from)?;
    Ok(())
}
