//! Denylists: what the current snapshot says of an address, a program, an argument.
//!
//! A snapshot is immutable. Its owner hands it in with every batch of events and swaps it whenever it likes; the
//! engine never loads or publishes one. Every hit says which source said so.
//!
//! Nothing in here convicts alone: a list is somebody's opinion of yesterday. Rules join it with what was seen.

pub mod feed;
mod ip;
mod text;
mod wallet;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::hash::Map;

use ip::IpIndex;
use text::TextIndex;
pub use text::{Anchor, ParseAnchorError, TextHits};

/// Who says something, with what tags and how surely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The list that says so.
    pub source: Arc<str>,
    /// What it says, such as `mining-pool`.
    pub tags: Vec<Arc<str>>,
    /// How sure it is, 0 to 100.
    pub confidence: u8,
}

/// An immutable snapshot of all denylists.
#[derive(Debug)]
pub struct Intel {
    generation: u64,
    ips: IpIndex,
    names: Map<Box<[u8]>, Arc<Verdict>>,
    text: TextIndex,
}

/// The longest name of a program that is looked up, in bytes (`NAME_MAX`, `include/uapi/linux/limits.h`).
const NAME_MAX: usize = 255;

impl Intel {
    /// A snapshot that knows nothing.
    #[must_use]
    pub fn empty() -> Intel {
        IntelBuilder::default().build(0)
    }

    /// The lists that come with Sluicebox: names of miners, their flags and schemes, hosts of large pools.
    #[must_use]
    pub fn seed() -> Intel {
        IntelBuilder::seed().build(0)
    }

    /// Which snapshot this is; 0 is what comes with Sluicebox.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is said of an address.
    #[must_use]
    pub fn ip(&self, addr: IpAddr) -> Option<&Verdict> {
        self.ips.lookup(addr)
    }

    /// What is said of a program of that name, upper and lower case alike.
    #[must_use]
    pub fn binary_name(&self, name: &[u8]) -> Option<&Verdict> {
        let mut lower = [0u8; NAME_MAX];
        let lower = lower.get_mut(..name.len())?;
        for (slot, byte) in lower.iter_mut().zip(name) {
            *slot = byte.to_ascii_lowercase();
        }
        self.names.get(&*lower).map(|verdict| &**verdict)
    }

    /// What is said of the arguments of a program.
    #[must_use]
    pub fn arguments<'a>(&self, args: impl Iterator<Item = &'a [u8]>) -> TextHits {
        self.text.look(args)
    }
}

/// How sure the bundled lists are: they were right when they were written.
const SEED_CONFIDENCE: u8 = 70;

/// Collects entries for a snapshot.
#[derive(Debug, Default)]
pub struct IntelBuilder {
    ips: ip::IpIndexBuilder,
    names: Map<Box<[u8]>, Arc<Verdict>>,
    texts: Vec<text::Indicator>,
}

/// A line that is no entry, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Complaint {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl IntelBuilder {
    /// Begins with the lists that come with Sluicebox.
    #[must_use]
    pub fn seed() -> IntelBuilder {
        let mut builder = IntelBuilder::default();
        builder.names(
            "seed:binary-names",
            "miner",
            SEED_CONFIDENCE,
            include_str!("../../feeds/seed/binary-names.txt"),
        );
        let complaints = builder.texts("seed:text", include_str!("../../feeds/seed/text.txt"));
        debug_assert_eq!(complaints, Vec::new(), "the bundled list is in its own format");
        builder
    }

    /// Adds an address or a prefix.
    pub fn ip(&mut self, net: IpNet, verdict: Arc<Verdict>) {
        self.ips.add(net, verdict);
    }

    /// Adds names of programs, one a line; `#` begins a comment.
    pub fn names(&mut self, source: &str, tag: &str, confidence: u8, list: &str) {
        let verdict = Arc::new(Verdict { source: source.into(), tags: vec![tag.into()], confidence });
        for (_, name) in entries(list) {
            self.names
                .insert(name.to_ascii_lowercase().into_bytes().into_boxed_slice(), Arc::clone(&verdict));
        }
    }

    /// Adds text indicators, `ANCHOR TAG PATTERN` a line; `#` begins a comment. Says which lines are no such thing.
    pub fn texts(&mut self, source: &str, list: &str) -> Vec<Complaint> {
        let source: Arc<str> = source.into();
        let mut complaints = Vec::new();
        for (line, entry) in entries(list) {
            let mut words = entry.split_ascii_whitespace();
            let (Some(anchor), Some(tag), Some(pattern), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                complaints.push(Complaint { line, why: "expected three words: anchor, tag, pattern" });
                continue;
            };
            match anchor.parse() {
                Ok(anchor) => self.texts.push(text::Indicator {
                    pattern: pattern.to_ascii_lowercase().into_bytes().into_boxed_slice(),
                    anchor,
                    tag: tag.into(),
                    source: Arc::clone(&source),
                }),
                Err(ParseAnchorError) => {
                    complaints.push(Complaint { line, why: "the anchor must be start, flag or host" });
                }
            }
        }
        complaints
    }

    /// The snapshot, with its number.
    #[must_use]
    pub fn build(self, generation: u64) -> Intel {
        Intel { generation, ips: self.ips.build(), names: self.names, text: TextIndex::new(self.texts) }
    }
}

/// The lines of a list that say something, with their numbers.
fn entries(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.lines()
        .zip(1usize..)
        .map(|(line, number)| (number, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_lists_know_a_miner_by_its_whole_name() {
        let intel = Intel::seed();
        for (name, known) in
            [("xmrig", true), ("XMRig", true), ("xmrig-notes", false), ("python3", false), ("", false)]
        {
            assert_eq!(intel.binary_name(name.as_bytes()).is_some(), known, "{name}");
        }
        assert_eq!(intel.binary_name(&[b'x'; 4096]), None);
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let mut builder = IntelBuilder::default();
        let complaints = builder.texts("mine", "# fine\nstart tag x\n\nsomewhere tag x\nstart x\n");
        assert_eq!(complaints.iter().map(|complaint| complaint.line).collect::<Vec<_>>(), [4, 5]);
    }
}
