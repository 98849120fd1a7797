//! A search for those tables, of many, that have something open.
//!
//! A fork shares its parent's leaves, so thousands of processes may seem to hold thousands of descriptors each, over one
//! tree. The search looks at what is shared once: it takes no longer than there is memory in descriptors, whoever
//! inherited them.

use std::sync::Arc;

use crate::hash::Map;

use super::super::fds::{Access, Object};
use super::{FdTable, Leaf, NEVER, Node, Root};

/// A search, with what it found so far in what several tables have.
///
/// Addresses tell what is shared apart, so tables must not change while it goes on.
pub(crate) struct Search<W> {
    wanted: W,
    shared: Map<*const (), Eras>,
}

/// The eras in which something is open: what exec is to close is open in one of them, all else in any.
#[derive(Clone, Copy, Debug, Default)]
struct Eras {
    in_any: bool,
    in_each: [u64; 4],
}

impl Eras {
    fn and(mut self, other: Eras) -> Eras {
        self.in_any |= other.in_any;
        for (mine, others) in self.in_each.iter_mut().zip(other.in_each) {
            *mine |= others;
        }
        self
    }

    fn until(closes: u8) -> Eras {
        let mut eras = Eras { in_any: closes == NEVER, ..Eras::default() };
        if let Some(word) = eras.in_each.get_mut(usize::from(closes / 64)) {
            *word = 1u64 << (closes % 64);
        }
        eras
    }

    fn has(self, era: u8) -> bool {
        let word = self.in_each.get(usize::from(era / 64)).copied().unwrap_or(0);
        self.in_any || word & (1u64 << (era % 64)) != 0
    }
}

impl<W: Fn(Object, Access) -> bool> Search<W> {
    pub(crate) fn new(wanted: W) -> Self {
        Search { wanted, shared: Map::default() }
    }

    /// Whether the table has something open that is wanted.
    pub(crate) fn finds(&mut self, table: &FdTable) -> bool {
        let low = table.low.as_ref().map(|leaf| self.leaf(leaf)).unwrap_or_default();
        low.has(table.era) || table.high.as_ref().is_some_and(|root| self.root(root).has(table.era))
    }

    fn root(&mut self, root: &Arc<Root>) -> Eras {
        self.once(root, |search, root| {
            root.nodes.iter().fold(Eras::default(), |eras, (_, node)| eras.and(search.node(node)))
        })
    }

    fn node(&mut self, node: &Arc<Node>) -> Eras {
        self.once(node, |search, node| {
            let leaves = node.leaves.iter().flatten();
            leaves.fold(Eras::default(), |eras, leaf| eras.and(search.leaf(leaf)))
        })
    }

    fn leaf(&mut self, leaf: &Arc<Leaf>) -> Eras {
        self.once(leaf, |search, leaf| {
            let entries = leaf.entries.iter().flatten();
            let wanted = entries.filter(|entry| (search.wanted)(entry.object, entry.access));
            wanted.fold(Eras::default(), |eras, entry| eras.and(Eras::until(entry.closes)))
        })
    }

    /// What `look` finds in there; if others have it, too, it is looked at once for all.
    fn once<T>(&mut self, part: &Arc<T>, look: impl FnOnce(&mut Self, &T) -> Eras) -> Eras {
        if Arc::strong_count(part) == 1 {
            return look(self, part);
        }
        let address = Arc::as_ptr(part).cast();
        if let Some(known) = self.shared.get(&address) {
            return *known;
        }
        let eras = look(self, part);
        self.shared.insert(address, eras);
        eras
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::super::super::fds::{Descriptor, Nvidia, OnExec};
    use super::*;
    use crate::event::Fd;

    const WANTED: Object = Object::Nvidia(Nvidia::Uvm);

    fn open(object: Object, on_exec: OnExec) -> Descriptor {
        Descriptor::own(object, Access::Read, on_exec)
    }

    #[test]
    fn what_thousands_inherited_is_looked_at_once() {
        let mut parent = FdTable::default();
        (0..5000).for_each(|fd| parent.set(Fd(fd), open(Object::Anon, OnExec::Keep)).unwrap());
        let mut children: Vec<FdTable> = (0..1000).map(|_| parent.clone()).collect();
        children[7].set(Fd(4000), open(WANTED, OnExec::Keep)).unwrap();
        let looks = Cell::new(0);
        let mut search = Search::new(|object, _| {
            looks.set(looks.get() + 1);
            object == WANTED
        });
        let found: Vec<usize> = (0..1000).filter(|at| search.finds(&children[*at])).collect();
        assert_eq!(found, [7]);
        assert!(looks.get() < 5100, "{} looks", looks.get());
    }

    proptest! {
        /// As looking through each table alone, over tables that forked from one another and ran programs since.
        #[test]
        fn finds_what_is_there(ops in proptest::collection::vec((0..4u8, 0..3usize, 0..3000i32, any::<bool>()), 0..60)) {
            let mut tables = vec![FdTable::default()];
            for (op, of, fd, closes) in ops {
                let at = of.checked_rem(tables.len()).unwrap_or(0);
                match op {
                    0 => tables.push(tables[at].clone()),
                    1 => tables[at].exec(),
                    _ => {
                        let object = if fd % 3 == 0 { WANTED } else { Object::Anon };
                        let on_exec = if closes { OnExec::Close } else { OnExec::Keep };
                        tables[at].set(Fd(fd), open(object, on_exec)).unwrap();
                    }
                }
            }
            let mut search = Search::new(|object, _| object == WANTED);
            for table in &tables {
                let has = table.iter().any(|(_, descriptor)| descriptor.object == WANTED);
                prop_assert_eq!(search.finds(table), has);
            }
        }
    }
}
