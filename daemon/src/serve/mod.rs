//! The receive loop: a SOCK_SEQPACKET listener, one connection per sandbox, a consumer per connection.
//!
//! tokio and uds listen, accept and shake hands, which happens once per sandbox; the accepted socket then moves to one
//! of a few worker threads, which receive in batches (`worker`, `batch`). The loop knows nothing of events: what a
//! packet means is the [`Consumer`]'s business, so that analysing, recording and counting run through the same loop.
//! Who a client is ([`identity`](crate::identity)) is asked while it waits for the handshake's answer.
//!
//! Bounds: connections ([`Options::max_connections`]), clients that have not introduced themselves
//! ([`MAX_HANDSHAKES`], [`Options::handshake_timeout`]), bytes per packet ([`MAX_PACKET`]), memory (16 MiB per worker
//! at worst). What a client sends waits in *its* send buffer: a slow consumer slows down that sandbox's sentry.

mod batch;
mod consumer;
mod counters;
mod directory;
mod handshake;
mod listen;
mod peer;
mod places;
mod pool;
mod socket;
mod worker;

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::identity::{Policy, Sandbox};

pub use batch::{MAX_PACKET, SLOTS};
pub use consumer::{Consumer, End, Factory, Flow, LastWords, Refusal};
pub use counters::{Counters, Totals};
pub use listen::{Door, MAX_HANDSHAKES};
pub use peer::{ConnectionId, Peer};

pub(crate) use worker::now;

use directory::{Directory, Doors};
use listen::{Entrance, Whose};
use pool::Pool;
use socket::Listening;

/// How a server listens and receives.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the socket file is made.
    pub socket: PathBuf,
    /// The socket file's permissions. Whoever can connect can make findings up, so: the owner only.
    pub mode: u32,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// Connections that may be open at once; further ones are closed as they come.
    pub max_connections: usize,
    /// Of one process. A `runsc` command has one.
    pub max_per_process: NonZeroUsize,
    /// Of one user who is neither root nor the server's own.
    pub max_per_user: NonZeroUsize,
    /// How long a client may take to introduce itself.
    pub handshake_timeout: Duration,
    /// How long a worker waits after waking up before it drains, when the last batch was not full. Half a millisecond
    /// halves the cost of a packet at 100,000 a second; the sender's buffer holds 278 packets meanwhile.
    pub linger: Duration,
    /// The interval of [`Consumer::tick`].
    pub tick: Duration,
    /// A directory where a runtime says which containers come, each of which gets a socket of its own there.
    pub socket_dir: Option<PathBuf>,
    /// Which programs may say which sandbox it is that connects.
    pub runsc: Policy,
}

impl Options {
    /// The usual options, listening at `socket`.
    #[must_use]
    pub fn at(socket: impl Into<PathBuf>) -> Options {
        Options {
            socket: socket.into(),
            mode: 0o600,
            workers: default_workers(),
            max_connections: 16_384,
            max_per_process: NonZeroUsize::MIN.saturating_add(63),
            max_per_user: NonZeroUsize::MIN.saturating_add(1023),
            handshake_timeout: Duration::from_secs(5),
            linger: Duration::from_micros(500),
            tick: Duration::from_secs(1),
            socket_dir: None,
            runsc: Policy::Installed,
        }
    }
}

/// Half of the processors, at most four: a worker drains a million packets a second, and the host is there for the
/// sandboxes.
fn default_workers() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(processors.div_ceil(2).min(4)).unwrap_or(NonZeroUsize::MIN)
}

/// Why a server could not start or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Somebody else listens there.
    #[error("socket in use by another process, stop it or choose another path: {}", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket is in the way.
    #[error("not a socket, remove it or choose another path: {}", .0.display())]
    NotASocket(PathBuf),
    /// The socket could not be made.
    #[error("cannot listen: {}: {source}", path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory of sockets, or a file in it, cannot be used.
    #[error("{}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is no tokio runtime to accept with.
    #[error("no tokio runtime is running here")]
    NoRuntime,
    /// A worker thread could not be started.
    #[error("cannot start a worker thread: {0}")]
    Start(#[source] std::io::Error),
    /// A worker thread ended though nobody asked it to; its connections are lost.
    #[error("a worker thread ended unexpectedly: {0}")]
    Worker(String),
}

