//! Start, clone, exec, exit, working directory.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::event::{Chdir, CloneFlags, ContainerStart, Execve, Fd, SentryClone, SentryExecve, Sysno};

use super::super::interpreter::Runs;
use super::super::moved::Inode;
use super::super::path::{PATH_MAX, basename, canonical, without_deleted};
use super::super::process::{AskedProgram, Comm, Deeds, ancestors_of_child};
use super::super::program::{Argv, COMM_MAX, Origin, Program, Provenance, Script, comm_of};
use super::super::{
    Birth, Charge, FdTable, FileId, Gpu, Object, Pins, Process, ProcessId, ProcessKey, ProcessSerial, Shared,
    State, Subject,
};
use super::arrival::Layer;
use super::{About, Acting, PROCESS};

/// What tells a program's file apart, where the release says it.
fn inode_of(exec: &SentryExecve<'_>) -> Option<Inode> {
    (exec.ino.0 != 0).then_some(Inode { ino: exec.ino, size: exec.size, upper: exec.overlay_upper })
}

impl State {
    /// The first process is about to run: there is no exec event for it, so its arguments make its program.
    pub(super) fn container_start(&mut self, acting: &Acting<'_>, start: &ContainerStart<'_>) -> About {
        let argv = Argv::copy(&start.args);
        let cwd = start.cwd.present().map(|cwd| Shared::new(cwd, &self.budget));
        let path = argv.first().and_then(|first| canonical(start.cwd.present(), first)).unwrap_or_default();
        // What a container starts with comes from its image, but no release says so; and a word without a slash is
        // found along a search path that nobody tells.
        let named = argv.first().is_some_and(|first| first.contains(&b'/'));
        let origin = if named && self.is_in_image(acting, &path) { Origin::Image } else { Origin::Unknown };
        let executable = Provenance { origin, derivation: None };
        let name = comm_of(if path.is_empty() { argv.first().unwrap_or_default() } else { &path });
        let program = self.with_script(
            acting,
            Program {
                path,
                name,
                argv,
                executable,
                script: None,
                time: acting.time,
                charge: Charge::default(),
                pins: Pins::default(),
            },
        );
        let program = program.kept(&self.budget);
        let Some(process) = self.processes.get_mut(acting.process) else { return PROCESS };
        process.program = program;
        process.birth = Birth::Seen;
        process.cwd = cwd;
        let serial = process.serial;
        if let Some(container) = self.container_mut(acting.container) {
            container.first.get_or_insert(serial);
        }
        PROCESS
    }

    /// A thread or process was made by the acting one.
    pub(super) fn sentry_clone(&mut self, acting: &Acting<'_>, clone: &SentryClone) -> About {
        if clone.is_thread() || clone.created_tgid == acting.context.tgid {
            return PROCESS;
        }
        let key =
            ProcessKey { container: acting.container, tgid: clone.created_tgid, start: clone.created_start };
        // A session that does not say when processes start cannot tell a child that runs already from an old bearer
        // of its id: then the child is new.
        let known = key.start.is_known().then(|| self.processes.find(key)).flatten();
        let child = match known {
            Some(child) => {
                self.complete_stub(acting, child, clone.flags);
                child
            }
            None => match self.new_child(acting.process, key, clone.flags) {
                Some(child) => child,
                None => return PROCESS,
            },
        };
        (None, Subject::Child(child))
    }

