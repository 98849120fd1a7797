//! Where bytes came from: remote → process → file → copy → program, as each way of the workload's leaves it behind.
//!
//! A chain is written as it is remembered: origin, then each step from the last to the first with who did it, then
//! the remote and who had the connection.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use sluicebox::event::{Event, Ino, Kind, SentryMmap, Text};
use sluicebox::rules::testing::Script;
use sluicebox::state::{Answer, ContainerIx, Image, Making, Process, Provenance, State};

fn after(story: &str) -> State {
    with_image(story, None)
}

fn with_image(story: &str, image: Option<Arc<dyn Image>>) -> State {
    let script = Script::parse(story).unwrap_or_else(|error| panic!("{error}"));
    let mut state = State::default();
    if let Some(image) = image {
        state.set_image(image);
    }
    for event in script.events() {
        state.apply(&event);
    }
    state
}

fn told(provenance: &Provenance) -> String {
    let mut told = provenance.origin.name().to_owned();
    for step in provenance.derivation.iter().flat_map(|derivation| derivation.chain()) {
        let how = match step.making {
            Making::Written => "",
            Making::Built => " built",
            Making::Installed => " installed",
        };
        write!(told, " <- {}{how} by {}", Text(&step.path), Text(&step.writer.program.name)).unwrap();
    }
    if let Some(remote) = provenance.remote() {
        write!(told, " <- {} by {}", remote.addr, Text(&remote.by.program.name)).unwrap();
    }
    told
}

/// The chain of a file.
fn file(state: &State, path: &str) -> String {
    let found = state.files(ContainerIx(0)).find(|file| *file.path == *path.as_bytes());
    found.map_or_else(|| "not known".to_owned(), |file| told(&file.provenance))
}

fn process(state: &State, pid: i32) -> &Process {
    state.processes().map(|(_, process)| process).filter(|process| process.key.tgid.0 == pid).last().unwrap()
}

/// The chain of what a process truly runs.
fn runs(state: &State, pid: i32) -> String {
    told(process(state, pid).program.effective())
}

/// The foreign code that a process took in.
fn code(state: &State, pid: i32) -> String {
    process(state, pid).foreign_code().map_or_else(|| "none".to_owned(), |code| told(&code.provenance))
}

/// `curl -o /tmp/a`, which most stories begin with.
const CURL: &str = "
    0s pid=10 execve path=/usr/bin/curl argv=\"curl -o /tmp/a http://198.51.100.7/a\" layer=lower
    0s pid=10 openat path=/tmp/a flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
    0s pid=10 exit";
const A: &str = "/tmp/a by curl <- 198.51.100.7:80 by curl";

fn after_curl(story: &str) -> State {
    after(&format!("{CURL}\n{story}"))
}

#[test]
fn a_download_descends_from_its_remote() {
    assert_eq!(file(&after_curl(""), "/tmp/a"), format!("network <- {A}"));
}

#[test]
fn what_is_opened_before_the_connection_is_made_has_its_bytes_as_well() {
    let state = after(
        "0s pid=10 execve path=/usr/bin/wget argv=\"wget http://198.51.100.7/a\" layer=lower
         0s pid=10 openat path=/tmp/a flags=O_CREAT|O_WRONLY
         1s pid=10 connect remote=198.51.100.7:80",
    );
    assert_eq!(file(&state, "/tmp/a"), "network <- /tmp/a by wget <- 198.51.100.7:80 by wget");
}

#[test]
fn of_a_pipeline_each_does_its_part() {
    let state = after(
        "0s pid=10 pipe reader=3 writer=4
         0s pid=11 parent=10 dup2 old=4 new=1
         0s pid=11 execve path=/usr/bin/curl argv=\"curl -s http://198.51.100.7/a\" layer=lower
         0s pid=12 parent=10 dup2 old=3 new=0
         0s pid=12 execve path=/usr/bin/tee argv=\"tee /tmp/a\" layer=lower
         0s pid=12 openat path=/tmp/a flags=O_CREAT|O_WRONLY|O_TRUNC
         1s pid=11 connect remote=198.51.100.7:80",
    );
    assert_eq!(file(&state, "/tmp/a"), "network <- /tmp/a by tee <- 198.51.100.7:80 by curl");
}

