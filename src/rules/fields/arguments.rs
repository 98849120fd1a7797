//! How the parameters of events are read: a function each, for the table in `params.rs`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the table names the events that have a parameter; of all others it is absent"
)]

use std::borrow::Cow;

use crate::event::{CloneFlags, Fd, Kind, MapProt, ModeBits, Rlimit, Sysno};
use crate::state::Origin;

use super::params::Argument;
use super::{Scene, Value};

type Read<'a> = Option<Argument<'a>>;

fn number<'a>(number: impl TryInto<i64>) -> Argument<'a> {
    Argument::Number(number.try_into().unwrap_or(i64::MAX))
}

fn text<'a>(value: Option<Value<'a>>) -> Read<'a> {
    match value? {
        Value::Text(text) => Some(Argument::Text(text)),
        Value::Word(word) => Some(Argument::Text(Cow::Borrowed(word.as_bytes()))),
        Value::Int(number) => Some(Argument::Number(number)),
        Value::Bool(_)
        | Value::Words(_)
        | Value::Ip(_)
        | Value::Ips(_)
        | Value::Endpoint(_)
        | Value::Texts(_)
        | Value::Ints(_) => None,
    }
}

/// The names of the bits that are set, joined by `|`; `0` if none is.
fn bits<'a>(value: u64, names: &[(u64, &'static str)]) -> Argument<'a> {
    let set: Vec<&str> = names.iter().filter(|(bit, _)| value & bit == *bit).map(|(_, name)| *name).collect();
    let raw = i64::try_from(value).unwrap_or(i64::MAX);
    if set.is_empty() { Argument::Number(raw) } else { Argument::Named(Cow::Owned(set.join("|")), raw) }
}

/// The name of one of a few numbers.
fn one_of<'a>(value: i64, names: &[(i64, &'static str)]) -> Argument<'a> {
    match names.iter().find(|(number, _)| *number == value) {
        Some((_, name)) => Argument::Named(Cow::Borrowed(name), value),
        None => Argument::Number(value),
    }
}

/// How the call ended: the error's name, else what it returned.
pub(super) fn result<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Some(call) = scene.event.kind.call() else { return Some(Argument::Number(0)) };
    let exit = call.exit?;
    if exit.succeeded() {
        return Some(Argument::Number(exit.result));
    }
    let raw = exit.errno.0.saturating_neg();
    Some(match exit.errno.name() {
        Some(name) => Argument::Named(Cow::Borrowed(name), raw),
        None => Argument::Number(raw),
    })
}

pub(super) fn fd<'a>(scene: &Scene<'a>) -> Read<'a> {
    let fd = match &scene.event.kind {
        Kind::Raw(raw) => raw.fd(1),
        Kind::Chdir(chdir) => chdir.dirfd,
        _ => scene.observation.fd?,
    };
    Some(number(fd.0))
}

pub(super) fn new_fd<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::Dup(dup) = &scene.event.kind else { return None };
    Some(number(dup.new_fd.0))
}

pub(super) fn dirfd<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::Open(open) = &scene.event.kind else { return None };
    let at = i64::from(open.dirfd.0);
    Some(if open.dirfd == Fd::CWD {
        Argument::Named(Cow::Borrowed("AT_FDCWD"), at)
    } else {
        Argument::Number(at)
    })
}

pub(super) fn path<'a>(scene: &Scene<'a>) -> Read<'a> {
    scene.path_given().map(|path| Argument::Text(Cow::Borrowed(path)))
}

