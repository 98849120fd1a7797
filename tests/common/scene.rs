//! A sandbox that is told its events one by one, and a miner's chain, for the tests and the bench of memory.

use std::net::SocketAddr;
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::event::{
    Call, CloneFlags, Connect, ContainerStart, Context, Dup, Errno, Event, Exit, ExitNotifyParent, Family,
    Fd, Kind, Open, OpenFlags, Pipe, Raw, SentryClone, SentryExecve, SockAddr, Socket, Sysno, Text, Texts,
    Tgid, Tid, Time,
};
use sluicebox::finding::{Finding, Severity};
use sluicebox::intel::Intel;
use sluicebox::rules::{RuleSet, Thresholds, builtin};

pub(crate) const INIT: i32 = 1;
pub(crate) const DOWNLOADER: i32 = 20;
pub(crate) const FLOODER: i32 = 30;
pub(crate) const MINER: i32 = 40;

/// What everybody downloads from.
pub(crate) const SERVER: &str = "198.51.100.7:443";
/// The miner's pool.
pub(crate) const POOL: &str = "203.0.113.9:3333";

/// A sandbox with its container's processes.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    intel: Intel,
    pub(crate) found: Vec<Finding>,
    pub(crate) time: i64,
    /// Where everything happens.
    pub(crate) container: Vec<u8>,
    /// 64 KiB of an argument.
    pub(crate) argument: Vec<u8>,
}

fn exit(sysno: Sysno, result: i64) -> Call {
    Call { sysno, exit: Some(Exit { result, ..Exit::default() }) }
}

