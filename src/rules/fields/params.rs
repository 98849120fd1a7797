//! The parameters of events: `evt.arg.NAME`, `evt.arg[N]`, `evt.rawarg.NAME`, `evt.args`.
//!
//! One table: for each call the parameters that Falco's event of that name has, in its order, each with the way to
//! read it off gVisor's event or with the reason why it cannot be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::event::{EventType, Kind, Sysno};

use super::arguments as get;
use super::{Scene, Unavailable, Value};

/// All names of parameters that Falco knows, of whatever event. Sorted.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "action", "addr", "arg", "arg2", "arg2_int", "arg2_str", "arg3", "arg4", "arg5", "args", "argument",
    "argv", "aux", "backlog", "cap_effective", "cap_inheritable", "cap_permitted", "cgroups", "clockid",
    "cmd", "comm", "container_id", "core", "cpu", "cpu_sys", "cpu_usr", "cq_entries", "creat_flags", "cur",
    "cwd", "data", "desc", "description", "dev", "dir", "dirfd", "domain", "dpid", "dqb_bhardlimit",
    "dqb_bsoftlimit", "dqb_btime", "dqb_curspace", "dqb_ihardlimit", "dqb_isoftlimit", "dqb_itime",
    "dqi_bgrace", "dqi_flags", "dqi_igrace", "egid", "entries", "env", "error", "euid", "event_data",
    "event_type", "exe", "exe_ino", "exe_ino_ctime", "exe_ino_mtime", "exe_ino_num", "exepath", "fd", "fd1",
    "fd2", "fd_in", "fd_out", "fd_type", "fdin", "fdlimit", "fdout", "fds", "features", "filename", "first",
    "flags", "gid", "home", "how", "id", "image", "img", "in_fd", "initval", "ino", "ino_num", "interval",
    "ip", "json", "key", "last", "len", "length", "level", "linkdirfd", "linkpath", "local_ip",
    "local_port", "loginuid", "mask", "max", "maxevents", "min_complete", "mnt_id", "mode", "mountfd",
    "msgcontrol", "name", "newcur", "newdir", "newdirfd", "newfd", "newmax", "newpath", "next", "nr_args",
    "nsems", "nsops", "nstype", "offin", "offout", "offset", "oldcur", "olddir", "olddirfd", "oldfd",
    "oldmax", "oldpath", "op", "opcode", "operation", "option", "optlen", "optname", "out_fd", "path",
    "pathname", "peer", "pgft_maj", "pgft_min", "pgid", "pgoffset", "pid", "pid_fd", "pidns_init_start_ts",
    "plugin_id", "pos", "ppid", "prot", "proto", "ptid", "queuelen", "queuemax", "queuepct", "quota_fmt",
    "quota_fmt_out", "quotafilepath", "ratio", "reaper_tid", "remote_ip", "remote_port", "request", "res",
    "res_or_fd", "resolve", "resource", "ret", "rgid", "root", "ruid", "scope", "sem_flg_0", "sem_flg_1",
    "sem_num_0", "sem_num_1", "sem_op_0", "sem_op_1", "semflg", "semid", "semnum", "sgid", "shell", "sid",
    "sig", "sigmask", "size", "sk_pointer", "sk_proto", "sk_type", "source", "special", "spid",
    "sq_entries", "sq_thread_cpu", "sq_thread_idle", "start_time", "status", "suid", "sun_path", "tags",
    "target", "target_fd", "tid", "timeout", "to_submit", "trusted_exepath", "tty", "tuple", "type",
    "uargs", "uid", "val", "value_bytebuf", "value_charbuf", "vm_rss", "vm_size", "vm_swap", "vpgid",
    "vpid", "vtgid", "vtid", "whence",
];

/// The name of a parameter, by its place in the list of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamName(pub(crate) u8);

impl ParamName {
    /// The parameter of that name, if any event has one.
    #[must_use]
    pub fn by_name(name: &str) -> Option<ParamName> {
        NAMES.binary_search(&name).ok().and_then(|at| u8::try_from(at).ok()).map(ParamName)
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = &'static str> {
        NAMES.iter().copied()
    }

    fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// A number that is shown as one.
    Number(i64),
    /// A number that is shown by a name.
    Named(Cow<'static, str>, i64),
    /// Text.
    Text(Cow<'a, [u8]>),
}

impl<'a> Argument<'a> {
    /// As `evt.arg` has it: always text.
    fn into_text(self) -> Value<'a> {
        match self {
            Argument::Number(number) => Value::Text(Cow::Owned(number.to_string().into_bytes())),
            Argument::Named(Cow::Borrowed(name), _) => Value::Word(name),
            Argument::Named(Cow::Owned(name), _) => Value::Text(Cow::Owned(name.into_bytes())),
            Argument::Text(text) => Value::Text(text),
        }
    }

    /// As `evt.rawarg` has it: a number where there is one.
    fn into_raw(self) -> Value<'a> {
        match self {
            Argument::Number(number) | Argument::Named(_, number) => Value::Int(number),
            Argument::Text(text) => Value::Text(text),
        }
    }
}

type Get = for<'s, 'a> fn(&'s Scene<'a>) -> Option<Argument<'a>>;

/// A parameter of an event.
#[derive(Clone, Copy, Debug)]
struct Param {
    name: &'static str,
    get: Result<Get, Unavailable>,
}

const fn is(name: &'static str, get: Get) -> Param {
    Param { name, get: Ok(get) }
}

const fn no(name: &'static str, reason: Unavailable) -> Param {
    Param { name, get: Err(reason) }
}

/// The parameters of a call, for each number that it has.
type Entry = (&'static [Sysno], &'static [Param]);

use Unavailable::{Accounting, Capabilities, Cgroups, Inode, Payload, Pointer};

const RES: Param = is("res", get::result);
const NEW_FD: Param = is("fd", get::result);
const FD: Param = is("fd", get::fd);
const FLAGS: Param = is("flags", get::flags);