/// The flags of whatever call has some.
pub(super) fn flags<'a>(scene: &Scene<'a>) -> Read<'a> {
    const CLOEXEC: (u64, &str) = (0o2_000_000, "CLOEXEC");
    const NONBLOCK: (u64, &str) = (0o4000, "NONBLOCK");
    let of = |word: u32| Some(bits(u64::from(word), &[NONBLOCK, CLOEXEC]));
    match &scene.event.kind {
        Kind::Open(open) => Some(Argument::Named(
            Cow::Owned(super::eval::flag_names(open.flags)),
            i64::from(open.flags.bits()),
        )),
        Kind::Accept(event) => of(event.flags.bits()),
        Kind::Pipe(event) => of(event.flags.bits()),
        Kind::Dup(event) => of(event.flags.bits()),
        Kind::Eventfd(event) => of(event.flags.bits()),
        Kind::Signalfd(event) => of(event.flags.bits()),
        Kind::TimerfdCreate(event) => of(event.flags.bits()),
        Kind::InotifyInit(event) => of(event.flags.cast_unsigned()),
        _ => None,
    }
}

/// The permissions of a file that is created, in octal.
pub(super) fn mode<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::Open(open) = &scene.event.kind else { return None };
    Some(octal_of(open.mode.bits()))
}

fn octal_of<'a>(mode: u32) -> Argument<'a> {
    Argument::Named(Cow::Owned(format!("0{mode:o}")), i64::from(mode))
}

pub(super) fn octal<'a, const N: usize>(scene: &Scene<'a>) -> Read<'a> {
    Some(octal_of(low(raw(scene, N)?)))
}

/// The permissions that a chmod asks for, by name (`include/uapi/linux/stat.h`).
pub(super) fn permissions<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(u64, &str)] = &[
        (0o001, "S_IXOTH"),
        (0o002, "S_IWOTH"),
        (0o004, "S_IROTH"),
        (0o010, "S_IXGRP"),
        (0o020, "S_IWGRP"),
        (0o040, "S_IRGRP"),
        (0o100, "S_IXUSR"),
        (0o200, "S_IWUSR"),
        (0o400, "S_IRUSR"),
        (0o1000, "S_ISVTX"),
        (0o2000, "S_ISGID"),
        (0o4000, "S_ISUID"),
    ];
    let mode: ModeBits = scene.mode()?;
    Some(bits(u64::from(mode.bits()), NAMES))
}

pub(super) fn size<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Read(read) => Some(number(read.count)),
        Kind::Write(write) => Some(number(write.count)),
        _ => None,
    }
}

pub(super) fn offset<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Read(read) if read.has_offset => Some(number(read.offset)),
        Kind::Write(write) if write.has_offset => Some(number(write.offset)),
        Kind::Mmap(mmap) => Some(number(mmap.offset)),
        Kind::Raw(raw) if raw.sysno() == Sysno::MMAP => Some(number(raw.arg(6))),
        _ => None,
    }
}

pub(super) fn domain<'a>(scene: &Scene<'a>) -> Read<'a> {
    let family = match &scene.event.kind {
        Kind::Socket(socket) => socket.domain,
        Kind::SocketPair(pair) => pair.domain,
        _ => return None,
    };
    let raw = i64::from(family.0);
    Some(family.name().map_or(Argument::Number(raw), |name| Argument::Named(Cow::Borrowed(name), raw)))
}

pub(super) fn socket_type<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Socket(socket) => Some(number(socket.kind_and_flags)),
        Kind::SocketPair(pair) => Some(number(pair.kind_and_flags)),
        _ => None,
    }
}

pub(super) fn protocol<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Socket(socket) => Some(number(socket.protocol)),
        Kind::SocketPair(pair) => Some(number(pair.protocol)),
        _ => None,
    }
}

pub(super) fn address<'a>(scene: &Scene<'a>) -> Read<'a> {
    let address = match &scene.event.kind {
        Kind::Connect(connect) => connect.address,
        Kind::Bind(bind) => bind.address,
        _ => return None,
    };
    (address != crate::event::SockAddr::Absent)
        .then(|| Argument::Text(Cow::Owned(address.to_string().into_bytes())))
}

pub(super) fn tuple<'a>(scene: &Scene<'a>) -> Read<'a> {
    text(scene.fd_name())
}

pub(super) fn backlog<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Listen(listen) => Some(number(listen.backlog)),
        Kind::Raw(raw) => Some(number(low(raw.arg(2)).cast_signed())),
        _ => None,
    }
}

