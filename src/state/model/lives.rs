//! How processes come to be known to the naive model, and go.

use std::rc::Rc;

use crate::event::{CloneFlags, Context, SentryClone, Tgid, Time};

use super::happens::{Answer, PROCESS};
use super::naive::{About, Act, Ancestor, Ix, Naive, Process, Program, Table, cut};

/// Threads of a process that is gone report so much later at most: a second.
const AFTERLIFE: i64 = 1_000_000_000;

/// So many of the processes that are gone are still known.
const GONE_KNOWN: usize = 64;

/// So many ancestors are carried.
const ANCESTORS: usize = 8;

impl Naive {
    /// The process that an event names, which may be unknown so far.
    pub(super) fn bearer(&mut self, container: Ix, context: &Context<'_>, time: Time) -> Ix {
        let known = self.find(container, context.tgid, context.start);
        // Where nobody says when processes start, whoever bears the id of one that is long gone is another one.
        let is_long_gone = |ix: &Ix| {
            let exited = self.processes[*ix].exited;
            context.start.0 == 0 && exited.is_some_and(|exited| time.0 - exited.0 > AFTERLIFE)
        };
        let ix = match known.filter(|ix| !is_long_gone(ix)) {
            Some(known) => known,
            None => self.stranger(container, context, time),
        };
        let process = &mut self.processes[ix];
        if context.tid.0 == context.tgid.0 && !context.comm.is_empty() {
            process.comm = cut(context.comm.bytes(), 15).to_vec();
        }
        if let Some(credentials) = context.credentials {
            process.uid = Some(credentials.effective_uid);
        }
        ix
    }

    pub(super) fn find(&self, container: Ix, tgid: Tgid, start: Time) -> Option<Ix> {
        if start.0 == 0 {
            return self.newest(container, tgid);
        }
        self.processes
            .iter()
            .rposition(|one| (one.container, one.tgid, one.start) == (container, tgid, start))
            .filter(|ix| !self.processes[*ix].gone)
    }

    /// The last that bore an id.
    pub(super) fn newest(&self, container: Ix, tgid: Tgid) -> Option<Ix> {
        self.processes
            .iter()
            .rposition(|one| (one.container, one.tgid) == (container, tgid))
            .filter(|ix| !self.processes[*ix].gone)
    }

    /// A process that nobody saw being made.
    fn stranger(&mut self, container: Ix, context: &Context<'_>, time: Time) -> Ix {
        self.stubs += 1;
        self.replaces(container, context.tgid, context.start, time);
        let parent = if context.parent.0 > 0 && context.parent != context.tgid {
            self.newest(container, context.parent)
        } else {
            None
        };
        self.tables.push(Table::new());
        let ix = self.processes.len();
        let from = parent.map(|parent| &self.processes[parent]);
        let process = Process {
            container,
            tgid: context.tgid,
            start: context.start,
            seen: false,
            execed: false,
            family: parent.map_or(ix, |parent| self.family_of_child(parent, ix)),
            ancestors: parent.map(|parent| self.ancestors_of_child(parent)).unwrap_or_default(),
            program: from.map_or_else(Program::unknown, |from| Rc::clone(&from.program)),
            comm: cut(context.comm.bytes(), 15).to_vec(),
            uid: None,
            cwd: from.and_then(|from| from.cwd.clone()),
            exec_session: context.exec_session,
            gpu: Vec::new(),
            opens: 0,
            exited: None,
            gone: false,
            table: self.tables.len() - 1,
            inputs: Vec::new(),
            stdin: None,
            runs_from: 0,
            asked: None,
            renames: 0,
            wrote: None,
        };
        self.processes.push(process);
        ix
    }

    /// Children of a container's first process found families; all others belong to their parent's.
    pub(super) fn family_of_child(&self, parent: Ix, child: Ix) -> Ix {
        let first = self.containers[self.processes[parent].container].first;
        if first == Some(parent) { child } else { self.processes[parent].family }
    }

    pub(super) fn ancestors_of_child(&self, parent: Ix) -> Vec<Ancestor> {
        let from = &self.processes[parent];
        let mut ancestors =
            vec![Ancestor { process: parent, tgid: from.tgid, program: Rc::clone(&from.program) }];
        ancestors.extend(from.ancestors.iter().cloned());
        ancestors.truncate(ANCESTORS);
        ancestors
    }

