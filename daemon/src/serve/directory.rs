//! A directory in which a runtime says which containers it is about to make: for each `ID.json` a socket `ID.sock`, and
//! whoever connects to that is this container. The runtime waits for the socket, then names it in the container's
//! pod-init configuration. When `ID.json` goes, so does the socket; a container that is connected stays.
//!
//! `ID.json` must be renamed into its place, and says what the runtime knows, all of it optional:
//!
//! ```json
//! {"labels": {"user": "alice"}, "runsc": "/usr/bin/runsc", "root": "/run/runsc", "bundle": "/path"}
//! ```
//!
//! Whoever can write to the directory says who is who, so nobody else may. Bounds: a file of `MAX_FILE` bytes, as many
//! sockets as there may be connections.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::unistd::geteuid;
use serde::Deserialize;
use tracing::{info, warn};

use super::ServeError;
use super::listen::{Door, Entrance, Whose};
use super::socket::Listening;
use crate::identity::bundle::labels;
use crate::identity::{ContainerId, RunscRoot, Runtime, Sandbox, read_bounded};

/// How often the directory is looked at: one stat(2), and more only if it has changed.
const LOOK: Duration = Duration::from_millis(50);

/// A directory that changed within this time is read again, as the next change may bear the same time.
const SETTLED: Duration = Duration::from_millis(200);

/// The largest `ID.json`, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// The sockets that are open, by container.
pub(super) type Doors = BTreeMap<ContainerId, Door>;

/// What a runtime says of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    labels: BTreeMap<String, String>,
    runsc: Option<PathBuf>,
    root: Option<PathBuf>,
    bundle: Option<PathBuf>,
}

/// The directory.
pub(super) struct Directory {
    path: PathBuf,
    /// When it had last changed when it was last read.
    seen: Option<SystemTime>,
}

impl Directory {
    /// Takes a directory that is ours, or root's, and that nobody else can write to.
    pub(super) fn open(path: PathBuf) -> Result<Directory, ServeError> {
        let refused = |why: io::Error| ServeError::Directory { path: path.clone(), source: why };
        let found = fs::metadata(&path).map_err(refused)?;
        let owner = found.uid() == 0 || found.uid() == geteuid().as_raw();
        if !found.is_dir() || !owner || found.mode() & 0o022 != 0 {
            let what = "must be a directory that only its owner, root or this user, can write to";
            return Err(refused(io::Error::new(io::ErrorKind::PermissionDenied, what)));
        }
        Ok(Directory { path, seen: None })
    }

    /// Keeps a socket for each container that is said to come.
    pub(super) async fn keep(mut self, entrance: &Arc<Entrance>, doors: &mut Doors) -> Infallible {
        loop {
            match self.changed() {
                Ok(true) => {
                    if let Err(error) = self.look(entrance, doors) {
                        warn!(directory = %self.path.display(), %error, "the directory of sockets cannot be read");
                    }
                }
                Ok(false) => {}
                Err(error) => {
                    warn!(directory = %self.path.display(), %error, "the directory of sockets is gone");
                    self.seen = None;
                    tokio::time::sleep(SETTLED).await;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn changed(&mut self) -> io::Result<bool> {
        let modified = fs::metadata(&self.path)?.modified()?;
        let is_fresh = modified.elapsed().is_ok_and(|age| age < SETTLED);
        Ok(self.seen.replace(modified) != Some(modified) || is_fresh)
    }

    /// Makes sockets for what is new, and closes those of what is gone.
    fn look(&self, entrance: &Arc<Entrance>, doors: &mut Doors) -> io::Result<()> {
        let mut said = BTreeSet::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let id = name.as_encoded_bytes().strip_suffix(b".json").map(ContainerId::new);
            if let Some(Ok(id)) = id {
                said.insert(id);
            }
        }
        // Dropping a door closes it.
        doors.retain(|id, _| said.contains(id));
        for id in said {
            if doors.contains_key(&id) {
                continue;
            }
            if doors.len() >= entrance.options.max_connections {
                warn!(sandbox = %id, "no socket for a sandbox: there are too many");
                break;
            }
            match self.open_for(&id, entrance) {
                Ok(door) => {
                    info!(sandbox = %id, "a socket for a sandbox");
                    doors.insert(id, door);
                }
                Err(error) => warn!(sandbox = %id, %error, "no socket for a sandbox"),
            }
        }
        Ok(())
    }

    fn open_for(&self, id: &ContainerId, entrance: &Arc<Entrance>) -> Result<Door, ServeError> {
        let sandbox = read(&self.path.join(format!("{id}.json")), id.clone())?;
        let listening = Listening::bind(&self.path.join(format!("{id}.sock")), entrance.options.mode)?;
        entrance.open(listening, Whose::Its(Arc::new(sandbox)))
    }
}

/// Reads what is said of a container.
fn read(path: &Path, id: ContainerId) -> Result<Sandbox, ServeError> {
    let said = read_bounded(path, MAX_FILE).and_then(|text| Ok(serde_json::from_slice::<Said>(&text)?));
    let Said { labels: said_labels, runsc, root, bundle } =
        said.map_err(|source| ServeError::Directory { path: path.to_owned(), source })?;
    let runtime = runsc.zip(root.and_then(RunscRoot::new)).map(|(binary, root)| Runtime { binary, root });
    Ok(Sandbox { runtime, bundle, labels: labels(said_labels), ..Sandbox::named(id) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn id() -> ContainerId {
        ContainerId::new(b"job-1").unwrap()
    }

    #[test]
    fn what_a_runtime_says_is_taken_and_what_is_not_known_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("job-1.json");
        fs::write(&path, r#"{"labels": {"user": "alice"}, "runsc": "/r", "root": "/s", "bundle": "/b"}"#)
            .unwrap();
        let sandbox = read(&path, id()).unwrap();
        assert_eq!(sandbox.labels, [("user".to_owned(), "alice".to_owned())]);
        assert_eq!(sandbox.runtime.unwrap().root.path(), Path::new("/s"));
        fs::write(&path, "{}").unwrap();
        assert_eq!(read(&path, id()).unwrap(), Sandbox::named(id()));
        for bad in ["", "{\"lables\": {}}", "[1]", "{\"labels\": {\"a\": 1}}"] {
            fs::write(&path, bad).unwrap();
            assert!(read(&path, id()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Directory::open(directory.path().to_owned()).is_ok());
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Directory::open(directory.path().to_owned()).is_err());
        assert!(Directory::open(directory.path().join("missing")).is_err());
    }
}
