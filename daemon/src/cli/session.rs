//! `sluicebox session`: the trace session that the rules need, as runsc's `--pod-init-config` takes it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::{Outcome, rules};

/// Where the daemon listens and runsc connects unless told otherwise.
pub(super) const DEFAULT_SOCKET: &str = "/run/sluicebox/events.sock";

/// Print the smallest trace session that the rules need, for runsc's --pod-init-config
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// Rule files or directories; the built-in rules if not given
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// The socket that runsc is to connect to
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// The release of gVisor that is to read it
    #[arg(long, value_enum, default_value_t = Release::R2026)]
    gvisor: Release,
}

/// Releases of gVisor whose trace points differ.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Release {
    /// Debian's of December 2022
    #[value(name = "2022")]
    R2022,
    /// July 2024
    #[value(name = "2024")]
    R2024,
    /// September 2026
    #[value(name = "2026")]
    R2026,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let _rules = rules::load(&typed.rules)?;
    bail!("the session generator is not built in yet: {:?} {}", typed.gvisor, typed.socket.display())
}