    /// Whoever bore the id of a new process is gone.
    pub(super) fn replaces(&mut self, container: Ix, tgid: Tgid, start: Time, time: Time) {
        if let Some(bearer) = self.newest(container, tgid)
            && self.processes[bearer].start <= start
        {
            self.ends(bearer, time);
        }
    }

    /// A whole process ends.
    pub(super) fn ends(&mut self, ix: Ix, time: Time) {
        let process = &mut self.processes[ix];
        if process.exited.is_some() {
            return;
        }
        process.exited = Some(time);
        process.asked = None;
        self.exits.push(ix);
        if let Some(forgotten) = self.exits.len().checked_sub(GONE_KNOWN + 1) {
            self.processes[self.exits[forgotten]].gone = true;
        }
    }

    pub(super) fn clones(&mut self, act: &Act<'_>, clone: &SentryClone) -> Answer {
        if clone.flags.contains(CloneFlags::THREAD) || clone.created_tgid == act.context.tgid {
            return PROCESS;
        }
        let shares = clone.flags.contains(CloneFlags::FILES);
        let (tgid, start) = (clone.created_tgid, clone.created_start);
        // Without start times a child cannot be told from an old bearer of its id.
        let known = if start.0 == 0 { None } else { self.find(act.container, tgid, start) };
        let child = match known {
            Some(child) => {
                if !self.processes[child].seen && child != act.process {
                    self.completes(act, child, shares);
                }
                child
            }
            None => self.makes(act, tgid, start, shares),
        };
        self.touched.insert(child);
        (None, About::Child(child))
    }

    pub(super) fn makes(&mut self, act: &Act<'_>, tgid: Tgid, start: Time, shares: bool) -> Ix {
        self.replaces(act.container, tgid, start, act.time);
        let child = self.processes.len();
        let parent = &self.processes[act.process];
        let mut table = parent.table;
        if !shares {
            let copy = self.tables[table].clone();
            table = self.tables.len();
            self.tables.push(copy);
        }
        let parent = &self.processes[act.process];
        let comm = act.context.comm.present().map_or(parent.comm.clone(), |comm| cut(comm, 15).to_vec());
        self.processes.push(Process {
            tgid,
            start,
            comm,
            seen: true,
            execed: false,
            family: self.family_of_child(act.process, child),
            ancestors: self.ancestors_of_child(act.process),
            gpu: Vec::new(),
            opens: 0,
            exited: None,
            gone: false,
            table,
            asked: None,
            renames: 0,
            wrote: None,
            ..parent.clone()
        });
        child
    }

    /// The clone of a process that acted before it was reported.
    pub(super) fn completes(&mut self, act: &Act<'_>, child: Ix, shares: bool) {
        let parent = self.processes[act.process].clone();
        // A descendant did not make it.
        if parent.ancestors.iter().any(|ancestor| ancestor.process == child) {
            return;
        }
        let own = self.table(child).clone();
        if shares {
            self.tables[parent.table].extend(own);
            self.processes[child].table = parent.table;
        } else {
            let mut table = self.tables[parent.table].clone();
            table.extend(own);
            *self.table_mut(child) = table;
        }
        let (family, ancestors) =
            (self.family_of_child(act.process, child), self.ancestors_of_child(act.process));
        let stub = &mut self.processes[child];
        stub.seen = true;
        stub.family = family;
        stub.ancestors = ancestors;
        stub.cwd = stub.cwd.take().or(parent.cwd);
        if stub.execed {
            return;
        }
        stub.program = parent.program;
        stub.runs_from = parent.runs_from;
        stub.stdin = stub.stdin.take().or(parent.stdin);
        // What it had from its parent is older than what it got itself.
        let own = std::mem::take(&mut stub.inputs);
        if own.is_empty() {
            parent.inputs.iter().for_each(|source| self.taint(child, source, act.time));
        } else {
            parent.inputs.iter().chain(&own).for_each(|source| {
                stub.note_input(source);
            });
        }
    }
}
