//! What each kind of event does to the naive model.

use std::rc::Rc;

use crate::event::{
    Call, CloneFlags, Close, Connect, Dup, Errno, Execve, Exit, Family, Fcntl, FdFlags, Kind,
    Open as OpenEvent, OpenFlags, Raw, SentryClone, SentryExecve, Sysno, Tgid, Time,
};
use crate::state::{Access, Nvidia, OnExec, Origin, PipeEnd};

use super::naive::{
    About, Act, Ix, Naive, Object, Open, Peer, Process, Program, Provenance, Socket, Source, Table,
};
use super::naive::{called, cut, meaning};
use super::words::{PEERS, REQUESTS, Told, Trade};

type Answer = (Option<i32>, About);

const PROCESS: Answer = (None, About::Process);

/// The highest descriptor that is kept, and one more.
const HIGHEST: i32 = 65_536;

fn closes(on_exec: bool) -> OnExec {
    if on_exec { OnExec::Close } else { OnExec::Keep }
}

fn cloexec(flags: FdFlags) -> OnExec {
    closes(flags.contains(FdFlags::CLOEXEC))
}

fn own(object: Object, access: Access, on_exec: OnExec) -> Open {
    Open { object, access, on_exec, passed_on: false }
}

/// Nothing that is written there can be run: the kernel's own file systems and devices, but for shared memory.
pub(super) fn is_no_storage(path: &[u8]) -> bool {
    let inside = |root: &[u8]| path.starts_with(root);
    inside(b"/proc/") || inside(b"/sys/") || inside(b"/dev/") && !inside(b"/dev/shm/")
}

