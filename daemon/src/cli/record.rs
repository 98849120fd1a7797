//! `sluicebox record`: every connection into a trace file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use sluicebox_daemon::record::Recording;
use sluicebox_daemon::serve::{Consumer, Peer, Refusal};

use super::{Outcome, log, service};

/// Record what sandboxes send, every connection into a trace file of its own
///
/// The path of each file is printed when its recording is finished.
#[derive(Debug, Args)]
pub(super) struct Typed {
    #[command(flatten)]
    listen: service::Listen,
    /// The directory for the trace files; made if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    log::start("info");
    let directory = typed.out;
    fs::create_dir_all(&directory)
        .map_err(|error| anyhow!("cannot make the directory ({error}): {}", directory.display()))?;
    let factory = move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(Recording::start(&directory, &peer, Box::new(announce))?))
    };
    service::Service::bind(typed.listen.into(), None)?.run(factory)?;
    Ok(Outcome::Clean)
}

fn announce(path: &Path) {
    // Recording goes on when nobody reads this any more.
    drop(writeln!(io::stdout(), "{}", path.display()));
}
