//! What the model found once, each as a short story.

use std::net::SocketAddr;

use crate::event::{
    Call, CloneFlags, Close, Connect, Context, Dup, Errno, Event, Exit, ExitNotifyParent, Family, Fd, Kind,
    Open, OpenFlags, Pipe, Raw, SentryClone, SentryExecve, SockAddr, Socket, SocketPair, Sysno, Text, Texts,
    Tgid, Tid, Time,
};
use crate::state::{ContainerIx, Object, Origin, ProcessId, State};

const REMOTE: &str = "198.51.100.7:443";
const OTHER: &str = "203.0.113.9:443";

/// A sandbox that is told what happens, a second apart.
struct Sandbox {
    state: State,
    time: i64,
    /// Whether the session says when processes start.
    starts: bool,
    parent: i32,
}

impl Sandbox {
    fn new() -> Sandbox {
        Sandbox { state: State::default(), time: 1_700_000_000_000_000_000, starts: true, parent: 0 }
    }

    fn start(&self, pid: i32) -> Time {
        Time(if self.starts { 1_600_000_000_000_000_000 + i64::from(pid) } else { 0 })
    }

    fn does(&mut self, pid: i32, kind: Kind<'_>) -> ProcessId {
        self.time += 1_000_000_000;
        let context = Context {
            time: Time(self.time),
            tid: Tid(pid),
            tgid: Tgid(pid),
            start: self.start(pid),
            container: Text(b"c"),
            parent: Tgid(self.parent),
            ..Context::default()
        };
        self.state.apply(&Event { context: Some(context), kind }).unwrap().process
    }

    fn clones(&mut self, parent: i32, child: i32, flags: CloneFlags) {
        let created_start = self.start(child);
        let clone = SentryClone { created_tid: Tid(child), created_tgid: Tgid(child), created_start, flags };
        self.does(parent, Kind::SentryClone(clone));
    }

    fn runs(&mut self, pid: i32, path: &str, argv: &[&str]) -> Origin {
        let argv: Vec<Text<'_>> = argv.iter().map(|arg| Text::from(*arg)).collect();
        let exec =
            SentryExecve { binary_path: Text::from(path), argv: Texts::of(&argv), ..SentryExecve::default() };
        let process = self.does(pid, Kind::SentryExecve(exec));
        self.state.process_at(process).unwrap().program.executable.origin
    }

    fn opens(&mut self, pid: i32, path: &str, fd: i32) {
        self.open(pid, path, fd, OpenFlags::WRONLY | OpenFlags::CREAT);
    }

    fn reads(&mut self, pid: i32, path: &str, fd: i32) {
        self.open(pid, path, fd, OpenFlags::empty());
    }

    fn open(&mut self, pid: i32, path: &str, fd: i32, flags: OpenFlags) {
        let call = done(Sysno::OPENAT, i64::from(fd));
        let pathname = Text::from(path);
        self.does(pid, Kind::Open(Open { call, dirfd: Fd::CWD, pathname, flags, ..Open::default() }));
    }

    fn connects(&mut self, pid: i32, fd: i32, errno: Errno) {
        let call = Call { sysno: Sysno::CONNECT, exit: Some(Exit { result: 0, errno }) };
        let address = SockAddr::Inet(addr(REMOTE));
        self.does(pid, Kind::Connect(Connect { call, fd: Fd(fd), address, ..Connect::default() }));
    }

    fn connects_to(&mut self, pid: i32, fd: i32, remote: &str) {
        let (call, address) = (done(Sysno::CONNECT, 0), SockAddr::Inet(addr(remote)));
        self.does(pid, Kind::Connect(Connect { call, fd: Fd(fd), address, ..Connect::default() }));
    }

    fn exits(&mut self, pid: i32) -> ProcessId {
        self.does(pid, Kind::ExitNotifyParent(ExitNotifyParent::default()))
    }

