//! Files and descriptors: open, close, duplicates, pipes, memfds.

use crate::event::{
    Call, Close, Dup, Errno, Exit, Fcntl, Fd, FdFlags, Open, OpenFlags, Pipe as PipeEvent, Raw, SocketPair,
    Text,
};

use super::super::fds::{Held, TableOp};
use super::super::files::{File, Writes};
use super::super::gpu::device_at;
use super::super::net::Pair;
use super::super::path::{is_canonical, is_file_path};
use super::super::program::{Derivation, FileSerial, Origin, Provenance, Source};
use super::super::terminal::is_master;
use super::super::{
    Access, Descriptor, FileId, Object, OnExec, Pipe, PipeEnd, Process, Role, Socket, State, Subject,
};
use super::{About, Acting, PROCESS};

/// fcntl(2) commands: `include/uapi/asm-generic/fcntl.h`, `include/uapi/linux/fcntl.h`.
mod fcntl {
    pub(super) const F_DUPFD: i32 = 0;
    pub(super) const F_SETFD: i32 = 2;
    pub(super) const F_DUPFD_CLOEXEC: i32 = 1030;
    /// The argument of F_SETFD.
    pub(super) const FD_CLOEXEC: i64 = 1;
}

/// `MFD_CLOEXEC`, `include/uapi/linux/memfd.h`
const MFD_CLOEXEC: u64 = 1;

/// `CLOSE_RANGE_UNSHARE` and `CLOSE_RANGE_CLOEXEC`, `include/uapi/linux/close_range.h`
const CLOSE_RANGE_UNSHARE: u64 = 2;
const CLOSE_RANGE_CLOEXEC: u64 = 4;

pub(super) fn on_exec(flags: FdFlags) -> OnExec {
    if flags.contains(FdFlags::CLOEXEC) { OnExec::Close } else { OnExec::Keep }
}

fn access(flags: OpenFlags) -> Access {
    if flags.contains(OpenFlags::PATH) {
        return Access::Path;
    }
    match (flags.is_read(), flags.is_write()) {
        (true, true) => Access::ReadWrite,
        (false, true) => Access::Write,
        (_, false) => Access::Read,
    }
}

/// Whether writing to a path makes no file whose bytes could be run: devices and the kernel's own file systems.
pub(super) fn is_no_storage(path: &[u8]) -> bool {
    let below = |root: &[u8]| path.starts_with(root);
    below(b"/proc/") || below(b"/sys/") || (below(b"/dev/") && !below(b"/dev/shm/"))
}

/// Whether writing to a path gives a thread another name.
fn is_comm(path: &[u8]) -> bool {
    path.starts_with(b"/proc/") && path.ends_with(b"/comm")
}

/// Whether opening a path is a part of a program's work, as data and results are: not its start, its settings, or
/// the statistics that a miner prints as well.
fn is_work(path: &[u8]) -> bool {
    !(is_no_storage(path) || path.starts_with(b"/etc/") || path.starts_with(b"/usr/share/zoneinfo/"))
}

/// Where the bytes of a file come from that was written like this.
pub(super) fn origin_of(derivation: &Derivation) -> Origin {
    match &derivation.source {
        Source::Local => Origin::Created,
        // What a compiler makes of downloaded sources was built here, and so is a copy of it; the chain stays.
        Source::Remote(_) | Source::File(_) if derivation.writer.program.is_builder() => Origin::Created,
        Source::File(from) if from.is_built() => Origin::Created,
        Source::Remote(_) | Source::File(_) => Origin::Network,
    }
}

impl State {
    /// open(2), openat(2), creat(2).
    pub(super) fn open(&mut self, acting: &Acting<'_>, open: &Open<'_>) -> Option<About> {
        let exit = open.call.exit?;
        let path = self.path_of_open(acting, open);
        if !exit.succeeded() {
            // What was asked for is known all the same, and a file of that name may be.
            let known = path.and_then(|path| self.find_file(acting, &path));
            return Some((None, known.map_or(Subject::Other, Subject::File)));
        }
        let fd = open.call.new_fd()?;
        if open.flags.is_write() && path.as_deref().is_some_and(is_comm) {
            self.renames_itself(acting);
        }
        if path.as_deref().is_some_and(is_work)
            && let Some(process) = self.processes.count_mut(acting.process)
        {
            process.opens = process.opens.saturating_add(1);
        }
        if let Some(path) = path.as_deref().filter(|_| !open.flags.contains(OpenFlags::DIRECTORY)) {
            self.opens_data(acting, path);
        }
        let object = match path {
            Some(path) => self.open_object(acting, open.flags, path),
            None => Object::Unknown,
        };
        let on_exec = on_exec(FdFlags::from_bits_retain(open.flags.bits()));
        let descriptor = Descriptor::own(object, access(open.flags), on_exec);
        self.set_fd(acting, fd, descriptor);
        Some(self.about(acting, fd))
    }