pub(super) fn first_fd<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Pipe(pipe) => Some(number(pipe.reader.0)),
        Kind::SocketPair(pair) => Some(number(pair.first.0)),
        _ => None,
    }
}

pub(super) fn second_fd<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Pipe(pipe) => Some(number(pipe.writer.0)),
        Kind::SocketPair(pair) => Some(number(pair.second.0)),
        _ => None,
    }
}

pub(super) fn initial<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::Eventfd(event) = &scene.event.kind else { return None };
    Some(number(event.val))
}

pub(super) fn mask<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Signalfd(event) => Some(number(event.sigset)),
        Kind::InotifyAddWatch(event) => Some(number(event.mask)),
        _ => None,
    }
}

pub(super) fn clock<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::TimerfdCreate(event) = &scene.event.kind else { return None };
    Some(number(event.clock_id))
}

/// `include/uapi/asm-generic/fcntl.h`, `include/uapi/linux/fcntl.h`
pub(super) fn command<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(i64, &str)] = &[
        (0, "F_DUPFD"),
        (1, "F_GETFD"),
        (2, "F_SETFD"),
        (3, "F_GETFL"),
        (4, "F_SETFL"),
        (5, "F_GETLK"),
        (6, "F_SETLK"),
        (7, "F_SETLKW"),
        (1030, "F_DUPFD_CLOEXEC"),
        (1031, "F_SETPIPE_SZ"),
        (1032, "F_GETPIPE_SZ"),
        (1033, "F_ADD_SEALS"),
        (1034, "F_GET_SEALS"),
    ];
    let Kind::Fcntl(event) = &scene.event.kind else { return None };
    Some(one_of(i64::from(event.cmd), NAMES))
}

pub(super) fn argument<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::Fcntl(event) = &scene.event.kind else { return None };
    Some(number(event.arg))
}

pub(super) fn map_address<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Mmap(mmap) => Some(number(mmap.addr)),
        _ => register::<1>(scene),
    }
}

pub(super) fn map_length<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Mmap(mmap) => Some(number(mmap.length)),
        _ => register::<2>(scene),
    }
}

/// `PROT_*` of mmap(2) and mprotect(2).
pub(super) fn protection<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(u64, &str)] = &[
        (MapProt::READ.bits() as u64, "PROT_READ"),
        (MapProt::WRITE.bits() as u64, "PROT_WRITE"),
        (MapProt::EXEC.bits() as u64, "PROT_EXEC"),
    ];
    let prot = match &scene.event.kind {
        Kind::Mmap(mmap) => u64::from(mmap.prot.bits()),
        _ => raw(scene, 3)?,
    };
    Some(bits(prot, NAMES))
}

/// `include/uapi/asm-generic/mman-common.h`, `mman.h`
pub(super) fn map_flags<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(u64, &str)] = &[
        (0x1, "MAP_SHARED"),
        (0x2, "MAP_PRIVATE"),
        (0x10, "MAP_FIXED"),
        (0x20, "MAP_ANONYMOUS"),
        (0x8000, "MAP_POPULATE"),
        (0x4_0000, "MAP_HUGETLB"),
    ];
    let flags = match &scene.event.kind {
        Kind::Mmap(mmap) => u64::from(mmap.flags),
        _ => raw(scene, 4)?,
    };
    Some(bits(flags, NAMES))
}

