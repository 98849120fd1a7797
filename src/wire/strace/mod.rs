//! `strace -f` logs of a program that got through, as the packets that a sentry would have sent: what analysts replay,
//! explain and test rules with.
//!
//! A log says some things that a trace does not (paths of renames, bytes) and lacks others. What it does not say is
//! unknown: paths are resolved only where `-y` or getcwd(2) tells the directory, environments are missing, a string
//! that strace cut short is as long as what is left of it. Calls come at their end, as in gVisor; one that never ended
//! comes as it began.
//!
//! Logs are hostile as everything else: nothing in one can make the import panic or take more than a few times the
//! log's size.

mod address;
mod calls;
mod line;
mod mend;
mod names;
mod raw;
mod records;
mod threads;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use thiserror::Error;

use calls::Importer;
use records::Happened;

/// Names of calls that are counted one by one; amd64 has fewer.
const MAX_NAMES: usize = 512;

/// Lines that are named of those that could not be read.
const MAX_UNREAD: usize = 16;

/// A log.
#[derive(Clone, Copy, Debug)]
pub struct Log<'l> {
    /// The thread that it is about, where `-ff` made a log for each; nothing where the log itself says it.
    pub tid: Option<i32>,
    /// The whole text.
    pub text: &'l [u8],
}

/// Why logs cannot be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Not one call.
    #[error("no system call in it: not a log of strace")]
    NoCalls,
}

/// What became of the logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines, those of strace's own remarks and of signals included.
    pub lines: u64,
    /// Calls that became events.
    pub calls: u64,
    /// Packets written.
    pub packets: u64,
    /// Several logs had no clock in common: each thread was taken to run from the call that made it on.
    pub order_assumed: bool,
    /// Calls that are none of amd64's, by name: they are left out.
    pub unknown_calls: BTreeMap<String, u64>,
    /// Lines that could not be read, and halves whose other half is missing.
    pub unread: u64,
    /// The numbers of the first of them.
    pub unread_lines: Vec<usize>,
}

impl Summary {
    fn unread(&mut self, line: usize) {
        self.unread = self.unread.saturating_add(1);
        if self.unread_lines.len() < MAX_UNREAD {
            self.unread_lines.push(line);
        }
    }

    fn unknown_call(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name).into_owned();
        if self.unknown_calls.len() < MAX_NAMES || self.unknown_calls.contains_key(&name) {
            let count = self.unknown_calls.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    }
}

/// Turns logs into packets, which `sink` is given in the order of time. `container` is the id that the events claim.
///
/// Several logs are those of one program's threads (`strace -ff`); with `-ttt` they say what came first.
///
/// # Errors
/// If there is not one call.
///
/// # Example
/// ```
/// use sluicebox::wire::strace::{Log, import};
///
/// let text = b"7 1795613056.782183 execve(\"/bin/true\", [\"true\"], 0x7ffd /* 3 vars */) = 0\n";
/// let mut packets = 0;
/// let summary = import(&[Log { tid: None, text }], b"lab", |_packet| packets += 1)?;
/// assert_eq!((summary.calls, summary.packets, summary.unread), (1, packets, 0));
/// # Ok::<(), sluicebox::wire::strace::ImportError>(())
/// ```
pub fn import(
    logs: &[Log<'_>],
    container: &[u8],
    mut sink: impl FnMut(&[u8]),
) -> Result<Summary, ImportError> {
    let mut summary = Summary::default();
    let texts: Vec<_> = logs.iter().map(|log| mend::mended(log.text)).collect();
    let logs: Vec<_> = logs.iter().zip(&texts).map(|(log, text)| Log { tid: log.tid, text }).collect();
    let records = records::read(&logs, &mut summary);
    let mut importer = Importer::new(&records, container, &mut sink);
    for record in &records {
        match &record.what {
            Happened::Ended(status) => importer.ended(record, *status),
            Happened::Call(text) => match line::Call::read(text) {
                Some(call) => importer.call(record, text, &call, &mut summary),
                None => summary.unread(record.line),
            },
        }
    }
    summary.packets = importer.packets();
    summary.unread_lines.sort_unstable();
    if summary.calls == 0 {
        return Err(ImportError::NoCalls);
    }
    Ok(summary)
}
