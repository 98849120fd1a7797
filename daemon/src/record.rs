//! Recording: every connection into a trace file of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sluicebox::event::Time;
use sluicebox::wire::tracefile::{TraceError, Writer};
use thiserror::Error;
use tracing::{error, info, warn};

use crate::serve::{Consumer, End, Flow, Peer};

/// Why a recording cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file is there already, or cannot be made.
    #[error("cannot make a trace file ({source}): {}", path.display())]
    Create {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was made, but its beginning cannot be written.
    #[error("cannot write a trace file ({source}): {}", path.display())]
    Begin {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: TraceError,
    },
}

/// Called with the path of each recording when it is finished.
pub type OnFinished = Box<dyn FnMut(&Path) + Send>;

/// A consumer that writes everything that a client sends into a new file.
pub struct Recording {
    path: PathBuf,
    /// Gone once writing has failed.
    writer: Option<Writer<BufWriter<File>>>,
    packets: u64,
    lost: u64,
    on_finished: OnFinished,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recording {
    /// Starts a file for `peer` in `directory`.
    ///
    /// The name is made of the time, the peer's process id and the connection's number: nothing that the client sends
    /// gets into it. A file that exists is never overwritten.
    ///
    /// # Errors
    /// If the file exists or cannot be made.
    pub fn start(directory: &Path, peer: &Peer, on_finished: OnFinished) -> Result<Recording, RecordError> {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let pid = peer.identity.peer.pid.map_or(0, |pid| pid.0);
        let path = directory.join(format!("{millis}-{pid}-{}.trace", peer.connection));
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|source| RecordError::Create { path: path.clone(), source })?;
        let writer = Writer::new(BufWriter::new(file));
        let writer = writer.map_err(|source| RecordError::Begin { path: path.clone(), source })?;
        Ok(Recording { path, writer: Some(writer), packets: 0, lost: 0, on_finished })
    }

    /// Notes that the disk is full or broken: what was written so far stays, the connection is given up.
    fn fail(&mut self, error: &TraceError) {
        error!(path = %self.path.display(), %error, "the recording ends here");
        self.writer = None;
    }

    fn flow(&self) -> Flow {
        if self.writer.is_some() { Flow::Continue } else { Flow::Close }
    }
}

impl Consumer for Recording {
    fn packet(&mut self, packet: &[u8]) {
        let Some(writer) = &mut self.writer else { return };
        match writer.write_packet(packet) {
            Ok(()) => self.packets = self.packets.saturating_add(1),
            Err(error) => self.fail(&error),
        }
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        // Half a packet would look like one that the sentry sent: rather none.
        self.lost = self.lost.saturating_add(1);
    }

    fn batch_end(&mut self) -> Flow {
        self.flow()
    }

    fn tick(&mut self, _now: Time) -> Flow {
        // A crash then costs the last second, not the last buffer of a quiet sandbox.
        if let Some(Err(error)) = self.writer.as_mut().map(Writer::flush) {
            self.fail(&error);
        }
        self.flow()
    }

    fn closed(&mut self, end: End) {
        if let Some(Err(error)) = self.writer.take().map(Writer::finish) {
            self.fail(&error);
        }
        let path = self.path.display();
        if self.lost > 0 {
            warn!(%path, lost = self.lost, "packets that were too long are missing in the recording");
        }
        info!(%path, packets = self.packets, %end, "recorded");
        (self.on_finished)(&self.path);
    }
}
