//! The thread that answers: HTTP and the control socket, each client in a task of its own, a bounded number of them.

use std::fs;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use super::{Observed, control, http};

/// Clients that are answered at once; further ones wait.
const CLIENTS: usize = 16;

/// How long a client may take in all.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long accepting rests after it failed, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Why nobody can be answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The address of the metrics cannot be had.
    #[error("cannot listen for metrics: {address}: {source}")]
    Metrics {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The control socket cannot be made.
    #[error("cannot listen for `status`: {}: {source}", path.display())]
    Control {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no thread or runtime for it.
    #[error("cannot start the thread that answers: {0}")]
    Start(#[from] io::Error),
}

/// The thread that answers. It ends when this is dropped.
#[derive(Debug)]
pub struct Desk {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    control: PathBuf,
    metrics: Option<SocketAddr>,
}

impl Desk {
    /// Listens for whoever asks.
    ///
    /// # Errors
    /// If it cannot.
    pub fn open(
        observed: Arc<Observed>,
        listen: Option<SocketAddr>,
        control: &Path,
    ) -> Result<Desk, DeskError> {
        let http = match listen {
            Some(address) => {
                let failed = |source| DeskError::Metrics { address, source };
                let listener = TcpListener::bind(address).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                Some(listener)
            }
            None => None,
        };
        let metrics = http.as_ref().and_then(|listener| listener.local_addr().ok());
        let socket =
            bind(control).map_err(|source| DeskError::Control { path: control.to_owned(), source })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("observe".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // The sender is only ever dropped.
                    _ = stopped => {}
                    ended = work(observed, http, socket) => {
                        if let Err(error) = ended {
                            warn!(%error, "nobody is answered any more");
                        }
                    }
                }
            });
        })?;
        if let Some(metrics) = metrics {
            info!(address = %metrics, "metrics");
        }
        Ok(Desk { stop: Some(stop), thread: Some(thread), control: control.to_owned(), metrics })
    }

    /// Where metrics are, if they are.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread that answers had panicked");
        }
        // Somebody may have removed it, which is what is wanted.
        drop(fs::remove_file(&self.control));
    }
}

/// Makes the socket, for the owner only. One that nobody listens at is replaced.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers there"));
    }
    // Under another name until its permissions are right: nobody is to connect before.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn work(observed: Arc<Observed>, http: Option<TcpListener>, control: UnixListener) -> io::Result<()> {
    let clients = Arc::new(Semaphore::new(CLIENTS));
    let control = tokio::net::UnixListener::from_std(control)?;
    let http = http.map(tokio::net::TcpListener::from_std).transpose()?;
    let by_socket = async {
        loop {
            match control.accept().await {
                Ok((stream, _)) => admit(&clients, control::serve(stream, Arc::clone(&observed))).await,
                Err(error) => rest(&error).await,
            }
        }
    };
    let by_http = async {
        let Some(http) = http else { return std::future::pending::<()>().await };
        loop {
            match http.accept().await {
                Ok((stream, _)) => admit(&clients, http::serve(stream, Arc::clone(&observed))).await,
                Err(error) => rest(&error).await,
            }
        }
    };
    tokio::join!(by_socket, by_http);
    Ok(())
}

/// Serves a client once there is a place for it.
async fn admit<E: std::fmt::Display + Send + 'static>(
    clients: &Arc<Semaphore>,
    serve: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    // It is never closed.
    let Ok(place) = Arc::clone(clients).acquire_owned().await else { return };
    tokio::spawn(async move {
        match tokio::time::timeout(TIMEOUT, serve).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "a client was not answered"),
            Err(_elapsed) => debug!("a client took too long"),
        }
        drop(place);
    });
}

async fn rest(error: &io::Error) {
    warn!(%error, "a client could not be accepted");
    tokio::time::sleep(PAUSE).await;
}
