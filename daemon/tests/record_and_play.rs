//! The socket end to end, with the real binary on both sides.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use common::{Listening, client, is_closed, packets, packets_of, run, sluicebox, text, trace_of, wait_for};
use nix::sys::signal::Signal;
use sluicebox_daemon::play::{Player, Sent};
use uds::UnixSeqpacketConn;

#[test]
fn what_is_played_is_recorded_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("played.trace");
    fs::write(&trace, trace_of(&packets())).unwrap();
    let mut recorder = Listening::record(directory.path());

    let played = run(sluicebox().arg("play").arg(&recorder.socket).arg(&trace).args(["--times", "3"]));
    assert!(played.status.success(), "{}", text(&played.stderr));

    for _ in 0..3 {
        let recorded = recorder.line();
        assert!(fs::read(recorded).unwrap() == fs::read(&trace).unwrap(), "the recording differs");
    }
}

#[test]
fn connections_at_the_same_time_do_not_mix() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Listening::record(directory.path());
    let clients: Vec<_> = (0..20).map(|_| client(&recorder.socket)).collect();
    for round in 0..100_u8 {
        for (number, client) in (0_u8..).zip(&clients) {
            client.send(&[number, round]).unwrap();
        }
    }
    drop(clients);
    let mut seen = Vec::new();
    for _ in 0..20 {
        let packets = packets_of(recorder.line().as_ref());
        let number = packets[0][0];
        seen.push(number);
        let expected: Vec<_> = (0..100).map(|round| vec![number, round]).collect();
        assert_eq!(packets, expected);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[test]
fn clients_that_do_not_speak_the_protocol_are_closed_and_disturb_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Listening::record(directory.path());
    let connect = || UnixSeqpacketConn::connect(&recorder.socket).unwrap();

    // These never say anything, and are there all the time: most of the places that one process gets.
    let silent: Vec<_> = (0..50).map(|_| connect()).collect();
    let garbage: Vec<_> =
        [&b"GET / HTTP/1.1\r\n"[..], &[0x08, 0x00], &[0xff; 64], &[0; 5000], b"\x0a\xff\xff\xff\xff\x7f"]
            .into_iter()
            .map(|hello| {
                let client = connect();
                client.send(hello).unwrap();
                client
            })
            .collect();
    for _ in 0..100 {
        drop(connect());
    }

    // The places of those that have gone are free a moment later.
    let honest = wait_for("a place", || {
        let client = connect();
        client.send(&sluicebox::wire::handshake::encode()).ok()?;
        (client.recv(&mut [0; 16]).ok()? > 0).then_some(client)
    });
    honest.send(b"an event, or so").unwrap();
    drop(honest);
    assert_eq!(packets_of(recorder.line().as_ref()), [b"an event, or so".to_vec()]);
    assert!(garbage.iter().all(is_closed));
    drop(silent);

    recorder.signal(Signal::SIGTERM);
    let (status, rest) = recorder.end();
    assert_eq!((status, rest.as_str()), (Some(0), ""), "only the honest client left a file");
}

#[test]
fn a_packet_that_is_too_long_is_left_out_and_the_stream_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Listening::record(directory.path());
    let player = Player::connect(&recorder.socket).unwrap();
    player.send(b"before").unwrap();
    if player.send(&vec![7; 300 * 1024]).unwrap() == Sent::TooLarge {
        eprintln!("skipped: net.core.wmem_max does not let us send a packet of 300 KiB");
        return;
    }
    player.send(b"after").unwrap();
    drop(player);
    assert_eq!(packets_of(recorder.line().as_ref()), [b"before".to_vec(), b"after".to_vec()]);
}

#[test]
fn sigterm_ends_cleanly_and_loses_nothing_that_was_sent() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let directory = tempfile::tempdir().unwrap();
        let recorder = Listening::record(directory.path());
        let socket = recorder.socket.clone();
        let clients: Vec<_> = (0..5).map(|_| client(&socket)).collect();
        for client in &clients {
            for number in 0..200_u8 {
                client.send(&[number; 100]).unwrap();
            }
        }
        // The clients are still connected, most of it is still in the sockets.
        recorder.signal(signal);
        let (status, paths) = recorder.end();
        assert_eq!(status, Some(0));
        assert!(!socket.exists(), "the socket file is removed");
        let expected: Vec<_> = (0..200_u8).map(|number| vec![number; 100]).collect();
        let paths: Vec<PathBuf> = paths.lines().map(PathBuf::from).collect();
        assert_eq!(paths.len(), 5);
        for path in paths {
            assert_eq!(packets_of(&path), expected);
        }
        assert!(clients.iter().all(is_closed));
    }
}

#[test]
fn a_living_socket_is_not_stolen_and_a_dead_one_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let first = Listening::record(directory.path());
    let second = run(sluicebox().arg("run").arg("--socket").arg(&first.socket));
    assert_eq!(second.status.code(), Some(2));
    let said = text(&second.stderr);
    assert!(said.lines().count() == 1 && said.contains("in use") && said.contains("events.sock"), "{said}");
    drop(client(&first.socket));

    first.signal(Signal::SIGKILL);
    let (_, _) = first.end();
    let third = Listening::record(directory.path());
    drop(client(&third.socket));
}

#[test]
fn what_is_no_socket_stays_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("precious");
    fs::write(&path, "data").unwrap();
    let output = run(sluicebox().arg("run").arg("--socket").arg(&path).stdout(Stdio::null()));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("not a socket"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn only_the_owner_can_connect_unless_told_otherwise() {
    for (arguments, mode) in [(&[][..], 0o600), (&["--socket-mode", "660"][..], 0o660)] {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let mut command = sluicebox();
        command.arg("run").arg("--socket").arg(&socket).args(arguments);
        let daemon = Listening::start(command, socket);
        let found = fs::metadata(&daemon.socket).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode);
    }
}

#[test]
fn playing_to_nobody_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("t.trace");
    fs::write(&trace, trace_of(&packets())).unwrap();
    let output = run(sluicebox().arg("play").arg(directory.path().join("none")).arg(&trace));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot connect"), "{}", text(&output.stderr));
}

#[test]
fn bench_measures_both_consumers_and_their_ratio() {
    let trace = "../tests/corpus/2024/b_shell_tools.trace.zst";
    let arguments = ["bench", trace, "--times", "2", "--rounds", "1", "--format", "json"];
    let output = run(sluicebox().args(arguments));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: serde_json::Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let [null, analysis] = ["null", "analysis"].map(|which| &told["rounds"][0][which]["events"]);
    assert!(null.as_u64().is_some_and(|events| events > 100) && null == analysis, "{told}");
    assert!(told["median"]["ratio"].as_f64().is_some_and(|ratio| ratio > 0.0), "{told}");
    let output = run(sluicebox().args(["bench", "-"]));
    assert_eq!(output.status.code(), Some(2));
}