    fn remote_of(&self, path: &str) -> Option<SocketAddr> {
        let container = ContainerIx(0);
        let file = self.state.file_in(container, self.state.file_named(container, path.as_bytes())?)?;
        Some(file.provenance.remote()?.addr)
    }

    fn downloads(&mut self, pid: i32) {
        let call = done(Sysno::SOCKET, 9);
        let socket = Socket { call, domain: Family::INET, kind_and_flags: 1, protocol: 0 };
        self.does(pid, Kind::Socket(socket));
        self.connects(pid, 9, Errno::OK);
    }

    fn moves(&mut self, pid: i32, sysno: Sysno) {
        self.does(pid, Kind::Raw(Raw { call: done(sysno, 0), args: [0; 6] }));
    }

    fn object(&mut self, pid: i32, fd: i32) -> Option<Object> {
        let process = self.does(pid, Kind::Raw(Raw { call: done(Sysno::SCHED_YIELD, 0), args: [0; 6] }));
        self.state.descriptor(process, Fd(fd)).map(|descriptor| descriptor.object)
    }
}

fn addr(remote: &str) -> SocketAddr {
    remote.parse().unwrap()
}

fn done(sysno: Sysno, result: i64) -> Call {
    Call { sysno, exit: Some(Exit { result, errno: Errno::OK }) }
}

#[test]
fn a_late_clone_with_shared_descriptors_shares_them() {
    let mut sandbox = Sandbox::new();
    sandbox.opens(10, "/tmp/a", 3);
    sandbox.opens(11, "/tmp/b", 4);
    sandbox.clones(10, 11, CloneFlags::FILES);
    assert!(matches!(sandbox.object(11, 3), Some(Object::File(_))));
    sandbox.opens(11, "/tmp/c", 5);
    assert_eq!(sandbox.object(10, 5), sandbox.object(11, 5));
}

#[test]
fn a_child_whose_parent_is_known_before_its_clone_inherits_what_came_from_the_network() {
    let mut sandbox = Sandbox::new();
    sandbox.runs(10, "/usr/bin/curl", &["curl"]);
    sandbox.downloads(10);
    sandbox.parent = 10;
    sandbox.opens(11, "/tmp/x", 4);
    sandbox.parent = 0;
    sandbox.clones(10, 11, CloneFlags::empty());
    assert_eq!(sandbox.runs(12, "/tmp/x", &["x"]), Origin::Network);
}

#[test]
fn a_child_that_downloads_before_its_clone_is_seen_keeps_its_download() {
    let mut sandbox = Sandbox::new();
    sandbox.runs(10, "/usr/bin/dash", &["sh", "-c", "true"]);
    sandbox.downloads(11);
    sandbox.clones(10, 11, CloneFlags::empty());
    sandbox.opens(11, "/tmp/x", 4);
    assert_eq!(sandbox.runs(12, "/tmp/x", &["x"]), Origin::Network);
}

#[test]
fn the_new_bearer_of_an_id_is_not_forgotten_with_the_old_one() {
    let mut sandbox = Sandbox::new();
    sandbox.starts = false;
    sandbox.opens(1, "/tmp/a", 3);
    sandbox.clones(1, 50, CloneFlags::empty());
    sandbox.does(50, Kind::ExitNotifyParent(ExitNotifyParent::default()));
    sandbox.clones(1, 50, CloneFlags::empty());
    for pid in 100..200 {
        sandbox.clones(1, pid, CloneFlags::empty());
        sandbox.does(pid, Kind::ExitNotifyParent(ExitNotifyParent::default()));
    }
    assert!(sandbox.object(50, 3).is_some(), "it still has what it inherited");
}

#[test]
fn a_connect_on_a_file_does_not_hide_the_file() {
    let mut sandbox = Sandbox::new();
    sandbox.opens(10, "/tmp/x", 3);
    sandbox.connects(10, 3, Errno::ENOTSOCK);
    sandbox.downloads(10);
    assert_eq!(sandbox.runs(11, "/tmp/x", &["x"]), Origin::Network);
}

