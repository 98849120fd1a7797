//! Names that mean something on the host, each a type of its own.

use std::fmt;
use std::path::{Path, PathBuf};

/// A process id in our PID namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a process began, in clock ticks (1/100 s) since the host booted: field 22 of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartTime(pub u64);

/// A container's id that runsc would take: safe as a part of a file name, and as an argument that is no option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(Box<str>);

/// Not an id that runsc gives to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a container's id")]
pub struct BadContainerId;

/// The longest id, as in the library's state.
const MAX_ID: usize = 256;

impl ContainerId {
    /// Checks an id as runsc does: letters, digits and `_+,-.`. One that begins with `-` is refused, as it would be an
    /// option to whoever is called with it.
    ///
    /// # Errors
    /// It is none.
    pub fn new(id: &[u8]) -> Result<ContainerId, BadContainerId> {
        let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+,-.".contains(byte);
        if id.is_empty() || id.len() > MAX_ID || id.starts_with(b"-") || !id.iter().all(is_allowed) {
            return Err(BadContainerId);
        }
        std::str::from_utf8(id).map(|id| ContainerId(id.into())).map_err(|_| BadContainerId)
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The directory where runsc keeps its state (`--root`). Ids are unique in one of them only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunscRoot(PathBuf);

impl RunscRoot {
    /// An absolute path.
    #[must_use]
    pub fn new(path: PathBuf) -> Option<RunscRoot> {
        path.is_absolute().then_some(RunscRoot(path))
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_neither_a_path_nor_an_option() {
        for good in ["a", "0f3c", "job-1", "a_b.c+d", "...", &"x".repeat(256)] {
            assert_eq!(ContainerId::new(good.as_bytes()).unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "a b", "-rf", "a:b", "ü", "a\0", &"x".repeat(257)] {
            assert_eq!(ContainerId::new(bad.as_bytes()), Err(BadContainerId), "{bad:?}");
        }
    }

    #[test]
    fn a_root_is_absolute() {
        assert_eq!(RunscRoot::new(PathBuf::from("run")), None);
        assert_eq!(RunscRoot::new(PathBuf::from("/run/runsc")).unwrap().path(), Path::new("/run/runsc"));
    }
}
