//! Whom a process descends from, what it inherits, and who it is when its id is used again.

use super::*;

const SHELL_AND_CHILD: &str = "
    0s pid=10 execve path=/bin/sh
    0s pid=10 chdir path=/srv
    0s pid=10 openat path=/srv/in result=3
    0s pid=10 openat path=/srv/out flags=O_WRONLY|O_CREAT|O_CLOEXEC result=4
    1s pid=20 parent=10 dup2 old=3 new=0
    1s pid=20 close fd=3
    1s pid=20 openat path=own result=5
    1s pid=20 execve path=/usr/bin/cat argv=\"cat -\"
";

#[test]
fn a_child_that_reports_before_its_clone_ends_up_as_if_it_had_not() {
    let script = parsed(SHELL_AND_CHILD);
    let (in_order, mut late) = (events(&script), events(&script));
    clone_comes_last(&mut late, 20);
    parent_is(&mut late, 20, 10);
    for state in [after(&in_order), after(&late)] {
        assert_eq!(path(&state, 20, 0).as_deref(), Some("/srv/in"));
        assert_eq!(object(&state, 20, 3), None, "closed by the child");
        assert_eq!(object(&state, 20, 4), None, "closed by its exec");
        assert_eq!(path(&state, 20, 5).as_deref(), Some("/srv/own"));
        assert_eq!(path(&state, 10, 3).as_deref(), Some("/srv/in"), "the parent keeps its own");
        let child = process(&state, 20);
        assert_eq!((child.birth, &*child.program.path), (Birth::Seen, &b"/usr/bin/cat"[..]));
        assert_eq!(child.cwd.as_deref(), Some(&b"/srv"[..]));
        assert_eq!(ancestors(&state, 20), [10, 1]);
        assert_eq!(child.lineage, process(&state, 10).lineage);
    }
}

#[test]
fn a_newborn_whose_clone_is_lost_has_what_its_parent_has() {
    let script = parsed(SHELL_AND_CHILD);
    let mut lost = events(&script);
    lost.retain(|event| !is_clone_of(event, 20));
    parent_is(&mut lost, 20, 10);
    let state = after(&lost);
    assert_eq!(path(&state, 20, 0).as_deref(), Some("/srv/in"));
    assert_eq!(process(&state, 20).lineage, process(&state, 10).lineage);
    // One that has lived for long may have lost its parent since, and is another's child now.
    for event in &mut lost {
        if let Some(context) = &mut event.context
            && context.tgid == Tgid(20)
        {
            context.start = Time(context.start.0.saturating_sub(10_000_000_000));
        }
    }
    assert_eq!(object(&after(&lost), 20, 0), Some(Object::Unknown));
}

#[test]
fn what_descends_from_an_early_child_descends_from_its_maker_as_well() {
    let script = parsed(
        "0s pid=10 execve path=/bin/sh
         1s pid=20 parent=10 fork child=30
         2s pid=30 execve path=/bin/true",
    );
    let mut late = events(&script);
    clone_comes_last(&mut late, 20);
    let state = after(&late);
    assert_eq!(ancestors(&state, 30), [20, 10, 1]);
    assert_eq!(process(&state, 30).lineage, process(&state, 10).lineage);
}

#[test]
fn network_bytes_of_the_maker_are_in_what_an_early_child_writes() {
    let script = parsed(
        "0s pid=10 execve path=/usr/bin/python3 argv=\"python3 -c x\"
         1s pid=10 connect fd=3 remote=198.51.100.7:80
         2s pid=20 parent=10 openat path=/tmp/x flags=O_WRONLY|O_CREAT result=4",
    );
    let mut late = events(&script);
    clone_comes_last(&mut late, 20);
    assert_eq!(origin(&after(&late), "/tmp/x"), Origin::Network);
}

