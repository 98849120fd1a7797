//! Events of processes: start, clone, exec, exit, identity, limits, and the raw calls.

use super::record::{Value, Visitor, record};
use super::{
    Call, CloneFlags, Context, Fd, FdInfo, Gid, Ino, OpenFlags, Pid, Sysno, Text, Texts, Tgid, Tid, Time,
    Timespec, Uid,
};

record! {
    /// `container/start`: the container's first process is about to run. There is no exec event for it.
    #[derive(Default)]
    pub struct ContainerStart<'a> {
        /// The container's id as the sentry claims it.
        pub id: Text<'a>,
        /// Working directory of the first process.
        pub cwd: Text<'a>,
        /// Its arguments.
        pub args: Texts<'a>,
        /// Its environment, where the session asked for it.
        pub env: Texts<'a>,
        /// Whether it has a terminal.
        pub terminal: bool,
    }
}

record! {
    /// `sentry/clone`: a thread or process was made. The context is the creator's.
    #[derive(Default)]
    pub struct SentryClone {
        /// The new thread.
        pub created_tid: Tid,
        /// Its thread group: the creator's for a thread, its own for a process.
        pub created_tgid: Tgid,
        /// When it started.
        pub created_start: Time,
        /// What it shares with its creator.
        pub flags: CloneFlags,
    }
}

record! {
    /// `sentry/execve`: a program was loaded. The context's comm is still the old one.
    #[derive(Default)]
    pub struct SentryExecve<'a> {
        /// What was loaded, symbolic links resolved; the script itself for one with a shebang.
        pub binary_path: Text<'a>,
        /// The arguments.
        pub argv: Texts<'a>,
        /// The environment, where the session asked for it.
        pub env: Texts<'a>,
        /// `st_mode` of the file.
        pub mode: u32,
        /// Its owner.
        pub uid: Uid,
        /// Its group.
        pub gid: Gid,
        /// SHA-256 of its content; can be stale unless the session turns the cache off.
        pub sha256: &'a [u8],
        /// SHA-1 of its content.
        pub sha1: &'a [u8],
        /// The file lies in the overlay's upper layer: the container made it.
        pub overlay_upper: bool,
        /// The file lies in the overlay's lower layer: the image brought it.
        pub overlay_lower: bool,
        /// Its inode.
        pub ino: Ino,
        /// When its inode last changed.
        pub ctime: Option<Timespec>,
        /// Its size in bytes.
        pub size: i64,
        /// Its hard links.
        pub nlink: u32,
        /// It lies in a memfd.
        pub in_memfd: bool,
        /// What the process was given as standard input.
        pub stdin: Option<FdInfo<'a>>,
        /// As standard output.
        pub stdout: Option<FdInfo<'a>>,
        /// As standard error.
        pub stderr: Option<FdInfo<'a>>,
        /// The path as the caller gave it.
        pub execfn: Text<'a>,
        /// Who writes into the pipe on standard input.
        pub pipe_input: Option<PipePeer<'a>>,
        /// Who reads from the pipe on standard output.
        pub pipe_output: Option<PipePeer<'a>>,
    }
}

record! {
    /// The process at the other end of a pipe.
    #[derive(Default)]
    pub struct PipePeer<'a> {
        /// That process.
        pub context: Option<Context<'a>>,
    }
}

record! {
    /// `sentry/exit_notify_parent`: a whole process is gone.
    #[derive(Copy, Default, Eq)]
    pub struct ExitNotifyParent {
        /// The wait status.
        pub exit_status: i32,
    }
}

record! {
    /// `sentry/task_exit`: a thread is gone.
    #[derive(Copy, Default, Eq)]
    pub struct TaskExit {
        /// The wait status.
        pub exit_status: i32,
    }
}

/// A system call without a message of its own: the registers are all that is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// Which call, and how it ended.
    pub call: Call,
    /// The argument registers, first to sixth; pointers lead nowhere for us.
    pub args: [u64; 6],
}

impl super::Record for Raw {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.record("call", &self.call);
        let names = ["arg1", "arg2", "arg3", "arg4", "arg5", "arg6"];
        for (name, arg) in names.into_iter().zip(self.args) {
            visitor.field(name, Value::Hex(arg));
        }
    }
}

record! {
    /// execve(2) and execveat(2) as called; [`SentryExecve`] is the proof that it worked.
    #[derive(Default)]
    pub struct Execve<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The directory of a relative path.
        pub dirfd: Fd,
        /// Where that descriptor leads.
        pub fd_path: Text<'a>,
        /// The path as user memory said it when the call began.
        pub pathname: Text<'a>,
        /// The arguments.
        pub argv: Texts<'a>,
        /// The environment, where the session asked for it.
        pub env: Texts<'a>,
        /// `AT_*` flags.
        pub flags: u32,
    }
}

