//! What waits on disk for a sink that is down: records in the order in which they came, until they are acknowledged.
//!
//! A spool is a directory of segments, `NNNNNNNNNN.spool`, each a run of records: length and CRC-32 as u32 little endian,
//! then the bytes. New records go to the last segment; segments whose records are all acknowledged are removed. `done`
//! says up to where: segment and offset. It is replaced as a whole and may be older than what was acknowledged, so
//! that a record can come twice after a crash, but is never left out.
//!
//! Records survive the death of the process at any moment. They are not synced: what a crash of the *host* takes with it
//! is not here. Half a record at the end of a segment, from such a crash or a full disk, is cut off.
//!
//! **Invariant**: never more than the limit on disk. When it is reached the newest records are refused: the first findings
//! about a container are those that somebody must see.

mod segment;

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use segment::{Reader, Segment};

/// The longest record. A finding has some KiB; its evidence is bounded.
pub const MAX_RECORD: usize = 4 << 20;

/// Bytes after which a segment is finished: what is acknowledged is given back in such pieces.
const SEGMENT: u64 = 8 << 20;

/// Acknowledged records after which `done` is written at the latest.
const DONE_EVERY: u32 = 64;

/// What can go wrong with a spool.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The limit is reached: the record was not taken.
    #[error("the spool is full: {}", .0.display())]
    Full(PathBuf),
    /// The record is longer than [`MAX_RECORD`].
    #[error("a record of {0} bytes is too long for a spool")]
    TooLong(usize),
    /// Another process uses the directory.
    #[error("another process uses the spool, give each its own: {}", .0.display())]
    InUse(PathBuf),
    /// The disk.
    #[error("{}: {source}", path.display())]
    Disk {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    move |source| SpoolError::Disk { path: path.to_owned(), source }
}

/// The place behind a record. Later places are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    segment: u64,
    offset: u64,
}

/// A spool, opened.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    limit: u64,
    /// The oldest first; the last one takes what comes. Never empty.
    segments: VecDeque<Segment>,
    done: Place,
    /// The next record that is read.
    next: Place,
    reader: Option<Reader>,
    acknowledged: u32,
    /// Held as long as the spool is open.
    _lock: File,
}

