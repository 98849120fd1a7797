//! Descriptor tables: number → what it leads to, copied in O(1) on fork, cut down in O(1) on exec.
//!
//! A table is a tree of three levels behind [`Arc`]s: a root, by number, of nodes of [`NODE`] leaves of [`LEAF`]
//! entries. A copy shares all of it; whoever writes copies one path. The first leaf hangs on the table itself, so that a
//! process with few descriptors has nothing else. Nodes exist where descriptors are: a lone dup2(2) onto 1,000,000
//! costs one leaf and one node.
//!
//! exec touches no entry. A table counts its programs (`era`): an entry knows in which of them it was opened, which
//! tells what was passed on, and in which it was marked to be closed, which closes it as soon as that one is over. Only
//! when the count has run through is the table walked and written anew.
//!
//! Bounds: numbers from [`MAX_FD`] on are not kept. Tables together hold at most their share of the sandbox's bytes;
//! beyond it, a table of more than [`OWN_LEAVES`] that grows gives up a leaf of its own, by a hand that goes round over
//! all but the first; a leaf with a socket is passed over, for a few times in a row.

mod search;

use std::sync::Arc;

use crate::event::Fd;

use super::budget::{Account, Budget, Charge, heap_of};
use super::fds::{Access, Descriptor, Held, Object, OnExec, TableOp};

pub(crate) use search::Search;

/// Entries of a leaf, of 16 bytes each: what a write after a fork copies is half a kilobyte.
const LEAF: usize = 32;

/// Leaves of a node.
const NODE: usize = 32;

/// Leaves beside the first that a table may have whatever others have: the descriptors of an ordinary server. Who has
/// many small tables has many processes, and those go.
const OWN_LEAVES: u32 = 8;

/// Leaves with sockets that the hand passes over before it takes one.
const PASSED_OVER: usize = 16;

/// Descriptors from here on are not kept: the hard limit of a process, of the kernel and of gVisor
/// (`pkg/sentry/limits`: 1,048,576). A number beyond it is a lie.
pub(crate) const MAX_FD: usize = 1 << 20;

/// The era of an entry that an earlier program opened.
const EARLIER: u8 = 0;

/// The era of the first program that is seen.
const FIRST: u8 = 1;

/// In place of an era: exec leaves the entry open.
const NEVER: u8 = 0;

#[derive(Clone, Copy, Debug)]
struct Entry {
    object: Object,
    access: Access,
    /// The era in which it was opened.
    opened: u8,
    /// The era with whose end it closes, or [`NEVER`].
    closes: u8,
}

#[derive(Clone, Debug)]
struct Leaf {
    entries: [Option<Entry>; LEAF],
    /// Gives back when the leaf goes.
    _charge: Charge,
}

impl Leaf {
    fn has_socket(&self) -> bool {
        self.entries.iter().flatten().any(|entry| matches!(entry.object, Object::Socket(_)))
    }
}

#[derive(Clone, Debug)]
struct Node {
    leaves: [Option<Arc<Leaf>>; NODE],
    _charge: Charge,
}

#[derive(Clone, Debug)]
struct Root {
    /// By rising number.
    nodes: Vec<(usize, Arc<Node>)>,
    charge: Charge,
}

impl Root {
    fn place(&self, number: usize) -> Result<usize, usize> {
        self.nodes.binary_search_by_key(&number, |(number, _)| *number)
    }

    fn node(&self, number: usize) -> Option<&Arc<Node>> {
        Some(&self.nodes.get(self.place(number).ok()?)?.1)
    }
}

/// The descriptors of a process.
#[derive(Clone, Debug)]
pub struct FdTable {
    low: Option<Arc<Leaf>>,
    /// All leaves but the first.
    high: Option<Arc<Root>>,
    era: u8,
    /// Leaves in there.
    high_leaves: u32,
    /// The leaf after which the next one is looked for that has to go.
    hand: usize,
    budget: Budget,
}

