//! Descriptors whose making no event showed: received over a socket, taken out of another process, opened in a message
//! that was lost, inherited from a maker that reports last.
//!
//! With many calls the sentry says where their descriptor leads (`fd_path`). Where the table knows nothing or says
//! something else, the sentry is right. A socket or pipe is the one of that inode in every process, so the rhythm of
//! a connection and what a pipe carries go with it.

use crate::event::{Family, Fd, FdInfo, Ino, Kind, SentryExecve, Text};

use super::super::fds::TableOp;
use super::super::gpu::device_at;
use super::super::path::{is_canonical, without_deleted};
use super::super::{
    Access, Descriptor, Object, OnExec, Pipe, PipeEnd, PipeId, Process, Role, Socket, SocketId, Source, State,
};
use super::Acting;
use super::descriptors::is_no_storage;
use super::network::SOCK_STREAM;

/// What a descriptor truly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth<'a> {
    /// A file or device at that path.
    File(&'a [u8]),
    /// The pipe of that inode.
    Pipe(Ino),
    /// The socket of that inode.
    Socket(Ino),
    /// An eventfd, epoll or the like.
    Anon,
}

/// What an event does with the descriptor that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Bytes come out of it.
    Reads,
    /// Bytes go into it.
    Writes,
    /// It is closed: there is nothing to mend any more, but a name to learn.
    Closes,
    /// Something else.
    Other,
}

/// A descriptor, where the sentry says that it leads, and what is done with it.
type Mention<'a> = (Fd, Text<'a>, Use);