    fn open_object(&mut self, acting: &Acting<'_>, flags: OpenFlags, path: Box<[u8]>) -> Object {
        if let Some(device) = device_at(&path) {
            if let Some(process) = self.processes.get_mut(acting.process) {
                process.gpu.opened();
            }
            return Object::Nvidia(device);
        }
        if is_master(&path)
            && let Some(process) = self.processes.get_mut(acting.process)
        {
            process.terminal.get_or_insert_default();
        }
        let mut path = path;
        let reached = match self.object_behind_proc_path(acting, &path) {
            Some(Object::File(file)) => Some(file),
            // Whichever end the link leads to, a pipe is opened for what the caller wants of it.
            Some(Object::Pipe(pipe, _)) => {
                let end = if flags.is_write() { PipeEnd::Write } else { PipeEnd::Read };
                return Object::Pipe(pipe, end);
            }
            Some(object @ (Object::Unknown | Object::Socket(_) | Object::Nvidia(_) | Object::Anon)) => {
                return object;
            }
            None => None,
        };
        if reached.is_none()
            && let Some((program, source)) = self.program_behind_proc_path(acting, &path)
        {
            if let Some(source) = source.filter(|_| flags.is_read()) {
                self.taint(acting.process, &source, acting.time);
            }
            if program.starts_with(b"/") {
                path = program;
            }
        }
        // gVisor's file systems refuse this so far (`filesystem.go` of tmpfs and gofer). Were it done, the directory is not
        // what is written; the name that linkat(2) may give the file later lies behind a pointer.
        if reached.is_none() && flags.contains(OpenFlags::TMPFILE) {
            path = [&*path, b"/#", self.last_serial.to_string().as_bytes()].concat().into();
        }
        let Some(file) = reached.or_else(|| self.file_at(acting, &path)) else { return Object::Unknown };
        if is_no_storage(&path) && reached.is_none() || flags.contains(OpenFlags::PATH) {
            return Object::File(file);
        }
        let keeps_content = !flags.intersects(OpenFlags::TRUNC | OpenFlags::EXCL);
        // Bytes come in before they go out: a file that is opened for both was not written yet. A new one has none,
        // even if another file had its name before: a lock file that was renamed away.
        if flags.is_read() && keeps_content {
            self.read_from_file(acting, file);
            self.opened_as_code(acting, file);
        }
        if flags.is_write() {
            self.write_to_file(acting, file, keeps_content);
        }
        Object::File(file)
    }

    fn path_of_open(&self, acting: &Acting<'_>, open: &Open<'_>) -> Option<Box<[u8]>> {
        let path = open.pathname.bytes();
        if path.starts_with(b"/") || open.dirfd == Fd::CWD {
            return self.absolute(acting, path);
        }
        match open.fd_path.present().filter(|dir| is_file_path(dir)) {
            Some(dir) => self.resolved(acting, Some(dir), path),
            // open(2) and creat(2) have no directory descriptor: the field is 0 there.
            None if open.call.sysno != crate::event::Sysno::OPENAT => self.absolute(acting, path),
            None => self.resolved(acting, self.path_behind(acting, open.dirfd).as_deref(), path),
        }
    }

    /// close(2). On enter the sentry says where the descriptor leads, symbolic links resolved.
    pub(super) fn close(&mut self, acting: &Acting<'_>, close: &Close<'_>) -> Option<About> {
        match close.call.exit {
            None => {
                self.truly_at(acting, close.fd, &close.fd_path);
                None
            }
            Some(exit) => {
                let about = self.about(acting, close.fd);
                // Interrupted, it is closed all the same: close(2). Only what was not open stays as it was.
                if exit.errno != Errno::EBADF {
                    self.table_op(acting, TableOp::Close(close.fd));
                }
                Some(about)
            }
        }
    }

