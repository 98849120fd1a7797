//! What truly runs: the file behind its carriers.

use super::*;

const DROPPED: &str = "0s pid=9 openat path=/tmp/x flags=O_WRONLY|O_CREAT origin=198.51.100.7:80 result=3\n";

/// Where what runs as process 10 came from, once it was started like that.
fn runs(line: &str) -> (Origin, String) {
    let state = told(&format!("{DROPPED}1s pid=10 chdir path=/tmp\n2s pid=10 {line}"));
    let process = process(&state, 10);
    let path = String::from_utf8_lossy(process.program.effective_path()).into_owned();
    (process.program_origin(), path)
}

#[test]
fn a_carrier_is_as_foreign_as_what_it_carries() {
    for (path, argv) in [
        ("/bin/sh", "sh x"),
        ("/bin/sh", "sh -c '. ./x'"),
        ("/usr/bin/python3", "python3 -u ./x"),
        ("/usr/bin/perl", "perl -Ilib x"),
        ("/usr/bin/node", "node --require /opt/a.js x"),
        ("/usr/bin/php8.2", "php -f x"),
        ("/usr/bin/java", "java -Xmx1g -jar x"),
        ("/bin/busybox", "busybox sh x"),
        ("/lib64/ld-linux-x86-64.so.2", "ld.so --argv0 sleep x"),
        ("/usr/lib/ld-2.31.so", "ld.so --preload /opt/a.so /usr/bin/python3 -u x"),
        ("/bin/sh", "sh /proc/self/cwd/x"),
    ] {
        let line = format!("execve path={path} argv=\"{argv}\" layer=lower");
        assert_eq!(runs(&line), (Origin::Network, "/tmp/x".to_owned()), "{argv}");
    }
}

#[test]
fn what_makes_way_for_another_is_itself_until_then() {
    for (path, argv) in [
        ("/usr/bin/env", "env -i A=b ./x"),
        ("/usr/bin/timeout", "timeout 5 ./x"),
        ("/usr/bin/nohup", "nohup ./x"),
        ("/bin/sh", "sh -c 'exec ./x'"),
        ("/bin/sh", "sh -c 'cat ./x'"),
        ("/bin/cat", "sh ./x"),
    ] {
        let line = format!("execve path={path} argv=\"{argv}\" layer=lower");
        assert_eq!(runs(&line), (Origin::Image, path.to_owned()), "{argv}");
    }
}

#[test]
fn a_stranger_that_calls_itself_an_interpreter_is_what_runs() {
    let own = "1s pid=8 openat path=/opt/python3 flags=O_WRONLY|O_CREAT\n";
    let state =
        told(&format!("{own}2s pid=10 execve path=/opt/python3 argv=\"python3 /srv/app.py\" layer=upper"));
    assert_eq!(process(&state, 10).program.effective_path(), b"/opt/python3");
    // Nor does a loader find more behind it than the stranger.
    let loader = "execve path=/lib/ld-musl-x86_64.so.1 argv=\"ld /opt/python3 /srv/app.py\" layer=lower";
    let state = told(&format!("{own}2s pid=10 {loader}"));
    assert_eq!(process(&state, 10).program.effective_path(), b"/opt/python3");
    assert_eq!(process(&state, 10).program_origin(), Origin::Created);
}

#[test]
fn a_script_by_descriptor_is_the_file_behind_it() {
    let state = told(&format!(
        "{DROPPED}1s pid=10 openat path=/tmp/x result=7\n2s pid=10 execve path=/bin/bash argv=\"bash /dev/fd/7\""
    ));
    assert_eq!(process(&state, 10).program_origin(), Origin::Network);
    let state = told(&format!(
        "{DROPPED}1s pid=10 openat path=/tmp/x result=0\n2s pid=10 execve path=/usr/bin/python3 argv=\"python3 -\""
    ));
    assert_eq!(process(&state, 10).program_origin(), Origin::Network);
}

#[test]
fn a_process_substitution_is_what_comes_out_of_its_pipe() {
    // bash <(curl ...), whichever of the two begins first
    let pipe = "0s pid=10 pipe reader=63 writer=4\n";
    let curl = "1s pid=11 parent=10 dup2 old=4 new=1
                1s pid=11 execve path=/usr/bin/curl
                2s pid=11 connect fd=5 remote=198.51.100.7:443\n";
    let shell = "3s pid=12 parent=10 close fd=4
                 3s pid=12 execve path=/bin/bash argv=\"bash /dev/fd/63\"\n";
    for story in [[pipe, curl, shell].concat(), [pipe, shell, curl].concat()] {
        let state = told(&story);
        assert!(process(&state, 12).is_fed_from_network(), "{story}");
        assert_eq!(process(&state, 12).program_origin(), Origin::Network);
        assert_eq!(
            process(&state, 10).program_origin(),
            Origin::Unknown,
            "who only made the pipe runs nothing of it"
        );
    }
}

#[test]
fn the_first_process_is_what_it_was_told_and_a_bare_name_stays_one() {
    let state = told("0s pid=1 container argv=\"sh /srv/run.sh\"");
    let first = process(&state, 1);
    assert_eq!(&*first.program.path, b"sh");
    assert_eq!(first.program.effective_path(), b"/srv/run.sh");
    assert_eq!((first.birth, first.session.map(|leader| leader.tgid)), (Birth::Seen, Some(Tgid(1))));
}
