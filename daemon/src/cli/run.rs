//! `sluicebox run`: the daemon. Every sandbox that connects is watched; findings go to standard output.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::Args;
use sluicebox::event::Time;
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::serve::{ConnectionId, Consumer, End, Flow, Peer, Refusal};
use tracing::{error, warn};

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
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    log::start("info");
    let knowledge = rules::knowledge(&typed.rules)?;
    let format = typed.format;
    let output = Arc::new(Output::default());
    let factory = move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(Watch::new(&knowledge, format, &output, &peer)))
    };
    service::serve(typed.listen.into(), factory)?;
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
    report: Report,
    output: Arc<Output>,
}

impl Watch {
    fn new(knowledge: &Knowledge, format: Format, output: &Arc<Output>, peer: &Peer) -> Watch {
        Watch {
            connection: peer.connection,
            analysis: Analysis::new(knowledge),
            report: Report::new(format, When::AsTheyCome),
            output: Arc::clone(output),
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
        self.print();
        Flow::Continue
    }

    fn tick(&mut self, now: Time) -> Flow {
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
