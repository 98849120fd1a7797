//! The file that a snapshot of the denylists is published in.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sluicebox::intel::{Intel, MAX_SNAPSHOT, SnapshotError};
use thiserror::Error;

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
