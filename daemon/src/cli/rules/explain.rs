//! `sluicebox rules explain`: why a rule matched in a trace, or why it did not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use sluicebox::engine::explain::{Asks, Attempt, End, Explainer, Explanation, Nearest, StepStory};
use sluicebox::intel::Intel;
use sluicebox::rules::lang::duration_text;
use sluicebox::rules::{Gap, Severity, Thresholds, closest, compile, load};
use sluicebox_daemon::dump::{Dumper, Style};
use sluicebox_daemon::intel;
use sluicebox_daemon::rules::Texts;
use sluicebox_daemon::trace::{self, Source};

use super::super::{Outcome, complain, say_lines};
use super::Format;

/// Explain what became of a rule in a trace: which event advanced which step, and where it stopped
///
/// For each step: the events that came nearest without meeting it, with the checks that failed and on which value. For
/// each partial match: the records that met its steps, and how it ended. Records are numbered from 0 (`#12`) as in
/// `sluicebox dump`.
///
/// Exit status: 0 the rule matched, 1 it did not, 2 failure.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// Rule files or directories; the built-in rules if not given
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// The snapshot that `feeds update` published; the bundled lists if not given
    #[arg(long, value_name = "FILE")]
    intel: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The rule's id or its name
    #[arg(value_name = "RULE")]
    rule: String,
    /// A recorded trace, plain or zstd; `-` for standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
}

/// Failures of a step that are shown.
const SHOWN_NEAREST: usize = 3;

/// Checks of a failure that are shown in text.
const SHOWN_GAPS: usize = 6;

/// Characters of a condition, a check or a value that are shown in text: a list may have thousands of members.
const SHOWN: usize = 160;

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let texts = Texts::read(&typed.rules)?;
    let compiled = compile(&texts.named(), Thresholds::default(), 1);
    let Some(rules) = compiled.rules else {
        say_lines(&compiled.diagnostics.text_from(Severity::Warning, &compiled.sources));
        bail!("rules: {} errors, nothing was loaded", compiled.diagnostics.errors());
    };
    let (written, ..) = load(&texts.named());
    let named =
        |rule: &&sluicebox::rules::RuleSource| rule.id.value == typed.rule || rule.name.value == typed.rule;
    let Some(rule) = written.iter().find(named) else {
        let names = written.iter().flat_map(|rule| [rule.id.value.as_str(), rule.name.value.as_str()]);
        let hint =
            closest(&typed.rule, names).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        bail!("rules: there is no rule `{}`{hint}", typed.rule);
    };
    let rules = Arc::new(rules);
    let mut out = io::stdout().lock();
    let Some(mut explainer) = Explainer::new(rule, &rules) else {
        let report = compiled.reports.iter().find(|report| report.id == rule.id.value);
        let why = report.map(|report| report.why()).filter(|why| !why.is_empty());
        let why = why.unwrap_or_else(|| vec!["it is switched off (`enabled: false`)".to_owned()]);
        match typed.format {
            Format::Text => writeln!(out, "{}: it is not run: {}", rule.id.value, why.join("; "))?,
            Format::Json => {
                let object = json!({ "rule": rule.id.value, "name": rule.name.value, "not_run": why });
                serde_json::to_writer_pretty(&mut out, &object)?;
                writeln!(out)?;
            }
        }
        return Ok(Outcome::Found);
    };
    let lists = match &typed.intel {
        Some(path) => intel::load(path)?,
        None => Intel::seed(),
    };
    let mut trace = trace::open(&Source::from(typed.trace.as_path()))?;
    let mut lines = BTreeMap::new();
    let mut dumper = Dumper::new(Vec::new(), Style::Text);
    let mut failed = false;
    for record in 0_u64.. {
        let packet = match trace.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) => {
                complain(&error.into());
                failed = true;
                break;
            }
        };
        // What cannot be decoded is counted as a record; `dump` says what is wrong with it.
        let is_told = explainer.packet(packet, &lists).unwrap_or(false);
        let line = dumper.one(packet);
        if is_told {
            lines.insert(record, line.trim().to_owned());
        }
    }
    let Some(told) = explainer.finish() else { bail!("rules: nothing was watched") };
    match typed.format {
        Format::Text => out.write_all(as_text(&told, &lines).as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &as_json(&told, &lines))?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    let outcome = if told.matches > 0 { Outcome::Clean } else { Outcome::Found };
    Ok(if failed { Outcome::Failed } else { outcome })
}

