//! `sluicebox dump`: every event of a trace, decoded, or what the engine remembers at a moment of it.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::{Args, ValueEnum};
use sluicebox::event::Nanos;
use sluicebox_daemon::analyze::Knowledge;
use sluicebox_daemon::dump::state::{Files, Follower, Moment, Progress};
use sluicebox_daemon::dump::{Dumper, Style};
use sluicebox_daemon::trace::{self, Source, Trace};

use super::{Outcome, complain, rules};

/// Print every event of a trace, one line each, decoded or not; or what is remembered of it
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// How events or the state are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Instead of events, what the engine remembers after them: processes with descriptors, files with the chain of
    /// their bytes, connections, what was not seen. As JSON one document for each trace
    #[arg(long)]
    state: bool,
    /// The state at that moment instead of the end: seconds from the first event, such as `2.5s`, or the number of
    /// the last record that counts, from 0 as in the JSON dump
    #[arg(long, value_name = "MOMENT", requires = "state")]
    at: Option<At>,
    /// Show files that were only read as well
    #[arg(long, requires = "state")]
    all: bool,
    /// Recorded traces, plain or zstd; `-` for standard input
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A moment as it is typed.
#[derive(Clone, Copy, Debug)]
struct At(Moment);

impl FromStr for At {
    type Err = String;

    fn from_str(typed: &str) -> Result<At, String> {
        let wrong = || format!("a moment is seconds such as `2.5s` or a record's number, not `{typed}`");
        let Some(seconds) = typed.strip_suffix('s') else {
            return typed.parse().map(|number| At(Moment::Record(number))).map_err(|_| wrong());
        };
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        let digits = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
        let nanos: i64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        if !digits {
            return Err(wrong());
        }
        Ok(At(Moment::Time(Nanos(Nanos::from_secs(whole.into()).0.saturating_add(nanos)))))
    }
}

struct Plan {
    what: What,
    style: Style,
    sources: Vec<Source>,
}

/// What is shown of a trace.
enum What {
    Events,
    State { knowledge: Knowledge, moment: Moment, files: Files },
}

impl TryFrom<Typed> for Plan {
    type Error = anyhow::Error;

    fn try_from(typed: Typed) -> Result<Plan> {
        let what = if typed.state {
            What::State {
                // Rules ask the state and never change it; any will do.
                knowledge: rules::knowledge(&[])?,
                moment: typed.at.map_or(Moment::End, |at| at.0),
                files: if typed.all { Files::All } else { Files::Written },
            }
        } else {
            What::Events
        };
        Ok(Plan {
            what,
            style: match typed.format {
                Format::Text => Style::Text,
                Format::Json => Style::Json,
            },
            sources: typed.traces.iter().map(|path| Source::from(path.as_path())).collect(),
        })
    }
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let plan = Plan::try_from(typed)?;
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut outcome = Outcome::Clean;
    for source in &plan.sources {
        outcome = outcome.and(dump(&plan, source, &mut out)?);
    }
    out.flush()?;
    Ok(outcome)
}

/// An error of the trace is said and the next one goes on; an error of the output ends it all.
fn dump(plan: &Plan, source: &Source, out: &mut impl Write) -> Result<Outcome> {
    let trace = match trace::open(source) {
        Ok(trace) => trace,
        Err(error) => {
            complain(&error.into());
            return Ok(Outcome::Failed);
        }
    };
    match &plan.what {
        What::Events => events(plan.style, trace, out),
        What::State { knowledge, moment, files } => {
            state(Follower::new(knowledge, *moment), plan.style, *files, trace, out)
        }
    }
}

fn events(style: Style, mut trace: Trace, out: &mut impl Write) -> Result<Outcome> {
    let mut dumper = Dumper::new(out, style);
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

/// A trace that is cut shows what is remembered at the cut.
fn state(
    mut follower: Follower,
    style: Style,
    files: Files,
    mut trace: Trace,
    out: &mut impl Write,
) -> Result<Outcome> {
    let trouble = loop {
        match trace.next_packet() {
            Ok(Some(packet)) => match follower.packet(packet) {
                Progress::Wanted => {}
                Progress::Reached => break None,
            },
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    follower.show(style, files, out)?;
    let Some(error) = trouble else { return Ok(Outcome::Clean) };
    out.flush()?;
    complain(&error.into());
    Ok(Outcome::Failed)
}
