//! The receive loop as an embedder uses it: what a consumer is told, and what one client can do to others.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::serving::{Running, Serving, Told};
use common::{client, is_closed};
use sluicebox_daemon::serve::{Consumer, End, Peer, Refusal};
use uds::UnixSeqpacketConn;

fn packet(text: &str) -> Told {
    Told::Packet(text.as_bytes().to_vec())
}

#[test]
fn a_consumer_hears_who_it_is_what_it_sent_and_how_it_ended() {
    let serving = Serving::start(|_| {});
    let sender = client(&serving.socket);
    assert_eq!(serving.next(), Told::Peer { pid: std::process::id() });
    sender.send(b"one").unwrap();
    sender.send(b"two").unwrap();
    assert_eq!((serving.next(), serving.next()), (packet("one"), packet("two")));
    drop(sender);
    assert_eq!(serving.next(), Told::Closed(End::Peer));
    let (totals, rest) = serving.stop();
    assert_eq!((totals.served, totals.packets, totals.refused, rest.len()), (1, 2, 0, 0));
}

#[test]
fn time_passes_for_a_connection_that_says_nothing() {
    let serving = Serving::start(|options| options.tick = Duration::from_millis(5));
    let _sender = client(&serving.socket);
    assert_eq!(serving.next(), Told::Peer { pid: std::process::id() });
    assert_eq!((serving.next(), serving.next()), (Told::Tick, Told::Tick));
}

#[test]
fn a_silent_client_is_closed_when_its_time_is_up() {
    let serving = Serving::start(|options| options.handshake_timeout = Duration::from_millis(20));
    let silent = UnixSeqpacketConn::connect(&serving.socket).unwrap();
    assert!(is_closed(&silent));
    let (totals, told) = serving.stop();
    assert_eq!((totals.accepted, totals.served, totals.refused), (1, 0, 1));
    assert_eq!(told, []);
}

#[test]
fn a_panic_costs_one_connection_and_nothing_else() {
    let serving = Serving::start(|_| {});
    let bystander = client(&serving.socket);
    let victim = client(&serving.socket);
    assert!(matches!((serving.next(), serving.next()), (Told::Peer { .. }, Told::Peer { .. })));
    victim.send(b"panic").unwrap();
    assert_eq!(serving.next(), Told::Panicked(String::from("as told")));
    assert!(is_closed(&victim));
    bystander.send(b"still there").unwrap();
    assert_eq!(serving.next(), packet("still there"));
    let (_, told) = serving.stop();
    let rest = [Told::Closed(End::Stopped)];
    assert_eq!(told, rest, "the one that panicked is told nothing any more");
}

#[test]
fn a_consumer_can_hang_up() {
    let serving = Serving::start(|_| {});
    let sender = client(&serving.socket);
    assert!(matches!(serving.next(), Told::Peer { .. }));
    sender.send(b"close").unwrap();
    assert_eq!((serving.next(), serving.next()), (packet("close"), Told::Closed(End::Consumer)));
    assert!(is_closed(&sender));
}

#[test]
fn connections_beyond_the_limit_are_closed_and_places_come_back() {
    let serving = Serving::start(|options| options.max_connections = 2);
    let first = client(&serving.socket);
    let _second = client(&serving.socket);
    let third = UnixSeqpacketConn::connect(&serving.socket).unwrap();
    assert!(is_closed(&third));
    assert!(matches!((serving.next(), serving.next()), (Told::Peer { .. }, Told::Peer { .. })));
    drop(first);
    assert_eq!(serving.next(), Told::Closed(End::Peer));
    // The consumer hears of the end a moment before the place is free.
    let again = common::wait_for("a free place", || {
        let connection = UnixSeqpacketConn::connect(&serving.socket).ok()?;
        connection.send(&sluicebox::wire::handshake::encode()).ok()?;
        (connection.recv(&mut [0; 16]).ok()? > 0).then_some(connection)
    });
    drop(again);
    let (totals, _) = serving.stop();
    assert_eq!(totals.served, 3);
}

#[test]
fn hundreds_of_silent_connections_hold_up_nobody() {
    let serving = Serving::start(|options| options.handshake_timeout = Duration::from_secs(3600));
    let silent: Vec<_> = (0..300).map(|_| UnixSeqpacketConn::connect(&serving.socket).unwrap()).collect();
    let flood: Vec<_> =
        (0..1000).filter_map(|_| UnixSeqpacketConn::connect(&serving.socket).ok()).map(drop).collect();
    let sender = client(&serving.socket);
    sender.send(b"heard").unwrap();
    assert!(matches!(serving.next(), Told::Peer { .. }));
    assert_eq!(serving.next(), packet("heard"));
    drop((silent, flood));
}

#[test]
fn a_flooding_client_does_not_starve_its_neighbour() {
    let serving = Serving::start(|_| {});
    let stop = Arc::new(AtomicBool::new(false));
    let flooder = client(&serving.socket);
    let quiet = client(&serving.socket);
    let stopped = Arc::clone(&stop);
    let flooding = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            flooder.send(b"flood").unwrap();
        }
    });
    quiet.send(b"quiet").unwrap();
    // Heard in the middle of the flood: the flooder goes on until this came through.
    while serving.next() != packet("quiet") {}
    stop.store(true, Ordering::Relaxed);
    flooding.join().unwrap();
    serving.stop();
}

#[test]
fn each_container_that_a_runtime_announces_has_a_socket_and_loses_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let (at, said) = (directory.path().join("job-1.sock"), directory.path().join("job-1.json"));
    let (tell, told) = channel();
    let socket_dir = Some(directory.path().to_owned());
    let mut running = Running::start(
        |options| options.socket_dir = socket_dir,
        move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
            tell.send(peer.identity.sandbox().cloned())?;
            Err("seen enough".into())
        },
    );
    std::fs::write(directory.path().join("new"), r#"{"labels": {"user": "alice"}}"#).unwrap();
    std::fs::rename(directory.path().join("new"), &said).unwrap();
    let own = common::wait_for("the socket", || UnixSeqpacketConn::connect(&at).ok());
    own.send(&sluicebox::wire::handshake::encode()).unwrap();
    let sandbox = told.recv().unwrap().unwrap();
    assert_eq!((sandbox.id.as_str(), &*sandbox.labels[0].1), ("job-1", "alice"));
    std::fs::remove_file(&said).unwrap();
    common::wait_for("the end of the socket", || (!at.exists()).then_some(()));
    std::fs::write(&said, "{}").unwrap();
    common::wait_for("the socket again", || at.exists().then_some(()));
    running.stop();
    assert!(!at.exists(), "the server left its socket behind");
}
