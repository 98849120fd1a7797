//! The processes of a sandbox: who is found by which id, who shares whose descriptors, who reads what.
//!
//! Bounds: [`MAX_PROCESSES`] per sandbox; [`EXITED_KEPT`] of those that are gone.

use std::collections::{BTreeSet, VecDeque};

use smallvec::SmallVec;

use crate::event::{Tgid, Time};
use crate::hash::{Map, Set};

use super::arena::{Arena, Id};
use super::budget::{Account, Budget, Charge, heap_of};
use super::container::ContainerIx;
use super::fd_table::{FdTable, OutOfRange, Search};
use super::fds::{Access, Object, TableOp};
use super::process::{Process, ProcessKey};

/// Processes that are remembered of a sandbox. More than a build has at once; a fork bomb that goes beyond it only
/// pushes out processes that do nothing.
pub(crate) const MAX_PROCESSES: usize = 4096;

/// Exited processes that are still remembered, for the events that arrive after their end.
const EXITED_KEPT: usize = 64;

/// Which of its descriptors a process reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// The one that it runs from if it is an interpreter: standard input, mostly.
    Stdin,
    /// Another one.
    OtherFd,
}

/// Who reads, and through which descriptor.
pub(crate) type Readers = SmallVec<[(Id<Process>, Through); 4]>;

/// Ends of pipes and pairs, and files, that are looked for: mostly one, but a process may have opened hundreds.
enum Ends<'a> {
    Few(&'a [Object]),
    Many(Set<Object>),
}

impl<'a> Ends<'a> {
    fn new(ends: &'a [Object]) -> Self {
        if ends.len() <= 4 {
            return Ends::Few(ends);
        }
        let mut many = Set::default();
        for end in ends {
            many.insert(*end);
        }
        Ends::Many(many)
    }

    fn has(&self, object: Object) -> bool {
        match self {
            Ends::Few(few) => few.contains(&object),
            Ends::Many(many) => many.contains(&object),
        }
    }
}

/// The place of a descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableId(usize);

#[derive(Clone, Debug)]
struct SharedTable {
    table: FdTable,
    /// Processes that use it: more than one after clone(CLONE_FILES).
    users: usize,
}

/// The processes of a sandbox with their descriptor tables.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    pub(super) arena: Arena<Process>,
    by_key: Map<ProcessKey, Id<Process>>,
    /// The last bearer of an id, for sessions that do not say when a process started.
    by_tgid: Map<(ContainerIx, Tgid), Id<Process>>,
    exited: VecDeque<Id<Process>>,
    tables: slab::Slab<SharedTable>,
    last: Option<(ProcessKey, Id<Process>)>,
    /// The tables by key and id, and the list of descriptor tables.
    indexes: Charge,
}

impl Processes {
    pub(crate) fn new(budget: &Budget) -> Self {
        Processes {
            arena: Arena::new(MAX_PROCESSES, budget),
            by_key: Map::default(),
            by_tgid: Map::default(),
            exited: VecDeque::new(),
            tables: slab::Slab::new(),
            last: None,
            indexes: budget.charge(Account::Objects, 0),
        }
    }

    /// The process of that key.
    pub(crate) fn find(&mut self, key: ProcessKey) -> Option<Id<Process>> {
        if let Some((last, id)) = self.last
            && last == key
            && self.arena.get(id).is_some()
        {
            return Some(id);
        }
        let id = if key.start.is_known() {
            self.by_key.get(&key).copied()
        } else {
            self.by_tgid.get(&(key.container, key.tgid)).copied()
        };
        let id = id.filter(|id| self.arena.get(*id).is_some())?;
        self.last = Some((key, id));
        Some(id)
    }

    /// The newest bearer of that id.
    pub(crate) fn newest(&self, container: ContainerIx, tgid: Tgid) -> Option<Id<Process>> {
        self.by_tgid.get(&(container, tgid)).copied().filter(|id| self.arena.get(*id).is_some())
    }

    pub(crate) fn get(&self, id: Id<Process>) -> Option<&Process> {
        self.arena.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Id<Process>) -> Option<&mut Process> {
        self.arena.get_mut(id)
    }

    /// The process, to count what it did.
    pub(crate) fn count_mut(&mut self, id: Id<Process>) -> Option<&mut Process> {
        self.arena.count_mut(id)
    }

    /// A descriptor table for a new process.
    pub(crate) fn new_table(&mut self, table: FdTable) -> TableId {
        TableId(self.tables.insert(SharedTable { table, users: 1 }))
    }

