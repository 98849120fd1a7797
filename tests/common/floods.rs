//! Floods that a hostile container can send, and a miner's chain around them, for the test and the bench of memory.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test's own small numbers and constants"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::event::{
    Call, CloneFlags, Connect, ContainerStart, Context, Dup, Event, Exit, ExitNotifyParent, Family, Fd, Kind,
    Open, OpenFlags, SentryClone, SentryExecve, SockAddr, Socket, Sysno, Text, Texts, Tgid, Tid, Time,
};
use sluicebox::finding::{Finding, Severity};
use sluicebox::intel::Intel;
use sluicebox::rules::{Thresholds, builtin};

/// What a flood consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flood {
    /// Children that live on.
    Forks,
    /// Each child forks the next one and lives on.
    NestedForks,
    /// Children that end at once.
    ExitedForks,
    /// Duplicates of one descriptor, number after number.
    Descriptors,
    /// Duplicates onto numbers that lie far apart.
    ScatteredDescriptors,
    /// Files that are read.
    ReadFiles,
    /// Files that are written by who has nothing from the network.
    WrittenFiles,
    /// Files that are written by who downloads.
    DownloadedFiles,
    /// Remote endpoints.
    Remotes,
    /// Programs with 64 KiB of arguments.
    Arguments,
    /// A program that writes the next one, which runs and does the same.
    Worm,
}

pub(crate) const FLOODS: [Flood; 11] = [
    Flood::Forks,
    Flood::NestedForks,
    Flood::ExitedForks,
    Flood::Descriptors,
    Flood::ScatteredDescriptors,
    Flood::ReadFiles,
    Flood::WrittenFiles,
    Flood::DownloadedFiles,
    Flood::Remotes,
    Flood::Arguments,
    Flood::Worm,
];

const INIT: i32 = 1;
const DOWNLOADER: i32 = 20;
const FLOODER: i32 = 30;
const MINER: i32 = 40;
/// Children of the flood have ids from here on.
const CHILDREN: i32 = 1000;

/// A sandbox with its container's processes.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    intel: Intel,
    pub(crate) found: Vec<Finding>,
    time: i64,
    arguments: Vec<u8>,
}

fn exit(sysno: Sysno, result: i64) -> Call {
    Call { sysno, exit: Some(Exit { result, ..Exit::default() }) }
}

impl Scene {
    /// A sandbox of which nothing is known yet, with its rules and lists.
    pub(crate) fn new(budget: usize) -> Scene {
        let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
        Scene {
            sandbox: Sandbox::with_budget(rules, budget),
            intel: Intel::seed(),
            found: Vec::with_capacity(64),
            time: 1_700_000_000_000_000_000,
            arguments: vec![b'a'; 64 << 10],
        }
    }

    /// Starts the container and its processes.
    pub(crate) fn start(&mut self) {
        let args = [Text(b"/bin/sh")];
        let start =
            ContainerStart { id: Text(b"c"), cwd: Text(b"/"), args: Texts::of(&args), ..Default::default() };
        self.event(INIT, Kind::ContainerStart(start));
        for (child, program) in [(DOWNLOADER, "/usr/bin/curl"), (FLOODER, "/usr/bin/python3")] {
            self.clone_of(INIT, child);
            self.exec(child, program.as_bytes(), &[program.as_bytes()]);
        }
    }

    /// A program is downloaded.
    pub(crate) fn download(&mut self) {
        self.connect(DOWNLOADER, 3, "198.51.100.7:443".parse().unwrap());
        self.open(DOWNLOADER, b"/tmp/x", true, 4);
    }

    /// It is run as a miner.
    pub(crate) fn run(&mut self) {
        self.clone_of(INIT, MINER);
        let argv: [&[u8]; 3] = [b"/tmp/x", b"-o", b"stratum+tcp://203.0.113.9:3333"];
        self.exec(MINER, b"/tmp/x", &argv);
    }

    /// It connects to its pool again and again.
    pub(crate) fn mine(&mut self) {
        for fd in 5..10 {
            self.connect(MINER, fd, "203.0.113.9:3333".parse().unwrap());
            self.time += 1_000_000_000;
        }
    }

    /// The gravest of what was found.
    pub(crate) fn severity(&self) -> Option<Severity> {
        self.found.iter().map(|finding| finding.severity).max()
    }

