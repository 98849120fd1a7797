//! Events of descriptors: duplicates, pipes, and the special kinds.

use super::record::record;
use super::{Call, Fd, FdFlags, Text, Timespec};

record! {
    /// dup(2), dup2(2) and dup3(2).
    #[derive(Default)]
    pub struct Dup<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor that is duplicated.
        pub old_fd: Fd,
        /// The number asked for; always 0 for dup(2), so take the call's result.
        pub new_fd: Fd,
        /// Where the old descriptor leads.
        pub fd_path: Text<'a>,
        /// Flags of dup3(2).
        pub flags: FdFlags,
    }
}

record! {
    /// fcntl(2).
    #[derive(Default)]
    pub struct Fcntl<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// What is asked (`F_*`).
        pub cmd: i32,
        /// The argument.
        pub arg: i64,
    }
}

record! {
    /// pipe(2) and pipe2(2). The descriptors are valid on exit only.
    #[derive(Copy, Default, Eq)]
    pub struct Pipe {
        /// Which call, and how it ended.
        pub call: Call,
        /// Flags of pipe2(2).
        pub flags: FdFlags,
        /// The end to read from.
        pub reader: Fd,
        /// The end to write to.
        pub writer: Fd,
    }
}

record! {
    /// signalfd(2) and signalfd4(2).
    #[derive(Default)]
    pub struct Signalfd<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor to change, -1 for a new one.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// The set of signals.
        pub sigset: u64,
        /// `SFD_*` flags.
        pub flags: FdFlags,
    }
}

record! {
    /// eventfd(2) and eventfd2(2).
    #[derive(Copy, Default, Eq)]
    pub struct Eventfd {
        /// Which call, and how it ended.
        pub call: Call,
        /// The counter's first value.
        pub val: i32,
        /// `EFD_*` flags.
        pub flags: FdFlags,
    }
}

record! {
    /// timerfd_create(2).
    #[derive(Copy, Default, Eq)]
    pub struct TimerfdCreate {
        /// Which call, and how it ended.
        pub call: Call,
        /// Which clock.
        pub clock_id: i32,
        /// `TFD_*` flags.
        pub flags: FdFlags,
    }
}

record! {
    /// A timer's period and next expiry.
    #[derive(Copy, Default, Eq)]
    pub struct TimerSpec {
        /// The period.
        pub interval: Option<Timespec>,
        /// The next expiry.
        pub value: Option<Timespec>,
    }
}

record! {
    /// timerfd_settime(2).
    #[derive(Default)]
    pub struct TimerfdSettime<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The timer.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// `TFD_TIMER_*` flags.
        pub flags: i32,
        /// The setting asked for.
        pub new_value: Option<TimerSpec>,
        /// The setting before.
        pub old_value: Option<TimerSpec>,
    }
}

record! {
    /// timerfd_gettime(2).
    #[derive(Default)]
    pub struct TimerfdGettime<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The timer.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// The setting.
        pub cur_value: Option<TimerSpec>,
    }
}