    /// One more process uses that table.
    pub(crate) fn share_table(&mut self, table: TableId) -> TableId {
        if let Some(shared) = self.tables.get_mut(table.0) {
            shared.users = shared.users.saturating_add(1);
        }
        table
    }

    /// The process uses the other's table from now on, and so does who shared its own.
    pub(crate) fn join_table(&mut self, id: Id<Process>, other: Id<Process>) {
        let (Some(old), Some(new)) =
            (self.arena.get(id).map(|process| process.fds), self.arena.get(other).map(|process| process.fds))
        else {
            return;
        };
        let users: Vec<Id<Process>> = match self.tables.get(old.0) {
            Some(shared) if shared.users > 1 => {
                self.arena.iter().filter(|(_, process)| process.fds == old).map(|(user, _)| user).collect()
            }
            Some(_) | None => vec![id],
        };
        for user in users {
            self.share_table(new);
            self.drop_table(old);
            if let Some(process) = self.arena.get_mut(user) {
                process.fds = new;
            }
        }
    }

    /// Does to the process's descriptors what a call does; of a process whose clone is still to come it is noted.
    pub(crate) fn table_op(&mut self, id: Id<Process>, op: TableOp) -> Result<(), OutOfRange> {
        let Some(process) = self.arena.get(id) else { return Ok(()) };
        let fds = process.fds;
        if process.early.is_some()
            && let Some(early) = self.arena.get_mut(id).and_then(|process| process.early.as_mut())
        {
            early.note(op);
        }
        self.tables.get_mut(fds.0).map_or(Ok(()), |shared| shared.table.apply(op))
    }

    fn drop_table(&mut self, table: TableId) {
        let Some(shared) = self.tables.get_mut(table.0) else { return };
        shared.users = shared.users.saturating_sub(1);
        if shared.users == 0 {
            self.tables.remove(table.0);
        }
    }

    /// Gives the process a table of its own with the same descriptors: what exec does to a shared one.
    pub(crate) fn unshare_table(&mut self, id: Id<Process>) {
        let Some(old) = self.arena.get(id).map(|process| process.fds) else { return };
        let Some(table) =
            self.tables.get(old.0).filter(|shared| shared.users > 1).map(|shared| shared.table.clone())
        else {
            return;
        };
        let new = self.new_table(table);
        self.drop_table(old);
        if let Some(process) = self.arena.get_mut(id) {
            process.fds = new;
        }
    }

    /// The process's descriptors.
    pub(crate) fn fds(&self, id: Id<Process>) -> Option<&FdTable> {
        Some(&self.tables.get(self.arena.get(id)?.fds.0)?.table)
    }

    /// The process's descriptors, to change them.
    pub(crate) fn fds_mut(&mut self, id: Id<Process>) -> Option<&mut FdTable> {
        Some(&mut self.tables.get_mut(self.arena.get(id)?.fds.0)?.table)
    }

    /// Puts a new process in.
    ///
    /// Of those that live no two have one id: who bore it before is gone, though its end was not seen.
    pub(crate) fn insert(&mut self, process: Process) -> Id<Process> {
        let (key, since) = (process.key, process.since);
        self.last = None;
        let bearer = self.newest(key.container, key.tgid);
        let is_newest =
            bearer.and_then(|id| self.arena.get(id)).is_none_or(|bearer| bearer.key.start <= key.start);
        if is_newest && let Some(bearer) = bearer {
            self.exited(bearer, since);
        }
        let (id, evicted) = self.arena.insert(process);
        if let Some(evicted) = evicted {
            self.forget(&evicted);
        }
        self.by_key.insert(key, id);
        if is_newest {
            self.by_tgid.insert((key.container, key.tgid), id);
        }
        let maps = self.by_key.heap().saturating_add(self.by_tgid.heap());
        // A slot of a slab is its content with a tag.
        let tables = heap_of::<(usize, SharedTable)>(self.tables.capacity());
        self.indexes.set(maps.saturating_add(tables));
        id
    }

    /// The process acts: it is the newest of those that are needed as much, and nothing pushes it out.
    pub(crate) fn acts(&mut self, id: Id<Process>) {
        self.arena.acts(id);
    }

    /// The containers that have a living process.
    pub(crate) fn containers_alive(&self) -> BTreeSet<ContainerIx> {
        let living = self.arena.iter().filter(|(_, process)| process.exited.is_none());
        living.map(|(_, process)| process.key.container).collect()
    }

    /// Forgets all processes of a container.
    pub(crate) fn forget_container(&mut self, container: ContainerIx) {
        let own = |(id, process): (Id<Process>, &Process)| (process.key.container == container).then_some(id);
        let doomed: Vec<Id<Process>> = self.arena.iter().filter_map(own).collect();
        for id in doomed {
            if let Some(process) = self.arena.remove(id) {
                self.forget(&process);
            }
        }
        self.last = None;
    }

