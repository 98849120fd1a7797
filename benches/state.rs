//! Nanoseconds per event through `State::apply`, by kind of event.
//!
//! Measured: the state alone, on events that are decoded already. Its size is that of a busy build container (the
//! recording `b_busy_mix` of gVisor of July 2024, 55,745 events) plus a second container with [`CHILDREN`] living
//! processes that hold [`OPEN`] descriptors each and have an outbound connection. A pass is [`EVENTS`] events of one
//! kind, spread over those processes, on a copy of that state; making and dropping the copy is not in the figure. The
//! first writes to what the copy shares are: a fork pays them as well. The time of a pass is criterion's; an event has
//! the inverse of the throughput.
//!
//! Left out: decoding (`benches/decode.rs`), rules and findings (`benches/traces.rs`), new taint that spreads through
//! files and pipes, and how the figures change while a flood wears the bounds out.
#![expect(clippy::unwrap_used, reason = "a bench without its trace is none")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sluicebox::event::{
    Call, CloneFlags, Close, Connect, Context, Dup, Errno, Event, Exit, ExitNotifyParent, Family, Fd,
    FdFlags, Kind, Open, OpenFlags, Pipe, Raw, Read, SentryClone, SentryExecve, SockAddr, Socket, Sysno,
    Text, Texts, Tgid, Tid, Time, Write,
};
use sluicebox::state::State;
use sluicebox::wire::decode;

use common::Recording;

/// Living processes of the second container.
const CHILDREN: i32 = 300;

/// Descriptors that each of them has open.
const OPEN: i32 = 16;

/// Events of a pass.
const EVENTS: i32 = 256;

/// Descriptors of the children that are not files.
const SOCKET: Fd = Fd(3);
const READER: Fd = Fd(4);
const GPU: Fd = Fd(6);
const FILE: Fd = Fd(7);

fn by(tgid: i32, kind: Kind<'_>) -> Event<'_> {
    let context = Context {
        time: Time(1_800_000_000_000_000_000),
        tid: Tid(tgid),
        tgid: Tgid(tgid),
        start: Time(i64::from(tgid)),
        container: Text(b"bench"),
        comm: Text(b"worker"),
        ..Context::default()
    };
    Event { context: Some(context), kind }
}

/// The child that does the event of that number, and a number that no other event of a pass has.
fn child(number: i32) -> i32 {
    (number % CHILDREN).saturating_add(2)
}

fn done(sysno: Sysno, result: i64) -> Call {
    Call { sysno, exit: Some(Exit { result, errno: Errno::OK }) }
}

fn raw(sysno: Sysno, args: [u64; 6], result: i64) -> Kind<'static> {
    Kind::Raw(Raw { call: done(sysno, result), args })
}

fn open(path: &str, flags: OpenFlags, fd: i32) -> Kind<'_> {
    Kind::Open(Open {
        call: done(Sysno::OPENAT, i64::from(fd)),
        dirfd: Fd::CWD,
        pathname: Text(path.as_bytes()),
        flags,
        ..Open::default()
    })
}

fn clone(created: i32) -> Kind<'static> {
    Kind::SentryClone(SentryClone {
        created_tid: Tid(created),
        created_tgid: Tgid(created),
        created_start: Time(i64::from(created)),
        flags: CloneFlags::empty(),
    })
}

fn connect(number: i32) -> Kind<'static> {
    let remote = ([198, 51, 100, u8::try_from(number % 32).unwrap()], 443).into();
    Kind::Connect(Connect {
        call: done(Sysno::CONNECT, 0),
        fd: SOCKET,
        address: SockAddr::Inet(remote),
        ..Connect::default()
    })
}

fn socket(fd: Fd) -> Kind<'static> {
    Kind::Socket(Socket {
        call: done(Sysno::SOCKET, i64::from(fd.0)),
        domain: Family::INET,
        kind_and_flags: 1,
        protocol: 0,
    })
}

/// The paths that the events of a pass open for the first time.
fn new_paths() -> Vec<String> {
    (0..EVENTS).map(|number| format!("/srv/build/target/debug/deps/object-{number}.o")).collect()
}

