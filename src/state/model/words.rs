//! The small world in which the operations play: paths, programs, addresses and requests, each with what it *means*.
//!
//! The meanings are written here by hand, from manual pages and kernel headers. The model looks them up; it never
//! asks the parsers of `state` (what an interpreter runs, which path is a device, which address is remote).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::event::Text;
use crate::state::Nvidia;

/// What a container's trace session says of its processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) container: &'static [u8],
    /// `group_start`: when a process started.
    pub(super) starts: bool,
    /// `parent_thread_group_id`: who its parent is now.
    pub(super) parents: bool,
    /// `process_name`.
    pub(super) comm: bool,
    /// `credentials`.
    pub(super) credentials: bool,
}

pub(super) const SESSIONS: &[Session] = &[
    Session { container: b"web", starts: true, parents: true, comm: true, credentials: true },
    Session { container: b"job", starts: true, parents: false, comm: false, credentials: false },
    Session { container: b"old", starts: false, parents: false, comm: true, credentials: false },
];

/// Paths as a workload may write them: absolute, relative, with dots, of devices.
pub(super) const PATHS: &[&[u8]] = &[
    b"/tmp/a",
    b"/tmp/b",
    b"a",
    b"./b",
    b"../tmp/a",
    b"/tmp//d/./a",
    b"d/a",
    b"/tmp/c",
    b"c",
    b"/srv/x.py",
    b"/usr/bin/curl",
    b"/bin/curl",
    b"/usr/bin/python3.13",
    b"/usr/bin/dash",
    b"/tmp",
    b"/tmp/d",
    b"/dev/shm/x",
    b"",
    b"/etc/passwd",
    b"/dev/null",
    b"/proc/self/status",
    b"/dev/nvidiactl",
    b"/dev/nvidia0",
    b"/dev/nvidia-uvm",
    b"/dev/nvidia-modeset",
    b"/dev/stdin",
    b"/dev/fd/3",
    b"/proc/self/fd/4",
    b"/proc/self/fd/x",
];

/// Directories that processes change into.
pub(super) const DIRECTORIES: &[&[u8]] = &[b"/tmp", b"/tmp/d", b"/", b"..", b"/srv"];

/// What a program was told to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is no interpreter.
    Nothing,
    /// The file behind an operand.
    File(&'static [u8]),
    /// `python -m`
    Module(&'static [u8]),
    /// Its standard input.
    Stdin,
    /// The text on its command line.
    Inline,
}

/// What a program is, if the image's own file runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trade {
    Other,
    /// Runs other programs, which get the pipes.
    Shell,
    /// Builds its output from what it reads.
    Builder,
    /// Hands on what it reads.
    Relay,
    /// `mv FROM TO`
    Mv(&'static [u8], &'static [u8]),
    /// `ln FROM TO`
    Ln(&'static [u8], &'static [u8]),
    /// `chmod MODE FILE`
    Chmod(&'static [u8]),
}

/// A program with its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) path: &'static [u8],
    pub(super) argv: &'static [Text<'static>],
    pub(super) told: Told,
    pub(super) trade: Trade,
}

const fn command(path: &'static [u8], argv: &'static [Text<'static>], told: Told, trade: Trade) -> Command {
    Command { path, argv, told, trade }
}

pub(super) const COMMANDS: &[Command] = &[
    command(b"/tmp/a", &[Text(b"/tmp/a")], Told::Nothing, Trade::Other),
    command(b"/usr/bin/dash", &[Text(b"sh")], Told::Stdin, Trade::Shell),
    command(b"/usr/bin/dash", &[Text(b"sh"), Text(b"/tmp/a")], Told::File(b"/tmp/a"), Trade::Shell),
    command(b"/usr/bin/dash", &[Text(b"sh"), Text(b"/dev/fd/3")], Told::File(b"/dev/fd/3"), Trade::Shell),
    command(b"/usr/bin/dash", &[Text(b"sh"), Text(b"-c"), Text(b"ls")], Told::Inline, Trade::Shell),
    command(b"/usr/bin/python3.13", &[Text(b"python3"), Text(b"./b")], Told::File(b"./b"), Trade::Other),
    command(b"/usr/bin/python3.13", &[Text(b"python3")], Told::Stdin, Trade::Other),
    command(
        b"/usr/bin/python3.13",
        &[Text(b"python3"), Text(b"-m"), Text(b"pip")],
        Told::Module(b"pip"),
        Trade::Other,
    ),
    command(b"/usr/bin/curl", &[Text(b"curl"), Text(b"-o"), Text(b"b")], Told::Nothing, Trade::Other),
    command(b"/bin/curl", &[Text(b"curl")], Told::Nothing, Trade::Other),
    command(b"/usr/bin/x86_64-linux-gnu-ld.bfd", &[Text(b"ld")], Told::Nothing, Trade::Builder),
    command(
        b"/usr/bin/mv",
        &[Text(b"mv"), Text(b"/tmp/a"), Text(b"/tmp/b")],
        Told::Nothing,
        Trade::Mv(b"/tmp/a", b"/tmp/b"),
    ),
    command(
        b"/usr/bin/mv",
        &[Text(b"mv"), Text(b"-f"), Text(b"b"), Text(b"/tmp/c")],
        Told::Nothing,
        Trade::Mv(b"b", b"/tmp/c"),
    ),
    command(
        b"/usr/bin/ln",
        &[Text(b"ln"), Text(b"/tmp/a"), Text(b"/tmp/b")],
        Told::Nothing,
        Trade::Ln(b"/tmp/a", b"/tmp/b"),
    ),
    command(
        b"/usr/bin/ln",
        &[Text(b"ln"), Text(b"--"), Text(b"/tmp/b"), Text(b"d")],
        Told::Nothing,
        Trade::Ln(b"/tmp/b", b"d"),
    ),
    command(
        b"/usr/bin/chmod",
        &[Text(b"chmod"), Text(b"+x"), Text(b"/tmp/a")],
        Told::Nothing,
        Trade::Chmod(b"/tmp/a"),
    ),
    command(b"/tmp/b", &[Text(b"python3")], Told::Nothing, Trade::Other),
    command(b"/tmp/d/a", &[Text(b"./a"), Text(b"-x")], Told::Nothing, Trade::Other),
    command(b"/tmp/c", &[Text(b"kworker")], Told::Nothing, Trade::Other),
    command(b"/srv/x.py", &[Text(b"/srv/x.py")], Told::Nothing, Trade::Other),
    command(
        b"/usr/bin/nc.openbsd",
        &[Text(b"nc"), Text(b"198.51.100.7"), Text(b"80")],
        Told::Nothing,
        Trade::Relay,
    ),
    command(b"/memfd:x", &[Text(b"x")], Told::Nothing, Trade::Other),
];

/// An address, and whether it lies outside of the host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    pub(super) is_outside: bool,
    /// A name server: its answers are addresses, not programs.
    pub(super) is_dns: bool,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port)
}

