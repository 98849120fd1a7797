//! A file that is replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What is put behind the name of a file while it is written.
const UNFINISHED: &str = ".new";

/// Replaces `path` by `bytes`: whoever opens it at any time, or after any crash, finds the old file or the new one.
///
/// Two writers of one path would get in each other's way: the caller holds the lock of its directory.
///
/// # Errors
/// Where the file cannot be written. The old one is still there then.
pub fn publish(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    // Left over from a run that was killed; not reused, as its permissions are not ours to trust.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let result = write(&unfinished, bytes, mode).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = result {
        // The error that counts is the first one.
        drop(fs::remove_file(&unfinished));
        return Err(error);
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    // The new name is only there after a crash once the directory is.
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
