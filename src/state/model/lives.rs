//! How processes come to be known to the naive model, and go.

use std::rc::Rc;

use crate::event::{CloneFlags, Context, SentryClone, Tgid, Time};

use super::happens::{Answer, PROCESS};
use super::naive::{About, Act, Ancestor, Ix, Naive, Process, Program, Table, cut};
use super::tables::Early;
use super::words::meaning;

/// Threads of a process that is gone report so much later at most: a second.
const AFTERLIFE: i64 = 1_000_000_000;

/// So many of the processes that are gone are still known.
const GONE_KNOWN: usize = 64;

/// So many ancestors are carried.
const ANCESTORS: usize = 8;

/// How much later than the first event of a process its clone may come: 50 ms.
const LATE: i64 = 50_000_000;

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

    /// The last that bore an id: a clone may be reported when another one bears it already.
    pub(super) fn newest(&self, container: Ix, tgid: Tgid) -> Option<Ix> {
        (0..self.processes.len())
            .filter(|ix| (self.processes[*ix].container, self.processes[*ix].tgid) == (container, tgid))
            .max_by_key(|ix| self.processes[*ix].start)
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
        if let Some(early) = parent.and_then(|parent| self.processes[parent].early.as_mut()) {
            early.made_others = true;
        }
        let table = self.new_table(Table::new());
        let ix = self.processes.len();
        let from = parent.map(|parent| &self.processes[parent]);
        let process = Process {
            container,
            tgid: context.tgid,
            start: context.start,
            seen: false,
            since: time,
            early: Some(Early::default()),
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
            table,
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
        // Without start times only its youth tells a child that runs already from an old bearer of its id.
        let is_young = |ix: &Ix| {
            let one = &self.processes[*ix];
            one.early.is_some() && one.exited.is_none() && act.time.0 - one.since.0 <= LATE
        };
        let known = match start.0 {
            0 => self.newest(act.container, tgid).filter(is_young),
            _ => self.find(act.container, tgid, start),
        };
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
        if let Some(early) = &mut self.processes[act.process].early {
            early.made_others = true;
        }
        let table = match shares {
            true => self.processes[act.process].table,
            false => self.new_table(self.table(act.process).clone()),
        };
        let parent = &self.processes[act.process];
        let comm =
            act.context.comm.present().map_or_else(|| parent.comm.clone(), |comm| cut(comm, 15).to_vec());
        self.processes.push(Process {
            tgid,
            start,
            comm,
            seen: true,
            since: act.time,
            early: None,
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
        let early = self.processes[child].early.take().unwrap_or_default();
        self.inherits(child, act.process, shares, &early);
        let (family, ancestors) =
            (self.family_of_child(act.process, child), self.ancestors_of_child(act.process));
        let stub = &mut self.processes[child];
        let old_family = std::mem::replace(&mut stub.family, family);
        stub.seen = true;
        stub.ancestors.clone_from(&ancestors);
        stub.uid = stub.uid.or(parent.uid);
        stub.exec_session |= parent.exec_session;
        if !early.has_own_cwd {
            stub.cwd = parent.cwd;
        }
        if early.made_others {
            self.adopts(child, old_family);
        }
        if early.has_own_program {
            // What it was told to run, and from where, hangs on descriptors that were not known.
            let context = Context::default();
            self.looks_again(&Act { context: &context, process: child, ..*act });
            return;
        }
        let stub = &mut self.processes[child];
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

    fn looks_again(&mut self, act: &Act<'_>) {
        let old = Program::clone(&self.processes[act.process].program);
        let meaning = meaning(&old.path, &old.argv);
        let program = self.program(act, &old.path, old.name, old.argv, old.executable, meaning);
        let program = Program { time: old.time, ..Program::clone(&program) };
        self.processes[act.process].program = Rc::new(program);
        self.feeds(act);
    }

    /// Those whom a process made before it was known who made it descend from its makers as well.
    fn adopts(&mut self, found: Ix, old_family: Ix) {
        let (family, above) = (self.processes[found].family, self.processes[found].ancestors.clone());
        for process in &mut self.processes {
            let Some(at) = process.ancestors.iter().position(|one| one.process == found) else { continue };
            process.ancestors.truncate(at + 1);
            process.ancestors.extend(above.iter().cloned());
            process.ancestors.truncate(ANCESTORS);
            if process.family == old_family {
                process.family = family;
            }
        }
    }
}
