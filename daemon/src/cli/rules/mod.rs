//! `sluicebox rules`: what can be done with rule files; and loading the rules that a command was given.

mod check;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};
use sluicebox::intel::Intel;
use sluicebox::rules::{Compiled, RuleSet, Severity, Thresholds, builtin, compile};
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
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    match typed.command {
        Command::Check(typed) => check::run(typed),
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
    let compiled = if paths.is_empty() {
        builtin::compiled(Thresholds::default())
    } else {
        let files = read(paths)?;
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        compile(&files, Thresholds::default(), 1)
    };
    let Compiled { rules, sources, diagnostics, .. } = compiled;
    let text = diagnostics.text_from(Severity::Warning, &sources);
    if !text.is_empty() {
        super::say_lines(&text);
    }
    match rules {
        Some(rules) => Ok(Arc::new(rules)),
        None => bail!("rules: {} errors, nothing was loaded", diagnostics.errors()),
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