    /// The `number`th event or two of a flood.
    pub(crate) fn flood(&mut self, flood: Flood, number: u32) {
        let child = CHILDREN.wrapping_add_unsigned(number);
        match flood {
            Flood::Forks => self.clone_of(FLOODER, child),
            Flood::NestedForks => {
                let parent = if number == 0 { FLOODER } else { child - 1 };
                self.clone_of(parent, child);
            }
            Flood::ExitedForks => {
                self.clone_of(FLOODER, child);
                self.event(child, Kind::ExitNotifyParent(ExitNotifyParent::default()));
            }
            Flood::Descriptors => self.dup(FLOODER, 3 + (number % 1_000_000).cast_signed()),
            Flood::ScatteredDescriptors => {
                self.dup(FLOODER, 3 + (number.wrapping_mul(7919) % 1_000_000).cast_signed());
            }
            Flood::ReadFiles => {
                self.open(FLOODER, format!("/usr/share/data/{number}").as_bytes(), false, 5);
            }
            Flood::WrittenFiles => {
                self.open(FLOODER, format!("/var/tmp/out/{number}").as_bytes(), true, 5);
            }
            Flood::DownloadedFiles => {
                self.open(DOWNLOADER, format!("/home/user/data/{number}").as_bytes(), true, 5);
            }
            Flood::Remotes => {
                let ip = Ipv4Addr::from_bits(0x0b00_0000 + number);
                self.connect(FLOODER, 5, SocketAddr::new(IpAddr::V4(ip), 443));
            }
            Flood::Arguments => {
                self.clone_of(FLOODER, child);
                let arguments = std::mem::take(&mut self.arguments);
                self.exec(child, b"/usr/bin/true", &[b"true", &arguments]);
                self.arguments = arguments;
            }
            Flood::Worm => {
                let path = format!("/opt/{number}");
                self.open(DOWNLOADER, path.as_bytes(), true, 5);
                self.exec(DOWNLOADER, path.as_bytes(), &[path.as_bytes()]);
                self.connect(DOWNLOADER, 3, "198.51.100.7:443".parse().unwrap());
            }
        }
    }

    fn event(&mut self, tgid: i32, kind: Kind<'_>) {
        self.time += 1000;
        let context = Context {
            time: Time(self.time),
            tid: Tid(tgid),
            tgid: Tgid(tgid),
            start: Time(i64::from(tgid)),
            container: Text(b"c"),
            cwd: Text(b"/"),
            ..Context::default()
        };
        let event = Event { context: Some(context), kind };
        self.sandbox.observe(&event, &self.intel, &mut self.found);
    }

    fn clone_of(&mut self, parent: i32, child: i32) {
        let clone = SentryClone {
            created_tid: Tid(child),
            created_tgid: Tgid(child),
            created_start: Time(i64::from(child)),
            flags: CloneFlags::empty(),
        };
        self.event(parent, Kind::SentryClone(clone));
    }

    fn exec(&mut self, process: i32, path: &[u8], argv: &[&[u8]]) {
        let argv: Vec<Text<'_>> = argv.iter().map(|arg| Text(arg)).collect();
        let exec =
            SentryExecve { binary_path: Text(path), argv: Texts::of(&argv), ..SentryExecve::default() };
        self.event(process, Kind::SentryExecve(exec));
    }

    fn open(&mut self, process: i32, path: &[u8], writes: bool, fd: i64) {
        let flags = if writes { OpenFlags::from_bits_retain(0o1101) } else { OpenFlags::from_bits_retain(0) };
        let call = exit(Sysno::OPENAT, fd);
        let open = Open { call, dirfd: Fd::CWD, pathname: Text(path), flags, ..Open::default() };
        self.event(process, Kind::Open(open));
    }

    fn connect(&mut self, process: i32, fd: i32, remote: SocketAddr) {
        let call = exit(Sysno::SOCKET, i64::from(fd));
        let socket = Socket { call, domain: Family::of(remote), kind_and_flags: 1, ..Socket::default() };
        self.event(process, Kind::Socket(socket));
        let address = SockAddr::Inet(remote);
        let connect = Connect { call: exit(Sysno::CONNECT, 0), fd: Fd(fd), address, ..Connect::default() };
        self.event(process, Kind::Connect(connect));
    }

    fn dup(&mut self, process: i32, new: i32) {
        let call = exit(Sysno::DUP2, i64::from(new));
        let dup = Dup { call, old_fd: Fd(0), new_fd: Fd(new), ..Dup::default() };
        self.event(process, Kind::Dup(dup));
    }
}