#[test]
fn a_shared_table_is_one_table_and_is_left_by_exec_and_unshare() {
    for (late, leaves, still_shared) in [
        (false, "", true),
        (true, "", true),
        (false, "3s pid=20 unshare arg1=0x400", false),
        (false, "3s pid=20 unshare arg1=0x20000", true),
        (false, "3s pid=20 close_range arg1=100 arg2=200 arg3=2", false),
        (false, "3s pid=20 execve path=/bin/true", false),
        (true, "3s pid=20 execve path=/bin/true", false),
    ] {
        let text = format!(
            "0s pid=10 openat path=/srv/a result=3
             2s pid=20 parent=10 openat path=/srv/b result=4
             {leaves}
             4s pid=20 openat path=/srv/c result=5"
        );
        let script = parsed(&text);
        let mut events = events(&script);
        with_flags(&mut events, 20, CloneFlags::FILES | CloneFlags::VM);
        if late {
            clone_comes_last(&mut events, 20);
        }
        let state = after(&events);
        assert_eq!(path(&state, 20, 3).as_deref(), Some("/srv/a"));
        assert_eq!(path(&state, 10, 4).as_deref(), Some("/srv/b"), "late: {late}, {leaves}");
        assert_eq!(object(&state, 10, 5).is_some(), still_shared, "late: {late}, {leaves}");
    }
}

#[test]
fn who_shares_memory_has_what_the_other_reads() {
    for (flags, shared) in
        [(CloneFlags::VM, true), (CloneFlags::VM | CloneFlags::VFORK, false), (CloneFlags::empty(), false)]
    {
        let script = parsed(
            "0s pid=10 execve path=/opt/x
             1s pid=20 parent=10 openat path=/tmp/out flags=O_WRONLY|O_CREAT result=3
             2s pid=10 connect fd=5 remote=198.51.100.7:80",
        );
        let mut events = events(&script);
        with_flags(&mut events, 20, flags);
        let expected = if shared { Origin::Network } else { Origin::Created };
        assert_eq!(origin(&after(&events), "/tmp/out"), expected, "{flags:?}");
    }
}

#[test]
fn a_sibling_by_clone_parent_has_its_makers_parent_and_family() {
    let script = parsed(
        "0s pid=10 execve path=/bin/sh
         1s pid=20 parent=10 execve path=/tmp/dropper
         2s pid=30 parent=20 execve path=/tmp/miner",
    );
    let mut events = events(&script);
    with_flags(&mut events, 30, CloneFlags::PARENT);
    let state = after(&events);
    assert_eq!(ancestors(&state, 30), [10, 1]);
    assert_eq!(process(&state, 30).lineage, process(&state, 20).lineage);
}

#[test]
fn threads_are_no_processes() {
    let script = parsed("0s pid=10 clone child=11");
    let mut events = events(&script);
    with_flags(&mut events, 11, CloneFlags::THREAD | CloneFlags::VM | CloneFlags::FILES);
    let state = after(&events);
    assert!(state.processes.newest(ContainerIx(0), Tgid(11)).is_none());
}

#[test]
fn an_exec_of_another_thread_is_the_process_s() {
    let state = told(
        "0s pid=10 openat path=/srv/a flags=O_CLOEXEC result=3
         1s pid=10 tid=12 execve path=/tmp/x argv=\"x -a\"",
    );
    assert_eq!((&*process(&state, 10).program.path, object(&state, 10, 3)), (&b"/tmp/x"[..], None));
    assert!(state.processes.newest(ContainerIx(0), Tgid(12)).is_none());
}

#[test]
fn a_daemon_that_forks_twice_stays_in_its_family() {
    let script = parsed(
        "0s pid=10 execve path=/tmp/dropper
         1s pid=20 parent=10 setsid result=20
         1s pid=30 parent=20 chdir path=/
         1s pid=20 exit
         1s pid=10 exit
         2s pid=30 execve path=/tmp/miner",
    );
    let mut events = events(&script);
    // Reparented.
    parent_is(&mut events, 30, 1);
    let state = after(&events);
    assert_eq!(ancestors(&state, 30), [20, 10, 1]);
    assert_eq!(process(&state, 30).lineage, process(&state, 10).lineage);
    assert_eq!(process(&state, 30).session.map(|leader| leader.tgid), Some(Tgid(20)));
    assert_eq!(process(&state, 10).session.map(|leader| leader.tgid), Some(Tgid(1)));
}

