//! Start, exec, working directory.

use crate::event::{Chdir, ContainerStart, Execve, Fd, SentryExecve, Sysno};

use super::super::digest::Digests;
use super::super::early::Own;
use super::super::fds::TableOp;
use super::super::interpreter::{Runs, Told, told};
use super::super::moved::Inode;
use super::super::orders::Heard;
use super::super::path::{PATH_MAX, basename, canonical, without_deleted};
use super::super::process::{AskedProgram, Comm, CommBy, End, Loaded, SessionLeader};
use super::super::program::{Argv, COMM_MAX, Origin, Program, Provenance, Script, comm_of, is_foreign};
use super::super::{Birth, Charge, Gpu, Object, Pins, ProcessId, Shared, State};
use super::arrival::Layer;
use super::{About, Acting, PROCESS};

/// Programs that carry one another: the loader, and what it loads.
const MAX_CARRIERS: usize = 4;

/// What tells a program's file apart, where the release says it.
fn inode_of(exec: &SentryExecve<'_>) -> Option<Inode> {
    (exec.ino.0 != 0).then_some(Inode { ino: exec.ino, size: exec.size, upper: exec.overlay_upper })
}

impl State {
    /// The first process is about to run: there is no exec event for it, so its arguments make its program.
    pub(super) fn container_start(&mut self, acting: &Acting<'_>, start: &ContainerStart<'_>) -> About {
        let argv = Argv::copy(&start.args);
        let cwd = start.cwd.present().map(|cwd| Shared::new(cwd, &self.budget));
        let first = argv.first().unwrap_or_default();
        // A bare name was looked up in a PATH that is not said, and stays one.
        let path = match first.contains(&b'/') {
            true => canonical(start.cwd.present(), first).unwrap_or_default(),
            false => first.into(),
        };
        let name = comm_of(if path.is_empty() { first } else { &path });
        // What a container starts with comes from its image, but no release says so.
        let is_image = first.contains(&b'/') && self.is_in_image(acting, &path);
        let origin = if is_image { Origin::Image } else { Origin::Unknown };
        let executable = Provenance { origin, derivation: None };
        let Some(process) = self.processes.get_mut(acting.process) else { return PROCESS };
        // Its script lies where the process is.
        process.cwd = cwd;
        let program = Program {
            path,
            name,
            argv,
            digests: Digests::default(),
            executable,
            script: None,
            time: acting.time,
            charge: Charge::default(),
            pins: Pins::default(),
        };
        let program = self.with_script(acting, program).kept(&self.budget);
        let Some(process) = self.processes.get_mut(acting.process) else { return PROCESS };
        process.program = program;
        process.birth = Birth::Seen;
        process.early = None;
        process.session = Some(SessionLeader::of(process));
        process.sits_at_start(start);
        let serial = process.serial;
        if let Some(container) = self.container_mut(acting.container) {
            container.first.get_or_insert(serial);
        }
        PROCESS
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
            Some(exit) if exit.succeeded() => {
                if self.processes.get(acting.process)?.loaded == Loaded::JustNow {
                    return None;
                }
                let known = self.processes.get_mut(acting.process)?.asked.take();
                // Where beginnings are not traced, the end says the same.
                let mut asked = known.unwrap_or_else(|| Box::new(self.asked(acting, exec)));
                asked.end = End::Succeeded;
                asked.changed = acting.arg_changed;
                self.processes.get_mut(acting.process)?.asked = Some(asked);
                None
            }
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
        AskedProgram {
            path: path.get(..PATH_MAX).unwrap_or(path).into(),
            argv: Argv::copy(&exec.argv),
            provenance,
            thread: acting.context.tid,
            end: End::Unknown,
            changed: false,
        }
    }

