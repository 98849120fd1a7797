//! The recorded traces of `tests/corpus`, for tests and benches.
#![expect(clippy::disallowed_methods, reason = "tests and benches read their traces")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "without its trace a test or a bench is none")]

use std::fmt;
use std::fs;
use std::path::PathBuf;

use sluicebox::wire::tracefile::Reader;

/// A recorded trace.
pub(crate) struct Recording {
    /// The scenario.
    pub(crate) name: String,
    /// Its file.
    pub(crate) path: PathBuf,
    packets: Vec<Vec<u8>>,
}

impl Recording {
    /// The trace of a scenario in a release.
    pub(crate) fn open(release: &str, name: &str) -> Recording {
        let path = PathBuf::from(format!("tests/corpus/{release}/{name}.trace.zst"));
        let packed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let trace = zstd::decode_all(packed.as_slice()).unwrap();
        let mut reader = Reader::new(trace.as_slice()).unwrap();
        let mut packets = Vec::new();
        while let Some(packet) = reader.next_packet().unwrap() {
            packets.push(packet.to_vec());
        }
        Recording { name: name.to_owned(), path, packets }
    }

    /// The packets in their order.
    pub(crate) fn packets(&self) -> impl Iterator<Item = &[u8]> {
        self.packets.iter().map(Vec::as_slice)
    }

    /// The release of gVisor that was recorded.
    pub(crate) fn release(&self) -> &str {
        let folder = self.path.parent().and_then(|folder| folder.file_name());
        folder.and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether an honest program was recorded.
    #[allow(dead_code, reason = "not every user of this module asks")]
    pub(crate) fn is_benign(&self) -> bool {
        self.name.starts_with("b_")
    }

    /// Whether the rules are known to miss it: `verdicts.toml` says why.
    #[allow(dead_code, reason = "not every user of this module asks")]
    pub(crate) fn is_missed(&self) -> bool {
        let verdicts = fs::read_to_string("tests/corpus/verdicts.toml").unwrap();
        let mut lines = verdicts.lines().skip_while(|line| *line != format!("[{}]", self.name)).skip(1);
        lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line.starts_with("missed ="))
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.release())
    }
}

/// All recorded traces, by release and name.
#[allow(dead_code, reason = "not every user of this module asks")]
pub(crate) fn recordings() -> Vec<Recording> {
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

/// A sequence that looks random and is the same every time: xorshift64.
#[allow(dead_code, reason = "not every user of this module asks")]
pub(crate) fn noise(seed: u64) -> impl FnMut() -> u64 {
    // Seeds that follow one another begin far apart.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}