impl Default for FdTable {
    fn default() -> Self {
        FdTable::new(&Budget::default())
    }
}

/// The descriptor does not fit: its number is negative or [`MAX_FD`] or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// The leaf of a descriptor, and its place in there.
fn place(fd: Fd) -> Option<(usize, usize)> {
    let number = usize::try_from(fd.0).ok().filter(|number| *number < MAX_FD)?;
    Some((number / LEAF, number % LEAF))
}

fn number(leaf: usize, at: usize) -> Fd {
    Fd(i32::try_from(leaf.saturating_mul(LEAF).saturating_add(at)).unwrap_or(i32::MAX))
}

impl FdTable {
    /// An empty table, charged to `budget`.
    pub(crate) fn new(budget: &Budget) -> FdTable {
        FdTable { low: None, high: None, era: FIRST, high_leaves: 0, hand: 0, budget: budget.clone() }
    }

    /// What `fd` is.
    #[must_use]
    pub fn get(&self, fd: Fd) -> Option<Descriptor> {
        let (leaf, at) = place(fd)?;
        self.seen(fd, self.leaf(leaf)?.entries.get(at)?.as_ref()?)
    }

    /// Does what a call does.
    pub(crate) fn apply(&mut self, op: TableOp) -> Result<(), OutOfRange> {
        match op {
            TableOp::Set(fd, descriptor) | TableOp::Mend(fd, descriptor) => return self.set(fd, descriptor),
            TableOp::Dup { old, new, on_exec, otherwise } => {
                let known = self.get(old);
                let known = known.unwrap_or_else(|| Descriptor::own(otherwise, Access::ReadWrite, on_exec));
                return self.set(new, Descriptor { on_exec, held: Held::Own, ..known });
            }
            TableOp::Close(fd) => {
                self.close(fd);
            }
            TableOp::CloseRange(first, last) => self.close_range(first, last),
            TableOp::CloseRangeOnExec(first, last) => {
                let within = |fd: &Fd| (first..=last).contains(&fd.0.cast_unsigned());
                let within: Vec<Fd> = self.iter().map(|(fd, _)| fd).filter(within).collect();
                for fd in within {
                    self.set_on_exec(fd, OnExec::Close);
                }
            }
            TableOp::OnExec(fd, on_exec) => self.set_on_exec(fd, on_exec),
            TableOp::Exec => self.exec(),
        }
        Ok(())
    }

    /// Makes `fd` lead to `descriptor`, whatever it was before.
    pub(crate) fn set(&mut self, fd: Fd, descriptor: Descriptor) -> Result<(), OutOfRange> {
        let (leaf, at) = place(fd).ok_or(OutOfRange)?;
        let entry = Entry {
            object: descriptor.object,
            access: descriptor.access,
            opened: match descriptor.held {
                Held::Own => self.era,
                Held::PassedOn => EARLIER,
            },
            closes: match descriptor.on_exec {
                OnExec::Keep => NEVER,
                OnExec::Close => self.era,
            },
        };
        let is_large = self.high_leaves >= OWN_LEAVES;
        if leaf > 0 && is_large && self.budget.descriptors_are_over() && self.grows(leaf) {
            self.give_up_a_leaf(leaf);
        }
        if let Some(slot) = self.leaf_mut(leaf).and_then(|leaf| leaf.entries.get_mut(at)) {
            *slot = Some(entry);
        }
        Ok(())
    }

    /// Closes `fd` and says what it was.
    pub(crate) fn close(&mut self, fd: Fd) -> Option<Descriptor> {
        let was = self.get(fd)?;
        let (leaf_at, at) = place(fd)?;
        let leaf = self.leaf_mut(leaf_at)?;
        *leaf.entries.get_mut(at)? = None;
        if leaf.entries.iter().all(Option::is_none) {
            self.take_leaf(leaf_at);
        }
        Some(was)
    }

