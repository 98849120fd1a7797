//! Real logs of strace, imported with the real binary and judged by the built-in rules.
//!
//! `daemon/tests/strace/` holds them: `dropped` is curl, chmod and a program that comes back to a pool's port (`-f -ttt -y`),
//! `reverse` a shell on a connection (`-f -tt`, on a terminal), `python_start` the first log of `-ff -r`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; its logs are its own"
)]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{run, sluicebox, text};
use serde_json::Value;

/// A log, unpacked into a directory.
fn log(directory: &Path, name: &str) -> PathBuf {
    let packed = fs::read(format!("tests/strace/{name}.log.zst")).unwrap();
    let path = directory.join(name);
    fs::write(&path, zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    path
}

/// The trace that is made of logs, and what is said about it.
fn imported(directory: &Path, logs: &Path) -> (PathBuf, String) {
    let trace = directory.join("made.trace");
    let output = run(sluicebox().arg("strace").arg(logs).arg("--out").arg(&trace));
    assert!(output.status.success(), "{}", text(&output.stderr));
    (trace, text(&output.stderr))
}

/// The findings of a trace.
fn findings(trace: &Path) -> Vec<Value> {
    let output = run(sluicebox().args(["replay", "--format", "json"]).arg(trace));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_program_that_was_fetched_made_executable_and_run_is_convicted() {
    let directory = tempfile::tempdir().unwrap();
    let (trace, said) = imported(directory.path(), &log(directory.path(), "dropped"));
    assert!(said.contains(" 0 lines not read"), "{said}");
    let findings = findings(&trace);
    let last = findings.last().unwrap();
    assert_eq!(last["severity"], "kill");
    let evidence = last["evidence"].as_array().unwrap();
    let program = evidence.iter().find_map(|step| step.get("program")).unwrap();
    assert_eq!(program["path"], "/srv/job/worker");
    assert_eq!(program["remote"], "203.0.113.9:8000");
    assert_eq!(program["chain"][0]["by"]["name"], "curl");
}

#[test]
fn a_shell_on_a_connection_is_convicted_though_the_log_is_a_terminals() {
    let directory = tempfile::tempdir().unwrap();
    let (trace, _) = imported(directory.path(), &log(directory.path(), "reverse"));
    let findings = findings(&trace);
    assert_eq!(findings.last().unwrap()["rule"], "reverse-shell");
    assert_eq!(findings.last().unwrap()["severity"], "alert");
}

#[test]
fn every_call_of_a_long_log_is_an_event_and_nothing_is_found_in_an_honest_one() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(directory.path(), "python_start");
    let lines = fs::read_to_string(&log).unwrap();
    let calls = lines.lines().filter(|line| line.contains(") = ") || line.contains(")   ")).count();
    let (trace, said) = imported(directory.path(), &log);
    assert!(calls > 1000 && said.contains(" 0 lines not read"), "{calls}: {said}");
    let dumped = text(&run(sluicebox().arg("dump").arg(&trace)).stdout);
    assert!(dumped.lines().count() >= calls, "{} events of {calls} calls", dumped.lines().count());
    assert_eq!(findings(&trace), Vec::<Value>::new());
}

#[test]
fn logs_of_ff_are_taken_together_under_the_name_that_strace_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("log");
    fs::write(directory.path().join("log.7"), "1000000000.1 fork() = 8\n").unwrap();
    fs::write(directory.path().join("log.8"), "1000000000.2 getpid() = 8\n").unwrap();
    let (trace, _) = imported(directory.path(), &prefix);
    let dumped = text(&run(sluicebox().arg("dump").arg(&trace)).stdout);
    assert!(dumped.contains("7/7 fork") && dumped.contains("8/8 getpid"), "{dumped}");
}

#[test]
fn what_is_no_log_leaves_no_trace_behind() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let trace = directory.path().join("made.trace");
    fs::write(&log, "nothing of strace's\n").unwrap();
    let output = run(sluicebox().arg("strace").arg(&log).arg("--out").arg(&trace));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("not a log of strace"), "{}", text(&output.stderr));
    assert!(!trace.exists());
    // A trace that is there is not overwritten, whatever becomes of the import.
    fs::write(&trace, "precious").unwrap();
    let output = run(sluicebox().arg("strace").arg(&log).arg("--out").arg(&trace));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&trace).unwrap(), "precious");
    let output =
        run(sluicebox().args(["strace", "/nonexistent/log", "--out"]).arg(directory.path().join("x")));
    assert!(text(&output.stderr).contains("/nonexistent/log"), "{}", text(&output.stderr));
}
