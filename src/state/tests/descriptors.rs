//! What descriptors lead to after all that can be done to them.

use super::*;
use crate::event::{Call, Exit, FdFlags};

#[test]
fn duplicates_replace_what_was_open_there() {
    let state = told(
        "0s pid=10 openat path=/srv/a result=3
         0s pid=10 openat path=/srv/b result=4
         1s pid=10 dup2 old=3 new=4
         1s pid=10 dup3 old=3 new=5 flags=O_CLOEXEC
         1s pid=10 fcntl fd=3 cmd=F_DUPFD_CLOEXEC result=6
         1s pid=10 fcntl fd=3 cmd=F_DUPFD result=7
         1s pid=10 dup old=3 result=8
         1s pid=10 dup2 old=3 new=3
         2s pid=10 fcntl fd=8 cmd=F_SETFD arg=1
         2s pid=10 fcntl fd=6 cmd=F_SETFD arg=0
         3s pid=10 execve path=/bin/true",
    );
    let open: Vec<i32> = (3..10).filter(|fd| path(&state, 10, *fd).as_deref() == Some("/srv/a")).collect();
    assert_eq!(open, [3, 4, 6, 7], "5 and 8 close on exec, 6 does not any more");
}

#[test]
fn python_and_node_say_by_ioctl_what_exec_does() {
    let state = told(
        "0s pid=10 openat path=/srv/a flags=O_CLOEXEC result=3
         0s pid=10 openat path=/srv/b result=4
         1s pid=10 ioctl fd=3 request=0x5450
         1s pid=10 ioctl fd=4 request=0x5451
         2s pid=10 execve path=/bin/true",
    );
    assert_eq!((path(&state, 10, 3).as_deref(), object(&state, 10, 4)), (Some("/srv/a"), None));
}

#[test]
fn ranges_close_or_are_marked() {
    let state = told(
        "0s pid=10 openat path=/srv/a result=3
         0s pid=10 openat path=/srv/b result=10
         0s pid=10 openat path=/srv/c result=70000
         1s pid=10 close_range arg1=10 arg2=0xffffffff arg3=4
         1s pid=11 parent=10 close_range arg1=3 arg2=0xffffffff
         1s pid=11 openat path=/srv/d result=3
         2s pid=10 execve path=/bin/true",
    );
    let left = |pid| [3, 10, 70_000].map(|fd| path(&state, pid, fd));
    assert_eq!(left(10), [Some("/srv/a".to_owned()), None, None]);
    assert_eq!(left(11), [Some("/srv/d".to_owned()), None, None]);
}

#[test]
fn a_socket_that_hides_behind_a_high_number_is_followed() {
    let state = told(
        "0s pid=10 connect fd=3 remote=198.51.100.7:443
         1s pid=10 dup2 old=3 new=200000
         1s pid=10 close fd=3
         2s pid=10 sendto fd=200000",
    );
    let Some(Object::Socket(socket)) = object(&state, 10, 200_000) else { panic!("no socket") };
    assert_eq!(state.socket_at(socket).and_then(Socket::remote), "198.51.100.7:443".parse().ok());
    assert_eq!(state.sight.high_fds, 0);
}

#[test]
fn calls_that_make_a_descriptor_end_what_had_its_number() {
    for (call, expected) in [
        ("epoll_create1 arg1=0x80000 result=3", Object::Anon),
        ("epoll_create arg1=1 result=3", Object::Anon),
        ("pidfd_open arg1=7 result=3", Object::Anon),
        ("pidfd_getfd arg1=9 arg2=0 result=3", Object::Unknown),
        ("openat2 result=3", Object::Unknown),
    ] {
        // Where close is not traced, a number that is given again tells of it.
        let text = format!("0s pid=10 connect fd=3 remote=198.51.100.7:443\n1s pid=10 {call}");
        assert_eq!(object(&told(&text), 10, 3), Some(expected), "{call}");
    }
    let state = told("0s pid=10 epoll_create1 arg1=0x80000 result=3\n1s pid=10 execve path=/bin/true");
    assert_eq!(object(&state, 10, 3), None);
    let state = told("0s pid=10 openat path=/srv/a result=3\n1s pid=10 openat2 errno=ENOSYS");
    assert_eq!(path(&state, 10, 3).as_deref(), Some("/srv/a"));
}

