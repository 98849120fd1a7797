//! Rule files and trace sessions, with the real binary.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::corpus::{Recorded, recorded};
use common::{run, sluicebox, text};
use serde_json::Value;

/// A rule about something that no built-in rule asks for.
const CHROOT: &str = "\
- rule: Another root
  id: another-root
  desc: d
  condition: evt.type = chroot
  weight: 100
  priority: CRITICAL
  output: x
";

/// A rule that every recording matches.
const ANYTHING: &str = "\
- rule: Anything
  id: anything
  desc: d
  condition: evt.type in (execve, container)
  once: [container.id]
  weight: 100
  priority: CRITICAL
  output: '%proc.name was run'
";

fn session(arguments: &[&str]) -> Value {
    let output = run(sluicebox().arg("session").args(arguments));
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn points(session: &Value) -> Vec<&str> {
    let points = session["trace_session"]["points"].as_array().unwrap();
    points.iter().map(|point| point["name"].as_str().unwrap()).collect()
}

fn write(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn bad_rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rules/bad/operators.yaml")
}

#[test]
fn a_session_is_what_runsc_reads_in_every_release() {
    for release in ["2022", "2024", "2026"] {
        let printed = session(&["--gvisor", release, "--socket", "/run/a \"b\".sock"]);
        let session = &printed["trace_session"];
        assert_eq!(session["name"], "Default");
        assert_eq!(
            session["ignore_missing"], true,
            "{release}: a name it does not know must not cost the rest"
        );
        let sinks = session["sinks"].as_array().unwrap();
        assert_eq!(sinks.len(), 1);
        assert_eq!(sinks[0]["name"], "remote");
        assert_eq!(sinks[0]["config"]["endpoint"], "/run/a \"b\".sock");
        for point in session["points"].as_array().unwrap() {
            for fields in ["optional_fields", "context_fields"] {
                assert!(point[fields].as_array().unwrap().iter().all(Value::is_string), "{point}");
            }
            let context = point["context_fields"].as_array().unwrap();
            assert!(context.iter().any(|field| field == "container_id"), "{release}: {point}");
        }
        let mut names = points(&printed);
        for name in ["container/start", "sentry/clone", "sentry/execve", "syscall/connect/exit"] {
            assert!(names.contains(&name), "{release}: {name}");
        }
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{release}: no point twice");
    }
    assert_eq!(session(&[]), session(&["--gvisor", "2026"]), "the newest is what one gets unasked");
}

#[test]
fn a_session_asks_for_what_the_given_rules_look_at() {
    let directory = tempfile::tempdir().unwrap();
    let rules = write(directory.path(), "chroot.yaml", CHROOT);
    let named = session(&["--rules", rules.to_str().unwrap()]);
    assert!(points(&named).contains(&"syscall/chroot/exit"));
    assert!(!points(&named).contains(&"syscall/connect/exit"), "the built-in rules are not loaded");
    assert_eq!(session(&["--rules", directory.path().to_str().unwrap()]), named, "a directory of rules");
    assert!(!points(&session(&[])).contains(&"syscall/chroot/exit"));
}

#[test]
fn rules_from_a_directory_take_the_place_of_the_built_in_ones() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "b.yaml", CHROOT);
    write(directory.path(), "a.yml", ANYTHING);
    write(directory.path(), "notes.txt", "not: [rules");
    let honest = Recorded::open("2026", "b_web_client");
    let output = run(sluicebox()
        .args(["replay", "--format", "json", "--rules"])
        .arg(directory.path())
        .arg(&honest.path));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let rules: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["rule"].clone())
        .collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule == "anything"), "{rules:?}");
}

#[test]
fn a_bad_rule_file_is_said_with_its_places_and_nothing_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "good.yaml", ANYTHING);
    let bad = write(directory.path(), "worse.yaml", &fs::read_to_string(bad_rules()).unwrap());
    let trace = &recorded()[0].path;
    let socket = directory.path().join("s");
    for rules in [bad.as_path(), directory.path()] {
        let commands = [
            sluicebox().arg("replay").arg("--rules").arg(rules).arg(trace).output(),
            sluicebox().arg("session").arg("--rules").arg(rules).output(),
            sluicebox().arg("run").arg("--rules").arg(rules).arg("--socket").arg(&socket).output(),
        ];
        for output in commands.map(Result::unwrap) {
            let said = text(&output.stderr);
            assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{said}");
            for place in ["worse.yaml:2:26", "worse.yaml:4:22"] {
                assert!(said.contains(place), "{place}: {said}");
            }
            assert!(said.ends_with("errors, nothing was loaded\n"), "{said}");
            assert!(!said.contains(" events, "), "no trace was judged without its rules: {said}");
        }
    }
    assert!(!socket.exists(), "a daemon without its rules does not listen");
}

#[test]
fn rules_that_are_not_there_are_said_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.yaml");
    for path in [missing.as_path(), directory.path()] {
        let output = run(sluicebox().arg("session").arg("--rules").arg(path));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.lines().count() == 1 && said.contains(&*path.to_string_lossy()), "{said}");
    }
}
