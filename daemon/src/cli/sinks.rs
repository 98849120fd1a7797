//! `sluicebox sinks test`: a marked sample through each sink that a configuration asks for.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use sluicebox_daemon::config::Config;
use sluicebox_daemon::respond::sinks;

use super::Outcome;

/// What findings go to
#[derive(Debug, Args)]
pub(super) struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(Test),
}

/// Send a sample through each sink, and say what came back
///
/// The sample is a notice of the rule `sluicebox-test` about a container of that name. It goes past the spools, so that it
/// is tried once and now, whatever waits there. The status is 2 if one failed.
#[derive(Debug, Args)]
struct Test {
    /// The configuration with the sinks
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let Command::Test(Test { config }) = typed.command;
    let config = Config::load(&config)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let sample = sinks::sample(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
    let mut out = io::stdout().lock();
    let mut outcome = Outcome::Clean;
    let results = sinks::try_each(&config.sinks, &sample);
    if results.is_empty() {
        bail!("no sink in the configuration but standard output");
    }
    for (name, result) in results {
        match result {
            Ok(()) => writeln!(out, "{name}: took {}", sample.id)?,
            Err(error) => {
                writeln!(out, "{name}: FAILED: {error}")?;
                outcome = Outcome::Failed;
            }
        }
    }
    Ok(outcome)
}
