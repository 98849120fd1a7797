//! What each prost message should come out as: the plain mapping, field by field, that the decoder is compared with.

use crate::event::*;
use crate::wire::pb;
use crate::wire::sockaddr;

/// The two lists that a message can have, since an event borrows them as slices.
pub(super) type Lists<'m> = [Vec<Text<'m>>; 2];

/// A prost message that stands for an event.
pub(super) trait Expect: prost::Message + Default + std::fmt::Debug {
    /// The message's lists of texts, in the order of their field numbers.
    fn lists(&self) -> Lists<'_> {
        Lists::default()
    }
    /// Its context.
    fn context(&self) -> Option<Context<'_>>;
    /// The event.
    fn kind<'m>(&'m self, lists: &'m Lists<'m>) -> Kind<'m>;
}

macro_rules! expect {
    ($($message:ident |$m:ident| $kind:expr;)*) => {$(
        impl Expect for pb::$message {
            fn context(&self) -> Option<Context<'_>> {
                self.context_data.as_ref().map(context)
            }
            fn kind<'m>(&'m self, _: &'m Lists<'m>) -> Kind<'m> {
                let $m = self;
                $kind
            }
        }
    )*};
}

macro_rules! expect_with_lists {
    ($($message:ident [$first:ident $second:ident] |$m:ident $a:ident $b:ident| $kind:expr;)*) => {$(
        impl Expect for pb::$message {
            fn lists(&self) -> Lists<'_> {
                [&self.$first, &self.$second].map(|list| list.iter().map(|bytes| Text(bytes)).collect())
            }
            fn context(&self) -> Option<Context<'_>> {
                self.context_data.as_ref().map(context)
            }
            fn kind<'m>(&'m self, lists: &'m Lists<'m>) -> Kind<'m> {
                let $m = self;
                let [$a, $b] = lists.each_ref().map(|list| Texts::of(list));
                $kind
            }
        }
    )*};
}

fn context(m: &pb::ContextData) -> Context<'_> {
    Context {
        time: Time(m.time_ns),
        tid: Tid(m.thread_id),
        thread_start: Time(m.thread_start_time_ns),
        tgid: Tgid(m.thread_group_id),
        start: Time(m.thread_group_start_time_ns),
        container: Text(&m.container_id),
        credentials: m.credentials.as_ref().map(|m| Credentials {
            real_uid: Uid(m.real_uid),
            effective_uid: Uid(m.effective_uid),
            saved_uid: Uid(m.saved_uid),
            real_gid: Gid(m.real_gid),
            effective_gid: Gid(m.effective_gid),
            saved_gid: Gid(m.saved_gid),
        }),
        cwd: Text(&m.cwd),
        comm: Text(&m.process_name),
        parent: Tgid(m.parent_thread_group_id),
        exec_session: m.is_exec_session,
    }
}

fn call(sysno: u64, exit: Option<&pb::Exit>) -> Call {
    let exit = exit.map(|m| Exit { result: m.result, errno: Errno(m.errorno) });
    Call { sysno: Sysno(u32::try_from(sysno).unwrap_or(u32::MAX)), exit }
}

fn timespec(m: &pb::Timespec) -> Timespec {
    Timespec { sec: m.sec, nsec: m.nsec }
}

fn timer(m: &pb::ItimerSpec) -> TimerSpec {
    TimerSpec { interval: m.interval.as_ref().map(timespec), value: m.value.as_ref().map(timespec) }
}

fn rlimit(m: &pb::StructRlimit) -> Rlimit {
    Rlimit { cur: m.cur, max: m.max }
}

fn end(m: &pb::SocketIp) -> SocketIp<'_> {
    SocketIp { family: Family(m.family), ip: &m.ip, port: m.port }
}

fn fd_info(m: &pb::FdInfo) -> FdInfo<'_> {
    FdInfo {
        mode: m.mode,
        ino: Ino(m.ino),
        path: Text(&m.path),
        socket: m.socket.as_ref().map(|m| SocketInfo {
            family: Family(m.family),
            local: m.local.as_ref().map(end),
            remote: m.remote.as_ref().map(end),
        }),
    }
}

fn peer(m: &pb::PipeProcInfo) -> PipePeer<'_> {
    PipePeer { context: m.context_data.as_ref().map(context) }
}

fn flags(bits: u32) -> FdFlags {
    FdFlags::from_bits_retain(bits)
}

