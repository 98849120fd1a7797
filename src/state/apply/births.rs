//! How processes come to be and to belong: clone, the completion of those that were heard of first, sessions, exit.
//!
//! Whom a process descends from is told by its clone alone. The parent in an event's context is the current one: it
//! changes when the parent exits, and a daemon forks twice for just that.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::event::{CloneFlags, Context, Exit, Nanos, Raw, SentryClone};

use super::super::early::{Early, Offspring, Own};
use super::super::fds::TableOp;
use super::super::orders::Heard;
use super::super::process::{
    Comm, CommBy, Deeds, Loaded, MAX_ANCESTORS, MemoryId, SessionLeader, ancestors_of_child,
};
use super::super::{
    Ancestor, Birth, Budget, Descriptor, FdTable, Gpu, LineageId, Process, ProcessId, ProcessKey,
    ProcessSerial, Shared, State, Subject, Time,
};
use super::{About, Acting, PROCESS};

/// How much later than its first event the clone of a process may come, in a session that does not say when
/// processes start: threads report microseconds to milliseconds late. One that was heard of longer ago is an old bearer
/// of the id.
const LATE: Nanos = Nanos::from_millis(50);

impl State {
    /// A thread or process was made by the acting one.
    ///
    /// Threads have no state of their own: one that was made without `CLONE_FILES`, or left the table by unshare(2),
    /// is taken to share it still. No C library, runtime or language makes such threads.
    pub(super) fn sentry_clone(&mut self, acting: &Acting<'_>, clone: &SentryClone) -> About {
        if clone.is_thread() || clone.created_tgid == acting.context.tgid {
            return PROCESS;
        }
        let key =
            ProcessKey { container: acting.container, tgid: clone.created_tgid, start: clone.created_start };
        let child = match self.early_child(key, acting.time) {
            Some(child) => {
                self.complete_stub(acting, child, clone.flags);
                child
            }
            None => match self.new_child(acting, key, clone.flags) {
                Some(child) => child,
                None => return PROCESS,
            },
        };
        (None, Subject::Child(child))
    }

    /// The child, if it was heard of before its clone.
    fn early_child(&mut self, key: ProcessKey, now: Time) -> Option<ProcessId> {
        if key.start.is_known()
            && let Some(known) = self.processes.find(key)
        {
            return Some(known);
        }
        // Nothing tells a child that runs already from an old bearer of its id but how long it has been known.
        let newest = self.processes.newest(key.container, key.tgid)?;
        let process = self.processes.get(newest).filter(|process| !process.key.start.is_known())?;
        let is_fresh =
            process.early.is_some() && process.exited.is_none() && now.since(process.since) <= LATE;
        is_fresh.then_some(newest)
    }

    fn new_child(&mut self, acting: &Acting<'_>, key: ProcessKey, flags: CloneFlags) -> Option<ProcessId> {
        let parent = acting.process;
        let serial = ProcessSerial(self.next_serial());
        let memory = self.shared_memory(parent, flags);
        let maker = self.processes.get_mut(parent)?;
        if let Some(early) = &mut maker.early {
            early.offspring = Offspring::Some;
        }
        let heard = maker.heard.and_then(Heard::of_child);
        if let Some(heard) = &mut maker.heard {
            heard.acts();
        }
        let from = self.processes.get(parent)?;
        let process = Process {
            key,
            serial,
            lineage: self.lineage_of_child(from, serial),
            birth: Birth::Seen,
            since: acting.time,
            ancestors: ancestors_of_clone(from, flags, &self.budget),
            program: Arc::clone(&from.program),
            // That of the calling thread, which may have a name of its own.
            comm: acting.context.comm.present().map_or(from.comm, Comm::new),
            uid: from.uid,
            cwd: from.cwd.clone(),
            job: from.job,
            // A CUDA context does not survive a fork; who shares the memory shares it, too.
            gpu: if memory.is_some() { from.gpu.clone() } else { Gpu::default() },
            exec_session: from.exec_session,
            session: from.session,
            opens: 0,
            exited: None,
            fds: from.fds,
            // The memory is copied, and with it what was read.
            inputs: from.inputs.clone(),
            stdin: from.stdin.clone(),
            runs_from: from.runs_from,
            memory,
            asked: None,
            exec_unseen: from.exec_unseen,
            loaded: Loaded::No,
            connecting: None,
            losses: self.sight.lost(),
            comm_by: CommBy::Known,
            early: None,
            renames: 0,
            taken_along: 0,
            deeds: Deeds::None,
            terminal: None,
            wrote: None,
            code: from.code.clone(),
            heard,
            work: super::super::work::Work::default(),
        };
        let fds = if flags.contains(CloneFlags::FILES) {
            self.processes.share_table(process.fds)
        } else {
            let copy = self.processes.fds(parent).cloned();
            let copy = copy.unwrap_or_else(|| FdTable::new(&self.budget));
            self.processes.new_table(copy)
        };
        Some(self.processes.insert(Process { fds, ..process }))
    }

