//! Opening recorded traces: from a file or standard input, plain or compressed with zstd.
//!
//! What a file holds is told by its first bytes, never by its name. A trace may come from anywhere, so nothing is
//! believed: a record is bounded by the library's reader, the decompressor's window by 128 MiB; the whole is
//! never held in memory.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use sluicebox::wire::tracefile;
use thiserror::Error;

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window of a compressed trace, as a power of two in bytes: 128 MiB, what the zstd tool accepts unasked.
/// A frame may claim up to 2 GiB, which a small hostile file would have us allocate.
const WINDOW_LOG_MAX: u32 = 27;

/// Bytes read ahead, so that a record of some hundred bytes is not a system call.
const READ_AHEAD: usize = 128 * 1024;

/// Where a trace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input, written `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Source {
        if path.as_os_str() == "-" { Source::Stdin } else { Source::File(path.to_owned()) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Stdin => f.write_str("standard input"),
            Source::File(path) => path.display().fmt(f),
        }
    }
}

/// Why a trace could not be opened or read to its end. Reads as one line: what, and where.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// There is no such file.
    #[error("no such file: {0}")]
    Missing(Source),
    /// It is a directory.
    #[error("is a directory, name the traces in it: {0}")]
    Directory(Source),
    /// There is not one byte in it.
    #[error("the file is empty: {0}")]
    Empty(Source),
    /// It cannot be read.
    #[error("cannot be read ({error}): {from}")]
    Io {
        /// Where.
        from: Source,
        /// Why.
        error: io::Error,
    },
    /// It ends in the middle; everything before was read.
    #[error("the trace is cut off after {records} records: {from}")]
    Cut {
        /// Where.
        from: Source,
        /// Whole records before the cut.
        records: u64,
    },
    /// It is something else, or damaged.
    #[error("{error}: {from}")]
    Format {
        /// Where.
        from: Source,
        /// What is wrong.
        error: tracefile::TraceError,
    },
}

/// An open trace.
pub struct Trace {
    source: Source,
    reader: tracefile::Reader<Box<dyn Read>>,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Opens a trace.
///
/// # Errors
/// If it cannot be read, is empty, or is no trace.
pub fn open(source: &Source) -> Result<Trace, TraceError> {
    let io_error = |error| TraceError::Io { from: source.clone(), error };
    let mut bytes: Box<dyn Read> = match source {
        Source::Stdin => Box::new(io::stdin().lock()),
        Source::File(path) => Box::new(open_file(source, path)?),
    };
    let mut head = Vec::new();
    (&mut bytes).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut head).map_err(io_error)?;
    if head.is_empty() {
        return Err(TraceError::Empty(source.clone()));
    }
    let compressed = head == ZSTD_MAGIC;
    let whole = BufReader::with_capacity(READ_AHEAD, Cursor::new(head).chain(bytes));
    let plain: Box<dyn Read> = if compressed {
        let mut decoder = zstd::Decoder::with_buffer(whole).map_err(io_error)?;
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(io_error)?;
        Box::new(BufReader::with_capacity(READ_AHEAD, decoder))
    } else {
        Box::new(whole)
    };
    match tracefile::Reader::new(plain) {
        Ok(reader) => Ok(Trace { source: source.clone(), reader }),
        Err(error) => Err(explain(source, 0, error)),
    }
}

fn open_file(source: &Source, path: &Path) -> Result<File, TraceError> {
    let file = File::open(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            TraceError::Missing(source.clone())
        } else {
            TraceError::Io { from: source.clone(), error }
        }
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(TraceError::Directory(source.clone()));
    }
    Ok(file)
}

impl Trace {
    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The next packet, header and payload as the sentry sent them; nothing at the end.
    ///
    /// # Errors
    /// If the trace is cut or damaged; nothing can be read after that.
    pub fn next_packet(&mut self) -> Result<Option<&[u8]>, TraceError> {
        // Counted before the packet is lent out, since after it is too late for an error to ask.
        let records = self.reader.packets();
        self.reader.next_packet().map_err(|error| explain(&self.source, records, error))
    }
}

fn explain(source: &Source, records: u64, error: tracefile::TraceError) -> TraceError {
    let from = source.clone();
    match error {
        tracefile::TraceError::Cut { .. } => TraceError::Cut { from, records },
        // What the decompressor says of a frame without its end.
        tracefile::TraceError::Io { source, .. } if source.kind() == ErrorKind::UnexpectedEof => {
            TraceError::Cut { from, records }
        }
        tracefile::TraceError::Io { source, .. } => TraceError::Io { from, error: source },
        error @ (tracefile::TraceError::Empty
        | tracefile::TraceError::NotATrace
        | tracefile::TraceError::Version { .. }
        | tracefile::TraceError::TooLarge { .. }
        | _) => TraceError::Format { from, error },
    }
}
