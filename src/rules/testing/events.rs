//! The events of the language: what each one's keys are, and what becomes of them.

use std::net::SocketAddr;

use super::error::ScriptError;
use super::script::{Deed, Layer};
use super::words::{Keys, arguments};
use super::world::Moment;
use crate::event::{
    Accept, Bind, Call, Close, Connect, Dup, Errno, Exit, ExitNotifyParent, Family, Fcntl, Fd, FdFlags, Kind,
    ModeBits, OpenFlags, Pipe, Raw, Read, SockAddr, Socket, SocketPair, Sysno, Write,
};
use crate::intel::feed::{FileHash, Indicator, indicator};

/// The events that have keys of their own; every other system call has its registers.
pub(super) const NAMES: &[&str] = &[
    "accept",
    "accept4",
    "bind",
    "chdir",
    "chmod",
    "clone",
    "close",
    "connect",
    "container",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "execve",
    "execveat",
    "exit",
    "fchmod",
    "fchmodat",
    "fcntl",
    "fork",
    "ioctl",
    "listen",
    "mapexec",
    "memfd_create",
    "open",
    "openat",
    "pipe",
    "pipe2",
    "pread64",
    "preadv",
    "pwrite64",
    "pwritev",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "socket",
    "socketpair",
    "vfork",
    "write",
    "writev",
];

/// Bytes that a transfer moves if its line does not say: those of a small message.
const MOVED: i64 = 64;

/// Where the bytes of `origin=network` come from.
const SOMEWHERE: &str = "203.0.113.1:80";

/// `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_RAW`, `include/linux/net.h`
const KINDS: [(&str, i32); 3] = [("tcp", 1), ("udp", 2), ("raw", 3)];

/// Makes the event of that name; `false` if there is none.
pub(super) fn make(name: &str, pid: i32, now: &mut Moment<'_>, keys: &mut Keys) -> Result<bool, ScriptError> {
    let sysno = Sysno::by_name(name).unwrap_or_default();
    match name {
        "container" => {
            let argv = keys.bytes("argv").unwrap_or_else(|| b"/entrypoint".to_vec());
            now.push(pid, Deed::Start { id: now.container(pid), argv: arguments(&argv) });
        }
        "clone" | "fork" | "vfork" => {
            let child = keys.int("child")?;
            now.clone_from(pid, keys.needed("child", child)?);
        }
        "execve" | "execveat" => execve(sysno, pid, now, keys)?,
        "exit" => {
            let exit_status = keys.int("status")?.unwrap_or(0);
            now.push(pid, Deed::Plain(Box::new(Kind::ExitNotifyParent(ExitNotifyParent { exit_status }))));
            now.exits(pid);
        }
        "open" | "openat" | "creat" => open(sysno, pid, now, keys)?,
        "mapexec" => {
            let path = keys.bytes("path");
            let path = keys.needed("path", path)?;
            now.push(pid, Deed::Map { path });
        }
        "chdir" => {
            let path = keys.bytes("path");
            let path = keys.needed("path", path)?;
            let call = call(sysno, 0, keys)?;
            now.push(pid, Deed::Chdir { call, path });
        }
        _ => match plain(name, sysno, pid, now, keys)? {
            Some(kind) => now.push(pid, Deed::Plain(Box::new(kind))),
            None => return Ok(false),
        },
    }
    Ok(true)
}

/// How a call ended: `result`, or `errno` where it failed.
fn call(sysno: Sysno, default: i64, keys: &mut Keys) -> Result<Call, ScriptError> {
    let errno = errno(keys)?;
    let result = keys.number("result")?.unwrap_or(default);
    // gVisor reports 0 for a call that failed.
    let result = if errno == Errno::OK { result } else { 0 };
    Ok(Call { sysno, exit: Some(Exit { result, errno }) })
}

fn errno(keys: &mut Keys) -> Result<Errno, ScriptError> {
    Ok(keys.read("errno", "the name of an error such as `ENOENT`", Errno::by_name)?.unwrap_or_default())
}

/// A call that returns a descriptor: the one that `result` names, else the lowest one that is free.
fn opening(
    sysno: Sysno,
    pid: i32,
    on_exec: bool,
    now: &mut Moment<'_>,
    keys: &mut Keys,
) -> Result<Call, ScriptError> {
    let errno = errno(keys)?;
    let given = keys.int("result")?;
    let result = if errno == Errno::OK { i64::from(now.open(pid, given, on_exec)) } else { 0 };
    Ok(Call { sysno, exit: Some(Exit { result, errno }) })
}

