//! One enum of everything that a trace event can be.
//!
//! Whoever matches on [`Kind`] names every variant, so that a new one is a build error and not a silent gap.

use super::{
    Accept, Bind, Call, Chdir, Chroot, CloneCall, CloneFlags, Close, Connect, ContainerStart, Dup, Eventfd,
    Execve, ExitNotifyParent, Fcntl, Fork, InotifyAddWatch, InotifyInit, InotifyRmWatch, Listen, Mmap, Open,
    Pipe, Prlimit, Ptrace, Raw, Read, Record, SentryClone, SentryExecve, SentryMmap, Setid, Setresid,
    Signalfd, Socket, SocketPair, Sysno, TaskExit, TimerfdCreate, TimerfdGettime, TimerfdSettime, Write,
};

/// What was done.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "events live on the stack for one call; a box would be an allocation"
)]
pub enum Kind<'a> {
    /// `container/start`
    ContainerStart(ContainerStart<'a>),
    /// `sentry/clone`
    SentryClone(SentryClone),
    /// `sentry/execve`
    SentryExecve(SentryExecve<'a>),
    /// `sentry/exit_notify_parent`
    ExitNotifyParent(ExitNotifyParent),
    /// `sentry/task_exit`
    TaskExit(TaskExit),
    /// A call that has only its registers.
    Raw(Raw),
    /// open, openat, creat
    Open(Open<'a>),
    /// close
    Close(Close<'a>),
    /// read and its kin
    Read(Read<'a>),
    /// connect
    Connect(Connect<'a>),
    /// execve, execveat as called
    Execve(Execve<'a>),
    /// socket
    Socket(Socket),
    /// chdir, fchdir
    Chdir(Chdir<'a>),
    /// setuid, setgid
    Setid(Setid),
    /// setresuid, setresgid
    Setresid(Setresid),
    /// prlimit64
    Prlimit(Prlimit),
    /// pipe, pipe2
    Pipe(Pipe),
    /// fcntl
    Fcntl(Fcntl<'a>),
    /// dup, dup2, dup3
    Dup(Dup<'a>),
    /// signalfd, signalfd4
    Signalfd(Signalfd<'a>),
    /// chroot
    Chroot(Chroot<'a>),
    /// eventfd, eventfd2
    Eventfd(Eventfd),
    /// clone as called
    Clone(CloneCall),
    /// bind
    Bind(Bind<'a>),
    /// accept, accept4
    Accept(Accept<'a>),
    /// timerfd_create
    TimerfdCreate(TimerfdCreate),
    /// timerfd_settime
    TimerfdSettime(TimerfdSettime<'a>),
    /// timerfd_gettime
    TimerfdGettime(TimerfdGettime<'a>),
    /// fork, vfork
    Fork(Fork),
    /// inotify_init, inotify_init1
    InotifyInit(InotifyInit),
    /// inotify_add_watch
    InotifyAddWatch(InotifyAddWatch<'a>),
    /// inotify_rm_watch
    InotifyRmWatch(InotifyRmWatch<'a>),
    /// socketpair
    SocketPair(SocketPair),
    /// write and its kin
    Write(Write<'a>),
    /// `sentry/mmap`
    SentryMmap(SentryMmap<'a>),
    /// mmap
    Mmap(Mmap<'a>),
    /// listen
    Listen(Listen<'a>),
    /// ptrace
    Ptrace(Ptrace),
}

/// What rules call an event: the system call, or one of the sentry's own points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A system call.
    Syscall(Sysno),
    /// The container's first process starts.
    Container,
    /// A process is gone.
    ProcExit,
    /// A thread is gone.
    ThreadExit,
    /// Something is mapped executable.
    MapExec,
}

impl EventType {
    /// Falco's name of it (`evt.type`), where there is one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            EventType::Syscall(sysno) => sysno.name(),
            EventType::Container => Some("container"),
            EventType::ProcExit => Some("procexit"),
            EventType::ThreadExit => Some("threadexit"),
            EventType::MapExec => Some("mapexec"),
        }
    }

    /// [`EventType::name`] as a list of one.
    fn names(self) -> &'static [&'static str] {
        match self {
            EventType::Syscall(sysno) => sysno.names(),
            EventType::Container => &["container"],
            EventType::ProcExit => &["procexit"],
            EventType::ThreadExit => &["threadexit"],
            EventType::MapExec => &["mapexec"],
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<EventType> {
        match name {
            "container" => Some(EventType::Container),
            "procexit" => Some(EventType::ProcExit),
            "threadexit" => Some(EventType::ThreadExit),
            "mapexec" => Some(EventType::MapExec),
            // Falco's short names.
            "prlimit" => Some(EventType::Syscall(Sysno::PRLIMIT64)),
            "pread" => Some(EventType::Syscall(Sysno::PREAD64)),
            "pwrite" => Some(EventType::Syscall(Sysno::PWRITE64)),
            "umount" => Some(EventType::Syscall(Sysno::UMOUNT2)),
            _ => Sysno::by_name(name).map(EventType::Syscall),
        }
    }

    /// All names that [`EventType::by_name`] knows.
    pub fn all_names() -> impl Iterator<Item = &'static str> {
        ["container", "procexit", "threadexit", "mapexec"].into_iter().chain(Sysno::all_names())
    }

    /// The types of the events that go by that name: [`Kind::names`] the other way round. Empty for an unknown one.
    pub fn all_by_name(name: &str) -> impl Iterator<Item = EventType> + use<> {
        const EXECVE: EventType = EventType::Syscall(Sysno::EXECVE);
        const CLONE: EventType = EventType::Syscall(Sysno::CLONE);
        let as_well = match name {
            "execve" => Some(EventType::Container),
            "execveat" => Some(EXECVE),
            "clone3" | "fork" | "vfork" => Some(CLONE),
            _ => None,
        };
        EventType::by_name(name).into_iter().chain(as_well)
    }
}

impl Kind<'_> {
    /// Which call it was and how it ended; nothing for the sentry's own points.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Kind::ContainerStart(_)
            | Kind::SentryClone(_)
            | Kind::SentryExecve(_)
            | Kind::ExitNotifyParent(_)
            | Kind::TaskExit(_)
            | Kind::SentryMmap(_) => None,
            Kind::Raw(event) => Some(&event.call),
            Kind::Open(event) => Some(&event.call),
            Kind::Close(event) => Some(&event.call),
            Kind::Read(event) => Some(&event.call),
            Kind::Connect(event) => Some(&event.call),
            Kind::Execve(event) => Some(&event.call),
            Kind::Socket(event) => Some(&event.call),
            Kind::Chdir(event) => Some(&event.call),
            Kind::Setid(event) => Some(&event.call),
            Kind::Setresid(event) => Some(&event.call),
            Kind::Prlimit(event) => Some(&event.call),
            Kind::Pipe(event) => Some(&event.call),
            Kind::Fcntl(event) => Some(&event.call),
            Kind::Dup(event) => Some(&event.call),
            Kind::Signalfd(event) => Some(&event.call),
            Kind::Chroot(event) => Some(&event.call),
            Kind::Eventfd(event) => Some(&event.call),
            Kind::Clone(event) => Some(&event.call),
            Kind::Bind(event) => Some(&event.call),
            Kind::Accept(event) => Some(&event.call),
            Kind::TimerfdCreate(event) => Some(&event.call),
            Kind::TimerfdSettime(event) => Some(&event.call),
            Kind::TimerfdGettime(event) => Some(&event.call),
            Kind::Fork(event) => Some(&event.call),
            Kind::InotifyInit(event) => Some(&event.call),
            Kind::InotifyAddWatch(event) => Some(&event.call),
            Kind::InotifyRmWatch(event) => Some(&event.call),
            Kind::SocketPair(event) => Some(&event.call),
            Kind::Write(event) => Some(&event.call),
            Kind::Mmap(event) => Some(&event.call),
            Kind::Listen(event) => Some(&event.call),
            Kind::Ptrace(event) => Some(&event.call),
        }
    }

    /// What rules call it. What the sentry reports of a call stands for that call.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            Kind::ContainerStart(_) => EventType::Container,
            Kind::SentryClone(_) => EventType::Syscall(Sysno::CLONE),
            Kind::SentryExecve(_) => EventType::Syscall(Sysno::EXECVE),
            Kind::ExitNotifyParent(_) => EventType::ProcExit,
            Kind::TaskExit(_) => EventType::ThreadExit,
            Kind::SentryMmap(_) => EventType::MapExec,
            Kind::Raw(event) => EventType::Syscall(event.call.sysno),
            Kind::Open(event) => EventType::Syscall(event.call.sysno),
            Kind::Close(event) => EventType::Syscall(event.call.sysno),
            Kind::Read(event) => EventType::Syscall(event.call.sysno),
            Kind::Connect(event) => EventType::Syscall(event.call.sysno),
            Kind::Execve(event) => EventType::Syscall(event.call.sysno),
            Kind::Socket(event) => EventType::Syscall(event.call.sysno),
            Kind::Chdir(event) => EventType::Syscall(event.call.sysno),
            Kind::Setid(event) => EventType::Syscall(event.call.sysno),
            Kind::Setresid(event) => EventType::Syscall(event.call.sysno),
            Kind::Prlimit(event) => EventType::Syscall(event.call.sysno),
            Kind::Pipe(event) => EventType::Syscall(event.call.sysno),
            Kind::Fcntl(event) => EventType::Syscall(event.call.sysno),
            Kind::Dup(event) => EventType::Syscall(event.call.sysno),
            Kind::Signalfd(event) => EventType::Syscall(event.call.sysno),
            Kind::Chroot(event) => EventType::Syscall(event.call.sysno),
            Kind::Eventfd(event) => EventType::Syscall(event.call.sysno),
            Kind::Clone(event) => EventType::Syscall(event.call.sysno),
            Kind::Bind(event) => EventType::Syscall(event.call.sysno),
            Kind::Accept(event) => EventType::Syscall(event.call.sysno),
            Kind::TimerfdCreate(event) => EventType::Syscall(event.call.sysno),
            Kind::TimerfdSettime(event) => EventType::Syscall(event.call.sysno),
            Kind::TimerfdGettime(event) => EventType::Syscall(event.call.sysno),
            Kind::Fork(event) => EventType::Syscall(event.call.sysno),
            Kind::InotifyInit(event) => EventType::Syscall(event.call.sysno),
            Kind::InotifyAddWatch(event) => EventType::Syscall(event.call.sysno),
            Kind::InotifyRmWatch(event) => EventType::Syscall(event.call.sysno),
            Kind::SocketPair(event) => EventType::Syscall(event.call.sysno),
            Kind::Write(event) => EventType::Syscall(event.call.sysno),
            Kind::Mmap(event) => EventType::Syscall(event.call.sysno),
            Kind::Listen(event) => EventType::Syscall(event.call.sysno),
            Kind::Ptrace(event) => EventType::Syscall(event.call.sysno),
        }
    }

    /// The names that rules know the event by, the usual one first; empty for a call without a name.
    ///
    /// There is no exec event for a container's first process, so its start is one; the sentry tells a clone without
    /// saying which call made it.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        match self {
            Kind::ContainerStart(_) => &["container", "execve"],
            Kind::SentryExecve(exec) if exec.execfn.bytes().starts_with(b"/dev/fd/") => {
                &["execveat", "execve"]
            }
            Kind::SentryClone(clone) if clone.flags.contains(CloneFlags::VFORK) => {
                &["clone", "clone3", "vfork"]
            }
            Kind::SentryClone(clone) if clone.flags.intersects(CloneFlags::VM | CloneFlags::THREAD) => {
                &["clone", "clone3"]
            }
            Kind::SentryClone(_) => &["clone", "clone3", "fork"],
            Kind::Prlimit(_) => &["prlimit64", "prlimit"],
            Kind::Read(read) if read.call.sysno == Sysno::PREAD64 => &["pread64", "pread"],
            Kind::Write(write) if write.call.sysno == Sysno::PWRITE64 => &["pwrite64", "pwrite"],
            Kind::Raw(raw) if raw.call.sysno == Sysno::UMOUNT2 => &["umount2", "umount"],
            Kind::SentryExecve(_)
            | Kind::ExitNotifyParent(_)
            | Kind::TaskExit(_)
            | Kind::Raw(_)
            | Kind::Open(_)
            | Kind::Close(_)
            | Kind::Read(_)
            | Kind::Connect(_)
            | Kind::Execve(_)
            | Kind::Socket(_)
            | Kind::Chdir(_)
            | Kind::Setid(_)
            | Kind::Setresid(_)
            | Kind::Pipe(_)
            | Kind::Fcntl(_)
            | Kind::Dup(_)
            | Kind::Signalfd(_)
            | Kind::Chroot(_)
            | Kind::Eventfd(_)
            | Kind::Clone(_)
            | Kind::Bind(_)
            | Kind::Accept(_)
            | Kind::TimerfdCreate(_)
            | Kind::TimerfdSettime(_)
            | Kind::TimerfdGettime(_)
            | Kind::Fork(_)
            | Kind::InotifyInit(_)
            | Kind::InotifyAddWatch(_)
            | Kind::InotifyRmWatch(_)
            | Kind::SocketPair(_)
            | Kind::Write(_)
            | Kind::SentryMmap(_)
            | Kind::Mmap(_)
            | Kind::Listen(_)
            | Kind::Ptrace(_) => self.event_type().names(),
        }
    }

    /// The name of the trace point's record, for printing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Kind::ContainerStart(_) => "container/start",
            Kind::SentryClone(_) => "sentry/clone",
            Kind::SentryExecve(_) => "sentry/execve",
            Kind::ExitNotifyParent(_) => "sentry/exit_notify_parent",
            Kind::TaskExit(_) => "sentry/task_exit",
            Kind::SentryMmap(_) => "sentry/mmap",
            Kind::Raw(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Open(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Close(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Read(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Connect(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Execve(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Socket(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Chdir(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Setid(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Setresid(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Prlimit(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Pipe(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Fcntl(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Dup(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Signalfd(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Chroot(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Eventfd(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Clone(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Bind(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Accept(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::TimerfdCreate(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::TimerfdSettime(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::TimerfdGettime(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Fork(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::InotifyInit(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::InotifyAddWatch(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::InotifyRmWatch(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::SocketPair(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Write(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Mmap(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Listen(event) => event.call.sysno.name().unwrap_or("unknown"),
            Kind::Ptrace(event) => event.call.sysno.name().unwrap_or("unknown"),
        }
    }

    /// The fields, for printing.
    #[must_use]
    pub fn record(&self) -> &dyn Record {
        match self {
            Kind::ContainerStart(event) => event,
            Kind::SentryClone(event) => event,
            Kind::SentryExecve(event) => event,
            Kind::ExitNotifyParent(event) => event,
            Kind::TaskExit(event) => event,
            Kind::Raw(event) => event,
            Kind::Open(event) => event,
            Kind::Close(event) => event,
            Kind::Read(event) => event,
            Kind::Connect(event) => event,
            Kind::Execve(event) => event,
            Kind::Socket(event) => event,
            Kind::Chdir(event) => event,
            Kind::Setid(event) => event,
            Kind::Setresid(event) => event,
            Kind::Prlimit(event) => event,
            Kind::Pipe(event) => event,
            Kind::Fcntl(event) => event,
            Kind::Dup(event) => event,
            Kind::Signalfd(event) => event,
            Kind::Chroot(event) => event,
            Kind::Eventfd(event) => event,
            Kind::Clone(event) => event,
            Kind::Bind(event) => event,
            Kind::Accept(event) => event,
            Kind::TimerfdCreate(event) => event,
            Kind::TimerfdSettime(event) => event,
            Kind::TimerfdGettime(event) => event,
            Kind::Fork(event) => event,
            Kind::InotifyInit(event) => event,
            Kind::InotifyAddWatch(event) => event,
            Kind::InotifyRmWatch(event) => event,
            Kind::SocketPair(event) => event,
            Kind::Write(event) => event,
            Kind::SentryMmap(event) => event,
            Kind::Mmap(event) => event,
            Kind::Listen(event) => event,
            Kind::Ptrace(event) => event,
        }
    }
}
