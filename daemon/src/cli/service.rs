//! What `run` and `record` share: the runtime, the signals, the limits of the process.

use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sluicebox_daemon::serve::{Factory, Options, Server, Totals};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// How a listening command listens, as typed.
#[derive(Debug, Args)]
pub(super) struct Listen {
    /// The socket to listen on
    #[arg(long, value_name = "PATH", default_value = super::session::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// The socket file's permissions, in octal
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = parse_mode)]
    socket_mode: u32,
    /// Threads that receive; half of the processors, at most 4, if not given
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
}

fn parse_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        Ok(_) | Err(_) => Err(String::from("not an octal file mode, such as 660")),
    }
}

impl From<Listen> for Options {
    fn from(typed: Listen) -> Options {
        let mut options = Options::at(typed.socket);
        options.mode = typed.socket_mode;
        if let Some(workers) = typed.workers {
            options.workers = workers;
        }
        options
    }
}

/// Serves until SIGINT or SIGTERM.
pub(super) fn serve(options: Options, factory: impl Factory) -> Result<Totals> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")?;
    runtime.block_on(async {
        // Before the socket exists: whoever sees it may send the signal at once.
        let stop = Stop::new()?;
        make_directory(&options.socket)?;
        let server = Server::bind(options)?;
        info!(socket = %server.path().display(), "listening");
        let totals = server.run(factory, stop.wait()).await?;
        info!(
            connections = totals.served,
            refused = totals.refused,
            packets = totals.packets,
            truncated = totals.truncated,
            "stopped"
        );
        Ok(totals)
    })
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

struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Stop> {
        let catch = |kind| signal(kind).context("signals cannot be caught");
        Ok(Stop { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    async fn wait(mut self) {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        };
        info!(signal = name, "stopping");
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