#[test]
fn tools_that_pass_bytes_on_keep_the_chain() {
    for (tool, argv) in [
        ("cp", "cp /tmp/a /opt/b"),
        ("install", "install -m 755 /tmp/a /opt/b"),
        ("dd", "dd if=/tmp/a of=/opt/b"),
        ("tar", "tar xf /tmp/a -C /opt"),
        ("unzip", "unzip /tmp/a -d /opt"),
        ("gzip", "gzip -d /tmp/a"),
        ("base64", "base64 -d /tmp/a"),
        ("openssl", "openssl enc -d -in /tmp/a -out /opt/b"),
        ("xz", "xz -d /tmp/a"),
        ("zstd", "zstd -d /tmp/a -o /opt/b"),
        ("cpio", "cpio -i -F /tmp/a"),
        ("strip", "strip -o /opt/b /tmp/a"),
        ("objcopy", "objcopy /tmp/a /opt/b"),
    ] {
        let state = after_curl(&format!(
            "1s pid=11 execve path=/usr/bin/{tool} argv=\"{argv}\" layer=lower
             1s pid=11 openat path=/tmp/a flags=O_RDONLY
             1s pid=11 openat path=/opt/b flags=O_CREAT|O_WRONLY
             2s pid=12 execve path=/opt/b"
        ));
        assert_eq!(runs(&state, 12), format!("network <- /opt/b by {tool} <- {A}"));
    }
}

#[test]
fn a_decoder_between_redirections_is_the_one_who_wrote() {
    let state = after_curl(
        "1s pid=11 openat path=/tmp/a flags=O_RDONLY result=3
         1s pid=11 dup2 old=3 new=0
         1s pid=11 openat path=/opt/b flags=O_CREAT|O_WRONLY|O_TRUNC result=4
         1s pid=11 dup2 old=4 new=1
         1s pid=11 execve path=/usr/bin/base64 argv=\"base64 -d\" layer=lower",
    );
    assert_eq!(file(&state, "/opt/b"), format!("network <- /opt/b by base64 <- {A}"));
}

#[test]
fn a_copier_has_one_file_in_its_hands_at_a_time() {
    let state = after_curl(
        "1s pid=11 execve path=/bin/busybox given=/bin/cp argv=\"cp -r /tmp /etc/hosts /opt\" layer=lower
         1s pid=11 openat path=/tmp/a flags=O_RDONLY
         1s pid=11 openat path=/opt/a flags=O_CREAT|O_WRONLY
         1s pid=11 openat path=/etc/hosts flags=O_RDONLY
         1s pid=11 openat path=/opt/hosts flags=O_CREAT|O_WRONLY result=9
         1s pid=11 close fd=9
         1s pid=11 openat path=/tmp/a flags=O_RDONLY
         1s pid=11 openat path=/opt/again flags=O_CREAT|O_WRONLY",
    );
    assert_eq!(file(&state, "/opt/a"), format!("network <- /opt/a by cp <- {A}"));
    assert_eq!(file(&state, "/opt/hosts"), "created <- /opt/hosts by cp");
    assert_eq!(file(&state, "/opt/again"), format!("network <- /opt/again by cp <- {A}"));
}

#[test]
fn a_new_file_under_an_old_name_has_none_of_the_old_bytes() {
    // git renames config.lock away and makes it anew.
    let state = after(
        "0s pid=10 execve path=/usr/bin/git argv=git layer=lower
         0s pid=10 openat path=/r/config.lock flags=O_CREAT|O_EXCL|O_RDWR origin=198.51.100.7:80
         1s pid=10 openat path=/r/config.lock flags=O_CREAT|O_EXCL|O_RDWR
         1s pid=10 openat path=/r/run flags=O_CREAT|O_EXCL|O_WRONLY",
    );
    assert_eq!(file(&state, "/r/run"), "network <- /r/run by git <- 198.51.100.7:80 by git");
}

