//! `sluicebox rules list` with the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;

use common::{run, sluicebox, text};
use serde_json::Value;

const RULES: &str = "\
- rule: One event
  id: one
  desc: d
  condition: evt.type = execve and proc.name = x
  output: o
  priority: INFO
  tags: [T1059, shell]
- rule: A sequence
  id: many
  desc: d
  scope: lineage
  within: 90s
  sequence:
    - as: first
      condition: evt.type = connect
      count: { at_least: 3 }
    - match: [one]
      optional: true
  output: o
  priority: WARNING
  weight: 20
- rule: Never
  id: never
  desc: d
  condition: evt.type = execve and thread.cap_effective contains CAP_SYS_ADMIN
  output: o
  priority: INFO
- rule: Off
  id: off
  desc: d
  condition: evt.type = execve
  output: o
  priority: ERROR
  enabled: false
";

fn list(arguments: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    fs::write(&path, RULES).unwrap();
    let output = run(sluicebox().args(["rules", "list"]).args(arguments).arg(path));
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_line_for_each_rule_says_kind_weight_scope_time_points_and_tags() {
    let (code, out) = list(&[]);
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(code, Some(0));
    let expected: [&[&str]; 5] = [
        &["ID", "STATUS", "KIND", "WEIGHT", "PRIORITY", "SCOPE", "WITHIN", "POINTS", "TAGS", "NAME"],
        &["one", "on", "event", "-", "INFO", "-", "-", "4", "T1059,shell", "One event"],
        &["many", "on", "sequence of 2", "20", "WARNING", "lineage", "1m30s", "5", "-", "A sequence"],
        &["never", "left out", "event", "-", "INFO", "-", "-", "-", "-", "Never"],
        &["off", "off", "event", "-", "ERROR", "-", "-", "-", "-", "Off"],
    ];
    assert_eq!(rows, expected, "{out}");
}

#[test]
fn json_names_the_points_and_what_each_step_asks() {
    let (code, out) = list(&["--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    let many = &json["rules"][1];
    assert_eq!((code, &many["kind"], &many["within"]), (Some(0), &"sequence".into(), &"1m30s".into()));
    assert_eq!(many["steps"][0]["condition"], "evt.type = connect");
    assert_eq!(many["steps"][0]["at_least"], 3);
    assert_eq!(many["steps"][1]["match"][0], "one");
    assert!(many["needs"].as_array().unwrap().contains(&"syscall/connect/exit".into()), "{many}");
    assert!(json["rules"][2]["why"][0].as_str().unwrap().contains("capabilities"));
}

#[test]
fn an_earlier_release_needs_other_points() {
    let (_, out) = list(&["--gvisor", "2022", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert!(json["rules"][0]["needs"].as_array().unwrap().contains(&"syscall/execve/enter".into()), "{out}");
}

#[test]
fn without_a_path_the_built_in_rules_are_listed() {
    let output = run(sluicebox().args(["rules", "list"]));
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(out.lines().any(|line| line.starts_with("downloaded-program-run ")), "{out}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn rules_that_cannot_be_loaded_are_a_failure_that_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    fs::write(&path, RULES.replace("proc.name = x", "proc.nam = x")).unwrap();
    let output = run(sluicebox().args(["rules", "list"]).arg(path));
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
    assert!(text(&output.stderr).contains("did you mean `proc.name`?"));
}