#[test]
fn a_close_that_could_not_flush_closes() {
    let mut sandbox = Sandbox::new();
    for (errno, closes) in [(Errno::EINTR, true), (Errno(5), true), (Errno::EBADF, false)] {
        sandbox.opens(10, "/tmp/x", 3);
        let call = Call { sysno: Sysno::CLOSE, exit: Some(Exit { result: 0, errno }) };
        sandbox.does(10, Kind::Close(Close { call, fd: Fd(3), ..Close::default() }));
        assert_eq!(sandbox.object(10, 3).is_none(), closes, "{errno}");
    }
}

#[test]
fn the_first_name_of_a_file_stays_when_its_second_is_renamed() {
    let mut sandbox = Sandbox::new();
    sandbox.downloads(10);
    sandbox.opens(10, "/tmp/a", 3);
    sandbox.runs(11, "/usr/bin/ln", &["ln", "/tmp/a", "/tmp/b"]);
    sandbox.moves(11, Sysno::LINK);
    sandbox.runs(12, "/usr/bin/mv", &["mv", "/tmp/b", "/tmp/c"]);
    sandbox.moves(12, Sysno::RENAME);
    assert_eq!(sandbox.runs(13, "/tmp/b", &["b"]), Origin::Unknown);
    assert_eq!(sandbox.runs(14, "/tmp/a", &["a"]), Origin::Network);
    assert_eq!(sandbox.runs(15, "/tmp/c", &["c"]), Origin::Network);
}

#[test]
fn a_stranger_under_a_shells_name_reads_its_pipes() {
    let mut sandbox = Sandbox::new();
    sandbox.opens(9, "/tmp/sh", 3);
    let pipe = Pipe { call: done(Sysno::PIPE, 0), reader: Fd(4), writer: Fd(5), ..Pipe::default() };
    sandbox.does(10, Kind::Pipe(pipe));
    sandbox.clones(10, 11, CloneFlags::empty());
    sandbox.runs(11, "/tmp/sh", &["sh"]);
    sandbox.downloads(10);
    sandbox.opens(11, "/tmp/x", 6);
    assert_eq!(sandbox.runs(12, "/tmp/x", &["x"]), Origin::Network);
}

#[test]
fn nobody_is_made_by_a_descendant() {
    let mut sandbox = Sandbox::new();
    sandbox.opens(10, "/tmp/a", 3);
    sandbox.clones(10, 11, CloneFlags::empty());
    sandbox.clones(11, 10, CloneFlags::empty());
    sandbox.state.check_invariants();
    let process = sandbox.does(10, Kind::ExitNotifyParent(ExitNotifyParent::default()));
    assert!(sandbox.state.process_at(process).unwrap().ancestors.is_empty());
}

#[test]
fn a_script_behind_a_descriptor_is_what_the_descriptor_leads_to_now() {
    let mut sandbox = Sandbox::new();
    sandbox.opens(8, "/dev/fd/3", 3);
    sandbox.downloads(9);
    sandbox.opens(9, "/tmp/x", 3);
    sandbox.opens(10, "/tmp/x", 3);
    sandbox.runs(10, "/usr/bin/dash", &["sh", "/dev/fd/3"]);
    let process = sandbox.does(10, Kind::ExitNotifyParent(ExitNotifyParent::default()));
    assert_eq!(sandbox.state.process_at(process).unwrap().program_origin(), Origin::Network);
}

#[test]
fn one_reader_of_many_files_does_not_use_up_the_reach_of_the_others() {
    let mut sandbox = Sandbox::new();
    for fd in 100..200 {
        sandbox.opens(9, &format!("/tmp/{fd}"), fd);
        sandbox.reads(10, &format!("/tmp/{fd}"), fd);
    }
    sandbox.opens(9, "/tmp/fifo", 300);
    sandbox.reads(11, "/tmp/fifo", 3);
    sandbox.downloads(9);
    sandbox.opens(11, "/tmp/x", 4);
    assert_eq!(sandbox.runs(12, "/tmp/x", &["x"]), Origin::Network);
}

