//! A file that findings are appended to, a line each.
//!
//! It is not synced: what a crash of the *host* takes with it is not here. A write that fails half-way leaves half a line;
//! the next one begins a new line, so that one finding at most cannot be read.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sluicebox::finding::Finding;

use super::{Encoding, Sink, SinkError};

/// Findings may name what tenants run: for the owner, and for the group that collects them.
const MODE: u32 = 0o640;

/// Appends findings to a file.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    encoding: Encoding,
    file: File,
    /// The last write failed and may have left half a line.
    is_torn: bool,
}

impl JsonLines {
    /// Opens the file, which need not exist yet. Its directory must.
    ///
    /// # Errors
    /// If it cannot be opened for appending.
    pub fn open(path: &Path, encoding: Encoding) -> Result<JsonLines, SinkError> {
        Ok(JsonLines { path: path.to_owned(), encoding, file: append_to(path)?, is_torn: false })
    }
}

fn append_to(path: &Path) -> Result<File, SinkError> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path);
    file.map_err(|source| SinkError::Open { path: path.to_owned(), source })
}

impl Sink for JsonLines {
    fn deliver(&mut self, finding: &Finding) -> Result<(), SinkError> {
        let mut encoded = self.encoding.encode(finding);
        if self.is_torn {
            encoded.insert(0, '\n');
        }
        self.is_torn = true;
        self.file.write_all(encoded.as_bytes())?;
        self.is_torn = false;
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        self.file = append_to(&self.path)?;
        self.is_torn = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::encode::tests::finding;
    use super::*;

    #[test]
    fn a_rotated_file_is_left_when_it_is_opened_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (path, rotated) = (directory.path().join("f"), directory.path().join("f.1"));
        let mut sink = JsonLines::open(&path, Encoding::Json).unwrap();
        sink.deliver(&finding("one")).unwrap();
        fs::rename(&path, &rotated).unwrap();
        sink.deliver(&finding("two")).unwrap();
        sink.reopen().unwrap();
        sink.deliver(&finding("three")).unwrap();
        let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count();
        assert_eq!((lines(&rotated), lines(&path)), (2, 1));
        // A second one appends.
        JsonLines::open(&path, Encoding::Json).unwrap().deliver(&finding("four")).unwrap();
        assert_eq!(lines(&path), 2);
    }

    #[test]
    fn a_write_that_failed_costs_no_other_finding() {
        let mut sink = JsonLines::open(Path::new("/dev/full"), Encoding::Json).unwrap();
        assert!(matches!(sink.deliver(&finding("one")), Err(SinkError::Write(_))));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        sink.file = append_to(&path).unwrap();
        sink.deliver(&finding("two")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("\n{") && text.ends_with("}\n"), "{text}");
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let error = JsonLines::open(Path::new("/nowhere/f"), Encoding::Json).unwrap_err();
        assert!(error.to_string().contains("/nowhere/f"), "{error}");
    }
}