    /// The memory that a child shares with its maker from now on. The child of a vfork(2) has it until its exec, and
    /// does nothing but that.
    fn shared_memory(&mut self, parent: ProcessId, flags: CloneFlags) -> Option<MemoryId> {
        if !flags.contains(CloneFlags::VM) || flags.contains(CloneFlags::VFORK) {
            return None;
        }
        let parent = self.processes.get_mut(parent)?;
        let own = MemoryId(parent.serial);
        Some(*parent.memory.get_or_insert(own))
    }

    /// The clone of a process that was heard of before it: what the child did already it did to what it inherits.
    fn complete_stub(&mut self, acting: &Acting<'_>, child: ProcessId, flags: CloneFlags) {
        let parent = acting.process;
        if parent == child || self.processes.get(child).is_none_or(|child| child.birth == Birth::Seen) {
            return;
        }
        let maker = self.processes.get(parent).map(|maker| &maker.ancestors);
        let serial = self.processes.get(child).map(|child| child.serial);
        // Nobody is made by a descendant; only a sentry that lies says so.
        if maker.is_some_and(|ancestors| ancestors.iter().any(|ancestor| Some(ancestor.serial) == serial)) {
            return;
        }
        let early = self.processes.get_mut(child).and_then(|child| child.early.take()).unwrap_or_default();
        self.inherit_fds(acting, child, flags, &early);
        let memory = match early.program {
            Own::Inherited => self.shared_memory(parent, flags),
            Own::Set => None,
        };
        let Some(from) = self.processes.get(parent) else { return };
        let Some(serial) = self.processes.get(child).map(|child| child.serial) else { return };
        let lineage = self.lineage_of_child(from, serial);
        let (ancestors, program, cwd, inputs, stdin, code) = (
            ancestors_of_clone(from, flags, &self.budget),
            Arc::clone(&from.program),
            from.cwd.clone(),
            from.inputs.clone(),
            from.stdin.clone(),
            from.code.clone(),
        );
        let (uid, session, job, exec_session, runs_from, exec_unseen) =
            (from.uid, from.session, from.job, from.exec_session, from.runs_from, from.exec_unseen);
        let Some(process) = self.processes.get_mut(child) else { return };
        let old_lineage = process.lineage;
        process.birth = Birth::Seen;
        process.lineage = lineage;
        process.ancestors = ancestors;
        process.memory = memory;
        process.uid = process.uid.or(uid);
        process.session = process.session.or(session);
        process.job = process.job.or(job);
        process.exec_session |= exec_session;
        if early.cwd == Own::Inherited {
            process.cwd = cwd;
        }
        if early.offspring == Offspring::Some {
            self.adopt_offspring(child, old_lineage);
        }
        match early.program {
            Own::Inherited => {
                let Some(process) = self.processes.get_mut(child) else { return };
                process.program = program;
                // What it took in already it took in on top of that.
                for own in std::mem::replace(&mut process.code, code) {
                    process.take_in(&own.path, &own.provenance, own.taken);
                }
                process.exec_unseen |= exec_unseen;
                process.runs_from = runs_from;
                process.stdin = process.stdin.take().or(stdin);
                // What it had from its maker is older than what it got itself.
                let own = std::mem::take(&mut process.inputs);
                if own.is_empty() {
                    for source in inputs {
                        self.taint(child, &source, acting.time);
                    }
                } else {
                    for source in inputs.iter().chain(&own) {
                        process.note_input(source);
                    }
                }
            }
            Own::Set => {
                // Which script it runs and what feeds it was asked of descriptors that were not known yet.
                let context = Context::default();
                let child = Acting { context: &context, process: child, ..*acting };
                self.look_into_program(&child);
            }
        }
    }

