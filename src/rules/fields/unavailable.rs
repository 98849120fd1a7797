//! Fields of Falco's that gVisor's trace cannot fill, each with the reason.
//!
//! They are known by name, so that a file that asks for them is not mistaken for one with a misspelling, and so that
//! nobody waits for a rule that can never hold (`compile/reach.rs`).

/// Why a field or an event is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unavailable {
    /// Capabilities of threads.
    Capabilities,
    /// What is read and written.
    Payload,
    /// What lies behind a pointer in the registers of a call.
    Pointer,
    /// A file's device, inode or times.
    Inode,
    /// Memory, processor time, page faults, limits, numbers of threads.
    Accounting,
    /// Control groups.
    Cgroups,
    /// What the process's environment was, once its exec is over.
    Forgotten,
    /// Names of addresses and ports.
    NameService,
    /// What only an orchestrator's own server knows.
    Orchestrator,
    /// Health probes of a container.
    Probes,
    /// What login the session began with.
    Audit,
    /// Where the sandbox runs.
    Host,
    /// What only a capture on a kernel's event ring has.
    Capture,
    /// Events of other sources.
    Plugin,
    /// The beginning of a call.
    Beginning,
    /// A parameter that events of this kind do not have.
    NoParameter,
    /// A kind of event that there is not.
    NoEvent,
    /// What happens outside of every container.
    OutsideContainers,
}

impl Unavailable {
    /// In a word, for JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Unavailable::Capabilities => "capabilities",
            Unavailable::Payload => "payload",
            Unavailable::Pointer => "pointer",
            Unavailable::Inode => "inode",
            Unavailable::Accounting => "accounting",
            Unavailable::Cgroups => "cgroups",
            Unavailable::Forgotten => "forgotten",
            Unavailable::NameService => "name-service",
            Unavailable::Orchestrator => "orchestrator",
            Unavailable::Probes => "probes",
            Unavailable::Audit => "audit",
            Unavailable::Host => "host",
            Unavailable::Capture => "capture",
            Unavailable::Plugin => "plugin",
            Unavailable::Beginning => "beginning",
            Unavailable::NoParameter => "no-parameter",
            Unavailable::NoEvent => "no-event",
            Unavailable::OutsideContainers => "outside-containers",
        }
    }

    /// In a sentence without its full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Unavailable::Capabilities => "no message of gVisor's trace carries capabilities",
            Unavailable::Payload => {
                "gVisor's trace never carries the bytes that are read, written, sent or received"
            }
            Unavailable::Pointer => {
                "gVisor tells this call by its registers only, and what lies behind a pointer (a path, a name, an \
                 address) is not told"
            }
            Unavailable::Inode => "gVisor's trace does not tell this of the file",
            Unavailable::Accounting => "gVisor's trace does not tell what the process uses or may use",
            Unavailable::Cgroups => {
                "a sandbox has no control groups of the host, and gVisor's trace tells none of its own"
            }
            Unavailable::Forgotten => {
                "gVisor tells the environment with an exec only, and it is not kept beyond it"
            }
            Unavailable::NameService => {
                "no names are looked up: that would be slow, observable and under the workload's influence"
            }
            Unavailable::Orchestrator => "neither the sandbox nor its runtime knows this of the orchestrator",
            Unavailable::Probes => "neither the sandbox nor its runtime knows the probes of a container",
            Unavailable::Audit => "there is no login behind a process of a sandbox: its login uid is -1",
            Unavailable::Host => "the trace comes from a sandbox and says nothing of its host",
            Unavailable::Capture => {
                "this belongs to a capture of the host's kernel, not to a sandbox's trace"
            }
            Unavailable::Plugin => "only plugins for other sources have this",
            Unavailable::Beginning => "events tell how a call ended; its beginning is none",
            Unavailable::NoParameter => "the events that the condition names have no such parameter",
            Unavailable::NoEvent => "gVisor's trace has no such event",
            Unavailable::OutsideContainers => "every event comes from a container",
        }
    }

    /// Whether there always is such a value, and it is only not told. Then neither a check on it nor its denial can
    /// be taken for true: `not thread.cap_permitted contains CAP_SYS_ADMIN` would hold for everybody.
    #[must_use]
    pub const fn is_hidden(self) -> bool {
        match self {
            Unavailable::Capabilities
            | Unavailable::Payload
            | Unavailable::Pointer
            | Unavailable::Inode
            | Unavailable::Accounting
            | Unavailable::Cgroups
            | Unavailable::Forgotten
            | Unavailable::Host
            | Unavailable::Capture => true,
            Unavailable::NameService
            | Unavailable::Orchestrator
            | Unavailable::Probes
            | Unavailable::Audit
            | Unavailable::Plugin
            | Unavailable::Beginning
            | Unavailable::NoParameter
            | Unavailable::NoEvent
            | Unavailable::OutsideContainers => false,
        }
    }
}

