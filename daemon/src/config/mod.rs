//! `sluicebox.toml`: everything that the daemon can be told, and what holds where it is told nothing.
//!
//! The file's form is this module's types: a key that is not known is an error, since a limit that was mistyped would
//! be no limit. What is wrong is said with file, line and mend ([`ConfigError`]). Paths in the file are relative to it.
//!
//! **Invariant**: `Config::default()` is what `daemon/sluicebox.toml` says, and it can be run.

mod diagnose;
mod sinks;
mod units;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub use diagnose::{ConfigError, Wrong};
pub use sinks::{SpoolSettings, StreamSink, SyslogSink, WebhookSink};
pub use units::{Bytes, Mode, Span};

use crate::respond::sinks::Encoding;

/// Where the daemon listens and runsc connects unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/sluicebox/events.sock";

/// The name of the control socket, which lies beside the events' one unless told otherwise.
const CONTROL: &str = "control.sock";

/// Connections that a configuration may ask for: descriptors beyond that are the system's to give.
const MAX_CONNECTIONS: usize = 1_000_000;

/// All of `sluicebox.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The socket that runsc connects to.
    pub socket: PathBuf,
    /// Its permissions, in octal.
    pub socket_mode: Mode,
    /// A directory where a runtime says which containers come (`ID.json`), each of which gets a socket of its own there.
    pub socket_dir: Option<PathBuf>,
    /// Threads that receive; half of the processors, at most 4, if not given.
    pub workers: Option<NonZeroUsize>,
    /// Connections that may be open at once.
    pub max_connections: usize,
    /// What is remembered of one sandbox at most.
    pub sandbox_memory: Bytes,
    /// The socket that `sluicebox status` asks; `control.sock` beside the other one if not given.
    pub control: Option<PathBuf>,
    /// Rule files or directories; the built-in rules if there are none.
    pub rules: Vec<PathBuf>,
    /// The snapshot that `feeds update` publishes; the bundled lists if not given.
    pub intel: Option<PathBuf>,
    /// From which score on a finding is how grave.
    pub thresholds: Thresholds,
    /// What is done to a container that is convicted.
    pub kill: Kill,
    /// Where findings go.
    pub sinks: Sinks,
    /// Who may ask for metrics.
    pub metrics: Metrics,
    /// What is logged.
    pub log: Log,
}

/// From which score on a finding is how grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Worth a line.
    pub notice: u32,
    /// Worth a person's time.
    pub alert: u32,
    /// Worth the container's life.
    pub kill: u32,
}

/// Whether something is done to sandboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// No, and nothing is said of it.
    Off,
    /// No, but what would have been done is said.
    DryRun,
    /// Yes.
    On,
}

/// What is done to a container that is convicted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kill {
    /// Whether.
    pub mode: Doing,
    /// Containers that may be killed within a minute. Beyond that there is an alarm and nothing is killed: a bad feed
    /// must not empty a host.
    pub per_minute: u32,
    /// How long one try may take.
    pub timeout: Span,
    /// Tries; between two of them is a pause that doubles.
    pub attempts: u32,
}

/// Where findings go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sinks {
    /// Findings that may wait for a sink that is slow.
    pub queue: usize,
    /// How findings are printed to standard output; not at all (`off`) if nothing.
    #[serde(deserialize_with = "printed")]
    pub stdout: Option<Encoding>,
    /// Files.
    pub file: Vec<FileSink>,
    /// Servers that findings are posted to.
    pub webhook: Vec<WebhookSink>,
    /// Receivers of protobuf.
    pub stream: Vec<StreamSink>,
    /// Receivers of syslog.
    pub syslog: Vec<SyslogSink>,
    /// What the sinks on the network did not take.
    pub spool: SpoolSettings,
}

/// A file that findings are appended to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSink {
    /// Which. Opened anew at SIGHUP, so that it can be rotated.
    pub path: PathBuf,
    /// How findings look there.
    #[serde(default = "json")]
    pub format: Encoding,
}

/// A form, or `off`.
fn printed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Encoding>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "off" => Ok(None),
        form => Encoding::from_str(form, false).map(Some).map_err(|_| {
            D::Error::custom(format!(
                "unknown form `{form}`, expected `off`, `text`, `json`, `ocsf` or `falco`"
            ))
        }),
    }
}

fn json() -> Encoding {
    Encoding::Json
}

