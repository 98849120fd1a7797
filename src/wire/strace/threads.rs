//! Who is who: threads, the groups they are in, and which call made them.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::CloneFlags;

use super::line::Call;
use super::names;
use super::records::{Happened, Record};
use super::value::Value;

/// Ancestors of a thread that are made known with it. A log that needs more makes its own loops.
const MAX_ANCESTORS: usize = 64;

/// Bytes of a thread's name (`TASK_COMM_LEN` without its end).
const COMM_LENGTH: usize = 15;

/// A thread that lives.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) tgid: i32,
    /// When it was made, in nanoseconds.
    pub(super) start: i64,
    pub(super) comm: Vec<u8>,
}

/// A group of threads: a process.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) start: i64,
    /// The group that made it; 0 if nothing tells.
    pub(super) parent: i32,
    /// Its working directory; empty if nothing tells.
    pub(super) cwd: Vec<u8>,
    /// Its threads that live.
    members: BTreeSet<i32>,
}

/// A call made a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) child: i32,
    pub(super) parent: i32,
    pub(super) flags: u64,
    begin: i64,
    line: usize,
}

/// All threads of a log.
#[derive(Debug, Default)]
pub(super) struct Threads {
    threads: BTreeMap<i32, Thread>,
    groups: BTreeMap<i32, Group>,
    /// By child, in the order of the log, those that were not told yet.
    births: BTreeMap<i32, Vec<Birth>>,
}

impl Threads {
    /// Finds who makes whom: a child's first line can come before the end of the call that made it.
    pub(super) fn new(records: &[Record<'_>]) -> Threads {
        let mut births: BTreeMap<i32, Vec<Birth>> = BTreeMap::new();
        for record in records {
            let Happened::Call(text) = &record.what else { continue };
            if let Some(birth) = birth(record, text) {
                births.entry(birth.child).or_default().push(birth);
            }
        }
        Threads { births, ..Threads::default() }
    }

    /// The births that must be told before something of the thread is, eldest first.
    pub(super) fn untold(&mut self, tid: i32, now: i64) -> Vec<Birth> {
        let mut untold = Vec::new();
        let mut tid = tid;
        while untold.len() < MAX_ANCESTORS && !self.threads.contains_key(&tid) {
            let Some(birth) = self.take_birth(tid, |birth| birth.begin <= now) else { break };
            tid = birth.parent;
            untold.push(birth);
        }
        untold.reverse();
        untold
    }

    /// The birth that a call ended with, if it was not told when the child first did something.
    pub(super) fn told_by(&mut self, record: &Record<'_>, text: &[u8]) -> Option<Birth> {
        let made = birth(record, text)?;
        self.take_birth(made.child, |birth| birth.line == made.line && birth.parent == made.parent)
    }

    fn take_birth(&mut self, child: i32, wanted: impl Fn(&Birth) -> bool) -> Option<Birth> {
        let births = self.births.get_mut(&child)?;
        let at = births.iter().position(wanted)?;
        Some(births.remove(at))
    }

    /// A thread is made.
    pub(super) fn born(&mut self, birth: Birth, now: i64) {
        let parent = self.ensure(birth.parent, now).clone();
        let flags = CloneFlags::from_bits_retain(birth.flags);
        let tgid = if flags.contains(CloneFlags::THREAD) { parent.tgid } else { birth.child };
        if tgid == birth.child {
            let of_parent = self.groups.get(&parent.tgid);
            let grandparent = of_parent.map_or(0, |group| group.parent);
            let group = Group {
                start: now,
                parent: if flags.contains(CloneFlags::PARENT) { grandparent } else { parent.tgid },
                cwd: of_parent.map(|group| group.cwd.clone()).unwrap_or_default(),
                members: BTreeSet::new(),
            };
            self.groups.insert(tgid, group);
        }
        if let Some(group) = self.groups.get_mut(&tgid) {
            group.members.insert(birth.child);
        }
        self.threads.insert(birth.child, Thread { tgid, start: now, comm: parent.comm });
    }

    /// The thread; one that nothing tells of begins its own group now.
    pub(super) fn ensure(&mut self, tid: i32, now: i64) -> &Thread {
        self.threads.entry(tid).or_insert_with(|| {
            let alone = || Group { start: now, parent: 0, cwd: Vec::new(), members: BTreeSet::new() };
            self.groups.entry(tid).or_insert_with(alone).members.insert(tid);
            Thread { tgid: tid, start: now, comm: Vec::new() }
        })
    }

    pub(super) fn thread(&self, tid: i32) -> Option<(&Thread, &Group)> {
        let thread = self.threads.get(&tid)?;
        Some((thread, self.groups.get(&thread.tgid)?))
    }

    /// Its group has this working directory.
    pub(super) fn set_cwd(&mut self, tid: i32, cwd: &[u8]) {
        let group = self.threads.get(&tid).and_then(|thread| self.groups.get_mut(&thread.tgid));
        if let Some(group) = group.filter(|_| cwd.starts_with(b"/")) {
            group.cwd = cwd.to_vec();
        }
    }

    /// The thread has this name.
    pub(super) fn set_comm(&mut self, tid: i32, comm: &[u8]) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.comm = comm.get(..COMM_LENGTH).unwrap_or(comm).to_vec();
        }
    }

    /// The thread runs another program: it leads its group from now on, and the others are gone.
    pub(super) fn exec(&mut self, tid: i32, path: &[u8]) {
        let Some(thread) = self.threads.remove(&tid) else { return };
        let tgid = thread.tgid;
        let mut start = thread.start;
        if let Some(group) = self.groups.get_mut(&tgid) {
            start = group.start;
            for member in std::mem::replace(&mut group.members, BTreeSet::from([tgid])) {
                self.threads.remove(&member);
            }
        }
        self.threads.insert(tgid, Thread { start, ..thread });
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        self.set_comm(tgid, name);
    }

    /// The thread has ended; whether it was the last of its group.
    pub(super) fn ended(&mut self, tid: i32) -> bool {
        let Some(thread) = self.threads.remove(&tid) else { return false };
        let Some(group) = self.groups.get_mut(&thread.tgid) else { return true };
        group.members.remove(&tid);
        let last = group.members.is_empty();
        if last {
            self.groups.remove(&thread.tgid);
        }
        last
    }
}

