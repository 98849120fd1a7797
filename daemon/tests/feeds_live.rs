//! Feeds and a daemon that watches: what a feed learns today convicts what was seen before.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::corpus::Recorded;
use common::feeds::{Host, addresses, said};
use common::{client, run, sluicebox};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A service that is honest by all that is known, and where it connects to.
const TRACE: (&str, &str) = ("2026", "b_daemon");
const REMOTE: &str = "203.0.113.70:443";

/// How long a new snapshot may take to be in force.
const WITHIN: Duration = Duration::from_secs(1);

#[test]
fn a_pool_that_a_feed_learns_of_later_convicts_the_connection_of_before_within_a_second() {
    let host = Host::new();
    host.take(&addresses(40));
    let mut daemon = host.daemon();
    let packets = Recorded::open(TRACE.0, TRACE.1).stream();
    let sandbox = client(&daemon.socket);
    for packet in &packets {
        sandbox.send(packet).unwrap();
    }

    host.http.answer("/one", common::http::Answer::ok(addresses(40) + REMOTE + "\n"));
    let (status, printed) = host.update();
    assert_eq!(status, Some(0), "{printed}");
    let published = Instant::now();
    let line = daemon.line();
    let took = published.elapsed();

    let finding: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(finding["retrospective"], true, "{line}");
    assert_eq!(finding["rule"], "known-pool", "{line}");
    assert!(
        line.contains("\"one\"") && line.contains(REMOTE),
        "neither feed nor connection is named: {line}"
    );
    assert!(took < WITHIN, "it took {took:?}");

    // No restart, no event lost: the same connection ends with all that was sent.
    drop(sandbox);
    common::wait_for("the summary", || {
        host.log().contains(&format!(": {} events, 0 dropped", packets.len())).then_some(())
    });
    daemon.signal(Signal::SIGTERM);
    let (status, rest) = daemon.end();
    assert_eq!((status, rest.as_str()), (Some(0), ""), "one finding, once");
}

#[test]
fn a_broken_snapshot_is_refused_and_the_last_good_one_stays_in_force() {
    let host = Host::new();
    host.take(&(addresses(40) + REMOTE + "\n"));
    let mut daemon = host.daemon();
    let mut broken = fs::read(host.snapshot()).unwrap();
    broken.truncate(broken.len() / 2);
    sluicebox_daemon::feeds::publish::publish(&host.snapshot(), &broken, 0o600).unwrap();
    common::wait_for("the refusal", || {
        host.log().contains("a snapshot of the denylists was refused").then_some(())
    });
    let sandbox = client(&daemon.socket);
    for packet in Recorded::open(TRACE.0, TRACE.1).stream() {
        sandbox.send(&packet).unwrap();
    }
    let finding: Value = serde_json::from_str(&daemon.line()).unwrap();
    assert_eq!(finding["rule"], "known-pool");
    assert_ne!(finding["retrospective"], true);
}

#[test]
fn a_trace_is_replayed_with_the_snapshot_that_was_published() {
    let host = Host::new();
    host.take(&(addresses(40) + REMOTE + "\n"));
    let trace = Recorded::open(TRACE.0, TRACE.1).path;
    let mut replay = sluicebox();
    replay.args(["replay", "--fail-on", "notice", "--intel"]).arg(host.snapshot()).arg(&trace);
    let (status, printed) = said(&run(&mut replay));
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("known-pool"), "{printed}");
    let (status, printed) = said(&run(sluicebox().args(["replay", "--fail-on", "notice"]).arg(&trace)));
    assert_eq!(status, Some(0), "{printed}");
}
