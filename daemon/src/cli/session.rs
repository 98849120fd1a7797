//! `sluicebox session`: the trace session that the rules need, as runsc's `--pod-init-config` takes it.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use sluicebox::rules::session;
use sluicebox::wire::schema;
use sluicebox_daemon::config::DEFAULT_SOCKET;

use super::{Outcome, rules};

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
pub(super) enum Release {
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

impl From<Release> for schema::Release {
    fn from(release: Release) -> schema::Release {
        match release {
            Release::R2022 => schema::Release::R2022,
            Release::R2024 => schema::Release::R2024,
            Release::R2026 => schema::Release::R2026,
        }
    }
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let rules = rules::load(&typed.rules)?;
    let Some(socket) = typed.socket.to_str() else {
        bail!("session: {}: the path of the socket must be UTF-8", typed.socket.display());
    };
    let session = session::smallest(&rules, typed.gvisor.into(), socket);
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &session)?;
    writeln!(out)?;
    Ok(Outcome::Clean)
}
