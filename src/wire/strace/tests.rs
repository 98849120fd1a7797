//! Logs in, events out: the forms of strace, threads, and what is left out.

use std::fmt::Write as _;

use super::*;
use crate::event::{Event, Record, Value, Visitor};
use crate::wire::{decode, oracle};

/// The events of logs, one a line: microseconds after the first, thread and group, name, fields that say something.
fn told(logs: &[Log<'_>]) -> (String, Summary) {
    let mut out = String::new();
    let mut first = None;
    let summary = import(logs, b"lab", |packet| {
        oracle::check(packet);
        let event = decode(packet).unwrap().event.unwrap();
        let context = event.context.as_ref().unwrap();
        assert_eq!(context.container.bytes(), b"lab");
        let begin = *first.get_or_insert(context.time.0);
        let micros = context.time.0.saturating_sub(begin) / 1_000;
        write!(out, "{micros} {}/{}", context.tid.0, context.tgid.0).unwrap();
        if !context.comm.is_empty() {
            write!(out, " {}", context.comm).unwrap();
        }
        writeln!(out, " {}", what(&event)).unwrap();
    })
    .unwrap();
    (out, summary)
}

fn what(event: &Event<'_>) -> String {
    let mut shown = Shown(event.kind.name().to_owned());
    event.kind.record().visit(&mut shown);
    if let Some(call) = event.kind.call() {
        match call.exit {
            None => shown.0.push_str(" ..."),
            Some(exit) if exit.succeeded() => write!(shown.0, " = {}", exit.result).unwrap(),
            Some(exit) => write!(shown.0, " = {}", exit.errno).unwrap(),
        }
    }
    shown.0
}

struct Shown(String);

impl Visitor for Shown {
    fn field(&mut self, name: &'static str, value: Value<'_>) {
        let shown = match value {
            Value::Bool(true) => "yes".to_owned(),
            Value::Signed(number) if number != 0 => number.to_string(),
            Value::Unsigned(number) if number != 0 => number.to_string(),
            Value::Hex(number) if number != 0 => format!("{number:#x}"),
            Value::Text(text) if !text.is_empty() => text.to_string(),
            Value::Texts(texts) if !texts.is_empty() => {
                let texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
                format!("[{}]", texts.join(" "))
            }
            Value::Addr(addr) => addr.to_string(),
            Value::Bool(_) | Value::Signed(_) | Value::Unsigned(_) | Value::Hex(_) | Value::Bytes(_) => {
                return;
            }
            Value::Text(_) | Value::Texts(_) | Value::Name(_) => return,
        };
        write!(self.0, " {name}={shown}").unwrap();
    }

    fn record(&mut self, name: &'static str, record: &dyn Record) {
        if name != "call" {
            record.visit(self);
        }
    }
}

fn one(text: &str) -> (String, Summary) {
    told(&[Log { tid: None, text: text.as_bytes() }])
}

#[track_caller]
fn assert_events(log: &str, expected: &str) {
    let (events, summary) = one(log);
    assert_eq!(events.trim(), expected.trim());
    assert_eq!((summary.unread, summary.unknown_calls.len()), (0, 0));
}

#[test]
fn a_program_starts_its_container_and_its_calls_have_the_kernels_numbers() {
    assert_events(
        r#"
7 1000000000.000000 execve("/usr/bin/curl", ["curl", "-o", "x"], 0x7ffd /* 3 vars */) = 0 <0.000100>
7 1000000000.001000 openat(AT_FDCWD</tmp>, "x", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3</tmp/x> <0.000010>
7 1000000000.002000 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 4<socket:[9]>
7 1000000000.003000 connect(4<socket:[9]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("198.51.100.7")}, 16) = -1 EINPROGRESS (Operation now in progress)
7 1000000000.004000 recvfrom(4<socket:[9]>, "abc"..., 4096, 0, NULL, NULL) = 4096
7 1000000000.005000 write(3</tmp/x>, "abc"..., 4096) = 4096
7 1000000000.006000 fchmod(3</tmp/x>, 0755) = 0
7 1000000000.007000 close(3</tmp/x>) = 0
7 1000000000.008000 exit_group(0) = ?
7 1000000000.009000 +++ exited with 0 +++
"#,
        r"
0 7/7 container/start id=lab args=[curl -o x]
100 7/7 execve dirfd=-100 pathname=/usr/bin/curl argv=[curl -o x] = 0
100 7/7 sentry/execve binary_path=/usr/bin/curl argv=[curl -o x]
1010 7/7 curl openat dirfd=-100 pathname=x flags=0x241 mode=0x1a4 = 3
2000 7/7 curl socket domain=2 kind_and_flags=524289 protocol=6 = 4
3000 7/7 curl connect fd=4 fd_path=socket:[9] address=198.51.100.7:80 = EINPROGRESS
4000 7/7 curl recvfrom arg1=0x4 arg2=0x1000 arg3=0x1000 = 4096
5000 7/7 curl write fd=3 fd_path=/tmp/x count=4096 = 4096
6000 7/7 curl fchmod arg1=0x3 arg2=0x1ed = 0
7000 7/7 curl close fd=3 fd_path=/tmp/x = 0
8000 7/7 curl exit_group ...
9000 7/7 curl sentry/task_exit
9000 7/7 curl sentry/exit_notify_parent
",
    );
}

#[test]
fn a_child_is_made_known_before_its_first_call_though_its_parents_call_ends_later() {
    assert_events(
        r#"
7 1000000000.000000 vfork( <unfinished ...>
8 1000000000.000500 close(3) = 0
8 1000000000.001000 execve("./tool", ["./tool"], 0x7ffd /* 3 vars */ <unfinished ...>
7 1000000000.002000 <... vfork resumed>) = 8
8 1000000000.003000 <... execve resumed>) = 0
8 1000000000.004000 +++ killed by SIGKILL +++
"#,
        r"
0 7/7 sentry/clone created_tid=8 created_tgid=8 created_start=1000000000000500000 flags=0x4111
0 8/8 close fd=3 = 0
1500 7/7 vfork = 8
2500 8/8 execve dirfd=-100 pathname=./tool argv=[./tool] = 0
2500 8/8 sentry/execve binary_path=./tool argv=[./tool]
3500 8/8 tool sentry/task_exit exit_status=9
3500 8/8 tool sentry/exit_notify_parent exit_status=9
",
    );
}

#[test]
fn threads_share_a_group_and_the_first_of_a_terminals_log_is_named_by_what_follows() {
    assert_events(
        "
clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD, exit_signal=0, stack=0x7f, stack_size=0x9}, \
         88strace: Process 21 attached
 => {parent_tid=[21]}) = 21
[pid    20] getcwd(\"/srv\", 4096) = 5
[pid    21] openat(AT_FDCWD, \"a\", O_RDONLY) = -1 ENOENT (No such file or directory)
[pid    21] +++ exited with 0 +++
getpid() = 20
",
        r"
0 20/20 clone3 arg1=0x1000 arg2=0x58 = 21
0 20/20 sentry/clone created_tid=21 created_tgid=20 created_start=86400000001000 flags=0x10f00
1 20/20 getcwd arg1=0x1000 arg2=0x1000 = 5
2 21/20 openat dirfd=-100 pathname=a = ENOENT
3 21/20 sentry/task_exit
4 20/20 getpid = 20
",
    );
}

#[test]
fn logs_of_single_threads_are_merged_by_their_clock() {
    let parent = "10:00:00.000100 fork() = 8\n10:00:00.000400 wait4(-1, NULL, 0, NULL) = 8\n";
    let child = "10:00:00.000200 getpid() = 8\n10:00:00.000300 +++ exited with 1 +++\n";
    let logs = [(8, child), (7, parent)].map(|(tid, text)| Log { tid: Some(tid), text: text.as_bytes() });
    let (events, _) = told(&logs);
    assert_eq!(
        events,
        "0 7/7 fork = 8\n\
         0 7/7 sentry/clone created_tid=8 created_tgid=8 created_start=122400000100000 flags=0x11\n\
         100 8/8 getpid = 8\n\
         200 8/8 sentry/task_exit exit_status=256\n\
         200 8/8 sentry/exit_notify_parent exit_status=256\n\
         300 7/7 wait4 arg1=0xffffffffffffffff = 8\n"
    );
}

#[test]
fn without_a_common_clock_a_thread_runs_from_the_call_that_made_it_on() {
    let grandchild = "getpid() = 9\n";
    let child = "fork() = 9\ngetpid() = 8\n";
    let parent = "getpid() = 7\nfork() = 8\ngetpid() = 7\n";
    let logs = [(9, grandchild), (8, child), (7, parent)];
    let (events, summary) = told(&logs.map(|(tid, text)| Log { tid: Some(tid), text: text.as_bytes() }));
    let order: Vec<&str> = events.lines().map(|line| line.split(" created").next().unwrap()).collect();
    assert_eq!(
        order,
        [
            "0 7/7 getpid = 7",
            "1 7/7 fork = 8",
            "1 7/7 sentry/clone",
            "2 8/8 fork = 9",
            "2 8/8 sentry/clone",
            "2 7/7 getpid = 7",
            "3 9/9 getpid = 9",
            "3 8/8 getpid = 8",
        ]
    );
    assert!(summary.order_assumed);
}

#[test]
fn midnight_passes_and_relative_times_add_up() {
    let (events, _) = one("23:59:59.5 getpid() = 7\n00:00:00.5 getpid() = 7\n");
    assert!(events.contains("\n1000000 1/1 getpid = 7\n"), "{events}");
    let (events, _) =
        one("     0.000000 getpid() = 7\n     0.000250 getpid() = 7\n     0.000250 getpid() = 7\n");
    assert!(events.ends_with("500 1/1 getpid = 7\n"), "{events}");
}

#[test]
fn a_call_that_never_ended_comes_as_it_began() {
    let (events, summary) =
        one("7 1000000000.0 getpid() = 7\n7 1000000000.1 accept4(3, NULL, NULL, 0 <unfinished ...>\n");
    assert!(events.ends_with("100000 7/7 accept4 fd=3 address=none ...\n"), "{events}");
    assert_eq!(summary.unread, 0);
}

#[test]
fn what_cannot_be_read_is_counted_and_named() {
    let (_, summary) = one(
        "7 getpid() = 7\nnonsense\n7 open(\"cut\n7 <... read resumed>\"x\", 1) = 1\n7 modern_call(1) = 0\n7 --- SIGINT {} ---\n",
    );
    assert_eq!((summary.calls, summary.unread, summary.unread_lines), (1, 3, vec![2, 3, 4]));
    assert_eq!(summary.unknown_calls.into_iter().collect::<Vec<_>>(), [("modern_call".to_owned(), 1)]);
    for nothing in ["", "\n\n", "nothing of strace's\n"] {
        let log = Log { tid: None, text: nothing.as_bytes() };
        assert_eq!(import(&[log], b"lab", |_| ()), Err(ImportError::NoCalls), "{nothing:?}");
    }
}
