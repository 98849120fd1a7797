//! The one file in a ZIP archive (PKWARE's APPNOTE, 4.3 and 4.4), as publishers pack full dumps.
//!
//! What the archive says of sizes is compared with what comes out and never believed before; names are shown to nobody and
//! open nothing.

use std::io::{self, ErrorKind};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::unpack::{UnpackError, read};

/// What a ZIP archive begins with, unless it is empty.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// What its directory ends with, and the length of that without a comment.
const END: (&[u8], usize) = (b"PK\x05\x06", 22);
/// What an entry of the directory begins with, and its length without name, extra field and comment.
const ENTRY: (&[u8], usize) = (b"PK\x01\x02", 46);
/// The length of what stands before a file's bytes, without name and extra field.
const LOCAL: usize = 30;

/// Entries of a directory that are looked at: a dump is one file, with a folder or a note of the packer at most.
const MAX_ENTRIES: usize = 64;

/// A size or a place that stands elsewhere, in fields of 64 bits.
const ELSEWHERE: u32 = u32::MAX;

/// An entry of the directory, as far as it matters.
struct Entry {
    is_encrypted: bool,
    method: u16,
    crc: u32,
    packed: u32,
    plain: u32,
    at: u32,
}

/// The bytes of the only file in the archive.
pub(super) fn only_file(bytes: &[u8], limit: u64) -> Result<Vec<u8>, UnpackError> {
    let mut entries = directory(bytes).ok_or_else(|| broken("it has no whole directory"))?;
    let entry = entries.pop().ok_or_else(|| broken("no file is in it"))?;
    if !entries.is_empty() {
        return Err(UnpackError::Unsupported("a ZIP of several files"));
    }
    if entry.is_encrypted {
        return Err(UnpackError::Unsupported("an encrypted ZIP"));
    }
    if [entry.packed, entry.plain, entry.at].contains(&ELSEWHERE) {
        return Err(UnpackError::Unsupported("a ZIP of more than 4 GiB"));
    }
    let packed = packed(bytes, &entry).ok_or_else(|| broken("the file in it is cut"))?;
    let plain = match entry.method {
        0 => read("ZIP", packed, limit),
        8 => read("ZIP", DeflateDecoder::new(packed), limit),
        _ => Err(UnpackError::Unsupported("a ZIP by another method than deflate")),
    }?;
    let mut crc = Crc::new();
    crc.update(&plain);
    if crc.sum() != entry.crc || u64::from(entry.plain) != u64::try_from(plain.len()).unwrap_or(u64::MAX) {
        return Err(broken("its checksum does not hold"));
    }
    Ok(plain)
}

fn broken(what: &'static str) -> UnpackError {
    UnpackError::Broken("ZIP", io::Error::new(ErrorKind::InvalidData, what))
}

/// The files of the archive; folders are none, and neither is what macOS leaves beside them.
fn directory(bytes: &[u8]) -> Option<Vec<Entry>> {
    // The directory's end is behind everything, but for a comment whose length it says.
    let (magic, length) = END;
    let last = bytes.len().checked_sub(length)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let end = (first..=last).rev().filter_map(|at| Some((at, bytes.get(at..)?))).find(|(at, end)| {
        let comment = last.checked_sub(*at);
        end.starts_with(magic) && u16_at(end, 20).map(usize::from) == comment
    });
    let (_, end) = end?;
    let mut rest = bytes.get(usize::try_from(u32_at(end, 16)?).ok()?..)?;
    let mut files = Vec::new();
    let count = usize::from(u16_at(end, 10)?);
    if count > MAX_ENTRIES {
        return None;
    }
    for _ in 0..count {
        let (magic, length) = ENTRY;
        if !rest.starts_with(magic) {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(rest, at).map(usize::from));
        let (name, behind) = rest.get(length..)?.split_at_checked(name?)?;
        if !name.ends_with(b"/") && !name.starts_with(b"__MACOSX/") {
            files.push(Entry {
                is_encrypted: u16_at(rest, 8)? & 1 != 0,
                method: u16_at(rest, 10)?,
                crc: u32_at(rest, 16)?,
                packed: u32_at(rest, 20)?,
                plain: u32_at(rest, 24)?,
                at: u32_at(rest, 42)?,
            });
        }
        rest = behind.get(extra?.checked_add(comment?)?..)?;
    }
    Some(files)
}

/// The packed bytes of a file.
fn packed<'b>(bytes: &'b [u8], entry: &Entry) -> Option<&'b [u8]> {
    let local = bytes.get(usize::try_from(entry.at).ok()?..)?;
    if !local.starts_with(MAGIC) {
        return None;
    }
    let names = usize::from(u16_at(local, 26)?).checked_add(usize::from(u16_at(local, 28)?))?;
    local.get(LOCAL.checked_add(names)?..)?.get(..usize::try_from(entry.packed).ok()?)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    /// An archive of files and folders.
    pub(in super::super) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        for (name, plain) in files {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(plain).unwrap();
            let packed = encoder.finish().unwrap();
            let mut crc = Crc::new();
            crc.update(plain);
            let mut shared = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
            shared.extend(crc.sum().to_le_bytes());
            shared.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
            shared.extend(u32::try_from(plain.len()).unwrap().to_le_bytes());
            shared.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            shared.extend([0, 0]);
            directory.extend([ENTRY.0, &[20, 0], &shared, &[0; 10]].concat());
            directory.extend(u32::try_from(archive.len()).unwrap().to_le_bytes());
            directory.extend(name.as_bytes());
            archive.extend([MAGIC, &shared, name.as_bytes(), &packed].concat());
        }
        let count = u16::try_from(files.len()).unwrap().to_le_bytes();
        let at = u32::try_from(archive.len()).unwrap().to_le_bytes();
        let length = u32::try_from(directory.len()).unwrap().to_le_bytes();
        archive.extend(directory);
        archive.extend([END.0, &[0; 4], &count, &count, &length, &at, &[3, 0], b"bye"].concat());
        archive
    }

    #[test]
    fn the_only_file_comes_out_whole_up_to_the_limit() {
        let plain = b"192.0.2.1\n".repeat(10);
        let archive = zip(&[("full/", b""), ("full/full.csv", &plain), ("__MACOSX/x", b"x")]);
        assert_eq!(only_file(&archive, 100).unwrap(), plain);
        assert!(matches!(only_file(&archive, 99), Err(UnpackError::TooLarge(99))));
    }

    #[test]
    fn an_archive_of_several_files_is_not_guessed_at() {
        let archive = zip(&[("a", b"192.0.2.1"), ("b", b"192.0.2.2")]);
        assert!(matches!(only_file(&archive, 100), Err(UnpackError::Unsupported("a ZIP of several files"))));
    }

    #[test]
    fn whatever_is_cut_or_changed_is_refused_or_gives_the_same_bytes() {
        let plain = b"192.0.2.1\n192.0.2.2\n";
        let archive = zip(&[("a", plain)]);
        for end in 0..archive.len() {
            assert!(only_file(&archive[..end], 1000).is_err(), "cut at {end}");
        }
        for at in 0..archive.len() {
            for bit in 0..8 {
                let mut changed = archive.clone();
                changed[at] ^= 1 << bit;
                if let Ok(read) = only_file(&changed, 1000) {
                    assert_eq!(read, plain, "byte {at}, bit {bit}");
                }
            }
        }
    }
}
