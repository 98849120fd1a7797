//! `sluicebox status`: how a running daemon is, and how one of its sandboxes is.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use sluicebox::rules::Points;
use sluicebox_daemon::config::{Config, DEFAULT_SOCKET, control_beside};
use sluicebox_daemon::observe::status::{Line, Status};
use sluicebox_daemon::observe::tree::{Container, Tree};
use sluicebox_daemon::observe::{Answer, Question, ask};

use super::Outcome;

/// Say how a running daemon is: what is in force, its sandboxes, its sinks
///
/// With ID, the sandboxes that have that container, or the connection of that number: their processes as a tree, and the
/// rules that wait for their next step.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// A container's id, or a connection's number
    id: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    control: Option<PathBuf>,
    /// The daemon's settings, which say where that is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For reading.
    Text,
    /// One object.
    Json,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let control = match (typed.control, typed.config) {
        (Some(path), _) => path,
        (None, Some(file)) => Config::load(&file)?.control(),
        (None, None) => control_beside(Path::new(DEFAULT_SOCKET)),
    };
    let question = typed.id.map_or(Question::Status, Question::Sandbox);
    let answer = ask(&control, &question)?;
    let mut out = io::stdout().lock();
    match (&answer, typed.format) {
        (Answer::Error(why), _) => bail!("status: {why}"),
        (Answer::Status(status), Format::Json) => serde_json::to_writer_pretty(&mut out, status)?,
        (Answer::Sandboxes(trees), Format::Json) => serde_json::to_writer_pretty(&mut out, trees)?,
        (Answer::Status(status), Format::Text) => out.write_all(page(status, now()).as_bytes())?,
        (Answer::Sandboxes(trees), Format::Text) => {
            let pages: Vec<String> = trees.iter().map(tree).collect();
            out.write_all(pages.join("\n").as_bytes())?;
        }
    }
    if let Format::Json = typed.format {
        writeln!(out)?;
    }
    Ok(Outcome::Clean)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Writes into a `String`, which cannot fail.
macro_rules! put {
    ($page:expr, $($arg:tt)*) => { writeln!($page, $($arg)*).unwrap_or_default() };
}

/// How long ago something was, in its largest unit.
fn ago(since: u64, now: u64) -> String {
    let secs = now.saturating_sub(since);
    match secs {
        0..=119 => format!("{secs} s"),
        120..=7199 => format!("{} min", secs / 60),
        7200..=172_799 => format!("{} h", secs / 3600),
        _ => format!("{} d", secs / 86_400),
    }
}

fn page(status: &Status, now: u64) -> String {
    let Status { version, since, force, sandboxes, sinks } = status;
    let mut page = String::new();
    put!(page, "sluicebox {version}, up {}", ago(*since, now));
    put!(
        page,
        "generation {} for {}: {} rules ({}), lists {}; reloads: {} taken, {} refused",
        force.generation,
        ago(force.since, now),
        force.rules,
        force.rules_generation,
        force.intel_generation,
        force.reloads_taken,
        force.reloads_refused
    );
    if let Some(refusal) = &force.refusal {
        put!(page, "the last reload was refused:");
        refusal.trim_end().lines().for_each(|line| put!(page, "  {line}"));
    }
    for sink in sinks {
        let failing = if sink.is_failing { ", takes nothing" } else { "" };
        put!(
            page,
            "sink {}: {} delivered, {} waiting, {} bytes on disk, {} failed, {} lost{failing}",
            sink.name,
            sink.delivered,
            sink.waiting,
            sink.spooled,
            sink.failed,
            sink.lost
        );
    }
    put!(page, "{} sandboxes", sandboxes.len());
    if !sandboxes.is_empty() {
        put!(
            page,
            "{:>6} {:>7} {:>9} {:>8} {:>8}  sandbox",
            "number",
            "score",
            "events/s",
            "dropped",
            "findings"
        );
    }
    sandboxes.iter().for_each(|line| put!(page, "{}", sandbox(line, now)));
    page
}

fn sandbox(line: &Line, now: u64) -> String {
    let containers = match line.containers.as_slice() {
        [] => String::new(),
        [one] if line.identity.starts_with(one.as_str()) => String::new(),
        several => format!(" [{}]", several.join(" ")),
    };
    let rules = line.top_rules.iter().map(|(rule, points)| format!("{rule} +{}", Points(*points)));
    let rules: Vec<String> = rules.collect();
    let rules = if rules.is_empty() { String::new() } else { format!("; {}", rules.join(", ")) };
    format!(
        "{:>6} {:>7} {:>9} {:>8} {:>8}  {}{containers}, {}{rules}",
        line.connection,
        Points(line.score).to_string(),
        line.events_per_second,
        line.dropped,
        line.findings,
        line.identity,
        ago(line.since, now)
    )
}

fn tree(tree: &Tree) -> String {
    let mut page = format!("connection {}\n", tree.connection);
    for Container { id, score, processes, processes_left_out, partial_matches } in &tree.containers {
        put!(page, "container {id}, score {}", Points(*score));
        for process in processes {
            let gone = if process.is_gone { ", gone" } else { "" };
            put!(
                page,
                "  {:width$}{} {} ({}{gone})",
                "",
                process.pid,
                if process.command.is_empty() { &process.exe } else { &process.command },
                process.origin,
                width = process.depth.min(40).saturating_mul(2)
            );
        }
        if *processes_left_out > 0 {
            put!(page, "  and {processes_left_out} more processes");
        }
        for partial in partial_matches {
            let idle = tree.time_ns.saturating_sub(partial.last_ns).max(0) / 1_000_000_000;
            put!(
                page,
                "  waits: {} has {} of {} steps, the last {idle} s ago by {}",
                partial.rule,
                partial.met,
                partial.steps,
                partial.pid
            );
        }
    }
    page
}