fn fd(key: &'static str, keys: &mut Keys) -> Result<Fd, ScriptError> {
    let fd = keys.int(key)?;
    keys.needed(key, fd).map(Fd)
}

fn execve(sysno: Sysno, pid: i32, now: &mut Moment<'_>, keys: &mut Keys) -> Result<(), ScriptError> {
    let path = keys.bytes("path");
    let path = keys.needed("path", path)?;
    let argv = arguments(&keys.bytes("argv").unwrap_or_else(|| path.clone()));
    let given = keys.bytes("given").unwrap_or_else(|| path.clone());
    let layer = keys.read(
        "layer",
        "`lower` (of the image) or `upper` (written in the container)",
        |word| match word {
            "lower" => Some(Layer::Lower),
            "upper" => Some(Layer::Upper),
            _ => None,
        },
    )?;
    let in_memfd = keys.flag("memfd")?;
    let sha256 = keys.read("sha256", "64 hexadecimal digits", |word| match indicator(word) {
        Some(Indicator::Hash(FileHash::Sha256(digest))) => Some(digest),
        _ => None,
    })?;
    let fd = keys.int("fd")?.map(Fd);
    let errno = errno(keys)?;
    if errno != Errno::OK || fd.is_some() {
        let exit = (errno != Errno::OK).then_some(Exit { result: 0, errno });
        let path = if fd.is_some() { Vec::new() } else { path.clone() };
        now.push(pid, Deed::Ask { call: Call { sysno, exit }, fd, path, argv: argv.clone() });
    }
    if errno == Errno::OK {
        let layer = layer.unwrap_or(Layer::Unsaid);
        now.push(pid, Deed::Exec { path: path.clone(), argv, given, layer, in_memfd, sha256 });
        now.execs(pid, &path);
    }
    Ok(())
}

fn open(sysno: Sysno, pid: i32, now: &mut Moment<'_>, keys: &mut Keys) -> Result<(), ScriptError> {
    let path = keys.bytes("path");
    let path = keys.needed("path", path)?;
    let default = if sysno == Sysno::CREAT {
        OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC
    } else {
        OpenFlags::default()
    };
    let flags = keys.read("flags", "flags such as `O_CREAT|O_WRONLY`", open_flags)?.unwrap_or(default);
    let mode = keys.read("mode", "a mode such as `0755`", mode)?.unwrap_or(0o644);
    let dirfd = keys.int("dirfd")?.map_or(Fd::CWD, Fd);
    let origin = keys.read("origin", "`network` or an address with a port", |origin| match origin {
        "network" => SOMEWHERE.parse().ok(),
        addr => addr.parse().ok(),
    })?;
    if let Some(origin) = origin {
        fetch(pid, origin, now);
    }
    let call = opening(sysno, pid, flags.contains(OpenFlags::CLOEXEC), now, keys)?;
    now.push(pid, Deed::Open { call, dirfd, path, flags, mode: ModeBits::from_bits_retain(mode) });
    Ok(())
}

/// The process gets bytes from a remote, over a connection that it closes again.
fn fetch(pid: i32, from: SocketAddr, now: &mut Moment<'_>) {
    let done = |sysno, result| Call { sysno, exit: Some(Exit { result, errno: Errno::OK }) };
    let fd = new_socket(pid, None, from, 1, now);
    let connect =
        Connect { call: done(Sysno::CONNECT, 0), fd, address: SockAddr::Inet(from), ..Connect::default() };
    now.push(pid, Deed::Plain(Box::new(Kind::Connect(connect))));
    let args = [register(fd), 0, 0, 0, 0, 0];
    now.push(pid, Deed::Plain(Box::new(Kind::Raw(Raw { call: done(Sysno::RECVFROM, MOVED), args }))));
    let close = Close { call: done(Sysno::CLOSE, 0), fd, ..Close::default() };
    now.push(pid, Deed::Plain(Box::new(Kind::Close(close))));
    now.close(pid, fd.0);
}

/// A socket that is to connect to `remote`.
fn new_socket(pid: i32, given: Option<i32>, remote: SocketAddr, kind: i32, now: &mut Moment<'_>) -> Fd {
    let fd = now.open(pid, given, false);
    let exit = Some(Exit { result: i64::from(fd), errno: Errno::OK });
    let call = Call { sysno: Sysno::SOCKET, exit };
    let socket = Socket { call, domain: Family::of(remote), kind_and_flags: kind, protocol: 0 };
    now.push(pid, Deed::Plain(Box::new(Kind::Socket(socket))));
    Fd(fd)
}

