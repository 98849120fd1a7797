//! What each kind of event does to the naive model.

use std::rc::Rc;

use crate::event::{Execve, Family, FdFlags, Kind, SentryExecve, Sysno};
use crate::state::{Access, Nvidia, OnExec, Origin, PipeEnd};

use super::flow::{Provenance, Source};
use super::naive::{About, Act, Asked, Naive, Object, Open, Peer, Program, cut};
use super::network::is_outside;
use super::tables::{Change, own};
use super::words::{Told, Trade, called, meaning};

pub(super) type Answer = (Option<i32>, About);

pub(super) const PROCESS: Answer = (None, About::Process);

pub(super) fn closes(on_exec: bool) -> OnExec {
    if on_exec { OnExec::Close } else { OnExec::Keep }
}

pub(super) fn cloexec(flags: FdFlags) -> OnExec {
    closes(flags.contains(FdFlags::CLOEXEC))
}

/// Nothing that is written there can be run: the kernel's own file systems and devices, but for shared memory.
pub(super) fn is_no_storage(path: &[u8]) -> bool {
    let inside = |root: &[u8]| path.starts_with(root);
    inside(b"/proc/") || inside(b"/sys/") || inside(b"/dev/") && !inside(b"/dev/shm/")
}

pub(super) fn device(path: &[u8]) -> Option<Nvidia> {
    match path {
        b"/dev/nvidiactl" => Some(Nvidia::Control),
        b"/dev/nvidia-uvm" => Some(Nvidia::Uvm),
        b"/dev/nvidia0" => Some(Nvidia::Gpu),
        _ => None,
    }
}

/// path_resolution(7) without symbolic links.
pub(super) fn resolve(base: Option<&[u8]>, path: &[u8]) -> Option<Vec<u8>> {
    let whole = match (path.first(), base) {
        (None, _) => return None,
        (Some(b'/'), _) => path.to_vec(),
        (Some(_), Some(base)) if base.starts_with(b"/") => [base, b"/", path].concat(),
        (Some(_), _) => return None,
    };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in whole.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    Some([b"/", names.join(&b'/').as_slice()].concat())
}

pub(super) fn last_name(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next_back().unwrap_or_default()
}