#[test]
fn a_connect_on_what_is_no_socket_tries_nothing() {
    for errno in ["EBADF", "ENOTSOCK"] {
        let text = format!(
            "0s pid=10 openat path=/srv/a result=3
             1s pid=10 connect fd=3 remote=198.51.100.7:443 errno={errno}"
        );
        assert_eq!(path(&told(&text), 10, 3).as_deref(), Some("/srv/a"), "{errno}");
    }
}

#[test]
fn a_signalfd_that_is_changed_stays_what_it_was() {
    let script = parsed("0s pid=10 chdir path=/");
    let mut events = events(&script);
    let context = events.last().and_then(|event| event.context.clone());
    let signalfd = |fd: i32, flags| {
        let exit = Some(Exit { result: 3, ..Exit::default() });
        let call = Call { sysno: crate::event::Sysno::SIGNALFD4, exit };
        Kind::Signalfd(crate::event::Signalfd { call, fd: Fd(fd), flags, ..Default::default() })
    };
    for kind in [signalfd(-1, FdFlags::CLOEXEC), signalfd(3, FdFlags::empty())] {
        events.push(Event { context: context.clone(), kind });
    }
    let state = after(&events);
    let descriptor = state.descriptor(id(&state, 10), Fd(3)).expect("a descriptor");
    assert_eq!((descriptor.object, descriptor.on_exec), (Object::Anon, OnExec::Close));
}

#[test]
fn the_same_file_is_reached_by_the_ways_through_a_process() {
    let state = told(
        "0s pid=10 openat path=/srv/a result=3
         0s pid=10 openat path=/srv result=4
         0s pid=10 chdir path=/srv/sub
         1s pid=10 openat path=/proc/self/fd/3 result=20
         1s pid=10 openat path=/dev/fd/3 result=21
         1s pid=10 openat path=/proc/thread-self/fd/3 result=22
         1s pid=10 openat path=/proc/10/task/10/fd/3 result=23
         1s pid=10 openat path=/proc/self/cwd/../a result=24
         1s pid=10 openat path=/proc/self/root/srv/a result=25
         1s pid=10 openat path=/proc/self/fd/4/a result=26
         1s pid=10 openat path=/dev/fd/4/sub/../a result=27
         1s pid=10 openat path=a dirfd=4 result=28
         1s pid=11 openat path=/proc/10/fd/3 result=29
         1s pid=11 openat path=/proc/10/cwd/../a result=30",
    );
    for fd in 20..=28 {
        assert_eq!(object(&state, 10, fd), object(&state, 10, 3), "{fd}");
    }
    for fd in 29..=30 {
        assert_eq!(object(&state, 11, fd), object(&state, 10, 3), "{fd}");
    }
}

#[test]
fn a_pipe_that_is_opened_by_its_path_has_the_end_that_was_asked_for() {
    let state = told(
        "0s pid=10 pipe reader=3 writer=4
         1s pid=10 openat path=/proc/self/fd/3 flags=O_WRONLY result=5
         1s pid=10 openat path=/dev/fd/4 result=6",
    );
    assert_eq!(object(&state, 10, 5), object(&state, 10, 4));
    assert_eq!(object(&state, 10, 6), object(&state, 10, 3));
}

#[test]
fn what_is_written_through_a_link_to_a_descriptor_is_in_the_file() {
    let state = told(
        "0s pid=10 openat path=/tmp/x flags=O_WRONLY|O_CREAT result=1
         1s pid=10 connect fd=5 remote=198.51.100.7:80
         1s pid=10 close fd=1
         2s pid=10 openat path=/tmp/y flags=O_RDONLY result=6
         2s pid=10 openat path=/proc/self/fd/6 flags=O_WRONLY|O_TRUNC result=7",
    );
    assert_eq!(origin(&state, "/tmp/y"), Origin::Network);
}

