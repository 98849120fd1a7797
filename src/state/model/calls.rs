//! What the process that acts calls, and with what: the event of an operation.

use crate::event::{
    Accept, Call, Chdir, CloneFlags, Close, Connect, ContainerStart, Context, Dup, Errno, Event, Eventfd,
    Execve, Exit, ExitNotifyParent, Family, Fcntl, Fd, FdFlags, Kind, Open, OpenFlags, Pipe, Raw, Read,
    SentryClone, SentryExecve, SockAddr, Socket, SocketPair, Sysno, TaskExit, Text, Texts, Tgid, Tid, Time,
    Write,
};

use super::happens::is_no_storage;
use super::naive::{Ix, Naive, Object};
use super::ops::{Act, Op};
use super::player::{Player, Unreported, pick};
use super::words::{COMMANDS, Command, DIRECTORIES, ERRNOS, PATHS, PEERS, REQUESTS};

/// The first paths of the list, which half of the opens are of.
const BUSY_PATHS: usize = 8;

impl Player {
    pub(super) fn acts<'a>(
        &'a mut self,
        op: Op,
        context: Context<'a>,
        who: Option<Ix>,
        late: Option<Unreported>,
        model: &Naive,
    ) -> Event<'a> {
        let empty = super::naive::Table::new();
        let table = who.map_or(&empty, |who| model.table(who));
        // An open descriptor, seldom any number.
        let fd = |with: u8| match (table.len(), with) {
            (0, _) | (_, 250..) => Fd(i32::from(with) % 24),
            (open, with) => Fd(table.keys().nth(usize::from(with) % open).copied().unwrap_or(0)),
        };
        // One that leads to such an object, if there is one.
        let one_of = |with: u8, is_it: &dyn Fn(Object) -> bool| {
            let such: Vec<i32> =
                table.iter().filter(|(_, open)| is_it(open.object)).map(|(fd, _)| *fd).collect();
            if such.is_empty() || with > 240 { fd(with) } else { Fd(pick(&such, with)) }
        };
        let socket_fd = |with: u8| one_of(with, &|object| matches!(object, Object::Socket(_)));
        // The lowest free number, as the kernel gives them; else one that shows that events were missed.
        let mut free = (0..).filter(|fd| !table.contains_key(fd));
        let mut new_fd = |with: u8| match with {
            250..=252 => Fd(i32::from(with) - 240),
            253 => Fd(70_000),
            254 => Fd(2_000_000),
            255 => Fd(-1),
            _ => Fd(free.next().unwrap_or(0)),
        };
        // Three of four calls succeed.
        let errno = if op.errno < 192 { Errno::OK } else { Errno(pick(ERRNOS, op.errno)) };
        let exit = |result: i64| Exit { result: if errno == Errno::OK { result } else { 0 }, errno };
        let call = |sysno: Sysno, result: i64| Call { sysno, exit: Some(exit(result)) };
        let flags = if op.d & 1 == 0 { FdFlags::empty() } else { FdFlags::CLOEXEC };
        let path_behind = |fd: Fd| match (who, table.get(&fd.0).map(|open| open.object)) {
            (Some(who), Some(Object::File(file))) => {
                Some(model.file(model.processes[who].container, file).path.to_vec())
            }
            _ => None,
        };
        // The directory behind a descriptor. A link of /proc is none: what is open is what it leads to, and the kernel
        // lets nobody look for names in there.
        let directory_behind =
            |fd: Fd| path_behind(fd).filter(|path| !path.starts_with(b"/memfd:") && !is_no_storage(path));
        let kind = match op.act {
            Act::Start => Kind::ContainerStart(ContainerStart {
                id: context.container,
                cwd: Text(pick(&[&b"/"[..], b"/tmp"], op.a)),
                args: Texts::of(pick(COMMANDS, op.b).argv),
                ..ContainerStart::default()
            }),
            Act::Fork | Act::LateClone | Act::EarlyChild => {
                let child = late.unwrap_or_else(|| {
                    let container =
                        model.containers.iter().position(|one| one.id == context.container.bytes());
                    Unreported {
                        parent: 0,
                        tgid: Self::free_tgid(container.unwrap_or(0), op.a, model),
                        start: if context.start.0 == 0 { Time(0) } else { self.new_start() },
                        flags: Self::clone_flags(op.b),
                    }
                });
                Kind::SentryClone(SentryClone {
                    created_tid: Tid(child.tgid.0),
                    created_tgid: child.tgid,
                    created_start: child.start,
                    flags: child.flags,
                })
            }
            Act::Thread => Kind::SentryClone(SentryClone {
                created_tid: Tid(5000 + i32::from(op.a)),
                created_tgid: context.tgid,
                created_start: context.start,
                flags: CloneFlags::VM | CloneFlags::FILES | CloneFlags::THREAD,
            }),
            Act::Ask => {
                let by_descriptor = op.a.is_multiple_of(8);
                self.path = match op.a % 8 {
                    0 => Vec::new(),
                    1 => format!("/proc/self/fd/{}", fd(op.b).0).into_bytes(),
                    _ => pick(COMMANDS, op.b).path.to_vec(),
                };
                Kind::Execve(Execve {
                    call: Call { sysno: Sysno::EXECVE, exit: None },
                    dirfd: if by_descriptor { fd(op.b) } else { Fd::CWD },
                    pathname: Text(&self.path),
                    flags: if by_descriptor { 0x1000 } else { 0 },
                    ..Execve::default()
                })
            }
            Act::AskFails => {
                let exit = Some(Exit { result: 0, errno: Errno::ENOENT });
                Kind::Execve(Execve { call: Call { sysno: Sysno::EXECVE, exit }, ..Execve::default() })
            }
            Act::Exec => Kind::SentryExecve(self.executes(op, who, model)),
            Act::Exit => Kind::ExitNotifyParent(ExitNotifyParent { exit_status: 0 }),
            Act::TaskExit => Kind::TaskExit(TaskExit { exit_status: 0 }),
            Act::Chdir => Kind::Chdir(Chdir {
                call: call(Sysno::CHDIR, 0),
                pathname: Text(pick(DIRECTORIES, op.a)),
                ..Chdir::default()
            }),
            Act::Fchdir => {
                let dirfd = fd(op.a);
                self.path =
                    directory_behind(dirfd).unwrap_or_else(|| pick(&[&b"/tmp"[..], b"/"], op.b).to_vec());
                Kind::Chdir(Chdir {
                    call: call(Sysno::FCHDIR, 0),
                    dirfd,
                    fd_path: Text(&self.path),
                    ..Chdir::default()
                })
            }
            Act::Open | Act::OpenFails => {
                self.opens(op, context.parent, new_fd(op.c), fd(op.d), directory_behind(fd(op.d)).is_some())
            }
            Act::CloseBegins => {
                let fd = fd(op.a);
                self.path = path_behind(fd).filter(|path| !path.starts_with(b"/memfd:")).unwrap_or_default();
                Kind::Close(Close {
                    call: Call { sysno: Sysno::CLOSE, exit: None },
                    fd,
                    fd_path: Text(&self.path),
                })
            }
            Act::Close => {
                Kind::Close(Close { call: call(Sysno::CLOSE, 0), fd: fd(op.a), ..Close::default() })
            }
            Act::CloseRange => {
                let first = u64::from(op.a) % 40;
                let last = if op.b > 100 { u64::from(u32::MAX) } else { first + u64::from(op.b) % 16 };
                let how = if op.c.is_multiple_of(3) { 4 } else { 0 };
                raw(call(Sysno::CLOSE_RANGE, 0), [first, last, how])
            }
            Act::Dup => {
                let (sysno, new) = match op.c % 3 {
                    0 => (Sysno::DUP, new_fd(op.b)),
                    1 => (Sysno::DUP2, Fd(i32::from(op.b) % 24)),
                    _ => (Sysno::DUP3, if op.b > 127 { Fd(i32::from(op.b) % 3) } else { fd(op.b) }),
                };
                let flags = if sysno == Sysno::DUP3 { flags } else { FdFlags::empty() };
                Kind::Dup(Dup {
                    call: call(sysno, i64::from(new.0)),
                    old_fd: fd(op.a),
                    new_fd: new,
                    flags,
                    ..Dup::default()
                })
            }
            Act::Fcntl => {
                let (cmd, result) = match op.b % 4 {
                    0 => (0, new_fd(op.c).0),
                    1 => (1030, new_fd(op.c).0),
                    2 => (2, 0),
                    _ => (3, 2),
                };
                Kind::Fcntl(Fcntl {
                    call: call(Sysno::FCNTL, i64::from(result)),
                    fd: fd(op.a),
                    cmd,
                    arg: i64::from(op.d & 1),
                    ..Fcntl::default()
                })
            }
            Act::Pipe => Kind::Pipe(Pipe {
                call: call(Sysno::PIPE2, 0),
                flags,
                reader: new_fd(op.a),
                writer: new_fd(op.b),
            }),
            Act::SocketPair => Kind::SocketPair(SocketPair {
                call: call(Sysno::SOCKETPAIR, 0),
                domain: Family::UNIX,
                kind_and_flags: kind_and_flags(1, flags),
                protocol: 0,
                first: new_fd(op.a),
                second: new_fd(op.b),
            }),
            Act::Anon => Kind::Eventfd(Eventfd {
                call: call(Sysno::EVENTFD2, i64::from(new_fd(op.a).0)),
                val: 0,
                flags,
            }),
            Act::Memfd => {
                raw(call(Sysno::MEMFD_CREATE, i64::from(new_fd(op.a).0)), [0, u64::from(op.d & 1), 0])
            }
            Act::Socket => {
                let domain = pick(&[Family::INET, Family::INET6, Family::INET, Family::UNIX], op.b);
                let kind = pick(&[1, 1, 2, 2, 5], op.c);
                Kind::Socket(Socket {
                    call: call(Sysno::SOCKET, i64::from(new_fd(op.a).0)),
                    domain,
                    kind_and_flags: kind_and_flags(kind, flags),
                    protocol: 0,
                })
            }
            Act::Connect => {
                let at = socket_fd(op.a);
                let address = match op.b {
                    0..=239 => SockAddr::Inet(pick(PEERS, op.b).addr),
                    _ => SockAddr::Unix(Text(b"/run/x.sock")),
                };
                Kind::Connect(Connect {
                    call: call(Sysno::CONNECT, 0),
                    fd: at,
                    address,
                    ..Connect::default()
                })
            }
            Act::Accept => Kind::Accept(Accept {
                call: call(Sysno::ACCEPT4, i64::from(new_fd(op.b).0)),
                fd: fd(op.a),
                address: if op.c > 200 { SockAddr::Absent } else { SockAddr::Inet(pick(PEERS, op.c).addr) },
                flags,
                ..Accept::default()
            }),
            Act::Send => {
                raw(call(Sysno::SENDTO, i64::from(op.b)), [register(socket_fd(op.a)), 0, u64::from(op.b)])
            }
            Act::Recv => raw(call(Sysno::RECVFROM, i64::from(op.b)), [register(socket_fd(op.a)), 0, 4096]),
            Act::Read => Kind::Read(Read {
                call: call(Sysno::READ, i64::from(op.b)),
                fd: fd(op.a),
                count: 4096,
                ..Read::default()
            }),
            Act::Write => Kind::Write(Write {
                call: call(Sysno::WRITE, i64::from(op.b)),
                fd: fd(op.a),
                count: u64::from(op.b),
                ..Write::default()
            }),
            Act::Ioctl => {
                let fd =
                    one_of(op.a, &|object| matches!(object, Object::Control | Object::Gpu | Object::Uvm));
                raw(call(Sysno::IOCTL, 0), [register(fd), pick(REQUESTS, op.b).number, 0])
            }
            Act::Rename => raw(call(pick(&[Sysno::RENAME, Sysno::LINK], op.a), 0), [0; 3]),
            Act::Chmod => {
                raw(call(pick(&[Sysno::CHMOD, Sysno::FCHMOD], op.a), 0), [register(fd(op.b)), 0o755, 0])
            }
            Act::OtherCall | Act::NoContext => raw(call(Sysno::SCHED_YIELD, 0), [0; 3]),
        };
        let context = if op.act == Act::NoContext && context.tgid != Tgid(0) { None } else { Some(context) };
        Event { context, kind }
    }

    fn opens<'a>(&'a mut self, op: Op, other: Tgid, new: Fd, dir: Fd, is_directory: bool) -> Kind<'a> {
        let modes = [
            OpenFlags::empty(),
            OpenFlags::empty(),
            OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC,
            OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::EXCL,
            OpenFlags::WRONLY | OpenFlags::APPEND,
            OpenFlags::RDWR | OpenFlags::CREAT,
            OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::TRUNC,
            OpenFlags::PATH,
        ];
        let mut flags = pick(&modes, op.b);
        if op.d & 1 == 1 {
            flags |= OpenFlags::CLOEXEC;
        }
        self.path = match op.a {
            250.. => format!("/proc/{}/fd/{}", other.0, op.b % 8).into_bytes(),
            ..128 => pick(&PATHS[..BUSY_PATHS], op.a).to_vec(),
            _ => pick(PATHS, op.a).to_vec(),
        };
        let (sysno, dirfd) = match op.errno % 4 {
            0 => (Sysno::OPEN, Fd(0)),
            1 if is_directory => (Sysno::OPENAT, dir),
            _ => (Sysno::OPENAT, Fd::CWD),
        };
        let errno = if op.act == Act::OpenFails { Errno::ENOENT } else { Errno::OK };
        let exit = Some(Exit { result: if errno == Errno::OK { i64::from(new.0) } else { 0 }, errno });
        Kind::Open(Open {
            call: Call { sysno, exit },
            dirfd,
            pathname: Text(&self.path),
            flags,
            ..Open::default()
        })
    }

    /// What was asked for, if anything was, is what runs.
    fn executes<'a>(&'a mut self, op: Op, who: Option<Ix>, model: &Naive) -> SentryExecve<'a> {
        let asked = who.and_then(|who| model.processes[who].asked.as_ref()).map(|asked| &asked.path);
        let commands: Vec<&Command> = match asked {
            Some(path) => COMMANDS.iter().filter(|command| command.path == *path).collect(),
            None => COMMANDS.iter().collect(),
        };
        let command = if commands.is_empty() { &COMMANDS[0] } else { pick(&commands, op.a) };
        self.path = command.path.to_vec();
        let (in_memfd, is_deleted) = (command.path.starts_with(b"/memfd:") && op.b > 127, op.b % 16 == 1);
        if is_deleted {
            self.path.extend_from_slice(b" (deleted)");
        }
        let (overlay_upper, overlay_lower) =
            pick(&[(false, false), (false, false), (true, false), (false, true)], op.c);
        SentryExecve {
            binary_path: Text(&self.path),
            argv: Texts::of(command.argv),
            overlay_upper,
            overlay_lower,
            in_memfd,
            execfn: Text(if op.d > 200 { command.path } else { b"" }),
            ..SentryExecve::default()
        }
    }
}

fn register(fd: Fd) -> u64 {
    i64::from(fd.0).cast_unsigned()
}

fn kind_and_flags(kind: i32, flags: FdFlags) -> i32 {
    kind | flags.bits().cast_signed()
}

fn raw(call: Call, [first, second, third]: [u64; 3]) -> Kind<'static> {
    Kind::Raw(Raw { call, args: [first, second, third, 0, 0, 0] })
}
