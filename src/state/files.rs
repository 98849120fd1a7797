//! The files of a container that were opened, by path, with where their bytes came from.
//!
//! Bounds: [`MAX_FILES`] per container. Files that are only read go first, tainted ones last.

use std::sync::Arc;

use crate::event::Time;
use crate::hash::Map;

use super::arena::{Arena, Evict, Id, Keep};
use super::program::{Derivation, FileSerial, Origin, Provenance};

/// Files that are remembered of a container. A build opens a few thousand different ones; who opens millions to
/// wear the memory out finds the dull ones dropped first.
pub(crate) const MAX_FILES: usize = 4096;

/// A file that was opened.
#[derive(Clone, Debug)]
pub struct File {
    /// Its number.
    pub serial: FileSerial,
    /// Its path.
    pub path: Box<[u8]>,
    /// Where its bytes came from.
    pub provenance: Provenance,
    /// When it was last opened for writing.
    pub written: Option<Time>,
    /// Whether writes to it are seen as they happen. Where they are, having it open says nothing.
    pub(crate) writes: Writes,
}

/// Whether writes to a file are seen as they happen: reads and writes are the dearest points and seldom traced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Writes {
    /// None was seen so far.
    #[default]
    Unseen,
    /// One was.
    Seen,
}

impl Evict for File {
    fn keep(&self) -> Keep {
        match self.provenance.origin {
            Origin::Unknown | Origin::Image => Keep::Dull,
            Origin::Created => Keep::Normal,
            Origin::Network | Origin::Memfd => Keep::Suspicious,
        }
    }
}

/// The files of a container.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    arena: Arena<File>,
    by_path: Map<Box<[u8]>, Id<File>>,
}

impl Files {
    pub(crate) fn new(capacity: usize) -> Self {
        Files { arena: Arena::new(capacity), by_path: Map::default() }
    }

    /// The file at `path`, if it was opened before.
    pub(crate) fn find(&self, path: &[u8]) -> Option<Id<File>> {
        self.by_path.get(path).copied().filter(|id| self.arena.get(*id).is_some())
    }

    /// The file of that id.
    pub(crate) fn get(&self, id: Id<File>) -> Option<&File> {
        self.arena.get(id)
    }

    /// The file at `path`; a new one gets its number from `serial`.
    pub(crate) fn at(&mut self, path: &[u8], serial: impl FnOnce() -> FileSerial) -> Id<File> {
        if let Some(id) = self.find(path) {
            return id;
        }
        let file = File {
            serial: serial(),
            path: path.into(),
            provenance: Provenance::default(),
            written: None,
            writes: Writes::Unseen,
        };
        let (id, evicted) = self.arena.insert(file);
        // Another file may have taken its name.
        if let Some(evicted) = evicted
            && self.find(&evicted.path).is_none()
        {
            self.by_path.remove(&evicted.path);
        }
        self.by_path.insert(path.into(), id);
        id
    }

    /// The file was opened for writing, and this is where its bytes come from now.
    pub(crate) fn written(&mut self, id: Id<File>, time: Time, provenance: Provenance) {
        if let Some(file) = self.arena.get_mut(id) {
            file.written = Some(time);
            file.provenance = provenance;
        }
    }

    /// A write to the file was seen.
    pub(crate) fn write_seen(&mut self, id: Id<File>) {
        if let Some(file) = self.arena.get_mut(id) {
            file.writes = Writes::Seen;
        }
    }

    /// The sentry says that the file of that id truly lies at `path`: a symbolic link stood on the way.
    pub(crate) fn truly_at(&mut self, id: Id<File>, path: &[u8]) {
        let Some(file) = self.arena.get_mut(id).filter(|file| *file.path != *path) else { return };
        let old = std::mem::replace(&mut file.path, path.into());
        if self.by_path.get(&old) == Some(&id) {
            self.by_path.remove(&old);
        }
        self.by_path.insert(path.into(), id);
    }

    /// The file at `from` is at `to` now; with `and_stays` (a hard link, a copy of the name) it is at both.
    pub(crate) fn renamed(&mut self, from: &[u8], to: &[u8], and_stays: Stays) {
        let Some(id) = self.find(from) else {
            // Whatever was at `to` is replaced by something that is not known.
            self.by_path.remove(to);
            return;
        };
        match and_stays {
            Stays::No => {
                // Other names that it has stay.
                self.by_path.remove(from);
                self.by_path.insert(to.into(), id);
                if let Some(file) = self.arena.get_mut(id) {
                    file.path = to.into();
                }
            }
            Stays::Yes => {
                self.by_path.insert(to.into(), id);
            }
        }
    }

    /// How many files are remembered.
    pub(crate) fn len(&self) -> usize {
        self.arena.len()
    }

    /// How many had to be forgotten.
    pub(crate) fn evictions(&self) -> u64 {
        self.arena.evictions()
    }

    /// The remembered files.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &File> {
        self.arena.iter().map(|(_, file)| file)
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Files {
    /// Panics where the names do not agree with the files.
    pub(crate) fn check_invariants(&self) {
        let named = self.arena.iter().filter(|(id, file)| self.by_path.get(&file.path) == Some(id)).count();
        assert!(named <= self.by_path.len(), "names");
    }
}

/// Whether the old name of a renamed file stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stays {
    /// rename(2)
    No,
    /// link(2), symlink(2)
    Yes,
}

impl File {
    /// The last step of how the file came to be.
    #[must_use]
    pub fn derivation(&self) -> Option<&Arc<Derivation>> {
        self.provenance.derivation.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(next: &mut u64) -> FileSerial {
        *next = next.saturating_add(1);
        FileSerial(*next)
    }

    #[test]
    fn a_path_leads_to_one_file_until_it_is_renamed() {
        let (mut files, mut next) = (Files::new(MAX_FILES), 0);
        let file = files.at(b"/tmp/a", || numbered(&mut next));
        assert_eq!(files.at(b"/tmp/a", || numbered(&mut next)), file);
        files.renamed(b"/tmp/a", b"/tmp/b", Stays::No);
        assert_eq!(files.find(b"/tmp/a"), None);
        assert_eq!(files.find(b"/tmp/b"), Some(file));
        files.renamed(b"/tmp/b", b"/tmp/c", Stays::Yes);
        assert_eq!((files.find(b"/tmp/b"), files.find(b"/tmp/c")), (Some(file), Some(file)));
    }

    #[test]
    fn renaming_an_unknown_file_over_a_known_one_forgets_the_known_one() {
        let (mut files, mut next) = (Files::new(MAX_FILES), 0);
        files.at(b"/tmp/known", || numbered(&mut next));
        files.renamed(b"/elsewhere", b"/tmp/known", Stays::No);
        assert_eq!(files.find(b"/tmp/known"), None);
    }

    #[test]
    fn a_flood_of_files_leaves_the_tainted_one() {
        let (mut files, mut next) = (Files::new(MAX_FILES), 0);
        let tainted = files.at(b"/tmp/x", || numbered(&mut next));
        files.written(tainted, Time(1), Provenance { origin: Origin::Network, derivation: None });
        for number in 0..20_000 {
            files.at(format!("/tmp/{number}").as_bytes(), || numbered(&mut next));
        }
        assert_eq!(files.find(b"/tmp/x"), Some(tainted));
        assert_eq!(files.len(), MAX_FILES);
        assert_eq!(files.evictions(), 20_001 - 4096);
    }
}