pub(super) const PEERS: &[Peer] = &[
    Peer { addr: v4(203, 0, 113, 9, 443), is_outside: true, is_dns: false },
    Peer { addr: v4(198, 51, 100, 7, 3333), is_outside: true, is_dns: false },
    Peer { addr: v4(198, 51, 100, 7, 80), is_outside: true, is_dns: false },
    Peer { addr: v4(10, 0, 0, 2, 53), is_outside: true, is_dns: true },
    Peer { addr: v4(127, 0, 0, 1, 8080), is_outside: false, is_dns: false },
    Peer { addr: v4(169, 254, 169, 254, 80), is_outside: false, is_dns: false },
    Peer {
        addr: SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 443),
        is_outside: true,
        is_dns: false,
    },
];

/// What an ioctl does to the GPU's state machine (`facts`: the open kernel modules' headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing but that a device is open.
    Nothing,
    /// The resource manager for a client, or for its version.
    Client,
    /// UVM: the GPU, an address space, a channel. All three make a context.
    Gpu,
    Space,
    Channel,
}

/// A request as it lies in the register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) on_control: Asks,
    pub(super) on_uvm: Asks,
    /// The device that an unknown descriptor most likely is.
    pub(super) names: Option<Nvidia>,
}

pub(super) const REQUESTS: &[Request] = &[
    // NV_ESC_RM_ALLOC, with its size and with another type byte and sign.
    Request {
        number: 0xc020_462b,
        on_control: Asks::Client,
        on_uvm: Asks::Nothing,
        names: Some(Nvidia::Control),
    },
    Request { number: 0xffff_ffff_c020_992b, on_control: Asks::Client, on_uvm: Asks::Nothing, names: None },
    // NV_ESC_RM_CONTROL
    Request {
        number: 0xc020_462a,
        on_control: Asks::Nothing,
        on_uvm: Asks::Nothing,
        names: Some(Nvidia::Control),
    },
    // NV_ESC_CHECK_VERSION_STR
    Request {
        number: 0xc048_46d2,
        on_control: Asks::Client,
        on_uvm: Asks::Nothing,
        names: Some(Nvidia::Control),
    },
    // UVM_INITIALIZE
    Request {
        number: 0x3000_0001,
        on_control: Asks::Nothing,
        on_uvm: Asks::Client,
        names: Some(Nvidia::Uvm),
    },
    Request { number: 25, on_control: Asks::Nothing, on_uvm: Asks::Space, names: None },
    Request { number: 27, on_control: Asks::Nothing, on_uvm: Asks::Channel, names: None },
    Request { number: 37, on_control: Asks::Nothing, on_uvm: Asks::Gpu, names: None },
    // TCGETS
    Request { number: 0x5401, on_control: Asks::Nothing, on_uvm: Asks::Nothing, names: None },
];

/// Error numbers that calls end with where they do not succeed.
pub(super) const ERRNOS: &[i64] = &[2, 4, 9, 11, 13, 88, 103, 106, 110, 111, 114, 115, 512];

/// The command behind an executable and its arguments; a program that is not in the list is just itself.
pub(super) fn meaning(path: &[u8], argv: &[Vec<u8>]) -> (Told, Trade) {
    first(|command| command.path == path && has_argv(command, argv))
}

/// The command that goes by these arguments.
pub(super) fn called(argv: &[Vec<u8>]) -> (Told, Trade) {
    first(|command| has_argv(command, argv))
}

fn first(is_it: impl Fn(&Command) -> bool) -> (Told, Trade) {
    let found = COMMANDS.iter().find(|command| is_it(command));
    found.map_or((Told::Nothing, Trade::Other), |command| (command.told, command.trade))
}

fn has_argv(command: &Command, argv: &[Vec<u8>]) -> bool {
    command.argv.iter().map(|arg| arg.bytes()).eq(argv.iter().map(Vec::as_slice))
}

/// What the session of a container says.
pub(super) fn session(container: &[u8]) -> Session {
    *SESSIONS.iter().find(|session| session.container == container).unwrap_or(&SESSIONS[0])
}