    /// Sets what exec does to `fd`.
    pub(crate) fn set_on_exec(&mut self, fd: Fd, on_exec: OnExec) {
        if let Some(descriptor) = self.get(fd).filter(|descriptor| descriptor.on_exec != on_exec) {
            // A descriptor that is there is in range.
            let _in_range = self.set(fd, Descriptor { on_exec, ..descriptor });
        }
    }

    /// What exec does: closes what is to be closed, and marks what the new program was passed. No entry is touched.
    pub(crate) fn exec(&mut self) {
        if let Some(next) = self.era.checked_add(1) {
            self.era = next;
            return;
        }
        let passed: Vec<(Fd, Descriptor)> =
            self.iter().filter(|(_, descriptor)| descriptor.on_exec == OnExec::Keep).collect();
        *self = FdTable { hand: self.hand, ..FdTable::new(&self.budget) };
        for (fd, descriptor) in passed {
            // It was in range.
            let _in_range = self.set(fd, Descriptor { held: Held::PassedOn, ..descriptor });
        }
    }

    /// Closes all of `first..=last`.
    pub(crate) fn close_range(&mut self, first: u32, last: u32) {
        let highest = MAX_FD.saturating_sub(1);
        let first = usize::try_from(first).unwrap_or(MAX_FD);
        let last = usize::try_from(last).unwrap_or(MAX_FD).min(highest);
        let (first_leaf, last_leaf) = (first / LEAF, last / LEAF);
        let doomed: Vec<usize> = self
            .leaves()
            .map(|(leaf, _)| leaf)
            .skip_while(|leaf| *leaf < first_leaf)
            .take_while(|leaf| *leaf <= last_leaf)
            .collect();
        for leaf in doomed {
            let begins = leaf.saturating_mul(LEAF);
            let ends = begins.saturating_add(LEAF);
            if first <= begins && ends.saturating_sub(1) <= last {
                self.take_leaf(leaf);
                continue;
            }
            for at in (begins.max(first)..ends).take_while(|at| *at <= last) {
                self.close(number(leaf, at.saturating_sub(begins)));
            }
        }
    }

