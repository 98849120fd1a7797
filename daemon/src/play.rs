//! Playing a recorded trace into a listening consumer, the way a sentry would send it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket, sockopt,
};
use sluicebox::wire::handshake;
use thiserror::Error;

use crate::serve::MAX_PACKET;

/// The send buffer in bytes. The kernel counts it twice and caps it at `net.core.wmem_max`; a recorded packet fitted
/// the recorded sentry's default buffer, so it fits here even where the cap is the default.
const SEND_BUFFER: usize = 4 * MAX_PACKET;

/// A connection to a consumer, after the handshake.
#[derive(Debug)]
pub struct Player {
    socket: OwnedFd,
    path: PathBuf,
}

/// Why a trace could not be played.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlayError {
    /// Nobody listens there.
    #[error("cannot connect, is a consumer listening there: {}: {source}", path.display())]
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The consumer did not answer the handshake.
    #[error("the consumer closed the connection instead of answering the handshake: {}", .0.display())]
    Refused(PathBuf),
    /// The consumer went away.
    #[error("the consumer closed the connection: {}: {source}", path.display())]
    Send {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in the consumer's socket.
    Whole,
    /// It is larger than the socket's send buffer and was not sent, as it would happen to a sentry.
    TooLarge,
}

impl Player {
    /// Connects to the consumer at `path` and shakes hands.
    ///
    /// # Errors
    /// If nobody listens there, or the handshake is not answered.
    pub fn connect(path: &Path) -> Result<Player, PlayError> {
        let at = |errno: Errno| PlayError::Connect { path: path.to_owned(), source: errno.into() };
        let socket =
            socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).map_err(at)?;
        setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER).map_err(at)?;
        connect(socket.as_raw_fd(), &UnixAddr::new(path).map_err(at)?).map_err(at)?;
        send(socket.as_raw_fd(), &handshake::encode(), MsgFlags::MSG_NOSIGNAL).map_err(at)?;
        let mut answer = [0; handshake::MAX_HANDSHAKE];
        match recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()) {
            Ok(0) | Err(Errno::ECONNRESET) => Err(PlayError::Refused(path.to_owned())),
            Ok(length) if handshake::decode(answer.get(..length).unwrap_or_default()).is_err() => {
                Err(PlayError::Refused(path.to_owned()))
            }
            Ok(_) => Ok(Player { socket, path: path.to_owned() }),
            Err(errno) => Err(at(errno)),
        }
    }

    /// Sends one packet, header and payload, and waits while the consumer's socket is full.
    ///
    /// # Errors
    /// If the consumer has gone.
    pub fn send(&self, packet: &[u8]) -> Result<Sent, PlayError> {
        loop {
            match send(self.socket.as_raw_fd(), packet, MsgFlags::MSG_NOSIGNAL) {
                Ok(_) => return Ok(Sent::Whole),
                Err(Errno::EINTR) => {}
                Err(Errno::EMSGSIZE) => return Ok(Sent::TooLarge),
                Err(errno) => {
                    return Err(PlayError::Send { path: self.path.clone(), source: errno.into() });
                }
            }
        }
    }
}
