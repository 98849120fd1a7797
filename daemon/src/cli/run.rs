//! `sluicebox run`: the daemon. Every sandbox that connects is watched; findings go to standard output.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::Args;
use sluicebox::event::Time;
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::intel::{self, Current, Watcher};
use sluicebox_daemon::serve::{ConnectionId, Consumer, End, Flow, Options, Peer, Refusal};
use tracing::{error, info, warn};

use super::report::{Format, Report, When};
use super::{Outcome, log, rules, say, service};

/// Watch every sandbox that connects, and print what is found as it comes
#[derive(Debug, Args)]
pub(super) struct Typed {
    #[command(flatten)]
    listen: service::Listen,
    /// Rule files or directories; the built-in rules if not given
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// The snapshot that `feeds update` publishes; the bundled lists if not given. A new one is in force within a second,
    /// and what was seen before is compared with it. Until there is one the bundled lists are used
    #[arg(long, value_name = "FILE")]
    intel: Option<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    log::start("info");
    let mut knowledge = rules::knowledge(&typed.rules)?;
    // A file that is missing or broken must not keep sandboxes from being watched: the watcher says what is wrong with it.
    if let Some(Ok(published)) = typed.intel.as_deref().map(intel::load) {
        knowledge.intel = Arc::new(published);
    }
    let current = Arc::new(Current::new(Arc::clone(&knowledge.intel)));
    let watcher = typed.intel.map(|path| Watcher::start(path, Arc::clone(&current))).transpose()?;
    let format = typed.format;
    let output = Arc::new(Output::default());
    let of_factory = Arc::clone(&current);
    let factory = move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(Watch::new(&knowledge, &of_factory, format, &output, &peer)))
    };
    let mut options = Options::from(typed.listen);
    options.tick = options.tick.min(intel::TICK);
    service::serve(options, factory)?;
    drop(watcher);
    if current.swaps() > 0 || current.refused() > 0 {
        info!(swaps = current.swaps(), refused = current.refused(), "snapshots of the denylists");
    }
    Ok(Outcome::Clean)
}

/// Standard output, which all connections share.
#[derive(Debug, Default)]
struct Output {
    /// Its reader has gone. It does not come back, so that is said once and nothing more is written.
    closed: AtomicBool,
}

impl Output {
    /// Notes that a finding could not be written.
    fn failed(&self, connection: ConnectionId, error: &io::Error) {
        if error.kind() != ErrorKind::BrokenPipe {
            error!(%connection, %error, "a finding could not be printed");
        } else if !self.closed.swap(true, Ordering::Relaxed) {
            warn!("nobody reads standard output any more: findings are counted, but not printed");
        }
    }
}

/// The analysis of one connection.
struct Watch {
    connection: ConnectionId,
    analysis: Analysis,
    current: Arc<Current>,
    report: Report,
    output: Arc<Output>,
}

impl Watch {
    fn new(
        knowledge: &Knowledge,
        current: &Arc<Current>,
        format: Format,
        output: &Arc<Output>,
        peer: &Peer,
    ) -> Watch {
        let knowledge = Knowledge { intel: current.get(), ..knowledge.clone() };
        Watch {
            connection: peer.connection,
            analysis: Analysis::new(&knowledge),
            current: Arc::clone(current),
            report: Report::new(format, When::AsTheyCome),
            output: Arc::clone(output),
        }
    }

    /// Takes the current snapshot of the denylists, if it is another one than before: once a batch, between two events.
    fn catch_up(&mut self) {
        if let Some(newer) = self.current.newer_than(self.analysis.intel()) {
            self.analysis.swap(newer);
        }
    }

    /// Prints what was found. Most batches find nothing and do not get as far as the lock on standard output.
    fn print(&mut self) {
        let mut findings = self.analysis.findings().peekable();
        if findings.peek().is_none() {
            return;
        }
        let mut out = io::stdout().lock();
        for finding in findings {
            let result = if self.output.closed.load(Ordering::Relaxed) {
                self.report.finding(finding, &mut io::sink())
            } else {
                self.report.finding(finding, &mut out).and_then(|()| out.flush())
            };
            if let Err(error) = result {
                self.output.failed(self.connection, &error);
            }
        }
    }
}

impl Consumer for Watch {
    fn packet(&mut self, packet: &[u8]) {
        self.analysis.packet(packet);
    }

    fn truncated(&mut self, _beginning: &[u8]) {
        self.analysis.truncated();
    }

    fn batch_end(&mut self) -> Flow {
        self.catch_up();
        self.print();
        Flow::Continue
    }

    fn tick(&mut self, now: Time) -> Flow {
        self.catch_up();
        self.analysis.tick(now);
        self.print();
        Flow::Continue
    }

    fn closed(&mut self, _end: End) {
        self.print();
        let name = format!("connection {}", self.connection);
        say(&self.report.summary(&name, self.analysis.stats(), None));
    }
}
