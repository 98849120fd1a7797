//! What whoever runs a container knows of it and its trace does not say: image, mounts, labels, users.
//!
//! It comes from the embedder, never from the workload's events, and is shared: the state keeps a pointer.

use std::net::IpAddr;

/// What is known of a container from outside. What is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub name: Option<String>,
    /// The runtime's name: `docker`, `containerd`.
    pub runtime: Option<String>,
    /// Its image.
    pub image: Option<ImageName>,
    /// Whether it runs privileged.
    pub privileged: Option<bool>,
    /// Whether it shares the host's PID, network and IPC namespaces.
    pub host_namespaces: Option<HostNamespaces>,
    /// What is mounted into it; absent if that is not known, empty if there is nothing.
    pub mounts: Option<Vec<Mount>>,
    /// Its labels or annotations, those of the CRI (`io.kubernetes.pod.name`) included.
    pub labels: Vec<(String, String)>,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its pod.
    pub pod: Option<Pod>,
    /// The users of its `/etc/passwd`, see [`Metadata::with_passwd`].
    pub users: Vec<User>,
    /// The groups of its `/etc/group`, see [`Metadata::with_group`].
    pub groups: Vec<Group>,
    /// Whoever says all this vouches for the container's id as well: findings call it verified.
    pub verified: bool,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageName {
    /// The whole reference, as the container was started with it.
    pub reference: String,
    /// Without tag and digest: `docker.io/library/nginx`.
    pub repository: String,
    /// `1.27`
    pub tag: Option<String>,
    /// `sha256:…`
    pub digest: Option<String>,
    /// The id of its configuration.
    pub id: Option<String>,
}

/// Namespaces that a container shares with its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostNamespaces {
    /// Process ids.
    pub pid: bool,
    /// The network.
    pub network: bool,
    /// System V IPC.
    pub ipc: bool,
}

/// A mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// On the host.
    pub source: String,
    /// In the container.
    pub dest: String,
    /// `ro`, `Z` and the like.
    pub mode: String,
    /// Whether it can be written.
    pub writable: bool,
    /// `rprivate` and the like.
    pub propagation: String,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its id in the cluster.
    pub uid: Option<String>,
    /// The id of its sandbox.
    pub sandbox_id: Option<String>,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The name.
    pub name: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The group's number.
    pub gid: u32,
    /// The name.
    pub name: String,
}

/// Users and groups that are taken from a file: the file is the image's, and may be as long as its maker likes.
const MAX_NAMES: usize = 4096;

impl ImageName {
    /// Takes a reference apart: `registry:5000/a/b:tag@sha256:…`.
    #[must_use]
    pub fn parse(reference: &str) -> ImageName {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (reference, None),
        };
        // A colon before the last slash is the registry's port.
        let last = name.rfind('/').map_or(0, |slash| slash.saturating_add(1));
        let colon =
            name.get(last..).and_then(|last_part| last_part.find(':')).map(|at| last.saturating_add(at));
        let (repository, tag) = match colon.and_then(|colon| name.split_at_checked(colon)) {
            Some((repository, tag)) => (repository, tag.strip_prefix(':').map(str::to_owned)),
            None => (name, None),
        };
        ImageName {
            reference: reference.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
            id: None,
        }
    }
}

impl Metadata {
    /// With the users of a container's `/etc/passwd`. Lines that are none are left out.
    #[must_use]
    pub fn with_passwd(mut self, passwd: &str) -> Metadata {
        let user = |line: &str| {
            let mut parts = line.split(':');
            let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
            let uid = parts.nth(1)?.parse().ok()?;
            let home = parts.nth(2)?.to_owned();
            Some(User { uid, name, home, shell: parts.next()?.to_owned() })
        };
        self.users = passwd.lines().filter_map(user).take(MAX_NAMES).collect();
        self
    }

    /// With the groups of a container's `/etc/group`.
    #[must_use]
    pub fn with_group(mut self, group: &str) -> Metadata {
        let parse = |line: &str| {
            let mut parts = line.split(':');
            let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
            Some(Group { gid: parts.nth(1)?.parse().ok()?, name })
        };
        self.groups = group.lines().filter_map(parse).take(MAX_NAMES).collect();
        self
    }

    /// The user of that number. 0 is root everywhere.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    /// The group of that number.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&Group> {
        self.groups.iter().find(|group| group.gid == gid)
    }

    /// The label of that key.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_taken_apart() {
        for (reference, repository, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("docker.io/library/nginx:1.27", "docker.io/library/nginx", Some("1.27"), None),
            ("registry:5000/a/b", "registry:5000/a/b", None, None),
            ("registry:5000/a/b:c@sha256:00", "registry:5000/a/b", Some("c"), Some("sha256:00")),
        ] {
            let image = ImageName::parse(reference);
            assert_eq!(
                (&*image.repository, image.tag.as_deref(), image.digest.as_deref()),
                (repository, tag, digest)
            );
        }
    }

    #[test]
    fn lines_that_are_no_users_are_left_out() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# no\n:x:1:1::/:/x\nwww:x:many:33::/:/x\npostgres:x:999:999::/var:/bin/sh\n";
        let metadata = Metadata::default().with_passwd(passwd).with_group("adm:x:4:\nbad\n");
        assert_eq!(metadata.users.len(), 2);
        assert_eq!(metadata.user(999).map(|user| (&*user.name, &*user.shell)), Some(("postgres", "/bin/sh")));
        assert_eq!(metadata.group(4).map(|group| &*group.name), Some("adm"));
        assert!(metadata.user(1).is_none());
    }
}
