//! `sluicebox rules`: what can be done with rule files; and loading the rules that a command was given.

mod check;
mod fields;
mod list;
mod parse;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use sluicebox::intel::Intel;
use sluicebox::rules::{
    Compiled, Diagnostics, RuleSet, RuleSource, Severity, Sources, Thresholds, builtin, compile,
    load as load_sources,
};
use sluicebox_daemon::analyze::Knowledge;

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
    Fields(fields::Typed),
    List(list::Typed),
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
        Command::Fields(typed) => fields::run(typed),
        Command::List(typed) => list::run(typed),
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
    let Compiled { rules, sources, diagnostics, .. } = RuleFiles::of(paths)?.compile();
    let text = diagnostics.text_from(Severity::Warning, &sources);
    if !text.is_empty() {
        super::say_lines(&text);
    }
    match rules {
        Some(rules) => Ok(Arc::new(rules)),
        None => bail!("rules: {} errors, nothing was loaded", diagnostics.errors()),
    }
}

/// The texts of rule files.
enum RuleFiles {
    BuiltIn,
    /// By name and text.
    Read(Vec<(String, String)>),
}

impl RuleFiles {
    /// Those at `paths`, or the built-in ones where none are named.
    fn of(paths: &[PathBuf]) -> Result<RuleFiles> {
        Ok(if paths.is_empty() { RuleFiles::BuiltIn } else { RuleFiles::Read(read(paths)?) })
    }

    fn texts(&self) -> Vec<(&str, &str)> {
        match self {
            RuleFiles::BuiltIn => builtin::FILES.to_vec(),
            RuleFiles::Read(files) => {
                files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
            }
        }
    }

    fn compile(&self) -> Compiled {
        let generation = match self {
            RuleFiles::BuiltIn => 0,
            RuleFiles::Read(_) => 1,
        };
        compile(&self.texts(), Thresholds::default(), generation)
    }

    /// The rules as they are written.
    fn load(&self) -> (Vec<RuleSource>, Sources, Diagnostics) {
        load_sources(&self.texts())
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                .map_err(|error| anyhow!("rules: cannot list {}: {error}", path.display()))?;
            inside.retain(|path| {
                path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
            });
            // The order of a directory is nobody's; that of its names is everybody's.
            inside.sort();
            if inside.is_empty() {
                bail!("rules: no *.yaml in {}", path.display());
            }
            for path in inside {
                files.push(read_file(&path)?);
            }
        } else {
            files.push(read_file(path)?);
        }
    }
    Ok(files)
}

fn read_file(path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path)
        .map_err(|error| anyhow!("rules: cannot read {}: {error}", path.display()))?;
    Ok((path.display().to_string(), text))
}
