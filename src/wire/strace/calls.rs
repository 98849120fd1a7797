//! Records into the messages that gVisor has for them.

use crate::event::Sysno;
use crate::wire::Header;
use crate::wire::pb::{self, Packet};

use super::address::sockaddr;
use super::line::Call;
use super::raw::{registers, sysno};
use super::records::Record;
use super::threads::{Birth, Threads};
use super::value::Value;
use super::{Summary, names};

/// `AT_FDCWD`: a path is relative to the working directory.
const CWD: i64 = -100;

/// No descriptor.
const NO_FD: i64 = -1;

/// Paths are joined up to here; the kernel's have 4,096 bytes at most.
const MAX_PATH: usize = 4096;

/// Writes packets, one record after the other.
pub(super) struct Importer<'s> {
    threads: Threads,
    container: Vec<u8>,
    sink: &'s mut dyn FnMut(&[u8]),
    packets: u64,
}

impl<'s> Importer<'s> {
    pub(super) fn new(
        records: &[Record<'_>],
        container: &[u8],
        sink: &'s mut dyn FnMut(&[u8]),
    ) -> Importer<'s> {
        Importer { threads: Threads::new(records), container: container.to_vec(), sink, packets: 0 }
    }

    /// Packets written so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// A thread ended.
    pub(super) fn ended(&mut self, record: &Record<'_>, status: i32) {
        self.make_known(record);
        let context_data = self.context(record.tid, record.end);
        let last = self.threads.ended(record.tid);
        self.put(&pb::TaskExit { context_data: context_data.clone(), exit_status: status });
        if last {
            self.put(&pb::ExitNotifyParentInfo { context_data, exit_status: status });
        }
    }

    /// A call ended, or began and never ended.
    pub(super) fn call(&mut self, record: &Record<'_>, text: &[u8], call: &Call<'_>, summary: &mut Summary) {
        let Some(number) = sysno(call.name) else {
            summary.unknown_call(call.name);
            return;
        };
        summary.calls = summary.calls.saturating_add(1);
        self.make_known(record);
        self.learn_directory(record.tid, call);
        if self.packets == 0 && call.name == b"execve" {
            self.start(record, call);
        }
        self.message(record, call, number);
        if let Some(birth) = self.threads.told_by(record, text) {
            self.born(birth, record.end);
        }
        self.follow(record, call);
    }

    /// What a log begins with is what the container begins with. strace had attached to a process that ran already if
    /// it is not a program's start.
    fn start(&mut self, record: &Record<'_>, call: &Call<'_>) {
        let context_data = self.context(record.tid, record.begin);
        let cwd = context_data.as_ref().map(|context| context.cwd.clone()).unwrap_or_default();
        let args = call.args.get(1).map(|arg| texts(&arg.value)).unwrap_or_default();
        self.put(&pb::Start {
            context_data,
            id: self.container.clone(),
            cwd,
            args,
            env: Vec::new(),
            terminal: false,
        });
    }

    /// Tells of the births that nobody was told of before the thread did something.
    fn make_known(&mut self, record: &Record<'_>) {
        for birth in self.threads.untold(record.tid, record.end) {
            self.born(birth, record.begin);
        }
        self.threads.ensure(record.tid, record.begin);
    }

    fn born(&mut self, birth: Birth, now: i64) {
        self.threads.born(birth, now);
        let context_data = self.context(birth.parent, now);
        let tgid = self.threads.thread(birth.child).map_or(birth.child, |(thread, _)| thread.tgid);
        self.put(&pb::CloneInfo {
            context_data,
            created_thread_id: birth.child,
            created_thread_group_id: tgid,
            created_thread_start_time_ns: now,
            flags: birth.flags,
        });
    }

    /// Where `-y` says what the working directory is.
    fn learn_directory(&mut self, tid: i32, call: &Call<'_>) {
        let of_cwd = call.args.iter().find(|arg| arg.value.word() == Some(b"AT_FDCWD"));
        if let Some(path) = of_cwd.and_then(|arg| arg.value.path()) {
            self.threads.set_cwd(tid, path);
        }
    }