record! {
    /// clone(2) as called; [`SentryClone`] says what came of it.
    #[derive(Default)]
    pub struct CloneCall {
        /// Which call, and how it ended.
        pub call: Call,
        /// What is shared.
        pub flags: CloneFlags,
        /// The child's stack pointer.
        pub stack: u64,
        /// The child's thread id as read through a pointer: not to be trusted.
        pub new_tid: u64,
        /// The thread-local storage pointer.
        pub tls: u64,
    }
}

record! {
    /// fork(2) and vfork(2).
    #[derive(Copy, Default, Eq)]
    pub struct Fork {
        /// Which call, and how it ended.
        pub call: Call,
    }
}

record! {
    /// chdir(2) and fchdir(2).
    #[derive(Default)]
    pub struct Chdir<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The directory of fchdir(2).
        pub dirfd: Fd,
        /// Where that descriptor leads.
        pub fd_path: Text<'a>,
        /// The directory of chdir(2).
        pub pathname: Text<'a>,
    }
}

record! {
    /// chroot(2).
    #[derive(Default)]
    pub struct Chroot<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The new root.
        pub pathname: Text<'a>,
    }
}

record! {
    /// setuid(2) and setgid(2).
    #[derive(Copy, Default, Eq)]
    pub struct Setid {
        /// Which call, and how it ended.
        pub call: Call,
        /// The id asked for.
        pub id: u32,
    }
}

record! {
    /// setresuid(2) and setresgid(2).
    #[derive(Copy, Default, Eq)]
    pub struct Setresid {
        /// Which call, and how it ended.
        pub call: Call,
        /// The real id asked for.
        pub rid: u32,
        /// The effective id asked for.
        pub eid: u32,
        /// The saved id asked for.
        pub sid: u32,
    }
}

record! {
    /// A resource limit.
    #[derive(Copy, Default, Eq)]
    pub struct Rlimit {
        /// The soft limit.
        pub cur: u64,
        /// The hard limit.
        pub max: u64,
    }
}

record! {
    /// prlimit64(2).
    #[derive(Copy, Default, Eq)]
    pub struct Prlimit {
        /// Which call, and how it ended.
        pub call: Call,
        /// Whose limit; 0 is the caller's.
        pub pid: Pid,
        /// Which limit (`RLIMIT_*`).
        pub resource: i64,
        /// The limit asked for.
        pub new_limit: Option<Rlimit>,
        /// The limit before; on enter it is whatever lay in that memory.
        pub old_limit: Option<Rlimit>,
    }
}

record! {
    /// ptrace(2) (gVisor of 2026; a raw call elsewhere).
    #[derive(Copy, Default, Eq)]
    pub struct Ptrace {
        /// Which call, and how it ended.
        pub call: Call,
        /// What is asked (`PTRACE_*`).
        pub request: i64,
        /// Of whom.
        pub pid: Pid,
    }
}

impl Raw {
    /// The call's number.
    #[must_use]
    pub fn sysno(&self) -> Sysno {
        self.call.sysno
    }

    /// An argument register, counted from 1 as in its name.
    #[must_use]
    pub fn arg(&self, number: usize) -> u64 {
        number.checked_sub(1).and_then(|at| self.args.get(at)).copied().unwrap_or(0)
    }

    /// The descriptor in an argument register, counted from 1.
    #[must_use]
    pub fn fd(&self, number: usize) -> Fd {
        Fd::from_register(self.arg(number).cast_signed())
    }
}

impl Execve<'_> {
    /// The flags as those of execveat(2) that decide which file is meant: with AT_EMPTY_PATH it is `dirfd` itself.
    #[must_use]
    pub fn is_fexecve(&self) -> bool {
        /// `include/uapi/linux/fcntl.h`
        const AT_EMPTY_PATH: u32 = 0x1000;
        self.flags & AT_EMPTY_PATH != 0 && self.pathname.is_empty()
    }
}

impl SentryClone {
    /// Whether a thread was made, not a process.
    #[must_use]
    pub fn is_thread(&self) -> bool {
        self.flags.contains(CloneFlags::THREAD)
    }
}

const _: () = assert!(OpenFlags::CLOEXEC.bits() == super::FdFlags::CLOEXEC.bits(), "one bit, two names");
