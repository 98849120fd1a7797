//! `sluicebox rules test` with the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::corpus::Recorded;
use common::{run, sluicebox, text};
use serde_json::Value;
use tempfile::TempDir;

/// A rule about any program of that name, with these tests.
fn rule(id: &str, tests: &str) -> String {
    format!(
        "- rule: Rule {id}\n  id: {id}\n  desc: d\n  condition: evt.type = execve and proc.name = {id}\n  output: o\n  \
         priority: INFO\n{tests}"
    )
}

/// Two executions of `id`, and so many matches expected.
fn script(id: &str, matches: u32) -> String {
    format!(
        "  tests:\n    - matches: {matches}\n      events: |\n        0s pid=10 execve path=/bin/{id}\n        \
         1s pid=11 execve path=/bin/{id}\n"
    )
}

fn write(rules: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    fs::write(&path, rules).unwrap();
    (directory, path)
}

fn tested(arguments: &[&str], path: &Path) -> (Option<i32>, String) {
    let output = run(sluicebox().args(["rules", "test"]).args(arguments).arg(path));
    (output.status.code(), text(&output.stdout))
}

#[test]
fn tests_that_hold_give_status_0() {
    let (_directory, path) = write(&rule("one", &script("one", 2)));
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(
        out,
        "ok    one: 1 passed\n1 rules: 1 tests passed, 0 failed; 0 rules without a test, 0 switched off\n"
    );
}

#[test]
fn a_test_that_fails_says_where_what_it_expects_and_what_it_got_with_status_1() {
    let (_directory, path) = write(&(rule("one", &script("one", 3)) + &rule("two", &script("two", 2))));
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(1));
    let failed = format!("FAIL  one: {}:8: script: 2 matches, not 3\n", path.display());
    assert!(out.starts_with(&failed), "{out}");
    assert!(out.contains("ok    two: 1 passed"), "{out}");
    let (code, out) = tested(&["--format", "json"], &path);
    let json: Value = serde_json::from_str(&out).unwrap();
    let test = &json["rules"][0]["tests"][0];
    assert_eq!((code, &json["failed"], &json["passed"]), (Some(1), &1.into(), &1.into()));
    assert_eq!((&test["expected"], &test["got"], &test["line"]), (&3.into(), &2.into(), &8.into()));
}

#[test]
fn a_script_that_cannot_be_run_says_why() {
    let (_directory, path) =
        write(&rule("one", &script("one", 2).replace("1s pid=11 execve", "1s pid=11 exeve")));
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(1));
    assert!(out.contains("did you mean `execve`?"), "{out}");
}

#[test]
fn a_rule_without_a_test_is_named_and_fails_where_tests_are_required() {
    let (_directory, path) = write(&rule("bare", ""));
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("none  bare: it has no test\n"), "{out}");
    assert_eq!(tested(&["--require-tests"], &path).0, Some(1));
}

#[test]
fn a_rule_that_is_switched_off_is_named_and_its_tests_are_not_run() {
    let off = rule("one", &format!("  enabled: false\n{}", script("one", 2)));
    let (_directory, path) = write(&off);
    let (code, out) = tested(&["--require-tests"], &path);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("off   one:"), "{out}");
}

#[test]
fn a_rule_that_can_never_match_fails_its_test_with_the_reason() {
    let never = rule("one", &script("one", 2)).replace("proc.name = one", "thread.cap_effective contains X");
    let (_directory, path) = write(&never);
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(1));
    assert!(out.contains("0 matches, not 2\n") && out.contains("carries capabilities"), "{out}");
}

const TRACE: &str = "  tests:\n    - { trace: m_drop_exec_pool, matches: 0 }\n";

#[test]
fn a_trace_is_looked_up_beside_the_rule_file_plain_or_packed() {
    let (directory, path) = write(&rule("one", TRACE));
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(1));
    assert!(out.contains("there is no trace of that name"), "{out}");
    let recorded = Recorded::open("2026", "m_drop_exec_pool");
    fs::copy(&recorded.path, directory.path().join("m_drop_exec_pool.trace.zst")).unwrap();
    assert_eq!(tested(&[], &path).0, Some(0));
    fs::remove_file(directory.path().join("m_drop_exec_pool.trace.zst")).unwrap();
    fs::write(directory.path().join("m_drop_exec_pool.trace"), recorded.plain()).unwrap();
    assert_eq!(tested(&[], &path).0, Some(0));
    let output = run(sluicebox().args(["rules", "test", "rules.yaml"]).current_dir(directory.path()));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_trace_must_hold_in_every_release_that_there_is() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let (_directory, path) = write(&rule("one", TRACE));
    let (code, out) = tested(&["--trace", corpus.to_str().unwrap(), "--format", "json"], &path);
    let json: Value = serde_json::from_str(&out).unwrap();
    let tests = json["rules"][0]["tests"].as_array().unwrap();
    assert_eq!((code, tests.len()), (Some(0), 3), "{out}");
    for (test, release) in tests.iter().zip(["2022", "2024", "2026"]) {
        assert!(test["trace"].as_str().unwrap().contains(&format!("/{release}/")), "{test}");
    }
}

#[test]
fn a_trace_that_is_cut_fails_its_test() {
    let (directory, path) = write(&rule("one", TRACE));
    let mut plain = Recorded::open("2026", "m_drop_exec_pool").plain();
    plain.truncate(plain.len() - 1);
    fs::write(directory.path().join("m_drop_exec_pool.trace"), plain).unwrap();
    let (code, out) = tested(&[], &path);
    assert_eq!(code, Some(1));
    assert!(out.contains("cut off"), "{out}");
}

#[test]
fn the_built_in_rules_pass_their_scripts_and_say_which_traces_are_not_here() {
    let output = run(sluicebox().args(["rules", "test", "--require-tests"]));
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(out.trim_end().ends_with("name their directory with --trace"), "{out}");
}

#[test]
fn rules_that_cannot_be_loaded_are_a_failure() {
    let (_directory, path) = write(&rule("one", "").replace("proc.name", "proc.nam"));
    assert_eq!(tested(&[], &path), (Some(2), String::new()));
}