/// `include/uapi/linux/ptrace.h`
pub(super) fn ptrace_request<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(i64, &str)] = &[
        (0, "PTRACE_TRACEME"),
        (1, "PTRACE_PEEKTEXT"),
        (2, "PTRACE_PEEKDATA"),
        (3, "PTRACE_PEEKUSR"),
        (4, "PTRACE_POKETEXT"),
        (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"),
        (7, "PTRACE_CONT"),
        (8, "PTRACE_KILL"),
        (9, "PTRACE_SINGLESTEP"),
        (12, "PTRACE_GETREGS"),
        (13, "PTRACE_SETREGS"),
        (14, "PTRACE_GETFPREGS"),
        (15, "PTRACE_SETFPREGS"),
        (16, "PTRACE_ATTACH"),
        (17, "PTRACE_DETACH"),
        (24, "PTRACE_SYSCALL"),
        (0x4200, "PTRACE_SETOPTIONS"),
        (0x4201, "PTRACE_GETEVENTMSG"),
        (0x4202, "PTRACE_GETSIGINFO"),
        (0x4203, "PTRACE_SETSIGINFO"),
        (0x4204, "PTRACE_GETREGSET"),
        (0x4205, "PTRACE_SETREGSET"),
        (0x4206, "PTRACE_SEIZE"),
        (0x4207, "PTRACE_INTERRUPT"),
        (0x4208, "PTRACE_LISTEN"),
    ];
    let request = match &scene.event.kind {
        Kind::Ptrace(event) => event.request,
        _ => raw(scene, 1)?.cast_signed(),
    };
    Some(one_of(request, NAMES))
}

/// The process that ptrace(2) or prlimit(2) is about.
pub(super) fn target<'a>(scene: &Scene<'a>) -> Read<'a> {
    match &scene.event.kind {
        Kind::Ptrace(event) => Some(number(event.pid.0)),
        Kind::Prlimit(event) => Some(number(event.pid.0)),
        _ => register::<2>(scene),
    }
}

fn limit<'a>(scene: &Scene<'a>, new: bool, of: fn(Rlimit) -> u64) -> Read<'a> {
    let Kind::Prlimit(event) = &scene.event.kind else { return None };
    let limit = if new { event.new_limit } else { event.old_limit };
    limit.map(|limit| number(of(limit)))
}

pub(super) fn new_soft<'a>(scene: &Scene<'a>) -> Read<'a> {
    limit(scene, true, |limit| limit.cur)
}

pub(super) fn new_hard<'a>(scene: &Scene<'a>) -> Read<'a> {
    limit(scene, true, |limit| limit.max)
}

pub(super) fn old_soft<'a>(scene: &Scene<'a>) -> Read<'a> {
    limit(scene, false, |limit| limit.cur)
}

pub(super) fn old_hard<'a>(scene: &Scene<'a>) -> Read<'a> {
    limit(scene, false, |limit| limit.max)
}

/// `include/uapi/asm-generic/resource.h`
pub(super) fn resource<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(i64, &str)] = &[
        (0, "RLIMIT_CPU"),
        (1, "RLIMIT_FSIZE"),
        (2, "RLIMIT_DATA"),
        (3, "RLIMIT_STACK"),
        (4, "RLIMIT_CORE"),
        (5, "RLIMIT_RSS"),
        (6, "RLIMIT_NPROC"),
        (7, "RLIMIT_NOFILE"),
        (8, "RLIMIT_MEMLOCK"),
        (9, "RLIMIT_AS"),
    ];
    let Kind::Prlimit(event) = &scene.event.kind else { return None };
    Some(one_of(event.resource, NAMES))
}

/// The id that setuid(2) or setgid(2) asks for.
pub(super) fn id<'a>(scene: &Scene<'a>) -> Read<'a> {
    let Kind::Setid(event) = &scene.event.kind else { return None };
    Some(if event.call.sysno == Sysno::SETUID { user_of(scene, event.id) } else { group_of(scene, event.id) })
}

fn of_three<'a>(scene: &Scene<'a>, of: fn(&crate::event::Setresid) -> u32) -> Read<'a> {
    let Kind::Setresid(event) = &scene.event.kind else { return None };
    let id = of(event);
    let is_user = event.call.sysno == Sysno::SETRESUID;
    Some(if is_user { user_of(scene, id) } else { group_of(scene, id) })
}

pub(super) fn real_id<'a>(scene: &Scene<'a>) -> Read<'a> {
    of_three(scene, |event| event.rid)
}

pub(super) fn effective_id<'a>(scene: &Scene<'a>) -> Read<'a> {
    of_three(scene, |event| event.eid)
}

pub(super) fn saved_id<'a>(scene: &Scene<'a>) -> Read<'a> {
    of_three(scene, |event| event.sid)
}

