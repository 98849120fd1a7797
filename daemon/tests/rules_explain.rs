//! `sluicebox rules explain` with the real binary, over a recorded trace: a program is downloaded, run, and goes to a pool.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;

use common::corpus::Recorded;
use common::{run, sluicebox, text};
use serde_json::Value;

/// A sequence: a run of the downloaded program, then what `rest` says.
fn sequence(rest: &str) -> String {
    format!(
        "- rule: Run and more\n  id: more\n  desc: d\n  scope: container\n{rest}  output: o %proc.name\n  priority: INFO\n"
    )
}

const RUN: &str = "    - as: run\n      condition: evt.type = execve and proc.exepath endswith /.cache-x\n";

/// What is said of the rule `more` in a trace of the release.
fn explain(rules: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    fs::write(&path, rules).unwrap();
    let trace = Recorded::open("2026", "m_drop_exec_pool").path;
    let mut command = sluicebox();
    command.args(["rules", "explain", "more"]).arg(trace).arg("--rules").arg(path).args(arguments);
    let output = run(&mut command);
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json(rules: &str) -> (Option<i32>, Value) {
    let (code, out, err) = explain(rules, &["--format", "json"]);
    assert_eq!(err, "");
    (code, serde_json::from_str(&out).unwrap())
}

#[test]
fn a_match_is_told_with_the_record_of_each_step() {
    let rules =
        sequence(&format!("  sequence:\n{RUN}    - condition: evt.type = connect and fd.rport = 3333\n"));
    let (code, told) = json(&rules);
    let partial = &told["partial_matches"][0];
    assert_eq!(
        (code, &told["matches"]),
        (Some(0), &told["partial_matches"].as_array().unwrap().len().into())
    );
    assert_eq!((&partial["end"], &partial["output"]), (&"match".into(), &"o .cache-x".into()));
    let steps = partial["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert!(
        steps[0]["event"].as_str().unwrap().contains("sentry/execve(binary_path=\"/tmp/.cache-x\""),
        "{partial}"
    );
    assert!(steps[1]["event"].as_str().unwrap().contains("198.51.100.7:3333"), "{partial}");
    assert!(steps[0]["record"].as_u64() < steps[1]["record"].as_u64());
}

#[test]
fn a_step_that_nothing_met_is_told_with_the_nearest_events_and_the_values_that_failed() {
    let rules = sequence(&format!(
        "  sequence:\n{RUN}    - condition: evt.type = connect and fd.rport = 4444 and fd.rip exists\n"
    ));
    let (code, out, _) = explain(&rules, &[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("failed: fd.rport = 4444; it was 3333\n"), "{out}");
    assert!(out.contains("still open at the end of the trace; it waits for step 2"), "{out}");
}

#[test]
fn an_earlier_steps_value_is_shown_beside_the_one_that_it_is_compared_with() {
    let rules = sequence(&format!(
        "  sequence:\n{RUN}    - condition: evt.type = connect and fd.rport = 3333 and proc.exepath = val(run.proc.pexepath)\n"
    ));
    let (code, told) = json(&rules);
    let failed = &told["steps"][1]["nearest"][0]["failed"][0];
    assert_eq!((code, &failed["got"]), (Some(1), &"/tmp/.cache-x".into()), "{told}");
    assert!(failed["against"].is_string(), "{failed}");
}

#[test]
fn a_value_that_is_absent_is_told_as_such() {
    let rules =
        sequence("  condition: evt.type = execve and fd.rport = 3333\n").replace("  scope: container\n", "");
    let (code, out, _) = explain(&rules, &[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("failed: fd.rport = 3333; it has no value"), "{out}");
}

#[test]
fn what_ran_out_of_time_says_by_how_much() {
    let rules = sequence(&format!(
        "  within: 1s\n  sequence:\n{RUN}    - condition: evt.type = connect and fd.rport = 3333\n      count: {{ at_least: 5 }}\n"
    ));
    let (code, told) = json(&rules);
    assert_eq!(code, Some(1), "{told}");
    let expired = &told["partial_matches"][0];
    assert_eq!(expired["end"], "expired", "{told}");
    assert!(
        expired["over_by"].as_str().is_some_and(|over| over.ends_with("ns") || over.ends_with('s')),
        "{expired}"
    );
}

#[test]
fn a_counted_step_says_how_far_it_came_and_for_what() {
    let rules = sequence(
        "  within: 1h\n  sequence:\n    - condition: evt.type = connect and fd.rport = 3333\n      count: { at_least: 1000, by: fd.remote }\n",
    );
    let (code, out, _) = explain(&rules, &[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("of 1000 at most for 198.51.100.7:3333"), "{out}");
}

#[test]
fn what_until_voids_and_what_once_suppresses_is_told() {
    let steps = format!("  sequence:\n{RUN}    - condition: evt.type = connect and fd.rport = 9\n");
    let (_, told) = json(&sequence(&format!("  until: evt.type = connect and fd.rport = 3333\n{steps}")));
    assert_eq!(told["partial_matches"][0]["end"], "until", "{told}");
    let (code, told) =
        json(&sequence("  once: [container.id]\n  condition: evt.type = connect and fd.rport = 3333\n"));
    let ends: Vec<&str> = told["partial_matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|partial| partial["end"].as_str().unwrap())
        .collect();
    assert_eq!((code, ends[0]), (Some(0), "match"));
    assert!(ends.len() > 1 && ends[1..].iter().all(|end| *end == "once"), "{ends:?}");
}

#[test]
fn a_match_that_a_step_waits_for_is_counted() {
    let other = "- rule: Other\n  id: other\n  desc: d\n  condition: evt.type = execve and proc.name = nobody\n  output: o\n  priority: INFO\n";
    let rules = sequence(&format!("  sequence:\n{RUN}    - match: [other]\n")) + other;
    let (code, out, _) = explain(&rules, &[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("step 2: a match of another rule\n  other: 0 matches\n"), "{out}");
}

#[test]
fn a_rule_that_is_not_run_says_why() {
    let rules = sequence("  condition: evt.type = execve and thread.cap_effective contains X\n");
    let (code, out, _) = explain(&rules, &[]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("more: it is not run:") && out.contains("capabilities"), "{out}");
}

#[test]
fn a_rule_that_there_is_not_is_a_failure_that_names_the_nearest() {
    let trace = Recorded::open("2026", "m_drop_exec_pool").path;
    let output = run(sluicebox().args(["rules", "explain", "gpu-minr"]).arg(trace));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `gpu-miner`?"), "{}", text(&output.stderr));
}

#[test]
fn a_trace_that_is_cut_is_explained_up_to_the_cut_and_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let mut plain = Recorded::open("2026", "m_drop_exec_pool").plain();
    plain.truncate(plain.len() - 1);
    let path = directory.path().join("cut.trace");
    fs::write(&path, plain).unwrap();
    let output = run(sluicebox().args(["rules", "explain", "pool-reconnect"]).arg(path));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).starts_with("pool-reconnect "), "{}", text(&output.stdout));
}
