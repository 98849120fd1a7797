//! Descriptors that the sentry names although nobody was seen to make them, and what was done without a word.

use super::*;
use crate::event::{Call, Errno, Execve, Exit, Raw, Sysno, Text, Tid};

/// The event says that its descriptor leads there.
fn named<'a>(mut event: Event<'a>, path: &'a str) -> Event<'a> {
    let path = Text(path.as_bytes());
    let slot = if let Kind::Read(it) = &mut event.kind {
        &mut it.fd_path
    } else if let Kind::Write(it) = &mut event.kind {
        &mut it.fd_path
    } else if let Kind::Dup(it) = &mut event.kind {
        &mut it.fd_path
    } else if let Kind::Connect(it) = &mut event.kind {
        &mut it.fd_path
    } else if let Kind::Fcntl(it) = &mut event.kind {
        &mut it.fd_path
    } else {
        panic!("{event:?} has no fd_path here");
    };
    *slot = path;
    event
}

/// The story, with the descriptors of its last events named as given.
fn story<'a>(script: &'a Script, names: &[(usize, &'a str)]) -> State {
    let events = events(script)
        .into_iter()
        .enumerate()
        .map(|(at, event)| match names.iter().find(|(named, _)| *named == at) {
            Some((_, path)) => named(event, path),
            None => event,
        })
        .collect::<Vec<_>>();
    after(&events)
}

/// Where the first event of that name is.
fn at(script: &Script, nth: usize, is: fn(&Kind<'_>) -> bool) -> usize {
    let found = script.events().enumerate().filter(|(_, event)| is(&event.kind)).nth(nth);
    found.expect("such an event").0
}

const CONNECT: fn(&Kind<'_>) -> bool = |kind| matches!(kind, Kind::Connect(_));
const DUP: fn(&Kind<'_>) -> bool = |kind| matches!(kind, Kind::Dup(_));
const READ: fn(&Kind<'_>) -> bool = |kind| matches!(kind, Kind::Read(_));
const WRITE: fn(&Kind<'_>) -> bool = |kind| matches!(kind, Kind::Write(_));

#[test]
fn a_socket_that_came_over_another_one_is_the_one_that_was_connected() {
    let script = parsed(
        "
        0s  pid=10 connect fd=3 remote=198.51.100.9:4444
        1s  pid=20 dup2 old=7 new=0
        ",
    );
    let state =
        story(&script, &[(at(&script, 0, CONNECT), "socket:[5]"), (at(&script, 0, DUP), "socket:[5]")]);
    assert_eq!(object(&state, 20, 0), object(&state, 10, 3));
    assert_eq!(state.connected_remote(id(&state, 20), Fd(0)), Some("198.51.100.9:4444".parse().unwrap()));
}

#[test]
fn who_uses_a_socket_before_its_maker_reports_has_the_same_one() {
    let script = parsed(
        "
        0s  pid=20 dup2 old=7 new=0
        1s  pid=10 connect fd=3 remote=198.51.100.9:4444
        ",
    );
    let state =
        story(&script, &[(at(&script, 0, CONNECT), "socket:[5]"), (at(&script, 0, DUP), "socket:[5]")]);
    assert_eq!(object(&state, 20, 0), object(&state, 10, 3));
    assert_eq!(state.connected_remote(id(&state, 20), Fd(0)), Some("198.51.100.9:4444".parse().unwrap()));
}

#[test]
fn taint_flows_through_a_pipe_that_nobody_was_seen_to_make() {
    let script = parsed(
        "
        0s  pid=10 execve path=/usr/bin/curl
        0s  pid=20 execve path=/bin/sh
        1s  pid=20 read fd=0
        2s  pid=10 connect fd=3 remote=203.0.113.5:80
        3s  pid=10 write fd=1
        ",
    );
    let state = story(&script, &[(at(&script, 0, READ), "pipe:[4]"), (at(&script, 0, WRITE), "pipe:[4]")]);
    assert!(process(&state, 20).is_fed_from_network());
}

#[test]
fn a_descriptor_that_turns_out_to_be_another_file_gives_that_files_bytes() {
    let script = parsed(
        "
        0s  pid=10 connect fd=3 remote=203.0.113.5:80
        1s  pid=10 open path=/tmp/x flags=O_CREAT|O_WRONLY
        2s  pid=20 open path=/etc/passwd result=3
        3s  pid=20 read fd=3
        4s  pid=20 open path=/tmp/y flags=O_CREAT|O_WRONLY
        ",
    );
    assert_eq!(origin(&story(&script, &[]), "/tmp/y"), Origin::Created);
    let state = story(&script, &[(at(&script, 0, READ), "/tmp/x")]);
    assert_eq!(path(&state, 20, 3).as_deref(), Some("/tmp/x"));
    assert_eq!(origin(&state, "/tmp/y"), Origin::Network);
}

#[test]
fn what_says_nothing_heals_nothing() {
    let script = parsed("0s  pid=20 read fd=9");
    for words in [
        "[err: FD not found]",
        "host:[1]",
        "socket:[x]",
        "pipe:[",
        "socket:[-1]",
        "/a/../b",
        "",
        "pipe:[99999999999999999999]",
    ] {
        let state = story(&script, &[(at(&script, 0, READ), words)]);
        assert_eq!(object(&state, 20, 9), None, "{words}");
    }
}

#[test]
fn which_end_of_a_pipe_it_is_must_be_known() {
    let script = parsed("0s  pid=20 fcntl fd=9 cmd=F_SETFL");
    assert_eq!(
        object(
            &story(&script, &[(at(&script, 0, |kind| matches!(kind, Kind::Fcntl(_))), "pipe:[4]")]),
            20,
            9
        ),
        None
    );
}

/// An exec as it is called, which the language does not have: only what came of it.
fn asks<'a>(script: &'a Script, path: &'a str, ended: bool) -> Event<'a> {
    let mut event = script.events().last().expect("an event");
    let call = Call { sysno: Sysno::EXECVE, exit: ended.then_some(Exit { result: 0, errno: Errno::OK }) };
    event.kind = Kind::Execve(Execve { call, pathname: Text(path.as_bytes()), ..Execve::default() });
    event
}

/// What it comes to: start, clone, exec, and a call.
const HONEST: &str = "
    0s  pid=10 execve path=/usr/bin/python3
    1s  pid=10 getpid
    ";

/// The story of a program that asks for another one, gets no answer, and goes on under that name.
fn goes_on_as(comm: &str, losses: u32) -> State {
    let script = parsed(HONEST);
    let mut events = events(&script);
    let mut last = events.pop().expect("a last event");
    last.context.as_mut().expect("a context").comm = Text(b"python3");
    events.push(last.clone());
    let ask = |ended| {
        let mut ask = asks(&script, "/tmp/.x", ended);
        ask.context = last.context.clone();
        ask
    };
    events.extend([ask(false), ask(true)]);
    let mut state = after(&events);
    state.sight_mut().note_dropped(losses);
    last.context.as_mut().expect("a context").comm = Text(comm.as_bytes());
    state.apply(&last);
    state
}

#[test]
fn an_exec_that_succeeded_without_a_word_ends_the_program_before() {
    let state = goes_on_as(".x", 0);
    let after = process(&state, 10);
    assert!(!after.exec_unseen, "lost on the way, nothing was dropped");
    assert_eq!((&*after.program.path, after.program.executable.origin), (&b"/tmp/.x"[..], Origin::Unknown));
    assert_eq!(state.sight().unseen_execs, 1);
    assert!(state.sight().is_partial());
}

#[test]
fn an_exec_that_was_dropped_ends_it_under_the_same_name_too() {
    let state = goes_on_as("python3", 1);
    assert!(process(&state, 10).exec_unseen);
    assert_eq!(&*process(&state, 10).program.path, b"/tmp/.x");
}

#[test]
fn a_load_that_failed_is_reported_as_a_success_and_is_none() {
    let state = goes_on_as("python3", 0);
    assert_eq!(&*process(&state, 10).program.path, b"/usr/bin/python3");
    assert_eq!(state.sight().unseen_execs, 0);
}

#[test]
fn the_end_of_a_call_may_come_after_what_it_loaded() {
    let script = parsed(HONEST);
    let mut events = events(&script);
    events.insert(2, asks(&script, "/usr/bin/python3", false));
    events.insert(4, asks(&script, "/usr/bin/python3", true));
    let state = after(&events);
    assert!(!process(&state, 10).exec_unseen);
}

/// A program, and a thread of it under another name after messages were dropped.
fn renamed(losses: u32, thread: i32, before: impl FnOnce(&mut Vec<Event<'_>>)) -> bool {
    let script = parsed(HONEST);
    let mut events = events(&script);
    for (event, comm) in events.iter_mut().zip(["entrypoint", "entrypoint", "entrypoint", "python3"]) {
        event.context.as_mut().expect("a context").comm = Text(comm.as_bytes());
    }
    let mut last = events.last().expect("a last event").clone();
    before(&mut events);
    let mut state = after(&events);
    state.sight_mut().note_dropped(losses);
    let context = last.context.as_mut().expect("a context");
    (context.tid, context.comm) = (Tid(thread), Text(b".x"));
    state.apply(&last);
    process(&state, 10).exec_unseen
}

/// prctl(PR_SET_NAME)
fn gives_itself_a_name(events: &mut Vec<Event<'_>>) {
    let mut event = events.last().expect("an event").clone();
    let exit = Some(Exit { result: 0, errno: Errno::OK });
    event.kind = Kind::Raw(Raw { call: Call { sysno: Sysno::PRCTL, exit }, args: [15, 0, 0, 0, 0, 0] });
    events.push(event);
}

#[test]
fn a_new_name_beside_dropped_messages_is_a_hidden_exec() {
    assert!(renamed(3, 10, |_| {}));
    assert!(!renamed(0, 10, |_| {}), "nothing was lost, and threads may call themselves anything");
    assert!(!renamed(3, 10, gives_itself_a_name), "it was seen to do so");
    assert!(!renamed(3, 11, |_| {}), "it is another thread's name");
}

#[test]
fn a_hidden_exec_leaves_nothing_of_the_program_before() {
    let script = parsed(HONEST);
    let mut events = events(&script);
    let mut last = events.pop().expect("a last event");
    last.context.as_mut().expect("a context").comm = Text(b"python3");
    events.push(last.clone());
    let mut state = after(&events);
    state.sight_mut().note_dropped(1);
    last.context.as_mut().expect("a context").comm = Text(b".x");
    state.apply(&last);
    assert!(process(&state, 10).program.is_unknown());
}

#[test]
fn a_connect_whose_end_was_lost_was_begun_all_the_same() {
    let script = parsed(
        "
        0s  pid=10 connect fd=3 remote=198.51.100.9:4444
        1s  pid=10 getpid
        ",
    );
    let mut events = events(&script);
    for event in &mut events {
        if let Kind::Connect(connect) = &mut event.kind {
            connect.call.exit = None;
        }
    }
    let mut state = after(&events);
    assert_eq!(state.sight().unseen_connects, 1);
    let unseen = state.take_unseen().expect("a connect");
    assert_eq!(unseen.deed, UnseenDeed::Connect("198.51.100.9:4444".parse().unwrap()));
    let Some(Object::Socket(socket)) = object(&state, 10, 3) else { panic!("a socket") };
    assert_eq!(state.socket_at(socket).and_then(Socket::remote), Some("198.51.100.9:4444".parse().unwrap()));
}

#[test]
fn a_clock_that_goes_back_is_counted_and_an_owners_is_not() {
    let script = parsed("0s  pid=10 getpid\n500s  pid=10 getpid");
    let mut events = events(&script);
    let mut state = after(&events);
    state.tick(Time(i64::MAX));
    let last = events.pop().expect("a last event");
    state.apply(&last);
    assert_eq!(state.sight().time_backs, 0);
    let back = events.pop().expect("an earlier event");
    state.apply(&back);
    assert_eq!(state.sight().time_backs, 1);
}