impl Scene {
    /// A sandbox of which nothing is known yet, with the built-in rules and lists.
    pub(crate) fn new(budget: usize) -> Scene {
        Scene::with_rules(budget, Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap()))
    }

    pub(crate) fn with_rules(budget: usize, rules: Arc<RuleSet>) -> Scene {
        Scene {
            sandbox: Sandbox::with_budget(rules, budget),
            intel: Intel::seed(),
            found: Vec::with_capacity(64),
            time: 1_700_000_000_000_000_000,
            container: b"c".to_vec(),
            argument: vec![b'a'; 64 << 10],
        }
    }

    /// The sandbox alone, without what the scene keeps beside it.
    pub(crate) fn into_sandbox(self) -> Sandbox {
        self.sandbox
    }

    /// Starts the container and its processes.
    pub(crate) fn start(&mut self) {
        let container = self.container.clone();
        self.start_container(&container);
        for (child, program) in [(DOWNLOADER, "/usr/bin/curl"), (FLOODER, "/usr/bin/python3")] {
            self.clone_of(INIT, child);
            self.exec(child, program.as_bytes(), &[program.as_bytes()]);
        }
    }

    pub(crate) fn start_container(&mut self, id: &[u8]) {
        let args = [Text(b"/bin/sh")];
        let start =
            ContainerStart { id: Text(id), cwd: Text(b"/"), args: Texts::of(&args), ..Default::default() };
        self.event_in(id, INIT, Kind::ContainerStart(start));
    }

    /// A program is downloaded.
    pub(crate) fn download(&mut self) {
        self.connect(DOWNLOADER, 3, SERVER.parse().unwrap());
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
            self.connect(MINER, fd, POOL.parse().unwrap());
            self.time += 1_000_000_000;
        }
    }

    /// The gravest of what was found.
    pub(crate) fn severity(&self) -> Option<Severity> {
        self.found.iter().map(|finding| finding.severity).max()
    }

    /// Whether a rule matched.
    pub(crate) fn has_matched(&self, rule: &str) -> bool {
        self.found.iter().flat_map(|finding| &finding.matches).any(|matched| matched.rule.id == rule)
    }

    pub(crate) fn event(&mut self, tgid: i32, kind: Kind<'_>) {
        let container = std::mem::take(&mut self.container);
        self.event_in(&container, tgid, kind);
        self.container = container;
    }

    pub(crate) fn event_in(&mut self, container: &[u8], tgid: i32, kind: Kind<'_>) {
        self.time += 1000;
        let context = Context {
            time: Time(self.time),
            tid: Tid(tgid),
            tgid: Tgid(tgid),
            start: Time(i64::from(tgid)),
            container: Text(container),
            cwd: Text(b"/"),
            ..Context::default()
        };
        let event = Event { context: Some(context), kind };
        self.sandbox.observe(&event, &self.intel, &mut self.found);
    }

    pub(crate) fn clone_of(&mut self, parent: i32, child: i32) {
        let clone = SentryClone {
            created_tid: Tid(child),
            created_tgid: Tgid(child),
            created_start: Time(i64::from(child)),
            flags: CloneFlags::empty(),
        };
        self.event(parent, Kind::SentryClone(clone));
    }

    pub(crate) fn exits(&mut self, process: i32) {
        self.event(process, Kind::ExitNotifyParent(ExitNotifyParent::default()));
    }

    pub(crate) fn exits_in(&mut self, container: &[u8], process: i32) {
        self.event_in(container, process, Kind::ExitNotifyParent(ExitNotifyParent::default()));
    }

    pub(crate) fn exec(&mut self, process: i32, path: &[u8], argv: &[&[u8]]) {
        let argv: Vec<Text<'_>> = argv.iter().map(|arg| Text(arg)).collect();
        let exec =
            SentryExecve { binary_path: Text(path), argv: Texts::of(&argv), ..SentryExecve::default() };
        self.event(process, Kind::SentryExecve(exec));
    }

    /// Runs a program with 64 KiB of arguments.
    pub(crate) fn exec_at_length(&mut self, process: i32, path: &[u8]) {
        let argument = std::mem::take(&mut self.argument);
        self.exec(process, path, &[path, &argument]);
        self.argument = argument;
    }

    pub(crate) fn open(&mut self, process: i32, path: &[u8], writes: bool, fd: i64) {
        let flags = OpenFlags::from_bits_retain(if writes { 0o1101 } else { 0 });
        let call = exit(Sysno::OPENAT, fd);
        let open = Open { call, dirfd: Fd::CWD, pathname: Text(path), flags, ..Open::default() };
        self.event(process, Kind::Open(open));
    }

    /// Opens what is not there.
    pub(crate) fn look_for(&mut self, process: i32, path: &[u8]) {
        let failed = Exit { result: -1, errno: Errno(2) };
        let call = Call { sysno: Sysno::OPENAT, exit: Some(failed) };
        let open = Open { call, dirfd: Fd::CWD, pathname: Text(path), ..Open::default() };
        self.event(process, Kind::Open(open));
    }

    pub(crate) fn connect(&mut self, process: i32, fd: i32, remote: SocketAddr) {
        let call = exit(Sysno::SOCKET, i64::from(fd));
        let socket = Socket { call, domain: Family::of(remote), kind_and_flags: 1, ..Socket::default() };
        self.event(process, Kind::Socket(socket));
        let address = SockAddr::Inet(remote);
        let connect = Connect { call: exit(Sysno::CONNECT, 0), fd: Fd(fd), address, ..Connect::default() };
        self.event(process, Kind::Connect(connect));
    }

    pub(crate) fn send(&mut self, process: i32, fd: i32, bytes: i64) {
        let args = [u64::from(fd.cast_unsigned()), 0, 0, 0, 0, 0];
        self.event(process, Kind::Raw(Raw { call: exit(Sysno::SENDTO, bytes), args }));
    }

    /// What `mv` does with its next operand.
    pub(crate) fn rename(&mut self, process: i32) {
        self.event(process, Kind::Raw(Raw { call: exit(Sysno::RENAME, 0), args: [0; 6] }));
    }

    pub(crate) fn pipe(&mut self, process: i32, reader: i32, writer: i32) {
        let ends = Pipe { reader: Fd(reader), writer: Fd(writer), ..Pipe::default() };
        self.event(process, Kind::Pipe(Pipe { call: exit(Sysno::PIPE2, 0), ..ends }));
    }

    pub(crate) fn dup(&mut self, process: i32, old: i32, new: i32) {
        let call = exit(Sysno::DUP2, i64::from(new));
        let dup = Dup { call, old_fd: Fd(old), new_fd: Fd(new), ..Dup::default() };
        self.event(process, Kind::Dup(dup));
    }
}
