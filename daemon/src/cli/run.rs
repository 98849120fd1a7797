//! `sluicebox run`: the daemon. Every sandbox that connects is watched; findings go to standard output.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use sluicebox::event::Time;
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::serve::{ConnectionId, Consumer, End, Flow, Peer, Refusal};
use tracing::error;

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
    let factory = move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(Watch::new(&knowledge, format, &peer)))
    };
    service::serve(typed.listen.into(), factory)?;
    Ok(Outcome::Clean)
}

/// The analysis of one connection.
struct Watch {
    connection: ConnectionId,
    analysis: Analysis,
    report: Report,
}

impl Watch {
    fn new(knowledge: &Knowledge, format: Format, peer: &Peer) -> Watch {
        Watch {
            connection: peer.connection,
            analysis: Analysis::new(knowledge),
            report: Report::new(format, When::AsTheyCome),
        }
    }

    /// Prints what was found. Most batches find nothing and do not get as far as the lock on standard output.
    fn print(&mut self) {
        let mut findings = self.analysis.findings().peekable();
        if findings.peek().is_none() {
            return;
        }
        let mut out = io::stdout().lock();
        let result = findings
            .try_for_each(|finding| self.report.finding(finding, &mut out))
            .and_then(|()| out.flush());
        if let Err(error) = result {
            error!(connection = %self.connection, %error, "a finding could not be printed");
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
