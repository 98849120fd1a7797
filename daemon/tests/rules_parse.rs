//! `sluicebox rules parse` with the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;

use common::{run, sluicebox, text};
use serde_json::Value;

/// What comes of these bytes on standard input.
fn parse(arguments: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut command = sluicebox();
    command.args(["rules", "parse", "-"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_condition_gives_ok_and_its_canonical_form() {
    let (code, out) = parse(&[], b"proc.name   in(a,b)  and(not evt.type==open)\n");
    assert_eq!((code, out.as_str()), (Some(0), "ok proc.name in (a, b) and not evt.type = open\n"));
}

#[test]
fn the_canonical_form_of_a_canonical_form_is_itself() {
    let conditions = b"a and (b or not c)\nfd.name startswith anyof (\"a b\", 'c')\nnot not (x)\n\
        toupper(basename(proc.name)) = val(proc.pname)\nevt.arg[\"a \\n b\"] exists\nnet.period >= 1.5e+3\n";
    let (code, once) = parse(&[], conditions);
    assert_eq!((code, once.lines().count()), (Some(0), 6));
    let printed: String =
        once.lines().map(|line| format!("{}\n", line.strip_prefix("ok ").unwrap())).collect();
    assert_eq!(parse(&[], printed.as_bytes()), (Some(0), once));
}

#[test]
fn what_is_no_condition_gives_error_place_and_why_with_status_1() {
    let (code, out) = parse(&[], "evt.type = open\nfd.name = ä and proc.name\n".as_bytes());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines.len(), lines[0]), (Some(1), 2, "ok evt.type = open"));
    // Columns are characters: the `ä` is one.
    let expected =
        "error -:2:17: E0105 expected an operator after `proc.name`, found the end of the condition";
    assert!(lines[1].starts_with(expected), "{out}");
}

#[test]
fn each_line_gives_one_line_whatever_it_holds() {
    let long = "a".repeat(300_000);
    let input = [
        b"a\r\n".as_slice(),
        b"\n",
        b"  \t \n",
        b"# a\n",
        b"x = \"\\n\"\n",
        b"\xff\xfe\n",
        b"a \x1b[2J\n",
        long.as_bytes(),
        b"\nb",
    ]
    .concat();
    let (code, out) = parse(&[], &input);
    let lines: Vec<&str> = out.lines().collect();
    let begins: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(
        begins,
        ["ok", "error", "error", "error", "error", "error", "error", "error", "ok"],
        "{lines:?}"
    );
    assert!(lines[1].contains("the condition is empty"), "{}", lines[1]);
    assert_eq!(lines[5], "error -:6:1: no UTF-8 text");
    assert!(lines[6].contains("\\u{1b}"), "a terminal must not obey: {}", lines[6]);
    assert!(lines[7].starts_with("error -:8:1: E") && lines[7].contains("more than"), "{}", lines[7]);
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(parse(&[], b""), (Some(0), String::new()));
}

#[test]
fn json_gives_an_object_for_each_line() {
    let (code, out) = parse(&["--format", "json"], b"a  or b\n)\n");
    let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, objects.len()), (Some(1), 2));
    assert_eq!((&objects[0]["ok"], &objects[0]["canonical"]), (&Value::from(true), &Value::from("a or b")));
    assert_eq!(
        (&objects[1]["ok"], &objects[1]["column"], &objects[1]["line"]),
        (&false.into(), &1.into(), &2.into())
    );
}

#[test]
fn files_are_read_in_their_order_and_one_that_is_not_there_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    fs::write(&one, "a\n").unwrap();
    fs::write(&two, "b c\n").unwrap();
    let output = run(sluicebox().args(["rules", "parse"]).args([&one, &two]));
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(out.starts_with(&format!("ok a\nerror {}:1:3: ", two.display())), "{out}");
    let output = run(sluicebox().args(["rules", "parse", "/nowhere"]));
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
}
