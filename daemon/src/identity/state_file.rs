//! runsc's state files: `ROOT/CONTAINER_sandbox:SANDBOX.state`, JSON, written by each `runsc create` before the container
//! starts. They say which containers a sandbox truly has, where their bundles are, and which process the sandbox is.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::bundle::{self, Config};
use super::{ContainerId, Labels, MAX_FILE, Pid, RunscRoot, read_bounded};

/// What a state file says of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The container.
    pub container: ContainerId,
    /// Its sandbox: the id of that one's first container.
    pub sandbox: ContainerId,
    /// The sandbox's process: the sentry. None before it is started and after it has ended.
    pub sandbox_pid: Option<Pid>,
    /// Its bundle.
    pub bundle: Option<PathBuf>,
    /// The bundle's annotations.
    pub labels: Labels,
}

#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(rename = "bundleDir", default)]
    bundle: Option<PathBuf>,
    #[serde(default)]
    sandbox: Option<SandboxPart>,
    #[serde(default)]
    spec: Option<Config>,
}

#[derive(Deserialize)]
struct SandboxPart {
    id: String,
    #[serde(default)]
    pid: Option<i64>,
}

/// What `root` says of `container` as a container of `sandbox`.
///
/// The name must be exact: `runsc` itself takes the beginning of an id for the whole where that is unique, so that a
/// command for `job-1` hits `job-10` when `job-1` is gone. Whoever is about to call it asks this first.
///
/// # Errors
/// There is no such file, or it says something else than its name.
pub fn read(root: &RunscRoot, container: &ContainerId, sandbox: &ContainerId) -> io::Result<Entry> {
    let path = root.path().join(format!("{container}_sandbox:{sandbox}.state"));
    let entry = parse(&read_bounded(&path, MAX_FILE)?)?;
    if entry.container == *container && entry.sandbox == *sandbox {
        Ok(entry)
    } else {
        Err(invalid("it is about another container"))
    }
}

fn parse(text: &[u8]) -> io::Result<Entry> {
    let file: File = serde_json::from_slice(text)?;
    let id = |id: &str| ContainerId::new(id.as_bytes()).map_err(|bad| invalid(&bad.to_string()));
    let sandbox = file.sandbox.ok_or_else(|| invalid("it names no sandbox"))?;
    let annotations: BTreeMap<String, String> =
        file.spec.and_then(|spec| spec.annotations).unwrap_or_default();
    Ok(Entry {
        container: id(&file.id)?,
        sandbox: id(&sandbox.id)?,
        sandbox_pid: sandbox.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0).map(Pid),
        bundle: file.bundle.filter(|bundle| bundle.is_absolute()),
        labels: bundle::labels(annotations),
    })
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As release-20221219 and the module of September 2026 write it, cut down to a few fields.
    const C2: &str = r#"{"id": "c2", "spec": {"ociVersion": "1.0.0", "root": {"path": "/r"}, "mounts": [],
        "annotations": {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "sb1"}},
        "bundleDir": "/b/c2", "createdAt": "2026-11-25T13:12:06.789632476Z", "owner": "", "status": "running", "goferPid": 13216,
        "sandbox": {"id": "sb1", "pid": 13167, "uid": 65534, "cgroup": {"cgroupunknown": null}},
        "saver": {"rootDir": "/s", "id": {"sandboxId": "sb1", "containerId": "c2"}}}"#;

    fn id(id: &str) -> ContainerId {
        ContainerId::new(id.as_bytes()).unwrap()
    }

    #[test]
    fn a_container_of_a_pod_has_its_sandbox_bundle_and_annotations() {
        let root = tempfile::tempdir().unwrap();
        let at = RunscRoot::new(root.path().to_owned()).unwrap();
        std::fs::write(root.path().join("c2_sandbox:sb1.state"), C2).unwrap();
        let entry = read(&at, &id("c2"), &id("sb1")).unwrap();
        assert_eq!(entry.sandbox_pid, Some(Pid(13167)));
        assert_eq!(entry.bundle, Some(PathBuf::from("/b/c2")));
        assert_eq!(entry.labels.len(), 2);
        // Neither the beginning of its id nor another sandbox's container is it.
        assert!(read(&at, &id("c"), &id("sb1")).is_err());
        assert!(read(&at, &id("c2"), &id("sb2")).is_err());
        std::fs::write(root.path().join("c2_sandbox:sb2.state"), C2).unwrap();
        assert!(read(&at, &id("c2"), &id("sb2")).is_err());
    }

    #[test]
    fn a_file_that_is_half_written_or_of_another_form_is_an_error() {
        for length in [0, 1, C2.len() / 2, C2.len() - 1] {
            assert!(parse(&C2.as_bytes()[..length]).is_err());
        }
        assert!(parse(br#"{"id": "c2"}"#).is_err());
        assert!(parse(br#"{"id": "../c2", "sandbox": {"id": "sb1"}}"#).is_err());
        let bare = parse(br#"{"id": "c2", "sandbox": {"id": "sb1", "pid": 0}}"#).unwrap();
        assert_eq!((bare.sandbox_pid, bare.bundle), (None, None));
    }
}