#[test]
fn overwriting_a_file_changes_where_its_bytes_come_from_and_appending_does_not() {
    let state = after_curl(
        "1s pid=11 execve path=/usr/bin/tee argv=\"tee -a /tmp/a\" layer=lower
         1s pid=11 openat path=/tmp/a flags=O_WRONLY|O_APPEND",
    );
    assert_eq!(file(&state, "/tmp/a"), format!("network <- {A}"));
    let state = after_curl(
        "1s pid=11 execve path=/usr/bin/tee argv=\"tee /tmp/a\" layer=lower
         1s pid=11 openat path=/tmp/a flags=O_WRONLY|O_TRUNC",
    );
    assert_eq!(file(&state, "/tmp/a"), "created <- /tmp/a by tee");
}

#[test]
fn an_image_file_that_was_overwritten_is_the_images_no_more() {
    for layer in ["", "layer=upper"] {
        let state = after(&format!(
            "0s pid=9 execve path=/usr/bin/ls layer=lower
             1s pid=10 execve path=/usr/bin/curl argv=curl layer=lower
             1s pid=10 openat path=/usr/bin/ls flags=O_WRONLY|O_TRUNC origin=198.51.100.7:80
             2s pid=11 execve path=/usr/bin/ls {layer}"
        ));
        assert_eq!(runs(&state, 9), "image");
        assert_eq!(runs(&state, 11), "network <- /usr/bin/ls by curl <- 198.51.100.7:80 by curl");
    }
}

#[test]
fn a_program_that_was_deleted_after_its_start_keeps_its_chain() {
    let state = after_curl("1s pid=11 execve path=\"/tmp/a (deleted)\"");
    assert_eq!(runs(&state, 11), format!("network <- {A}"));
}

#[test]
fn names_move_with_their_bytes() {
    for (call, argv, at) in [
        ("rename", "mv /tmp/a /opt/b", "/opt/b"),
        ("rename", "mv -f -- /tmp/a /opt", "/opt/a"),
        ("rename", "mv -t /opt /tmp/a", "/opt/a"),
        ("rename", "mv --target-directory=/opt /tmp/a", "/opt/a"),
        ("rename", "busybox mv /tmp/a /opt/b", "/opt/b"),
        ("rename", "git mv /tmp/a /opt/b", "/opt/b"),
        ("link", "ln /tmp/a /opt/b", "/opt/b"),
        ("link", "cp -l /tmp/a /opt/b", "/opt/b"),
        ("symlink", "ln -s /tmp/a /opt/b", "/opt/b"),
    ] {
        let state = after_curl(&format!(
            "1s pid=11 execve path=/usr/bin/tool argv=\"{argv}\" layer=lower
             1s pid=11 {call}
             2s pid=12 execve path={at}"
        ));
        assert_eq!(runs(&state, 12), format!("network <- {A}"), "{argv}");
    }
}

#[test]
fn a_directory_moves_with_what_lies_below_it() {
    for at in ["/opt/x/m", "/opt/x/pkg/m"] {
        let state = after(&format!(
            "0s pid=10 openat path=/tmp/pkg/m flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
             1s pid=11 execve path=/usr/bin/mv argv=\"mv /tmp/pkg /opt/x\" layer=lower
             1s pid=11 rename
             2s pid=12 execve path={at} layer=upper"
        ));
        assert!(runs(&state, 12).starts_with("network <- /tmp/pkg/m by "), "{at}: {}", runs(&state, 12));
    }
}

/// A program that downloads `x.part` and renames it by itself.
const RENAMES: &str = "
    0s pid=10 execve path=/usr/bin/python3 argv=\"python3 -\" layer=lower
    0s pid=10 openat path=/tmp/d/a.part flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
    1s pid=10 rename";