/// The usual options of a [`Receiver`], whose sockets are made one by one.
impl Default for Options {
    fn default() -> Options {
        Options::at(PathBuf::new())
    }
}

/// A server that listens but does not accept yet.
pub struct Server {
    options: Options,
    listening: Listening,
    counters: Arc<Counters>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Server {
    /// Makes the socket file and listens; clients that come now wait until [`Server::run`]. Needs a tokio runtime with
    /// I/O and time.
    ///
    /// # Errors
    /// If the path is taken by a living server or by something that is no socket, or cannot be made.
    pub fn bind(options: Options) -> Result<Server, ServeError> {
        let listening = Listening::bind(&options.socket, options.mode)?;
        Ok(Server { options, listening, counters: Arc::default() })
    }

    /// What the server counts, to be looked at while it runs.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The socket file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.listening.path()
    }

    /// Serves until `stop` is ready. Then: accepts no more, consumes what was sent, closes every connection, ends the
    /// workers and removes the socket file.
    ///
    /// # Errors
    /// If workers cannot be started, or one of them ends by itself.
    pub async fn run(
        self,
        factory: impl Factory,
        stop: impl Future<Output = ()>,
    ) -> Result<Totals, ServeError> {
        let directory = self.options.socket_dir.clone().map(Directory::open).transpose()?;
        let mut receiver = Receiver::start_with(self.options, self.counters, Arc::new(factory))?;
        let entrance = Arc::clone(&receiver.entrance);
        let mut doors = Doors::new();
        let keeping = async {
            match directory {
                Some(directory) => directory.keep(&entrance, &mut doors).await,
                None => std::future::pending().await,
            }
        };
        let door = receiver.entrance.open(self.listening, Whose::Anybodys)?;
        let result = tokio::select! {
            () = stop => Ok(()),
            end = receiver.failed() => Err(end),
            never = keeping => match never {},
        };
        door.close().await;
        for door in doors.into_values() {
            door.close().await;
        }
        let totals = receiver.stop().await;
        result.map(|()| totals)
    }
}

/// Workers without a socket yet: for a runtime that makes one for each of its containers, see
/// [`open_for`](Receiver::open_for).
pub struct Receiver {
    pool: Pool,
    entrance: Arc<Entrance>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("counters", &self.entrance.counters).finish_non_exhaustive()
    }
}

impl Receiver {
    /// Starts the workers. [`Options::socket`] is not used.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start(options: Options, factory: impl Factory) -> Result<Receiver, ServeError> {
        Receiver::start_with(options, Arc::default(), Arc::new(factory))
    }

    fn start_with(
        options: Options,
        counters: Arc<Counters>,
        factory: Arc<dyn Factory>,
    ) -> Result<Receiver, ServeError> {
        let pool = Pool::start(&options, &counters)?;
        let entrance = Arc::new(Entrance::new(options, counters, pool.adopters(), factory));
        Ok(Receiver { pool, entrance })
    }

    /// Makes a socket for one sandbox, which whoever connects to it then is. Nobody else must be able to: its directory is
    /// the caller's to keep closed. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// If the path is taken by a living server or by something that is no socket, or cannot be made.
    pub fn open_for(&self, sandbox: Sandbox, socket: &Path) -> Result<Door, ServeError> {
        let listening = Listening::bind(socket, self.entrance.options.mode)?;
        self.entrance.open(listening, Whose::Its(Arc::new(sandbox)))
    }

    /// Makes a socket for everybody: who a client is its process must tell.
    ///
    /// # Errors
    /// As [`open_for`](Receiver::open_for).
    pub fn open(&self, socket: &Path) -> Result<Door, ServeError> {
        let listening = Listening::bind(socket, self.entrance.options.mode)?;
        self.entrance.open(listening, Whose::Anybodys)
    }

    /// What is counted, to be looked at meanwhile.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.entrance.counters)
    }

    /// Waits until a worker ends by itself, which none should.
    pub async fn failed(&mut self) -> ServeError {
        self.pool.ended().await
    }

    /// Lets nobody in any more, consumes what was sent, closes every connection and ends the workers.
    pub async fn stop(self) -> Totals {
        self.entrance.close().await;
        self.pool.stop().await;
        self.entrance.counters.totals()
    }
}
