//! Root file systems on this host, for the library's question whether a file is a part of a container's image.
//!
//! Paths come from the workload, and symbolic links from the image: both may point anywhere. The kernel resolves them
//! inside of the root (openat2(2) with `RESOLVE_IN_ROOT`), and what is found is neither read nor executed.
//!
//! The root must be as the image has it. With gVisor's overlay it stays so (`--overlay2=root:…` is the default);
//! without one, what the container writes lies there as well and would be taken for the image's.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{SFlag, fstat};
use sluicebox::state::{Answer, Image};

use crate::identity::Rootfs;
use crate::identity::bundle::{Bundle, BundleError};

/// The root file systems of containers.
#[derive(Debug, Default)]
pub struct Roots {
    roots: Vec<Root>,
}

/// A root file system.
#[derive(Debug)]
pub struct Root {
    /// Whose it is; of every container that has none of its own, if nothing is said.
    container: Option<Vec<u8>>,
    dir: OwnedFd,
    /// Where other file systems are mounted, if that is known.
    mounts: Option<Vec<Vec<u8>>>,
}

/// A root file system that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It cannot be opened.
    #[error("image {path}: {error}")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The bundle's configuration makes no sense.
    #[error("image {path}: {error}")]
    Config {
        /// Which bundle.
        path: PathBuf,
        /// What is wrong with it.
        error: BundleError,
    },
    /// What the container writes lies there as well.
    #[error("image {path}: the container can write to it")]
    MayChange {
        /// Which bundle.
        path: PathBuf,
    },
    /// Without openat2(2) nothing could be resolved safely.
    #[error("image {path}: the kernel has no openat2 (Linux 5.6)")]
    TooOld {
        /// Which.
        path: PathBuf,
    },
}