/// Who may ask for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// The address of `/metrics`, `/healthz` and `/readyz`; nobody is answered if not given.
    pub listen: Option<SocketAddr>,
}

/// What is logged, to standard error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// From which level on; `SLUICEBOX_LOG` wins over it.
    pub level: Level,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For reading.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// As a filter of the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            socket: PathBuf::from(DEFAULT_SOCKET),
            socket_mode: Mode(0o600),
            socket_dir: None,
            workers: None,
            max_connections: 16_384,
            sandbox_memory: Bytes(sluicebox::state::DEFAULT_BUDGET),
            control: None,
            rules: Vec::new(),
            intel: None,
            thresholds: Thresholds::default(),
            kill: Kill::default(),
            sinks: Sinks::default(),
            metrics: Metrics::default(),
            log: Log::default(),
        }
    }
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        let sluicebox::rules::Thresholds { notice, alert, kill } = sluicebox::rules::Thresholds::default();
        Thresholds { notice, alert, kill }
    }
}

impl From<Thresholds> for sluicebox::rules::Thresholds {
    fn from(Thresholds { notice, alert, kill }: Thresholds) -> Self {
        sluicebox::rules::Thresholds { notice, alert, kill }
    }
}

impl Default for Kill {
    fn default() -> Kill {
        Kill { mode: Doing::DryRun, per_minute: 10, timeout: Span::from_secs(5), attempts: 5 }
    }
}

impl Default for Sinks {
    fn default() -> Sinks {
        Sinks {
            queue: 1024,
            stdout: Some(Encoding::Text),
            file: Vec::new(),
            webhook: Vec::new(),
            stream: Vec::new(),
            syslog: Vec::new(),
            spool: SpoolSettings::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { format: LogFormat::Text, level: Level::Info }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Where it cannot be read, is not in its form, or contradicts itself: all contradictions at once.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config = Config::parse(&text, path)?;
        config.relative_to(path.parent().unwrap_or_else(|| Path::new("")));
        Ok(config)
    }

    fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let config: Config = toml::from_str(text).map_err(|error| diagnose::form(path, text, &error))?;
        let wrong = config.check();
        if wrong.is_empty() { Ok(config) } else { Err(diagnose::meaning(path, text, &wrong)) }
    }

    fn relative_to(&mut self, directory: &Path) {
        let of_file =
            [Some(&mut self.socket), self.socket_dir.as_mut(), self.control.as_mut(), self.intel.as_mut()];
        self.sinks.relative_to(directory);
        let all = of_file.into_iter().flatten().chain(&mut self.rules);
        for path in all {
            *path = directory.join(&*path);
        }
    }

    /// Where `sluicebox status` asks.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.control.clone().unwrap_or_else(|| control_beside(&self.socket))
    }

    /// Everything that contradicts itself or cannot work, wherever it came from.
    #[must_use]
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut refuse = |is_wrong: bool, key: &'static [&'static str], what: &str, mend: &str| {
            if is_wrong {
                wrong.push(Wrong { key, what: what.to_owned(), mend: mend.to_owned() });
            }
        };
        let Thresholds { notice, alert, kill } = self.thresholds;
        refuse(
            notice == 0,
            &["thresholds", "notice"],
            "a threshold of 0 is always reached",
            "begin at 1, the default is 25",
        );
        refuse(
            alert <= notice,
            &["thresholds", "alert"],
            "an alert is not graver than a notice",
            "set it above `notice`",
        );
        refuse(
            kill <= alert,
            &["thresholds", "kill"],
            "a kill is not graver than an alert",
            "set it above `alert`",
        );
        refuse(
            self.max_connections == 0 || self.max_connections > MAX_CONNECTIONS,
            &["max_connections"],
            "that many connections cannot be",
            "choose 1 to 1000000",
        );
        refuse(
            self.sandbox_memory.0 < sluicebox::state::MIN_BUDGET,
            &["sandbox_memory"],
            "with so little no sandbox can be remembered",
            "choose `256KiB` or more",
        );
        refuse(
            self.kill.per_minute == 0,
            &["kill", "per_minute"],
            "with 0 nothing is ever killed",
            "for that set `mode = \"off\"`",
        );
        refuse(
            !(1..=20).contains(&self.kill.attempts),
            &["kill", "attempts"],
            "not a number of tries",
            "choose 1 to 20",
        );
        refuse(
            !(1..=60).contains(&self.kill.timeout.get().as_secs()),
            &["kill", "timeout"],
            "not a time in which runsc can answer",
            "choose `1s` to `60s`",
        );
        refuse(
            !(1..=1_000_000).contains(&self.sinks.queue),
            &["sinks", "queue"],
            "not a length of a queue",
            "choose 1 to 1000000",
        );
        for (what, mend) in self.sinks.check_remote() {
            refuse(true, &["sinks"], what, mend);
        }
        let files: BTreeSet<&Path> = self.sinks.file.iter().map(|sink| sink.path.as_path()).collect();
        refuse(
            files.len() < self.sinks.file.len(),
            &["sinks", "file"],
            "two sinks write to one file",
            "leave one of them out",
        );
        wrong
    }
}