    fn new_child(&mut self, parent: ProcessId, key: ProcessKey, flags: CloneFlags) -> Option<ProcessId> {
        let serial = ProcessSerial(self.next_serial());
        let from = self.processes.get(parent)?;
        let process = Process {
            key,
            serial,
            lineage: self.lineage_of_child(from, serial),
            birth: Birth::Seen,
            ancestors: ancestors_of_child(from, &self.budget),
            program: Arc::clone(&from.program),
            comm: from.comm,
            uid: from.uid,
            cwd: from.cwd.clone(),
            // A CUDA context does not survive a fork.
            gpu: Gpu::default(),
            exec_session: from.exec_session,
            opens: 0,
            exited: None,
            fds: from.fds,
            // The memory is copied, and with it what was read.
            inputs: from.inputs.clone(),
            stdin: from.stdin.clone(),
            asked: None,
            renames: 0,
            deeds: Deeds::None,
            terminal: None,
            wrote: None,
            code: from.code.clone(),
        };
        let fds = if flags.contains(CloneFlags::FILES) {
            self.processes.share_table(process.fds)
        } else {
            let copy = self.processes.fds(parent).cloned().unwrap_or_default();
            self.processes.new_table(copy)
        };
        Some(self.processes.insert(Process { fds, ..process }))
    }

    /// The clone of a process that was heard of before it: what the child did already stays, the rest it inherits.
    fn complete_stub(&mut self, acting: &Acting<'_>, child: ProcessId, flags: CloneFlags) {
        let parent = acting.process;
        if parent == child || self.processes.get(child).is_none_or(|child| child.birth == Birth::Seen) {
            return;
        }
        let Some(from) = self.processes.get(parent) else { return };
        let Some(serial) = self.processes.get(child).map(|child| child.serial) else { return };
        // Nobody is made by a descendant; only a sentry that lies says so.
        if from.ancestors.iter().any(|ancestor| ancestor.serial == serial) {
            return;
        }
        let lineage = self.lineage_of_child(from, serial);
        let (ancestors, program, cwd, inputs, stdin, code) = (
            ancestors_of_child(from, &self.budget),
            Arc::clone(&from.program),
            from.cwd.clone(),
            from.inputs.clone(),
            from.stdin.clone(),
            from.code.clone(),
        );
        let inherited = self.processes.fds(parent).cloned().unwrap_or_default();
        if flags.contains(CloneFlags::FILES) {
            // What the child opened in those microseconds is in the shared table from now on.
            let own: SmallVec<[_; 4]> =
                self.processes.fds(child).into_iter().flat_map(FdTable::iter).collect();
            if let Some(table) = self.processes.fds_mut(parent) {
                for (fd, descriptor) in own {
                    // It was in range in the child's table.
                    let _in_range = table.set(fd, descriptor);
                }
            }
            self.processes.join_table(child, parent);
        } else if let Some(table) = self.processes.fds_mut(child) {
            for (fd, descriptor) in
                inherited.iter().filter(|(fd, _)| table.get(*fd).is_none()).collect::<Vec<_>>()
            {
                let _in_range = table.set(fd, descriptor);
            }
        }
        let id = child;
        let Some(child) = self.processes.get_mut(id) else { return };
        // What it runs is its parent's program still, or nothing that is known, unless it ran one of its own.
        let inherits = child.program.is_unknown()
            || child
                .ancestors
                .first()
                .is_some_and(|nearest| Arc::ptr_eq(&nearest.actor.program, &child.program));
        child.birth = Birth::Seen;
        child.lineage = lineage;
        child.ancestors = ancestors;
        if child.cwd.is_none() {
            child.cwd = cwd;
        }
        if !inherits {
            return;
        }
        child.program = program;
        child.code = code;
        child.stdin = child.stdin.take().or(stdin);
        if child.inputs.is_empty() {
            for source in &inputs {
                self.taint(id, source, acting.time);
            }
        } else {
            // What it had from its parent is older than what it got itself.
            let own = std::mem::replace(&mut child.inputs, inputs);
            for source in &own {
                child.note_input(source);
            }
        }
    }

    /// execve(2) as called: on enter its words are kept until the sentry says what came of it. A call that failed
    /// is worth telling; one that succeeded is told better by the sentry.
    pub(super) fn execve(&mut self, acting: &Acting<'_>, exec: &Execve<'_>) -> Option<About> {
        match exec.call.exit {
            None => {
                let asked = self.asked(acting, exec);
                self.processes.get_mut(acting.process)?.asked = Some(Box::new(asked));
                None
            }
            Some(exit) if exit.succeeded() => None,
            Some(_) => {
                self.processes.get_mut(acting.process)?.asked = None;
                Some(PROCESS)
            }
        }
    }