#[test]
fn a_handle_on_a_path_neither_reads_nor_writes() {
    let state = told(
        "0s pid=9 openat path=/tmp/dropped flags=O_WRONLY|O_CREAT origin=network result=3
         1s pid=10 connect fd=3 remote=198.51.100.7:80
         1s pid=10 openat path=/tmp/x flags=O_PATH|O_RDWR result=4
         1s pid=11 openat path=/tmp/dropped flags=O_PATH result=3
         2s pid=11 openat path=/tmp/y flags=O_WRONLY|O_CREAT",
    );
    assert_eq!(origin(&state, "/tmp/x"), Origin::Unknown);
    assert_eq!(origin(&state, "/tmp/y"), Origin::Created);
}

#[test]
fn a_file_without_a_name_is_not_its_directory() {
    let state = told(
        "0s pid=10 connect fd=3 remote=198.51.100.7:80
         1s pid=10 openat path=/tmp flags=O_TMPFILE|O_DIRECTORY|O_RDWR result=4",
    );
    assert_eq!(origin(&state, "/tmp"), Origin::Unknown);
    assert!(path(&state, 10, 4).is_some_and(|path| path.starts_with("/tmp/#")));
}

#[test]
fn a_program_that_copies_itself_copies_where_it_came_from() {
    let state = told(
        "0s pid=9 openat path=/tmp/x flags=O_WRONLY|O_CREAT origin=198.51.100.7:80
         1s pid=10 execve path=/tmp/x
         1s pid=11 execve path=/bin/rm argv=\"rm /tmp/x\"
         2s pid=10 openat path=/proc/self/exe result=3
         2s pid=10 openat path=/var/tmp/y flags=O_WRONLY|O_CREAT result=4",
    );
    assert_eq!(origin(&state, "/var/tmp/y"), Origin::Network);
}

#[test]
fn a_file_that_is_renamed_while_it_is_open_is_the_same_file() {
    let state = told(
        "0s pid=10 openat path=/tmp/part flags=O_WRONLY|O_CREAT result=3
         1s pid=11 execve path=/bin/mv argv=\"mv /tmp/part /tmp/x\"
         1s pid=11 rename
         2s pid=10 connect fd=5 remote=198.51.100.7:80",
    );
    assert_eq!((path(&state, 10, 3).as_deref(), origin(&state, "/tmp/x")), (Some("/tmp/x"), Origin::Network));
}

#[test]
fn a_fifo_carries_bytes_from_one_end_to_the_other() {
    let state = told(
        "0s pid=10 openat path=/tmp/fifo result=0
         0s pid=11 openat path=/tmp/fifo flags=O_WRONLY result=1
         1s pid=10 execve path=/bin/sh argv=sh
         2s pid=11 connect fd=3 remote=198.51.100.7:80",
    );
    assert!(process(&state, 10).is_fed_from_network());
}

#[test]
fn bytes_go_through_a_pair_of_sockets_both_ways() {
    for (parents, childs) in [(3, 4), (4, 3)] {
        let state = told(&format!(
            "0s pid=10 execve path=/usr/bin/python3 argv=\"python3 -c x\"
             0s pid=10 socketpair first=3 second=4
             1s pid=20 parent=10 dup2 old={childs} new=0
             1s pid=20 close fd=3
             1s pid=20 close fd=4
             1s pid=20 execve path=/bin/sh argv=sh
             1s pid=10 close fd={childs}
             2s pid=10 connect fd=5 remote=198.51.100.7:80
             3s pid=10 sendto fd={parents}"
        ));
        assert!(process(&state, 20).is_fed_from_network());
        assert_ne!(object(&state, 10, parents), object(&state, 20, 0), "they are peers, not one socket");
    }
}

