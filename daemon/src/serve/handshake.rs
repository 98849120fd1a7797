//! The handshake: the client sends `Handshake{version}` as one packet of its own, the server answers with its version.
//!
//! A client has [`Options::handshake_timeout`](super::Options) for it, each in a task of its own: one that says
//! nothing holds up nobody. The answer is the only thing that a client is ever sent.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, send};
use thiserror::Error;
use uds::tokio::UnixSeqpacketConn;

/// The version that we speak: gVisor's first and, up to 2026, only one.
const VERSION: u8 = 1;

/// Our `Handshake` message: field 1, a varint.
pub(crate) const HELLO: [u8; 2] = [FIELD_VERSION, VERSION];

/// Tag of `Handshake.version`: field 1, wire type 0.
const FIELD_VERSION: u8 = 0x08;

/// The largest handshake in bytes. gVisor's is 2; more than this is somebody who does not speak the protocol.
const MAX_HELLO: usize = 1024;

/// Why a client was turned away.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    #[error("the client said nothing for {0:?}")]
    Silent(Duration),
    #[error("the client left before it said who it is")]
    Left,
    #[error("the first packet ({0} bytes) is no handshake")]
    Garbage(usize),
    #[error("the client speaks version 0, which means none")]
    Version,
    #[error("the handshake failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Waits for the client's part.
pub(super) async fn receive(
    connection: &mut UnixSeqpacketConn,
    timeout: Duration,
) -> Result<(), HandshakeError> {
    let mut buffer = [0; MAX_HELLO];
    let length = tokio::time::timeout(timeout, connection.recv(&mut buffer))
        .await
        .map_err(|_elapsed| HandshakeError::Silent(timeout))??;
    // `recv` does not say whether it cut the packet, so a full buffer counts as too long.
    match buffer.get(..length) {
        Some([]) => Err(HandshakeError::Left),
        Some(hello) if length < MAX_HELLO => match version(hello) {
            Some(0) => Err(HandshakeError::Version),
            Some(_) => Ok(()),
            None => Err(HandshakeError::Garbage(length)),
        },
        Some(_) | None => Err(HandshakeError::Garbage(length)),
    }
}

/// Sends ours. A fresh socket has room for two bytes, so this never waits.
pub(super) fn answer(socket: &OwnedFd) -> Result<(), HandshakeError> {
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    send(socket.as_raw_fd(), &HELLO, flags).map_err(std::io::Error::from)?;
    Ok(())
}

/// The version in a `Handshake` message; nothing if the bytes are no such message.
fn version(hello: &[u8]) -> Option<u8> {
    match hello {
        [FIELD_VERSION, version, ..] => Some(*version),
        _ => None,
    }
}