#[test]
fn a_child_that_is_gone_before_its_clone_is_seen_wrote_what_its_maker_had() {
    let mut sandbox = Sandbox::new();
    sandbox.runs(10, "/usr/bin/curl", &["curl"]);
    sandbox.downloads(10);
    sandbox.opens(11, "/tmp/x", 4);
    sandbox.exits(11);
    sandbox.clones(10, 11, CloneFlags::empty());
    assert_eq!(sandbox.runs(12, "/tmp/x", &["x"]), Origin::Network);
}

#[test]
fn a_child_that_is_gone_before_its_clone_is_seen_ran_what_it_ran() {
    let mut sandbox = Sandbox::new();
    sandbox.runs(10, "/usr/bin/dash", &["sh"]);
    sandbox.runs(11, "/usr/bin/curl", &["curl"]);
    let child = sandbox.exits(11);
    sandbox.clones(10, 11, CloneFlags::empty());
    assert_eq!(&*sandbox.state.process_at(child).unwrap().program.path, b"/usr/bin/curl");
}

#[test]
fn what_a_child_fetched_before_its_clone_is_seen_is_newer_than_what_its_maker_had() {
    let mut sandbox = Sandbox::new();
    sandbox.runs(10, "/usr/bin/dash", &["sh", "-c", "true"]);
    sandbox.connects_to(10, 9, REMOTE);
    sandbox.connects_to(11, 9, OTHER);
    sandbox.clones(10, 11, CloneFlags::empty());
    sandbox.opens(11, "/tmp/x", 4);
    assert_eq!(sandbox.remote_of("/tmp/x"), Some(addr(OTHER)));
}

#[test]
fn who_shares_descriptors_with_a_late_child_shares_them_with_its_maker() {
    let mut sandbox = Sandbox::new();
    sandbox.opens(10, "/tmp/a", 3);
    sandbox.opens(11, "/tmp/b", 4);
    sandbox.clones(11, 12, CloneFlags::FILES);
    sandbox.clones(10, 11, CloneFlags::FILES);
    sandbox.opens(10, "/tmp/c", 5);
    assert!(sandbox.object(12, 5).is_some());
    assert_eq!(sandbox.object(12, 5), sandbox.object(10, 5));
}

#[test]
fn of_two_relays_the_older_one_feeds_the_shell() {
    let mut sandbox = Sandbox::new();
    sandbox.runs(1, "/usr/bin/nc.openbsd", &["nc"]);
    sandbox.clones(1, 2, CloneFlags::empty());
    sandbox.exits(2);
    sandbox.clones(1, 10, CloneFlags::FILES);
    // So many are gone that nobody knows the first one any more: whoever comes next has its place.
    for pid in 100..164 {
        sandbox.clones(1, pid, CloneFlags::empty());
        sandbox.exits(pid);
    }
    sandbox.clones(1, 11, CloneFlags::FILES);
    sandbox.connects_to(10, 20, REMOTE);
    sandbox.connects_to(11, 21, OTHER);
    let (call, domain) = (done(Sysno::SOCKETPAIR, 0), Family::UNIX);
    let (first, second) = (Fd(5), Fd(6));
    let pair = SocketPair { call, domain, kind_and_flags: 1, protocol: 0, first, second };
    sandbox.does(1, Kind::SocketPair(pair));
    sandbox.clones(1, 12, CloneFlags::empty());
    let (old_fd, new_fd) = (Fd(6), Fd::STDIN);
    sandbox.does(12, Kind::Dup(Dup { call: done(Sysno::DUP2, 0), old_fd, new_fd, ..Dup::default() }));
    sandbox.runs(12, "/usr/bin/dash", &["sh"]);
    let shell = sandbox.exits(12);
    let source = sandbox.state.process_at(shell).unwrap().stdin_source().unwrap();
    assert_eq!(source.remote().map(|remote| remote.addr), Some(addr(REMOTE)));
}