impl Naive {
    pub(super) fn happens(&mut self, act: &Act<'_>, kind: &Kind<'_>) -> Option<Answer> {
        match kind {
            Kind::ContainerStart(start) => {
                let argv: Vec<Vec<u8>> = start.args.iter().map(|arg| arg.bytes().to_vec()).collect();
                let first = argv.first().map(Vec::as_slice).unwrap_or_default();
                // A bare name was looked up somewhere.
                let path = if first.contains(&b'/') {
                    resolve(start.cwd.present(), first).unwrap_or_default()
                } else {
                    first.to_vec()
                };
                let name = cut(last_name(if path.is_empty() { first } else { &path }), 15).to_vec();
                // Its first word is all that names it.
                let meaning = called(&argv);
                self.processes[act.process].cwd = start.cwd.present().map(<[u8]>::to_vec);
                let program = self.program(act, &path, name, argv, Provenance::default(), meaning);
                let process = &mut self.processes[act.process];
                process.program = program;
                process.seen = true;
                process.early = None;
                self.containers[act.container].first.get_or_insert(act.process);
                Some(PROCESS)
            }
            Kind::SentryClone(clone) => Some(self.clones(act, clone)),
            Kind::SentryExecve(exec) => Some(self.executes(act, exec)),
            Kind::ExitNotifyParent(_) => {
                self.ends(act.process, act.time);
                Some(PROCESS)
            }
            Kind::TaskExit(_) | Kind::SentryMmap(_) => Some(PROCESS),
            Kind::Raw(raw) => self.raw(act, raw),
            Kind::Open(open) => self.opens(act, open),
            Kind::Close(close) => self.closes(act, close),
            Kind::Read(read) => {
                self.comes_in(act, read.fd.0, read.call.exit?);
                Some(self.about(act, read.fd.0))
            }
            Kind::Write(write) => {
                self.goes_out(act, write.fd.0, write.call.exit?);
                Some(self.about(act, write.fd.0))
            }
            Kind::Connect(connect) => self.connects(act, connect),
            Kind::Execve(exec) => self.asks(act, exec),
            Kind::Socket(socket) => {
                socket.call.exit?;
                let Some(fd) = socket.call.new_fd() else { return Some((None, About::Other)) };
                let peer = if socket.domain == Family::UNIX { Peer::Local } else { Peer::None };
                let object = self.new_socket(socket.domain, socket.kind_and_flags & 0xf, peer);
                let flags = FdFlags::from_bits_retain(socket.kind_and_flags.cast_unsigned());
                self.put(act, fd.0, own(object, Access::ReadWrite, cloexec(flags)));
                Some(self.about(act, fd.0))
            }
            Kind::Chdir(chdir) => {
                if chdir.call.exit?.succeeded() {
                    let path = if chdir.call.sysno == Sysno::FCHDIR {
                        chdir
                            .fd_path
                            .present()
                            .map(<[u8]>::to_vec)
                            .or_else(|| self.path_of(act, chdir.dirfd.0))
                    } else {
                        self.absolute(act, chdir.pathname.bytes())
                    };
                    let process = &mut self.processes[act.process];
                    process.cwd = path;
                    if let Some(early) = &mut process.early {
                        early.has_own_cwd = true;
                    }
                }
                Some(PROCESS)
            }
            Kind::Pipe(pipe) => {
                if pipe.call.exit?.succeeded() {
                    let new = self.pipes.len();
                    self.pipes.push(None);
                    let on_exec = cloexec(pipe.flags);
                    self.put(
                        act,
                        pipe.reader.0,
                        own(Object::pipe(new, PipeEnd::Read), Access::Read, on_exec),
                    );
                    self.put(
                        act,
                        pipe.writer.0,
                        own(Object::pipe(new, PipeEnd::Write), Access::Write, on_exec),
                    );
                }
                Some(PROCESS)
            }
            Kind::Fcntl(fcntl) => self.controls(act, fcntl),
            Kind::Dup(dup) => self.duplicates(act, dup),
            Kind::Signalfd(event) => self.anon(act, &event.call, event.flags),
            Kind::Eventfd(event) => self.anon(act, &event.call, event.flags),
            Kind::TimerfdCreate(event) => self.anon(act, &event.call, event.flags),
            Kind::InotifyInit(event) => {
                self.anon(act, &event.call, FdFlags::from_bits_retain(event.flags.cast_unsigned()))
            }
            Kind::Accept(accept) => {
                accept.call.exit?;
                let Some(fd) = accept.call.new_fd() else { return Some(self.about(act, accept.fd.0)) };
                let remote = accept.address.inet();
                let family = remote.map_or(Family::UNIX, Family::of);
                let object = self.new_socket(family, 1, Peer::Server(remote));
                self.put(act, fd.0, own(object, Access::ReadWrite, cloexec(accept.flags)));
                if let Some(remote) = remote
                    && is_outside(remote)
                {
                    self.taint(act.process, &Source::Remote(remote, act.time, act.context.tgid), act.time);
                }
                Some(self.about(act, fd.0))
            }
            Kind::SocketPair(pair) => {
                if pair.call.exit?.succeeded() {
                    let flags = FdFlags::from_bits_retain(pair.kind_and_flags.cast_unsigned());
                    let first = self.sockets.len();
                    for (fd, peer) in [(pair.first, first + 1), (pair.second, first)] {
                        let object = self.new_socket(pair.domain, pair.kind_and_flags & 0xf, Peer::Local);
                        self.sockets.last_mut().expect("it was just made").pair = Some((peer, None));
                        self.put(act, fd.0, own(object, Access::ReadWrite, cloexec(flags)));
                    }
                }
                Some(PROCESS)
            }
            Kind::Bind(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::Listen(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::Mmap(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::InotifyAddWatch(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::InotifyRmWatch(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::TimerfdSettime(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::TimerfdGettime(event) => event.call.exit.map(|_| self.about(act, event.fd.0)),
            Kind::Clone(_) | Kind::Fork(_) => None,
            Kind::Setid(event) => event.call.exit.map(|_| PROCESS),
            Kind::Setresid(event) => event.call.exit.map(|_| PROCESS),
            Kind::Prlimit(event) => event.call.exit.map(|_| PROCESS),
            Kind::Chroot(event) => event.call.exit.map(|_| PROCESS),
            Kind::Ptrace(event) => event.call.exit.map(|_| PROCESS),
        }
    }

    pub(super) fn asks(&mut self, act: &Act<'_>, exec: &Execve<'_>) -> Option<Answer> {
        match exec.call.exit {
            None => {
                let by_descriptor = if exec.flags & 0x1000 != 0 && exec.pathname.is_empty() {
                    self.table(act.process).get(&exec.dirfd.0).map(|open| open.object)
                } else {
                    self.behind(act, exec.pathname.bytes())
                };
                let provenance = match by_descriptor {
                    Some(Object::File(file)) => Some(self.file(act.container, file).provenance.clone()),
                    _ => None,
                };
                let (path, thread) = (exec.pathname.bytes().to_vec(), act.context.tid);
                self.processes[act.process].asked = Some(Asked { path, provenance, thread });
                None
            }
            Some(exit) if exit.succeeded() => None,
            Some(_) => {
                self.processes[act.process].asked = None;
                Some(PROCESS)
            }
        }
    }

    pub(super) fn executes(&mut self, act: &Act<'_>, exec: &SentryExecve<'_>) -> Answer {
        let (asked, asked_provenance) = match self.processes[act.process].asked.take() {
            Some(Asked { path, provenance, .. }) => (Some(path), provenance),
            None => (None, None),
        };
        let path = exec.binary_path.bytes();
        let stripped = path.strip_suffix(b" (deleted)");
        let (path, is_deleted) = (stripped.unwrap_or(path), stripped.is_some());
        let words = exec.execfn.present().or(asked.as_deref()).map(last_name).filter(|name| !name.is_empty());
        let name = cut(words.unwrap_or_else(|| last_name(path)), 15).to_vec();
        let seen = asked_provenance.unwrap_or_else(|| {
            self.named(act, path)
                .map(|file| self.file(act.container, file).provenance.clone())
                .unwrap_or_default()
        });
        let executable = if exec.in_memfd || path.starts_with(b"/memfd:") {
            Provenance { origin: Origin::Memfd, ..seen }
        } else if exec.overlay_lower && !exec.overlay_upper {
            Provenance { origin: Origin::Image, chain: None }
        } else if seen.origin == Origin::Unknown {
            self.arrives(act, path, exec.overlay_upper || is_deleted)
        } else {
            seen
        };
        let argv: Vec<Vec<u8>> = exec.argv.iter().map(|arg| arg.bytes().to_vec()).collect();
        let meaning = meaning(path, &argv);
        self.change(act, Change::Exec);
        // What it is told to run it opens then.
        let program = self.program(act, path, name, argv, executable, meaning);
        let process = &mut self.processes[act.process];
        process.comm.clone_from(&program.name);
        process.program = program;
        process.gpu.clear();
        process.inputs.clear();
        process.renames = 0;
        process.wrote = None;
        if let Some(early) = &mut process.early {
            early.has_own_program = true;
        }
        self.feeds(act);
        PROCESS
    }

    /// What an interpreter runs from, and what comes from there. The process passes on what it reads.
    pub(super) fn feeds(&mut self, act: &Act<'_>) {
        let program = Rc::clone(&self.processes[act.process].program);
        let runs_from = self.runs_from(act, &program);
        let stdin = match self.table(act.process).get(&runs_from).map(|open| open.object) {
            Some(end @ (Object::Reader(_) | Object::Socket(_))) => {
                self.comes_out(end).or_else(|| self.relayed_to(act.process, end))
            }
            Some(Object::File(file)) => {
                let file = self.file(act.container, file);
                file.provenance.chain.clone().filter(|chain| chain.remote.is_some()).map(Source::File)
            }
            _ => None,
        };
        // A program that is started on a connection reads from there, too.
        let connected = match self.table(act.process).get(&0).map(|open| open.object) {
            Some(Object::Socket(socket)) => match self.sockets[socket].peer {
                Peer::Client(remote, since, outcome)
                    if outcome.is_none_or(|errno| errno.0 == 0) && is_outside(remote) =>
                {
                    Some(Source::Remote(remote, since, self.processes[act.process].tgid))
                }
                _ => None,
            },
            _ => None,
        };
        let process = &mut self.processes[act.process];
        process.runs_from = runs_from;
        process.stdin.clone_from(&stdin);
        if let Some(source) = stdin.or(connected) {
            self.taint(act.process, &source, act.time);
        }
    }

    /// A process substitution is a pipe that an interpreter is told by its path; it runs from there.
    fn runs_from(&self, act: &Act<'_>, program: &Program) -> i32 {
        let told = program.script.as_ref().and_then(|(path, _)| self.fd_behind(act, path));
        match told {
            Some((owner, fd)) if owner == act.process => match self.table(owner).get(&fd) {
                Some(Open { object: Object::Reader(_) | Object::Writer(_) | Object::Socket(_), .. }) => fd,
                _ => 0,
            },
            _ => 0,
        }
    }

    pub(super) fn program(
        &mut self,
        act: &Act<'_>,
        path: &[u8],
        name: Vec<u8>,
        argv: Vec<Vec<u8>>,
        executable: Provenance,
        (told, trade): (Told, Trade),
    ) -> Rc<Program> {
        let mut program =
            Program { path: path.into(), name, argv, executable, script: None, time: act.time, told, trade };
        if program.is_stranger() {
            program.told = Told::Nothing;
        }
        program.script = match program.told {
            Told::File(operand) => self.absolute(act, operand).map(|path| {
                let file = match self.behind(act, &path) {
                    Some(Object::File(file)) => Some(file),
                    _ => self.named(act, &path),
                };
                let known = file.map(|file| self.file(act.container, file).provenance.clone());
                let known = known.filter(|known| known.origin != Origin::Unknown);
                let provenance = known.unwrap_or_else(|| self.arrives(act, &path, false));
                (path, provenance)
            }),
            Told::Module(module) => Some((module.to_vec(), program.executable.clone())),
            Told::Inline | Told::Stdin | Told::Nothing => None,
        };
        Rc::new(program)
    }
}