expect_with_lists! {
    Start [args env] |m args env| Kind::ContainerStart(ContainerStart {
        id: Text(&m.id), cwd: Text(&m.cwd), args, env, terminal: m.terminal,
    });
    ExecveInfo [argv env] |m argv env| Kind::SentryExecve(SentryExecve {
        binary_path: Text(&m.binary_path),
        argv,
        env,
        mode: m.binary_mode,
        uid: Uid(m.binary_uid),
        gid: Gid(m.binary_gid),
        sha256: &m.binary_sha256,
        sha1: &m.binary_sha1,
        overlay_upper: m.binary_overlayfs_upper,
        overlay_lower: m.binary_overlayfs_lower,
        ino: Ino(m.binary_ino),
        ctime: m.binary_ctime.as_ref().map(timespec),
        size: m.binary_size,
        nlink: m.binary_nlink,
        in_memfd: m.binary_in_memfd,
        stdin: m.stdin.as_ref().map(fd_info),
        stdout: m.stdout.as_ref().map(fd_info),
        stderr: m.stderr.as_ref().map(fd_info),
        execfn: Text(&m.execfn),
        pipe_input: m.pipe_input_proc.as_ref().map(peer),
        pipe_output: m.pipe_output_proc.as_ref().map(peer),
    });
    Execve [argv envv] |m argv env| Kind::Execve(Execve {
        call: call(m.sysno, m.exit.as_ref()),
        dirfd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        pathname: Text(&m.pathname),
        argv,
        env,
        flags: m.flags,
    });
}

