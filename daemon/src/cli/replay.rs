//! `sluicebox replay`: recorded traces through the same engine that watches live sandboxes.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use sluicebox::finding::Severity;
use sluicebox::state::Image;
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::image::{Root, Roots};
use sluicebox_daemon::intel;
use sluicebox_daemon::respond::sinks::Encoding;
use sluicebox_daemon::trace::{self, Source, Trace, TraceError};

use super::report::{Level, Report};
use super::{Outcome, complain, rules, say};

/// Analyse recorded traces, each a stream of its own
///
/// A trace that is cut off is analysed up to the cut. That counts as a failure (status 2) whatever was found before:
/// what is missing might have been the worst of it.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// Rule files or directories; the built-in rules if not given
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// The bundle of the recorded container, or its bare root file system; where a release does not say what is of the
    /// image, it is looked up there. `CONTAINER=PATH` for the container of that id, and again for others
    #[arg(long, value_name = "[CONTAINER=]PATH")]
    image: Vec<PathBuf>,
    /// The snapshot that `feeds update` published; the bundled lists if not given
    #[arg(long, value_name = "FILE")]
    intel: Option<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Encoding::Text)]
    format: Encoding,
    /// The severity from which on the exit status is 1
    #[arg(long, value_enum, default_value_t = Level::Alert)]
    fail_on: Level,
    /// Recorded traces, plain or zstd; `-` for standard input
    #[arg(required = true, value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

struct Plan {
    knowledge: Knowledge,
    format: Encoding,
    fail_on: Severity,
    sources: Vec<Source>,
}

impl TryFrom<Typed> for Plan {
    type Error = anyhow::Error;

    fn try_from(typed: Typed) -> Result<Plan> {
        Ok(Plan {
            knowledge: knowledge(&typed)?,
            format: typed.format,
            fail_on: typed.fail_on.into(),
            sources: typed.traces.iter().map(|path| Source::from(path.as_path())).collect(),
        })
    }
}

fn knowledge(typed: &Typed) -> Result<Knowledge> {
    let mut knowledge = rules::knowledge(&typed.rules)?;
    knowledge.image = images(&typed.image)?;
    if let Some(path) = &typed.intel {
        knowledge.intel = Arc::new(intel::load(path)?);
    }
    Ok(knowledge)
}

/// The root file systems that were named.
fn images(named: &[PathBuf]) -> Result<Option<Arc<dyn Image>>> {
    if named.is_empty() {
        return Ok(None);
    }
    let mut roots = Roots::default();
    for named in named {
        // A path that has a `=` in it begins with a slash or a dot.
        let bytes = named.as_os_str().as_bytes();
        let (container, path) = match bytes.iter().position(|byte| *byte == b'=') {
            Some(at) if !bytes.starts_with(b"/") && !bytes.starts_with(b".") => {
                let (container, path) = bytes.split_at(at);
                (Some(container.to_vec()), OsStr::from_bytes(path.get(1..).unwrap_or_default()))
            }
            Some(_) | None => (None, named.as_os_str()),
        };
        roots.push(Root::open(container, Path::new(path))?);
    }
    Ok(Some(Arc::new(roots)))
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let plan = Plan::try_from(typed)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut outcome = Outcome::Clean;
    for source in &plan.sources {
        outcome = outcome.and(replay(&plan, source, &mut out)?);
    }
    Ok(outcome)
}

/// One trace. What is wrong with it is said and counts as a failure, but what came before is analysed; only an error
/// of the output ends everything.
fn replay(plan: &Plan, source: &Source, out: &mut impl Write) -> Result<Outcome> {
    let mut trace = match trace::open(source) {
        Ok(trace) => trace,
        Err(error) => {
            complain(&error.into());
            return Ok(Outcome::Failed);
        }
    };
    let mut report = Report::new(plan.format);
    let mut analysis = Analysis::new(&plan.knowledge);
    let mut chunk = Chunk::default();
    let mut nanos = 0_u128;
    let trouble = loop {
        let end = chunk.fill(&mut trace);
        let begin = Instant::now();
        for packet in chunk.packets() {
            let _counted = analysis.packet(packet);
        }
        nanos = nanos.saturating_add(begin.elapsed().as_nanos());
        for finding in analysis.findings() {
            report.finding(finding, out)?;
        }
        match end {
            Ok(More::Yes) => {}
            Ok(More::No) => break None,
            Err(error) => break Some(error),
        }
    };
    report.end(out)?;
    // Findings before what is said about them, whoever reads both.
    out.flush()?;
    say(&report.summary(&source.to_string(), analysis.stats(), Some(nanos)));
    let mut outcome = match report.worst() {
        Some(worst) if worst >= plan.fail_on => Outcome::Found,
        Some(_) | None => Outcome::Clean,
    };
    if let Some(error) = trouble {
        complain(&error.into());
        outcome = Outcome::Failed;
    }
    Ok(outcome)
}

/// Some packets of a trace, read ahead so that the engine's time can be told from the disk's and the decompressor's
/// without two clock readings a packet.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Whether the trace goes on after a chunk.
enum More {
    Yes,
    No,
}

impl Chunk {
    /// Packets per chunk.
    const PACKETS: usize = 1024;

    /// Bytes after which a chunk is full; one packet more may exceed it.
    const BYTES: usize = 1 << 20;

    /// Takes the next packets. Those before an error are there as well.
    fn fill(&mut self, trace: &mut Trace) -> Result<More, TraceError> {
        self.bytes.clear();
        self.ends.clear();
        while self.ends.len() < Self::PACKETS && self.bytes.len() < Self::BYTES {
            let Some(packet) = trace.next_packet()? else { return Ok(More::No) };
            self.bytes.extend_from_slice(packet);
            self.ends.push(self.bytes.len());
        }
        Ok(More::Yes)
    }

    fn packets(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |&end| {
            let packet = self.bytes.get(begin..end).unwrap_or_default();
            begin = end;
            packet
        })
    }
}
