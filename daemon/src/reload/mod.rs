//! What is in force for all sandboxes: settings, rules and lists, changed all at once or not at all.
//!
//! To start is to reload from nothing, so there is one way. A thread of its own ([`Reloader`]) looks at the files and is
//! asked by signals; it reads, compiles and swaps. Who watches a sandbox asks for what is in force once a batch, which
//! is one atomic load, and takes it up between two events.
//!
//! **Invariant**: a worker neither loads nor frees rules or lists. What is refused is told with its reason and counted,
//! and everything that was in force stays.

mod files;
mod thread;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use sluicebox::intel::Intel;
use sluicebox::rules::RuleSet;
use thiserror::Error;

use crate::config::{Config, ConfigError};
use crate::intel::{self, LoadError};
use crate::rules::{Loaded, RulesError, Texts};

pub use thread::Reloader;

/// How often a connection that says nothing asks for what is in force.
pub const TICK: Duration = Duration::from_millis(250);

/// Why there is no change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The rules are wrong.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The lists are wrong.
    #[error(transparent)]
    Intel(#[from] LoadError),
}

impl ReloadError {
    /// All that is to be said of it, source lines included.
    #[must_use]
    pub fn details(&self) -> String {
        match self {
            ReloadError::Rules(RulesError::Wrong { text, .. }) => format!("{text}{self}"),
            ReloadError::Rules(_) | ReloadError::Config(_) | ReloadError::Intel(_) => self.to_string(),
        }
    }
}

/// Where settings come from.
pub struct Source {
    /// The file that is looked at for changes, if there is one.
    pub file: Option<PathBuf>,
    /// Reads them: the file, with what the command line changes of it.
    pub read: Box<dyn Fn() -> Result<Config, ConfigError> + Send>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Everything that is in force, at one time.
#[derive(Debug)]
pub struct InForce {
    /// Counts changes, from 1.
    pub generation: u64,
    /// Since when.
    pub since: SystemTime,
    /// The settings.
    pub config: Config,
    /// The rules, compiled with the settings' thresholds.
    pub rules: Arc<RuleSet>,
    /// The lists.
    pub intel: Arc<Intel>,
    /// What the rules were compiled of, so that the same files need not be compiled again.
    texts: Texts,
}

/// What of it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Everything.
    All,
    /// The lists; the settings and rules that are in force stay.
    Intel,
}

impl InForce {
    /// The first: lists that are missing or broken do not keep sandboxes from being watched, the bundled ones are taken.
    /// Also says what is to be said of it.
    ///
    /// # Errors
    /// If settings or rules are wrong.
    pub fn first(config: Config) -> Result<(InForce, String), ReloadError> {
        let texts = Texts::read(&config.rules)?;
        let generation = u64::from(!config.rules.is_empty());
        let Loaded { rules, warnings } = texts.compile(config.thresholds.into(), generation)?;
        let published = config.intel.as_deref().and_then(|path| intel::load(path).ok());
        let intel = Arc::new(published.unwrap_or_else(Intel::seed));
        let force = InForce { generation: 1, since: SystemTime::now(), config, rules, intel, texts };
        Ok((force, warnings))
    }

    /// What comes after it; nothing if that is the same. Warnings come with it.
    fn next(&self, extent: Extent, source: &Source) -> Result<Option<(InForce, String)>, ReloadError> {
        let (config, texts, rules, warnings) = match extent {
            Extent::Intel => {
                (self.config.clone(), self.texts.clone(), Arc::clone(&self.rules), String::new())
            }
            Extent::All => {
                let config = (source.read)()?;
                let texts = Texts::read(&config.rules)?;
                let Loaded { rules, warnings } =
                    if texts == self.texts && config.thresholds == self.config.thresholds {
                        Loaded { rules: Arc::clone(&self.rules), warnings: String::new() }
                    } else {
                        let generation = self.rules.generation().saturating_add(1);
                        texts.compile(config.thresholds.into(), generation)?
                    };
                (config, texts, rules, warnings)
            }
        };
        let intel = match &config.intel {
            // A file that is gone says nothing: what is in force stays.
            Some(path) if path.exists() => {
                let intel = intel::load(path)?;
                if intel.generation() == self.intel.generation() {
                    Arc::clone(&self.intel)
                } else {
                    Arc::new(intel)
                }
            }
            Some(_) => Arc::clone(&self.intel),
            None if self.config.intel.is_none() => Arc::clone(&self.intel),
            None => Arc::new(Intel::seed()),
        };
        let is_same = Arc::ptr_eq(&rules, &self.rules)
            && Arc::ptr_eq(&intel, &self.intel)
            && config == self.config
            && texts == self.texts;
        if is_same {
            return Ok(None);
        }
        let generation = self.generation.saturating_add(1);
        Ok(Some((InForce { generation, since: SystemTime::now(), config, rules, intel, texts }, warnings)))
    }
}

/// What came of reloads so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Changes that were taken.
    pub taken: u64,
    /// Changes that were refused.
    pub refused: u64,
    /// When the last one was refused, and why; nothing once a later one was taken.
    pub refusal: Option<(SystemTime, String)>,
}

/// What is in force, which all connections share.
#[derive(Debug)]
pub struct Current {
    force: ArcSwap<InForce>,
    history: Mutex<History>,
}

impl Current {
    /// What does not change until a [`Reloader`] does it.
    #[must_use]
    pub fn new(force: InForce) -> Current {
        Current { force: ArcSwap::from_pointee(force), history: Mutex::default() }
    }

    /// What is in force, unless it is `known`.
    #[must_use]
    pub fn newer_than(&self, known: &Arc<InForce>) -> Option<Arc<InForce>> {
        let current = self.force.load();
        (!Arc::ptr_eq(&current, known)).then(|| Arc::clone(&current))
    }

    /// What is in force.
    #[must_use]
    pub fn get(&self) -> Arc<InForce> {
        self.force.load_full()
    }

    /// What came of reloads so far.
    #[must_use]
    pub fn history(&self) -> History {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut History)) {
        change(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
