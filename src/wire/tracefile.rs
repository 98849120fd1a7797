//! Recorded streams: the format of gVisor's tracereplay tool, read and written.
//!
//! 16 bytes `tracereplay file`, then records of `{u64 size, bytes}`, little endian. The first record is a
//! configuration in JSON (`{"version":1}`), each further one a packet with its header.
//!
//! A file that ends in the middle of a record is ordinary (the recorder was killed): everything before the cut can be
//! read, and the cut is an error of its own. Compression is the caller's business.

use std::io::{self, BufReader, Read, Write};

use super::MAX_MESSAGE;

/// What a trace file begins with.
const MAGIC: [u8; 16] = *b"tracereplay file";

/// The version that we read and write.
const VERSION: u64 = 1;

/// The longest configuration that is read, in bytes; 13 are used. It answers a file that claims more.
const MAX_CONFIG: u64 = 4096;

/// [`MAX_MESSAGE`] as a record's size.
const MAX_RECORD: u64 = 256 * 1024;
const _: () = assert!(MAX_RECORD == MAX_MESSAGE as u64, "one bound in two types");

/// Why a trace could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// There is not a single byte.
    #[error("trace is empty")]
    Empty,
    /// It does not begin as a trace does.
    #[error("not a trace: it does not begin with \"tracereplay file\"")]
    NotATrace,
    /// Its configuration names no version that we know.
    #[error("unsupported trace version{}, only {VERSION} is known", version.map(|v| format!(" {v}")).unwrap_or_default())]
    Version {
        /// The version it names, if it names one.
        version: Option<u64>,
    },
    /// It ends in the middle of a record. All before that was delivered.
    #[error("record {record} at byte {offset} is cut short: {have} of {need} bytes")]
    Cut {
        /// Which record; 0 is the configuration, 1 the first packet.
        record: u64,
        /// Where it begins.
        offset: u64,
        /// How many bytes of its size or its content are there.
        have: u64,
        /// How many there should be.
        need: u64,
    },
    /// A record is larger than any message.
    #[error("record {record} at byte {offset} claims {size} bytes, at most {max} are possible")]
    TooLarge {
        /// Which record; 0 is the configuration, 1 the first packet.
        record: u64,
        /// Where it begins.
        offset: u64,
        /// What it claims.
        size: u64,
        /// What is allowed.
        max: u64,
    },
    /// Reading or writing failed.
    #[error("record {record} at byte {offset}")]
    Io {
        /// Which record; 0 is the configuration, 1 the first packet.
        record: u64,
        /// Where it begins.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a trace packet by packet, into one buffer that never grows past [`MAX_MESSAGE`].
#[derive(Debug)]
pub struct Reader<R> {
    source: BufReader<R>,
    buffer: Vec<u8>,
    /// Where the next record begins.
    offset: u64,
    /// Which record that is.
    record: u64,
    /// The end, or an error, was met: nothing follows.
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Begins to read: the magic bytes and the configuration.
    ///
    /// # Errors
    ///
    /// It is no trace, or none that we can read.
    pub fn new(source: R) -> Result<Self, TraceError> {
        let source = BufReader::new(source);
        let mut reader = Reader { source, buffer: Vec::new(), offset: 0, record: 0, done: false };
        let magic_len = reader.fill(16)?;
        if magic_len == 0 {
            return Err(TraceError::Empty);
        }
        if reader.buffer != MAGIC {
            return Err(TraceError::NotATrace);
        }
        reader.offset = magic_len;
        let Some(config) = reader.read_record(MAX_CONFIG)? else {
            return Err(TraceError::Cut { record: 0, offset: 16, have: 0, need: 8 });
        };
        match serde_json::from_slice::<serde_json::Value>(config)
            .ok()
            .and_then(|config| config.get("version")?.as_u64())
        {
            Some(VERSION) => Ok(reader),
            version => Err(TraceError::Version { version }),
        }
    }

    /// The next packet, header and all; nothing at the end. After an error there is nothing more.
    ///
    /// # Errors
    ///
    /// The record cannot be read: see [`TraceError`].
    pub fn next_packet(&mut self) -> Result<Option<&[u8]>, TraceError> {
        if self.done {
            return Ok(None);
        }
        self.read_record(MAX_RECORD)
    }

    /// How many packets were delivered.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.record.saturating_sub(1)
    }

    fn read_record(&mut self, max: u64) -> Result<Option<&[u8]>, TraceError> {
        // Set until the record is whole, so that each way out below is the last one.
        self.done = true;
        let (record, offset) = (self.record, self.offset);
        let have = self.fill(8)?;
        let Ok(size) = <[u8; 8]>::try_from(self.buffer.as_slice()) else {
            return if have == 0 { Ok(None) } else { Err(TraceError::Cut { record, offset, have, need: 8 }) };
        };
        let size = u64::from_le_bytes(size);
        if size > max {
            return Err(TraceError::TooLarge { record, offset, size, max });
        }
        let have = self.fill(size)?;
        if have < size {
            return Err(TraceError::Cut { record, offset, have, need: size });
        }
        self.offset = offset.saturating_add(8).saturating_add(size);
        self.record = record.saturating_add(1);
        self.done = false;
        Ok(Some(&self.buffer))
    }

    /// Reads `want` bytes into the buffer, or as many as there are. The buffer grows with what came, never with what
    /// was claimed.
    fn fill(&mut self, want: u64) -> Result<u64, TraceError> {
        self.buffer.clear();
        match (&mut self.source).take(want).read_to_end(&mut self.buffer) {
            Ok(have) => Ok(u64::try_from(have).unwrap_or(u64::MAX)),
            Err(source) => Err(TraceError::Io { record: self.record, offset: self.offset, source }),
        }
    }
}