/// The records that are told, as `dump` prints them.
type Lines = BTreeMap<u64, String>;

/// Writes a line into a `String`, which cannot fail.
macro_rules! line {
    ($text:expr, $($arg:tt)*) => { writeln!($text, $($arg)*).unwrap_or_default() };
}

fn as_text(told: &Explanation, lines: &Lines) -> String {
    let mut text = String::new();
    let Explanation { rule, name, matches, records, .. } = told;
    line!(text, "{rule} ({name}): {matches} matches in {records} records");
    if told.steps.len() > 1 {
        let kind = if told.unordered { "in any order" } else { "in this order" };
        let within = duration_text(told.within);
        line!(text, "  {} steps {kind} within {within}, in one {}", told.steps.len(), told.scope.word());
    }
    for (at, step) in told.steps.iter().enumerate() {
        line!(text, "");
        step_as_text(&mut text, at, step, *matches > 0, lines);
    }
    if !told.attempts.is_empty() {
        line!(text, "");
        line!(text, "partial matches:");
    }
    for attempt in &told.attempts {
        attempt_as_text(&mut text, attempt, told, lines);
    }
    if told.untold > 0 {
        line!(text, "  and {} more", told.untold);
    }
    text
}

fn step_as_text(text: &mut String, at: usize, step: &StepStory, is_matched: bool, lines: &Lines) {
    let name = step.name.as_ref().map_or(String::new(), |name| format!(" `{name}`"));
    let mut marks = String::new();
    if step.optional {
        marks.push_str(", optional");
    }
    if let Some(least) = step.at_least {
        marks.push_str(&format!(", at least {least} times"));
    }
    if let Some(span) = step.absent_for {
        marks.push_str(&format!(", absent for {}", duration_text(span)));
    }
    let number = at.saturating_add(1);
    match &step.asks {
        Asks::Event(condition) => line!(text, "step {number}{name}{marks}: {}", cut(condition)),
        Asks::Match(rules) => {
            line!(text, "step {number}{name}{marks}: a match of another rule");
            for (rule, matches) in rules {
                line!(text, "  {rule}: {matches} matches");
            }
            return;
        }
    }
    line!(text, "  asked on {} events, met by {}", step.tested, step.held);
    if step.in_vain > 0 {
        line!(text, "  met by {} more while no partial match waited for it", step.in_vain);
    }
    if let (Some(least), Some((most, by))) = (step.at_least, &step.counted) {
        let by = by.as_ref().map_or(String::new(), |by| format!(" for {}", cut(by)));
        line!(text, "  counted {most} of {least} at most{by}");
    }
    if step.not_counted > 0 {
        line!(text, "  {} had no value to be counted by", step.not_counted);
    }
    // Where the rule matched, what came near a step that was met is beside the point.
    if step.held > 0 && is_matched {
        return;
    }
    for near in step.nearest.iter().take(SHOWN_NEAREST) {
        let alike = match near.alike {
            1 => String::new(),
            alike => format!("  ({alike} alike)"),
        };
        line!(text, "  near: {}{alike}", record(near.record, lines));
        for gap in near.gaps.iter().take(SHOWN_GAPS) {
            line!(text, "        {}", gap_as_text(gap));
        }
        if near.gaps.len() > SHOWN_GAPS {
            line!(text, "        and {} more checks", near.gaps.len().saturating_sub(SHOWN_GAPS));
        }
    }
}

fn gap_as_text(gap: &Gap) -> String {
    let check = cut(&gap.check);
    let failed = if gap.wanted { format!("failed: {check}") } else { format!("held, but must not: {check}") };
    let got =
        gap.got.as_ref().map_or_else(|| "it has no value".to_owned(), |got| format!("it was {}", cut(got)));
    let against = gap.against.as_ref().map_or(String::new(), |other| format!(", the other {}", cut(other)));
    format!("{failed}; {got}{against}")
}

