//! `sluicebox feeds check`, with the real binary: what scripts read, and how it exits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::Path;

use common::{run, sluicebox, text};
use serde_json::Value;

fn check(directory: &Path, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output =
        run(sluicebox().args(["feeds", "check", "--format", "json"]).args(args).current_dir(directory));
    let lines = text(&output.stdout);
    (output.status.code(), lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn what_is_read_refused_and_demoted_is_counted_with_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let list = "# Entries: 5\n192.0.2.1\n192.0.2.1\n198.51.100.7:3333\n10.0.0.1\nnothing\n";
    fs::write(directory.path().join("list.txt"), list).unwrap();
    let warning = r#"{"name":"List of clouds","type":"cidr","list":["198.51.100.0/24"]}"#;
    fs::write(directory.path().join("clouds.json"), warning).unwrap();
    let (code, reports) =
        check(directory.path(), &["--allow-documentation", "--warninglist", "clouds.json", "list.txt"]);
    let report = &reports[0];
    assert_eq!(code, Some(0), "{report}");
    assert_eq!((&report["file"], &report["format"]), (&"list.txt".into(), &"plain".into()));
    assert_eq!(report["read"], serde_json::json!({"ipv4": 3, "ip4port": 1}));
    assert_eq!(report["distinct"], serde_json::json!({"ipv4": 2, "ip4port": 1}));
    assert_eq!(
        (&report["refused"]["total"], &report["refused"]["by_reason"]["private"]),
        (&1.into(), &1.into())
    );
    assert_eq!(report["refused"]["examples"][0]["line"], 5);
    assert_eq!(report["demoted"], serde_json::json!({"total": 1, "by_list": {"clouds": 1}}));
    assert_eq!((&report["unparsed"], &report["declared"]), (&1.into(), &5.into()));
    assert_eq!((&report["verdict"], &report["reason"]), (&"accepted".into(), &Value::Null));
}

#[test]
fn one_refused_file_makes_the_status_1_and_one_that_cannot_be_read_2() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("good.txt"), "192.0.2.1\n").unwrap();
    fs::write(directory.path().join("page"), "<!doctype html><html>192.0.2.1</html>").unwrap();
    fs::write(directory.path().join("empty"), "\n").unwrap();
    let (code, reports) = check(directory.path(), &["--allow-documentation", "good.txt", "page", "empty"]);
    let reasons: Vec<_> = reports.iter().map(|report| report["reason"].clone()).collect();
    assert_eq!((code, reasons), (Some(1), vec![Value::Null, "html".into(), "empty".into()]));
    assert_eq!(check(directory.path(), &["--may-be-empty", "empty"]).0, Some(0));
    assert_eq!(check(directory.path(), &["good.txt", "absent"]).0, Some(2));
}

#[test]
fn a_compressed_file_and_columns_by_name_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let csv = "n;where;p\n1;192.0.2.1;3333\n";
    fs::write(directory.path().join("t.csv.zst"), zstd::encode_all(csv.as_bytes(), 1).unwrap()).unwrap();
    let columns =
        ["--as", "csv", "--columns", "value=where,port=p,delimiter=;", "--allow-documentation", "t.csv.zst"];
    let (code, reports) = check(directory.path(), &columns);
    assert_eq!((code, &reports[0]["read"]["ip4port"]), (Some(0), &1.into()), "{reports:?}");
}

#[test]
fn the_text_says_the_same_and_moves_no_terminal() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("list"), "192.0.2.1\n192.0.2.2\n\x1b[2Jbad\n10.0.0.1\n").unwrap();
    let output = run(sluicebox()
        .args(["feeds", "check", "--allow-documentation", "list"])
        .current_dir(directory.path()));
    let said = text(&output.stdout);
    for part in [
        "list (plain): accepted",
        "read      ipv4 3",
        "refused   private 1",
        "line 4: 10.0.0.1: private",
        "unparsed  1",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains('\x1b'));
}
