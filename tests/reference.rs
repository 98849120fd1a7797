//! What the documents say of the code is what the code says: the page of fields, the README's story and weights.
//!
//! `SLUICEBOX_BLESS=1 cargo test --test reference` writes page and story anew; the table of rules is written by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test reads and writes files")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::finding::text;
use sluicebox::intel::Intel;
use sluicebox::rules::Thresholds;
use sluicebox::rules::builtin;
use sluicebox::rules::fields::{FIELDS, FieldDef, Type, unavailable};

use common::Recording;

const PAGE: &str = "docs/fields.md";

const HEAD: &str = "\
# Fields

Generated from `src/rules/fields/table.rs` by `tests/reference.rs`; do not edit.

A field without a value makes every test on it false, `!=` included, so its `not` is true; `exists` asks for it. The last
column says what a trace session must have for a field; `sluicebox session` derives that from the rules.

| field | type | meaning | needs |
|---|---|---|---|
";

const UNAVAILABLE: &str = "
## Known and not to be had

Fields of Falco's that gVisor's trace cannot fill. A rule that cannot match without one is left out when it is loaded, a rule that
only loses a part of its condition is loaded without it; `sluicebox rules check` names both.

| field | why |
|---|---|
";

fn type_name(kind: Type) -> String {
    let words: Vec<String> = kind.members().iter().map(|word| format!("`{word}`")).collect();
    format!("{} {}", kind.name(), words.join(", ")).trim_end().to_owned()
}

fn row(field: &FieldDef) -> String {
    let needs: Vec<&str> = field.needs.iter().map(|need| need.name()).collect();
    let cells = [
        format!("`{}{}`", field.name, field.takes.suffix()),
        type_name(field.kind),
        field.doc.to_owned(),
        needs.join(", "),
    ];
    format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

#[test]
fn the_page_of_fields_is_the_table() {
    let mut wanted = HEAD.to_owned();
    for field in FIELDS {
        writeln!(wanted, "{}", row(field)).unwrap();
    }
    wanted.push_str(UNAVAILABLE);
    for (name, reason) in unavailable::all() {
        writeln!(wanted, "| `{name}` | {} |", reason.sentence()).unwrap();
    }
    if std::env::var("SLUICEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        fs::write(PAGE, &wanted).unwrap();
    }
    let committed = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(committed == wanted, "{PAGE} is out of date: run with SLUICEBOX_BLESS=1");
}

const README: &str = "README.md";

/// The story of the gravest finding of the trace that the README's first command replays.
fn story() -> String {
    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let (intel, mut sandbox, mut found) = (Intel::seed(), Sandbox::new(rules), Vec::new());
    for packet in Recording::open("2026", "m_drop_exec_pool").packets() {
        sandbox.packet(packet, &intel, &mut found).unwrap();
    }
    text::story(found.iter().max_by_key(|finding| finding.severity).unwrap())
}

/// `replay` adds lines about the findings before, which are not compared.
#[test]
fn the_story_of_the_readme_is_what_the_trace_gives() {
    let readme = fs::read_to_string(README).unwrap();
    let story = story();
    let story = story.trim_end();
    let (before, rest) = readme.split_once("```text\nKILL").unwrap();
    let (shown, after) = rest.split_once("```\n").unwrap();
    let shown = format!("KILL{shown}");
    let (own, earlier): (Vec<&str>, Vec<&str>) =
        shown.lines().partition(|line| !line.starts_with("  before "));
    if std::env::var("SLUICEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        let lines: Vec<&str> = story.lines().chain(earlier).collect();
        fs::write(README, format!("{before}```text\n{}\n```\n{after}", lines.join("\n"))).unwrap();
    } else {
        assert_eq!(own.join("\n"), story, "{README} shows another story: run with SLUICEBOX_BLESS=1");
    }
}

#[test]
fn the_readme_lists_every_built_in_rule_with_its_weight() {
    let readme = fs::read_to_string(README).unwrap();
    let compiled = builtin::compiled(Thresholds::default());
    for rule in compiled.rules.unwrap().rules() {
        let row = format!("| `{}` | {} |", rule.id, rule.weight.unwrap());
        assert!(readme.contains(&row), "{README} has no row {row}");
    }
}