#[test]
fn what_a_program_renames_by_itself_is_what_it_wrote_where_nothing_else_can_be_meant() {
    // Beside the old name, in a directory that no image fills.
    let state = after(&format!("{RENAMES}\n2s pid=11 execve path=/tmp/d/Xsession"));
    assert_eq!(runs(&state, 11), "network <- /tmp/d/Xsession by python3 <- 198.51.100.7:80 by python3");
    // Anywhere, if the sentry says that it was made here.
    let state = after(&format!("{RENAMES}\n2s pid=11 execve path=/opt/x layer=upper"));
    assert_eq!(runs(&state, 11), "network <- /opt/x by python3 <- 198.51.100.7:80 by python3");
    // A script behind an interpreter is a program as well.
    let state =
        after(&format!("{RENAMES}\n2s pid=11 execve path=/bin/sh argv=\"sh /tmp/d/run\" layer=lower"));
    assert_eq!(runs(&state, 11), "network <- /tmp/d/run by python3 <- 198.51.100.7:80 by python3");
}

#[test]
fn a_program_of_the_image_is_not_taken_for_what_somebody_renamed() {
    let app = "
        0s pid=10 execve path=/usr/bin/python3 argv=\"python3 -\" layer=lower
        0s pid=10 openat path=/app/state.json.tmp flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
        1s pid=10 rename";
    for exec in ["path=/app/worker layer=lower", "path=/app/worker", "path=/usr/bin/git"] {
        let state = after(&format!("{app}\n2s pid=11 execve {exec}"));
        assert!(!runs(&state, 11).contains("198.51.100.7"), "{exec}: {}", runs(&state, 11));
    }
    // Its own update, though: the name goes on.
    let update = app.replace("state.json.tmp", "worker.tmp");
    let state = after(&format!("{update}\n2s pid=11 execve path=/app/worker"));
    assert_eq!(runs(&state, 11), "network <- /app/worker by python3 <- 198.51.100.7:80 by python3");
}

#[test]
fn what_dpkg_unpacks_is_known_under_its_final_name() {
    let state = after(
        "0s pid=10 execve path=/usr/bin/dpkg argv=\"dpkg -i x.deb\" layer=lower
         0s pid=10 openat path=/usr/bin/x.dpkg-new flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
         0s pid=10 openat path=/usr/share/doc.dpkg-new flags=O_CREAT|O_WRONLY
         1s pid=10 rename
         2s pid=11 execve path=/usr/bin/x layer=upper",
    );
    assert!(
        runs(&state, 11).starts_with("network <- /usr/bin/x.dpkg-new installed by dpkg"),
        "{}",
        runs(&state, 11)
    );
}

#[test]
fn where_only_package_managers_rename_what_comes_by_a_rename_is_theirs() {
    let apk = "
        0s pid=10 execve path=/sbin/apk argv=\"apk add curl\" layer=lower
        0s pid=10 openat path=/usr/lib/.apk.1 flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
        0s pid=10 openat path=/usr/share/.apk.2 flags=O_CREAT|O_WRONLY
        1s pid=10 renameat
        1s pid=10 openat path=/usr/lib/.apk.3 flags=O_CREAT|O_WRONLY
        1s pid=10 renameat";
    let run = "9s pid=11 execve path=/usr/bin/curl layer=upper";
    let state = after(&format!("{apk}\n{run}"));
    assert_eq!(runs(&state, 11), "network <- /usr/bin/curl installed by apk <- 198.51.100.7:80 by apk");
    // Somebody else may as well have put it there.
    let state =
        after(&format!("{apk}\n2s pid=12 execve path=/usr/bin/perl layer=lower\n2s pid=12 rename\n{run}"));
    assert_eq!(runs(&state, 11), "created");
}