    /// close_range(2), by its registers.
    pub(super) fn close_range(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        let bound = |register: u64| u32::try_from(register & 0xffff_ffff).unwrap_or(u32::MAX);
        if raw.call.exit?.succeeded() {
            let (first, last, flags) = (bound(raw.arg(1)), bound(raw.arg(2)), raw.arg(3));
            if flags & CLOSE_RANGE_UNSHARE != 0 {
                self.processes.unshare_table(acting.process);
            }
            let op = match flags & CLOSE_RANGE_CLOEXEC {
                0 => TableOp::CloseRange(first, last),
                _ => TableOp::CloseRangeOnExec(first, last),
            };
            self.table_op(acting, op);
        }
        Some(PROCESS)
    }

    /// dup(2), dup2(2), dup3(2).
    pub(super) fn dup(&mut self, acting: &Acting<'_>, dup: &Dup<'_>) -> Option<About> {
        dup.call.exit?;
        let about = self.about(acting, dup.old_fd);
        if let Some(new) = dup.call.new_fd() {
            self.duplicate(acting, dup.old_fd, new, &dup.fd_path, on_exec(dup.flags));
        }
        Some(about)
    }

    /// fcntl(2).
    pub(super) fn fcntl(&mut self, acting: &Acting<'_>, event: &Fcntl<'_>) -> Option<About> {
        let exit = event.call.exit?;
        let about = self.about(acting, event.fd);
        if exit.succeeded() {
            match event.cmd {
                fcntl::F_DUPFD | fcntl::F_DUPFD_CLOEXEC => {
                    let on_exec = if event.cmd == fcntl::F_DUPFD { OnExec::Keep } else { OnExec::Close };
                    if let Some(new) = event.call.new_fd() {
                        self.duplicate(acting, event.fd, new, &event.fd_path, on_exec);
                    }
                }
                fcntl::F_SETFD => {
                    let on_exec =
                        if event.arg & fcntl::FD_CLOEXEC == 0 { OnExec::Keep } else { OnExec::Close };
                    self.table_op(acting, TableOp::OnExec(event.fd, on_exec));
                }
                _ => {}
            }
        }
        Some(about)
    }

    fn duplicate(&mut self, acting: &Acting<'_>, old: Fd, new: Fd, fd_path: &Text<'_>, on_exec: OnExec) {
        if old == new {
            return;
        }
        let is_known = self.processes.fds(acting.process).is_some_and(|fds| fds.get(old).is_some());
        let otherwise = fd_path
            .present()
            .filter(|path| !is_known && is_canonical(path))
            .and_then(|path| self.find_file(acting, path))
            .map_or(Object::Unknown, Object::File);
        self.table_op(acting, TableOp::Dup { old, new, on_exec, otherwise });
        self.put_at(acting, new);
    }

    /// pipe(2), pipe2(2).
    pub(super) fn pipe(&mut self, acting: &Acting<'_>, event: &PipeEvent) -> Option<About> {
        if event.call.exit?.succeeded() {
            let (pipe, _) = self.pipes.insert(Pipe::default());
            let on_exec = on_exec(event.flags);
            for (fd, end, access) in
                [(event.reader, PipeEnd::Read, Access::Read), (event.writer, PipeEnd::Write, Access::Write)]
            {
                self.set_fd(acting, fd, Descriptor::own(Object::Pipe(pipe, end), access, on_exec));
            }
        }
        Some(PROCESS)
    }

    /// socketpair(2).
    pub(super) fn socketpair(&mut self, acting: &Acting<'_>, event: &SocketPair) -> Option<About> {
        if event.call.exit?.succeeded() {
            let (kind, flags) = super::network::kind_and_flags(event.kind_and_flags);
            let [first, second] =
                [(); 2].map(|()| self.sockets.insert(Socket::new(event.domain, kind, Role::Local)).0);
            for (fd, socket, peer) in [(event.first, first, second), (event.second, second, first)] {
                if let Some(socket) = self.sockets.get_mut(socket) {
                    socket.pair = Some(Box::new(Pair { peer, source: None }));
                }
                let object = Object::Socket(socket);
                self.set_fd(acting, fd, Descriptor::own(object, Access::ReadWrite, on_exec(flags)));
            }
        }
        Some(PROCESS)
    }

    /// eventfd(2), timerfd_create(2), signalfd(2), inotify_init(2): descriptors whose content does not matter.
    pub(super) fn anon(&mut self, acting: &Acting<'_>, call: &Call, flags: FdFlags) -> Option<About> {
        call.exit?;
        if let Some(fd) = call.new_fd() {
            let on_exec = on_exec(flags);
            self.set_fd(acting, fd, Descriptor::own(Object::Anon, Access::ReadWrite, on_exec));
        }
        Some(PROCESS)
    }