/// The recording's container, and the second one.
fn busy() -> State {
    let mut state = State::default();
    for packet in Recording::open("2024", "b_busy_mix").packets() {
        if let Some(event) = decode(packet).unwrap().event {
            state.apply(&event);
        }
    }
    let path = |fd: i32| format!("/srv/build/src/module-{fd}.c");
    for number in 0..CHILDREN {
        let child = child(number);
        state.apply(&by(1, clone(child)));
        for fd in 0..OPEN {
            let path = if fd <= Fd::STDERR.0 { "/dev/null".to_owned() } else { path(fd) };
            let flags = if fd == FILE.0 { OpenFlags::RDWR } else { OpenFlags::empty() };
            state.apply(&by(child, open(&path, flags, fd)));
        }
        state.apply(&by(child, socket(SOCKET)));
        let (reader, writer) = (READER, Fd(5));
        let pipe = Pipe { call: done(Sysno::PIPE2, 0), flags: FdFlags::CLOEXEC, reader, writer };
        state.apply(&by(child, Kind::Pipe(pipe)));
        state.apply(&by(child, open("/dev/nvidia0", OpenFlags::RDWR, GPU.0)));
        state.apply(&by(child, connect(number)));
    }
    state
}

fn kinds(criterion: &mut Criterion) {
    let state = busy();
    let (paths, argv) = (new_paths(), [Text(b"cc"), Text(b"-c"), Text(b"module-7.c")]);
    let write = OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC;
    let path = |number: i32| paths.get(usize::try_from(number).unwrap()).unwrap().as_str();
    let register = |fd: Fd| u64::from(fd.0.unsigned_abs());
    let kind = |name: &str, number: i32| match name {
        "clone" => clone(number.saturating_add(10_000)),
        "exec" => Kind::SentryExecve(SentryExecve {
            binary_path: Text(b"/usr/bin/cc"),
            argv: Texts::of(&argv),
            ..SentryExecve::default()
        }),
        "exit" => Kind::ExitNotifyParent(ExitNotifyParent { exit_status: 0 }),
        "open, new path, to write" => open(path(number), write, 20),
        "open, new path, to read" => open(path(number), OpenFlags::empty(), 20),
        "open, known path, to read" => open("/srv/build/src/module-7.c", OpenFlags::empty(), 20),
        "close" => Kind::Close(Close { call: done(Sysno::CLOSE, 0), fd: FILE, ..Close::default() }),
        "close, enter" => Kind::Close(Close {
            call: Call { sysno: Sysno::CLOSE, exit: None },
            fd: FILE,
            fd_path: Text(b"/srv/build/src/module-7.c"),
        }),
        "dup2" => {
            Kind::Dup(Dup { call: done(Sysno::DUP2, 1), old_fd: FILE, new_fd: Fd(1), ..Dup::default() })
        }
        "pipe" => Kind::Pipe(Pipe {
            call: done(Sysno::PIPE2, 0),
            flags: FdFlags::CLOEXEC,
            reader: Fd(20),
            writer: Fd(21),
        }),
        "socket" => socket(Fd(20)),
        "connect" => connect(number.saturating_add(1)),
        "send" => raw(Sysno::SENDTO, [register(SOCKET), 0, 128, 0, 0, 0], 128),
        "recv" => raw(Sysno::RECVFROM, [register(SOCKET), 0, 4096, 0, 0, 0], 1400),
        "read, file" => {
            Kind::Read(Read { call: done(Sysno::READ, 4096), fd: FILE, count: 4096, ..Read::default() })
        }
        "read, pipe" => {
            Kind::Read(Read { call: done(Sysno::READ, 80), fd: READER, count: 4096, ..Read::default() })
        }
        "write, file" => {
            Kind::Write(Write { call: done(Sysno::WRITE, 4096), fd: FILE, count: 4096, ..Write::default() })
        }
        "ioctl, GPU" => raw(Sysno::IOCTL, [register(GPU), 0xc020_462b, 0, 0, 0, 0], 0),
        "ioctl, other" => raw(Sysno::IOCTL, [register(FILE), 0x5401, 0, 0, 0, 0], 0),
        _ => raw(Sysno::SCHED_YIELD, [0; 6], 0),
    };
    let mut group = criterion.benchmark_group("state");
    group.throughput(Throughput::Elements(u64::from(EVENTS.unsigned_abs())));
    for name in [
        "clone",
        "exec",
        "exit",
        "open, new path, to write",
        "open, new path, to read",
        "open, known path, to read",
        "close",
        "close, enter",
        "dup2",
        "pipe",
        "socket",
        "connect",
        "send",
        "recv",
        "read, file",
        "read, pipe",
        "write, file",
        "ioctl, GPU",
        "ioctl, other",
        "raw, other",
    ] {
        let events: Vec<Event<'_>> =
            (0..EVENTS).map(|number| by(child(number), kind(name, number))).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || state.clone(),
                |state| {
                    for event in &events {
                        black_box(state.apply(black_box(event)));
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, kinds);
criterion_main!(benches);
