//! The files of a container that were opened, by path, with where their bytes came from.
//!
//! Bounds: [`MAX_FILES`] per container, [`MAX_NAMES`] names of a file. Files that are only read go first, tainted ones last.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::event::Time;
use crate::hash::Map;

use super::arena::{Arena, Evict, Id, Keep};
use super::budget::{Account, Budget, Charge, Weight, heap_of};
use super::image::Answer;
use super::path::PATH_MAX;
use super::program::{Derivation, FileSerial, Origin, Provenance};

/// Files that are remembered of a container. A build opens a few thousand different ones; who opens millions to
/// wear the memory out finds the dull ones dropped first.
pub(crate) const MAX_FILES: usize = 4096;

/// Names that a file has beside its path. Hard links are few; whoever makes thousands loses the oldest names.
const MAX_NAMES: usize = 8;

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
    /// Its other names, oldest first.
    names: SmallVec<[Box<[u8]>; 0]>,
    /// What the image's keeper said of it, once asked.
    pub(crate) in_image: Option<Answer>,
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

    fn weigh(&self) -> Weight {
        let names = self.names.iter().chain([&self.path]).map(|name| heap_of::<u8>(name.len()));
        // Each name is also a key of the table by path.
        let names = names.fold(0, usize::saturating_add).saturating_mul(2);
        let list = if self.names.spilled() { heap_of::<Box<[u8]>>(self.names.capacity()) } else { 0 };
        Weight {
            own: names.saturating_add(list),
            shared: self.provenance.derivation.as_ref().map_or(0, |derivation| derivation.bytes()),
        }
    }
}

/// The files of a container.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(super) arena: Arena<File>,
    /// Names without a file may stay in here until they are asked for; each is a name of a file that was remembered.
    by_path: Map<Box<[u8]>, Id<File>>,
    names: Charge,
}