fn user_of<'a>(scene: &Scene<'a>, uid: u32) -> Argument<'a> {
    match scene.name_of_user(uid) {
        Some(name) => Argument::Named(Cow::Owned(name.to_owned()), i64::from(uid)),
        None => Argument::Number(i64::from(uid)),
    }
}

fn group_of<'a>(scene: &Scene<'a>, gid: u32) -> Argument<'a> {
    match scene.name_of_group(gid) {
        Some(name) => Argument::Named(Cow::Owned(name.to_owned()), i64::from(gid)),
        None => Argument::Number(i64::from(gid)),
    }
}

pub(super) fn user<'a, const N: usize>(scene: &Scene<'a>) -> Read<'a> {
    Some(user_of(scene, low(raw(scene, N)?)))
}

pub(super) fn group<'a, const N: usize>(scene: &Scene<'a>) -> Read<'a> {
    Some(group_of(scene, low(raw(scene, N)?)))
}

/// Real-time signals by number.
pub(super) fn signal<'a, const N: usize>(scene: &Scene<'a>) -> Read<'a> {
    let signal = low(raw(scene, N)?);
    let raw = i64::from(signal);
    Some(
        crate::event::signal::name(signal)
            .map_or(Argument::Number(raw), |name| Argument::Named(Cow::Borrowed(name), raw)),
    )
}

/// The namespaces of unshare(2) and setns(2), `include/uapi/linux/sched.h`.
pub(super) fn namespaces<'a, const N: usize>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(u64, &str)] = &[
        (CloneFlags::FS.bits(), "CLONE_FS"),
        (CloneFlags::FILES.bits(), "CLONE_FILES"),
        (0x0002_0000, "CLONE_NEWNS"),
        (0x0200_0000, "CLONE_NEWCGROUP"),
        (0x0400_0000, "CLONE_NEWUTS"),
        (0x0800_0000, "CLONE_NEWIPC"),
        (0x1000_0000, "CLONE_NEWUSER"),
        (0x2000_0000, "CLONE_NEWPID"),
        (0x4000_0000, "CLONE_NEWNET"),
    ];
    Some(bits(raw(scene, N)?, NAMES))
}

/// `enum bpf_cmd`, `include/uapi/linux/bpf.h`
pub(super) fn bpf_command<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: [&str; 11] = [
        "BPF_MAP_CREATE",
        "BPF_MAP_LOOKUP_ELEM",
        "BPF_MAP_UPDATE_ELEM",
        "BPF_MAP_DELETE_ELEM",
        "BPF_MAP_GET_NEXT_KEY",
        "BPF_PROG_LOAD",
        "BPF_OBJ_PIN",
        "BPF_OBJ_GET",
        "BPF_PROG_ATTACH",
        "BPF_PROG_DETACH",
        "BPF_PROG_TEST_RUN",
    ];
    let command = low(raw(scene, 1)?);
    let name = usize::try_from(command).ok().and_then(|command| NAMES.get(command));
    let raw = i64::from(command);
    Some(name.map_or(Argument::Number(raw), |name| Argument::Named(Cow::Borrowed(name), raw)))
}

/// `include/uapi/linux/memfd.h`
pub(super) fn memfd_flags<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(u64, &str)] = &[
        (0x1, "MFD_CLOEXEC"),
        (0x2, "MFD_ALLOW_SEALING"),
        (0x4, "MFD_HUGETLB"),
        (0x8, "MFD_NOEXEC_SEAL"),
        (0x10, "MFD_EXEC"),
    ];
    Some(bits(raw(scene, 2)?, NAMES))
}

/// `include/uapi/linux/prctl.h`
pub(super) fn prctl_option<'a>(scene: &Scene<'a>) -> Read<'a> {
    const NAMES: &[(i64, &str)] = &[
        (1, "PR_SET_PDEATHSIG"),
        (4, "PR_SET_DUMPABLE"),
        (8, "PR_SET_KEEPCAPS"),
        (15, "PR_SET_NAME"),
        (16, "PR_GET_NAME"),
        (22, "PR_SET_SECCOMP"),
        (23, "PR_CAPBSET_READ"),
        (24, "PR_CAPBSET_DROP"),
        (35, "PR_SET_MM"),
        (36, "PR_SET_CHILD_SUBREAPER"),
        (38, "PR_SET_NO_NEW_PRIVS"),
    ];
    Some(one_of(raw(scene, 1)?.cast_signed(), NAMES))
}

