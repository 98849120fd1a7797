//! What is kept between runs: of each feed its last good file and what came of it, and a lock against two runs.
//!
//! `NAME.feed` is the last file that was accepted, as it was unpacked. `NAME.json` says what was known of it. The file is
//! written first: should only that be done, the next run fetches once more. `NAME.seen` says since when its entries are there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::fetch::Validators;
use super::publish::publish;
use super::seen::Seen;

/// The largest state of one feed.
const MAX_STATE: u64 = 1 << 20;

/// The largest file of one feed: more than any may be fetched with.
const MAX_BODY: u64 = 1 << 30;

/// Files of the store are for its owner: some feeds are not for everybody.
const MODE: u32 = 0o600;

/// What came of a feed so far. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Where the last good file came from.
    pub url: String,
    /// What the server is told of it.
    pub validators: Validators,
    /// When the feed was last asked for.
    pub tried: Option<u64>,
    /// When its server last said what there is.
    pub confirmed: Option<u64>,
    /// When its last good file came.
    pub changed: Option<u64>,
    /// The entries of that file that are believed.
    pub entries: u64,
    /// Whether it had its end mark.
    pub marked: bool,
    /// Why the last run brought nothing.
    pub error: Option<Trouble>,
    /// How often each reason was met.
    pub refusals: BTreeMap<String, u64>,
}

/// Why a run brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The reason in a word.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
    /// Since when nothing else was met.
    pub since: u64,
    /// How many runs in a row.
    pub runs: u64,
}

impl State {
    /// Notes that a run brought nothing.
    pub(super) fn failed(&mut self, reason: &str, message: String, now: u64) {
        let (since, runs) = self.error.as_ref().map_or((now, 0), |before| (before.since, before.runs));
        self.error =
            Some(Trouble { reason: reason.to_owned(), message, since, runs: runs.saturating_add(1) });
        let count = self.refusals.entry(reason.to_owned()).or_default();
        *count = count.saturating_add(1);
    }
}

/// Why the store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another run is under way.
    #[error("another update is running: {} is locked", .0.display())]
    Locked(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A directory with what is kept.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// The right to write. The kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Locked {
    store: Store,
    _lock: File,
}

impl Store {
    /// The store in a directory, which need not exist yet.
    #[must_use]
    pub fn at(directory: &Path) -> Store {
        Store { directory: directory.to_owned() }
    }

    /// Where the snapshot is unless it is told otherwise.
    #[must_use]
    pub fn snapshot(&self) -> PathBuf {
        self.directory.join("intel.snapshot")
    }

    /// Makes the directory if need be, and takes the right to write.
    ///
    /// # Errors
    /// If another run has it, or the directory cannot be written.
    pub fn lock(&self) -> Result<Locked, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::File { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&self.directory)
            .map_err(failed(&self.directory))?;
        let path = self.directory.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .open(&path)
            .map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Locked { store: self.clone(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path)),
            Err(TryLockError::Error(source)) => Err(StoreError::File { path, source }),
        }
    }

    /// What came of a feed so far. A state that cannot be read is none: the feed is fetched anew.
    ///
    /// # Errors
    /// If there is one and the system does not give it.
    pub fn state(&self, feed: &str) -> Result<State, StoreError> {
        let bytes = self.read(&self.file(feed, "json"), MAX_STATE)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// The last good file of a feed.
    ///
    /// # Errors
    /// If there is one and the system does not give it.
    pub fn body(&self, feed: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(&self.file(feed, "feed"), MAX_BODY)
    }

    /// Since when the entries of its last good file are there.
    ///
    /// # Errors
    /// If that is known and the system does not give it.
    pub(super) fn seen(&self, feed: &str) -> Result<Seen, StoreError> {
        let bytes = self.read(&self.file(feed, "seen"), MAX_BODY)?;
        Ok(bytes.map(|bytes| Seen::read(&bytes)).unwrap_or_default())
    }

    fn file(&self, feed: &str, what: &str) -> PathBuf {
        self.directory.join(format!("{feed}.{what}"))
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::File { path: path.to_owned(), source }),
        }
    }
}

impl Locked {
    /// What may be read without the lock as well.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps the last good file of a feed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_body(&self, feed: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(self.store.file(feed, "feed"), bytes)
    }

    /// Keeps what came of a feed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_state(&self, feed: &str, state: &State) -> Result<(), StoreError> {
        let path = self.store.file(feed, "json");
        let bytes = serde_json::to_vec_pretty(state)
            .map_err(|error| StoreError::File { path: path.clone(), source: error.into() })?;
        self.write(path, &bytes)
    }

    /// Keeps since when the entries of its last good file are there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn keep_seen(&self, feed: &str, seen: &Seen) -> Result<(), StoreError> {
        self.write(self.store.file(feed, "seen"), &seen.to_bytes())
    }

    fn write(&self, path: PathBuf, bytes: &[u8]) -> Result<(), StoreError> {
        publish(&path, bytes, MODE).map_err(|source| StoreError::File { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_at_a_time_are_one_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let first = store.lock().unwrap();
        assert!(matches!(store.lock(), Err(StoreError::Locked(_))));
        drop(first);
        assert!(store.lock().is_ok());
    }

    #[test]
    fn what_is_kept_comes_back_and_a_broken_state_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let locked = store.lock().unwrap();
        assert_eq!(store.body("a").unwrap(), None);
        let mut state = State { entries: 3, ..State::default() };
        state.failed("html", String::from("an HTML page"), 5);
        state.failed("html", String::from("an HTML page"), 9);
        locked.keep_state("a", &state).unwrap();
        locked.keep_body("a", b"x").unwrap();
        assert_eq!(store.state("a").unwrap(), state);
        assert_eq!(state.error.map(|error| (error.since, error.runs)), Some((5, 2)));
        assert_eq!(store.body("a").unwrap().as_deref(), Some(&b"x"[..]));
        fs::write(directory.path().join("a.json"), b"{\"entries\":").unwrap();
        assert_eq!(store.state("a").unwrap(), State::default());
    }
}