/// Writes a trace packet by packet.
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    offset: u64,
    record: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a trace: the magic bytes and the configuration.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn new(sink: W) -> Result<Self, TraceError> {
        let mut writer = Writer { sink, offset: 0, record: 0 };
        writer.put(&MAGIC)?;
        writer.put_record(br#"{"version":1}"#)?;
        Ok(writer)
    }

    /// Writes one packet, header and all.
    ///
    /// # Errors
    ///
    /// Writing failed, or the packet is larger than [`MAX_MESSAGE`] and no reader would take it; nothing is written
    /// then.
    pub fn write_packet(&mut self, packet: &[u8]) -> Result<(), TraceError> {
        self.put_record(packet)
    }

    /// Writes out what is buffered, so that what was recorded so far survives the recorder.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn flush(&mut self) -> Result<(), TraceError> {
        let flushed = self.sink.flush();
        flushed.map_err(|source| self.failed(source))
    }

    /// Writes out what is buffered and gives back what was written to.
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn finish(mut self) -> Result<W, TraceError> {
        let flushed = self.sink.flush();
        flushed.map_err(|source| self.failed(source))?;
        Ok(self.sink)
    }

    fn put_record(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > MAX_RECORD {
            let (record, offset) = (self.record, self.offset);
            return Err(TraceError::TooLarge { record, offset, size, max: MAX_RECORD });
        }
        self.put(&size.to_le_bytes())?;
        self.put(bytes)?;
        self.record = self.record.saturating_add(1);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        let written = self.sink.write_all(bytes);
        written.map_err(|source| self.failed(source))?;
        self.offset = self.offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn failed(&self, source: io::Error) -> TraceError {
        TraceError::Io { record: self.record, offset: self.offset, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: [&[u8]; 3] = [b"first packet", b"", b"third"];

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for packet in PACKETS {
            writer.write_packet(packet).unwrap();
        }
        writer.finish().unwrap()
    }

    /// Reads until the end or the error; the packets before it, and the error as text.
    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
        let mut packets = Vec::new();
        let mut reader = match Reader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return (packets, Some(error.to_string())),
        };
        loop {
            match reader.next_packet() {
                Ok(Some(packet)) => packets.push(packet.to_vec()),
                Ok(None) => {
                    assert_eq!(reader.packets(), packets.len() as u64);
                    return (packets, None);
                }
                Err(error) => {
                    assert!(reader.next_packet().unwrap().is_none(), "nothing follows an error");
                    return (packets, Some(error.to_string()));
                }
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&written()), (PACKETS.map(<[u8]>::to_vec).to_vec(), None));
    }

    #[test]
    fn a_cut_anywhere_delivers_all_that_is_whole_before_it() {
        let whole = written();
        let ends = [37, 57, 65, 78];
        for cut in 0..whole.len() {
            let (packets, error) = read(&whole[..cut]);
            let expected = ends.iter().skip(1).filter(|end| **end <= cut).count();
            assert_eq!(packets.len(), expected, "cut at {cut}");
            assert_eq!(error.is_none(), ends.contains(&cut), "cut at {cut}: {error:?}");
        }
    }

    #[test]
    fn a_cut_says_where_it_is() {
        let whole = written();
        let (_, error) = read(&whole[..50]);
        assert_eq!(error.unwrap(), "record 1 at byte 37 is cut short: 5 of 12 bytes");
        let (_, error) = read(&whole[..60]);
        assert_eq!(error.unwrap(), "record 2 at byte 57 is cut short: 3 of 8 bytes");
    }

    #[test]
    fn what_is_no_trace_is_told_apart_from_an_empty_one() {
        assert_eq!(read(b"").1.unwrap(), "trace is empty");
        let expected = "not a trace: it does not begin with \"tracereplay file\"";
        assert_eq!(read(b"execve(\"/bin/sh\"").1.unwrap(), expected);
        assert_eq!(read(b"trace").1.unwrap(), expected);
    }

    #[test]
    fn another_version_is_refused() {
        let with = |config: &str| {
            let size = (config.len() as u64).to_le_bytes();
            read(&[&MAGIC[..], &size, config.as_bytes()].concat()).1
        };
        assert_eq!(with("{\"version\": 1}"), None);
        assert_eq!(with("{\"version\":2}").unwrap(), "unsupported trace version 2, only 1 is known");
        assert_eq!(with("{}").unwrap(), "unsupported trace version, only 1 is known");
        assert_eq!(with("garbage").unwrap(), "unsupported trace version, only 1 is known");
    }

    #[test]
    fn a_claimed_size_is_not_believed() {
        let mut bytes = written();
        bytes[37..45].copy_from_slice(&u64::MAX.to_le_bytes());
        let (packets, error) = read(&bytes);
        assert!(packets.is_empty());
        assert_eq!(
            error.unwrap(),
            "record 1 at byte 37 claims 18446744073709551615 bytes, at most 262144 are possible"
        );

        bytes[37..45].copy_from_slice(&MAX_RECORD.to_le_bytes());
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        assert!(matches!(reader.next_packet(), Err(TraceError::Cut { have: 33, need: MAX_RECORD, .. })));
        assert!(reader.buffer.capacity() < 4096, "nothing is allocated for what was only claimed");
    }

    #[test]
    fn a_packet_that_no_reader_would_take_is_not_written() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        assert!(matches!(
            writer.write_packet(&vec![0; MAX_MESSAGE + 1]),
            Err(TraceError::TooLarge { record: 1, .. })
        ));
        writer.write_packet(&vec![0; MAX_MESSAGE]).unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(read(&bytes).0.len(), 1);
    }
}