    /// What a call that succeeded changed.
    fn follow(&mut self, record: &Record<'_>, call: &Call<'_>) {
        if call.returned.is_none_or(|returned| returned.errno != 0) {
            return;
        }
        match call.name {
            b"getcwd" => self.threads.set_cwd(record.tid, text(call, 0)),
            b"chdir" => {
                let path = self.absolute(record.tid, text(call, 0));
                self.threads.set_cwd(record.tid, &path);
            }
            b"fchdir" => self.threads.set_cwd(record.tid, fd_path(call, 0).as_slice()),
            b"prctl" if word(call, 0) == names::value(b"PR_SET_NAME") => {
                self.threads.set_comm(record.tid, text(call, 1));
            }
            b"execve" => self.exec(record, text(call, 0), call.args.get(1).map(|arg| &arg.value)),
            b"execveat" => {
                let path = match fd_path(call, 0) {
                    directory if !directory.is_empty() => join(&directory, text(call, 1)),
                    _ => text(call, 1).to_vec(),
                };
                self.exec(record, &path, call.args.get(2).map(|arg| &arg.value));
            }
            _ => {}
        }
    }

    /// A program was loaded.
    fn exec(&mut self, record: &Record<'_>, path: &[u8], argv: Option<&Value<'_>>) {
        let path = self.absolute(record.tid, path);
        let argv = argv.map(texts).unwrap_or_default();
        let context_data = self.context(record.tid, record.end);
        self.put(&pb::ExecveInfo { context_data, binary_path: path.clone(), argv, ..Default::default() });
        self.threads.exec(record.tid, &path);
    }

    /// The path from the root on, as far as the directory is known.
    fn absolute(&self, tid: i32, path: &[u8]) -> Vec<u8> {
        match self.threads.thread(tid) {
            Some((_, group)) if !group.cwd.is_empty() => join(&group.cwd, path),
            Some(_) | None => path.to_vec(),
        }
    }

    fn context(&self, tid: i32, time: i64) -> Option<pb::ContextData> {
        let (thread, group) = self.threads.thread(tid)?;
        Some(pb::ContextData {
            time_ns: time,
            thread_id: tid,
            thread_start_time_ns: thread.start,
            thread_group_id: thread.tgid,
            thread_group_start_time_ns: group.start,
            container_id: self.container.clone(),
            credentials: None,
            cwd: group.cwd.clone(),
            process_name: thread.comm.clone(),
            parent_thread_group_id: group.parent,
            is_exec_session: false,
        })
    }

    fn put<M: Packet>(&mut self, message: &M) {
        self.packets = self.packets.saturating_add(1);
        let mut packet = Header::encode(M::TYPE, 0).to_vec();
        packet.append(&mut message.encode_to_vec());
        (self.sink)(&packet);
    }

