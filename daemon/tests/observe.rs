//! What can be seen of a running daemon from outside: `status`, metrics, health.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use common::corpus::Recorded;
use common::host::Host;
use common::{client, run, sluicebox, text, wait_for};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A sandbox that is connected and has sent a whole trace.
macro_rules! played {
    ($daemon:expr, $release:expr, $name:expr) => {{
        let sandbox = client(&$daemon.socket);
        let packets = Recorded::open($release, $name).stream();
        packets.iter().for_each(|packet| assert!(sandbox.send(packet).is_ok()));
        (sandbox, packets.len())
    }};
}

#[test]
fn status_shows_sandboxes_with_score_and_rules_and_one_of_them_as_a_tree() {
    let host = Host::new();
    host.write("sluicebox.toml", "socket = \"events.sock\"\n[sinks]\nstdout = \"off\"\n");
    let daemon = host.daemon();
    let (_sandbox, sent) = played!(daemon, "2026", "m_drop_exec_pool");
    let line = wait_for("all to be judged", || {
        let line = host.status()["sandboxes"][0].clone();
        let rules = line["top_rules"].as_array().is_some_and(|rules| !rules.is_empty());
        (line["events"] == sent && rules && line["score"].as_u64() > Some(10_000)).then_some(line)
    });
    assert_eq!((&line["verified"], &line["dropped"]), (&Value::Bool(false), &0.into()), "{line}");
    let number = line["connection"].to_string();

    let page = host.ask(&[]);
    assert!(
        page.contains("1 sandboxes") && page.contains("generation 1") && page.contains("unverified"),
        "{page}"
    );
    let trees: Value = serde_json::from_str(&host.ask(&[&number, "--format", "json"])).unwrap();
    let container = &trees[0]["containers"][0];
    assert_eq!(container["id"], "m_drop_exec_pool", "{container}");
    let processes = container["processes"].as_array().unwrap();
    assert!(
        processes.iter().any(|process| process["exe"] == "/tmp/.cache-x" && process["origin"] == "network")
    );
    assert!(processes.iter().any(|process| process["depth"].as_u64() > Some(0)), "it is a tree");
    assert!(!container["partial_matches"].as_array().unwrap().is_empty(), "{container}");
    let page = host.ask(&[&number]);
    assert!(page.contains("container m_drop_exec_pool, score ") && page.contains("waits: "), "{page}");

    let unknown = run(sluicebox().args(["status", "999", "--control"]).arg(host.path("control.sock")));
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("`999`"), "{}", text(&unknown.stderr));
}

#[test]
fn the_control_socket_is_its_owners_and_no_answer_to_nonsense_harms_it() {
    let host = Host::new();
    let daemon = host.daemon();
    let control = host.path("control.sock");
    wait_for("the control socket", || control.exists().then_some(()));
    assert_eq!(fs::metadata(&control).unwrap().permissions().mode() & 0o777, 0o600);
    let silent = UnixStream::connect(&control).unwrap();
    for question in [&b"nonsense\n"[..], b"{\"sandbox\":5}\n", b"\n", &[b'x'; 100_000]] {
        let mut stream = UnixStream::connect(&control).unwrap();
        // A long question is not read to its end.
        drop(stream.write_all(question));
        drop(stream.shutdown(std::net::Shutdown::Write));
        let mut answer = String::new();
        drop(stream.read_to_string(&mut answer));
    }
    assert_eq!(host.status()["force"]["generation"], 1);
    drop(silent);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0, Some(0));
    assert!(!control.exists(), "it goes with the daemon");
    let gone = run(sluicebox().args(["status", "--control"]).arg(&control));
    assert_eq!(gone.status.code(), Some(2));
    assert!(text(&gone.stderr).contains("is the daemon running?"), "{}", text(&gone.stderr));
}

#[test]
fn metrics_count_what_came_and_health_is_told() {
    let host = Host::new();
    host.write(
        "sluicebox.toml",
        "socket = \"events.sock\"\n[sinks]\nstdout = \"off\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n",
    );
    let daemon = host.daemon();
    let address = wait_for("the address", || {
        host.log().lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "metrics").then(|| line["address"].as_str().map(str::to_owned))?
        })
    });
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get("/readyz").ends_with("ready\n"));
    assert!(get("/nothing").starts_with("HTTP/1.1 404 "));
    let (sandbox, sent) = played!(daemon, "2026", "m_drop_exec_pool");
    sandbox.send(b"short").unwrap();
    let value = |metrics: &str, name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    };
    let metrics = wait_for("all to be counted", || {
        let metrics = get("/metrics");
        let error = "sluicebox_decode_errors_total{kind=\"short_header\"}";
        let partial = value(&metrics, "sluicebox_partial_matches") > 0;
        (value(&metrics, error) == 1 && partial).then_some(metrics)
    });
    let events: u64 = metrics
        .lines()
        .filter(|line| line.starts_with("sluicebox_events_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(events, sent as u64);
    assert_eq!(value(&metrics, "sluicebox_findings_total{severity=\"kill\"}"), 1);
    assert_eq!(value(&metrics, "sluicebox_kills_total{outcome=\"unverified\"}"), 1);
    assert_eq!(value(&metrics, "sluicebox_connections"), 1);
    assert!(value(&metrics, "sluicebox_finding_latency_seconds_count") >= 1);
    drop(sandbox);
    wait_for("the end of the sandbox", || {
        (value(&get("/metrics"), "sluicebox_partial_matches") == 0).then_some(())
    });
}
