//! `sluicebox bench`: what the analysis of a trace costs beside the mere draining of the socket.

use std::env;
use std::io::{self, Write};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use sluicebox_daemon::analyze::Knowledge;
use sluicebox_daemon::bench::{Measured, Which, drain};

use super::{Outcome, rules};

/// Measure the CPU time for each event of a trace, with a consumer that does nothing and with the whole analysis
///
/// The trace goes through a real socket, as a sandbox would send it; the two consumers take turns. The median of the
/// rounds is what to look at: other work on the machine spoils single ones.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// A recorded trace, plain or zstd
    trace: PathBuf,
    /// Rule files or directories; the built-in rules if not given
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// How often the trace is sent in a round, each time as a sandbox of its own
    #[arg(long, value_name = "N", default_value = "5")]
    times: NonZeroU32,
    /// Events a second; as fast as they are taken if not given
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU64>,
    /// Rounds, each with both consumers
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZeroU32,
    /// How figures are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each round and consumer, then the medians.
    Text,
    /// One JSON object with all rounds and the medians.
    Json,
}

/// Both consumers, one after the other.
struct Round {
    null: Measured,
    whole: Measured,
}

impl Round {
    fn ratio(&self) -> f64 {
        self.whole.nanos_per_event() / self.null.nanos_per_event().max(1e-9)
    }
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    if !typed.trace.is_file() {
        bail!("a trace is sent more than once, so it must be a file: {}", typed.trace.display());
    }
    let knowledge = rules::knowledge(&typed.rules)?;
    let socket = env::temp_dir().join(format!("sluicebox-bench-{}.sock", std::process::id()));
    let mut out = io::stdout().lock();
    let mut rounds = Vec::new();
    for _ in 0..typed.rounds.get() {
        let null = measure(&typed, &socket, &knowledge, Which::Null)?;
        let whole = measure(&typed, &socket, &knowledge, Which::Whole)?;
        if typed.format == Format::Text {
            line(&mut out, "null", &null)?;
            line(&mut out, "analysis", &whole)?;
        }
        rounds.push(Round { null, whole });
    }
    let floor = median(rounds.iter().map(|round| round.null.nanos_per_event()));
    let whole = median(rounds.iter().map(|round| round.whole.nanos_per_event()));
    let ratio = median(rounds.iter().map(Round::ratio));
    match typed.format {
        Format::Text => {
            writeln!(out, "median     null {floor:.0} ns, analysis {whole:.0} ns, ratio {ratio:.2}")?;
        }
        Format::Json => {
            let told: Vec<_> = rounds
                .iter()
                .map(|round| {
                    json!({ "null": figures(&round.null), "analysis": figures(&round.whole), "ratio": round.ratio() })
                })
                .collect();
            let median = json!({ "null_ns": floor, "analysis_ns": whole, "ratio": ratio });
            writeln!(out, "{}", json!({ "rounds": told, "median": median }))?;
        }
    }
    Ok(Outcome::Clean)
}

fn measure(typed: &Typed, socket: &Path, knowledge: &Knowledge, which: Which) -> Result<Measured> {
    let own = env::current_exe().context("cannot tell where this program is")?;
    let mut sender = Command::new(own);
    sender.arg("play").arg(socket).arg(&typed.trace).arg("--times").arg(typed.times.to_string());
    if let Some(rate) = typed.rate {
        sender.arg("--rate").arg(rate.to_string());
    }
    // It says how much it sent, which is not what was asked.
    sender.stderr(Stdio::null());
    Ok(drain(socket, &mut sender, knowledge, which)?)
}

fn line(out: &mut impl Write, name: &str, measured: &Measured) -> io::Result<()> {
    writeln!(
        out,
        "{name:<10} {:.0} ns CPU per event, {} events, {:.1} a batch, {:.0} a second",
        measured.nanos_per_event(),
        measured.totals.packets,
        measured.events_per_batch(),
        measured.events_per_second(),
    )
}

fn figures(measured: &Measured) -> serde_json::Value {
    json!({
        "cpu_ns_per_event": measured.nanos_per_event(),
        "events": measured.totals.packets,
        "events_per_batch": measured.events_per_batch(),
        "events_per_second": measured.events_per_second(),
    })
}

/// The middle one; of an even number the upper of the two.
fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