/// The thread that a call made, if it made one.
pub(super) fn child_of(record: &Record<'_>, text: &[u8]) -> Option<i32> {
    birth(record, text).map(|birth| birth.child)
}

/// What a call made, if it made a thread.
fn birth(record: &Record<'_>, text: &[u8]) -> Option<Birth> {
    if ![b"clone".as_slice(), b"fork", b"vfork"].iter().any(|name| text.starts_with(name)) {
        return None;
    }
    let call = Call::read(text)?;
    let flags = clone_flags(&call)?;
    let child = i32::try_from(call.returned?.result).ok().filter(|child| *child > 0)?;
    Some(Birth { child, parent: record.tid, flags, begin: record.begin, line: record.line })
}

/// The flags as the kernel has them, the child's signal in the low byte.
fn clone_flags(call: &Call<'_>) -> Option<u64> {
    let flags = |value: Option<&Value<'_>>| value.and_then(Value::word).and_then(names::value);
    match call.name {
        b"fork" => names::value(b"SIGCHLD"),
        b"vfork" => names::value(b"CLONE_VM|CLONE_VFORK|SIGCHLD"),
        b"clone" => flags(call.args.iter().find(|arg| arg.name == b"flags").map(|arg| &arg.value)),
        b"clone3" => {
            let args = &call.args.first()?.value;
            Some(flags(args.part(b"flags"))? | flags(args.part(b"exit_signal")).unwrap_or(0))
        }
        _ => None,
    }
}
