//! What whoever runs the container knows of it: users, image, mounts, labels, pod.

use std::borrow::Cow;

use crate::rules::compile::{FoldCase, Glob};
use crate::state::{Container, ImageName, Metadata, Mount, Pod, User};

use super::{FieldId, Scene, Value};

/// The characters of a container's id that Falco shows.
const SHORT_ID: usize = 12;

/// What a mount field is where there is no such mount, or nobody said. Rules ask for a mount by denying this.
const NO_MOUNT: &str = "N/A";

/// The CRI's labels of a container.
mod cri {
    pub(super) const POD: &str = "io.kubernetes.pod.name";
    pub(super) const NAMESPACE: &str = "io.kubernetes.pod.namespace";
    pub(super) const UID: &str = "io.kubernetes.pod.uid";
}

/// Part of what is known of a pod.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfPod {
    Name,
    Namespace,
    Uid,
    SandboxId,
}

fn text(text: Option<&str>) -> Option<Value<'_>> {
    text.filter(|text| !text.is_empty()).map(|text| Value::text(text.as_bytes()))
}

fn labels<'a>(labels: &'a [(String, String)]) -> Option<Value<'a>> {
    let all: Vec<String> = labels.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    (!all.is_empty()).then(|| Value::Text(Cow::Owned(all.join(",").into_bytes())))
}

fn shown(mount: &Mount) -> String {
    let Mount { source, dest, mode, writable, propagation } = mount;
    format!("{source}:{dest}:{mode}:{writable}:{propagation}")
}