#[rustfmt::skip]
const EVENTS: &[Entry] = &[
    (&[Sysno::OPEN], &[
        NEW_FD, is("name", get::path), FLAGS, is("mode", get::mode), no("dev", Inode), no("ino", Inode),
        // Ours: the path of whatever event has one.
        is("filename", get::path),
    ]),
    (&[Sysno::OPENAT], &[
        NEW_FD, is("dirfd", get::dirfd), is("name", get::path), FLAGS, is("mode", get::mode), no("dev", Inode), no("ino", Inode),
        is("filename", get::path),
    ]),
    (&[Sysno::OPENAT2], &[
        NEW_FD, is("dirfd", get::register::<1>), no("name", Pointer), no("flags", Pointer), no("mode", Pointer),
        no("resolve", Pointer), no("dev", Inode), no("ino", Inode),
    ]),
    (&[Sysno::CREAT], &[
        NEW_FD, is("name", get::path), is("mode", get::mode), no("dev", Inode), no("ino", Inode), is("creat_flags", get::flags),
        is("filename", get::path),
    ]),
    (&[Sysno::CLOSE, Sysno::FCHDIR], &[RES, FD]),
    (&[Sysno::READ, Sysno::WRITE, Sysno::READV, Sysno::WRITEV], &[RES, no("data", Payload), FD, is("size", get::size)]),
    (&[Sysno::PREAD64, Sysno::PWRITE64, Sysno::PREADV, Sysno::PWRITEV, Sysno::PREADV2, Sysno::PWRITEV2], &[
        RES, no("data", Payload), FD, is("size", get::size), is("pos", get::offset),
    ]),
    (&[Sysno::SOCKET], &[
        NEW_FD, is("domain", get::domain), is("type", get::socket_type), is("proto", get::protocol),
    ]),
    (&[Sysno::BIND], &[RES, is("addr", get::address), FD]),
    (&[Sysno::CONNECT], &[RES, is("tuple", get::tuple), FD, is("addr", get::address)]),
    (&[Sysno::ACCEPT, Sysno::ACCEPT4], &[
        NEW_FD, is("tuple", get::tuple), no("queuepct", Accounting), no("queuelen", Accounting), no("queuemax", Accounting), FLAGS,
    ]),
    (&[Sysno::LISTEN], &[RES, FD, is("backlog", get::backlog)]),
    (&[Sysno::SENDTO, Sysno::RECVFROM], &[
        RES, no("data", Payload), FD, is("size", get::register::<3>), is("tuple", get::tuple),
    ]),
    (&[Sysno::SENDMSG, Sysno::RECVMSG, Sysno::SENDMMSG, Sysno::RECVMMSG], &[
        RES, no("data", Payload), FD, no("size", Pointer), is("tuple", get::tuple), no("msgcontrol", Payload),
    ]),
    (&[Sysno::SHUTDOWN], &[RES, FD, is("how", get::register::<2>)]),
    (&[Sysno::SETSOCKOPT, Sysno(55)], &[
        RES, FD, is("level", get::register::<2>), is("optname", get::register::<3>), no("val", Pointer), is("optlen", get::register::<5>),
    ]),
    (&[Sysno::SOCKETPAIR], &[
        RES, is("fd1", get::first_fd), is("fd2", get::second_fd), no("source", Pointer), no("peer", Pointer),
        is("domain", get::domain), is("type", get::socket_type), is("proto", get::protocol),
    ]),
    (&[Sysno::PIPE, Sysno::PIPE2], &[RES, is("fd1", get::first_fd), is("fd2", get::second_fd), no("ino", Inode), FLAGS]),
    (&[Sysno::EVENTFD, Sysno::EVENTFD2], &[RES, is("initval", get::initial), FLAGS]),
    (&[Sysno::SIGNALFD, Sysno::SIGNALFD4], &[RES, FD, is("mask", get::mask), FLAGS]),
    (&[Sysno::TIMERFD_CREATE], &[RES, is("clockid", get::clock), FLAGS]),
    (&[Sysno::INOTIFY_INIT, Sysno::INOTIFY_INIT1], &[RES, FLAGS]),
    (&[Sysno::INOTIFY_ADD_WATCH], &[RES, FD, is("name", get::path), is("mask", get::mask)]),
    (&[Sysno::CHDIR, Sysno::CHROOT], &[RES, is("path", get::path), is("filename", get::path)]),
    (&[Sysno::DUP], &[RES, is("oldfd", get::fd)]),
    (&[Sysno::DUP2, Sysno::DUP3], &[RES, is("oldfd", get::fd), is("newfd", get::new_fd), FLAGS]),
    (&[Sysno::FCNTL], &[RES, FD, is("cmd", get::command), is("arg", get::argument)]),
    (&[Sysno::IOCTL], &[RES, FD, is("request", get::register::<2>), is("argument", get::register::<3>)]),
    (&[Sysno::MMAP], &[
        RES, no("vm_size", Accounting), no("vm_rss", Accounting), no("vm_swap", Accounting), is("addr", get::map_address),
        is("length", get::map_length), is("prot", get::protection), is("flags", get::map_flags), FD, is("offset", get::offset),
    ]),
    (&[Sysno::MPROTECT], &[
        RES, is("addr", get::register::<1>), is("length", get::register::<2>), is("prot", get::protection),
    ]),
    (&[Sysno(11)], &[
        RES, no("vm_size", Accounting), no("vm_rss", Accounting), no("vm_swap", Accounting), is("addr", get::register::<1>),
        is("length", get::register::<2>),
    ]),
    (&[Sysno::PTRACE], &[
        RES, no("addr", Pointer), no("data", Pointer), is("request", get::ptrace_request), is("pid", get::target),
    ]),
    (&[Sysno::PRLIMIT64], &[
        RES, is("newcur", get::new_soft), is("newmax", get::new_hard), is("oldcur", get::old_soft), is("oldmax", get::old_hard),
        is("pid", get::target), is("resource", get::resource),
    ]),
    (&[Sysno::CHMOD], &[RES, no("filename", Pointer), is("mode", get::permissions)]),
    (&[Sysno::FCHMOD], &[RES, FD, is("mode", get::permissions)]),
    (&[Sysno::FCHMODAT, Sysno::FCHMODAT2], &[
        RES, is("dirfd", get::register::<1>), no("filename", Pointer), is("mode", get::permissions),
    ]),
    (&[Sysno::CHOWN], &[RES, no("path", Pointer), is("uid", get::user::<2>), is("gid", get::group::<3>)]),
    (&[Sysno(93)], &[RES, FD, is("uid", get::user::<2>), is("gid", get::group::<3>)]),
    (&[Sysno(260)], &[
        RES, is("dirfd", get::register::<1>), no("pathname", Pointer), is("uid", get::user::<3>), is("gid", get::group::<4>),
        is("flags", get::register::<5>),
    ]),
    (&[Sysno::MKDIR], &[RES, no("path", Pointer), is("mode", get::octal::<2>)]),
    (&[Sysno::MKDIRAT], &[RES, is("dirfd", get::register::<1>), no("path", Pointer), is("mode", get::octal::<3>)]),
    (&[Sysno::RMDIR, Sysno::UNLINK], &[RES, no("path", Pointer)]),
    (&[Sysno::UNLINKAT], &[RES, is("dirfd", get::register::<1>), no("name", Pointer), is("flags", get::register::<3>)]),
    (&[Sysno::RENAME, Sysno::LINK], &[RES, no("oldpath", Pointer), no("newpath", Pointer)]),
    (&[Sysno::RENAMEAT, Sysno::RENAMEAT2], &[
        RES, is("olddirfd", get::register::<1>), no("oldpath", Pointer), is("newdirfd", get::register::<3>), no("newpath", Pointer),
        is("flags", get::register::<5>),
    ]),
    (&[Sysno::LINKAT], &[
        RES, is("olddir", get::register::<1>), no("oldpath", Pointer), is("newdir", get::register::<3>), no("newpath", Pointer),
        is("flags", get::register::<5>),
    ]),
    (&[Sysno::SYMLINK], &[RES, no("target", Pointer), no("linkpath", Pointer)]),
    (&[Sysno::SYMLINKAT], &[RES, no("target", Pointer), is("linkdirfd", get::register::<2>), no("linkpath", Pointer)]),
    (&[Sysno::SETUID], &[RES, is("uid", get::id)]),
    (&[Sysno::SETGID], &[RES, is("gid", get::id)]),
    (&[Sysno::SETRESUID], &[RES, is("ruid", get::real_id), is("euid", get::effective_id), is("suid", get::saved_id)]),
    (&[Sysno::SETRESGID], &[RES, is("rgid", get::real_id), is("egid", get::effective_id), is("sgid", get::saved_id)]),
    (&[Sysno::SETSID], &[RES]),
    (&[Sysno::SETPGID], &[RES, is("pid", get::register::<1>), is("pgid", get::register::<2>)]),
    (&[Sysno::KILL], &[RES, is("pid", get::register::<1>), is("sig", get::signal::<2>)]),
    (&[Sysno(200)], &[RES, is("tid", get::register::<1>), is("sig", get::signal::<2>)]),
    (&[Sysno(234)], &[RES, is("pid", get::register::<1>), is("tid", get::register::<2>), is("sig", get::signal::<3>)]),
    (&[Sysno::SETNS], &[RES, FD, is("nstype", get::namespaces::<2>)]),
    (&[Sysno::UNSHARE], &[RES, is("flags", get::namespaces::<1>)]),
    (&[Sysno::BPF], &[NEW_FD, is("cmd", get::bpf_command)]),
    (&[Sysno::USERFAULTFD], &[RES, is("flags", get::register::<1>)]),
    (&[Sysno::MEMFD_CREATE], &[NEW_FD, no("name", Pointer), is("flags", get::memfd_flags)]),
    (&[Sysno::MOUNT], &[RES, no("dev", Pointer), no("dir", Pointer), no("type", Pointer), is("flags", get::register::<4>)]),
    (&[Sysno::UMOUNT2], &[RES, no("name", Pointer), is("flags", get::register::<2>)]),
    (&[Sysno::INIT_MODULE], &[RES, no("img", Pointer), is("length", get::register::<2>), no("uargs", Pointer)]),
    (&[Sysno::FINIT_MODULE], &[RES, FD, no("uargs", Pointer), is("flags", get::register::<3>)]),
    (&[Sysno::PRCTL], &[RES, is("option", get::prctl_option), no("arg2_str", Pointer), is("arg2_int", get::register::<2>)]),
    (&[Sysno::SENDFILE], &[
        RES, no("offset", Pointer), is("out_fd", get::register::<1>), is("in_fd", get::register::<2>), is("size", get::register::<4>),
    ]),
    (&[Sysno::SPLICE], &[
        RES, is("fd_in", get::register::<1>), is("fd_out", get::register::<3>), is("size", get::register::<5>),
        is("flags", get::register::<6>),
    ]),
    (&[Sysno(8)], &[RES, FD, is("offset", get::register::<2>), is("whence", get::register::<3>)]),
    (&[Sysno::EXECVE, Sysno::EXECVEAT, Sysno::CLONE, Sysno::CLONE3, Sysno::FORK, Sysno::VFORK], &[
        RES, is("exe", get::exe), is("args", get::args), is("tid", get::tid), is("pid", get::pid), is("ptid", get::parent),
        is("cwd", get::cwd), no("fdlimit", Accounting), no("pgft_maj", Accounting), no("pgft_min", Accounting),
        no("vm_size", Accounting), no("vm_rss", Accounting), no("vm_swap", Accounting), is("comm", get::comm), no("cgroups", Cgroups),
        is("env", get::env), is("tty", get::tty), is("vpgid", get::group_of_processes), is("loginuid", get::login_uid),
        is("flags", get::program_flags), no("cap_inheritable", Capabilities), no("cap_permitted", Capabilities),
        no("cap_effective", Capabilities), is("exe_ino", get::executable_inode), no("exe_ino_ctime", Inode), no("exe_ino_mtime", Inode),
        is("uid", get::own_uid), is("trusted_exepath", get::exepath), is("pgid", get::group_of_processes), is("gid", get::own_gid),
        is("filename", get::path), is("vtid", get::tid), is("vpid", get::pid), no("pidns_init_start_ts", Accounting),
    ]),
];

