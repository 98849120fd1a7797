//! Who a connection is, from the host's side: nothing in here rests on what the client says of itself.
//!
//! gVisor's sentry never connects. The `runsc` command that makes the sandbox (`create`, `run`, `restore`) or gives it
//! another session (`trace create`) does, shakes hands, and hands the socket to the sentry. So the peer's credentials name
//! that command. It waits for our answer, so its `/proc/PID` can be read before that is given, and is gone soon after:
//! who the sandbox is must be asked then or never ([`process`], [`command_line`]).
//!
//! What there is to know lies in the command line (root directory, id, bundle), in the bundle's `config.json`
//! ([`bundle`]), and once the sandbox is made in runsc's state files ([`state_file`]), which also say what other
//! containers it has.
//!
//! Bounds: a command line of [`process::MAX_CMDLINE`], files of [`MAX_FILE`], labels of [`bundle::MAX_LABEL_BYTES`]
//! altogether.

pub mod attribution;
pub mod bundle;
pub mod command_line;
mod names;
pub mod process;
pub mod state_file;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

pub use names::{BadContainerId, ContainerId, Pid, RunscRoot, StartTime};
pub use process::{Policy, identify};

/// The largest `config.json` or state file that is read, in bytes. Real ones have a few KiB.
pub const MAX_FILE: u64 = 1 << 20;

/// What the host knows of whoever connected.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The process that connected.
    pub peer: PeerProcess,
    /// What it may speak for.
    pub standing: Standing,
}

/// The process that connected, which is not the sentry and is gone soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerProcess {
    /// Its id, if it lives in our PID namespace or in one below.
    pub pid: Option<Pid>,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// When it began; with the id this names one process for good.
    pub started: Option<StartTime>,
    /// The program that it runs.
    pub executable: Option<PathBuf>,
}

/// What a connection may speak for, and how that is known.
#[derive(Clone, Debug)]
pub enum Standing {
    /// The process that connected is a trusted runsc, whose command line says which sandbox it makes.
    Verified(Sandbox),
    /// It came through a socket that was made for this one sandbox.
    BySocketPath(Sandbox),
    /// Nobody vouches for it. It is watched, but nothing is done to whom it claims to be.
    Unverified(Reason),
}

/// A sandbox as the host knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Its id, which is that of its first container as well.
    pub id: ContainerId,
    /// How it is reached with `runsc`, if that is known.
    pub runtime: Option<Runtime>,
    /// The bundle of its first container.
    pub bundle: Option<PathBuf>,
    /// The annotations of that bundle, or what the embedder says of it.
    pub labels: Labels,
    /// Whether its root file systems are still as their images have them.
    pub rootfs: Rootfs,
}

/// Whether what a container writes can reach its root file system on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rootfs {
    /// It cannot: gVisor lays an overlay over it. So it is as the image has it.
    Overlaid,
    /// It can, or nobody knows.
    MayChange,
}

impl Sandbox {
    /// A sandbox of which nothing is known but its id.
    #[must_use]
    pub fn named(id: ContainerId) -> Sandbox {
        Sandbox { id, runtime: None, bundle: None, labels: Labels::new(), rootfs: Rootfs::MayChange }
    }
}

/// Keys and values, in the order of the keys.
pub type Labels = Vec<(String, String)>;

/// How to reach a sandbox: `BINARY --root ROOT … ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// The `runsc` program.
    pub binary: PathBuf,
    /// Its `--root`.
    pub root: RunscRoot,
}

/// Why nobody vouches for a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// SO_PEERCRED gives no process id.
    #[error("the process lies outside of this PID namespace")]
    ForeignPidNamespace,
    /// It ended before it could be looked at, or another one has its number now.
    #[error("the process is gone")]
    Gone,
    /// It lives in a root directory of its own: its paths are not ours.
    #[error("the process has another root directory")]
    ForeignRoot,
    /// `/proc` does not say.
    #[error("/proc does not say: {0}")]
    Unreadable(io::ErrorKind),
    /// The program is not runsc, or somebody else could have changed it.
    #[error("the program is no trusted runsc: {}", .0.display())]
    NotRunsc(PathBuf),
    /// The user is neither root nor ours.
    #[error("the process runs as user {0}, which is neither root nor this one")]
    ForeignUser(u32),
    /// The command line does not say which sandbox it is about.
    #[error("{0}")]
    CommandLine(#[from] command_line::Unclear),
    /// The command is about a sandbox of which its root directory knows nothing.
    #[error("runsc has no state of the sandbox: {0}")]
    NoState(ContainerId),
}

impl Identity {
    /// The sandbox that the host vouches for, if it does.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Sandbox> {
        match &self.standing {
            Standing::Verified(sandbox) | Standing::BySocketPath(sandbox) => Some(sandbox),
            Standing::Unverified(_) => None,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.standing {
            Standing::Verified(sandbox) => write!(f, "{} (verified)", sandbox.id),
            Standing::BySocketPath(sandbox) => write!(f, "{} (by its socket)", sandbox.id),
            Standing::Unverified(reason) => write!(f, "unverified: {reason}"),
        }
    }
}

/// Reads a regular file of at most `limit` bytes. Never waits: a pipe in its place is an error.
///
/// # Errors
/// It cannot be read, is no regular file, or is larger.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_too_large_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), b"12345");
        assert_eq!(read_bounded(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_bounded(directory.path(), 4).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read_bounded(&pipe, 4).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
