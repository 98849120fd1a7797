//! One file of a spool.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{MAX_RECORD, Place, SpoolError, disk};

/// Length and checksum before each record.
const HEAD: u64 = 8;

/// The file of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.spool"))
}

/// The numbers of the segments in a directory, in their order.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_suffix(".spool")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Bytes that a record takes in a segment.
pub(super) fn length_of(record: &[u8]) -> u64 {
    HEAD.saturating_add(u64::try_from(record.len()).unwrap_or(u64::MAX))
}

/// A segment that records are written to, or were.
#[derive(Debug)]
pub(super) struct Segment {
    number: u64,
    path: PathBuf,
    file: File,
    /// Bytes of whole records.
    length: u64,
}

impl Segment {
    pub(super) fn create(directory: &Path, number: u64) -> Result<Segment, SpoolError> {
        let path = path(directory, number);
        let file = File::options().append(true).create_new(true).open(&path).map_err(disk(&path))?;
        Ok(Segment { number, path, file, length: 0 })
    }

    /// Opens one that is there. What lies behind the last whole record is cut off.
    pub(super) fn open(directory: &Path, number: u64) -> Result<Segment, SpoolError> {
        let mut reader = Reader::open(directory, Place { segment: number, offset: 0 })?;
        while reader.read()?.is_some() {}
        let (path, length) = (path(directory, number), reader.place().offset);
        let file = File::options().append(true).open(&path).map_err(disk(&path))?;
        file.set_len(length).map_err(disk(&path))?;
        Ok(Segment { number, path, file, length })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The place behind its last record.
    pub(super) fn end(&self) -> Place {
        Place { segment: self.number, offset: self.length }
    }

    pub(super) fn append(&mut self, record: &[u8]) -> Result<(), SpoolError> {
        let length = u32::try_from(record.len()).map_err(|_| SpoolError::TooLong(record.len()))?;
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(crc32fast::hash(record).to_le_bytes());
        bytes.extend(record);
        if let Err(error) = self.file.write_all(&bytes) {
            // What was written of it would hide every record behind it.
            self.file.set_len(self.length).map_err(disk(&self.path))?;
            return Err(disk(&self.path)(error));
        }
        self.length = self.length.saturating_add(length_of(record));
        Ok(())
    }
}

/// Reads a segment's records.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    at: Place,
}

impl Reader {
    pub(super) fn open(directory: &Path, at: Place) -> Result<Reader, SpoolError> {
        let path = path(directory, at.segment);
        let mut file = File::open(&path).map_err(disk(&path))?;
        file.seek(SeekFrom::Start(at.offset)).map_err(disk(&path))?;
        Ok(Reader { path, file, at })
    }

    pub(super) fn place(&self) -> Place {
        self.at
    }

    pub(super) fn is_at(&self, place: Place) -> bool {
        self.at == place
    }

    /// The next record; nothing at the end, or where what follows is no whole record.
    pub(super) fn read(&mut self) -> Result<Option<Vec<u8>>, SpoolError> {
        let mut head = [0; 8];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h] = head;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > MAX_RECORD {
            return Ok(None);
        }
        let mut record = vec![0; length];
        if !self.fill(&mut record)? || crc32fast::hash(&record) != u32::from_le_bytes([e, f, g, h]) {
            return Ok(None);
        }
        self.at.offset = self.at.offset.saturating_add(length_of(&record));
        Ok(Some(record))
    }

    /// Whether so many bytes were there.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, SpoolError> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(disk(&self.path)(error)),
        }
    }
}
