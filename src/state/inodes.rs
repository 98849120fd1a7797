//! Sockets and pipes by the inode that the sentry calls them by: `socket:[7]`, `pipe:[7]`.
//!
//! A sandbox has one kernel, and neither file system gives an inode twice (gVisor: `sockfs.go`, `pipefs.go`). Bound: twice
//! [`MAX_INODES`] of each kind; what was not asked for the longest goes first, and comes back with its next mention
//! as something new.

use crate::event::Ino;
use crate::hash::Map;

use super::arena::Id;
use super::budget::{Account, Budget, Charge};

/// Inodes of a generation: as many as there are sockets (`net::MAX_SOCKETS`).
pub(crate) const MAX_INODES: usize = 4096;

/// The objects of one kind by inode, in two generations: when the young one is full it becomes the old one.
#[derive(Debug)]
pub(crate) struct Inodes<T> {
    young: Map<Ino, Id<T>>,
    old: Map<Ino, Id<T>>,
    len: usize,
    maps: Charge,
}

impl<T> Clone for Inodes<T> {
    fn clone(&self) -> Self {
        Inodes { young: self.young.clone(), old: self.old.clone(), len: self.len, maps: self.maps.clone() }
    }
}

impl<T> Inodes<T> {
    pub(crate) fn new(budget: &Budget) -> Self {
        Inodes {
            young: Map::default(),
            old: Map::default(),
            len: 0,
            maps: budget.charge(Account::Objects, 0),
        }
    }

    /// The object of that inode; it may be gone.
    pub(crate) fn find(&mut self, ino: Ino) -> Option<Id<T>> {
        if let Some(id) = self.young.get(&ino) {
            return Some(*id);
        }
        let id = self.old.remove(&ino)?;
        self.learn(ino, id);
        Some(id)
    }

    /// That inode is this object.
    pub(crate) fn learn(&mut self, ino: Ino, id: Id<T>) {
        if self.len >= MAX_INODES {
            self.old = std::mem::take(&mut self.young);
            self.len = 0;
        }
        if self.young.insert(ino, id).is_none() {
            self.len = self.len.saturating_add(1);
            self.maps.set(self.young.heap().saturating_add(self.old.heap()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arena::{Arena, Evict, Keep};
    use super::*;

    struct Thing;

    impl Evict for Thing {
        fn keep(&self) -> Keep {
            Keep::Normal
        }
    }

    #[test]
    fn a_flood_of_inodes_leaves_what_is_asked_for() {
        let mut things = Arena::new(1, &Budget::default());
        let (id, _) = things.insert(Thing);
        let mut inodes = Inodes::new(&Budget::default());
        inodes.learn(Ino(1), id);
        inodes.learn(Ino(2), id);
        for ino in 10..100_000 {
            inodes.learn(Ino(ino), id);
            if ino % 1000 == 0 {
                assert!(inodes.find(Ino(1)).is_some());
            }
        }
        assert!(inodes.find(Ino(2)).is_none(), "nobody asked for it");
    }
}