    /// The call's own message, or its registers.
    fn message(&mut self, record: &Record<'_>, call: &Call<'_>, number: Sysno) {
        let context_data = self.context(record.tid, record.end);
        let exit = call.returned.map(|returned| pb::Exit {
            // The kernel gives -errno in the register, gVisor the error by itself.
            result: if returned.errno == 0 { returned.result } else { -1 },
            errorno: returned.errno,
        });
        let sysno = u64::from(number.0);
        let fd = fd(call, 0);
        let fd_path = fd_path(call, 0);
        // Descriptors beyond 32 bits are none.
        let fd32 = i32::try_from(fd).unwrap_or(-1);
        // The two messages have the same fields, but are two types.
        macro_rules! transfer {
            ($message:ident) => {{
                let at = offset(call);
                self.put(&pb::$message {
                    context_data,
                    exit,
                    sysno,
                    fd,
                    fd_path,
                    count: word(call, 2).unwrap_or(0),
                    has_offset: at.is_some(),
                    offset: at.unwrap_or(0),
                    flags: 0,
                });
            }};
        }
        match call.name {
            b"open" | b"openat" | b"openat2" | b"creat" => {
                self.put(&open(call, pb::Open { context_data, exit, sysno, ..Default::default() }));
            }
            b"close" => self.put(&pb::Close { context_data, exit, sysno, fd, fd_path }),
            b"read" | b"readv" | b"pread64" | b"preadv" | b"preadv2" => transfer!(Read),
            b"write" | b"writev" | b"pwrite64" | b"pwritev" | b"pwritev2" => transfer!(Write),
            b"connect" => {
                self.put(&pb::Connect { context_data, exit, sysno, fd, fd_path, address: address(call) });
            }
            b"bind" => {
                self.put(&pb::Bind { context_data, exit, sysno, fd: fd32, fd_path, address: address(call) });
            }
            b"accept" | b"accept4" => {
                let flags = i32_of(word(call, 3));
                let address = address(call);
                self.put(&pb::Accept { context_data, exit, sysno, fd: fd32, fd_path, address, flags });
            }
            b"listen" => {
                let backlog = i32_of(word(call, 1));
                self.put(&pb::Listen {
                    context_data,
                    exit,
                    sysno,
                    fd: fd32,
                    fd_path,
                    backlog,
                    ..Default::default()
                });
            }
            b"socket" => {
                let [domain, r#type, protocol] = [0, 1, 2].map(|at| i32_of(word(call, at)));
                self.put(&pb::Socket { context_data, exit, sysno, domain, r#type, protocol });
            }
            b"socketpair" => {
                let [domain, r#type, protocol] = [0, 1, 2].map(|at| i32_of(word(call, at)));
                let [socket1, socket2] = pair(call, 3);
                self.put(&pb::SocketPair {
                    context_data,
                    exit,
                    sysno,
                    domain,
                    r#type,
                    protocol,
                    socket1,
                    socket2,
                });
            }
            b"pipe" | b"pipe2" => {
                let [reader, writer] = pair(call, 0);
                let flags = u32_of(word(call, 1));
                self.put(&pb::Pipe { context_data, exit, sysno, flags, reader, writer });
            }
            b"dup" | b"dup2" | b"dup3" => {
                let new_fd = if call.name == b"dup" { 0 } else { i32_of(word(call, 1)) };
                let flags = u32_of(word(call, 2));
                self.put(&pb::Dup { context_data, exit, sysno, old_fd: fd32, new_fd, fd_path, flags });
            }
            b"fcntl" => {
                let cmd = i32_of(word(call, 1));
                let args = word(call, 2).unwrap_or(0).cast_signed();
                self.put(&pb::Fcntl { context_data, exit, sysno, fd: fd32, fd_path, cmd, args });
            }
            b"execve" => self.put(&pb::Execve {
                context_data,
                exit,
                sysno,
                fd: CWD,
                pathname: text(call, 0).to_vec(),
                argv: call.args.get(1).map(|arg| texts(&arg.value)).unwrap_or_default(),
                ..Default::default()
            }),
            b"execveat" => self.put(&pb::Execve {
                context_data,
                exit,
                sysno,
                fd,
                fd_path,
                pathname: text(call, 1).to_vec(),
                argv: call.args.get(2).map(|arg| texts(&arg.value)).unwrap_or_default(),
                flags: u32_of(word(call, 4)),
                ..Default::default()
            }),
            b"chdir" => self.put(&pb::Chdir {
                context_data,
                exit,
                sysno,
                pathname: text(call, 0).to_vec(),
                ..Default::default()
            }),
            b"fchdir" => {
                self.put(&pb::Chdir { context_data, exit, sysno, fd, fd_path, ..Default::default() });
            }
            b"chroot" => {
                self.put(&pb::Chroot { context_data, exit, sysno, pathname: text(call, 0).to_vec() });
            }
            b"setuid" | b"setgid" => {
                self.put(&pb::Setid { context_data, exit, sysno, id: u32_of(word(call, 0)) });
            }
            b"setresuid" | b"setresgid" => {
                let [rid, eid, sid] = [0, 1, 2].map(|at| u32_of(word(call, at)));
                self.put(&pb::Setresid { context_data, exit, sysno, rid, eid, sid });
            }
            b"eventfd" | b"eventfd2" => {
                let (val, flags) = (i32_of(word(call, 0)), u32_of(word(call, 1)));
                self.put(&pb::Eventfd { context_data, exit, sysno, val, flags });
            }
            b"signalfd" | b"signalfd4" => {
                let flags = i32_of(word(call, 3));
                self.put(&pb::Signalfd { context_data, exit, sysno, fd: fd32, fd_path, sigset: 0, flags });
            }
            b"timerfd_create" => {
                let [clock_id, flags] = [0, 1].map(|at| i32_of(word(call, at)));
                self.put(&pb::TimerfdCreate { context_data, exit, sysno, clock_id, flags });
            }
            b"inotify_init" | b"inotify_init1" => {
                self.put(&pb::InotifyInit { context_data, exit, sysno, flags: i32_of(word(call, 0)) });
            }
            b"mmap" => self.put(&mmap(call, pb::Mmap { context_data, exit, sysno, ..Default::default() })),
            b"ptrace" => {
                let request = word(call, 0).unwrap_or(0).cast_signed();
                self.put(&pb::Ptrace { context_data, exit, sysno, request, pid: i32_of(word(call, 1)) });
            }
            b"fork" | b"vfork" | b"setsid" => self.put(&pb::Fork { context_data, exit, sysno }),
            _ => {
                let [arg1, arg2, arg3, arg4, arg5, arg6] = registers(call);
                self.put(&pb::Syscall { context_data, exit, sysno, arg1, arg2, arg3, arg4, arg5, arg6 });
            }
        }
    }
}

fn open(call: &Call<'_>, message: pb::Open) -> pb::Open {
    // Of openat2(2) the flags are in a struct; gVisor knows the call as openat(2) at most.
    let (at, flags, mode) = match call.name {
        b"open" => (0, word(call, 1), word(call, 2)),
        b"creat" => (0, names::value(b"O_WRONLY|O_CREAT|O_TRUNC"), word(call, 1)),
        b"openat2" => {
            let part = |name: &[u8]| {
                call.args
                    .get(2)
                    .and_then(|arg| arg.value.part(name))
                    .and_then(Value::word)
                    .and_then(names::value)
            };
            (1, part(b"flags"), part(b"mode"))
        }
        _ => (1, word(call, 2), word(call, 3)),
    };
    let sysno = if call.name == b"openat2" { u64::from(Sysno::OPENAT.0) } else { message.sysno };
    let of_cwd = at == 0 || call.args.first().and_then(|arg| arg.value.word()) == Some(b"AT_FDCWD");
    pb::Open {
        sysno,
        fd: if of_cwd { CWD } else { fd(call, 0) },
        fd_path: if of_cwd { Vec::new() } else { fd_path(call, 0) },
        pathname: text(call, at).to_vec(),
        flags: u32_of(flags),
        mode: u32_of(mode),
        ..message
    }
}

fn mmap(call: &Call<'_>, message: pb::Mmap) -> pb::Mmap {
    pb::Mmap {
        addr: word(call, 0).unwrap_or(0),
        length: word(call, 1).unwrap_or(0),
        prot: u32_of(word(call, 2)),
        flags: u32_of(word(call, 3)),
        fd: fd(call, 4),
        fd_path: fd_path(call, 4),
        offset: word(call, 5).unwrap_or(0).cast_signed(),
        ..message
    }
}

/// The offset of a read or write that has one.
fn offset(call: &Call<'_>) -> Option<i64> {
    call.name.starts_with(b"p").then(|| word(call, 3).unwrap_or(0).cast_signed())
}

fn address(call: &Call<'_>) -> Vec<u8> {
    call.args.get(1).map(|arg| sockaddr(&arg.value)).unwrap_or_default()
}

/// The string at a place; empty where there is none.
fn text<'c>(call: &'c Call<'_>, at: usize) -> &'c [u8] {
    call.args.get(at).and_then(|arg| arg.value.text()).unwrap_or_default()
}

/// The strings of an array.
fn texts(value: &Value<'_>) -> Vec<Vec<u8>> {
    value.elements().iter().filter_map(Value::text).map(<[u8]>::to_vec).collect()
}

fn word(call: &Call<'_>, at: usize) -> Option<u64> {
    call.args.get(at).and_then(|arg| arg.value.word()).and_then(names::value)
}

fn fd(call: &Call<'_>, at: usize) -> i64 {
    word(call, at).map_or(NO_FD, u64::cast_signed)
}

/// What `-y` says of a descriptor, in gVisor's words; what gVisor has other words for is left out.
fn fd_path(call: &Call<'_>, at: usize) -> Vec<u8> {
    let Some(path) = call.args.get(at).and_then(|arg| arg.value.path()) else { return Vec::new() };
    // Of a device `-yy` says the number as well.
    let end = path.windows(6).position(|piece| piece == b"<char " || piece == b"<block");
    let path = path.get(..end.unwrap_or(path.len())).unwrap_or_default();
    let known = [b"/".as_slice(), b"socket:[", b"pipe:[", b"anon_inode:"];
    if known.iter().any(|begin| path.starts_with(begin)) { path.to_vec() } else { Vec::new() }
}

/// Two descriptors in an array.
fn pair(call: &Call<'_>, at: usize) -> [i32; 2] {
    let elements = call.args.get(at).map(|arg| arg.value.elements()).unwrap_or_default();
    [0, 1].map(|at| i32_of(elements.get(at).and_then(Value::word).and_then(names::value)))
}

/// The low half, which is what the kernel takes for an `int`.
fn i32_of(value: Option<u64>) -> i32 {
    u32_of(value).cast_signed()
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel looks at the low 32 bits only")]
fn u32_of(value: Option<u64>) -> u32 {
    value.unwrap_or(0) as u32
}

/// A path seen from a directory, `.` and `..` left as they are.
fn join(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") || path.is_empty() {
        return if path.is_empty() { directory.to_vec() } else { path.to_vec() };
    }
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let mut whole = directory.strip_suffix(b"/").unwrap_or(directory).to_vec();
    whole.push(b'/');
    whole.extend_from_slice(path);
    whole.truncate(MAX_PATH);
    whole
}
