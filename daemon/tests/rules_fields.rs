//! `sluicebox rules fields` with the real binary.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use common::{run, sluicebox, text};
use serde_json::Value;
use sluicebox::rules::fields::{FIELDS, unavailable};

fn fields(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(sluicebox().args(["rules", "fields"]).args(arguments));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn without_a_filter_every_field_is_there_and_every_one_that_cannot_be_had() {
    let (code, out, _) = fields(&["--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    let listed: Vec<(&str, bool)> = json["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["name"].as_str().unwrap(), field["available"].as_bool().unwrap()))
        .collect();
    for field in FIELDS {
        assert!(listed.contains(&(field.name, true)), "{}", field.name);
    }
    for (name, _) in unavailable::all() {
        assert!(listed.contains(&(name, false)), "{name}");
    }
}

#[test]
fn a_filter_shows_type_meaning_and_needs_of_what_has_it_in_its_name() {
    let (code, out, _) = fields(&["EXE.origin"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("proc.exe.origin"), "{out}");
    assert!(lines[0].ends_with("one of unknown, image, created, network, memfd"), "{out}");
    assert!(lines[1].contains("Where the executable came from"), "{out}");
    assert_eq!(lines[2].trim(), "needs exec, provenance");
    assert_eq!(lines.len(), 3, "{out}");
}

#[test]
fn what_cannot_be_had_comes_with_the_reason() {
    let (code, out, _) = fields(&["thread.cap_effective"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("not available\n    no message of gVisor's trace carries capabilities\n"), "{out}");
}

#[test]
fn a_parameter_is_listed_with_the_events_that_have_it_and_those_that_have_not() {
    let (code, out, _) = fields(&["--format", "json", "evt.arg.flags"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    let flags = &json["fields"][0];
    assert_eq!((code, &flags["kind"]), (Some(0), &Value::from("parameter")));
    assert!(flags["on"].as_array().unwrap().contains(&"openat".into()), "{out}");
    let refused = flags["not_on"].as_array().unwrap();
    let openat2 = refused.iter().find(|refused| refused["event"] == "openat2").unwrap();
    assert_eq!(openat2["reason"], "pointer");
}

#[test]
fn a_filter_that_fits_nothing_gives_status_1_and_the_nearest_name() {
    let (code, out, err) = fields(&["proc.exepth"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("did you mean `proc.exepath`?"), "{err}");
}