impl Spool {
    /// Opens the spool in a directory, which is made if missing. At most `limit` bytes are kept.
    ///
    /// # Errors
    /// If another process has it, or the disk fails.
    pub fn open(directory: &Path, limit: u64) -> Result<Spool, SpoolError> {
        fs::create_dir_all(directory).map_err(disk(directory))?;
        let lock = lock(directory)?;
        let mut numbers = segment::numbers(directory).map_err(disk(directory))?;
        let done = read_done(&directory.join("done"));
        // What lies before the place was acknowledged, and only its removal did not happen any more.
        for number in numbers.iter().filter(|number| **number < done.segment) {
            let path = segment::path(directory, *number);
            fs::remove_file(&path).map_err(disk(&path))?;
        }
        numbers.retain(|number| *number >= done.segment);
        let mut segments = VecDeque::new();
        for number in numbers {
            segments.push_back(Segment::open(directory, number)?);
        }
        if segments.is_empty() {
            segments.push_back(Segment::create(directory, done.segment.max(1))?);
        }
        let first = segments.front().map_or(done.segment, Segment::number);
        let done = match segments.front() {
            // A place behind the end would hide what comes.
            Some(segment) if done.segment == first => {
                Place { offset: done.offset.min(segment.length()), ..done }
            }
            Some(_) | None => Place { segment: first, offset: 0 },
        };
        Ok(Spool {
            directory: directory.to_owned(),
            limit,
            segments,
            done,
            next: done,
            reader: None,
            acknowledged: 0,
            _lock: lock,
        })
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::length).sum()
    }

    /// Whether every record was read since the last [`Spool::rewind`].
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.segments.back().is_none_or(|last| self.next >= last.end())
    }

    /// Whether every record was acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.back().is_none_or(|last| self.done >= last.end())
    }

    /// Takes a record.
    ///
    /// # Errors
    /// If there is no room for it, or the disk fails: it was not taken then.
    pub fn append(&mut self, record: &[u8]) -> Result<(), SpoolError> {
        if record.len() > MAX_RECORD {
            return Err(SpoolError::TooLong(record.len()));
        }
        let length = segment::length_of(record);
        if self.bytes().saturating_add(length) > self.limit {
            return Err(SpoolError::Full(self.directory.clone()));
        }
        let last = self.segments.back();
        let full =
            last.is_some_and(|last| last.length() > 0 && last.length().saturating_add(length) > SEGMENT);
        if full {
            let number = last.map_or(1, |last| last.number().saturating_add(1));
            self.segments.push_back(Segment::create(&self.directory, number)?);
        }
        match self.segments.back_mut() {
            Some(last) => last.append(record),
            // There is always one.
            None => Err(SpoolError::Full(self.directory.clone())),
        }
    }

    /// The next record, and the place behind it; nothing if all were read.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn read(&mut self) -> Result<Option<(Vec<u8>, Place)>, SpoolError> {
        while !self.is_read() {
            let Some(at) = self.segments.iter().position(|segment| segment.number() >= self.next.segment)
            else {
                return Ok(None);
            };
            let Some(segment) = self.segments.get(at) else { return Ok(None) };
            if segment.number() > self.next.segment {
                self.next = Place { segment: segment.number(), offset: 0 };
            }
            if self.next.offset >= segment.length() {
                let following = self.next.segment.saturating_add(1);
                self.next = Place { segment: following, offset: 0 };
                self.reader = None;
                continue;
            }
            let reader = match self.reader.take().filter(|reader| reader.is_at(self.next)) {
                Some(reader) => reader,
                None => Reader::open(&self.directory, self.next)?,
            };
            let mut reader = reader;
            if let Some(record) = reader.read()? {
                self.next = reader.place();
                self.reader = Some(reader);
                return Ok(Some((record, self.next)));
            }
            // Spoilt since it was written: what follows in the segment cannot be found.
            self.next = Place { segment: self.next.segment, offset: segment.length() };
        }
        Ok(None)
    }

    /// Reads again from the first record that was not acknowledged.
    pub fn rewind(&mut self) {
        self.next = self.done;
        self.reader = None;
    }

    /// Everything up to the place has arrived.
    ///
    /// # Errors
    /// If the disk fails; the records may come again then.
    pub fn acknowledge(&mut self, place: Place) -> Result<(), SpoolError> {
        self.done = self.done.max(place);
        self.acknowledged = self.acknowledged.saturating_add(1);
        let finished = self.segments.front().is_some_and(|first| first.end() <= self.done);
        if self.acknowledged >= DONE_EVERY || finished {
            self.settle()?;
        }
        Ok(())
    }

    /// Writes down what was acknowledged, and removes what is not needed any more.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn settle(&mut self) -> Result<(), SpoolError> {
        self.acknowledged = 0;
        // The last segment goes as well once all of it has arrived: an idle spool is small.
        if self.is_empty() && self.segments.back().is_some_and(|last| last.length() > 0) {
            let number = self.segments.back().map_or(1, |last| last.number().saturating_add(1));
            self.segments.push_back(Segment::create(&self.directory, number)?);
            self.done = Place { segment: number, offset: 0 };
            self.next = self.next.max(self.done);
        }
        write_done(&self.directory, self.done)?;
        while self.segments.len() > 1 && self.segments.front().is_some_and(|first| first.end() <= self.done) {
            if let Some(first) = self.segments.pop_front() {
                let path = segment::path(&self.directory, first.number());
                fs::remove_file(&path).map_err(disk(&path))?;
            }
        }
        Ok(())
    }
}

/// Keeps other processes out.
fn lock(directory: &Path) -> Result<File, SpoolError> {
    let path = directory.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(disk(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(disk(&path)(error)),
    }
}

/// The place up to which everything has arrived; the very first if nothing says so.
fn read_done(path: &Path) -> Place {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(segment)), Some(Ok(offset))) => Place { segment, offset },
        // All that is there is sent again, which is harmless.
        _ => Place { segment: 0, offset: 0 },
    }
}

fn write_done(directory: &Path, done: Place) -> Result<(), SpoolError> {
    let (path, new) = (directory.join("done"), directory.join("done.new"));
    fs::write(&new, format!("{} {}\n", done.segment, done.offset)).map_err(disk(&new))?;
    fs::rename(&new, &path).map_err(disk(&path))
}

#[cfg(test)]
mod tests;
