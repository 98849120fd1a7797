//! What `run` and `record` share: the runtime, the signals, the limits of the process.

use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sluicebox_daemon::config::{DEFAULT_SOCKET, Mode};
use sluicebox_daemon::serve::{Counters, Factory, Options, Server, Totals};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// How a listening command listens, as typed.
#[derive(Debug, Args)]
pub(super) struct Listen {
    /// The socket to listen on
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// The socket file's permissions, in octal
    #[arg(long, value_name = "MODE", default_value = "600")]
    socket_mode: Mode,
    /// Threads that receive; half of the processors, at most 4, if not given
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
}

impl From<Listen> for Options {
    fn from(typed: Listen) -> Options {
        let mut options = Options::at(typed.socket);
        options.mode = typed.socket_mode.0;
        if let Some(workers) = typed.workers {
            options.workers = workers;
        }
        options
    }
}

/// A server that listens, and the signals that it obeys.
pub(super) struct Service {
    runtime: Runtime,
    server: Server,
    signals: Signals,
}

impl Service {
    /// Listens; clients that come now wait until [`Service::run`].
    pub(super) fn bind(options: Options, on_hangup: OnHangup) -> Result<Service> {
        raise_descriptor_limit();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime does not start")?;
        let (signals, server) = runtime.block_on(async {
            // Before the socket exists: whoever sees it may send a signal at once.
            let signals = Signals::new(on_hangup)?;
            make_directory(&options.socket)?;
            Ok::<_, anyhow::Error>((signals, Server::bind(options)?))
        })?;
        Ok(Service { runtime, server, signals })
    }

    /// What the server counts.
    pub(super) fn counters(&self) -> Arc<Counters> {
        self.server.counters()
    }

    /// Serves until SIGINT or SIGTERM.
    pub(super) fn run(self, factory: impl Factory) -> Result<Totals> {
        let Service { runtime, server, signals } = self;
        info!(socket = %server.path().display(), "listening");
        let totals = runtime.block_on(server.run(factory, signals.wait()));
        // Whoever is still being looked up hangs in a file system and is not waited for.
        runtime.shutdown_background();
        let totals = totals?;
        info!(
            connections = totals.served,
            refused = totals.refused,
            packets = totals.packets,
            truncated = totals.truncated,
            "stopped"
        );
        Ok(totals)
    }
}

/// Makes the socket's directory where it is missing, as `/run` is empty after every boot. Its parent must exist: a path
/// that was mistyped is not to be built out.
fn make_directory(socket: &Path) -> Result<()> {
    let Some(directory) = socket.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            bail!("cannot make the socket's directory ({error}): {}", directory.display())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What is done at SIGHUP; without it the signal ends the process, as usual.
pub(super) type OnHangup = Option<Action>;

type Action = Box<dyn Fn()>;

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<(Signal, Action)>,
}

impl Signals {
    fn new(on_hangup: OnHangup) -> Result<Signals> {
        let catch = |kind| signal(kind).context("signals cannot be caught");
        let hangup = match on_hangup {
            Some(action) => Some((catch(SignalKind::hangup())?, action)),
            None => None,
        };
        let (interrupt, terminate) = (catch(SignalKind::interrupt())?, catch(SignalKind::terminate())?);
        Ok(Signals { interrupt, terminate, hangup })
    }

    /// Waits for the end.
    async fn wait(self) {
        let Signals { mut interrupt, mut terminate, mut hangup } = self;
        let name = loop {
            tokio::select! {
                _ = interrupt.recv() => break "SIGINT",
                _ = terminate.recv() => break "SIGTERM",
                () = hung_up(&mut hangup) => {}
            }
        };
        info!(signal = name, "stopping");
    }
}

/// Waits for SIGHUP and does what it is for; for ever where it is for nothing.
async fn hung_up(hangup: &mut Option<(Signal, Action)>) {
    match hangup {
        Some((signal, action)) => {
            signal.recv().await;
            action();
        }
        None => std::future::pending().await,
    }
}

/// A connection is a descriptor, and the usual soft limit of 1024 is there for programs that use `select`.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_soft, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        warn!(%error, "the limit of open descriptors stays where it is");
    }
}
