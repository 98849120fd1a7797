//! The snapshot of the denylists while sandboxes are watched: noticed, loaded and swapped off the receive loop.
//!
//! A thread of its own looks at the file's identity (device, inode, length, time of change) and reads it when that is
//! another one. Publishing renames, so a new snapshot is a new inode; a file that is being written is never seen. Who
//! watches a sandbox asks for the current snapshot once a batch, which is one atomic load.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sluicebox::intel::{Intel, MAX_SNAPSHOT, SnapshotError};
use thiserror::Error;
use tracing::{info, warn};

/// How often the file is looked at. With [`TICK`] and a load in between, a new snapshot is in force within a second.
const LOOK: Duration = Duration::from_millis(250);

/// How often a connection that says nothing asks for the current snapshot.
pub const TICK: Duration = Duration::from_millis(250);

/// Why a snapshot is not taken. The one in force stays.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not whole.
    #[error("{}: {source}", path.display())]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: SnapshotError,
    },
}

/// Reads a snapshot file.
///
/// # Errors
/// Where it cannot be read or is not whole.
pub fn load(path: &Path) -> Result<Intel, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len().min(MAX_SNAPSHOT);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(MAX_SNAPSHOT.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    Intel::from_bytes(&bytes).map_err(|source| LoadError::Snapshot { path: path.to_owned(), source })
}

/// What tells one file from another under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(path: &Path) -> Option<Identity> {
        let data = fs::metadata(path).ok()?;
        Some(Identity {
            device: data.dev(),
            inode: data.ino(),
            length: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
        })
    }
}

/// The snapshot in force, which all connections share.
#[derive(Debug)]
pub struct Current {
    intel: ArcSwap<Intel>,
    swaps: AtomicU64,
    refused: AtomicU64,
}

impl Current {
    /// A snapshot that is not swapped until a [`Watcher`] does.
    #[must_use]
    pub fn new(intel: Arc<Intel>) -> Current {
        Current { intel: ArcSwap::new(intel), swaps: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    /// The current snapshot, unless it is `known`.
    #[must_use]
    pub fn newer_than(&self, known: &Arc<Intel>) -> Option<Arc<Intel>> {
        let current = self.intel.load();
        (!Arc::ptr_eq(&current, known)).then(|| Arc::clone(&current))
    }

    /// The current snapshot.
    #[must_use]
    pub fn get(&self) -> Arc<Intel> {
        self.intel.load_full()
    }

    /// How often it was swapped.
    #[must_use]
    pub fn swaps(&self) -> u64 {
        self.swaps.load(Ordering::Relaxed)
    }

    /// How many files were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// The thread that looks at the file. It ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Begins to look at `path`, which `current` was loaded from.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(path: PathBuf, current: Arc<Current>) -> io::Result<Watcher> {
        let (stop, stopped) = channel();
        // Nothing: whatever came between the first load and this is loaded once more.
        let mut watch = Watch { path, current, seen: None, replaced: Vec::new() };
        let thread = std::thread::Builder::new().name("intel".to_owned()).spawn(move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                watch.look();
            }
        })?;
        Ok(Watcher { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread that swaps snapshots had panicked");
        }
    }
}

struct Watch {
    path: PathBuf,
    current: Arc<Current>,
    /// The file that was last judged, good or not.
    seen: Option<Identity>,
    /// Snapshots that somebody may still use. Whoever drops the last handle frees hundreds of megabytes: that is to be
    /// this thread and never a worker.
    replaced: Vec<Arc<Intel>>,
}

impl Watch {
    fn look(&mut self) {
        self.replaced.retain(|intel| Arc::strong_count(intel) > 1);
        // A file that is gone says nothing: the snapshot in force stays.
        let Some(found) = Identity::of(&self.path).filter(|found| Some(*found) != self.seen) else { return };
        self.seen = Some(found);
        let begin = Instant::now();
        match load(&self.path) {
            Ok(intel) if intel.generation() == self.current.get().generation() => {}
            Ok(intel) => {
                let generation = intel.generation();
                let before = self.current.intel.swap(Arc::new(intel));
                self.replaced.push(before);
                self.current.swaps.fetch_add(1, Ordering::Relaxed);
                info!(
                    generation,
                    load_ms = begin.elapsed().as_millis(),
                    "another snapshot of the denylists is in force"
                );
            }
            Err(error) => {
                let refused = self.current.refused.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                warn!(%error, refused, "a snapshot of the denylists was refused, the last good one stays in force");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicebox::intel::IntelBuilder;

    use super::*;
    use crate::feeds::publish::publish;

    fn watch(path: &Path) -> Watch {
        let current = Arc::new(Current::new(Arc::new(Intel::seed())));
        Watch { path: path.to_owned(), current, seen: None, replaced: Vec::new() }
    }

    fn snapshot(generation: u64) -> Vec<u8> {
        IntelBuilder::default().build(generation).to_bytes()
    }

    #[test]
    fn a_new_file_is_swapped_in_once_and_a_broken_one_leaves_the_last_good_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("intel");
        let mut watch = watch(&path);
        watch.look();
        assert_eq!((watch.current.swaps(), watch.current.refused()), (0, 0));
        publish(&path, &snapshot(5), 0o600).unwrap();
        watch.look();
        watch.look();
        assert_eq!((watch.current.get().generation(), watch.current.swaps()), (5, 1));
        let mut broken = snapshot(6);
        broken.pop();
        publish(&path, &broken, 0o600).unwrap();
        watch.look();
        watch.look();
        assert_eq!((watch.current.get().generation(), watch.current.refused()), (5, 1));
        fs::remove_file(&path).unwrap();
        watch.look();
        assert_eq!(watch.current.get().generation(), 5);
    }

    #[test]
    fn a_replaced_snapshot_is_freed_here_once_nobody_uses_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("intel");
        let mut watch = watch(&path);
        let used = watch.current.get();
        publish(&path, &snapshot(5), 0o600).unwrap();
        watch.look();
        watch.look();
        assert_eq!(watch.replaced.len(), 1);
        drop(used);
        watch.look();
        assert_eq!(watch.replaced.len(), 0);
    }
}