/// The parameters of an event type.
fn of_type(event: EventType) -> &'static [Param] {
    let sysno = match event {
        EventType::Syscall(sysno) => sysno,
        // The exec of the first process.
        EventType::Container => Sysno::EXECVE,
        EventType::ProcExit | EventType::ThreadExit | EventType::MapExec => return &[],
    };
    EVENTS.iter().find(|(numbers, _)| numbers.contains(&sysno)).map_or(&[], |(_, params)| params)
}

fn of(kind: &Kind<'_>) -> &'static [Param] {
    of_type(kind.event_type())
}

/// Whether some event of these types has that parameter: nothing if it has one that can be read, else why not. Without
/// types, any event will do.
pub(crate) fn unavailable<'t>(
    name: ParamName,
    types: Option<impl Iterator<Item = &'t EventType>>,
) -> Option<Unavailable> {
    let name = name.name();
    let of_that_name = |params: &'static [Param]| params.iter().find(|param| param.name == name);
    let found: Vec<&Param> = match types {
        Some(types) => types.filter_map(|event| of_that_name(of_type(*event))).collect(),
        None => EVENTS.iter().filter_map(|(_, params)| of_that_name(params)).collect(),
    };
    let reasons: Result<Vec<Unavailable>, ()> = found.iter().map(|param| param.get.err().ok_or(())).collect();
    match reasons {
        Ok(reasons) => Some(reasons.first().copied().unwrap_or(Unavailable::NoParameter)),
        Err(()) => None,
    }
}

