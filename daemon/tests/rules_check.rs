//! `sluicebox rules check` with the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{run, sluicebox, text};
use serde_json::Value;

const RULES: &str = "\
- rule: Whole
  desc: d
  condition: evt.type = openat and fd.name = /etc/shadow
  output: o
  priority: INFO
- rule: Never
  desc: d
  condition: evt.type = execve and thread.cap_effective contains CAP_SYS_ADMIN
  output: o
  priority: INFO
- rule: In part
  desc: d
  condition: evt.type = openat and (fd.name = /x or fd.sip.name = example.org) and not proc.tty = 0
  output: o
  priority: INFO
  enabled: false
";

fn write(directory: &Path, content: &str) -> PathBuf {
    let path = directory.join("rules.yaml");
    fs::write(&path, content).unwrap();
    path
}

fn check(arguments: &[&str], path: &Path) -> (Option<i32>, String) {
    let output = run(sluicebox().args(["rules", "check"]).args(arguments).arg(path));
    (output.status.code(), text(&output.stdout))
}

#[test]
fn the_summary_counts_rules_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let (code, out) = check(&["--format", "json"], &write(directory.path(), RULES));
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    for (key, number) in [
        ("rules_total", 3),
        ("rules_loaded", 2),
        ("rules_skipped", 1),
        ("rules_disabled", 1),
        ("errors", 0),
        ("warnings", 1),
    ] {
        assert_eq!(json[key], number, "{key}");
    }
    let rules = json["rules"].as_array().unwrap();
    assert_eq!((&rules[0]["status"], &rules[1]["status"]), (&Value::from("loaded"), &Value::from("skipped")));
    assert!(rules[1]["why"][0].as_str().unwrap().contains("capabilities"));
    assert_eq!(rules[2]["loses"][0]["what"], "fd.sip.name");
    assert_eq!(rules[2]["loses"][0]["line"], 13);
}

#[test]
fn a_rule_with_an_error_is_not_counted_as_loaded_and_an_unknown_key_only_warns() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = "- rule: Wrong count\n  desc: d\n  output: o\n  priority: INFO\n  sequence:\n    \
                 - condition: evt.type = openat\n      count: {at_least: 0}\n";
    let odd = "- rule: Odd key\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n  prioritty: x\n";
    let (code, out) = check(&[], &write(directory.path(), &format!("{RULES}{wrong}")));
    let summary = "4 rules: 2 loaded (1 lose a part, 1 are switched off), 1 left out, 1 with an error; 1 errors, 1 warnings; \
                   nothing would be loaded";
    assert_eq!((code, out.lines().last()), (Some(1), Some(summary)));
    let (code, out) = check(&["--format", "json"], &write(directory.path(), odd));
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["rules_loaded"], &json["warnings"]), (Some(0), &1.into(), &1.into()));
    assert_eq!(json["diagnostics"][0]["help"], "did you mean `priority`?");
}

#[test]
fn a_denied_check_is_marked_for_the_release_that_cannot_say_its_field() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), RULES);
    let (code, out) = check(&["--gvisor", "2022"], &path);
    assert_eq!(code, Some(0));
    assert!(out.contains("warning[W0307]: rule `In part` denies a check on `proc.tty`"), "{out}");
    assert!(!check(&["--gvisor", "2026"], &path).1.contains("W0307"));
}

#[test]
fn all_errors_of_all_files_come_in_one_run_with_status_1() {
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rules/bad");
    let (code, out) = check(&[], &bad);
    assert_eq!(code, Some(1));
    for file in ["operators.yaml:", "unknown_keys.yaml:", "fields.yaml:", "not_yaml.yaml:"] {
        assert!(out.contains(file), "{file}");
    }
    assert!(out.trim_end().ends_with("nothing would be loaded"), "{out}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure() {
    let (code, out) = check(&[], Path::new("/nowhere/rules.yaml"));
    assert_eq!((code, out.as_str()), (Some(2), ""));
}
