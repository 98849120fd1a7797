//! Files that programs renamed or linked by themselves: from where to where lies behind pointers.
//!
//! A program that writes `x.part` and renames it to `x` tells the sentry both names, and us neither. What is known is
//! that it renamed something, and what it had written a moment before. A file that is run afterwards from a place
//! where nobody was seen to write it, and which the image does not hold, came by such a rename: if just one of those
//! files can be meant, its bytes are those that the renamer wrote. The chain then says that the renamer wrote the
//! path that is run, from where it had its bytes: that is true whatever the name in between was.
//!
//! Package managers rename by the hundred (apk, rpm), each file after all of them were unpacked. Where nobody else in
//! the container ever renamed by himself, a file that came by a rename is theirs.
//!
//! A program that ran before is known by its inode as well, where the release says it: a rename does not change it,
//! and gVisor's file systems only count them up.
//!
//! Bounds: [`MAX_MOVED`] and [`MAX_RAN`] a container, the newest stay. Who renames more before he runs one of them is
//! not followed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Ino, Time};

use super::budget::{Account, Budget, Charge, heap_of};
use super::path::{basename, directory};
use super::program::{Derivation, Provenance};

/// Renames that are remembered of a container. Downloads rename one file each; a package manager thousands, and its
/// files are of no interest.
const MAX_MOVED: usize = 16;

/// Foreign programs that are remembered by their inodes. A watchdog keeps one or two.
const MAX_RAN: usize = 16;

/// What was renamed by whoever wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    /// How each file came to be under its old name, and when it was renamed; the newest last.
    files: VecDeque<(Arc<Derivation>, Time)>,
    /// Whether somebody renamed something that he was not seen to write.
    has_strangers: bool,
    /// Foreign programs that ran, by what a rename leaves as it is.
    ran: VecDeque<(Inode, Provenance)>,
    lists: Charge,
}

/// What tells a program's file apart, whatever its name. Numbers are of a file system each, so the size and the layer
/// must be the same, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    pub(crate) ino: Ino,
    pub(crate) size: i64,
    pub(crate) upper: bool,
}

/// Whether a file that is looked for can be of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It cannot: it was made in the container.
    Here,
    /// Nobody says.
    Somewhere,
}

impl Moved {
    pub(crate) fn new(budget: &Budget) -> Self {
        let lists = budget.charge(Account::Objects, 0);
        Moved { files: VecDeque::new(), has_strangers: false, ran: VecDeque::new(), lists }
    }

    fn weigh(&mut self) {
        let files = heap_of::<(Arc<Derivation>, Time)>(self.files.capacity());
        self.lists.set(files.saturating_add(heap_of::<(Inode, Provenance)>(self.ran.capacity())));
    }

    /// A program renamed or linked something after it had written `file`.
    pub(crate) fn note(&mut self, file: &Arc<Derivation>, time: Time) {
        self.files.retain(|(known, _)| known.file != file.file);
        if self.files.len() >= MAX_MOVED {
            self.files.pop_front();
        }
        self.files.push_back((Arc::clone(file), time));
        self.weigh();
    }

    /// A program renamed or linked something that it was not seen to write.
    pub(crate) fn note_stranger(&mut self) {
        self.has_strangers = true;
    }

    /// A foreign program is run.
    pub(crate) fn note_run(&mut self, inode: Inode, provenance: &Provenance) {
        self.ran.retain(|(known, _)| *known != inode);
        if self.ran.len() >= MAX_RAN {
            self.ran.pop_front();
        }
        self.ran.push_back((inode, provenance.clone()));
        self.weigh();
    }

    /// The program of that inode, if it ran before.
    pub(crate) fn ran(&self, inode: Inode) -> Option<&Provenance> {
        self.ran.iter().find(|(known, _)| *known == inode).map(|(_, provenance)| provenance)
    }

    /// The file that is at `path` now, if it is certain enough which one that is.
    ///
    /// Where the file was made here for certain, it is the newest that was renamed in its directory, or the only one
    /// that was renamed at all. Where it may as well be the image's, its name must continue the old one or the other
    /// way round, as in `x.part` and `x`.
    pub(crate) fn at(&self, path: &[u8], made: Made) -> Option<&(Arc<Derivation>, Time)> {
        let beside = |(file, _): &&(Arc<Derivation>, Time)| directory(&file.path) == directory(path);
        match made {
            Made::Here => match self.files.iter().rev().find(beside) {
                Some(moved) => Some(moved),
                None if self.files.len() == 1 => self.files.front(),
                None if self.are_all_installed() => self.files.back(),
                None => None,
            },
            Made::Somewhere => self.files.iter().rev().find(|moved| {
                let (old, new) = (stem(&moved.0.path), stem(path));
                beside(moved) && (old.starts_with(new) || new.starts_with(old))
            }),
        }
    }
}

impl Moved {
    fn are_all_installed(&self) -> bool {
        !self.has_strangers && self.files.iter().all(|(file, _)| file.is_installed())
    }
}

/// A file's name without the dots before it: `.x.part` becomes `x`, too.
fn stem(path: &[u8]) -> &[u8] {
    let name = basename(path);
    let hidden = name.iter().take_while(|byte| **byte == b'.').count();
    name.get(hidden..).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tgid;
    use crate::state::program::{Actor, FileSerial, Making, Source};

    fn moved(paths: &[&str]) -> Moved {
        let budget = Budget::default();
        let mut moved = Moved::new(&budget);
        for (path, number) in paths.iter().zip(1u64..) {
            let writer = Actor { tgid: Tgid(1), program: Arc::default() };
            let path = path.as_bytes().into();
            let (number, source) = (FileSerial(number), Source::Local);
            let file = Derivation::new(number, path, writer, Time(1), source, Making::Written, &budget);
            moved.note(&file, Time(2));
        }
        moved
    }

    fn meant(moved: &Moved, path: &str, made: Made) -> Option<u64> {
        moved.at(path.as_bytes(), made).map(|(file, _)| file.file.0)
    }

    #[test]
    fn of_a_path_that_was_made_here_the_file_beside_it_is_meant_or_the_only_one() {
        let one = moved(&["/tmp/a.part"]);
        assert_eq!(meant(&one, "/tmp/Xsession", Made::Here), Some(1));
        assert_eq!(meant(&one, "/opt/Xsession", Made::Here), Some(1));
        let two = moved(&["/tmp/a.part", "/srv/state.json.new"]);
        assert_eq!(meant(&two, "/tmp/Xsession", Made::Here), Some(1));
        assert_eq!(meant(&two, "/opt/Xsession", Made::Here), None, "which one, nobody can tell");
    }

    #[test]
    fn of_a_path_that_may_be_the_images_only_a_name_that_goes_on_is_meant() {
        let one = moved(&["/app/.worker.part"]);
        assert_eq!(meant(&one, "/app/worker", Made::Somewhere), Some(1));
        assert_eq!(meant(&one, "/app/server", Made::Somewhere), None);
        assert_eq!(meant(&one, "/bin/worker", Made::Somewhere), None);
    }

    #[test]
    fn a_flood_of_renames_is_bounded() {
        let names: Vec<String> = (0..1000).map(|number| format!("/tmp/{number}")).collect();
        let many = moved(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(many.files.len(), MAX_MOVED);
        assert_eq!(meant(&many, "/tmp/x", Made::Here), Some(1000));
    }
}