    fn inherit_fds(&mut self, acting: &Acting<'_>, child: ProcessId, flags: CloneFlags, early: &Early) {
        let parent = acting.process;
        let inherited = self.processes.fds(parent).cloned();
        let own: SmallVec<[_; 8]> = match early.ops() {
            Some(_) => SmallVec::new(),
            None => self.processes.fds(child).into_iter().flat_map(FdTable::iter).collect(),
        };
        if flags.contains(CloneFlags::FILES) {
            self.processes.join_table(child, parent);
        } else if let Some(table) = self.processes.fds_mut(child)
            && let Some(inherited) = inherited
        {
            *table = inherited;
        }
        for op in early.ops().unwrap_or_default() {
            if let TableOp::Mend(fd, mended) = *op
                && let Some(inherited) = self.processes.fds(child).and_then(|fds| fds.get(fd))
            {
                self.same(acting, inherited.object, mended.object);
            }
            if *op == TableOp::Exec {
                self.processes.unshare_table(child);
            }
            if let Some(table) = self.processes.fds_mut(child) {
                // What does not fit was counted when it happened.
                let _counted = table.apply(*op);
            }
        }
        // Too much was done for all of it to be kept: then what the child has now is its own.
        for (fd, descriptor) in own {
            let descriptor: Descriptor = descriptor;
            if let Some(table) = self.processes.fds_mut(child) {
                let _counted = table.set(fd, descriptor);
            }
        }
    }

    /// A process found its maker after it had made others itself: they descend from that one as well.
    fn adopt_offspring(&mut self, found: ProcessId, old_lineage: LineageId) {
        let Some(process) = self.processes.get(found) else { return };
        let budget = self.budget.clone();
        let (serial, lineage, above) = (process.serial, process.lineage, process.ancestors.clone());
        let below: Vec<ProcessId> = self
            .processes
            .iter()
            .filter(|(_, process)| process.ancestors.iter().any(|ancestor| ancestor.serial == serial))
            .map(|(id, _)| id)
            .collect();
        for id in below {
            let Some(process) = self.processes.get_mut(id) else { continue };
            let known = process.ancestors.iter().position(|ancestor| ancestor.serial == serial).unwrap_or(0);
            let below = process.ancestors.iter().take(known.saturating_add(1));
            let ancestors = below.chain(above.iter()).take(MAX_ANCESTORS).cloned();
            process.ancestors = Shared::new(ancestors.collect::<Box<[Ancestor]>>(), &budget);
            if process.lineage == old_lineage {
                process.lineage = lineage;
            }
        }
    }

    /// setsid(2): the process leads a session of its own, which is named after it.
    pub(super) fn setsid(&mut self, acting: &Acting<'_>, exit: Exit) -> About {
        if exit.succeeded()
            && let Some(process) = self.processes.get_mut(acting.process)
        {
            process.session = Some(SessionLeader::of(process));
            process.job = process.job.alone(process.key.tgid);
        }
        PROCESS
    }

    /// unshare(2) with `CLONE_FILES`: the table is the process's own from now on.
    pub(super) fn unshare(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        let flags = CloneFlags::from_bits_retain(raw.arg(1));
        if raw.call.exit?.succeeded() && flags.contains(CloneFlags::FILES) {
            self.processes.unshare_table(acting.process);
        }
        Some(PROCESS)
    }

    /// The whole process is gone.
    pub(super) fn process_exit(&mut self, acting: &Acting<'_>) -> About {
        self.processes.exited(acting.process, acting.time);
        PROCESS
    }
}

/// The ancestors of a child. With `CLONE_PARENT` it is a sibling of its maker: the kernel's word for whom it belongs
/// to. Its family stays its maker's, so that nobody disowns a child.
fn ancestors_of_clone(maker: &Process, flags: CloneFlags, budget: &Budget) -> Shared<Ancestor> {
    match flags.contains(CloneFlags::PARENT) {
        true => maker.ancestors.clone(),
        false => ancestors_of_child(maker, budget),
    }
}
