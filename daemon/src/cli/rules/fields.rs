//! `sluicebox rules fields`: what conditions can ask for, from the table that the compiler uses.

use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use sluicebox::rules::closest;
use sluicebox::rules::fields::{FIELDS, FieldDef, Parameter, Unavailable, parameters, unavailable};
use sluicebox::wire::schema::Release;

use super::super::{Outcome, say};
use super::Format;

/// List the fields of conditions: type, meaning, what they need; and Falco's others with the reason why not
///
/// Parameters of events are listed as `evt.arg.NAME` with the events that have them; `evt.rawarg.NAME` is the same
/// without names for numbers. Exit status: 0, or 1 if no field has the text in its name.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A part of the name, without regard to case; several show what any of them fits
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// What is known of one name.
enum Entry {
    Field(&'static FieldDef),
    Parameter(Parameter),
    Unavailable(Unavailable),
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let filters: Vec<String> = typed.filters.iter().map(|filter| filter.to_lowercase()).collect();
    let fits = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let all: Vec<(String, Entry)> = entries();
    let chosen: Vec<&(String, Entry)> = all.iter().filter(|(name, _)| fits(&name.to_lowercase())).collect();
    let mut out = io::stdout().lock();
    match typed.format {
        Format::Text => {
            for (name, entry) in &chosen {
                out.write_all(entry.text(name).as_bytes())?;
            }
        }
        Format::Json => {
            let fields: Vec<Value> = chosen.iter().map(|(name, entry)| entry.json(name)).collect();
            serde_json::to_writer_pretty(&mut out, &json!({ "fields": fields }))?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    if !chosen.is_empty() {
        return Ok(Outcome::Clean);
    }
    let near = filters.iter().find_map(|filter| closest(filter, all.iter().map(|(name, _)| name.as_str())));
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    say(&format!("rules: no field has that in its name{hint}"));
    Ok(Outcome::Found)
}

/// All names, what can be had first.
fn entries() -> Vec<(String, Entry)> {
    let fields = FIELDS.iter().map(|field| (field.name.to_owned(), Entry::Field(field)));
    let parameters = parameters()
        .into_iter()
        .map(|parameter| (format!("evt.arg.{}", parameter.name), Entry::Parameter(parameter)));
    let others = unavailable::all().map(|(name, reason)| (name.to_owned(), Entry::Unavailable(reason)));
    fields.chain(parameters).chain(others).collect()
}

impl Entry {
    /// Name and type on a line, then what is to be said of it.
    fn text(&self, name: &str) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            // Writing to a string cannot fail.
            let _written = writeln!(text, "{line}");
        };
        match self {
            Entry::Field(field) => {
                let members = field.kind.members().join(", ");
                let kind = format!("{} {members}", field.kind.name());
                line(&format!("{:<28} {}", format!("{name}{}", field.takes.suffix()), kind.trim_end()));
                line(&format!("    {}", field.doc));
                if !field.needs.is_empty() {
                    line(&format!("    needs {}", needs(field).join(", ")));
                }
                if field.is_from_outside() {
                    line("    known only where the runtime or the OCI bundle says it");
                }
                if field.since() > Release::R2022 {
                    line(&format!("    always told since gVisor {} only", field.since().name()));
                }
            }
            Entry::Parameter(parameter) if parameter.on.is_empty() => {
                line(&format!("{name:<28} not available"));
                refused(parameter, "of", &mut line);
            }
            Entry::Parameter(parameter) => {
                line(&format!("{name:<28} parameter"));
                line(&format!("    of {}", parameter.on.join(", ")));
                refused(parameter, "not of", &mut line);
            }
            Entry::Unavailable(reason) => {
                line(&format!("{name:<28} not available"));
                line(&format!("    {}", reason.sentence()));
            }
        }
        text
    }

    fn json(&self, name: &str) -> Value {
        match self {
            Entry::Field(field) => json!({
                "name": name,
                "available": true,
                "kind": "field",
                "type": field.kind.name(),
                "one_of": field.kind.members(),
                "argument": field.takes.suffix(),
                "doc": field.doc,
                "needs": needs(field),
                "asks_runtime": field.is_from_outside(),
                "since": field.since().name(),
            }),
            Entry::Parameter(parameter) => {
                let not_on: Vec<Value> = parameter
                    .not_on
                    .iter()
                    .map(|(event, reason)| {
                        json!({ "event": event, "reason": reason.word(), "why": reason.sentence() })
                    })
                    .collect();
                json!({
                    "name": name,
                    "available": !parameter.on.is_empty(),
                    "kind": "parameter",
                    "on": parameter.on,
                    "not_on": not_on,
                })
            }
            Entry::Unavailable(reason) => json!({
                "name": name,
                "available": false,
                "kind": "field",
                "reason": reason.word(),
                "why": reason.sentence(),
            }),
        }
    }
}

fn needs(field: &FieldDef) -> Vec<&'static str> {
    field.needs.iter().map(|need| need.name()).collect()
}

/// The events of which a parameter cannot be read, a line for each reason.
fn refused(parameter: &Parameter, of: &str, line: &mut impl FnMut(&str)) {
    for group in parameter.not_on.chunk_by(|(_, one), (_, other)| one == other) {
        let events: Vec<&str> = group.iter().map(|(event, _)| *event).collect();
        if let Some((_, reason)) = group.first() {
            line(&format!("    {of} {}: {}", events.join(", "), reason.sentence()));
        }
    }
}