/// The fields by reason.
const FIELDS: &[(Unavailable, &[&str])] = &[
    (Unavailable::Capabilities, &["thread.cap_permitted", "thread.cap_inheritable", "thread.cap_effective"]),
    (Unavailable::Payload, &["evt.buffer", "evt.is_syslog"]),
    (
        Unavailable::Pointer,
        &[
            "evt.abspath",
            "fd.name_changed",
            "fdlist.nums",
            "fdlist.names",
            "fdlist.cips",
            "fdlist.sips",
            "fdlist.cports",
            "fdlist.sports",
        ],
    ),
    (Unavailable::Inode, &["fd.dev", "fd.dev.major", "fd.dev.minor", "fd.ino", "proc.exe_ino.mtime"]),
    (
        Unavailable::Accounting,
        &[
            "proc.fdopencount",
            "proc.fdlimit",
            "proc.fdusage",
            "proc.vmsize",
            "proc.vmrss",
            "proc.vmswap",
            "proc.nthreads",
            "proc.nchilds",
            "thread.pfmajor",
            "thread.pfminor",
            "thread.exectime",
            "thread.totexectime",
            "thread.cpu",
            "thread.cpu.user",
            "thread.cpu.system",
            "thread.vmsize",
            "thread.vmrss",
            "thread.vmsize.b",
            "thread.vmrss.b",
        ],
    ),
    (Unavailable::Cgroups, &["thread.cgroups", "thread.cgroup"]),
    (Unavailable::Forgotten, &["proc.aenv"]),
    (
        Unavailable::NameService,
        &[
            "fd.cip.name",
            "fd.sip.name",
            "fd.lip.name",
            "fd.rip.name",
            "fd.proto",
            "fd.cproto",
            "fd.sproto",
            "fd.lproto",
            "fd.rproto",
        ],
    ),
    (
        Unavailable::Orchestrator,
        &[
            "container.cni.json",
            "k8s.pod.cni.json",
            "k8s.rc.name",
            "k8s.rc.id",
            "k8s.rc.label",
            "k8s.rc.labels",
            "k8s.svc.name",
            "k8s.svc.id",
            "k8s.svc.label",
            "k8s.svc.labels",
            "k8s.ns.id",
            "k8s.ns.label",
            "k8s.ns.labels",
            "k8s.rs.name",
            "k8s.rs.id",
            "k8s.rs.label",
            "k8s.rs.labels",
            "k8s.deployment.name",
            "k8s.deployment.id",
            "k8s.deployment.label",
            "k8s.deployment.labels",
        ],
    ),
    (
        Unavailable::Probes,
        &[
            "container.healthcheck",
            "container.liveness_probe",
            "container.readiness_probe",
            "proc.is_container_healthcheck",
            "proc.is_container_liveness_probe",
            "proc.is_container_readiness_probe",
        ],
    ),
    (Unavailable::Audit, &["user.loginname"]),
    (Unavailable::Host, &["evt.hostname"]),
    (
        Unavailable::Capture,
        &[
            "evt.latency",
            "evt.latency.s",
            "evt.latency.ns",
            "evt.latency.quantized",
            "evt.latency.human",
            "evt.deltatime",
            "evt.deltatime.s",
            "evt.deltatime.ns",
            "evt.outputtime",
            "evt.type.is",
            "evt.cpu",
            "evt.wait_latency",
            "evt.count.error.file",
            "evt.count.error.net",
            "evt.count.error.memory",
            "evt.count.error.other",
            "evt.count.exit",
            "evt.count.procinfo",
            "evt.count.threadinfo",
            "evt.buflen.in",
            "evt.buflen.out",
            "evt.buflen.file",
            "evt.buflen.file.in",
            "evt.buflen.file.out",
            "evt.buflen.net",
            "evt.buflen.net.in",
            "evt.buflen.net.out",
            "evt.infra.docker.name",
            "evt.infra.docker.container.id",
            "evt.infra.docker.container.name",
            "evt.infra.docker.container.image",
            "fd.uid",
            "thread.nametid",
            "util.cnt",
        ],
    ),
    (Unavailable::Plugin, &["evt.pluginname", "evt.plugininfo", "evt.asynctype"]),
];

/// Names of Falco's for events that gVisor's trace does not have: meta events, and calls of other architectures.
const EVENTS: &[&str] = &[
    "asyncevent",
    "cpu_hotplug",
    "drop",
    "fstat64",
    "groupadded",
    "groupdeleted",
    "infra",
    "k8s",
    "llseek",
    "lstat64",
    "mesos",
    "mmap2",
    "notification",
    "page_fault",
    "pluginevent",
    "procinfo",
    "recv",
    "scapevent",
    "send",
    "signaldeliver",
    "stat64",
    "switch",
    "syscall",
    "task",
    "tracer",
    "useradded",
    "userdeleted",
];

/// All of the fields, with their reasons.
pub fn all() -> impl Iterator<Item = (&'static str, Unavailable)> {
    FIELDS.iter().flat_map(|(reason, names)| names.iter().map(|name| (*name, *reason)))
}

/// Why the field of that name is not to be had; nothing if it is, or is no field at all.
pub(crate) fn reason(name: &str) -> Option<(&'static str, Unavailable)> {
    all().find(|(known, _)| *known == name)
}

/// Whether it is a name of Falco's for an event that never comes.
pub(crate) fn is_event(name: &str) -> bool {
    EVENTS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_both_given_and_not_to_be_had() {
        let mut names: Vec<&str> = all().map(|(name, _)| name).collect();
        for name in &names {
            assert!(super::super::by_name(name).is_none(), "{name}");
        }
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn an_event_that_never_comes_has_no_type() {
        for name in EVENTS {
            assert!(crate::event::EventType::by_name(name).is_none(), "{name}");
        }
    }
}
