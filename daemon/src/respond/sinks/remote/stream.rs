//! Protobuf over a Unix or TCP socket: each finding is a `SecurityEvent` with its length as a varint before it.
//!
//! The receiver sends nothing. What it got when it dies is not known, so what was sent within [`SETTLES`] before is sent
//! again on the next connection.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use sluicebox::finding::Finding;
use sluicebox::finding::proto::SecurityEvent;
use sluicebox::finding::proto::prost::Message;

use super::{SendError, Transport};

/// How long a connection must live on after a record was sent until the record counts as arrived.
const SETTLES: Duration = Duration::from_secs(5);

/// How long connecting may take, and writing one record.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the receiver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket file.
    Unix(PathBuf),
    /// `HOST:PORT`.
    Tcp(String),
}

enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Sends findings over a connection that it makes when there is something to send.
pub struct Stream {
    endpoint: Endpoint,
    socket: Option<Socket>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Stream {
    /// To a receiver that need not be there yet.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Stream {
        Stream { endpoint, socket: None }
    }

    fn connect(&self) -> io::Result<Socket> {
        match &self.endpoint {
            Endpoint::Unix(path) => {
                let socket = UnixStream::connect(path)?;
                socket.set_write_timeout(Some(TIMEOUT))?;
                Ok(Socket::Unix(socket))
            }
            Endpoint::Tcp(name) => {
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in name.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, TIMEOUT) {
                        Ok(socket) => {
                            socket.set_write_timeout(Some(TIMEOUT))?;
                            socket.set_nodelay(true)?;
                            return Ok(Socket::Tcp(socket));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    fn down(&mut self, error: &io::Error) -> SendError {
        self.socket = None;
        SendError::Down(error.to_string())
    }
}

impl Transport for Stream {
    fn encode(&self, finding: &Finding) -> Vec<u8> {
        SecurityEvent::from(finding).encode_length_delimited_to_vec()
    }

    fn send(&mut self, record: &[u8]) -> Result<(), SendError> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.connect().map_err(|error| SendError::Down(error.to_string()))?,
        };
        let written = match &mut socket {
            Socket::Unix(socket) => socket.write_all(record),
            Socket::Tcp(socket) => socket.write_all(record),
        };
        // Half a record spoils the connection, so that is given up with it.
        written.map_err(|error| self.down(&error))?;
        self.socket = Some(socket);
        Ok(())
    }

    fn settles(&self) -> Duration {
        SETTLES
    }

    fn check(&mut self) -> Result<(), SendError> {
        let mut byte = [0];
        let read = match &mut self.socket {
            None => return Err(SendError::Down("the connection was closed".to_owned())),
            Some(Socket::Unix(socket)) => nonblocking(socket, UnixStream::set_nonblocking, &mut byte),
            Some(Socket::Tcp(socket)) => nonblocking(socket, TcpStream::set_nonblocking, &mut byte),
        };
        match read {
            // What a receiver says is not asked for.
            Ok(1..) => Ok(()),
            Ok(0) => Err(self.down(&io::ErrorKind::ConnectionReset.into())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(self.down(&error)),
        }
    }

    fn reset(&mut self) {
        // What is on its way settles on the connection that it was sent on.
    }
}

/// Reads without waiting: an end means that the receiver has gone.
fn nonblocking<S: Read>(
    socket: &mut S,
    set: impl Fn(&S, bool) -> io::Result<()>,
    into: &mut [u8],
) -> io::Result<usize> {
    set(socket, true)?;
    let read = socket.read(into);
    set(socket, false)?;
    read
}