pub(super) fn exe<'a>(scene: &Scene<'a>) -> Read<'a> {
    scene.program()?.argv.first().map(|exe| Argument::Text(Cow::Borrowed(exe)))
}

/// The arguments, joined by dots as Falco shows them here.
pub(super) fn args<'a>(scene: &Scene<'a>) -> Read<'a> {
    let args: Vec<&[u8]> = scene.program()?.argv.iter().skip(1).collect();
    Some(Argument::Text(Cow::Owned(args.join(&b'.'))))
}

pub(super) fn tid<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(number(scene.event.context.as_ref()?.tid.0))
}

pub(super) fn pid<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(number(scene.process()?.key.tgid.0))
}

pub(super) fn parent<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(number(scene.process()?.ancestors.first()?.actor.tgid.0))
}

pub(super) fn cwd<'a>(scene: &Scene<'a>) -> Read<'a> {
    text(scene.cwd())
}

pub(super) fn comm<'a>(scene: &Scene<'a>) -> Read<'a> {
    text(super::eval::name_of(scene.process()?))
}

pub(super) fn env<'a>(scene: &Scene<'a>) -> Read<'a> {
    text(scene.environment())
}

pub(super) fn tty<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(number(scene.process()?.job.tty?))
}

pub(super) fn group_of_processes<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(number(scene.process()?.job.group?.0))
}

pub(super) fn login_uid<'a>(_: &Scene<'a>) -> Read<'a> {
    Some(Argument::Number(-1))
}

/// What Falco shows of an executable as flags of its exec.
pub(super) fn program_flags<'a>(scene: &Scene<'a>) -> Read<'a> {
    let names = match scene.program()?.executable.origin {
        Origin::Unknown => return None,
        Origin::Image => "EXE_LOWER_LAYER",
        Origin::Created | Origin::Network => "EXE_UPPER_LAYER",
        Origin::Memfd => "EXE_FROM_MEMFD",
    };
    Some(Argument::Text(Cow::Borrowed(names.as_bytes())))
}

pub(super) fn executable_inode<'a>(scene: &Scene<'a>) -> Read<'a> {
    text(scene.executable_inode())
}

pub(super) fn own_uid<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(user_of(scene, scene.process()?.uid?.0))
}

pub(super) fn own_gid<'a>(scene: &Scene<'a>) -> Read<'a> {
    Some(group_of(scene, scene.process()?.job.gid?.0))
}

pub(super) fn exepath<'a>(scene: &Scene<'a>) -> Read<'a> {
    let path = &*scene.program()?.path;
    (!path.is_empty()).then_some(Argument::Text(Cow::Borrowed(path)))
}

/// A register of a raw call, counted from 1, as the C library's `int`s and `long`s are read.
pub(super) fn register<'a, const N: usize>(scene: &Scene<'a>) -> Read<'a> {
    Some(Argument::Number(signed(raw(scene, N)?)))
}

fn raw(scene: &Scene<'_>, register: usize) -> Option<u64> {
    let Kind::Raw(raw) = &scene.event.kind else { return None };
    Some(raw.arg(register))
}

/// The low 32 bits, which is all that the kernel takes of an `int`.
#[expect(clippy::cast_possible_truncation, reason = "the kernel looks at the low 32 bits only")]
fn low(register: u64) -> u32 {
    register as u32
}

/// A register as a signed number: a negative `int` fills the low half only.
fn signed(register: u64) -> i64 {
    let negative_int = u32::try_from(register).ok().filter(|low| *low > 0xffff_f000);
    negative_int.map_or_else(|| register.cast_signed(), |low| i64::from(low.cast_signed()))
}
