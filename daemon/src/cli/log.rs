//! What is logged, and where to: standard error, so that findings have standard output for themselves.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Says what is to be logged.
const VARIABLE: &str = "SLUICEBOX_LOG";

/// Starts logging at `level`, unless the environment says otherwise.
pub(super) fn start(level: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // Fails only where a subscriber is set already, and then that one logs.
    drop(subscriber.try_init());
}
