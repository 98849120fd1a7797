//! The vocabulary of everything else: what one trace event says, in types.
//!
//! An [`Event`] borrows from the message that it was decoded from. It owns nothing, remembers nothing and knows
//! nothing of protobuf: `wire` makes it, `state` and `rules` read it. What the sentry did not say is absent
//! ([`None`], an empty [`Text`]), never a default that could be mistaken for an answer.
//!
//! Every string in here was chosen by the workload or by a sentry that it took over: bytes, not `str`, escaped
//! whenever they are shown.

mod addr;
mod errno;
mod fd_events;
mod file_events;
mod flags;
mod ids;
mod kind;
mod net_events;
mod process_events;
mod record;
pub mod signal;
mod sysno;
mod text;
mod time;

use record::record;

pub use addr::{Family, SockAddr};
pub use errno::Errno;
pub use fd_events::{
    Dup, Eventfd, Fcntl, Pipe, Signalfd, TimerSpec, TimerfdCreate, TimerfdGettime, TimerfdSettime,
};
pub use file_events::{
    Close, InotifyAddWatch, InotifyInit, InotifyRmWatch, Mmap, Open, Read, SentryMmap, Write,
};
pub use flags::{CloneFlags, FdFlags, MapProt, ModeBits, OpenFlags};
pub use ids::{Fd, Gid, Ino, Pid, Sysno, Tgid, Tid, Uid};
pub use kind::{EventType, Kind};
pub use net_events::{Accept, Bind, Connect, FdInfo, Listen, Socket, SocketInfo, SocketIp, SocketPair};
pub use process_events::{
    Chdir, Chroot, CloneCall, ContainerStart, Execve, ExitNotifyParent, Fork, PipePeer, Prlimit, Ptrace, Raw,
    Rlimit, SentryClone, SentryExecve, Setid, Setresid, TaskExit,
};
pub use record::{Field, Record, Value, Visitor};
pub use text::{Scan, Text, Texts};
pub use time::{Nanos, Time, Timespec};

/// One trace event as the sentry sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Who did it and when; absent where the session asked for no context fields.
    pub context: Option<Context<'a>>,
    /// What was done.
    pub kind: Kind<'a>,
}

record! {
    /// Who did something and when: the fields that every message may carry (`gvisor.common.ContextData`).
    ///
    /// Each field is there only if the trace session asked for it, so a zero or an empty text means "not said".
    #[derive(Default)]
    pub struct Context<'a> {
        /// When the event happened, by the sentry's realtime clock.
        pub time: Time,
        /// The thread, in the sandbox's root PID namespace.
        pub tid: Tid,
        /// When that thread started.
        pub thread_start: Time,
        /// The thread group, that is the process, in the sandbox's root PID namespace.
        pub tgid: Tgid,
        /// When the thread group started; with `tgid` it tells apart the bearers of a reused id.
        pub start: Time,
        /// The container as the sentry claims it: a claim, not an identity.
        pub container: Text<'a>,
        /// User and group ids of the thread.
        pub credentials: Option<Credentials>,
        /// The working directory; long ones make the sentry drop the whole message.
        pub cwd: Text<'a>,
        /// The thread's comm, at most 15 bytes, set at will by the workload: evidence, never an identity.
        pub comm: Text<'a>,
        /// The *current* parent, which changes on reparenting (gVisor of 2026; 0 elsewhere).
        pub parent: Tgid,
        /// Set on what `runsc exec` started and on its children (gVisor of 2026).
        pub exec_session: bool,
    }
}

record! {
    /// User and group ids of a thread.
    #[derive(Copy, Default, Eq)]
    pub struct Credentials {
        /// Real user id.
        pub real_uid: Uid,
        /// Effective user id.
        pub effective_uid: Uid,
        /// Saved user id.
        pub saved_uid: Uid,
        /// Real group id.
        pub real_gid: Gid,
        /// Effective group id.
        pub effective_gid: Gid,
        /// Saved group id.
        pub saved_gid: Gid,
    }
}

record! {
    /// Which system call, and how it ended if this is its exit event.
    #[derive(Copy, Default, Eq)]
    pub struct Call {
        /// The system call's number.
        pub sysno: Sysno,
        /// How the call ended; absent on the enter event.
        pub exit: Option<Exit>,
    }
}

impl Call {
    /// The call's result if this is the exit of a call that succeeded.
    #[must_use]
    pub fn success(&self) -> Option<i64> {
        self.exit.filter(|exit| exit.succeeded()).map(|exit| exit.result)
    }

    /// The descriptor that a successful call returned.
    #[must_use]
    pub fn new_fd(&self) -> Option<Fd> {
        self.success().map(Fd::from_register).filter(|fd| fd.is_open())
    }
}

record! {
    /// How a system call ended.
    #[derive(Copy, Default, Eq)]
    pub struct Exit {
        /// What the call returned. gVisor reports 0, not -errno, for a call that failed: ask `errno` first.
        pub result: i64,
        /// The error, 0 on success.
        pub errno: Errno,
    }
}

impl Exit {
    /// Whether the call succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.errno == Errno::OK
    }
}