#[test]
fn an_early_reader_of_a_pair_is_fed_as_well() {
    let script = parsed(
        "0s pid=10 execve path=/usr/bin/python3 argv=\"python3 -c x\"
         0s pid=10 connect fd=5 remote=198.51.100.7:80
         0s pid=10 socketpair first=3 second=4
         1s pid=20 parent=10 dup2 old=4 new=0
         1s pid=20 execve path=/bin/sh argv=sh",
    );
    let mut late = events(&script);
    clone_comes_last(&mut late, 20);
    assert!(process(&after(&late), 20).is_fed_from_network());
}

#[test]
fn a_pipe_that_is_made_after_the_bytes_came_is_not_known_to_carry_them() {
    // Whoever fetched a list of hosts may well pipe a script of its own to a shell.
    let state = told(
        "0s pid=10 execve path=/usr/bin/python3 argv=\"python3 -c x\"
         0s pid=10 connect fd=5 remote=198.51.100.7:80
         1s pid=10 pipe reader=3 writer=4
         2s pid=20 parent=10 dup2 old=3 new=0
         2s pid=20 execve path=/bin/sh argv=sh",
    );
    assert!(!process(&state, 20).is_fed_from_network());
}

#[test]
fn an_agent_of_the_image_that_talks_to_a_shell_is_no_relay() {
    for agent in ["/usr/bin/node argv=\"node /srv/agent.js\"", "/usr/bin/python3 argv=\"python3 -m agent\""] {
        let shell = "1s pid=10 socketpair first=6 second=7
                     1s pid=20 parent=10 dup2 old=7 new=0
                     1s pid=20 dup2 old=7 new=1
                     1s pid=20 execve path=/bin/bash argv=bash layer=lower\n";
        let connect = "2s pid=10 connect fd=5 remote=198.51.100.7:443\n";
        for order in [[shell, connect], [connect, shell]] {
            let state = told(&format!("0s pid=10 execve layer=lower path={agent}\n{}", order.concat()));
            assert!(!process(&state, 20).is_fed_from_network(), "{agent}");
            assert_eq!(state.relayed_remote(id(&state, 20)), None);
        }
    }
}

#[test]
fn what_the_other_side_types_is_no_download() {
    // sshd and the shell of its user.
    let state = told(
        "0s pid=10 execve path=/usr/sbin/sshd
         0s pid=10 socket family=inet result=3
         1s pid=10 accept fd=3 remote=198.51.100.7:50000 result=4
         2s pid=10 socketpair first=5 second=6
         3s pid=20 parent=10 dup2 old=6 new=0
         3s pid=20 execve path=/bin/bash argv=bash",
    );
    assert!(!process(&state, 20).is_fed_from_network());
}

#[test]
fn a_shell_behind_a_pair_is_told_by_its_relay() {
    let relay = |made: &str| {
        told(&format!(
            "0s pid=10 execve path=/usr/bin/socat
             {made}
             1s pid=10 socketpair first=3 second=4
             2s pid=20 parent=10 dup2 old=4 new=0
             2s pid=20 dup2 old=4 new=1
             2s pid=20 close fd=3
             2s pid=20 close fd=4
             2s pid=20 execve path=/bin/sh argv=sh"
        ))
    };
    let state = relay("0s pid=10 connect fd=5 remote=198.51.100.9:4444");
    assert_eq!(state.relayed_remote(id(&state, 20)), "198.51.100.9:4444".parse().ok());
    let state = relay("0s pid=10 accept fd=7 remote=198.51.100.9:4444 result=5");
    assert_eq!(state.relayed_remote(id(&state, 20)), None);
}

#[test]
fn a_program_that_starts_with_a_connection_as_input_reads_from_there() {
    let state = told(
        "0s pid=10 execve path=/bin/bash argv=\"bash -c x\"
         0s pid=10 connect fd=3 remote=198.51.100.7:80
         1s pid=20 parent=10 dup2 old=3 new=0
         1s pid=20 openat path=/tmp/x flags=O_WRONLY|O_CREAT result=1
         1s pid=20 execve path=/bin/cat argv=cat",
    );
    assert_eq!(origin(&state, "/tmp/x"), Origin::Network);
}
