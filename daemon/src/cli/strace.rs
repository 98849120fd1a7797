//! `sluicebox strace`: logs of `strace -f` into a trace.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use sluicebox::wire::strace::{Log, Summary, import};
use sluicebox::wire::tracefile::{TraceError, Writer};

use super::{Outcome, say};

/// Turn logs of strace into a trace that `replay`, `rules explain` and `rules test` take
///
/// `strace -f -ttt -y -s 4096 -o LOG COMMAND` makes a log that says the most. What a log does not say is unknown: times
/// without -ttt, -tt, -t or -r, paths of descriptors without -y, strings that were cut without -s.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// Logs of one program: one of `strace -f`, or those of its threads (`strace -ff -o LOG` writes LOG.TID: name LOG,
    /// or each of them)
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// The trace to write; not overwritten
    #[arg(long, value_name = "TRACE")]
    out: PathBuf,
    /// The container's id in the trace
    #[arg(long, value_name = "ID", default_value = "strace")]
    container: String,
}

/// A log's text, and the thread that its name tells.
struct Text {
    tid: Option<i32>,
    bytes: Vec<u8>,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let mut texts = Vec::new();
    for path in &typed.logs {
        read(path, &mut texts)?;
    }
    // A single log that names its threads itself may have any name.
    let of_one = texts.len() == 1;
    let logs: Vec<Log<'_>> = texts
        .iter()
        .map(|text| Log {
            tid: text.tid.filter(|_| !of_one || !names_threads(&text.bytes)),
            text: &text.bytes,
        })
        .collect();
    let out = typed.out.as_path();
    let file = File::options().write(true).create_new(true).open(out);
    let file = file.with_context(|| format!("cannot make the trace: {}", out.display()))?;
    let result = write(&logs, typed.container.as_bytes(), file);
    if result.is_err() {
        // Half a trace would look like a whole one. It was made above, so nobody else's is removed.
        drop(fs::remove_file(out));
    }
    report(out, &result?);
    Ok(Outcome::Clean)
}

fn write(logs: &[Log<'_>], container: &[u8], file: File) -> Result<Summary> {
    let mut writer = Writer::new(BufWriter::new(file))?;
    let mut failed: Option<TraceError> = None;
    let summary = import(logs, container, |packet| {
        if failed.is_none() {
            failed = writer.write_packet(packet).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    writer.finish()?;
    Ok(summary)
}

/// The log, or those of `strace -ff` that begin with its name.
fn read(path: &Path, texts: &mut Vec<Text>) -> Result<()> {
    match fs::read(path) {
        Ok(bytes) => {
            texts.push(Text { tid: tid_of(path), bytes });
            return Ok(());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => bail!("cannot read the log ({error}): {}", path.display()),
    }
    let mut parts = parts(path);
    parts.sort();
    if parts.is_empty() {
        bail!("no such log, nor any with a thread's id behind it: {}", path.display());
    }
    for (tid, part) in parts {
        let bytes = fs::read(&part);
        let bytes = bytes.with_context(|| format!("cannot read the log: {}", part.display()))?;
        texts.push(Text { tid: Some(tid), bytes });
    }
    Ok(())
}

/// Files beside each other called `PATH.TID`.
fn parts(path: &Path) -> Vec<(i32, PathBuf)> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of_path = entries.map(|entry| entry.path()).filter(|part| part.file_stem() == path.file_name());
    of_path.filter_map(|part| Some((tid_of(&part)?, part))).collect()
}

fn tid_of(path: &Path) -> Option<i32> {
    path.extension().and_then(OsStr::to_str)?.parse().ok().filter(|tid| *tid > 0)
}

/// Whether the lines of a log begin with the thread's id, as those of `strace -f` do.
fn names_threads(log: &[u8]) -> bool {
    let first = log.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let digits = first.iter().take_while(|byte| byte.is_ascii_digit()).count();
    first.starts_with(b"[pid") || (digits > 0 && first.get(digits) == Some(&b' '))
}

fn report(out: &Path, summary: &Summary) {
    let Summary { lines, calls, packets, order_assumed, unknown_calls, unread, unread_lines } = summary;
    say(&format!(
        "{}: {lines} lines, {calls} calls, {packets} events, {unread} lines not read",
        out.display()
    ));
    if *order_assumed {
        say("the logs have no clock in common, so what came first is guessed: strace -ttt says it");
    }
    if !unread_lines.is_empty() {
        let lines: Vec<String> = unread_lines.iter().map(usize::to_string).collect();
        say(&format!("not read, because they are cut or none of strace's: lines {}", lines.join(", ")));
    }
    for (name, count) in unknown_calls {
        say(&format!("left out, no system call of amd64: {name}, {count} times"));
    }
}
