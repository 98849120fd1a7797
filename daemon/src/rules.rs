//! Rule files on a host: found, read, compiled by the library.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicebox::rules::{Compiled, RuleSet, Severity, Thresholds, builtin, compile};
use thiserror::Error;

/// Why there are no rules.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A file cannot be read.
    #[error("rules: cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory cannot be listed.
    #[error("rules: cannot list {}: {source}", path.display())]
    List {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory has no rules.
    #[error("rules: no *.yaml in {}", .0.display())]
    Empty(PathBuf),
    /// They are wrong, and none of them is loaded.
    #[error("rules: {errors} errors, nothing was loaded")]
    Wrong {
        /// How many errors.
        errors: usize,
        /// All that is to be said of them, with the source lines.
        text: String,
    },
}

/// The texts of rule files by name, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(Vec<(String, String)>);

/// Compiled rules.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// What is to be said of them although they are loaded, with the source lines.
    pub warnings: String,
}

impl Texts {
    /// Reads the rule files at `paths`, files or directories of `*.yaml`.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn read(paths: &[PathBuf]) -> Result<Texts, RulesError> {
        let files = files(paths)?.into_iter().map(|path| match fs::read_to_string(&path) {
            Ok(text) => Ok((path.display().to_string(), text)),
            Err(source) => Err(RulesError::Read { path, source }),
        });
        files.collect::<Result<_, _>>().map(Texts)
    }

    /// Compiles them, or the built-in rules where there are none. With an error anywhere nothing is loaded.
    ///
    /// # Errors
    /// If they are wrong.
    pub fn compile(&self, thresholds: Thresholds, generation: u64) -> Result<Loaded, RulesError> {
        let Compiled { rules, sources, diagnostics, .. } = compile(&self.named(), thresholds, generation);
        let text = diagnostics.text_from(Severity::Warning, &sources);
        match rules {
            Some(rules) => Ok(Loaded { rules: Arc::new(rules), warnings: text }),
            None => Err(RulesError::Wrong { errors: diagnostics.errors(), text }),
        }
    }

    /// Whether there are none, which stands for the built-in ones.
    #[must_use]
    pub fn are_built_in(&self) -> bool {
        self.0.is_empty()
    }

    /// Each text with its name; those of the built-in rules where there are none.
    #[must_use]
    pub fn named(&self) -> Vec<(&str, &str)> {
        if self.are_built_in() {
            return builtin::FILES.to_vec();
        }
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }
}

/// The files that `paths` stand for: themselves, and of directories the `*.yaml` inside, in the order of their names. The
/// order of a directory is nobody's.
///
/// # Errors
/// If a directory cannot be listed or has no rules.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, RulesError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = list(path).map_err(|source| RulesError::List { path: path.clone(), source })?;
        if inside.is_empty() {
            return Err(RulesError::Empty(path.clone()));
        }
        files.append(&mut inside);
    }
    Ok(files)
}

fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut inside = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            inside.push(path);
        }
    }
    inside.sort();
    Ok(inside)
}

/// The rules at `paths`, or the built-in ones where there are none, with the usual thresholds.
///
/// # Errors
/// If they cannot be read or are wrong.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, RulesError> {
    Texts::read(paths)?.compile(Thresholds::default(), u64::from(!paths.is_empty()))
}
