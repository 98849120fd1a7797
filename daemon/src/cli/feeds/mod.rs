//! `sluicebox feeds`: threat feeds, from files to what the engine believes.

mod check;

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
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    match typed.command {
        Command::Check(typed) => check::run(typed),
    }
}
