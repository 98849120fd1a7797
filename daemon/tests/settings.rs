//! `sluicebox run` with a configuration: what is checked, and what is taken anew while sandboxes are watched.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::corpus::Recorded;
use common::feeds::said;
use common::host::{Host, RULE};
use common::{client, run, sluicebox, wait_for};
use nix::sys::signal::Signal;

#[test]
fn a_check_takes_what_comes_with_it() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sluicebox.toml");
    let (status, printed) = said(&run(sluicebox().args(["run", "--check", "--config"]).arg(file)));
    assert_eq!(status, Some(0), "{printed}");
    assert_eq!(said(&run(sluicebox().args(["run", "--check"]))).0, Some(0));
}

#[test]
fn a_check_refuses_what_is_wrong_with_its_place_and_the_mend() {
    let host = Host::new();
    assert_eq!(
        host.check(&[]),
        (Some(0), {
            let missing = host.path("intel");
            format!(
                "sluicebox: {}: not there yet, the bundled lists are used until then\n\
             sluicebox: settings are good: 1 rules, the bundled lists\n",
                missing.display()
            )
        })
    );

    host.write("sluicebox.toml", &host.settings("[thresholds]\nalrt = 5\n"));
    let (status, printed) = host.check(&[]);
    assert_eq!(status, Some(2), "{printed}");
    assert!(
        printed.contains("sluicebox.toml:5:1: ") && printed.contains("did you mean `alert`?"),
        "{printed}"
    );

    host.write("sluicebox.toml", &host.settings(""));
    host.write("rules.yaml", &RULE.replace("evt.type", "evt.tpye"));
    let (status, printed) = host.check(&[]);
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("rules.yaml:4:") && printed.contains("evt.tpye"), "{printed}");

    host.write("rules.yaml", RULE);
    host.write("intel", "no snapshot");
    let (status, printed) = host.check(&[]);
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("intel"), "{printed}");
}

#[test]
fn options_win_over_the_file() {
    let host = Host::new();
    host.write("rules.yaml", "- rule: [\n");
    assert_eq!(host.check(&[]).0, Some(2));
    let other = host.path("other.yaml");
    host.write("other.yaml", RULE);
    assert_eq!(host.check(&["--rules", other.to_str().unwrap()]).0, Some(0));
}

#[test]
fn a_hundred_reloads_under_load_lose_no_event_and_refuse_what_is_bad_with_the_reason() {
    let host = Host::new();
    let mut daemon = host.daemon();
    let printed = daemon.read_on();
    let packets = Recorded::open("2024", "b_web_client").stream();
    let stop = Arc::new(AtomicBool::new(false));
    let (socket, stopped) = (daemon.socket.clone(), Arc::clone(&stop));
    let load = std::thread::spawn(move || {
        let sandbox = client(&socket);
        let mut sent = 0;
        while !stopped.load(Ordering::Relaxed) {
            for packet in &packets {
                sandbox.send(packet).unwrap();
            }
            sent += packets.len();
        }
        sent
    });
    for round in 0..50 {
        let good = RULE.replace("connects", &format!("connects-{round}"));
        host.write("rules.yaml", &good);
        daemon.signal(Signal::SIGHUP);
        wait_for("the good one to be taken", || {
            (host.says("reloaded: other rules") == round + 1).then_some(())
        });
        // It may be noticed by itself as well, and is refused again when that is asked for.
        let refused = host.says("a reload was refused");
        host.write("rules.yaml", &RULE.replace("evt.type", "evt.tpye"));
        daemon.signal(Signal::SIGHUP);
        wait_for("the bad one to be refused", || (host.says("a reload was refused") > refused).then_some(()));
    }
    assert!(host.says("evt.tpye") >= 50, "the reason is said");
    assert_eq!(host.says("generation=51"), 1, "{}", host.log());
    let force = &host.status()["force"];
    assert_eq!((&force["generation"], &force["reloads_taken"]), (&51.into(), &50.into()));
    assert!(force["refusal"].as_str().is_some_and(|why| why.contains("evt.tpye")), "{force}");
    stop.store(true, Ordering::Relaxed);
    let sent = load.join().unwrap();
    wait_for("the summary", || host.log().contains(&format!(": {sent} events, 0 dropped")).then_some(()));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0, Some(0));
    let printed = printed.join().unwrap();
    assert!(printed.contains("connects-"), "rules that were taken find: {printed}");
}

#[test]
fn a_changed_file_is_taken_without_a_signal() {
    let host = Host::new();
    let daemon = host.daemon();
    host.write("sluicebox.toml", &host.settings("[thresholds]\nnotice = 10\n"));
    wait_for("the settings to be taken", || (host.says("reloaded: other rules") == 1).then_some(()));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn findings_go_to_a_file_that_is_opened_anew_at_sighup() {
    let host = Host::new();
    host.write(
        "sluicebox.toml",
        &host.settings("[sinks]\nstdout = \"off\"\n[[sinks.file]]\npath = \"findings\"\n"),
    );
    let daemon = host.daemon();
    let played = || {
        let sandbox = client(&daemon.socket);
        for packet in Recorded::open("2024", "b_web_client").stream() {
            sandbox.send(&packet).unwrap();
        }
    };
    let lines = |name: &str| fs::read_to_string(host.path(name)).unwrap_or_default().lines().count();
    played();
    wait_for("the finding", || (lines("findings") == 1).then_some(()));
    fs::rename(host.path("findings"), host.path("findings.1")).unwrap();
    daemon.signal(Signal::SIGHUP);
    wait_for("a new file", || host.path("findings").exists().then_some(()));
    played();
    wait_for("the finding", || (lines("findings") == 1).then_some(()));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end(), (Some(0), String::new()));
    assert_eq!(lines("findings.1"), 1);
}
