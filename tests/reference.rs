//! `docs/fields.md` is the table of fields as the code has it.
//!
//! `SLUICEBOX_BLESS=1 cargo test --test reference` writes it anew.
#![expect(clippy::disallowed_methods, reason = "a test reads and writes files")]

use std::fmt::Write as _;
use std::fs;

use sluicebox::rules::fields::{FIELDS, FieldDef, Need, Takes, Type};

const PAGE: &str = "docs/fields.md";

const HEAD: &str = "\
# Fields

Generated from `src/rules/fields/table.rs` by `tests/reference.rs`; do not edit.

A field without a value makes every test on it false, `!=` included, so its `not` is true; `exists` asks for it. The last
column says what a trace session must have for a field; `sluicebox session` derives that from the rules.

| field | type | meaning | needs |
|---|---|---|---|
";

fn type_name(kind: Type) -> String {
    let name = match kind {
        Type::Bool => "boolean",
        Type::Count => "number",
        Type::Duration => "duration",
        Type::Size => "size",
        Type::Ratio => "ratio",
        Type::Text => "text",
        Type::Enum(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            return format!("one of {}", words.join(", "));
        }
        Type::Ip => "address",
        Type::Net => "address, by prefix",
        Type::Endpoint => "address and port",
        Type::Texts => "texts",
        Type::FileId => "file",
        Type::FileIds => "files",
    };
    name.to_owned()
}

fn need_name(need: Need) -> &'static str {
    match need {
        Need::Exec => "exec",
        Need::Open => "opens",
        Need::Provenance => "provenance",
        Need::Connect => "connects",
        Need::Socket => "sockets",
        Need::Send => "sends",
        Need::Recv => "receives",
        Need::Gpu => "ioctls",
        Need::Dup => "duplicates",
        Need::Credentials => "credentials",
        Need::Cwd => "working directory",
    }
}

fn row(field: &FieldDef) -> String {
    let argument = match field.takes {
        Takes::Nothing => "",
        Takes::Index => "[n]",
    };
    let needs: Vec<&str> = field.needs.iter().map(|need| need_name(*need)).collect();
    let cells = [
        format!("`{}{argument}`", field.name),
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
    if std::env::var("SLUICEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        fs::write(PAGE, &wanted).unwrap();
    }
    let committed = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(committed == wanted, "{PAGE} is out of date: run with SLUICEBOX_BLESS=1");
}
