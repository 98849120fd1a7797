//! `sluicebox rules list`: what rules there are, what each is worth and what it needs.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use sluicebox::rules::lang::duration_text;
use sluicebox::rules::{
    DEFAULT_WITHIN, Fate, RuleReport, RuleSet, RuleSource, Scope, Severity, StepSource, StepWhat, Thresholds,
    compile, load, session,
};
use sluicebox::wire::schema;
use sluicebox_daemon::rules::Texts;

use super::super::session::Release;
use super::super::{Outcome, say_lines};
use super::Format;

/// List rules: what they are, what a match weighs, where and how long, and the trace points that they need
///
/// A rule of weight `-` adds nothing to a container's score: each match is a finding of its own. Points are those of a
/// session for that rule alone; `sluicebox session` prints the session for all. Exit status: 0, or 2 if the rules
/// cannot be loaded.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The release of gVisor whose trace points are named
    #[arg(long, value_enum, default_value_t = Release::R2026)]
    gvisor: Release,
    /// Rule files, or directories of *.yaml; the built-in rules if not given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let texts = Texts::read(&typed.paths)?;
    let compiled = compile(&texts.named(), Thresholds::default(), 1);
    say_lines(&compiled.diagnostics.text_from(Severity::Warning, &compiled.sources));
    let Some(rules) = &compiled.rules else {
        bail!("rules: {} errors, nothing was loaded", compiled.diagnostics.errors());
    };
    let release = schema::Release::from(typed.gvisor);
    let (written, sources, _) = load(&texts.named());
    let listed: Vec<Listed<'_>> = written
        .iter()
        .zip(&compiled.reports)
        .map(|(rule, report)| Listed {
            rule,
            report,
            file: sources.name(rule.span.source),
            line: sources.position(rule.span.source, rule.span.start).line,
            points: points(rules, rule, report, release),
        })
        .collect();
    let mut out = io::stdout().lock();
    match typed.format {
        Format::Text => out.write_all(table(&listed).as_bytes())?,
        Format::Json => {
            let rules: Vec<Value> = listed.iter().map(Listed::json).collect();
            serde_json::to_writer_pretty(&mut out, &json!({ "gvisor": release.name(), "rules": rules }))?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// The points for a rule; none for one that is not run.
fn points(rules: &RuleSet, rule: &RuleSource, report: &RuleReport, release: schema::Release) -> Vec<String> {
    if report.runs() {
        session::points(rules, &rule.id.value, release).unwrap_or_default()
    } else {
        Vec::new()
    }
}

/// A rule and what became of it.
struct Listed<'a> {
    rule: &'a RuleSource,
    report: &'a RuleReport,
    file: &'a str,
    line: usize,
    points: Vec<String>,
}

impl Listed<'_> {
    /// What kind of rule it is.
    fn kind(&self) -> &'static str {
        match (self.rule.is_sequence, self.rule.unordered) {
            (false, _) => "event",
            (true, false) => "sequence",
            (true, true) => "set",
        }
    }

    /// Whether it is run.
    fn status(&self) -> &'static str {
        match (&self.report.fate, self.report.enabled) {
            (Fate::Skipped(_), _) => "left out",
            (Fate::Broken, _) => "error",
            (Fate::Loaded, false) => "off",
            (Fate::Loaded, true) if self.rule.shadow => "shadow",
            (Fate::Loaded, true) => "on",
        }
    }

    fn scope(&self) -> Scope {
        self.rule.scope.as_ref().map_or(Scope::Process, |scope| scope.value)
    }

    fn within(&self) -> String {
        duration_text(self.rule.within.as_ref().map_or(DEFAULT_WITHIN, |within| within.value))
    }

    fn tags(&self) -> Vec<&str> {
        self.rule.tags.iter().map(|tag| tag.value.as_str()).collect()
    }

    /// Its line of the table. Scope and time mean nothing where one event is all that there is.
    fn cells(&self) -> [String; 10] {
        let rule = self.rule;
        let of_sequence = |text: String| if rule.is_sequence { text } else { "-".to_owned() };
        [
            rule.id.value.clone(),
            self.status().to_owned(),
            match rule.is_sequence {
                true => format!("{} of {}", self.kind(), rule.steps.len()),
                false => self.kind().to_owned(),
            },
            rule.weight.as_ref().map_or_else(|| "-".to_owned(), |weight| weight.value.to_string()),
            rule.priority.value.word().to_owned(),
            of_sequence(self.scope().word().to_owned()),
            of_sequence(self.within()),
            if self.report.runs() { self.points.len().to_string() } else { "-".to_owned() },
            if rule.tags.is_empty() { "-".to_owned() } else { self.tags().join(",") },
            rule.name.value.clone(),
        ]
    }

    fn json(&self) -> Value {
        let rule = self.rule;
        let is_sequence = rule.is_sequence;
        let steps: Vec<Value> = rule.steps.iter().map(step_as_json).collect();
        json!({
            "id": rule.id.value,
            "name": rule.name.value,
            "desc": rule.desc.as_ref().map(|desc| desc.value.trim()),
            "file": self.file,
            "line": self.line,
            "status": self.status(),
            "why": self.report.why(),
            "kind": self.kind(),
            "steps": steps,
            "weight": rule.weight.as_ref().map(|weight| weight.value),
            "priority": rule.priority.value.word(),
            "scope": is_sequence.then(|| self.scope().word()),
            "within": is_sequence.then(|| self.within()),
            "action": rule.action.as_ref().map(|action| action.value.word()),
            "needs": self.points,
            "tags": self.tags(),
            "tests": rule.tests.len(),
        })
    }
}

fn step_as_json(step: &StepSource) -> Value {
    let (condition, waits_for) = match &step.what {
        StepWhat::Condition(condition) => (Some(condition.to_string()), None),
        StepWhat::Match(rules) => {
            (None, Some(rules.iter().map(|rule| rule.value.as_str()).collect::<Vec<&str>>()))
        }
    };
    json!({
        "as": step.alias.as_ref().map(|alias| alias.value.as_str()),
        "condition": condition,
        "match": waits_for,
        "optional": step.optional,
        "absent": step.absent,
        "at_least": step.count.as_ref().map(|count| count.at_least.value),
    })
}

const HEAD: [&str; 10] =
    ["ID", "STATUS", "KIND", "WEIGHT", "PRIORITY", "SCOPE", "WITHIN", "POINTS", "TAGS", "NAME"];

/// Columns as wide as what is in them, for people and for `awk`.
fn table(listed: &[Listed<'_>]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(listed.iter().map(Listed::cells));
    let mut widths = [0_usize; 10];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut table = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    table
}
