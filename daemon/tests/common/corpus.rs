//! The library's recorded traces, for the tests of the real binary.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sluicebox::wire::tracefile::Reader;

/// One recorded trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) release: &'static str,
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl Recorded {
    /// The trace of a scenario in a release.
    pub(crate) fn open(release: &'static str, name: &str) -> Recorded {
        let path = folder(release).join(format!("{name}.trace.zst"));
        assert!(path.is_file(), "no such trace: {}", path.display());
        Recorded { release, name: name.to_owned(), path }
    }

    /// Whether something malicious was recorded.
    pub(crate) fn is_malicious(&self) -> bool {
        self.name.starts_with("m_")
    }

    /// Whether the rules are known to miss it: `verdicts.toml` says why.
    pub(crate) fn is_missed(&self) -> bool {
        let verdicts = fs::read_to_string(folder(".").join("verdicts.toml")).unwrap();
        let mut lines = verdicts.lines().skip_while(|line| *line != format!("[{}]", self.name)).skip(1);
        lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line.starts_with("missed ="))
    }

    /// The trace as it was before it was compressed.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        zstd::stream::copy_decode(File::open(&self.path).unwrap(), &mut plain).unwrap();
        plain
    }

    /// How many packets are in it.
    pub(crate) fn packets(&self) -> usize {
        self.stream().len()
    }

    /// Its packets.
    pub(crate) fn stream(&self) -> Vec<Vec<u8>> {
        let plain = self.plain();
        let mut reader = Reader::new(plain.as_slice()).unwrap();
        std::iter::from_fn(|| reader.next_packet().unwrap().map(<[u8]>::to_vec)).collect()
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.release)
    }
}

fn folder(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(release)
}

/// All recorded traces, by release and name.
pub(crate) fn recorded() -> Vec<Recorded> {
    let mut all = Vec::new();
    for release in ["2022", "2024", "2026"] {
        let mut names: Vec<String> = fs::read_dir(folder(release))
            .unwrap()
            .filter_map(|entry| {
                Some(entry.unwrap().file_name().to_str()?.strip_suffix(".trace.zst")?.to_owned())
            })
            .collect();
        names.sort();
        all.extend(names.iter().map(|name| Recorded::open(release, name)));
    }
    assert!(all.len() >= 29, "the corpus is not whole");
    all
}