fn attempt_as_text(text: &mut String, attempt: &Attempt, told: &Explanation, lines: &Lines) {
    for (at, (step, met_by)) in attempt.steps.iter().enumerate() {
        let bullet = if at == 0 { '-' } else { ' ' };
        line!(text, "  {bullet} step {}: {}", step.saturating_add(1), record(*met_by, lines));
    }
    let ended_at = attempt.ended_at.map_or(String::new(), |ended| format!(" (#{ended})"));
    let end = match &attempt.end {
        End::Open => format!("still open at the end of the trace; it waits for {}", missing(attempt, told)),
        End::Matched(output) => format!("a match: {output}"),
        End::Expired(over) => format!(
            "its {} were over, by {}, when the next event came; it lacked {}",
            duration_text(told.within),
            duration_text(*over),
            missing(attempt, told)
        ),
        End::Voided => "`until` held and voided it".to_owned(),
        End::Broken => "what had to be absent happened".to_owned(),
        End::Evicted => "it made room for others".to_owned(),
        End::Suppressed => "complete, but `once` had seen these values before".to_owned(),
    };
    line!(text, "    {end}{ended_at}");
}

/// The needed steps that were not met, by number.
fn missing(attempt: &Attempt, told: &Explanation) -> String {
    let steps = told
        .steps
        .iter()
        .enumerate()
        .filter(|(at, step)| !step.optional && !attempt.steps.iter().any(|(met, _)| met == at));
    let numbers: Vec<String> = steps.map(|(at, _)| format!("step {}", at.saturating_add(1))).collect();
    if numbers.is_empty() { "nothing".to_owned() } else { numbers.join(", ") }
}

fn record(number: u64, lines: &Lines) -> String {
    let line = lines.get(&number).map_or(String::new(), |line| format!(" {}", cut(line)));
    format!("#{number}{line}")
}

/// A text of no more than [`SHOWN`] characters.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn as_json(told: &Explanation, lines: &Lines) -> Value {
    let steps: Vec<Value> = told.steps.iter().map(|step| step_as_json(step, lines)).collect();
    let attempts: Vec<Value> = told.attempts.iter().map(|attempt| attempt_as_json(attempt, lines)).collect();
    json!({
        "rule": &*told.rule,
        "name": &*told.name,
        "matches": told.matches,
        "records": told.records,
        "scope": told.scope.word(),
        "within": duration_text(told.within),
        "unordered": told.unordered,
        "steps": steps,
        "partial_matches": attempts,
        "untold": told.untold,
    })
}

fn step_as_json(step: &StepStory, lines: &Lines) -> Value {
    let (condition, matches) = match &step.asks {
        Asks::Event(condition) => (Some(condition), None),
        Asks::Match(rules) => {
            let rules: Vec<Value> =
                rules.iter().map(|(rule, matches)| json!({ "rule": &**rule, "matches": matches })).collect();
            (None, Some(rules))
        }
    };
    let nearest = |near: &Nearest| {
        let gaps: Vec<Value> = near
            .gaps
            .iter()
            .map(|gap| {
                json!({ "check": gap.check, "wanted": gap.wanted, "got": gap.got, "against": gap.against })
            })
            .collect();
        json!({
            "record": near.record,
            "event": lines.get(&near.record),
            "alike": near.alike,
            "failed": gaps,
        })
    };
    json!({
        "as": step.name.as_deref(),
        "condition": condition,
        "match": matches,
        "optional": step.optional,
        "at_least": step.at_least,
        "absent_for": step.absent_for.map(duration_text),
        "asked": step.tested,
        "met": step.held,
        "met_in_vain": step.in_vain,
        "counted_at_most": step.counted.as_ref().map(|(most, _)| most),
        "counted_by": step.counted.as_ref().and_then(|(_, by)| by.as_ref()),
        "not_counted": step.not_counted,
        "nearest": step.nearest.iter().map(nearest).collect::<Vec<Value>>(),
    })
}

fn attempt_as_json(attempt: &Attempt, lines: &Lines) -> Value {
    let steps: Vec<Value> = attempt
        .steps
        .iter()
        .map(|(step, record)| {
            json!({ "step": step.saturating_add(1), "record": record, "event": lines.get(record) })
        })
        .collect();
    let (end, output, over) = match &attempt.end {
        End::Open => ("open", None, None),
        End::Matched(output) => ("match", Some(output), None),
        End::Expired(over) => ("expired", None, Some(duration_text(*over))),
        End::Voided => ("until", None, None),
        End::Broken => ("not absent", None, None),
        End::Evicted => ("evicted", None, None),
        End::Suppressed => ("once", None, None),
    };
    json!({
        "steps": steps,
        "end": end,
        "ended_at": attempt.ended_at,
        "output": output,
        "over_by": over,
    })
}
