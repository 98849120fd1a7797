//! What a script need not say: who exists, who started when, which descriptors are taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::ScriptErrorKind;
use super::script::{Deed, Made};
use crate::event::{CloneFlags, Kind, Nanos, SentryClone, Tgid, Tid, Time};

/// The container of a line that names none, as its first process claims it.
const CONTAINER: &[u8] = b"script";

/// The first process of that container, and what it runs.
const FIRST: i32 = 1;
const ENTRYPOINT: &[u8] = b"/entrypoint\0";

/// The processes of a script.
#[derive(Debug, Default)]
pub(super) struct World {
    processes: BTreeMap<i32, Process>,
    /// By container, its first process.
    containers: BTreeMap<Arc<[u8]>, i32>,
    last_start: Time,
}

#[derive(Clone, Debug)]
struct Process {
    container: Arc<[u8]>,
    start: Time,
    comm: Arc<[u8]>,
    /// The open descriptors, and whether they close on exec.
    fds: BTreeMap<i32, bool>,
}

/// A point in time at which things happen.
#[derive(Debug)]
pub(super) struct Moment<'w> {
    world: &'w mut World,
    line: usize,
    pub(super) time: Time,
    made: &'w mut Vec<Made>,
    tid: Option<(i32, i32)>,
}

impl World {
    pub(super) fn at<'w>(&'w mut self, line: usize, time: Time, made: &'w mut Vec<Made>) -> Moment<'w> {
        Moment { world: self, line, time, made, tid: None }
    }

    /// No two processes start at the same time, so that a reused id is another process.
    fn start_at(&mut self, time: Time) -> Time {
        let start = if time > self.last_start { time } else { self.last_start.after(Nanos(1)) };
        self.last_start = start;
        start
    }
}

impl Moment<'_> {
    /// Sees to it that the process exists: the first one of its container starts it, all others are cloned.
    pub(super) fn introduce(
        &mut self,
        pid: i32,
        parent: Option<i32>,
        container: Option<Vec<u8>>,
        starts: bool,
    ) -> Result<(), ScriptErrorKind> {
        if self.world.processes.contains_key(&pid) {
            return match parent.is_some() || container.is_some() {
                true => Err(ScriptErrorKind::KnownProcess(pid)),
                false => Ok(()),
            };
        }
        let parents =
            parent.and_then(|parent| self.world.processes.get(&parent)).map(|it| Arc::clone(&it.container));
        if let Some(parent) = parent.filter(|parent| parents.is_none() && *parent != FIRST) {
            return Err(ScriptErrorKind::UnknownParent(parent));
        }
        let container: Arc<[u8]> = match (container, parents) {
            (Some(container), _) => container.into(),
            (None, Some(parents)) => parents,
            (None, None) => CONTAINER.into(),
        };
        let first = match self.world.containers.get(&container) {
            Some(first) => *first,
            None => {
                let first = if *container == *CONTAINER { FIRST } else { pid };
                self.begin(first, &container);
                if !(starts && first == pid) {
                    let id = Arc::clone(&container);
                    self.push(first, Deed::Start { id, argv: ENTRYPOINT.to_vec() });
                }
                first
            }
        };
        if pid != first {
            self.clone_from(parent.unwrap_or(first), pid);
        }
        Ok(())
    }

    fn begin(&mut self, pid: i32, container: &Arc<[u8]>) {
        let start = self.world.start_at(self.time);
        let fds = (0..3).map(|fd| (fd, false)).collect();
        let comm = Arc::from(&b"entrypoint"[..]);
        self.world.processes.insert(pid, Process { container: Arc::clone(container), start, comm, fds });
        self.world.containers.insert(Arc::clone(container), pid);
    }

    /// A process is made by another.
    pub(super) fn clone_from(&mut self, parent: i32, pid: i32) {
        let Some(from) = self.world.processes.get(&parent).cloned() else { return };
        let start = self.world.start_at(self.time);
        self.world.processes.insert(pid, Process { start, ..from });
        let clone = SentryClone {
            created_tid: Tid(pid),
            created_tgid: Tgid(pid),
            created_start: start,
            flags: CloneFlags::default(),
        };
        self.push(parent, Deed::Plain(Box::new(Kind::SentryClone(clone))));
    }

    /// The line names a thread and what it calls itself.
    pub(super) fn call_it(&mut self, pid: i32, tid: i32, comm: Option<&[u8]>) {
        self.tid = Some((pid, tid));
        if let (Some(comm), Some(process)) = (comm, self.world.processes.get_mut(&pid)) {
            process.comm = comm.into();
        }
    }

    /// What the container of a process is called.
    pub(super) fn container(&self, pid: i32) -> Arc<[u8]> {
        self.world
            .processes
            .get(&pid)
            .map_or_else(|| CONTAINER.into(), |process| Arc::clone(&process.container))
    }

    /// Something happens.
    pub(super) fn push(&mut self, pid: i32, deed: Deed) {
        let Some(process) = self.world.processes.get(&pid) else { return };
        let tid = self.tid.filter(|(of, _)| *of == pid).map_or(pid, |(_, tid)| tid);
        self.made.push(Made {
            line: self.line,
            time: self.time,
            pid,
            tid,
            start: process.start,
            container: Arc::clone(&process.container),
            comm: Arc::clone(&process.comm),
            deed,
        });
    }

    /// The process runs another program.
    pub(super) fn execs(&mut self, pid: i32, path: &[u8]) {
        if let Some(process) = self.world.processes.get_mut(&pid) {
            process.fds.retain(|_, on_exec| !*on_exec);
            process.comm =
                path.rsplit(|byte| *byte == b'/').next().unwrap_or(path).iter().copied().take(15).collect();
        }
    }

    /// The process is gone; its id can be given again.
    pub(super) fn exits(&mut self, pid: i32) {
        self.world.processes.remove(&pid);
    }

    /// Whether a descriptor is open.
    pub(super) fn is_open(&self, pid: i32, fd: i32) -> bool {
        self.world.processes.get(&pid).is_some_and(|process| process.fds.contains_key(&fd))
    }

    /// Opens the descriptor that is given, or else the lowest one that is free.
    pub(super) fn open(&mut self, pid: i32, given: Option<i32>, on_exec: bool) -> i32 {
        let Some(process) = self.world.processes.get_mut(&pid) else { return given.unwrap_or(0) };
        let fd = given.or_else(|| (0..i32::MAX).find(|fd| !process.fds.contains_key(fd))).unwrap_or(0);
        process.fds.insert(fd, on_exec);
        fd
    }

    /// Closes a descriptor.
    pub(super) fn close(&mut self, pid: i32, fd: i32) {
        if let Some(process) = self.world.processes.get_mut(&pid) {
            process.fds.remove(&fd);
        }
    }
}
