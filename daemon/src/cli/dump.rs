//! `sluicebox dump`: every event of a trace, decoded.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use sluicebox_daemon::dump::{Dumper, Style};
use sluicebox_daemon::trace::{self, Source};

use super::{Outcome, complain};

/// Print every event of a trace, one line each, decoded or not
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// How events are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Recorded traces, plain or zstd; `-` for standard input
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

struct Plan {
    style: Style,
    sources: Vec<Source>,
}

impl From<Typed> for Plan {
    fn from(typed: Typed) -> Plan {
        Plan {
            style: match typed.format {
                Format::Text => Style::Text,
                Format::Json => Style::Json,
            },
            sources: typed.traces.iter().map(|path| Source::from(path.as_path())).collect(),
        }
    }
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let plan = Plan::from(typed);
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut outcome = Outcome::Clean;
    for source in &plan.sources {
        outcome = outcome.and(dump(source, plan.style, &mut out)?);
    }
    out.flush()?;
    Ok(outcome)
}

/// An error of the trace is said and the next one goes on; an error of the output ends it all.
fn dump(source: &Source, style: Style, out: &mut impl Write) -> Result<Outcome> {
    let mut dumper = Dumper::new(out, style);
    let mut trace = match trace::open(source) {
        Ok(trace) => trace,
        Err(error) => {
            complain(&error.into());
            return Ok(Outcome::Failed);
        }
    };
    loop {
        match trace.next_packet() {
            Ok(Some(packet)) => dumper.packet(packet)?,
            Ok(None) => return Ok(Outcome::Clean),
            Err(error) => {
                // What was printed goes out before what is said of it.
                dumper.flush()?;
                complain(&error.into());
                return Ok(Outcome::Failed);
            }
        }
    }
}