expect! {
    CloneInfo |m| Kind::SentryClone(SentryClone {
        created_tid: Tid(m.created_thread_id),
        created_tgid: Tgid(m.created_thread_group_id),
        created_start: Time(m.created_thread_start_time_ns),
        flags: CloneFlags::from_bits_retain(m.flags),
    });
    ExitNotifyParentInfo |m| Kind::ExitNotifyParent(ExitNotifyParent { exit_status: m.exit_status });
    TaskExit |m| Kind::TaskExit(TaskExit { exit_status: m.exit_status });
    MmapInfo |m| Kind::SentryMmap(SentryMmap {
        path: Text(&m.mapped_path),
        ino: Ino(m.mapped_ino),
        mode: m.mapped_mode,
        uid: Uid(m.mapped_uid),
        gid: Gid(m.mapped_gid),
        is_initial: m.is_initial_mmap,
        ctime: m.mapped_ctime.as_ref().map(timespec),
        overlay_upper: m.overlayfs_upper,
        overlay_lower: m.overlayfs_lower,
    });
    Syscall |m| Kind::Raw(Raw {
        call: call(m.sysno, m.exit.as_ref()),
        args: [m.arg1, m.arg2, m.arg3, m.arg4, m.arg5, m.arg6],
    });
    Open |m| Kind::Open(Open {
        call: call(m.sysno, m.exit.as_ref()),
        dirfd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        pathname: Text(&m.pathname),
        flags: OpenFlags::from_bits_retain(m.flags),
        mode: ModeBits::from_bits_retain(m.mode),
    });
    Close |m| Kind::Close(Close {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
    });
    Read |m| Kind::Read(Read {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        count: m.count,
        has_offset: m.has_offset,
        offset: m.offset,
        flags: m.flags,
    });
    Write |m| Kind::Write(Write {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        count: m.count,
        has_offset: m.has_offset,
        offset: m.offset,
        flags: m.flags,
    });
    Connect |m| Kind::Connect(Connect {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        address: sockaddr::parse(&m.address),
    });
    Socket |m| Kind::Socket(Socket {
        call: call(m.sysno, m.exit.as_ref()),
        domain: Family(m.domain.cast_unsigned()),
        kind_and_flags: m.r#type,
        protocol: m.protocol,
    });
    Chdir |m| Kind::Chdir(Chdir {
        call: call(m.sysno, m.exit.as_ref()),
        dirfd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        pathname: Text(&m.pathname),
    });
    Setid |m| Kind::Setid(Setid { call: call(m.sysno, m.exit.as_ref()), id: m.id });
    Setresid |m| Kind::Setresid(Setresid {
        call: call(m.sysno, m.exit.as_ref()),
        rid: m.rid,
        eid: m.eid,
        sid: m.sid,
    });
    Prlimit |m| Kind::Prlimit(Prlimit {
        call: call(m.sysno, m.exit.as_ref()),
        pid: Pid(m.pid),
        resource: m.resource,
        new_limit: m.new_limit.as_ref().map(rlimit),
        old_limit: m.old_limit.as_ref().map(rlimit),
    });
    Pipe |m| Kind::Pipe(Pipe {
        call: call(m.sysno, m.exit.as_ref()),
        flags: flags(m.flags),
        reader: Fd(m.reader),
        writer: Fd(m.writer),
    });
    Fcntl |m| Kind::Fcntl(Fcntl {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        cmd: m.cmd,
        arg: m.args,
    });
    Dup |m| Kind::Dup(Dup {
        call: call(m.sysno, m.exit.as_ref()),
        old_fd: Fd(m.old_fd),
        new_fd: Fd(m.new_fd),
        fd_path: Text(&m.fd_path),
        flags: flags(m.flags),
    });
    Signalfd |m| Kind::Signalfd(Signalfd {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        sigset: m.sigset,
        flags: flags(m.flags.cast_unsigned()),
    });
    Chroot |m| Kind::Chroot(Chroot {
        call: call(m.sysno, m.exit.as_ref()),
        pathname: Text(&m.pathname),
    });
    Eventfd |m| Kind::Eventfd(Eventfd {
        call: call(m.sysno, m.exit.as_ref()),
        val: m.val,
        flags: flags(m.flags),
    });
    Clone |m| Kind::Clone(CloneCall {
        call: call(m.sysno, m.exit.as_ref()),
        flags: CloneFlags::from_bits_retain(m.flags),
        stack: m.stack,
        new_tid: m.new_tid,
        tls: m.tls,
    });
    Bind |m| Kind::Bind(Bind {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        address: sockaddr::parse(&m.address),
    });
    Accept |m| Kind::Accept(Accept {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        address: sockaddr::parse(&m.address),
        flags: flags(m.flags.cast_unsigned()),
    });
    Listen |m| Kind::Listen(Listen {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        backlog: m.backlog,
        address: sockaddr::parse(&m.address),
        family: m.socket_family,
        socket_type: m.socket_type,
    });
    TimerfdCreate |m| Kind::TimerfdCreate(TimerfdCreate {
        call: call(m.sysno, m.exit.as_ref()),
        clock_id: m.clock_id,
        flags: flags(m.flags.cast_unsigned()),
    });
    TimerfdSetTime |m| Kind::TimerfdSettime(TimerfdSettime {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        flags: m.flags,
        new_value: m.new_value.as_ref().map(timer),
        old_value: m.old_value.as_ref().map(timer),
    });
    TimerfdGetTime |m| Kind::TimerfdGettime(TimerfdGettime {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        cur_value: m.cur_value.as_ref().map(timer),
    });
    Fork |m| Kind::Fork(Fork { call: call(m.sysno, m.exit.as_ref()) });
    InotifyInit |m| Kind::InotifyInit(InotifyInit {
        call: call(m.sysno, m.exit.as_ref()),
        flags: m.flags,
    });
    InotifyAddWatch |m| Kind::InotifyAddWatch(InotifyAddWatch {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        pathname: Text(&m.pathname),
        mask: m.mask,
    });
    InotifyRmWatch |m| Kind::InotifyRmWatch(InotifyRmWatch {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd(m.fd),
        fd_path: Text(&m.fd_path),
        wd: m.wd,
    });
    SocketPair |m| Kind::SocketPair(SocketPair {
        call: call(m.sysno, m.exit.as_ref()),
        domain: Family(m.domain.cast_unsigned()),
        kind_and_flags: m.r#type,
        protocol: m.protocol,
        first: Fd(m.socket1),
        second: Fd(m.socket2),
    });
    Mmap |m| Kind::Mmap(Mmap {
        call: call(m.sysno, m.exit.as_ref()),
        fd: Fd::from_register(m.fd),
        fd_path: Text(&m.fd_path),
        addr: m.addr,
        length: m.length,
        prot: MapProt::from_bits_retain(m.prot),
        flags: m.flags,
        offset: m.offset,
    });
    Ptrace |m| Kind::Ptrace(Ptrace {
        call: call(m.sysno, m.exit.as_ref()),
        request: m.request,
        pid: Pid(m.pid),
    });
}