#[test]
fn a_program_that_ran_before_is_known_by_its_inode() {
    let script = Script::parse(&format!(
        "{CURL}\n1s pid=11 execve path=/tmp/a\n2s pid=12 execve path=/var/x\n3s pid=13 execve path=/var/y"
    ))
    .unwrap();
    let mut state = State::default();
    for mut event in script.events() {
        if let Kind::SentryExecve(exec) = &mut event.kind {
            let is_other = exec.binary_path.bytes() == b"/var/y";
            (exec.ino, exec.size) = (Ino(if is_other { 8 } else { 7 }), 4096);
        }
        state.apply(&event);
    }
    assert_eq!(runs(&state, 12), format!("network <- {A}"));
    assert_eq!(runs(&state, 13), "unknown");
}

#[test]
fn bytes_that_the_kernel_moves_take_their_source_along() {
    for call in ["sendfile arg1=4 arg2=3", "copy_file_range arg1=3 arg3=4", "splice arg1=3 arg3=4"] {
        let state = after(&format!(
            "0s pid=9 openat path=/tmp/a flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
             1s pid=10 openat path=/opt/b flags=O_CREAT|O_WRONLY result=4
             1s pid=10 openat path=/tmp/a flags=O_RDONLY result=3
             1s pid=10 {call} result=4096"
        ));
        assert!(
            file(&state, "/opt/b").starts_with("network <- /opt/b by entrypoint <- /tmp/a"),
            "{call}: {}",
            file(&state, "/opt/b")
        );
    }
}

#[test]
fn a_splice_from_a_socket_through_a_pipe_reaches_the_file() {
    let state = after(
        "0s pid=10 execve path=/usr/bin/relay layer=lower
         0s pid=10 pipe reader=5 writer=6
         0s pid=11 parent=10 execve path=/usr/bin/sink layer=lower
         0s pid=11 openat path=/opt/b flags=O_CREAT|O_WRONLY result=7
         1s pid=10 accept fd=3 remote=198.51.100.7:4000 result=4
         1s pid=10 splice arg1=4 arg3=6 result=4096
         2s pid=11 splice arg1=5 arg3=7 result=4096",
    );
    assert_eq!(file(&state, "/opt/b"), "network <- /opt/b by sink <- 198.51.100.7:4000 by relay");
}

/// A download that is compiled.
const BUILD: &str = "
    0s pid=10 execve path=/usr/bin/git argv=git layer=lower
    0s pid=10 openat path=/src/x.c flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
    1s pid=11 execve path=/usr/libexec/gcc/cc1 argv=cc1 layer=lower
    1s pid=11 openat path=/src/x.c flags=O_RDONLY
    1s pid=11 openat path=/src/x.s flags=O_CREAT|O_WRONLY
    2s pid=12 execve path=/usr/bin/ld argv=ld layer=lower
    2s pid=12 openat path=/src/x.s flags=O_RDONLY
    2s pid=12 openat path=/src/x flags=O_CREAT|O_WRONLY";
const BUILT: &str =
    "/src/x built by ld <- /src/x.s built by cc1 <- /src/x.c by git <- 198.51.100.7:80 by git";

#[test]
fn what_is_compiled_of_a_download_was_built_here_and_so_is_its_copy() {
    let state = after(&format!(
        "{BUILD}
         3s pid=13 execve path=/usr/bin/install argv=\"install x /usr/local/bin\" layer=lower
         3s pid=13 openat path=/src/x flags=O_RDONLY
         3s pid=13 openat path=/usr/local/bin/x flags=O_CREAT|O_WRONLY
         4s pid=14 execve path=/usr/local/bin/x layer=upper"
    ));
    assert_eq!(file(&state, "/src/x"), format!("created <- {BUILT}"));
    assert_eq!(runs(&state, 14), format!("created <- /usr/local/bin/x by install <- {BUILT}"));
    assert!(process(&state, 14).program.effective().is_built());
}