impl<'a> Scene<'a> {
    fn container(&self) -> Option<&'a Container> {
        self.state.container_at(self.observation.container)
    }

    pub(super) fn full_id(&self) -> Option<&'a [u8]> {
        self.container().map(|container| &*container.id)
    }

    pub(super) fn short_id(&self) -> Option<&'a [u8]> {
        self.full_id().map(|id| id.get(..SHORT_ID).unwrap_or(id))
    }

    pub(super) fn first_heard(&self) -> Option<crate::event::Time> {
        self.container().map(|container| container.since)
    }

    pub(super) fn metadata(&self) -> Option<&'a Metadata> {
        self.container()?.metadata.as_deref()
    }

    pub(super) fn image(&self) -> Option<&'a ImageName> {
        self.metadata()?.image.as_ref()
    }

    pub(super) fn of_image(&self, of: fn(&ImageName) -> Option<&str>) -> Option<Value<'a>> {
        text(of(self.image()?))
    }

    pub(super) fn of_container(&self, of: fn(&Metadata) -> Option<&str>) -> Option<Value<'a>> {
        text(of(self.metadata()?))
    }

    fn pod(&self) -> Option<&'a Pod> {
        self.metadata()?.pod.as_ref()
    }

    /// What is known of the pod, else what the CRI wrote into the container's labels.
    pub(super) fn of_pod(&self, what: OfPod) -> Option<Value<'a>> {
        let pod = self.pod();
        let (said, label) = match what {
            OfPod::Name => (pod.and_then(|pod| pod.name.as_deref()), Some(cri::POD)),
            OfPod::Namespace => (pod.and_then(|pod| pod.namespace.as_deref()), Some(cri::NAMESPACE)),
            OfPod::Uid => (pod.and_then(|pod| pod.uid.as_deref()), Some(cri::UID)),
            OfPod::SandboxId => (pod.and_then(|pod| pod.sandbox_id.as_deref()), None),
        };
        text(said.or_else(|| self.metadata()?.label(label?)))
    }

    pub(super) fn pod_sandbox_short(&self) -> Option<Value<'a>> {
        let id = self.pod()?.sandbox_id.as_deref()?;
        text(id.get(..SHORT_ID).or(Some(id)))
    }

    pub(super) fn pod_ip(&self) -> Option<Value<'a>> {
        Some(Value::Text(Cow::Owned(self.pod()?.ip?.to_string().into_bytes())))
    }

    pub(super) fn container_ip(&self) -> Option<Value<'a>> {
        Some(Value::Text(Cow::Owned(self.metadata()?.ip?.to_string().into_bytes())))
    }

    pub(super) fn container_labels(&self) -> Option<Value<'a>> {
        labels(&self.metadata()?.labels)
    }

    pub(super) fn pod_labels(&self) -> Option<Value<'a>> {
        labels(&self.pod()?.labels)
    }

    pub(super) fn mounts(&self) -> Option<Value<'a>> {
        let all: Vec<String> = self.metadata()?.mounts.as_ref()?.iter().map(shown).collect();
        Some(Value::Text(Cow::Owned(all.join(",").into_bytes())))
    }

    /// The value of a field that takes a text in brackets.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "the table says which fields take a text")]
    pub fn get_keyed(&self, field: FieldId, key: &str) -> Option<Value<'a>> {
        match field {
            FieldId::ProcEnv => self.variable(key),
            FieldId::ContainerLabel => text(self.metadata()?.label(key)),
            FieldId::K8sPodLabel => {
                let labels = &self.pod()?.labels;
                text(labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str()))
            }
            FieldId::ContainerMount => {
                self.of_mount(key, |mount| &mount.dest, |mount| Cow::Owned(shown(mount)))
            }
            FieldId::ContainerMountSource => {
                self.of_mount(key, |mount| &mount.dest, |mount| Cow::Borrowed(&mount.source))
            }
            FieldId::ContainerMountDest => {
                self.of_mount(key, |mount| &mount.source, |mount| Cow::Borrowed(&mount.dest))
            }
            FieldId::ContainerMountMode => {
                self.of_mount(key, |mount| &mount.dest, |mount| Cow::Borrowed(&mount.mode))
            }
            FieldId::ContainerMountRdwr => self.of_mount(
                key,
                |mount| &mount.dest,
                |mount| Cow::Borrowed(if mount.writable { "true" } else { "false" }),
            ),
            FieldId::ContainerMountPropagation => {
                self.of_mount(key, |mount| &mount.dest, |mount| Cow::Borrowed(&mount.propagation))
            }
            _ => None,
        }
    }

    /// Something of the mount at that place in the list, or whose source or destination is like `key`.
    fn of_mount(
        &self,
        key: &str,
        by: fn(&Mount) -> &String,
        what: fn(&'a Mount) -> Cow<'a, str>,
    ) -> Option<Value<'a>> {
        let mounts = self.metadata().and_then(|metadata| metadata.mounts.as_deref()).unwrap_or_default();
        let mount = match key.parse::<usize>() {
            Ok(place) => mounts.get(place),
            Err(_) => {
                let like = Glob::new(key.as_bytes(), FoldCase::No);
                mounts.iter().find(|mount| like.matches(by(mount).as_bytes()))
            }
        };
        let value = mount.map_or(Cow::Borrowed(NO_MOUNT), what);
        Some(match value {
            Cow::Borrowed(text) => Value::text(text.as_bytes()),
            Cow::Owned(text) => Value::Text(Cow::Owned(text.into_bytes())),
        })
    }

    fn user(&self) -> Option<&'a User> {
        self.metadata()?.user(self.process()?.uid?.0)
    }

    pub(super) fn of_user(&self, of: fn(&User) -> &String) -> Option<Value<'a>> {
        text(Some(of(self.user()?)))
    }

    pub(super) fn user_name(&self) -> Option<Value<'a>> {
        text(self.name_of_user(self.process()?.uid?.0))
    }

    pub(super) fn group_name(&self) -> Option<Value<'a>> {
        text(self.name_of_group(self.process()?.job.gid?.0))
    }

    /// The name of a user of the container. 0 is root, whoever wrote the file.
    pub(super) fn name_of_user(&self, uid: u32) -> Option<&'a str> {
        let known = self.metadata().and_then(|metadata| metadata.user(uid));
        known.map(|user| user.name.as_str()).or_else(|| (uid == 0).then_some("root"))
    }

    /// The name of a group of the container.
    pub(super) fn name_of_group(&self, gid: u32) -> Option<&'a str> {
        let known = self.metadata().and_then(|metadata| metadata.group(gid));
        known.map(|group| group.name.as_str()).or_else(|| (gid == 0).then_some("root"))
    }
}