fn register(fd: Fd) -> u64 {
    i64::from(fd.0).cast_unsigned()
}

/// Everything that has no text in it.
fn plain(
    name: &str,
    sysno: Sysno,
    pid: i32,
    now: &mut Moment<'_>,
    keys: &mut Keys,
) -> Result<Option<Kind<'static>>, ScriptError> {
    Ok(Some(match name {
        "close" => {
            let fd = fd("fd", keys)?;
            let call = call(sysno, 0, keys)?;
            now.close(pid, fd.0);
            Kind::Close(Close { call, fd, ..Close::default() })
        }
        "read" | "readv" | "pread64" | "preadv" => {
            let fd = fd("fd", keys)?;
            Kind::Read(Read { call: call(sysno, MOVED, keys)?, fd, ..Read::default() })
        }
        "write" | "writev" | "pwrite64" | "pwritev" => {
            let fd = fd("fd", keys)?;
            Kind::Write(Write { call: call(sysno, MOVED, keys)?, fd, ..Write::default() })
        }
        "recvfrom" | "recvmsg" | "sendto" | "sendmsg" | "sendmmsg" => {
            let fd = fd("fd", keys)?;
            Kind::Raw(Raw { call: call(sysno, MOVED, keys)?, args: [register(fd), 0, 0, 0, 0, 0] })
        }
        "connect" => {
            let remote = keys.endpoint("remote")?;
            let remote = keys.needed("remote", remote)?;
            let kind = protocol(keys)?;
            let given = keys.int("fd")?;
            let fd = match given.filter(|fd| now.is_open(pid, *fd)) {
                Some(fd) => Fd(fd),
                None => new_socket(pid, given, remote, kind, now),
            };
            Kind::Connect(Connect {
                call: call(sysno, 0, keys)?,
                fd,
                address: SockAddr::Inet(remote),
                ..Connect::default()
            })
        }
        "socket" => {
            let domain = keys.read("family", "`inet`, `inet6` or `unix`", |family| match family {
                "inet" => Some(Family::INET),
                "inet6" => Some(Family::INET6),
                "unix" => Some(Family::UNIX),
                _ => None,
            })?;
            let kind_and_flags = protocol(keys)?;
            let call = opening(sysno, pid, false, now, keys)?;
            Kind::Socket(Socket { call, domain: domain.unwrap_or(Family::INET), kind_and_flags, protocol: 0 })
        }
        "bind" => {
            let (fd, local) = (fd("fd", keys)?, keys.endpoint("local")?);
            let address = local.map_or(SockAddr::Absent, SockAddr::Inet);
            Kind::Bind(Bind { call: call(sysno, 0, keys)?, fd, address, ..Bind::default() })
        }
        "accept" | "accept4" => {
            let (fd, remote) = (fd("fd", keys)?, keys.endpoint("remote")?);
            let address = remote.map_or(SockAddr::Absent, SockAddr::Inet);
            let call = opening(sysno, pid, false, now, keys)?;
            Kind::Accept(Accept { call, fd, address, ..Accept::default() })
        }
        "dup" | "dup2" | "dup3" => dup(name, sysno, pid, now, keys)?,
        "fcntl" => fcntl(sysno, pid, now, keys)?,
        "pipe" | "pipe2" => {
            let reader = Fd(now_open(pid, "reader", now, keys)?);
            let writer = Fd(now_open(pid, "writer", now, keys)?);
            Kind::Pipe(Pipe { call: call(sysno, 0, keys)?, flags: FdFlags::default(), reader, writer })
        }
        "socketpair" => {
            let first = Fd(now_open(pid, "first", now, keys)?);
            let second = Fd(now_open(pid, "second", now, keys)?);
            let call = call(sysno, 0, keys)?;
            Kind::SocketPair(SocketPair {
                call,
                domain: Family::UNIX,
                kind_and_flags: 1,
                protocol: 0,
                first,
                second,
            })
        }
        _ if sysno.name() == Some(name) => Kind::Raw(raw(name, sysno, pid, now, keys)?),
        _ => return Ok(None),
    }))
}

fn now_open(pid: i32, key: &'static str, now: &mut Moment<'_>, keys: &mut Keys) -> Result<i32, ScriptError> {
    let given = keys.int(key)?;
    Ok(now.open(pid, given, false))
}

fn protocol(keys: &mut Keys) -> Result<i32, ScriptError> {
    let read = |word: &str| KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
    Ok(keys.read("proto", "`tcp`, `udp` or `raw`", read)?.unwrap_or(1))
}