/// A parameter of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: `evt.arg.NAME` asks for it.
    pub name: &'static str,
    /// The events whose parameter can be read, by name.
    pub on: Vec<&'static str>,
    /// The events that have it where Falco runs, and why it cannot be read here.
    pub not_on: Vec<(&'static str, Unavailable)>,
}

/// All parameters that some event has, by name.
#[must_use]
pub fn parameters() -> Vec<Parameter> {
    let mut all: BTreeMap<&'static str, Parameter> = BTreeMap::new();
    for (numbers, params) in EVENTS {
        let events = || numbers.iter().filter_map(|number| number.name());
        for param in *params {
            let known = all.entry(param.name).or_insert_with(|| Parameter {
                name: param.name,
                on: Vec::new(),
                not_on: Vec::new(),
            });
            match param.get {
                Ok(_) => known.on.extend(events()),
                Err(reason) => known.not_on.extend(events().map(|event| (event, reason))),
            }
        }
    }
    all.into_values().collect()
}

/// Whether the parameter is text in every event that has it.
pub(crate) fn is_text(name: ParamName) -> bool {
    const TEXTS: &[&str] = &[
        "addr",
        "args",
        "comm",
        "cwd",
        "dev",
        "dir",
        "env",
        "exe",
        "filename",
        "linkpath",
        "name",
        "newpath",
        "oldpath",
        "path",
        "pathname",
        "target",
        "trusted_exepath",
        "tuple",
        "uargs",
    ];
    TEXTS.contains(&name.name())
}

