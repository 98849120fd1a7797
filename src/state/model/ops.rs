//! Operations as data, and the events that they become.
//!
//! An operation is eight bytes: what to do, who does it, and numbers to choose with. It becomes one event by looking
//! at the model: "the third descriptor" is one that is open, a new descriptor has the lowest free number, an id is
//! reused when its bearer is gone. So any bytes are a plausible run, a shorter run is as good as a longer one, and
//! the fuzzer and the property test play the same game.

use std::fmt;

use crate::event::{
    Accept, Call, Chdir, CloneFlags, Close, Connect, ContainerStart, Context, Credentials, Dup, Errno, Event,
    Eventfd, Execve, Exit, ExitNotifyParent, Family, Fcntl, Fd, FdFlags, Kind, Nanos, Open, OpenFlags, Pipe,
    Raw, Read, SentryClone, SentryExecve, SockAddr, Socket, SocketPair, Sysno, TaskExit, Text, Texts, Tgid,
    Tid, Time, Uid, Write,
};

use super::naive::{Ix, Naive, Object, session};
use super::words::{COMMANDS, Command, DIRECTORIES, ERRNOS, PATHS, PEERS, REQUESTS, Session};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Start,
    Fork,
    Thread,
    /// The event of a process whose clone is still to come.
    EarlyChild,
    /// That clone.
    LateClone,
    Ask,
    AskFails,
    Exec,
    Exit,
    TaskExit,
    Chdir,
    Fchdir,
    Open,
    OpenFails,
    CloseBegins,
    Close,
    CloseRange,
    Dup,
    Fcntl,
    Pipe,
    SocketPair,
    Anon,
    Memfd,
    Socket,
    Connect,
    Accept,
    Send,
    Recv,
    Read,
    Write,
    Ioctl,
    Rename,
    Chmod,
    OtherCall,
    NoContext,
}

/// How often each is done, of all together.
const WEIGHTS: &[(Act, u8)] = &[
    (Act::Open, 32),
    (Act::Close, 14),
    (Act::Fork, 11),
    (Act::Exit, 9),
    (Act::Exec, 14),
    (Act::Dup, 10),
    (Act::Pipe, 8),
    (Act::Connect, 14),
    (Act::Write, 14),
    (Act::Read, 10),
    (Act::Socket, 8),
    (Act::Recv, 14),
    (Act::Send, 7),
    (Act::Fcntl, 8),
    (Act::Ioctl, 6),
    (Act::Rename, 8),
    (Act::Accept, 4),
    (Act::EarlyChild, 0),
    (Act::LateClone, 0),
    (Act::Memfd, 4),
    (Act::Chdir, 4),
    (Act::Ask, 5),
    (Act::CloseRange, 3),
    (Act::SocketPair, 0),
    (Act::CloseBegins, 3),
    (Act::OpenFails, 3),
    (Act::Fchdir, 2),
    (Act::Thread, 2),
    (Act::Anon, 2),
    (Act::Chmod, 2),
    (Act::AskFails, 2),
    (Act::Start, 2),
    (Act::TaskExit, 2),
    (Act::OtherCall, 2),
    (Act::NoContext, 1),
];

/// Bytes of an operation.
pub(super) const SIZE: usize = 8;

/// One operation.
#[derive(Clone, Copy)]
pub(super) struct Op {
    pub(super) act: Act,
    who: u8,
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    /// How the call ends, of the errors.
    errno: u8,
    /// How much time passes.
    pause: u8,
}

/// On one line: a run that fails is a list of them.
impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op { act, who, a, b, c, d, errno, pause } = self;
        write!(f, "{act:?} who={who} a={a} b={b} c={c} d={d} errno={errno} pause={pause}")
    }
}

impl Op {
    pub(super) fn of([act, who, a, b, c, d, errno, pause]: [u8; SIZE]) -> Op {
        let total: usize = WEIGHTS.iter().map(|(_, weight)| usize::from(*weight)).sum();
        // The product spreads the 256 values of the byte evenly over the weights.
        let mut at = usize::from(act) * total / 256;
        let mut chosen = Act::NoContext;
        for (act, weight) in WEIGHTS {
            if at < usize::from(*weight) {
                chosen = *act;
                break;
            }
            at -= usize::from(*weight);
        }
        Op { act: chosen, who, a, b, c, d, errno, pause }
    }
}