#[test]
fn a_glance_at_an_object_file_makes_no_build_of_a_download() {
    let state = after(&format!(
        "{BUILD}
         3s pid=13 execve path=/usr/bin/python3 argv=\"python3 -\" layer=lower
         3s pid=13 connect remote=198.51.100.9:80
         3s pid=13 openat path=/src/x.s flags=O_RDONLY
         3s pid=13 openat path=/tmp/m flags=O_CREAT|O_WRONLY"
    ));
    assert_eq!(file(&state, "/tmp/m"), "network <- /tmp/m by python3 <- 198.51.100.9:80 by python3");
}

#[test]
fn a_package_manager_of_the_image_installs_and_so_does_the_pip_that_it_put_into_a_venv() {
    let state = after(
        "0s pid=10 execve path=/usr/bin/python3.13 argv=\"python3 -m venv /v\" layer=lower
         0s pid=11 parent=10 execve path=/usr/bin/python3.13 argv=\"/v/bin/python3 -m ensurepip\" layer=lower
         0s pid=12 parent=11 execve path=/usr/bin/python3.13 argv=\"/v/bin/python3 -c x\" layer=lower
         0s pid=12 openat path=/v/bin/pip flags=O_CREAT|O_WRONLY
         1s pid=13 execve path=/usr/bin/python3.13 argv=\"/v/bin/python3 /v/bin/pip install x\" layer=lower
         1s pid=13 openat path=/v/bin/x flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
         2s pid=14 execve path=/v/bin/x layer=upper",
    );
    assert!(process(&state, 13).program.effective().is_installed());
    assert_eq!(
        runs(&state, 14),
        "network <- /v/bin/x installed by python3.13 <- 198.51.100.7:80 by python3.13"
    );
}

#[test]
fn a_module_of_the_working_directory_that_is_called_pip_is_no_package_manager() {
    let state = after(
        "0s pid=10 openat path=/tmp/w/pip.py flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
         1s pid=11 chdir path=/tmp/w
         1s pid=11 execve path=/usr/bin/python3.13 argv=\"python3 -m pip install x\" layer=lower
         1s pid=11 openat path=/tmp/w/x flags=O_CREAT|O_WRONLY origin=198.51.100.8:80
         2s pid=12 execve path=/tmp/w/x",
    );
    assert!(!process(&state, 12).program.effective().is_installed());
    assert!(runs(&state, 11).contains("198.51.100.7"), "{}", runs(&state, 11));
}

#[test]
fn a_module_from_the_network_is_code_of_the_interpreter_and_data_is_not() {
    let story = |path: &str| {
        after(&format!(
            "0s pid=10 execve path=/usr/bin/curl argv=curl layer=lower
             0s pid=10 openat path={path} flags=O_CREAT|O_WRONLY origin=198.51.100.7:80
             1s pid=11 execve path=/usr/bin/python3.13 argv=\"python3 /app/main.py\" layer=lower
             1s pid=11 openat path={path} flags=O_RDONLY
             1s pid=12 parent=11 openat path=/dev/null flags=O_RDONLY
             1s pid=13 parent=11 execve path=/usr/bin/sleep layer=lower"
        ))
    };
    let state = story("/srv/k.py");
    assert_eq!(code(&state, 11), "network <- /srv/k.py by curl <- 198.51.100.7:80 by curl");
    assert_eq!(code(&state, 12), code(&state, 11), "a child has the memory of its parent");
    assert_eq!(code(&state, 13), "none", "exec forgets it");
    assert_ne!(code(&story("/srv/libk.so.1"), 11), "none");
    assert_eq!(code(&story("/srv/k.json"), 11), "none");
    assert_eq!(code(&story("/srv/k.js"), 11), "none", "another language");
    assert_eq!(code(&story("/app/main.py"), 11), "none", "the program itself");
}

