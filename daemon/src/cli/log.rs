//! What is logged, and where to: standard error, so that findings have standard output for themselves.

use std::io::{self, IsTerminal};

use sluicebox_daemon::config::LogFormat;
use tracing_subscriber::EnvFilter;

/// Says what is to be logged.
const VARIABLE: &str = "SLUICEBOX_LOG";

/// Starts logging at `level` for reading, unless the environment says otherwise.
pub(super) fn start(level: &str) {
    start_as(LogFormat::Text, level);
}

/// Starts logging in that form at `level`, unless the environment names another level.
pub(super) fn start_as(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    // Each fails only where a subscriber is set already, and then that one logs.
    match format {
        LogFormat::Text => drop(builder.with_ansi(io::stderr().is_terminal()).try_init()),
        LogFormat::Json => drop(builder.json().flatten_event(true).try_init()),
    }
}
