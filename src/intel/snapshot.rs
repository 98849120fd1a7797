//! The snapshot as a file: written whole, read whole or refused.
//!
//! ```text
//! 8 bytes   magic
//! u32       version of the format
//! u64       generation
//! u32       number of sections, then of each: u32 kind, u64 length
//! …         the sections, in the same order
//! 32 bytes  SHA-256 of everything before
//! ```
//!
//! All numbers are little-endian. The checksum tells a file that was cut or broken; who can write the file decides
//! what it says. Whatever it says, reading it takes no more memory than a small multiple of its length, and a snapshot
//! that was read is in order: nothing in it is trusted by its place alone.

use sha2::{Digest as _, Sha256};

use super::bytes::{Reader, put_count};
use super::claim::Claims;
use super::ip::IpIndex;
use super::table::Table;
use super::text::TextIndex;
use super::words::Words;
use super::{Intel, Tables};

/// What a snapshot file begins with.
const MAGIC: [u8; 8] = *b"SLCINTEL";

/// The version of the format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The largest file that is read: beyond 64 million entries.
pub const MAX_SNAPSHOT: u64 = 1 << 31;

/// The length of the checksum at the end.
const CHECKSUM: usize = 32;

/// The sections, in their order in a file.
const SECTIONS: [Section; 6] =
    [Section::Claims, Section::Addresses, Section::Digests, Section::Names, Section::Hosts, Section::Texts];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Claims,
    Addresses,
    Digests,
    Names,
    Hosts,
    Texts,
}

impl Section {
    fn kind(self) -> u32 {
        match self {
            Section::Claims => 1,
            Section::Addresses => 2,
            Section::Digests => 3,
            Section::Names => 4,
            Section::Hosts => 5,
            Section::Texts => 6,
        }
    }
}

/// Why a file is no snapshot. The one in force stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not begin as a snapshot does.
    #[error("not a snapshot")]
    NotASnapshot,
    /// It was written by another version.
    #[error("a snapshot of version {found}, and this program reads version {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It is larger than any snapshot may be.
    #[error("larger than {MAX_SNAPSHOT} bytes")]
    TooLarge,
    /// It ends too early.
    #[error("cut short")]
    Cut,
    /// Its bytes are not those that were written.
    #[error("the checksum does not hold")]
    Checksum,
    /// Its parts contradict each other.
    #[error("inconsistent: {0}")]
    Inconsistent(&'static str),
}

impl Intel {
    /// The snapshot as a file. The same snapshot always gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Tables { claims, ips, sha256, sha1, names, hosts, urls, texts } = &self.tables;
        let sections = SECTIONS.map(|section| {
            let mut out = Vec::new();
            match section {
                Section::Claims => claims.encode(&mut out),
                Section::Addresses => ips.encode(&mut out),
                Section::Digests => {
                    sha256.encode(&mut out);
                    sha1.encode(&mut out);
                }
                Section::Names => names.encode(&mut out),
                Section::Hosts => {
                    hosts.encode(&mut out);
                    urls.encode(&mut out);
                }
                Section::Texts => texts.encode(&mut out),
            }
            (section, out)
        });
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        put_count(&mut out, sections.len());
        for (section, bytes) in &sections {
            out.extend_from_slice(&section.kind().to_le_bytes());
            out.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        }
        for (_, bytes) in sections {
            out.extend_from_slice(&bytes);
        }
        let checksum = Sha256::digest(&out);
        out.extend_from_slice(&checksum);
        out
    }

    /// Reads a snapshot from the bytes of its file.
    ///
    /// # Errors
    /// Where the bytes are not a whole snapshot of this version, in order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Intel, SnapshotError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(SnapshotError::NotASnapshot);
        }
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_SNAPSHOT) {
            return Err(SnapshotError::TooLarge);
        }
        let end = bytes.len().checked_sub(CHECKSUM).ok_or(SnapshotError::Cut)?;
        let (body, checksum) = bytes.split_at_checked(end).ok_or(SnapshotError::Cut)?;
        let mut reader = Reader::new(body);
        reader.take(MAGIC.len())?;
        let version = reader.u32()?;
        if version != VERSION {
            return Err(SnapshotError::Version { found: version });
        }
        if Sha256::digest(body).as_slice() != checksum {
            return Err(SnapshotError::Checksum);
        }
        Self::read(reader)
    }

    /// Reads what follows magic and version. Apart, so that tests reach it without a checksum.
    fn read(mut reader: Reader<'_>) -> Result<Intel, SnapshotError> {
        const OTHER: SnapshotError =
            SnapshotError::Inconsistent("the sections are not those of this version");
        let generation = reader.u64()?;
        if reader.count()? != SECTIONS.len() {
            return Err(OTHER);
        }
        let mut lengths = [0usize; SECTIONS.len()];
        for (length, section) in lengths.iter_mut().zip(SECTIONS) {
            if reader.u32()? != section.kind() {
                return Err(OTHER);
            }
            *length = usize::try_from(reader.u64()?).map_err(|_| SnapshotError::Cut)?;
        }
        let mut tables = Tables::default();
        for (length, section) in lengths.into_iter().zip(SECTIONS) {
            let mut reader = Reader::new(reader.take(length)?);
            let reader = &mut reader;
            let numbers = tables.claims.count();
            match section {
                Section::Claims => tables.claims = Claims::decode(reader)?,
                Section::Addresses => tables.ips = IpIndex::decode(reader, numbers)?,
                Section::Digests => {
                    tables.sha256 = Table::decode(reader, numbers)?;
                    tables.sha1 = Table::decode(reader, numbers)?;
                }
                Section::Names => tables.names = Words::decode(reader, numbers)?,
                Section::Hosts => {
                    tables.hosts = Words::decode(reader, numbers)?;
                    tables.urls = Words::decode(reader, numbers)?;
                }
                Section::Texts => tables.texts = TextIndex::decode(reader, numbers)?,
            }
            reader.end()?;
        }
        reader.end()?;
        Ok(Intel { generation, tables })
    }
}
