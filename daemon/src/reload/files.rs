//! Which files there are, and whether they are others than before.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::rules;

/// What tells one file from another under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Identity {
    pub(super) fn of(path: &Path) -> Option<Identity> {
        let data = fs::metadata(path).ok()?;
        Some(Identity {
            device: data.dev(),
            inode: data.ino(),
            length: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
        })
    }
}

/// The files of settings and rules, as they are at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight(Vec<(PathBuf, Option<Identity>)>);

impl Sight {
    pub(super) fn of(file: Option<&Path>, config: &Config) -> Sight {
        // What cannot be listed is looked at as it is named, and told of when it is loaded.
        let rules = rules::files(&config.rules).unwrap_or_else(|_| config.rules.clone());
        let paths = file.map(Path::to_owned).into_iter().chain(rules);
        Sight(paths.map(|path| (path.clone(), Identity::of(&path))).collect())
    }
}