    /// Calls that make a descriptor of which only the number is known: what they lead to is a matter of pointers
    /// (openat2(2)) or of another process (pidfd_getfd(2)). Whatever had the number is gone.
    pub(super) fn opened_unseen(
        &mut self,
        acting: &Acting<'_>,
        raw: &Raw,
        object: Object,
        on_exec: OnExec,
    ) -> Option<About> {
        raw.call.exit?;
        let Some(fd) = raw.call.new_fd() else { return Some(PROCESS) };
        self.set_fd(acting, fd, Descriptor::own(object, Access::ReadWrite, on_exec));
        Some(self.about(acting, fd))
    }

    /// memfd_create(2), by its registers: the name lies behind a pointer.
    pub(super) fn memfd_create(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        raw.call.exit?;
        let fd = raw.call.new_fd()?;
        let serial = FileSerial(self.next_serial());
        let path = format!("/memfd:{}", serial.0).into_bytes();
        let file = self.container_mut(acting.container)?.files.at(&path, || serial);
        self.write_to_file(acting, file, false);
        let on_exec = if raw.arg(2) & MFD_CLOEXEC == 0 { OnExec::Keep } else { OnExec::Close };
        self.set_fd(acting, fd, Descriptor::own(Object::File(file), Access::ReadWrite, on_exec));
        Some(self.about(acting, fd))
    }

    pub(super) fn set_fd(&mut self, acting: &Acting<'_>, fd: Fd, descriptor: Descriptor) {
        self.table_op(acting, TableOp::Set(fd, descriptor));
    }

    /// Does to the acting process's descriptors what a call does.
    pub(super) fn table_op(&mut self, acting: &Acting<'_>, op: TableOp) {
        if self.processes.table_op(acting.process, op).is_err() {
            self.sight.high_fd();
        }
    }

    /// The sentry says where a descriptor that can be written through truly leads.
    pub(super) fn truly_at(&mut self, acting: &Acting<'_>, fd: Fd, fd_path: &Text<'_>) {
        let path = fd_path.bytes();
        if !is_file_path(path) {
            return;
        }
        let descriptor = self.processes.fds(acting.process).and_then(|fds| fds.get(fd));
        if let Some(Descriptor { object: Object::File(file), access, .. }) = descriptor
            && access.is_write()
            && is_canonical(path)
            && let Some(container) = self.container_mut(acting.container)
        {
            container.files.truly_at(file, path);
        }
    }

    pub(super) fn file_at(&mut self, acting: &Acting<'_>, path: &[u8]) -> Option<FileId> {
        let serial = FileSerial(self.last_serial.saturating_add(1));
        let container = self.container_mut(acting.container)?;
        let file = container.files.at(path, || serial);
        if container.files.get(file).is_some_and(|file| file.serial == serial) {
            self.last_serial = serial.0;
        }
        Some(file)
    }

    /// A file by its path. The merged `/usr` of current distributions gives every program two paths.
    pub(super) fn find_file(&self, acting: &Acting<'_>, path: &[u8]) -> Option<FileId> {
        let files = &self.containers.get(usize::from(acting.container.0))?.files;
        files.find(path).or_else(|| {
            let merged = path.strip_prefix(b"/usr")?;
            let split =
                [&b"/bin/"[..], b"/sbin/", b"/lib/", b"/lib64/"].iter().any(|dir| merged.starts_with(dir));
            split.then(|| files.find(merged)).flatten()
        })
    }

    pub(super) fn file(&self, acting: &Acting<'_>, file: FileId) -> Option<&File> {
        self.containers.get(usize::from(acting.container.0))?.files.get(file)
    }

    pub(super) fn provenance_of(&self, acting: &Acting<'_>, file: FileId) -> Option<Provenance> {
        self.file(acting, file).map(|file| file.provenance.clone())
    }