/// The control socket of a daemon that listens at `socket`.
#[must_use]
pub fn control_beside(socket: &Path) -> PathBuf {
    socket.with_file_name(CONTROL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("sluicebox.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_that_comes_with_it_says_what_holds_without_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sluicebox.toml");
        assert_eq!(Config::load(&path).unwrap(), Config::default());
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn what_has_no_default_stands_in_it_as_a_remark_that_can_be_uncommented() {
        let text = include_str!("../../sluicebox.toml");
        let uncommented: Vec<&str> = text
            .lines()
            .map(|line| match line.strip_prefix("#") {
                Some(rest) if rest.starts_with('[') || rest.split(' ').nth(1) == Some("=") => rest,
                Some(_) | None => line,
            })
            .collect();
        let config = parse(&uncommented.join("\n")).unwrap();
        assert!(config.workers.is_some() && config.control.is_some() && config.intel.is_some());
        assert!(config.metrics.listen.is_some() && config.sinks.file.len() == 1);
    }

    #[test]
    fn a_key_that_is_not_known_is_an_error_with_its_place_and_the_mend() {
        let error = parse("socket = \"/s\"\n\n[kill]\nper_minut = 5\n").unwrap_err();
        assert!(error.starts_with("sluicebox.toml:4:1: unknown field `per_minut`"), "{error}");
        assert!(error.ends_with("did you mean `per_minute`?"), "{error}");
        let error = parse("[kill]\nmode = \"dryrun\"\n").unwrap_err();
        assert!(error.starts_with("sluicebox.toml:2:8: ") && error.contains("`dry-run`"), "{error}");
        let error = parse("[kill]\ntimeout = 5\n").unwrap_err();
        assert!(error.starts_with("sluicebox.toml:2:11: "), "{error}");
        let error = parse("[kill\n").unwrap_err();
        assert!(error.starts_with("sluicebox.toml:1:"), "{error}");
    }

    #[test]
    fn all_that_contradicts_itself_is_said_at_once_with_its_place() {
        let error = parse("[thresholds]\nnotice = 80\n[kill]\nattempts = 0\n").unwrap_err();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(
            lines,
            [
                "sluicebox.toml:1:2: thresholds.alert: an alert is not graver than a notice: set it above `notice`",
                "sluicebox.toml:4:1: kill.attempts: not a number of tries: choose 1 to 20",
            ]
        );
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (text, why) in [
            ("max_connections = 0", "that many connections"),
            ("sandbox_memory = \"1KiB\"", "so little"),
            ("[kill]\nper_minute = 0", "nothing is ever killed"),
            ("[kill]\ntimeout = \"2m\"", "runsc can answer"),
            ("[sinks]\nqueue = 0", "length of a queue"),
            ("[[sinks.file]]\npath = \"/a\"\n[[sinks.file]]\npath = \"/a\"", "two sinks write"),
            ("socket_mode = \"999\"", "octal"),
            ("sandbox_memory = \"4 apples\"", "size"),
            ("[metrics]\nlisten = \"here\"", "socket address"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sluicebox.toml");
        fs::write(&path, "socket = \"s\"\nrules = [\"r\", \"/abs\"]\n[[sinks.file]]\npath = \"f\"\n")
            .unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.socket, directory.path().join("s"));
        assert_eq!(config.rules, [directory.path().join("r"), PathBuf::from("/abs")]);
        assert_eq!(config.sinks.file[0].path, directory.path().join("f"));
        assert_eq!(config.control(), directory.path().join("control.sock"));
    }
}