impl Files {
    pub(crate) fn new(budget: &Budget) -> Self {
        Files {
            arena: Arena::new(MAX_FILES, budget),
            by_path: Map::default(),
            names: budget.charge(Account::Objects, 0),
        }
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
            names: SmallVec::new(),
            in_image: None,
        };
        let (id, evicted) = self.arena.insert(file);
        if let Some(evicted) = evicted {
            self.forget(&evicted);
        }
        self.name(path, id);
        id
    }

    /// The file was opened for writing, and this is where its bytes come from now.
    pub(crate) fn written(&mut self, id: Id<File>, time: Time, provenance: Provenance) {
        if let Some(file) = self.arena.get_mut(id) {
            file.written = Some(time);
            file.provenance = provenance;
        }
    }

    /// The image's keeper was asked for the file.
    pub(crate) fn image_said(&mut self, id: Id<File>, answer: Answer) {
        if let Some(file) = self.arena.get_mut(id) {
            file.in_image = Some(answer);
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
        if self.arena.get(id).is_none_or(|file| *file.path == *path) {
            return;
        }
        let Some(file) = self.arena.get_mut(id) else { return };
        let old = std::mem::replace(&mut file.path, path.into());
        file.names.retain(|name| **name != *path);
        self.unname(&old, id);
        self.name(path, id);
    }

    /// The file at `from` is at `to` now; with `and_stays` (a hard link, a copy of the name) it is at both.
    pub(crate) fn renamed(&mut self, from: &[u8], to: &[u8], and_stays: Stays) {
        let Some(id) = self.find(from) else {
            // Whatever was at `to` is replaced by something that is not known.
            self.by_path.remove(to);
            return;
        };
        match and_stays {
            Stays::No => self.moved(id, from, to),
            Stays::Yes => self.also_at(id, to),
        }
    }

    /// One name of the file is another one now; those beside it stay.
    fn moved(&mut self, id: Id<File>, from: &[u8], to: &[u8]) {
        if from == to {
            return;
        }
        let Some(file) = self.arena.get_mut(id) else { return };
        let old = std::mem::replace(&mut file.path, to.into());
        file.names.retain(|name| **name != *from && **name != *to);
        // In place of the one that moved there is a free place among the names.
        if *old != *from && *old != *to {
            file.names.push(old);
        }
        self.unname(from, id);
        self.name(to, id);
    }

    /// The files below a directory, `most` at most.
    pub(crate) fn below(&self, dir: &[u8], most: usize) -> Vec<Id<File>> {
        let is_below = |file: &File| file.path.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"));
        self.arena.iter().filter(|(_, file)| is_below(file)).map(|(id, _)| id).take(most).collect()
    }

    /// The directory `from` was renamed, and with it the file below it. Nobody says which of two names it has now.
    pub(crate) fn taken_along(&mut self, id: Id<File>, from: &[u8], to: &[u8], or_to: &[u8]) {
        let rest = self.get(id).and_then(|file| file.path.strip_prefix(from)).map(Box::<[u8]>::from);
        let Some(rest) = rest else { return };
        if to.len().saturating_add(rest.len()) <= PATH_MAX {
            self.truly_at(id, &[to, &rest].concat());
        }
        self.also_at(id, &[or_to, &rest].concat());
    }

    /// The file has another name; of many the oldest goes.
    fn also_at(&mut self, id: Id<File>, path: &[u8]) {
        if path.len() > PATH_MAX || self.find(path) == Some(id) {
            return;
        }
        let Some(file) = self.arena.get_mut(id) else { return };
        let oldest = (file.names.len() >= MAX_NAMES).then(|| file.names.remove(0));
        file.names.push(path.into());
        if let Some(oldest) = oldest {
            self.unname(&oldest, id);
        }
        self.name(path, id);
    }

    fn name(&mut self, path: &[u8], id: Id<File>) {
        self.by_path.insert(path.into(), id);
        self.names.set(self.by_path.heap());
    }

    /// The name leads to that file no more, if it still did.
    fn unname(&mut self, path: &[u8], id: Id<File>) {
        if self.by_path.get(path) == Some(&id) {
            self.by_path.remove(path);
        }
    }

    /// The names of a file that is gone lead nowhere, unless they are another's by now.
    fn forget(&mut self, file: &File) {
        for name in file.names.iter().chain([&file.path]) {
            if self.by_path.get(name).is_some_and(|id| self.arena.get(*id).is_none()) {
                self.by_path.remove(name);
            }
        }
    }

    /// Forgets the file that is needed least. Whether there was one.
    pub(super) fn evict(&mut self) -> bool {
        let Some(file) = self.arena.evict() else { return false };
        self.forget(&file);
        true
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
        let (mut files, mut next) = (Files::new(&Budget::default()), 0);
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
        let (mut files, mut next) = (Files::new(&Budget::default()), 0);
        files.at(b"/tmp/known", || numbered(&mut next));
        files.renamed(b"/elsewhere", b"/tmp/known", Stays::No);
        assert_eq!(files.find(b"/tmp/known"), None);
    }

    #[test]
    fn a_thousand_links_are_a_few_names() {
        let (budget, mut next) = (Budget::default(), 0);
        let mut files = Files::new(&budget);
        let file = files.at(b"/tmp/a", || numbered(&mut next));
        files.renamed(b"/tmp/a", b"/tmp/first", Stays::Yes);
        for number in 0..1000 {
            files.renamed(b"/tmp/a", format!("/tmp/{number}").as_bytes(), Stays::Yes);
        }
        assert_eq!((files.find(b"/tmp/a"), files.find(b"/tmp/999")), (Some(file), Some(file)));
        assert_eq!(files.find(b"/tmp/first"), None);
        files.arena.settle();
        assert!(files.evict());
        assert_eq!((files.find(b"/tmp/a"), files.find(b"/tmp/999")), (None, None));
        assert!(budget.used() < 4096);
    }

    #[test]
    fn forgetting_a_file_leaves_the_name_to_who_took_it() {
        let (mut files, mut next) = (Files::new(&Budget::default()), 0);
        files.at(b"/tmp/old", || numbered(&mut next));
        files.renamed(b"/elsewhere", b"/tmp/old", Stays::No);
        let new = files.at(b"/tmp/old", || numbered(&mut next));
        assert!(files.evict());
        assert_eq!(files.find(b"/tmp/old"), Some(new));
    }

    #[test]
    fn a_flood_of_files_leaves_the_tainted_one() {
        let (mut files, mut next) = (Files::new(&Budget::default()), 0);
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
