//! `sluicebox run`: the daemon. Every sandbox that connects is watched, and what is found is told.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Result, bail};
use clap::Args;
use sluicebox_daemon::config::{Config, ConfigError, Mode};
use sluicebox_daemon::intel;
use sluicebox_daemon::observe::{Desk, DeskError, Observed};
use sluicebox_daemon::reload::{Current, InForce, ReloadError, Reloader, Source, TICK};
use sluicebox_daemon::respond::Responder;
use sluicebox_daemon::respond::sinks::{Encoding, Sinks};
use sluicebox_daemon::serve::Options;
use sluicebox_daemon::watch::{Shared, Watching};
use tracing::{info, warn};

use super::service::Service;
use super::{Outcome, log, say, say_lines};

/// Watch every sandbox that connects, and tell what is found as it comes
///
/// Without options everything has its default. SIGHUP, and a change of the files, reload settings, rules and lists: all of
/// them or none. SIGINT and SIGTERM end it, after what was sent by then was judged.
#[derive(Clone, Debug, Args)]
pub(super) struct Typed {
    /// The settings; `daemon/sluicebox.toml` has all of them at their defaults. Other options win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only check settings, rules and lists: status 0 if `run` would take them, else 2
    #[arg(long)]
    check: bool,
    /// The socket to listen on
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The socket file's permissions, in octal
    #[arg(long, value_name = "MODE")]
    socket_mode: Option<Mode>,
    /// A directory where a runtime says which containers come: each ID.json gets a socket ID.sock of its own
    #[arg(long, value_name = "DIR")]
    socket_dir: Option<PathBuf>,
    /// Threads that receive; half of the processors, at most 4, if not given
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Rule files or directories; the built-in rules if not given
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// The snapshot that `feeds update` publishes; the bundled lists if not given. A new one is in force within a second,
    /// and what was seen before is compared with it. Until there is one the bundled lists are used
    #[arg(long, value_name = "FILE")]
    intel: Option<PathBuf>,
    /// How findings are printed; as text if nothing says otherwise
    #[arg(long, value_enum)]
    format: Option<Encoding>,
}

impl Typed {
    /// The settings: those of the file, with what was typed in their place.
    fn settings(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        let typed = self.clone();
        config.socket = typed.socket.unwrap_or(config.socket);
        config.socket_mode = typed.socket_mode.unwrap_or(config.socket_mode);
        config.socket_dir = typed.socket_dir.or(config.socket_dir);
        config.workers = typed.workers.or(config.workers);
        config.intel = typed.intel.or(config.intel);
        if !typed.rules.is_empty() {
            config.rules = typed.rules;
        }
        config.sinks.stdout = typed.format.or(config.sinks.stdout);
        Ok(config)
    }

    fn source(self) -> Source {
        Source { file: self.config.clone(), read: Box::new(move || self.settings()) }
    }
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let config = typed.settings()?;
    if typed.check {
        return check(config);
    }
    log::start_as(config.log.format, config.log.level.name());
    let sinks = Arc::new(Sinks::open(&config.sinks)?);
    let current = Arc::new(Current::new(first(config)?));
    let options = options(&current.get().config);
    let reloader = Arc::new(Reloader::start(typed.source(), Arc::clone(&current))?);
    let responder = Responder::start(Arc::clone(&sinks))?;
    let shared = Arc::new(Shared {
        current,
        sinks: Arc::clone(&sinks),
        responder,
        registry: Arc::default(),
        metrics: Arc::default(),
        asks: Arc::default(),
    });
    let of_signal = (Arc::clone(&reloader), Arc::clone(&shared));
    let on_hangup = move || {
        let (reloader, shared) = &of_signal;
        info!("SIGHUP: files are opened anew, settings, rules and lists are read anew");
        shared.sinks.reopen();
        reloader.ask();
    };
    let service = Service::bind(options, Some(Box::new(on_hangup)))?;
    let desk = desk(&shared, &service)?;
    service.run(Watching(Arc::clone(&shared)))?;
    drop(desk);
    drop(reloader);
    let history = shared.current.history();
    if history.taken > 0 || history.refused > 0 {
        info!(taken = history.taken, refused = history.refused, "reloads");
    }
    // What is done about findings ends first: what came of it is a finding.
    drop(shared);
    match Arc::into_inner(sinks) {
        Some(sinks) => sinks.close(),
        None => warn!("somebody still watches: what waits for the sinks may be lost"),
    }
    Ok(Outcome::Clean)
}

/// Answers whoever asks how it is. A control socket that nobody asked for may be missing; what was asked for may not.
fn desk(shared: &Shared, service: &Service) -> Result<Option<Desk>> {
    let observed = Arc::new(Observed {
        since: SystemTime::now(),
        current: Arc::clone(&shared.current),
        sinks: Arc::clone(&shared.sinks),
        responses: Arc::clone(shared.responder.counts()),
        connections: service.counters(),
        metrics: Arc::clone(&shared.metrics),
        registry: Arc::clone(&shared.registry),
        asks: Arc::clone(&shared.asks),
    });
    let force = shared.current.get();
    match Desk::open(observed, force.config.metrics.listen, &force.config.control()) {
        Ok(desk) => Ok(Some(desk)),
        Err(error @ DeskError::Control { .. })
            if force.config.control.is_none() && force.config.metrics.listen.is_none() =>
        {
            warn!(%error, "`sluicebox status` will not be answered");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What is in force at first. All that is wrong with the rules goes to standard error.
fn first(config: Config) -> Result<InForce> {
    match InForce::first(config) {
        Ok((force, warnings)) => {
            say_lines(&warnings);
            Ok(force)
        }
        Err(error) => bail!("{}", told(&error)),
    }
}

/// Says what source lines there are to say, and gives the rest.
fn told(error: &ReloadError) -> String {
    let details = error.details();
    let (lines, last) = details.rsplit_once('\n').unwrap_or(("", &details));
    if !lines.is_empty() {
        say_lines(&format!("{lines}\n"));
    }
    last.to_owned()
}

fn options(config: &Config) -> Options {
    let mut options = Options::at(config.socket.clone());
    options.mode = config.socket_mode.0;
    options.socket_dir.clone_from(&config.socket_dir);
    options.workers = config.workers.unwrap_or(options.workers);
    options.max_connections = config.max_connections;
    options.tick = options.tick.min(TICK);
    options
}

/// Checks what `run` would take, and says what that is.
fn check(config: Config) -> Result<Outcome> {
    // What the command line brings in is judged as what the file says.
    let wrong = config.check();
    for wrong in &wrong {
        say(&wrong.to_string());
    }
    let published = match config.intel.as_deref() {
        Some(path) if path.exists() => match intel::load(path) {
            Ok(intel) => format!("lists of generation {}", intel.generation()),
            Err(error) => bail!("{error}"),
        },
        Some(path) => {
            say(&format!("{}: not there yet, the bundled lists are used until then", path.display()));
            String::from("the bundled lists")
        }
        None => String::from("the bundled lists"),
    };
    let force = first(config)?;
    if !wrong.is_empty() {
        return Ok(Outcome::Failed);
    }
    say(&format!("settings are good: {} rules, {published}", force.rules.rules().len()));
    Ok(Outcome::Clean)
}