    fn asked(&self, acting: &Acting<'_>, exec: &Execve<'_>) -> AskedProgram {
        let by_descriptor = if exec.is_fexecve() {
            self.file_behind(acting, exec.dirfd)
        } else {
            self.file_behind_proc_path(acting, exec.pathname.bytes())
        };
        let provenance = by_descriptor.and_then(|file| self.provenance_of(acting, file));
        // A longer path cannot have been run.
        let path = exec.pathname.bytes();
        AskedProgram { path: path.get(..PATH_MAX).unwrap_or(path).into(), provenance }
    }

    /// A program was loaded.
    pub(super) fn sentry_execve(&mut self, acting: &Acting<'_>, exec: &SentryExecve<'_>) -> About {
        let asked = self.processes.get_mut(acting.process).and_then(|process| process.asked.take());
        let (path, deleted) = without_deleted(exec.binary_path.bytes());
        let words = exec.execfn.present().or_else(|| asked.as_ref().map(|asked| &*asked.path));
        let name = match words.map(basename).filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => basename(path),
        };
        let provenance = asked.as_ref().and_then(|asked| asked.provenance.clone());
        let executable = self.executable_of(acting, exec, path, provenance, deleted);
        self.ran(acting, inode_of(exec), &executable);
        let program = self.with_script(
            acting,
            Program {
                path: path.into(),
                name: name.get(..COMM_MAX).unwrap_or(name).into(),
                argv: Argv::copy(&exec.argv),
                executable,
                script: None,
                time: acting.time,
                charge: Charge::default(),
                pins: Pins::default(),
            },
        );
        self.processes.unshare_table(acting.process);
        if let Some(fds) = self.processes.fds_mut(acting.process) {
            fds.exec();
        }
        let stdin = self.tainted_stdin(acting.container, acting.process);
        let program = program.kept(&self.budget);
        let Some(process) = self.processes.get_mut(acting.process) else { return PROCESS };
        process.comm = Comm::new(&program.name);
        process.program = program;
        process.gpu = Gpu::default();
        process.inputs.clear();
        process.stdin = stdin;
        process.renames = 0;
        process.terminal = None;
        process.wrote = None;
        process.code.clear();
        // What it reads from there it passes on.
        if let Some(stdin) = process.stdin.clone() {
            self.taint(acting.process, &stdin, acting.time);
        }
        PROCESS
    }

    /// Where an executable came from: what the sentry says of the file itself, then what was seen of it.
    fn executable_of(
        &mut self,
        acting: &Acting<'_>,
        exec: &SentryExecve<'_>,
        path: &[u8],
        by_descriptor: Option<Provenance>,
        deleted: bool,
    ) -> Provenance {
        let seen = by_descriptor
            .or_else(|| self.find_file(acting, path).and_then(|file| self.provenance_of(acting, file)))
            .unwrap_or_default();
        let in_memory = exec.in_memfd || path.starts_with(b"/memfd:");
        if in_memory {
            return Provenance { origin: Origin::Memfd, ..seen };
        }
        // The lower layer is the image; a file that was written to lies in the upper one.
        if exec.overlay_lower && !exec.overlay_upper {
            return Provenance { origin: Origin::Image, derivation: None };
        }
        match seen.origin {
            // A program without a name was deleted after its start, or never had one: made here in any case.
            Origin::Unknown => {
                let layer = if exec.overlay_upper || deleted { Layer::Upper } else { Layer::Unsaid };
                self.ran_before(acting, inode_of(exec)).unwrap_or_else(|| self.arrived(acting, path, layer))
            }
            Origin::Image | Origin::Created | Origin::Network | Origin::Memfd => seen,
        }
    }

    /// Fills in the script that an interpreter was told to run.
    fn with_script(&mut self, acting: &Acting<'_>, program: Program) -> Program {
        let operand = match program.interprets() {
            Some(Runs::File(operand)) => operand,
            // Where a module lies is not said; its name is what it is known by.
            Some(Runs::Module(module)) => {
                let beside = self.module_beside(acting, module);
                let provenance = beside.unwrap_or_else(|| program.executable.clone());
                let script = Script { path: module.into(), provenance };
                return Program { script: Some(script), ..program };
            }
            Some(Runs::Stdin | Runs::Other) | None => return program,
        };
        let Some(path) = self.absolute(acting, operand) else { return program };
        // A file of that name may be one that was open before; what the descriptor leads to is what runs.
        let seen = self
            .file_behind_proc_path(acting, &path)
            .or_else(|| self.find_file(acting, &path))
            .and_then(|file| self.provenance_of(acting, file))
            .unwrap_or_default();
        let provenance = match seen.origin {
            Origin::Unknown => self.arrived(acting, &path, Layer::Unsaid),
            Origin::Image | Origin::Created | Origin::Network | Origin::Memfd => seen,
        };
        Program { script: Some(Script { path, provenance }), ..program }
    }

    /// The whole process is gone.
    pub(super) fn process_exit(&mut self, acting: &Acting<'_>) -> About {
        self.processes.exited(acting.process, acting.time);
        PROCESS
    }

    /// chdir(2) and fchdir(2).
    pub(super) fn chdir(&mut self, acting: &Acting<'_>, chdir: &Chdir<'_>) -> Option<About> {
        if chdir.call.exit?.succeeded() {
            let path = if chdir.call.sysno == Sysno::FCHDIR {
                chdir.fd_path.present().map(Box::from).or_else(|| self.path_behind(acting, chdir.dirfd))
            } else {
                self.absolute(acting, chdir.pathname.bytes())
            };
            let cwd = path.map(|path| Shared::new(path, &self.budget));
            self.processes.get_mut(acting.process)?.cwd = cwd;
        }
        Some(PROCESS)
    }

    /// A path of the acting process, joined with its working directory.
    pub(super) fn absolute(&self, acting: &Acting<'_>, path: &[u8]) -> Option<Box<[u8]>> {
        let own = self.processes.get(acting.process).and_then(|process| process.cwd.as_deref());
        canonical(acting.context.cwd.present().or(own), path)
    }

    /// The file that a path of the form `/proc/PID/fd/N`, `/dev/fd/N` or `/dev/stdin` leads to.
    pub(super) fn file_behind_proc_path(&self, acting: &Acting<'_>, path: &[u8]) -> Option<FileId> {
        match self.object_behind_proc_path(acting, path)? {
            Object::File(file) => Some(file),
            Object::Unknown | Object::Socket(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => None,
        }
    }

    /// What a path of the form `/proc/PID/fd/N`, `/dev/fd/N` or `/dev/stdin` leads to.
    pub(super) fn object_behind_proc_path(&self, acting: &Acting<'_>, path: &[u8]) -> Option<Object> {
        let (process, fd) = match path {
            b"/dev/stdin" => (acting.process, Fd::STDIN),
            b"/dev/stdout" => (acting.process, Fd::STDOUT),
            b"/dev/stderr" => (acting.process, Fd::STDERR),
            _ => {
                let (owner, number) = match path.strip_prefix(b"/dev/fd/") {
                    Some(number) => (&b"self"[..], number),
                    None => {
                        let rest = path.strip_prefix(b"/proc/")?;
                        let slash = rest.iter().position(|byte| *byte == b'/')?;
                        let (owner, rest) = rest.split_at_checked(slash)?;
                        (owner, rest.strip_prefix(b"/fd/")?)
                    }
                };
                let process = match owner {
                    b"self" | b"thread-self" => acting.process,
                    pid => {
                        let tgid = std::str::from_utf8(pid).ok()?.parse().ok()?;
                        self.processes.newest(acting.container, crate::event::Tgid(tgid))?
                    }
                };
                (process, Fd(std::str::from_utf8(number).ok()?.parse().ok()?))
            }
        };
        Some(self.processes.fds(process)?.get(fd)?.object)
    }
}