/// What an event says of a descriptor that is open. The directory of a path is not worth it.
fn mention<'a>(kind: &Kind<'a>) -> Option<Mention<'a>> {
    match kind {
        Kind::Read(it) => Some((it.fd, it.fd_path, Use::Reads)),
        Kind::Write(it) => Some((it.fd, it.fd_path, Use::Writes)),
        // When it is closed the number leads nowhere.
        Kind::Close(it) => it.call.exit.is_none().then_some((it.fd, it.fd_path, Use::Closes)),
        Kind::Dup(it) => {
            // Who moves a pipe there reads from it or writes to it. dup(2) does not say where to before it ends.
            let used = match it.call.new_fd() {
                Some(Fd::STDIN) => Use::Reads,
                Some(Fd::STDOUT | Fd::STDERR) => Use::Writes,
                Some(_) | None => Use::Other,
            };
            Some((it.old_fd, it.fd_path, used))
        }
        Kind::Fcntl(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::Connect(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::Bind(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::Listen(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::Accept(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::Mmap(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::InotifyAddWatch(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::InotifyRmWatch(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::TimerfdSettime(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::TimerfdGettime(it) => Some((it.fd, it.fd_path, Use::Other)),
        Kind::Signalfd(it) => it.call.exit.is_none().then_some((it.fd, it.fd_path, Use::Other)),
        Kind::ContainerStart(_)
        | Kind::SentryClone(_)
        | Kind::SentryExecve(_)
        | Kind::ExitNotifyParent(_)
        | Kind::TaskExit(_)
        | Kind::SentryMmap(_)
        | Kind::Raw(_)
        | Kind::Open(_)
        | Kind::Execve(_)
        | Kind::Socket(_)
        | Kind::Chdir(_)
        | Kind::Pipe(_)
        | Kind::Eventfd(_)
        | Kind::TimerfdCreate(_)
        | Kind::InotifyInit(_)
        | Kind::SocketPair(_)
        | Kind::Clone(_)
        | Kind::Fork(_)
        | Kind::Setid(_)
        | Kind::Setresid(_)
        | Kind::Prlimit(_)
        | Kind::Chroot(_)
        | Kind::Ptrace(_) => None,
    }
}

/// What the sentry's words say. Nothing for its error texts (`[err: …]`) and the files of the host (`host:[1]`).
fn truth(fd_path: &[u8]) -> Option<Truth<'_>> {
    if fd_path.starts_with(b"/") {
        let (path, _) = without_deleted(fd_path);
        return is_canonical(path).then_some(Truth::File(path));
    }
    if fd_path.starts_with(b"anon_inode:") {
        return Some(Truth::Anon);
    }
    let (make, number): (fn(Ino) -> Truth<'static>, _) = match fd_path.strip_prefix(b"socket:[") {
        Some(number) => (Truth::Socket, number),
        None => (Truth::Pipe, fd_path.strip_prefix(b"pipe:[")?),
    };
    let digits = std::str::from_utf8(number.strip_suffix(b"]")?).ok()?;
    digits.parse().ok().map(|ino| make(Ino(ino)))
}

fn is_memfd(path: &[u8]) -> bool {
    path.starts_with(b"/memfd:")
}

/// The end of a pipe that is used like this.
fn end_for(used: Use) -> Option<PipeEnd> {
    match used {
        Use::Reads => Some(PipeEnd::Read),
        Use::Writes => Some(PipeEnd::Write),
        Use::Closes | Use::Other => None,
    }
}

impl State {
    /// Learns from an event where its descriptor truly leads.
    pub(super) fn heal(&mut self, acting: &Acting<'_>, kind: &Kind<'_>) {
        if let Some((fd, fd_path, used)) = mention(kind) {
            self.heal_fd(acting, fd, fd_path.bytes(), used);
        }
    }

    /// The same from what an exec says of the standard descriptors.
    pub(super) fn heal_stdio(&mut self, acting: &Acting<'_>, exec: &SentryExecve<'_>) {
        let told = [
            (Fd::STDIN, &exec.stdin, Use::Reads),
            (Fd::STDOUT, &exec.stdout, Use::Writes),
            (Fd::STDERR, &exec.stderr, Use::Writes),
        ];
        for (fd, info, used) in told {
            if let Some(FdInfo { path, .. }) = info {
                // A file that is handed over was neither read nor written by that.
                let used = if path.bytes().starts_with(b"/") { Use::Other } else { used };
                self.heal_fd(acting, fd, path.bytes(), used);
            }
        }
    }

    fn heal_fd(&mut self, acting: &Acting<'_>, fd: Fd, fd_path: &[u8], used: Use) {
        if !fd.is_open() {
            return;
        }
        if fd_path.is_empty() {
            return;
        }
        let known = self.processes.fds(acting.process).and_then(|fds| fds.get(fd));
        if let Some(Descriptor { object: Object::File(file), .. }) = known
            // The merged `/usr` is no other file.
            && self.file(acting, file).is_some_and(|file| fd_path.ends_with(&file.path))
        {
            // By far the most.
            return;
        }
        let Some(truth) = truth(fd_path) else { return };
        let at = At { fd, known };
        match truth {
            Truth::Socket(ino) => self.heal_socket(acting, at, ino, used),
            Truth::Pipe(ino) => self.heal_pipe(acting, at, ino, used),
            Truth::File(path) => self.heal_file(acting, at, path, used),
            Truth::Anon => match known.map(|known| known.object) {
                None | Some(Object::Anon) => {}
                Some(
                    Object::Unknown
                    | Object::File(_)
                    | Object::Socket(_)
                    | Object::Pipe(..)
                    | Object::Nvidia(_),
                ) => self.mend(acting, at, Object::Anon, Access::ReadWrite),
            },
        }
    }

    /// Makes the descriptor what it truly is.
    fn mend(&mut self, acting: &Acting<'_>, at: At, object: Object, access: Access) {
        let on_exec = at.known.map_or(OnExec::Keep, |known| known.on_exec);
        self.table_op(acting, TableOp::Mend(at.fd, Descriptor::own(object, access, on_exec)));
    }

    fn heal_socket(&mut self, acting: &Acting<'_>, at: At, ino: Ino, used: Use) {
        let held = match at.known {
            Some(Descriptor { object: Object::Socket(held), .. }) => Some(held),
            Some(_) | None => None,
        };
        let named = held.and_then(|held| Some((held, self.sockets.get(held)?.ino)));
        match named {
            Some((_, Some(known))) if known == ino => return,
            Some((held, None)) => {
                if let Some(twin) = self.socket_by_ino(ino) {
                    self.merge_sockets(held, twin);
                    self.mend(acting, at, Object::Socket(twin), Access::ReadWrite);
                } else if let Some(socket) = self.sockets.get_mut(held) {
                    socket.ino = Some(ino);
                    self.socket_inodes.learn(ino, held);
                }
                return;
            }
            Some((_, Some(_))) | None => {}
        }
        if used == Use::Closes {
            return;
        }
        let socket = self.socket_by_ino(ino).unwrap_or_else(|| {
            let new = Socket { ino: Some(ino), ..Socket::new(Family::default(), SOCK_STREAM, Role::Idle) };
            let (socket, _) = self.sockets.insert(new);
            self.socket_inodes.learn(ino, socket);
            socket
        });
        self.mend(acting, at, Object::Socket(socket), Access::ReadWrite);
    }

    fn socket_by_ino(&mut self, ino: Ino) -> Option<SocketId> {
        self.socket_inodes.find(ino).filter(|socket| self.sockets.get(*socket).is_some())
    }

    /// `made`, whose inode nobody said, is the same as `twin`, of which only that is known: another process used it
    /// before its maker reported.
    fn merge_sockets(&mut self, made: SocketId, twin: SocketId) {
        let Some(from) = self.sockets.get(made).cloned() else { return };
        let Some(to) = self.sockets.get_mut(twin).filter(|twin| twin.role == Role::Idle) else { return };
        let peer = from.pair.as_ref().map(|pair| pair.peer);
        *to = Socket { ino: to.ino, ..from };
        let back = peer.and_then(|peer| self.sockets.get_mut(peer)).and_then(|peer| peer.pair.as_mut());
        if let Some(pair) = back {
            pair.peer = twin;
        }
    }

    fn heal_pipe(&mut self, acting: &Acting<'_>, at: At, ino: Ino, used: Use) {
        let wanted = end_for(used);
        if let Some(Descriptor { object: Object::Pipe(held, end), .. }) = at.known
            && wanted.is_none_or(|wanted| wanted == end)
            && let Some(pipe) = self.pipes.get(held)
        {
            match pipe.ino {
                Some(known) if known == ino => return,
                None => return self.name_pipe(acting, held, ino),
                Some(_) => {}
            }
        }
        // Which end it is must be known, or bytes would flow backwards.
        let Some(end) = wanted else { return };
        let pipe = self.pipe_inodes.find(ino).filter(|pipe| self.pipes.get(*pipe).is_some());
        let pipe = pipe.unwrap_or_else(|| {
            let (pipe, _) = self.pipes.insert(Pipe { ino: Some(ino), ..Pipe::default() });
            self.pipe_inodes.learn(ino, pipe);
            pipe
        });
        let access = match end {
            PipeEnd::Read => Access::Read,
            PipeEnd::Write => Access::Write,
        };
        self.mend(acting, at, Object::Pipe(pipe, end), access);
        match end {
            PipeEnd::Read => self.drinks(acting, at.fd, pipe),
            PipeEnd::Write => {
                let input = self.processes.get(acting.process).and_then(Process::network_input).cloned();
                if let Some(source) = input {
                    self.pour(acting, pipe, &source);
                }
            }
        }
    }

    /// The pipe that a maker made has that inode. Others may have used it before the maker reported: then what went
    /// through the one went through the other, and from now on they fill each other.
    fn name_pipe(&mut self, acting: &Acting<'_>, made: PipeId, ino: Ino) {
        let twin = self.pipe_inodes.find(ino).filter(|twin| self.pipes.get(*twin).is_some());
        if let Some(pipe) = self.pipes.get_mut(made) {
            pipe.ino = Some(ino);
            pipe.twin = twin;
        }
        let Some(twin) = twin else { return self.pipe_inodes.learn(ino, made) };
        if let Some(pipe) = self.pipes.get_mut(twin) {
            pipe.twin = Some(made);
        }
        let source = |pipe: PipeId| self.pipes.get(pipe).and_then(|pipe| pipe.source.clone());
        match (source(made), source(twin)) {
            (Some(source), None) => self.pour(acting, twin, &source),
            (None, Some(source)) => self.pour(acting, made, &source),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// A process turns out to have held the reading end of a pipe all along.
    fn drinks(&mut self, acting: &Acting<'_>, fd: Fd, pipe: PipeId) {
        let Some(source) = self.pipes.get(pipe).and_then(|pipe| pipe.source.clone()) else { return };
        if let Some(process) =
            self.processes.get_mut(acting.process).filter(|process| process.runs_from == fd)
        {
            process.stdin = Some(source.clone());
            self.taint(acting.process, &source, acting.time);
        }
    }

    /// Network bytes go into a pipe; whoever reads from it has them.
    pub(super) fn pour(&mut self, acting: &Acting<'_>, pipe: PipeId, source: &Source) {
        let ends = self.fill_both(Object::Pipe(pipe, PipeEnd::Read), source);
        let readers = self.fed_by(acting.container, acting.process, &ends, source);
        self.taint_all(readers, source, acting.time);
    }

    /// A process that was heard of before its clone called by its inode what it now turns out to have inherited.
    pub(super) fn same(&mut self, acting: &Acting<'_>, inherited: Object, mended: Object) {
        match (inherited, mended) {
            (Object::Socket(made), Object::Socket(twin)) if made != twin => {
                if self.sockets.get(made).is_some_and(|made| made.ino.is_none()) {
                    self.merge_sockets(made, twin);
                }
            }
            (Object::Pipe(made, _), Object::Pipe(twin, _)) if made != twin => {
                let is_nameless = self.pipes.get(made).is_some_and(|made| made.ino.is_none());
                if let Some(ino) = self.pipes.get(twin).and_then(|twin| twin.ino).filter(|_| is_nameless) {
                    self.name_pipe(acting, made, ino);
                }
            }
            (
                Object::Socket(_)
                | Object::Pipe(..)
                | Object::File(_)
                | Object::Nvidia(_)
                | Object::Anon
                | Object::Unknown,
                _,
            ) => {}
        }
    }

    fn heal_file(&mut self, acting: &Acting<'_>, at: At, path: &[u8], used: Use) {
        let access = match used {
            Use::Reads => Access::Read,
            Use::Writes => Access::Write,
            Use::Closes | Use::Other => Access::ReadWrite,
        };
        match at.known {
            // A memfd has no name of its own, and a handle on a path is not worth it.
            Some(Descriptor { access: Access::Path, .. }) => return,
            Some(Descriptor { object: Object::File(held), access, .. }) => {
                let is_there = self.file(acting, held).is_some_and(|file| {
                    *file.path == *path || is_memfd(&file.path) || is_no_storage(&file.path)
                });
                // Where it is written, the file was renamed or had a link on its path: `truly_at`.
                if is_there || access.is_write() {
                    return;
                }
                if let Some(other) = self.find_file(acting, path).filter(|other| *other != held) {
                    self.mend(acting, at, Object::File(other), access);
                    self.read_from_file(acting, other);
                }
                return;
            }
            Some(Descriptor { object: Object::Nvidia(_), .. }) if device_at(path).is_some() => return,
            Some(_) | None => {}
        }
        // What is closed right now needs no mending; what is only moved is mended when it is used.
        if used == Use::Closes {
            return;
        }
        if let Some(device) = device_at(path) {
            if let Some(process) = self.processes.get_mut(acting.process) {
                process.gpu.opened();
            }
            return self.mend(acting, at, Object::Nvidia(device), Access::ReadWrite);
        }
        let Some(file) = self.file_at(acting, path) else { return };
        self.mend(acting, at, Object::File(file), access);
        if is_no_storage(path) {
            return;
        }
        match used {
            Use::Reads => self.read_from_file(acting, file),
            Use::Writes => self.write_to_file(acting, file, true),
            Use::Closes | Use::Other => {}
        }
    }
}

/// A descriptor and what the table says of it.
#[derive(Clone, Copy, Debug)]
struct At {
    fd: Fd,
    known: Option<Descriptor>,
}