/// A clone that happened and is not reported yet.
#[derive(Clone, Copy, Debug)]
struct Unreported {
    parent: Ix,
    tgid: Tgid,
    start: Time,
    flags: CloneFlags,
}

/// What the events are made from beside the model: the clock and the clones that are still to be reported.
#[derive(Debug)]
pub(super) struct Player {
    now: Time,
    starts: i64,
    unreported: Vec<Unreported>,
    path: Vec<u8>,
    /// The containers of this run.
    sessions: &'static [Session],
}

/// Processes that live at once, about: the run stays a busy container and becomes no fork bomb.
const CROWD: usize = 24;

/// So many of them act half of the time.
const YOUNG: usize = 4;

/// The first paths of the list, which half of the opens are of.
const BUSY_PATHS: usize = 8;

fn pick<T: Copy>(of: &[T], with: u8) -> T {
    of[usize::from(with) % of.len()]
}

impl Player {
    pub(super) fn new(sessions: &'static [Session]) -> Player {
        Player {
            now: Time(1_700_000_000_000_000_000),
            starts: 0,
            unreported: Vec::new(),
            path: Vec::new(),
            sessions,
        }
    }

    /// The event that `op` becomes.
    pub(super) fn event<'a>(&'a mut self, op: Op, model: &Naive) -> Event<'a> {
        let time = self.time(op.pause);
        let living: Vec<Ix> =
            (0..model.processes.len()).filter(|ix| model.processes[*ix].exited.is_none()).collect();
        let mut op = op;
        match op.act {
            Act::Fork | Act::EarlyChild if living.len() > CROWD => op.act = Act::Exit,
            Act::Exit if living.len() < 4 => op.act = Act::Fork,
            _ => {}
        }
        let early = (op.act == Act::EarlyChild).then(|| self.early_child(op, &living, model)).flatten();
        let late = if op.act == Act::LateClone && !self.unreported.is_empty() {
            Some(self.unreported.remove(usize::from(op.a) % self.unreported.len()))
        } else {
            None
        };
        let who = match (early, late, op.who) {
            (Some(child), ..) => return self.first_event(op, child, time, model),
            (None, Some(late), _) => Some(late.parent),
            // Now and then someone acts who is gone, or whom nobody knows.
            (None, None, 246..=250) => (!model.processes.is_empty())
                .then(|| usize::from(op.a) % model.processes.len())
                .filter(|ix| !model.processes[*ix].gone),
            (None, None, 251..=255) => None,
            // Half of the time one of the youngest: a story needs a few who do one thing after another.
            (None, None, who @ 0..=127) => {
                living.iter().rev().take(YOUNG).nth(usize::from(who) % YOUNG).copied()
            }
            (None, None, who) => (!living.is_empty()).then(|| living[usize::from(who) % living.len()]),
        };
        let Some(who) = who else {
            let session = pick(self.sessions, op.b);
            let tgid = Tgid(1 + i32::from(op.c) % 60);
            let context = Context {
                time,
                tid: Tid(tgid.0),
                tgid,
                start: if session.starts { self.new_start() } else { Time(0) },
                container: Text(session.container),
                comm: Text(if session.comm { b"stranger" } else { b"" }),
                ..Context::default()
            };
            return self.acts(op, context, None, None, model);
        };
        // Where nobody says when processes start, it is the newest bearer of the id that acts.
        let bearer = &model.processes[who];
        let who = model.find(bearer.container, bearer.tgid, bearer.start).unwrap_or(who);
        let mut context = context_of(who, time, op, model);
        // A tgid of 0 is what a session without context fields leaves.
        if op.act == Act::NoContext && op.a > 127 {
            context.tgid = Tgid(0);
        }
        self.acts(op, context, Some(who), late, model)
    }

    /// Mostly a few milliseconds; threads report late, clocks lie now and then.
    fn time(&mut self, pause: u8) -> Time {
        let step = |millis| Nanos::from_millis(millis);
        match pause {
            0..=199 => self.now = self.now.after(step(i64::from(pause) / 8)),
            200..=239 => self.now = self.now.after(step(i64::from(pause) * 20)),
            240..=251 => return self.now.after(step(-i64::from(pause - 239) * 5)),
            252 => return Time(0),
            253 => return Time(-5),
            254 => return Time(i64::MAX),
            255 => self.now = self.now.after(Nanos::from_mins(600)),
        }
        self.now
    }

    fn new_start(&mut self) -> Time {
        self.starts += 1;
        Time(1_600_000_000_000_000_000 + self.starts)
    }

    /// An id that no living process of the container bears: new or reused.
    fn free_tgid(container: Ix, with: u8, model: &Naive) -> Tgid {
        let taken = |tgid: i32| {
            model
                .processes
                .iter()
                .any(|one| one.container == container && one.tgid.0 == tgid && one.exited.is_none())
        };
        let first = 2 + i32::from(with) % 60;
        Tgid((first..first + 5000).find(|tgid| !taken(*tgid)).unwrap_or(first))
    }

    fn clone_flags(with: u8) -> CloneFlags {
        match with % 8 {
            0 => CloneFlags::FILES,
            1 => CloneFlags::VM | CloneFlags::VFORK,
            2 => CloneFlags::FILES | CloneFlags::VM | CloneFlags::VFORK,
            _ => CloneFlags::empty(),
        }
    }

    fn early_child(&mut self, op: Op, living: &[Ix], model: &Naive) -> Option<Unreported> {
        let parent = *living.get(usize::from(op.who) % living.len().max(1))?;
        let container = model.processes[parent].container;
        let session = session(&model.containers[container].id);
        let tgid = Self::free_tgid(container, op.a, model);
        let start = if session.starts { self.new_start() } else { Time(0) };
        let child = Unreported { parent, tgid, start, flags: Self::clone_flags(op.b) };
        self.unreported.push(child);
        Some(child)
    }

    fn first_event<'a>(&'a mut self, op: Op, child: Unreported, time: Time, model: &Naive) -> Event<'a> {
        let parent = &model.processes[child.parent];
        let said = session(&model.containers[parent.container].id);
        let context = Context {
            time,
            tid: Tid(child.tgid.0),
            tgid: child.tgid,
            start: child.start,
            container: Text(said.container),
            parent: if said.parents { parent.tgid } else { Tgid(0) },
            ..Context::default()
        };
        let act = match op.c % 4 {
            0 => Act::Open,
            1 => Act::Socket,
            2 => Act::Pipe,
            _ => Act::OtherCall,
        };
        self.acts(Op { act, ..op }, context, None, None, model)
    }

    fn acts<'a>(
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
            250..=253 => Fd(i32::from(with) - 240),
            254 => Fd(70_000),
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
                let known = path_behind(dirfd).filter(|path| !path.starts_with(b"/memfd:"));
                self.path = known.unwrap_or_else(|| pick(&[&b"/tmp"[..], b"/"], op.b).to_vec());
                Kind::Chdir(Chdir {
                    call: call(Sysno::FCHDIR, 0),
                    dirfd,
                    fd_path: Text(&self.path),
                    ..Chdir::default()
                })
            }
            Act::Open | Act::OpenFails => {
                self.opens(op, context.parent, new_fd(op.c), fd(op.d), path_behind(fd(op.d)))
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

    fn opens<'a>(&'a mut self, op: Op, other: Tgid, new: Fd, dir: Fd, dir_path: Option<Vec<u8>>) -> Kind<'a> {
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
        let known_dir = dir_path.filter(|dir| !dir.starts_with(b"/memfd:"));
        let (sysno, dirfd) = match op.errno % 4 {
            0 => (Sysno::OPEN, Fd(0)),
            1 if known_dir.is_some() => (Sysno::OPENAT, dir),
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
        let asked = who.and_then(|who| model.processes[who].asked.as_ref()).map(|(path, _)| path);
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

fn context_of(who: Ix, time: Time, op: Op, model: &Naive) -> Context<'static> {
    let process = &model.processes[who];
    let session = session(&model.containers[process.container].id);
    let thread = if op.d.is_multiple_of(5) { 5000 + i32::from(op.d) } else { process.tgid.0 };
    let parent = process.ancestors.first().map_or(Tgid(0), |parent| parent.tgid);
    Context {
        time,
        tid: Tid(thread),
        tgid: process.tgid,
        start: process.start,
        container: Text(session.container),
        credentials: session
            .credentials
            .then(|| Credentials { effective_uid: Uid(u32::from(op.d % 3)), ..Credentials::default() }),
        comm: Text(if session.comm {
            pick(&[&b"sh"[..], b"worker", b"a name of sixteen"], op.c)
        } else {
            b""
        }),
        cwd: Text(if op.c % 16 == 1 { pick(&[&b"/tmp"[..], b"/srv"], op.d) } else { b"" }),
        parent: if session.parents { parent } else { Tgid(0) },
        ..Context::default()
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