    /// The open descriptors by rising number.
    pub fn iter(&self) -> impl Iterator<Item = (Fd, Descriptor)> + '_ {
        self.leaves().flat_map(move |(leaf_at, leaf)| {
            leaf.entries.iter().enumerate().filter_map(move |(at, entry)| {
                let fd = number(leaf_at, at);
                Some((fd, self.seen(fd, entry.as_ref()?)?))
            })
        })
    }

    /// The entry as the running program sees it; nothing if an exec closed it.
    fn seen(&self, fd: Fd, entry: &Entry) -> Option<Descriptor> {
        if entry.closes != NEVER && entry.closes != self.era {
            return None;
        }
        let is_own = entry.opened == self.era || fd <= Fd::STDERR;
        Some(Descriptor {
            object: entry.object,
            access: entry.access,
            on_exec: if entry.closes == NEVER { OnExec::Keep } else { OnExec::Close },
            held: if is_own { Held::Own } else { Held::PassedOn },
        })
    }

    /// The leaves that are there, by rising number.
    fn leaves(&self) -> impl Iterator<Item = (usize, &Leaf)> {
        let low = self.low.iter().map(|leaf| (0, &**leaf));
        let nodes = self.high.iter().flat_map(|root| &root.nodes);
        let high = nodes.flat_map(|(node_at, node)| {
            node.leaves.iter().enumerate().filter_map(move |(at, leaf)| {
                Some((node_at.saturating_mul(NODE).saturating_add(at), &**leaf.as_ref()?))
            })
        });
        low.chain(high)
    }

    fn leaf(&self, leaf: usize) -> Option<&Leaf> {
        if leaf == 0 {
            return self.low.as_deref();
        }
        self.high.as_ref()?.node(leaf / NODE)?.leaves.get(leaf % NODE)?.as_deref()
    }

    /// Whether writing to that leaf takes memory: it is not there yet, or others see it as well.
    fn grows(&self, leaf: usize) -> bool {
        let Some(root) = &self.high else { return true };
        let node = root.node(leaf / NODE);
        let leaf = node.and_then(|node| node.leaves.get(leaf % NODE)).and_then(Option::as_ref);
        Arc::strong_count(root) > 1
            || node.is_none_or(|node| Arc::strong_count(node) > 1)
            || leaf.is_none_or(|leaf| Arc::strong_count(leaf) > 1)
    }

    /// The leaf, this table's own; a new one where there is none.
    fn leaf_mut(&mut self, leaf: usize) -> Option<&mut Leaf> {
        let charge = |bytes| self.budget.charge(Account::Descriptors, bytes);
        let new_leaf = || Arc::new(Leaf { entries: [None; LEAF], _charge: charge(heap_of::<Leaf>(1)) });
        if leaf == 0 {
            return Some(Arc::make_mut(self.low.get_or_insert_with(new_leaf)));
        }
        let new_root = || Arc::new(Root { nodes: Vec::new(), charge: charge(heap_of::<Root>(1)) });
        let root = Arc::make_mut(self.high.get_or_insert_with(new_root));
        let number = leaf / NODE;
        let at = match root.place(number) {
            Ok(at) => at,
            Err(at) => {
                let leaves = [const { None }; NODE];
                let node = Arc::new(Node { leaves, _charge: charge(heap_of::<Node>(1)) });
                root.nodes.insert(at, (number, node));
                let nodes = heap_of::<(usize, Arc<Node>)>(root.nodes.capacity());
                root.charge.set(heap_of::<Root>(1).saturating_add(nodes));
                at
            }
        };
        let node = Arc::make_mut(&mut root.nodes.get_mut(at)?.1);
        let place = node.leaves.get_mut(leaf % NODE)?;
        if place.is_none() {
            self.high_leaves = self.high_leaves.saturating_add(1);
        }
        Some(Arc::make_mut(place.get_or_insert_with(new_leaf)))
    }

    /// Drops a whole leaf, and a node that has none left.
    fn take_leaf(&mut self, leaf: usize) {
        if self.leaf(leaf).is_none() {
            return;
        }
        if leaf == 0 {
            self.low = None;
            return;
        }
        let Some(root) = self.high.as_mut().map(Arc::make_mut) else { return };
        let Ok(at) = root.place(leaf / NODE) else { return };
        let Some(node) = root.nodes.get_mut(at).map(|(_, node)| Arc::make_mut(node)) else { return };
        if let Some(leaf) = node.leaves.get_mut(leaf % NODE)
            && leaf.take().is_some()
        {
            self.high_leaves = self.high_leaves.saturating_sub(1);
        }
        if node.leaves.iter().all(Option::is_none) {
            root.nodes.remove(at);
        }
    }

    /// Forgets the descriptors of one leaf, for the sake of another one.
    fn give_up_a_leaf(&mut self, sake: usize) {
        let other = |leaf: &usize| *leaf != sake && *leaf != 0;
        let after = self.leaves_from(self.hand.saturating_add(1)).filter(other);
        let around = || self.leaves_from(1).filter(other);
        let mut next = after.chain(around()).take(PASSED_OVER);
        let has_socket = |leaf: usize| self.leaf(leaf).is_some_and(Leaf::has_socket);
        let victim = next.find(|leaf| !has_socket(*leaf)).or_else(|| around().find(|leaf| *leaf > self.hand));
        let victim = victim.or_else(|| around().next());
        drop(next);
        let Some(victim) = victim else { return };
        let gone = self.leaf(victim).map_or(0, |leaf| leaf.entries.iter().flatten().count());
        self.budget.forgot_descriptors(u64::try_from(gone).unwrap_or(u64::MAX));
        self.hand = victim;
        self.take_leaf(victim);
    }

    /// The leaves from that number on, the nodes before it not looked at.
    fn leaves_from(&self, first: usize) -> impl Iterator<Item = usize> + '_ {
        let begin = move |root: &Root| root.place(first / NODE).unwrap_or_else(|at| at);
        let nodes = self.high.iter().flat_map(move |root| root.nodes.iter().skip(begin(root)));
        nodes
            .flat_map(|(node_at, node)| {
                let first = node_at.saturating_mul(NODE);
                let there = node.leaves.iter().enumerate().filter(|(_, leaf)| leaf.is_some());
                there.map(move |(at, _)| first.saturating_add(at))
            })
            .filter(move |leaf| *leaf >= first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn file(on_exec: OnExec) -> Descriptor {
        Descriptor::own(Object::Unknown, Access::Read, on_exec)
    }

    #[test]
    fn a_copy_does_not_see_what_is_done_to_the_original() {
        let mut parent = FdTable::default();
        parent.set(Fd(3), file(OnExec::Keep)).unwrap();
        let child = parent.clone();
        parent.close(Fd(3));
        assert_eq!(parent.get(Fd(3)), None);
        assert_eq!(child.get(Fd(3)), Some(file(OnExec::Keep)));
    }

    #[test]
    fn numbers_that_no_process_can_have_are_refused() {
        let mut table = FdTable::default();
        for fd in [Fd(-1), Fd(1 << 20), Fd(1 << 30)] {
            assert_eq!(table.set(fd, file(OnExec::Keep)), Err(OutOfRange));
            assert_eq!(table.get(fd), None);
        }
        assert_eq!(table.set(Fd((1 << 20) - 1), file(OnExec::Keep)), Ok(()));
    }

    #[test]
    fn a_high_number_costs_one_path_and_gives_it_back() {
        let budget = Budget::default();
        let mut table = FdTable::new(&budget);
        table.set(Fd(1_000_000), file(OnExec::Keep)).unwrap();
        assert!(budget.used() < 6 << 10, "{} bytes", budget.used());
        let before = budget.used();
        let copies: Vec<FdTable> = (0..1000).map(|_| table.clone()).collect();
        assert_eq!(budget.used(), before);
        drop(copies);
        table.close(Fd(1_000_000));
        assert!(budget.used() < 5 << 10, "{} bytes", budget.used());
        drop(table);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_million_descriptors_stay_within_their_share_and_the_newest_and_the_first_are_known() {
        let budget = Budget::new(1 << 20);
        let mut table = FdTable::new(&budget);
        for fd in 0..1 << 20 {
            table.set(Fd(fd), file(OnExec::Keep)).unwrap();
        }
        assert!(budget.used() <= budget.limit() / 4 + (8 << 10), "{} bytes", budget.used());
        for fd in [0, 1, 2, 31, (1 << 20) - 1, (1 << 20) - 1000] {
            assert!(table.get(Fd(fd)).is_some(), "{fd}");
        }
        let known = u64::try_from(table.iter().count()).unwrap();
        assert_eq!(budget.forgotten_descriptors(), (1 << 20) - known);
    }

    #[test]
    fn exec_shares_what_it_leaves_even_after_hundreds_of_programs() {
        let budget = Budget::default();
        let mut parent = FdTable::new(&budget);
        for fd in 0..5000 {
            parent.set(Fd(fd), file(on_exec(fd % 2 == 1))).unwrap();
        }
        let before = budget.used();
        let mut child = parent.clone();
        child.exec();
        assert_eq!(budget.used(), before, "no leaf was copied");
        assert_eq!((parent.iter().count(), child.iter().count()), (5000, 2500));
        for _ in 0..1000 {
            child.exec();
        }
        assert!(child.iter().all(|(fd, kept)| (kept.held == Held::Own) == (fd <= Fd::STDERR)));
        assert_eq!(child.iter().count(), 2500);
    }

    #[test]
    fn a_duplicate_of_what_is_not_known_leads_to_what_the_sentry_says() {
        let mut table = FdTable::default();
        let dup =
            |old| TableOp::Dup { old: Fd(old), new: Fd(7), on_exec: OnExec::Close, otherwise: Object::Anon };
        table.apply(dup(3)).unwrap();
        assert_eq!(table.get(Fd(7)).unwrap().object, Object::Anon);
        table.set(Fd(3), file(OnExec::Keep)).unwrap();
        table.apply(dup(3)).unwrap();
        assert_eq!(table.get(Fd(7)).unwrap(), Descriptor { on_exec: OnExec::Close, ..file(OnExec::Keep) });
    }

    #[derive(Clone, Debug)]
    enum Op {
        Set(i32, bool),
        Close(i32),
        SetOnExec(i32, bool),
        Exec(usize),
        CloseRange(u32, u32),
        Fork,
    }

    fn op() -> impl Strategy<Value = Op> {
        let fd = prop_oneof![4 => -2..100i32, 1 => 2040..2060i32, 1 => 1_048_570..1_048_580i32];
        prop_oneof![
            4 => (fd.clone(), any::<bool>()).prop_map(|(fd, cloexec)| Op::Set(fd, cloexec)),
            2 => fd.clone().prop_map(Op::Close),
            1 => (fd, any::<bool>()).prop_map(|(fd, cloexec)| Op::SetOnExec(fd, cloexec)),
            1 => prop_oneof![8 => Just(1), 1 => Just(300)].prop_map(Op::Exec),
            1 => (0..3000u32, prop_oneof![0..3000u32, Just(u32::MAX)]).prop_map(|(first, last)| Op::CloseRange(first, last)),
            1 => Just(Op::Fork),
        ]
    }

    fn on_exec(cloexec: bool) -> OnExec {
        if cloexec { OnExec::Close } else { OnExec::Keep }
    }

    proptest! {
        /// Against a map that is copied whole, over two tables that forked from one another.
        #[test]
        fn behaves_like_a_plain_map(ops in proptest::collection::vec(op(), 0..60)) {
            let (mut table, mut model) = (FdTable::default(), BTreeMap::new());
            let mut forked: Vec<(FdTable, BTreeMap<i32, Descriptor>)> = Vec::new();
            for op in ops {
                match op {
                    Op::Set(fd, cloexec) => {
                        if table.set(Fd(fd), file(on_exec(cloexec))).is_ok() {
                            model.insert(fd, file(on_exec(cloexec)));
                        }
                    }
                    Op::Close(fd) => prop_assert_eq!(table.close(Fd(fd)), model.remove(&fd)),
                    Op::SetOnExec(fd, cloexec) => {
                        table.set_on_exec(Fd(fd), on_exec(cloexec));
                        if let Some(descriptor) = model.get_mut(&fd) {
                            descriptor.on_exec = on_exec(cloexec);
                        }
                    }
                    Op::Exec(times) => {
                        (0..times).for_each(|_| table.exec());
                        model.retain(|_, descriptor| descriptor.on_exec == OnExec::Keep);
                        for (_, descriptor) in model.range_mut(3..) {
                            descriptor.held = Held::PassedOn;
                        }
                    }
                    Op::CloseRange(first, last) => {
                        table.close_range(first, last);
                        model.retain(|fd, _| !(first..=last).contains(&u32::try_from(*fd).unwrap()));
                    }
                    Op::Fork => forked.push((table.clone(), model.clone())),
                }
                prop_assert!(table.iter().eq(model.iter().map(|(fd, descriptor)| (Fd(*fd), *descriptor))));
            }
            for (table, model) in forked {
                prop_assert!(table.iter().eq(model.iter().map(|(fd, descriptor)| (Fd(*fd), *descriptor))));
            }
        }
    }
}