fn dup(
    name: &str,
    sysno: Sysno,
    pid: i32,
    now: &mut Moment<'_>,
    keys: &mut Keys,
) -> Result<Kind<'static>, ScriptError> {
    let old_fd = fd("old", keys)?;
    let flags = keys.read("flags", "`O_CLOEXEC`", open_flags)?.unwrap_or_default();
    let flags = FdFlags::from_bits_retain(flags.bits());
    let errno = errno(keys)?;
    let (new_fd, given) = if name == "dup" {
        (Fd(0), keys.int("result")?)
    } else {
        let new = fd("new", keys)?;
        (new, Some(new.0))
    };
    let on_exec = flags.contains(FdFlags::CLOEXEC);
    let result = if errno == Errno::OK { i64::from(now.open(pid, given, on_exec)) } else { 0 };
    let call = Call { sysno, exit: Some(Exit { result, errno }) };
    Ok(Kind::Dup(Dup { call, old_fd, new_fd, flags, ..Dup::default() }))
}

fn fcntl(
    sysno: Sysno,
    pid: i32,
    now: &mut Moment<'_>,
    keys: &mut Keys,
) -> Result<Kind<'static>, ScriptError> {
    /// `include/uapi/asm-generic/fcntl.h`, `include/uapi/linux/fcntl.h`
    const COMMANDS: [(&str, i32); 4] =
        [("F_DUPFD", 0), ("F_SETFD", 2), ("F_SETFL", 4), ("F_DUPFD_CLOEXEC", 1030)];
    let fd = fd("fd", keys)?;
    let read = |word: &str| COMMANDS.iter().find(|(name, _)| *name == word).copied();
    let command = keys.read("cmd", "`F_DUPFD`, `F_DUPFD_CLOEXEC`, `F_SETFD` or `F_SETFL`", read)?;
    let (name, cmd) = keys.needed("cmd", command)?;
    let arg = keys.number("arg")?.unwrap_or(0);
    let call = match name {
        "F_DUPFD" | "F_DUPFD_CLOEXEC" => opening(sysno, pid, name == "F_DUPFD_CLOEXEC", now, keys)?,
        _ => call(sysno, 0, keys)?,
    };
    Ok(Kind::Fcntl(Fcntl { call, fd, cmd, arg, ..Fcntl::default() }))
}

/// Calls of which only the registers are seen.
fn raw(
    name: &str,
    sysno: Sysno,
    pid: i32,
    now: &mut Moment<'_>,
    keys: &mut Keys,
) -> Result<Raw, ScriptError> {
    let mut args = [0u64; 6];
    let mut set = |number: usize, value: u64| {
        if let Some(arg) = args.get_mut(number.saturating_sub(1)) {
            *arg = value;
        }
    };
    let expected = "a mode such as `0755`";
    match name {
        "ioctl" => {
            set(1, register(fd("fd", keys)?));
            let request = keys.number("request")?;
            set(2, keys.needed("request", request)?.cast_unsigned());
        }
        "chmod" => set(2, keys.read("mode", expected, mode)?.map_or(0o755, u64::from)),
        "fchmod" => {
            set(1, register(fd("fd", keys)?));
            set(2, keys.read("mode", expected, mode)?.map_or(0o755, u64::from));
        }
        "fchmodat" => set(3, keys.read("mode", expected, mode)?.map_or(0o755, u64::from)),
        "listen" => set(1, register(fd("fd", keys)?)),
        "memfd_create" => {
            let on_exec = keys.flag("cloexec")?;
            set(2, u64::from(on_exec));
            return Ok(Raw { call: opening(sysno, pid, on_exec, now, keys)?, args });
        }
        _ => {
            for (key, number) in ["arg1", "arg2", "arg3", "arg4", "arg5", "arg6"].into_iter().zip(1usize..) {
                set(number, keys.number(key)?.unwrap_or(0).cast_unsigned());
            }
        }
    }
    Ok(Raw { call: call(sysno, 0, keys)?, args })
}

/// Names of open flags, joined by `|`; the one of reading is no bit.
fn open_flags(text: &str) -> Option<OpenFlags> {
    let flags = text.split('|').map(|word| match word.strip_prefix("O_")? {
        "RDONLY" => Some(OpenFlags::default()),
        name => OpenFlags::from_name(name),
    });
    flags.collect::<Option<Vec<OpenFlags>>>().map(|flags| flags.into_iter().collect())
}

/// A mode, in octal as everywhere.
fn mode(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok()
}
