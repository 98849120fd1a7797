//! The socket file: made with the right mode, never stolen from a living server, removed at the end.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uds::nonblocking::UnixSeqpacketConn;
use uds::tokio::UnixSeqpacketListener;

use super::ServeError;

/// A listening socket and its file, which goes when this goes.
pub(super) struct Listening {
    pub(super) listener: UnixSeqpacketListener,
    file: SocketFile,
}

/// The file of our socket. Removed on drop, but only as long as it is still ours.
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Listening {
    /// Listens at `path`, where there is nothing yet or what a dead server left behind.
    ///
    /// The file gets `mode` right after it is made. Until then the process's umask rules; connecting needs the right
    /// to write, which no usual umask gives to others.
    pub(super) fn bind(path: &Path, mode: u32) -> Result<Listening, ServeError> {
        remove_stale(path)?;
        let at = |source| ServeError::Bind { path: path.to_owned(), source };
        let listener = UnixSeqpacketListener::bind(path).map_err(at)?;
        let made = fs::symlink_metadata(path).map_err(at)?;
        let file = SocketFile { path: path.to_owned(), device: made.dev(), inode: made.ino() };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(at)?;
        Ok(Listening { listener, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| now.dev() == self.device && now.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket file stays behind");
        }
    }
}

/// Makes room at `path` if what is there is a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<(), ServeError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ServeError::Bind { path: path.to_owned(), source }),
    };
    if !found.file_type().is_socket() {
        return Err(ServeError::NotASocket(path.to_owned()));
    }
    match UnixSeqpacketConn::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|source| ServeError::Bind { path: path.to_owned(), source })
        }
        // It answers, is too busy to answer, speaks another socket type or is not ours to ask: somebody's, in any case.
        Ok(_) | Err(_) => Err(ServeError::InUse(path.to_owned())),
    }
}