impl<'a> Scene<'a> {
    /// `evt.arg.NAME`
    pub(super) fn argument(&self, name: ParamName) -> Option<Value<'a>> {
        Some(self.named_argument(name)?.into_text())
    }

    /// `evt.rawarg.NAME`
    pub(super) fn raw_argument(&self, name: ParamName) -> Option<Value<'a>> {
        Some(self.named_argument(name)?.into_raw())
    }

    fn named_argument(&self, name: ParamName) -> Option<Argument<'a>> {
        let name = name.name();
        let param = of(&self.event.kind).iter().find(|param| param.name == name)?;
        param.get.ok()?(self)
    }

    /// `evt.arg[N]`
    pub(super) fn argument_at(&self, at: u8) -> Option<Value<'a>> {
        let param = of(&self.event.kind).get(usize::from(at))?;
        Some(param.get.ok()?(self)?.into_text())
    }

    /// `evt.args`: what can be read of them, as `name=value`.
    pub(super) fn arguments(&self) -> Option<Value<'a>> {
        let mut all = String::new();
        for param in of(&self.event.kind) {
            let Some(value) = param.get.ok().and_then(|get| get(self)) else { continue };
            let separator = if all.is_empty() { "" } else { " " };
            let value = value.into_text();
            // Writing to a string cannot fail.
            let _written = write!(all, "{separator}{}={}", param.name, value.display(super::Type::Text));
        }
        (!all.is_empty()).then(|| Value::Text(Cow::Owned(all.into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_and_fit_a_byte() {
        assert!(NAMES.is_sorted() && NAMES.len() <= 256);
    }

    #[test]
    fn every_parameter_of_an_event_has_a_known_name_and_no_call_stands_twice() {
        let mut calls = Vec::new();
        for (numbers, params) in EVENTS {
            calls.extend(numbers.iter().copied());
            for param in *params {
                assert!(ParamName::by_name(param.name).is_some(), "{}", param.name);
            }
        }
        let all = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), all);
    }

    fn why(name: &str, types: &[EventType]) -> Option<Unavailable> {
        unavailable(ParamName::by_name(name).unwrap(), Some(types.iter()))
    }

    #[test]
    fn a_parameter_is_to_be_had_if_one_of_the_events_has_it() {
        let call = EventType::Syscall;
        assert_eq!(why("path", &[call(Sysno::MKDIR)]), Some(Unavailable::Pointer));
        assert_eq!(why("path", &[call(Sysno::MKDIR), call(Sysno::CHDIR)]), None);
        assert_eq!(why("path", &[call(Sysno::CONNECT)]), Some(Unavailable::NoParameter));
        assert_eq!(why("mode", &[call(Sysno::FCHMODAT)]), None);
    }
}
