//! Files that publishers pack: gzip, zstd and ZIP, told from their first bytes, with a limit on what comes out.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

use super::zip;

/// How much of the past a zstd file may refer to: 128 MiB, as `zstd --long` writes.
const WINDOW_LOG: u32 = 27;

/// Why a packed file gives nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// It unpacks to more than a feed may have.
    #[error("it unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// It is broken.
    #[error("broken {0}: {1}")]
    Broken(&'static str, io::Error),
    /// It is packed in a form that is not read.
    #[error("{0}, which is not read")]
    Unsupported(&'static str),
}

/// The bytes, unpacked where they are packed.
///
/// # Errors
/// Where they are broken, or unpack to more than `limit`.
pub fn unpack(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, UnpackError> {
    if bytes.starts_with(b"\x1f\x8b") {
        read("gzip", MultiGzDecoder::new(bytes.as_slice()), limit)
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        let broken = |error| UnpackError::Broken("zstd", error);
        let mut decoder = zstd::Decoder::new(bytes.as_slice()).map_err(broken)?;
        decoder.window_log_max(WINDOW_LOG).map_err(broken)?;
        read("zstd", decoder, limit)
    } else if bytes.starts_with(zip::MAGIC) {
        zip::only_file(&bytes, limit)
    } else {
        Ok(bytes)
    }
}

pub(super) fn read(form: &'static str, reader: impl Read, limit: u64) -> Result<Vec<u8>, UnpackError> {
    let mut plain = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|error| UnpackError::Broken(form, error))?;
    if u64::try_from(plain.len()).is_ok_and(|length| length > limit) {
        return Err(UnpackError::TooLarge(limit));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_packed_comes_out_whole_up_to_the_limit() {
        let plain = b"192.0.2.1\n".repeat(10);
        let zipped = zip::tests::zip(&[("full.csv", &plain)]);
        for packed in [plain.clone(), gzip(&plain), zstd::encode_all(plain.as_slice(), 3).unwrap(), zipped] {
            assert_eq!(unpack(packed.clone(), 100).unwrap(), plain);
            if packed != plain {
                assert!(matches!(unpack(packed, 99), Err(UnpackError::TooLarge(99))));
            }
        }
    }

    #[test]
    fn what_was_cut_is_broken() {
        let mut packed = gzip(&b"192.0.2.1\n".repeat(1000));
        packed.truncate(packed.len() - 9);
        assert!(matches!(unpack(packed, 1 << 20), Err(UnpackError::Broken("gzip", _))));
    }
}
