//! The recorded traces of `tests/corpus`, for tests and benches.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use sluicebox::wire::tracefile::Reader;

/// A recorded trace.
pub struct Recording {
    /// The scenario.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    packets: Vec<Vec<u8>>,
}

impl Recording {
    /// The trace of a scenario in a release.
    pub fn open(release: &str, name: &str) -> Recording {
        let path = PathBuf::from(format!("tests/corpus/{release}/{name}.trace.zst"));
        let file = fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = Reader::new(zstd::stream::read::Decoder::new(file).unwrap()).unwrap();
        let mut packets = Vec::new();
        while let Some(packet) = reader.next_packet().unwrap() {
            packets.push(packet.to_vec());
        }
        Recording { name: name.to_owned(), path, packets }
    }

    /// The packets in their order.
    pub fn packets(&self) -> impl Iterator<Item = &[u8]> {
        self.packets.iter().map(Vec::as_slice)
    }

    /// Whether an honest program was recorded.
    #[allow(dead_code, reason = "not every user of this module asks")]
    pub fn is_benign(&self) -> bool {
        self.name.starts_with("b_")
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = self.path.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
        write!(f, "{} of {}", self.name, release.display())
    }
}

/// All recorded traces, by release and name.
#[allow(dead_code, reason = "not every user of this module asks")]
pub fn recordings() -> Vec<Recording> {
    let mut all = Vec::new();
    for release in ["2022", "2024", "2026"] {
        let mut names: Vec<String> = fs::read_dir(format!("tests/corpus/{release}"))
            .unwrap()
            .filter_map(|entry| {
                Some(entry.unwrap().file_name().to_str()?.strip_suffix(".trace.zst")?.to_owned())
            })
            .collect();
        names.sort();
        all.extend(names.iter().map(|name| Recording::open(release, name)));
    }
    assert!(all.len() >= 29, "the corpus is not whole");
    all
}