#[test]
fn a_library_is_code_of_whoever_maps_it_executable() {
    let preload = "
        1s pid=11 execve path=/usr/bin/sleep argv=\"sleep 99\" layer=lower
        1s pid=11 openat path=/tmp/a flags=O_RDONLY result=3";
    let state = after_curl(&format!("{preload}\n1s pid=11 mmap arg3=5 arg5=3"));
    assert_eq!(code(&state, 11), format!("network <- {A}"));
    for not in ["mmap arg3=1 arg5=3", "mmap arg3=5 arg5=3 errno=EACCES", "mmap arg3=7 arg5=0xffffffff"] {
        assert_eq!(code(&after_curl(&format!("{preload}\n1s pid=11 {not}")), 11), "none", "{not}");
    }
}

#[test]
fn the_sentry_says_what_is_mapped() {
    let script = Script::parse(&format!("{CURL}\n1s pid=11 execve path=/usr/bin/sleep layer=lower")).unwrap();
    for (path, lower, expected) in [
        ("/tmp/a", false, format!("network <- {A}")),
        ("/usr/lib/libc.so.6", true, "none".to_owned()),
        ("/usr/lib/libm.so.6", false, "none".to_owned()),
        ("", false, "none".to_owned()),
    ] {
        let mut state = State::default();
        let mut last = None;
        for event in script.events() {
            state.apply(&event);
            last = Some(event);
        }
        let map = SentryMmap { path: Text(path.as_bytes()), overlay_lower: lower, ..SentryMmap::default() };
        state.apply(&Event { context: last.unwrap().context, kind: Kind::SentryMmap(map) });
        assert_eq!(code(&state, 11), expected, "{path}");
    }
}

/// An image with two programs, which notes what it is asked.
#[derive(Debug, Default)]
struct Pictured {
    asked: Mutex<Vec<String>>,
}

impl Image for Pictured {
    fn contains(&self, container: &[u8], path: &[u8]) -> Answer {
        assert_eq!(container, b"script");
        self.asked.lock().unwrap().push(Text(path).to_string());
        match path {
            b"/usr/bin/git" | b"/app/run.py" => Answer::Yes,
            path if path.starts_with(b"/mnt/") => Answer::Unknown,
            _ => Answer::No,
        }
    }
}

#[test]
fn the_image_is_asked_where_the_release_does_not_say_and_once_for_each_file() {
    let image = Arc::new(Pictured::default());
    let state = with_image(
        "0s pid=10 execve path=/usr/bin/git
         1s pid=11 execve path=/usr/bin/git
         1s pid=12 execve path=/opt/x
         1s pid=13 execve path=/mnt/y
         1s pid=14 execve path=/usr/bin/ls layer=lower
         1s pid=15 execve path=/usr/bin/python3 argv=\"python3 /app/../app/run.py\" layer=lower
         1s pid=16 openat path=/usr/bin/w flags=O_WRONLY|O_TRUNC
         2s pid=17 execve path=/usr/bin/w
         2s pid=18 openat path=/usr/bin/git flags=O_RDONLY",
        Some(Arc::clone(&image) as Arc<dyn Image>),
    );
    assert_eq!(runs(&state, 10), "image");
    assert_eq!(runs(&state, 11), "image");
    assert_eq!(runs(&state, 12), "created");
    assert_eq!(runs(&state, 13), "unknown");
    assert_eq!(runs(&state, 15), "image");
    assert!(runs(&state, 17).starts_with("created <- /usr/bin/w"), "what was written is the image's no more");
    // The container's first program is asked for as well.
    let asked = image.asked.lock().unwrap().join(" ");
    assert_eq!(asked, "/entrypoint /usr/bin/git /opt/x /mnt/y /app/run.py");
}

#[test]
fn a_path_that_is_not_canonical_never_reaches_the_image() {
    let image = Arc::new(Pictured::default());
    let long = "/x".repeat(5000);
    with_image(
        &format!(
            "0s pid=10 execve path=/usr/../bin/git
             1s pid=11 execve path={long}
             1s pid=12 execve path=relative"
        ),
        Some(Arc::clone(&image) as Arc<dyn Image>),
    );
    assert_eq!(*image.asked.lock().unwrap(), ["/entrypoint"]);
}