fn device(path: &[u8]) -> Option<Nvidia> {
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

fn last_name(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next_back().unwrap_or_default()
}

impl Naive {
    pub(super) fn happens(&mut self, act: &Act<'_>, kind: &Kind<'_>) -> Option<Answer> {
        match kind {
            Kind::ContainerStart(start) => {
                let argv: Vec<Vec<u8>> = start.args.iter().map(|arg| arg.bytes().to_vec()).collect();
                let first = argv.first().map(Vec::as_slice).unwrap_or_default();
                let path = resolve(start.cwd.present(), first).unwrap_or_default();
                let name = cut(last_name(if path.is_empty() { first } else { &path }), 15).to_vec();
                // Its first word is all that names it.
                let meaning = called(&argv);
                let program = self.program(act, &path, name, argv, Provenance::default(), meaning);
                let process = &mut self.processes[act.process];
                process.program = program;
                process.seen = true;
                process.execed = true;
                process.cwd = start.cwd.present().map(<[u8]>::to_vec);
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
                    self.processes[act.process].cwd = path;
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
                    self.taint(act.process, &Source::Remote(remote, act.time), act.time);
                }
                Some(self.about(act, fd.0))
            }
            Kind::SocketPair(pair) => {
                if pair.call.exit?.succeeded() {
                    let flags = FdFlags::from_bits_retain(pair.kind_and_flags.cast_unsigned());
                    let object = self.new_socket(pair.domain, pair.kind_and_flags & 0xf, Peer::Local);
                    for fd in [pair.first, pair.second] {
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

    // Processes.

    fn clones(&mut self, act: &Act<'_>, clone: &SentryClone) -> Answer {
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

    fn makes(&mut self, act: &Act<'_>, tgid: Tgid, start: Time, shares: bool) -> Ix {
        let child = self.processes.len();
        let parent = &self.processes[act.process];
        let mut table = parent.table;
        if !shares {
            let copy = self.tables[table].clone();
            table = self.tables.len();
            self.tables.push(copy);
        }
        let parent = &self.processes[act.process];
        self.processes.push(Process {
            tgid,
            start,
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
            ..parent.clone()
        });
        child
    }

    /// The clone of a process that acted before it was reported.
    fn completes(&mut self, act: &Act<'_>, child: Ix, shares: bool) {
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
        stub.stdin = stub.stdin.take().or(parent.stdin);
        // What it had from its parent is older than what it got itself.
        let own = std::mem::take(&mut stub.inputs);
        if own.is_empty() {
            parent.inputs.iter().for_each(|source| self.taint(child, source, act.time));
        } else {
            parent.inputs.iter().chain(&own).for_each(|source| stub.learns(source));
        }
    }

    fn asks(&mut self, act: &Act<'_>, exec: &Execve<'_>) -> Option<Answer> {
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
                self.processes[act.process].asked = Some((exec.pathname.bytes().to_vec(), provenance));
                None
            }
            Some(exit) if exit.succeeded() => None,
            Some(_) => {
                self.processes[act.process].asked = None;
                Some(PROCESS)
            }
        }
    }

    fn executes(&mut self, act: &Act<'_>, exec: &SentryExecve<'_>) -> Answer {
        let (asked, asked_provenance) = match self.processes[act.process].asked.take() {
            Some((path, provenance)) => (Some(path), provenance),
            None => (None, None),
        };
        let path = exec.binary_path.bytes();
        let stripped = path.strip_suffix(b" (deleted)");
        let (path, is_deleted) = (stripped.unwrap_or(path), stripped.is_some());
        let words = exec.execfn.present().or(asked.as_deref()).map(last_name).filter(|name| !name.is_empty());
        let name = cut(words.unwrap_or(last_name(path)), 15).to_vec();
        let seen = asked_provenance.unwrap_or_else(|| {
            self.named(act, path)
                .map(|file| self.file(act.container, file).provenance.clone())
                .unwrap_or_default()
        });
        let executable = if exec.in_memfd || path.starts_with(b"/memfd:") {
            Provenance { origin: Origin::Memfd, ..seen }
        } else if exec.overlay_lower && !exec.overlay_upper {
            Provenance { origin: Origin::Image, chain: None }
        } else if seen.origin == Origin::Unknown && (exec.overlay_upper || is_deleted) {
            Provenance { origin: Origin::Created, ..seen }
        } else {
            seen
        };
        let argv: Vec<Vec<u8>> = exec.argv.iter().map(|arg| arg.bytes().to_vec()).collect();
        let meaning = meaning(path, &argv);
        let program = self.program(act, path, name, argv, executable, meaning);
        // exec(2) ends the sharing of descriptors, closes some, and passes on the others.
        let mut table: Table = self.table(act.process).clone();
        table.retain(|_, open| open.on_exec == OnExec::Keep);
        table.range_mut(3..).for_each(|(_, open)| open.passed_on = true);
        self.tables.push(table);
        let stdin = match self.tables.last().and_then(|table| table.get(&0)).map(|open| open.object) {
            Some(Object::Reader(pipe)) => self.pipes[pipe].clone(),
            Some(Object::File(file)) => {
                let file = self.file(act.container, file);
                file.provenance.chain.clone().filter(|chain| chain.remote.is_some()).map(Source::File)
            }
            _ => None,
        };
        let table = self.tables.len() - 1;
        let process = &mut self.processes[act.process];
        process.comm.clone_from(&program.name);
        process.program = program;
        process.execed = true;
        process.table = table;
        process.gpu.clear();
        process.inputs.clear();
        process.stdin.clone_from(&stdin);
        process.renames = 0;
        if let Some(stdin) = stdin {
            self.taint(act.process, &stdin, act.time);
        }
        PROCESS
    }

    fn program(
        &self,
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
                let provenance = file.map(|file| self.file(act.container, file).provenance.clone());
                (path, provenance.unwrap_or_default())
            }),
            Told::Module(module) => Some((module.to_vec(), program.executable.clone())),
            Told::Stdin | Told::Nothing => None,
        };
        Rc::new(program)
    }

    // Descriptors.

    fn put(&mut self, act: &Act<'_>, fd: i32, open: Open) {
        if (0..HIGHEST).contains(&fd) {
            self.table_mut(act.process).insert(fd, open);
        } else {
            self.high_fds += 1;
        }
    }

    fn anon(&mut self, act: &Act<'_>, call: &Call, flags: FdFlags) -> Option<Answer> {
        call.exit?;
        if let Some(fd) = call.new_fd() {
            self.put(act, fd.0, own(Object::Anon, Access::ReadWrite, cloexec(flags)));
        }
        Some(PROCESS)
    }

    fn opens(&mut self, act: &Act<'_>, open: &OpenEvent<'_>) -> Option<Answer> {
        let exit = open.call.exit?;
        let path = open.pathname.bytes();
        let path = if path.starts_with(b"/") || open.dirfd.0 == -100 || open.call.sysno != Sysno::OPENAT {
            self.absolute(act, path)
        } else {
            let dir = open.fd_path.present().filter(|dir| dir.starts_with(b"/")).map(<[u8]>::to_vec);
            resolve(dir.or_else(|| self.path_of(act, open.dirfd.0)).as_deref(), path)
        };
        if !exit.succeeded() {
            let known = path.and_then(|path| self.named(act, &path));
            return Some((None, known.map_or(About::Other, About::File)));
        }
        let fd = open.call.new_fd()?;
        if let Some(path) = &path
            && !(is_no_storage(path)
                || path.starts_with(b"/etc/")
                || path.starts_with(b"/usr/share/zoneinfo/"))
        {
            self.processes[act.process].opens += 1;
        }
        let reads = open.flags.is_read();
        let writes = open.flags.is_write();
        let object = match path {
            None => Object::Unknown,
            Some(path) => self.opened(act, &path, reads, writes, open.flags),
        };
        let access = match (reads, writes) {
            (true, true) => Access::ReadWrite,
            (false, true) => Access::Write,
            (_, false) => Access::Read,
        };
        let on_exec = closes(open.flags.contains(OpenFlags::CLOEXEC));
        self.put(act, fd.0, own(object, access, on_exec));
        Some(self.about(act, fd.0))
    }

    fn opened(&mut self, act: &Act<'_>, path: &[u8], reads: bool, writes: bool, flags: OpenFlags) -> Object {
        if let Some(device) = device(path) {
            self.processes[act.process].gpu.push((device, None));
            return Object::device(device);
        }
        if let Some(object) = self.behind(act, path) {
            return object;
        }
        let file = self.file_at(act.container, path);
        if !is_no_storage(path) {
            // Bytes come in before they go out.
            if reads && self.file(act.container, file).provenance.is_tainted() {
                let chain = self.file(act.container, file).provenance.chain.clone();
                chain.into_iter().for_each(|chain| self.taint(act.process, &Source::File(chain), act.time));
            }
            if writes {
                let keeps = !flags.intersects(OpenFlags::TRUNC | OpenFlags::EXCL);
                self.writes(act.process, file, keeps, act.time);
            }
        }
        Object::File(file)
    }

    fn closes(&mut self, act: &Act<'_>, close: &Close<'_>) -> Option<Answer> {
        let exit = close.call.exit?;
        let about = self.about(act, close.fd.0);
        // close(2): the descriptor is gone whatever else failed.
        if exit.errno != Errno(9) {
            self.table_mut(act.process).remove(&close.fd.0);
        }
        Some(about)
    }

    fn duplicates(&mut self, act: &Act<'_>, dup: &Dup<'_>) -> Option<Answer> {
        dup.call.exit?;
        let about = self.about(act, dup.old_fd.0);
        if let Some(new) = dup.call.new_fd() {
            self.copies(act, dup.old_fd.0, new.0, cloexec(dup.flags));
        }
        Some(about)
    }

    fn copies(&mut self, act: &Act<'_>, old: i32, new: i32, on_exec: OnExec) {
        if old == new {
            return;
        }
        let unknown = own(Object::Unknown, Access::ReadWrite, on_exec);
        let open = self.table(act.process).get(&old).copied().unwrap_or(unknown);
        self.put(act, new, Open { on_exec, passed_on: false, ..open });
    }

    fn controls(&mut self, act: &Act<'_>, fcntl: &Fcntl<'_>) -> Option<Answer> {
        let exit = fcntl.call.exit?;
        let about = self.about(act, fcntl.fd.0);
        if exit.succeeded() {
            match (fcntl.cmd, fcntl.call.new_fd()) {
                (0, Some(new)) => self.copies(act, fcntl.fd.0, new.0, OnExec::Keep),
                (1030, Some(new)) => self.copies(act, fcntl.fd.0, new.0, OnExec::Close),
                (2, _) => {
                    if let Some(open) = self.table_mut(act.process).get_mut(&fcntl.fd.0) {
                        open.on_exec = closes(fcntl.arg & 1 != 0);
                    }
                }
                _ => {}
            }
        }
        Some(about)
    }

    fn raw(&mut self, act: &Act<'_>, raw: &Raw) -> Option<Answer> {
        let exit = raw.call.exit?;
        let fd = raw.fd(1).0;
        match raw.call.sysno {
            Sysno::IOCTL => {
                let object = self.table(act.process).get(&fd).map(|open| open.object);
                let known = REQUESTS.iter().find(|request| request.number == raw.args[1]);
                let device = match object {
                    Some(Object::Control) => Some(Nvidia::Control),
                    Some(Object::Gpu) => Some(Nvidia::Gpu),
                    Some(Object::Uvm) => Some(Nvidia::Uvm),
                    None | Some(Object::Unknown) => known.and_then(|request| request.names),
                    Some(_) => None,
                };
                let Some(device) = device else { return Some(self.about(act, fd)) };
                self.processes[act.process].gpu.push((device, Some(raw.args[1])));
                Some((Some(fd), About::Gpu(Some(raw.args[1]))))
            }
            Sysno::SENDTO => {
                self.goes_out(act, fd, exit);
                Some(self.about(act, fd))
            }
            Sysno::RECVFROM => {
                self.comes_in(act, fd, exit);
                Some(self.about(act, fd))
            }
            Sysno::MEMFD_CREATE => {
                let fd = raw.call.new_fd()?.0;
                // Its name says nothing; it is a file of its own.
                let files = &mut self.containers[act.container].files;
                files.push(super::naive::File {
                    path: Rc::from(&b"/memfd:"[..]),
                    provenance: Provenance::default(),
                    written: None,
                    writes_seen: false,
                });
                let file = files.len() - 1;
                self.writes(act.process, file, false, act.time);
                self.put(act, fd, own(Object::File(file), Access::ReadWrite, closes(raw.args[1] & 1 != 0)));
                Some(self.about(act, fd))
            }
            Sysno::CLOSE_RANGE => {
                if exit.succeeded() {
                    let bound = |register: u64| i64::try_from(register & 0xffff_ffff).unwrap_or(i64::MAX);
                    let range = bound(raw.args[0])..=bound(raw.args[1]);
                    let table = self.table_mut(act.process);
                    if raw.args[2] & 4 == 0 {
                        table.retain(|fd, _| !range.contains(&i64::from(*fd)));
                    } else {
                        let marked = table.iter_mut().filter(|(fd, _)| range.contains(&i64::from(**fd)));
                        marked.for_each(|(_, open)| open.on_exec = OnExec::Close);
                    }
                }
                Some(PROCESS)
            }
            Sysno::CHMOD => {
                let Trade::Chmod(path) = self.processes[act.process].program.trade else {
                    return Some(PROCESS);
                };
                let file = self.absolute(act, path).and_then(|path| self.named(act, &path));
                Some((None, file.map_or(About::Process, About::File)))
            }
            Sysno::FCHMOD => Some(self.about(act, fd)),
            Sysno::RENAME => Some(self.moves(act, exit, false)),
            Sysno::LINK => Some(self.moves(act, exit, true)),
            _ => Some(PROCESS),
        }
    }

    /// mv(1) and ln(1) say by their arguments what their calls moved.
    fn moves(&mut self, act: &Act<'_>, exit: Exit, stays: bool) -> Answer {
        if !exit.succeeded() {
            return PROCESS;
        }
        let process = &mut self.processes[act.process];
        process.renames += 1;
        let (from, to) = match (process.program.trade, stays) {
            (Trade::Mv(from, to), false) | (Trade::Ln(from, to), true) => (from, to),
            _ => return PROCESS,
        };
        // The operands come one a call; the last one is the target.
        let from = match process.renames {
            1 => from,
            2 => to,
            _ => return PROCESS,
        };
        let (Some(from), Some(to)) = (self.absolute(act, from), self.absolute(act, to)) else {
            return PROCESS;
        };
        let inside = [&to, &b"/"[..], last_name(&from)].concat();
        let container = &mut self.containers[act.container];
        match container.names.get(&from).copied() {
            Some(file) => {
                if !stays {
                    container.names.remove(&from);
                    container.files[file].path = Rc::from(to.as_slice());
                }
                container.names.insert(to.clone(), file);
                // Nobody says whether the target is a directory.
                container.names.insert(inside, file);
            }
            None => {
                container.names.remove(&to);
                container.names.remove(&inside);
            }
        }
        (None, self.named(act, &to).map_or(About::Process, About::File))
    }

    // Sockets and bytes.

    fn new_socket(&mut self, family: Family, kind: i32, peer: Peer) -> Object {
        self.sockets.push(Socket { family, kind, peer, sent: Vec::new(), received: Vec::new() });
        Object::Socket(self.sockets.len() - 1)
    }

    fn connects(&mut self, act: &Act<'_>, connect: &Connect<'_>) -> Option<Answer> {
        let exit = connect.call.exit?;
        let fd = connect.fd.0;
        // Nothing was tried on what is no socket.
        if matches!(exit.errno, Errno(9 | 88)) {
            return Some(self.about(act, fd));
        }
        let remote = connect.address.inet();
        let known = self.table(act.process).get(&fd).copied();
        let socket = match known.map(|open| open.object) {
            Some(Object::Socket(socket)) => socket,
            _ => {
                let peer = if remote.is_some() { Peer::None } else { Peer::Local };
                let object = self.new_socket(remote.map_or(Family::UNIX, Family::of), 1, peer);
                let on_exec = known.map_or(OnExec::Keep, |open| open.on_exec);
                self.put(act, fd, own(object, Access::ReadWrite, on_exec));
                self.sockets.len() - 1
            }
        };
        let Some(remote) = remote else { return Some(self.about(act, fd)) };
        let outcome = match exit.errno.0 {
            0 | 106 => Some(Errno::OK),
            4 | 114 | 115 | 512 => None,
            _ => Some(exit.errno),
        };
        let one = &mut self.sockets[socket];
        let is_first = !matches!(one.peer, Peer::Client(earlier, _, None) if earlier == remote);
        let since = match one.peer {
            Peer::Client(_, since, _) if !is_first => since,
            _ => act.time,
        };
        if is_first {
            one.sent.clear();
            one.received.clear();
        }
        one.peer = Peer::Client(remote, since, outcome);
        let is_stream = one.kind != 2;
        let endpoint = self.containers[act.container].endpoints.entry(remote).or_default();
        if is_first {
            endpoint.attempts.push(act.time);
        }
        match outcome {
            Some(Errno::OK) => endpoint.successes += 1,
            Some(_) => endpoint.failures += 1,
            None => {}
        }
        if is_stream && outcome.is_none_or(|errno| errno == Errno::OK) && is_outside(remote) {
            self.taint(act.process, &Source::Remote(remote, since), act.time);
        }
        Some((Some(fd), About::Socket(socket, true, is_first)))
    }

    fn comes_in(&mut self, act: &Act<'_>, fd: i32, exit: Exit) {
        let Some(bytes) = moved(exit) else { return };
        match self.table(act.process).get(&fd).map(|open| open.object) {
            Some(Object::Reader(pipe)) => {
                if let Some(source) = self.pipes[pipe].clone() {
                    self.taint(act.process, &source, act.time);
                }
            }
            Some(Object::Socket(socket)) => {
                let one = &mut self.sockets[socket];
                let Some(remote) = one.remote() else { return };
                one.received.push((act.time, bytes));
                let is_dns = PEERS.iter().any(|peer| peer.addr == remote && peer.is_dns);
                if one.kind == 2 && is_outside(remote) && !is_dns {
                    self.taint(act.process, &Source::Remote(remote, act.time), act.time);
                }
            }
            _ => {}
        }
    }

    fn goes_out(&mut self, act: &Act<'_>, fd: i32, exit: Exit) {
        let Some(bytes) = moved(exit) else { return };
        match self.table(act.process).get(&fd).map(|open| open.object) {
            Some(Object::File(file)) => {
                let known = &mut self.containers[act.container].files[file];
                known.writes_seen = true;
                let is_clean = !known.provenance.is_tainted() && !is_no_storage(&known.path);
                if is_clean && self.processes[act.process].input().is_some() {
                    self.writes(act.process, file, true, act.time);
                }
            }
            Some(Object::Socket(socket)) if self.sockets[socket].remote().is_some() => {
                self.sockets[socket].sent.push((act.time, bytes));
            }
            _ => {}
        }
    }

    // Names.

    fn absolute(&self, act: &Act<'_>, path: &[u8]) -> Option<Vec<u8>> {
        let own = self.processes[act.process].cwd.as_deref();
        resolve(act.context.cwd.present().or(own), path)
    }

    fn path_of(&self, act: &Act<'_>, fd: i32) -> Option<Vec<u8>> {
        match self.table(act.process).get(&fd)?.object {
            Object::File(file) => Some(self.file(act.container, file).path.to_vec()),
            _ => None,
        }
    }

    fn file_at(&mut self, container: Ix, path: &[u8]) -> Ix {
        let container = &mut self.containers[container];
        *container.names.entry(path.to_vec()).or_insert_with(|| {
            container.files.push(super::naive::File {
                path: path.into(),
                provenance: Provenance::default(),
                written: None,
                writes_seen: false,
            });
            container.files.len() - 1
        })
    }

    /// A known file by its path; current distributions have `/bin` as a link to `/usr/bin`.
    fn named(&self, act: &Act<'_>, path: &[u8]) -> Option<Ix> {
        let names = &self.containers[act.container].names;
        let merged = || names.get(path.strip_prefix(b"/usr").filter(|rest| rest.starts_with(b"/bin/"))?);
        names.get(path).or_else(merged).copied()
    }

    /// What a path into a descriptor table leads to: proc_pid_fd(5).
    fn behind(&self, act: &Act<'_>, path: &[u8]) -> Option<Object> {
        let path = std::str::from_utf8(path).ok()?;
        let (owner, number) = match path {
            "/dev/stdin" => ("self", "0"),
            "/dev/stdout" => ("self", "1"),
            "/dev/stderr" => ("self", "2"),
            _ => match path.strip_prefix("/dev/fd/") {
                Some(number) => ("self", number),
                None => path.strip_prefix("/proc/")?.split_once("/fd/")?,
            },
        };
        let process = match owner {
            "self" | "thread-self" => act.process,
            pid => self.newest(act.container, Tgid(pid.parse().ok()?))?,
        };
        Some(self.table(process).get(&number.parse().ok()?)?.object)
    }

    fn about(&self, act: &Act<'_>, fd: i32) -> Answer {
        let about = match self.table(act.process).get(&fd).map(|open| open.object) {
            Some(Object::File(file)) => About::File(file),
            Some(Object::Socket(socket)) => {
                let remote = self.sockets[socket].remote();
                let endpoints = &self.containers[act.container].endpoints;
                About::Socket(socket, remote.is_some_and(|remote| endpoints.contains_key(&remote)), false)
            }
            Some(Object::Control | Object::Gpu | Object::Uvm) => About::Gpu(None),
            Some(Object::Reader(_) | Object::Writer(_) | Object::Anon | Object::Unknown) | None => {
                About::Other
            }
        };
        (Some(fd), about)
    }
}

/// Bytes that passed, if any did.
fn moved(exit: Exit) -> Option<u64> {
    u64::try_from(exit.result).ok().filter(|bytes| exit.succeeded() && *bytes > 0)
}

fn is_outside(remote: std::net::SocketAddr) -> bool {
    PEERS.iter().any(|peer| peer.addr == remote && peer.is_outside)
}
