//! `sluicebox rules`: what can be done with rule files; and loading the rules that a command was given.

mod check;
mod explain;
mod fields;
mod list;
mod parse;
mod test;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use sluicebox::intel::Intel;
use sluicebox::rules::RuleSet;
use sluicebox_daemon::analyze::Knowledge;
use sluicebox_daemon::rules::{self, Loaded, RulesError};

use super::Outcome;

/// Work with rule files
#[derive(Debug, Args)]
pub(super) struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Typed),
    Explain(explain::Typed),
    Fields(fields::Typed),
    List(list::Typed),
    Test(test::Typed),
    Parse(parse::Typed),
}

/// How a command prints.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    match typed.command {
        Command::Check(typed) => check::run(typed),
        Command::Explain(typed) => explain::run(typed),
        Command::Fields(typed) => fields::run(typed),
        Command::List(typed) => list::run(typed),
        Command::Test(typed) => test::run(typed),
        Command::Parse(typed) => parse::run(typed),
    }
}

/// The rules at `paths`, or the built-in ones where none are named, with the bundled lists.
pub(super) fn knowledge(paths: &[PathBuf]) -> Result<Knowledge> {
    Ok(Knowledge { rules: load(paths)?, intel: Arc::new(Intel::seed()), image: None })
}

/// The rules at `paths`, files or directories of `*.yaml`, or the built-in ones where none are named.
///
/// Everything that is wrong with them goes to standard error; with an error anywhere nothing is loaded.
pub(super) fn load(paths: &[PathBuf]) -> Result<Arc<RuleSet>> {
    match rules::load(paths) {
        Ok(Loaded { rules, warnings }) => {
            super::say_lines(&warnings);
            Ok(rules)
        }
        Err(error) => {
            if let RulesError::Wrong { text, .. } = &error {
                super::say_lines(text);
            }
            Err(error.into())
        }
    }
}
