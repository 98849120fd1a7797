//! `sluicebox feeds status`: what is there, how old it is, what went wrong, what comes next.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;
use sluicebox::intel::Intel;
use sluicebox_daemon::feeds::update::{now, wait};
use sluicebox_daemon::feeds::{Config, Source, State, Store};
use sluicebox_daemon::intel;

use super::super::Outcome;
use super::Place;

/// Show each feed's age, entries, last error, and when it is fetched next
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 all fine, 1 a feed's last run failed or nothing is published, 2 failure."
)]
pub(super) struct Typed {
    #[command(flatten)]
    place: Place,
    /// Where `feeds update` puts the snapshot; `intel.snapshot` in the state directory if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How it is printed; JSON is an object a line for each feed, and one for the snapshot
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let config = Config::load(&typed.place.config)?;
    let store = Store::at(&typed.place.state);
    let host = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let now = now();
    let mut out = io::stdout().lock();
    let mut outcome = Outcome::Clean;
    for source in &config.feeds {
        let state = store.state(&source.name)?;
        let next = source.enabled.then(|| wait(source, &state, &host, now).map_or(0, |wait| wait.as_secs()));
        if source.enabled && state.error.is_some() {
            outcome = Outcome::Found;
        }
        match typed.format {
            Format::Text => text(source, &state, next, now, &mut out)?,
            Format::Json => writeln!(
                out,
                "{}",
                json!({
                    "feed": source.name,
                    "enabled": source.enabled,
                    "licence": source.licence,
                    "entries": state.entries,
                    "changed": state.changed,
                    "confirmed": state.confirmed,
                    "tried": state.tried,
                    "age_seconds": state.changed.map(|changed| now.saturating_sub(changed)),
                    "next_seconds": next,
                    "error": state.error,
                    "refusals": state.refusals,
                })
            )?,
        }
    }
    let path = typed.out.unwrap_or_else(|| store.snapshot());
    let loaded = match path.try_exists() {
        Ok(false) => Err("nothing is published".to_owned()),
        Ok(true) | Err(_) => intel::load(&path).map_err(|error| error.to_string()),
    };
    if loaded.is_err() {
        outcome = Outcome::Found;
    }
    match (typed.format, loaded) {
        (Format::Text, Ok(intel)) => writeln!(out, "snapshot {}: {}", intel.generation(), path.display())?,
        (Format::Text, Err(error)) => writeln!(out, "snapshot: {error}")?,
        (Format::Json, loaded) => writeln!(
            out,
            "{}",
            json!({
                "snapshot": path,
                "generation": loaded.as_ref().ok().map(Intel::generation),
                "error": loaded.err(),
            })
        )?,
    }
    Ok(outcome)
}

fn text(source: &Source, state: &State, next: Option<u64>, now: u64, out: &mut impl Write) -> io::Result<()> {
    let ago = |at: Option<u64>| {
        at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", super::span(now.saturating_sub(at))))
    };
    let next = match next {
        None => "is not enabled".to_owned(),
        Some(0) => "due now".to_owned(),
        Some(wait) => format!("next in {}", super::span(wait)),
    };
    writeln!(
        out,
        "{}: {} entries, changed {}, confirmed {}, {next}",
        source.name,
        state.entries,
        ago(state.changed),
        ago(state.confirmed),
    )?;
    if let Some(error) = &state.error {
        let since = super::span(now.saturating_sub(error.since));
        writeln!(out, "  {} ({} times, for {since}): {}", error.reason, error.runs, error.message)?;
    }
    for (reason, count) in &state.refusals {
        writeln!(out, "  in all: {reason} {count}")?;
    }
    Ok(())
}