    /// Forgets the process that is needed least. Whether there was one.
    pub(super) fn evict(&mut self) -> bool {
        let Some(process) = self.arena.evict() else { return false };
        self.forget(&process);
        true
    }

    /// The process is gone; its descriptors close, the rest stays for a while.
    pub(crate) fn exited(&mut self, id: Id<Process>, time: Time) {
        let Some(process) = self.arena.get_mut(id).filter(|process| process.exited.is_none()) else { return };
        process.exited = Some(time);
        process.asked = None;
        self.exited.push_back(id);
        if self.exited.len() > EXITED_KEPT
            && let Some(oldest) = self.exited.pop_front()
            && let Some(process) = self.arena.remove(oldest)
        {
            self.forget(&process);
        }
    }

    /// Drops what leads to a process that is out of the arena already, and to no other: where sessions do not say when
    /// processes start, a later bearer of its id has the same key.
    fn forget(&mut self, process: &Process) {
        self.drop_table(process.fds);
        // A newer bearer stays: where nobody says when processes start, it has the same key.
        let is_gone = |id: &Id<Process>| self.arena.get(*id).is_none();
        if self.by_key.get(&process.key).is_some_and(is_gone) {
            self.by_key.remove(&process.key);
        }
        let bearer = (process.key.container, process.key.tgid);
        if self.by_tgid.get(&bearer).is_some_and(is_gone) {
            self.by_tgid.remove(&bearer);
        }
    }

    /// The living processes that read from one of `ends`, with the way they do; by age, as which slot a process has
    /// depends on who left before.
    ///
    /// A shell holds the pipes of its pipelines without reading from them, and where `close` is not traced it seems
    /// to hold them for ever; so of a shell only standard input counts. Others hold what they read: tar what its
    /// gzip unpacks, python what its child prints.
    pub(crate) fn readers_of(&self, container: ContainerIx, ends: &[Object]) -> Readers {
        if ends.is_empty() {
            return Readers::new();
        }
        let ends = Ends::new(ends);
        let reads = |object, access: Access| access.is_read() && ends.has(object);
        let mut search = Search::new(reads);
        let mut through = |process: &Process| {
            let table = &self.tables.get(process.fds.0)?.table;
            let stdin = table.get(process.runs_from);
            if stdin.is_some_and(|descriptor| reads(descriptor.object, descriptor.access)) {
                return Some(Through::Stdin);
            }
            (!process.program.is_shell() && search.finds(table)).then_some(Through::OtherFd)
        };
        let mut readers: Readers = self
            .arena
            .iter()
            .filter(|(_, process)| process.exited.is_none() && process.key.container == container)
            .filter_map(|(id, process)| Some((id, through(process)?)))
            .collect();
        readers.sort_by_key(|(id, _)| self.arena.get(*id).map(|process| process.serial));
        readers
    }

    pub(crate) fn len(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.arena.evictions()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<Process>, &Process)> {
        self.arena.iter()
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Processes {
    /// Panics where the tables do not agree with each other.
    pub(crate) fn check_invariants(&self) {
        let mut users = std::collections::BTreeMap::new();
        for (id, process) in self.iter() {
            let of_table = users.entry(process.fds.0).or_insert(0usize);
            *of_table = of_table.saturating_add(1);
            let by_key = self.by_key.get(&process.key).copied();
            // Without start times, bearers of an id share their key; the newest has it, and takes it along.
            let is_shared = !process.key.start.is_known()
                && by_key
                    .is_none_or(|newer| self.get(newer).is_some_and(|newer| newer.serial > process.serial));
            assert!(by_key == Some(id) || is_shared, "{id:?} is found by its key");
            let newest = self.newest(process.key.container, process.key.tgid);
            let is_newest = newest.and_then(|newest| self.get(newest));
            // A clone may be reported when another one bears the id already.
            let age = |process: &Process| (process.key.start, process.serial);
            assert!(
                is_newest.is_none_or(|newest| age(newest) >= age(process)),
                "the newest bearer is the newest"
            );
        }
        assert!(self.by_key.len() <= self.len(), "no key without its process");
        assert!(self.by_tgid.len() <= self.len(), "no id without its process");
        assert!(self.exited.len() <= EXITED_KEPT, "exited processes");
        assert_eq!(self.tables.len(), users.len(), "a descriptor table for each that is used");
        for (table, shared) in &self.tables {
            assert_eq!(users.get(&table).copied(), Some(shared.users), "users of a table");
        }
    }
}
