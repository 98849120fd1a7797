//! `sluicebox feeds`: threat feeds, from files to what the engine believes.

mod check;
mod explain;
mod status;
mod update;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::Outcome;

/// Threat feeds: what they say, and what of it is believed
#[derive(Debug, Args)]
pub(super) struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Typed),
    Update(update::Typed),
    Status(status::Typed),
    Explain(explain::Typed),
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    match typed.command {
        Command::Check(typed) => check::run(typed),
        Command::Update(typed) => update::run(typed),
        Command::Status(typed) => status::run(typed),
        Command::Explain(typed) => explain::run(typed),
    }
}

/// Where feeds are configured and kept.
#[derive(Debug, Args)]
struct Place {
    /// Which feeds there are
    #[arg(long, value_name = "FILE", default_value = "/etc/sluicebox/feeds.toml")]
    config: PathBuf,
    /// The directory of what is kept between runs
    #[arg(long, value_name = "DIR", default_value = "/var/lib/sluicebox")]
    state: PathBuf,
}

/// A span of time by its largest unit: `3 h`.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        172_800.. => format!("{} d", seconds / 86_400),
    }
}