    pub(super) fn file_behind(&self, acting: &Acting<'_>, fd: Fd) -> Option<FileId> {
        match self.processes.fds(acting.process)?.get(fd)?.object {
            Object::File(file) => Some(file),
            Object::Unknown | Object::Socket(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => None,
        }
    }

    /// The path of a directory that is open.
    pub(super) fn path_behind(&self, acting: &Acting<'_>, fd: Fd) -> Option<Box<[u8]>> {
        self.file_behind(acting, fd).and_then(|file| self.file(acting, file)).map(|file| file.path.clone())
    }

    /// The acting process gets to know the bytes of a file.
    pub(super) fn read_from_file(&mut self, acting: &Acting<'_>, file: FileId) {
        let tainted = self.file(acting, file).filter(|file| file.provenance.remote().is_some());
        if let Some(derivation) = tainted.and_then(File::derivation).cloned() {
            self.taint(acting.process, &Source::File(derivation), acting.time);
        } else if let Some(process) = self.processes.get_mut(acting.process)
            && !process.inputs.is_empty()
            && process.program.copies_file_by_file()
        {
            // `cp -r` has one file in its hands at a time: what it writes next comes from this one.
            process.inputs.retain(|source| !matches!(source, Source::File(_)));
        }
    }

    /// The acting process writes to a file: what it has from the network is in there from now on.
    pub(super) fn write_to_file(&mut self, acting: &Acting<'_>, file: FileId, keeps_content: bool) {
        let input = self.processes.get(acting.process).and_then(Process::network_input).cloned();
        self.write_from(acting, file, input, keeps_content);
    }

    /// The acting process writes to a file what comes from `input`, or what nobody saw come from anywhere.
    pub(super) fn write_from(
        &mut self,
        acting: &Acting<'_>,
        file: FileId,
        input: Option<Source>,
        keeps_content: bool,
    ) {
        let Some(process) = self.processes.get(acting.process) else { return };
        let (writer, making) = (process.actor(), process.making());
        let Some(known) = self.file(acting, file) else { return };
        let is_memory = known.path.starts_with(b"/memfd:");
        let source = match input {
            Some(input) => input,
            // Appending to what came from the network leaves it what it is.
            None if keeps_content && known.provenance.remote().is_some() => return,
            None => Source::Local,
        };
        let (serial, path) = (known.serial, known.path.clone());
        let derivation = Derivation::new(serial, path, writer, acting.time, source, making, &self.budget);
        let origin = if is_memory { Origin::Memfd } else { origin_of(&derivation) };
        let provenance = Provenance { origin, derivation: Some(derivation) };
        if let Some(container) = self.container_mut(acting.container) {
            container.files.written(file, acting.time, provenance);
        }
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.wrote = Some(file);
        }
    }

    /// Bytes were seen to go into a descriptor: if it is a file, it has now what the process had.
    pub(super) fn written_through(&mut self, acting: &Acting<'_>, fd: Fd, exit: Exit) {
        if !exit.succeeded() || exit.result <= 0 {
            return;
        }
        let Some(file) = self.file_behind(acting, fd) else { return };
        let Some(known) = self.file(acting, file) else { return };
        let (is_first, is_clean) = (known.writes == Writes::Unseen, known.provenance.remote().is_none());
        if is_first && let Some(container) = self.container_mut(acting.container) {
            container.files.write_seen(file);
        }
        let has_input =
            self.processes.get(acting.process).is_some_and(|process| process.network_input().is_some());
        if is_clean && has_input && self.file(acting, file).is_some_and(|file| !is_no_storage(&file.path)) {
            self.write_to_file(acting, file, true);
        }
    }

    /// A process that had nothing from the network so far got something: what it holds open for writing gets it too,
    /// unless its writes are seen: then the next one will tell. Says which files those are.
    pub(super) fn rewrite_open_files(&mut self, acting: &Acting<'_>) -> Vec<FileId> {
        let open: Vec<FileId> = self
            .processes
            .fds(acting.process)
            .into_iter()
            .flat_map(|fds| fds.iter())
            .filter_map(|(_, descriptor)| match descriptor.object {
                Object::File(file) if descriptor.access.is_write() && descriptor.held == Held::Own => {
                    Some(file)
                }
                Object::File(_)
                | Object::Unknown
                | Object::Socket(_)
                | Object::Pipe(..)
                | Object::Nvidia(_)
                | Object::Anon => None,
            })
            .collect();
        let mut rewritten = Vec::new();
        for file in open {
            let unseen = self
                .file(acting, file)
                .is_some_and(|file| !is_no_storage(&file.path) && file.writes == Writes::Unseen);
            if unseen {
                self.write_to_file(acting, file, true);
                rewritten.push(file);
            }
        }
        rewritten
    }
}