impl Root {
    /// A bundle (a directory with `config.json`), or a bare root file system.
    ///
    /// Of a bare one it is not known what was mounted over it. So it says what is in the image, but never that
    /// something is not.
    ///
    /// # Errors
    /// The directory cannot be opened, or the bundle's configuration cannot be read.
    pub fn open(container: Option<Vec<u8>>, path: &Path) -> Result<Root, RootError> {
        let failed = |error| RootError::Open { path: path.to_owned(), error };
        match fs::metadata(path.join("config.json")) {
            Ok(_) => {
                let bundle = read(path)?;
                Root::at(container, &path.join(bundle.root), Some(bundle.mounts))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Root::at(container, path, None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The root file system of a container's bundle, if what the container writes does not reach it.
    ///
    /// # Errors
    /// It cannot be opened, the bundle's configuration cannot be read, or it may have changed since the container began.
    pub fn of_bundle(container: Vec<u8>, path: &Path, rootfs: Rootfs) -> Result<Root, RootError> {
        let bundle = read(path)?;
        match rootfs {
            Rootfs::MayChange if !bundle.is_readonly => Err(RootError::MayChange { path: path.to_owned() }),
            Rootfs::MayChange | Rootfs::Overlaid => {
                Root::at(Some(container), &path.join(bundle.root), Some(bundle.mounts))
            }
        }
    }

    fn at(container: Option<Vec<u8>>, path: &Path, mounts: Option<Vec<Vec<u8>>>) -> Result<Root, RootError> {
        let failed = |error| RootError::Open { path: path.to_owned(), error };
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = nix::fcntl::open(path, flags, nix::sys::stat::Mode::empty())
            .map_err(|errno| failed(errno.into()))?;
        let root = Root { container, dir, mounts };
        match root.resolve(b"/") {
            Ok(_) => Ok(root),
            Err(Errno::ENOSYS) => Err(RootError::TooOld { path: path.to_owned() }),
            Err(errno) => Err(failed(errno.into())),
        }
    }

    fn resolve(&self, path: &[u8]) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        openat2(&self.dir, path, how)
    }

    fn contains(&self, path: &[u8]) -> Answer {
        if self.mounts.iter().flatten().any(|mount| is_below(path, mount)) {
            return Answer::Unknown;
        }
        let found = self.resolve(path).and_then(|file| fstat(&file));
        match found {
            Ok(stat) if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG => {
                Answer::Yes
            }
            // A directory or a device is no program, so another file must have taken its place.
            Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR) if self.mounts.is_some() => Answer::No,
            Ok(_) | Err(_) => Answer::Unknown,
        }
    }
}

impl Roots {
    /// Adds a root file system.
    pub fn push(&mut self, root: Root) {
        self.roots.push(root);
    }
}

impl Image for Roots {
    fn contains(&self, container: &[u8], path: &[u8]) -> Answer {
        let own = self.roots.iter().find(|root| root.container.as_deref() == Some(container));
        let root = own.or_else(|| self.roots.iter().find(|root| root.container.is_none()));
        root.map_or(Answer::Unknown, |root| root.contains(path))
    }
}

/// Whether `path` is `dir` or lies below it.
fn is_below(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn read(path: &Path) -> Result<Bundle, RootError> {
    Bundle::read(path).map_err(|error| RootError::Config { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A bundle with a program, and links that lead out of it.
    fn bundle() -> tempfile::TempDir {
        let bundle = tempfile::tempdir().unwrap();
        let root = bundle.path().join("rootfs");
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/x"), "x").unwrap();
        fs::write(bundle.path().join("outside"), "x").unwrap();
        symlink("usr/bin", root.join("bin")).unwrap();
        symlink("/usr/bin/x", root.join("absolute")).unwrap();
        symlink("../../../outside", root.join("out")).unwrap();
        symlink(bundle.path().join("outside"), root.join("far")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let config = r#"{"root": {"path": "rootfs"}, "mounts": [{"destination": "/proc"}, {"destination": "/data/"}]}"#;
        fs::write(bundle.path().join("config.json"), config).unwrap();
        bundle
    }

    #[test]
    fn what_is_in_the_image_is_found_through_its_own_links_and_nothing_outside() {
        let bundle = bundle();
        let root = Root::open(None, bundle.path()).unwrap();
        for (path, expected) in [
            ("/usr/bin/x", Answer::Yes),
            ("/bin/x", Answer::Yes),
            ("/absolute", Answer::Yes),
            ("/usr/bin", Answer::No),
            ("/usr/bin/y", Answer::No),
            ("/usr/bin/x/y", Answer::No),
            ("/out", Answer::No),
            ("/far", Answer::No),
            ("/../outside", Answer::No),
            ("/loop", Answer::Unknown),
            ("/data/tool", Answer::Unknown),
            ("/data", Answer::Unknown),
            ("/database", Answer::No),
            ("/proc/self/exe", Answer::Unknown),
            ("/a\0b", Answer::Unknown),
        ] {
            assert_eq!(root.contains(path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn a_bare_root_cannot_say_that_something_is_not_there() {
        let bundle = bundle();
        let root = Root::open(None, &bundle.path().join("rootfs")).unwrap();
        assert_eq!(root.contains(b"/usr/bin/x"), Answer::Yes);
        assert_eq!(root.contains(b"/usr/bin/y"), Answer::Unknown);
    }

    #[test]
    fn each_container_has_its_own_root_or_the_common_one() {
        let (one, common) = (bundle(), bundle());
        fs::write(one.path().join("rootfs/only"), "").unwrap();
        let mut roots = Roots::default();
        roots.push(Root::open(Some(b"one".to_vec()), one.path()).unwrap());
        assert_eq!(roots.contains(b"two", b"/usr/bin/x"), Answer::Unknown);
        roots.push(Root::open(None, common.path()).unwrap());
        assert_eq!(roots.contains(b"one", b"/only"), Answer::Yes);
        assert_eq!(roots.contains(b"two", b"/only"), Answer::No);
    }

    #[test]
    fn a_bundle_that_makes_no_sense_is_refused() {
        let bundle = bundle();
        for config in
            ["", "{}", r#"{"root": {"path": "nowhere"}}"#, r#"{"root": {"path": "rootfs"}, "mounts": [{}]}"#]
        {
            fs::write(bundle.path().join("config.json"), config).unwrap();
            assert!(Root::open(None, bundle.path()).is_err(), "{config}");
        }
    }
}