    /// A program was loaded.
    ///
    /// Whichever thread called it, the group keeps its id and the start time of its old leader, so the process stays
    /// the same; its descriptors are in a table of its own from then on (gVisor's `task_exec.go`).
    pub(super) fn sentry_execve(&mut self, acting: &Acting<'_>, exec: &SentryExecve<'_>) -> About {
        let asked = self.processes.get_mut(acting.process).and_then(|process| process.asked.take());
        let (path, deleted) = without_deleted(exec.binary_path.bytes());
        let words = exec.execfn.present().or_else(|| asked.as_ref().map(|asked| &*asked.path));
        let name = match words.map(basename).filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => basename(path),
        };
        let by_descriptor = asked.as_ref().and_then(|asked| asked.provenance.clone());
        let executable = self.executable_of(acting, exec, path, by_descriptor, deleted);
        self.ran(acting, inode_of(exec), &executable);
        let program = Program {
            path: path.into(),
            name: name.get(..COMM_MAX).unwrap_or(name).into(),
            argv: Argv::copy(&exec.argv),
            digests: Digests::of(exec),
            executable,
            script: None,
            time: acting.time,
            charge: Charge::default(),
            pins: Pins::default(),
        };
        self.leaves_program(acting);
        self.heal_stdio(acting, exec);
        self.becomes(acting, program);
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.loaded = Loaded::JustNow;
            process.sits_at_exec(exec);
        }
        PROCESS
    }

    /// What exec does to the descriptors.
    pub(super) fn leaves_program(&mut self, acting: &Acting<'_>) {
        self.processes.unshare_table(acting.process);
        self.table_op(acting, TableOp::Exec);
    }

    /// The process runs another program from now on.
    pub(super) fn becomes(&mut self, acting: &Acting<'_>, program: Program) {
        let program = self.with_script(acting, program).kept(&self.budget);
        let Some(process) = self.processes.get_mut(acting.process) else { return };
        process.comm = Comm::new(&program.name);
        process.program = program;
        process.gpu = Gpu::default();
        process.memory = None;
        process.inputs.clear();
        process.renames = 0;
        process.taken_along = 0;
        process.terminal = None;
        process.wrote = None;
        process.code.clear();
        process.heard = process.heard.and_then(Heard::of_program);
        process.work = super::super::work::Work::default();
        process.exec_unseen = false;
        process.comm_by = CommBy::Exec;
        if let Some(early) = &mut process.early {
            early.program = Own::Set;
        }
        self.fed(acting);
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

    /// Fills in the script that an interpreter was told to run. Of a loader (`ld.so python3 FILE`) it is what the
    /// program that it loads was told, unless that is a stranger: then it is the stranger.
    fn with_script(&mut self, acting: &Acting<'_>, program: Program) -> Program {
        let mut script = None;
        if !is_foreign(program.executable.origin) {
            let (mut carrier, mut begin) = (&*program.path, 0usize);
            for _ in 0..MAX_CARRIERS {
                let told = told(carrier, program.argv.iter().skip(begin));
                let Some(Told { runs, loads }) = told else { break };
                let operand = match runs {
                    Runs::File(operand) => operand,
                    // Where a module lies is not said; its name is what it is known by.
                    Runs::Module(module) => {
                        let beside = self.module_beside(acting, module);
                        let provenance = beside.unwrap_or_else(|| program.executable.clone());
                        script = Some(Script { path: module.into(), provenance });
                        break;
                    }
                    Runs::Stdin | Runs::Other => break,
                };
                let Some(path) = self.absolute(acting, operand) else { break };
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
                let loads = loads.filter(|_| !is_foreign(provenance.origin));
                script = Some(Script { path, provenance });
                let Some(loaded) = loads else { break };
                (carrier, begin) = (operand, begin.saturating_add(loaded));
            }
        }
        Program { script, ..program }
    }

    /// Looks once more what the process was told to run and what feeds it: its descriptors were not known before.
    pub(super) fn look_into_program(&mut self, acting: &Acting<'_>) {
        let Some(process) = self.processes.get(acting.process) else { return };
        let program = self.with_script(acting, Program::clone(&process.program)).kept(&self.budget);
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.program = program;
        }
        self.fed(acting);
    }

    /// Settles what the process runs from if it is an interpreter, and what comes from there. A process substitution
    /// (`bash <(curl ...)`) is a pipe with a path; whatever else is told by its path is a file.
    fn fed(&mut self, acting: &Acting<'_>) {
        let Some(process) = self.processes.get(acting.process) else { return };
        let named =
            process.program.script.as_ref().and_then(|script| self.fd_behind_proc_path(acting, &script.path));
        let runs_from = match named {
            Some((owner, fd)) if owner == acting.process && self.is_pipe(owner, fd) => fd,
            Some(_) | None => Fd::STDIN,
        };
        let source = self.tainted_input(acting.container, acting.process, runs_from);
        let Some(process) = self.processes.get_mut(acting.process) else { return };
        process.runs_from = runs_from;
        process.stdin = source.clone();
        // What it reads from there it passes on.
        if let Some(source) = source.or_else(|| self.connected_stdin(acting.process)) {
            self.taint(acting.process, &source, acting.time);
        }
    }

    fn is_pipe(&self, process: ProcessId, fd: Fd) -> bool {
        let object =
            self.processes.fds(process).and_then(|fds| fds.get(fd)).map(|descriptor| descriptor.object);
        match object {
            Some(Object::Pipe(..) | Object::Socket(_)) => true,
            Some(Object::File(_) | Object::Nvidia(_) | Object::Anon | Object::Unknown) | None => false,
        }
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
            let process = self.processes.get_mut(acting.process)?;
            process.cwd = cwd;
            if let Some(early) = &mut process.early {
                early.cwd = Own::Set;
            }
        }
        Some(PROCESS)
    }

    /// A path of the acting process, joined with its working directory.
    pub(super) fn absolute(&self, acting: &Acting<'_>, path: &[u8]) -> Option<Box<[u8]>> {
        let own = self.processes.get(acting.process).and_then(|process| process.cwd.as_deref());
        self.resolved(acting, acting.context.cwd.present().or(own), path)
    }
}
