//! `sluicebox rules check`: what is wrong with rule files, and what of them can be true on gVisor.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use sluicebox::rules::{Compiled, Fate, RuleReport, Severity, Thresholds, compile};
use sluicebox::wire::schema;
use sluicebox_daemon::rules::Texts;

use super::super::Outcome;
use super::super::session::Release;

/// Check rule files: everything that is wrong, and every rule that gVisor's trace cannot feed, with the reason
///
/// Files are read in the order in which they are given, as one set: a later definition replaces an earlier one.
/// Exit status: 0 they can be loaded, 1 there are errors, 2 something could not be read.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The release of gVisor whose trace the rules are for
    #[arg(long, value_enum, default_value_t = Release::R2026)]
    gvisor: Release,
    /// Rule files, or directories of *.yaml
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// How a check is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Each diagnostic with its source line, then a summary
    Text,
    /// One object
    Json,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let texts = Texts::read(&typed.paths)?;
    let release = schema::Release::from(typed.gvisor);
    let mut compiled = compile(&texts.named(), Thresholds::default(), 1);
    compiled.mark_denials(release);
    let mut out = io::stdout().lock();
    match typed.format {
        Format::Text => {
            out.write_all(compiled.diagnostics.text(&compiled.sources).as_bytes())?;
            writeln!(out, "{}", summary(&compiled))?;
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &as_json(&compiled, release))?;
            writeln!(out)?;
        }
    }
    Ok(if compiled.diagnostics.has_errors() { Outcome::Found } else { Outcome::Clean })
}

/// How many rules met which fate.
struct Counts {
    loaded: usize,
    disabled: usize,
    in_part: usize,
    skipped: usize,
    broken: usize,
}

impl Counts {
    fn of(compiled: &Compiled) -> Counts {
        let count =
            |is: &dyn Fn(&RuleReport) -> bool| compiled.reports.iter().filter(|report| is(report)).count();
        let loaded = |report: &RuleReport| report.fate == Fate::Loaded;
        Counts {
            loaded: count(&loaded),
            disabled: count(&|report| loaded(report) && !report.enabled),
            in_part: count(&|report| loaded(report) && !report.losses.is_empty()),
            skipped: count(&|report| matches!(report.fate, Fate::Skipped(_))),
            broken: count(&|report| report.fate == Fate::Broken),
        }
    }
}

fn summary(compiled: &Compiled) -> String {
    let Counts { loaded, disabled, in_part, skipped, broken } = Counts::of(compiled);
    let errors = compiled.diagnostics.errors();
    let warnings = compiled.diagnostics.count(Severity::Warning);
    let outcome = if errors > 0 { "; nothing would be loaded" } else { "" };
    let wrong = if broken > 0 { format!(", {broken} with an error") } else { String::new() };
    format!(
        "{} rules: {loaded} loaded ({in_part} lose a part, {disabled} are switched off), {skipped} left out{wrong}; \
         {errors} errors, {warnings} warnings{outcome}",
        compiled.reports.len(),
    )
}

fn as_json(compiled: &Compiled, release: schema::Release) -> Value {
    let Counts { loaded, disabled, in_part, skipped, broken } = Counts::of(compiled);
    let rules: Vec<Value> = compiled.reports.iter().map(|report| rule_as_json(report, compiled)).collect();
    json!({
        "gvisor": release.name(),
        "rules_total": compiled.reports.len(),
        "rules_loaded": loaded,
        "rules_disabled": disabled,
        "rules_in_part": in_part,
        "rules_skipped": skipped,
        "rules_broken": broken,
        "errors": compiled.diagnostics.errors(),
        "warnings": compiled.diagnostics.count(Severity::Warning),
        "rules": rules,
        "diagnostics": compiled.diagnostics.data(&compiled.sources),
    })
}

fn rule_as_json(report: &RuleReport, compiled: &Compiled) -> Value {
    let sources = &compiled.sources;
    let line = |span: sluicebox::rules::Span| sources.position(span.source, span.start).line;
    let losses: Vec<Value> = report
        .losses
        .iter()
        .map(|loss| {
            json!({
                "kind": loss.kind.word(),
                "what": loss.what,
                "reason": loss.reason.word(),
                "why": loss.reason.sentence(),
                "file": sources.name(loss.span.source),
                "line": line(loss.span),
            })
        })
        .collect();
    let denied: Vec<Value> = report
        .denied
        .iter()
        .map(|denied| {
            json!({
                "field": denied.field,
                "since": denied.since.name(),
                "file": sources.name(denied.span.source),
                "line": line(denied.span),
            })
        })
        .collect();
    let status = match &report.fate {
        Fate::Loaded => "loaded",
        Fate::Skipped(_) => "skipped",
        Fate::Broken => "error",
    };
    json!({
        "rule": report.name,
        "id": report.id,
        "file": sources.name(report.span.source),
        "line": line(report.span),
        "enabled": report.enabled,
        "status": status,
        "why": report.why(),
        "loses": losses,
        "denied_without_value": denied,
        "asks_runtime": report.from_outside,
    })
}