#[test]
fn an_id_that_is_used_again_is_another_process() {
    let text = "
        0s pid=10 execve path=/tmp/first
        1s pid=10 openat path=/srv/a result=3
        2s pid=10 exit
        3s pid=11 openat path=/srv/b
        60s pid=10 parent=11 chdir path=/tmp
    ";
    let script = parsed(text);
    let known = events(&script);
    let (mut unknown, mut no_exit) = (known.clone(), known.clone());
    starts_are_not_said(&mut unknown);
    no_exit.retain(|event| !matches!(event.kind, Kind::ExitNotifyParent(_)));
    let mut neither = unknown.clone();
    neither.retain(|event| !matches!(event.kind, Kind::ExitNotifyParent(_)));
    for events in [known, unknown, no_exit, neither] {
        let state = after(&events);
        let program = String::from_utf8_lossy(&process(&state, 10).program.path);
        assert_eq!((path(&state, 10, 3).as_deref(), &*program), (Some("/srv/b"), "/entrypoint"));
        assert_eq!(ancestors(&state, 10), [11, 1]);
        let bearers = state.processes().filter(|(_, process)| process.key.tgid == Tgid(10));
        let exited: Vec<bool> = bearers.map(|(_, process)| process.exited.is_some()).collect();
        assert_eq!(exited, [true, false], "no two live at once");
    }
}

#[test]
fn where_starts_are_not_said_an_early_child_is_still_its_clones_child() {
    let script = parsed(
        "0s pid=10 openat path=/srv/a result=3
         1s pid=20 parent=10 dup2 old=3 new=7",
    );
    let mut late = events(&script);
    clone_comes_last(&mut late, 20);
    for event in &mut late {
        if let Some(context) = &mut event.context {
            context.start = Time(0);
        }
    }
    let state = after(&late);
    assert_eq!(path(&state, 20, 7).as_deref(), Some("/srv/a"));
    assert_eq!(state.processes().filter(|(_, process)| process.key.tgid == Tgid(20)).count(), 1);
}

#[test]
fn a_process_of_runsc_exec_is_a_family_and_a_session_of_its_own() {
    let script = parsed(
        "0s pid=10 openat path=/srv/a\n1s pid=40 openat path=/srv/b\n2s pid=41 parent=40 chdir path=/",
    );
    let mut events = events(&script);
    events.retain(|event| !is_clone_of(event, 40));
    for event in &mut events {
        if let Some(context) = &mut event.context {
            context.exec_session = context.tgid.0 >= 40;
        }
    }
    let state = after(&events);
    assert!(process(&state, 40).exec_session && process(&state, 41).exec_session);
    assert!(ancestors(&state, 40).is_empty());
    assert_eq!(process(&state, 41).lineage, process(&state, 40).lineage);
    assert_ne!(process(&state, 40).lineage, process(&state, 10).lineage);
    assert_eq!(process(&state, 41).session.map(|leader| leader.tgid), Some(Tgid(40)));
}

#[test]
fn an_old_bearer_that_is_forgotten_takes_nothing_along() {
    let mut text = String::from("0s pid=10 chdir path=/\n0s pid=10 exit\n1s pid=10 chdir path=/srv\n");
    for pid in 100..200 {
        text.push_str(&format!("2s pid={pid} chdir path=/\n2s pid={pid} exit\n"));
    }
    let script = parsed(&text);
    let mut events = events(&script);
    starts_are_not_said(&mut events);
    assert_eq!(process(&after(&events), 10).cwd.as_deref(), Some(&b"/srv"[..]));
}

#[test]
fn events_that_name_no_process_are_counted_and_change_nothing() {
    let script = parsed("0s pid=10 openat path=/srv/a");
    let mut events = events(&script);
    let before = after(&events).processes.len();
    let mut nameless = events.last().cloned().expect("an event");
    nameless.context = None;
    events.push(nameless);
    let state = after(&events);
    assert_eq!((state.processes.len(), state.sight.unattributed), (before, 1));
}
