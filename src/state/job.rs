//! Process groups and terminals: who sits where.
//!
//! A group begins with setsid(2) or setpgid(2); it passes to children and outlasts an exec. The terminal is what the
//! sentry says of an exec's standard descriptors, or of the container's start; a session that begins anew has none
//! until then. What nobody said is not known, and no default stands for it.

use crate::event::{ContainerStart, FdInfo, Gid, Raw, SentryExecve, Tgid};

use super::{Process, ProcessId, State};

/// The device number of the first pseudo terminal: major 136, minor 0 (`Documentation/admin-guide/devices.txt`).
const FIRST_PTS: u32 = 136 << 8;

/// Where a process sits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The process group: the id of its first leader.
    pub group: Option<Tgid>,
    /// The terminal as Linux numbers devices; 0 is none.
    pub tty: Option<u32>,
    /// The effective group of users.
    pub gid: Option<Gid>,
}

impl Job {
    /// Of a process that leads a group of its own.
    pub(crate) fn leader(self, tgid: Tgid) -> Job {
        Job { group: Some(tgid), ..self }
    }

    /// Of a process that began a session: it leads a group of its own, and has no terminal yet.
    pub(crate) fn alone(self, tgid: Tgid) -> Job {
        Job { tty: Some(0), ..self.leader(tgid) }
    }

    /// With what is not known from another.
    pub(crate) fn or(self, other: Job) -> Job {
        Job { group: self.group.or(other.group), tty: self.tty.or(other.tty), gid: self.gid.or(other.gid) }
    }
}

/// The number of the terminal at that path; 0 if it is none.
fn terminal_at(path: &[u8]) -> u32 {
    let number =
        path.strip_prefix(b"/dev/pts/").and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
    match number {
        Some(minor) => FIRST_PTS.saturating_add(minor),
        None if path.starts_with(b"/dev/tty") || path == b"/dev/console" => FIRST_PTS,
        None => 0,
    }
}

impl Process {
    /// The first process of a container leads its session.
    pub(crate) fn sits_at_start(&mut self, start: &ContainerStart<'_>) {
        let tty = Some(if start.terminal { FIRST_PTS } else { 0 });
        self.job = Job { tty, ..self.job.leader(self.key.tgid) };
    }

    /// What an exec says of the terminal. A pipe on all three says nothing: the terminal is the session's.
    pub(crate) fn sits_at_exec(&mut self, exec: &SentryExecve<'_>) {
        let standard: [&Option<FdInfo<'_>>; 3] = [&exec.stdin, &exec.stdout, &exec.stderr];
        let told = standard.iter().copied().flatten();
        let terminal = told.clone().map(|fd| terminal_at(fd.path.bytes())).max();
        match terminal {
            Some(0) => self.job.tty = self.job.tty.or(Some(0)),
            Some(terminal) => self.job.tty = Some(terminal),
            None => {}
        }
    }
}

impl State {
    /// setpgid(2) succeeded; the numbers are those of the caller's PID namespace, which gVisor's traces have one of.
    pub(crate) fn began_group(&mut self, caller: ProcessId, raw: &Raw) {
        let Some(own) = self.processes.get(caller).map(|process| process.key) else { return };
        let number = |register: usize| match raw.fd(register).0 {
            0 => None,
            number => Some(Tgid(number)),
        };
        let target = match number(1) {
            Some(tgid) if tgid != own.tgid => self.processes.newest(own.container, tgid),
            Some(_) | None => Some(caller),
        };
        if let Some(process) = target.and_then(|target| self.processes.get_mut(target)) {
            process.job.group = Some(number(2).unwrap_or(process.key.tgid));
        }
    }
}
