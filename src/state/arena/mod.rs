//! Bounded storage with ids that cannot be mistaken for another's after their object is gone.
//!
//! Each object stands in one of four lists by how much it is needed, oldest first; the lists run through the slots, so
//! that finding who goes next, leaving and joining are O(1). Who goes depends on nothing but the order of events, so
//! the same trace always loses the same ones.
//!
//! An object's age begins anew whenever it is changed. How much it is needed and what it weighs are taken anew at the
//! same time: [`Arena::get_mut`] notes who was lent out, and [`Arena::settle`] looks at those.
//!
//! Of what is suspicious, the first quarter of the room is held by those that came first, and given up last: a flood
//! of suspicious objects pushes out neither what began before it nor the newest of its own. Room is places and bytes:
//! who is fat, or grows so, does not hold it. As much room have the newest of all, whatever they are: else a flood of
//! what is suspicious would push out each connection before a first byte went over it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use smallvec::SmallVec;

use super::budget::{Account, Budget, Charge, PER_ALLOCATION, Weight, heap_of};

/// How much an object is still needed; the lowest is dropped first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keep {
    /// Nobody would ask for it: a file that is only read, a closed clean socket, an exited process.
    Dull,
    /// It may be asked for.
    Normal,
    /// It is evidence: tainted by the network, or on the way to a match.
    Suspicious,
}

/// An object that says how much it is needed and what it weighs.
pub(crate) trait Evict {
    /// How much the object is needed now.
    fn keep(&self) -> Keep;

    /// What it holds on the heap beside itself.
    fn weigh(&self) -> Weight {
        Weight::default()
    }
}

/// The id of an object in an arena.
pub struct Id<T> {
    index: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}
impl<T> Eq for Id<T> {}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.index, self.generation).hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

/// No slot: the end of a list.
const NONE: u32 = u32::MAX;

/// The lists in the order in which they are emptied.
const LISTS: usize = 5;

/// The place in the lists of the newest, in the order in which they were made.
const NEWEST: usize = 3;

/// The place in the lists of what is suspicious and came first.
const TENURED: usize = 4;

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    /// Neighbours in the object's list; of a free slot, `after` is the next free one.
    before: u32,
    after: u32,
    list: u8,
    is_touched: bool,
    own: u32,
    shared: u32,
    object: Option<Box<T>>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    oldest: u32,
    newest: u32,
    len: usize,
    /// What its objects weigh, with all that they share.
    weight: usize,
}

/// Objects of one kind, at most so many.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Slot<T>>,
    lists: [List; LISTS],
    /// The first free slot.
    free: u32,
    len: usize,
    capacity: usize,
    /// Bytes that those may weigh that came first.
    tenure: usize,
    /// Slots whose objects were lent out since the last look at them.
    touched: SmallVec<[u32; 8]>,
    /// The object of the event at hand, which nothing pushes out.
    acting: u32,
    /// What the objects hold alone, without the slots.
    own: usize,
    charge: Charge,
    evictions: u64,
}

impl<T: Evict> Arena<T> {
    /// Room for `capacity` objects, which is not allocated before it is needed.
    pub(crate) fn new(capacity: usize, budget: &Budget) -> Self {
        Arena {
            slots: Vec::new(),
            lists: [List { oldest: NONE, newest: NONE, len: 0, weight: 0 }; LISTS],
            free: NONE,
            len: 0,
            capacity: capacity.clamp(1, NONE as usize),
            tenure: budget.limit() / 8,
            touched: SmallVec::new(),
            acting: NONE,
            own: 0,
            charge: budget.charge(Account::Objects, 0),
            evictions: 0,
        }
    }

    /// Puts `object` in and says what had to go for it.
    pub(crate) fn insert(&mut self, object: T) -> (Id<T>, Option<T>) {
        let evicted = if self.len >= self.capacity { self.evict() } else { None };
        let index = match self.slot(self.free) {
            Some(free) => {
                let (index, next) = (self.free, free.after);
                self.free = next;
                index
            }
            None => {
                // At most `capacity` slots, which is within u32.
                let index = u32::try_from(self.slots.len()).unwrap_or(NONE);
                self.slots.push(Slot {
                    generation: 0,
                    before: NONE,
                    after: NONE,
                    list: 0,
                    is_touched: false,
                    own: 0,
                    shared: 0,
                    object: None,
                });
                index
            }
        };
        let (keep, weight) = (object.keep(), object.weigh());
        let mut generation = 0;
        if let Some(slot) = self.slot_mut(index) {
            slot.object = Some(Box::new(object));
            generation = slot.generation;
        }
        self.len = self.len.saturating_add(1);
        self.weighs(index, weight);
        match self.has_room(NEWEST, index) {
            true => self.link(index, NEWEST),
            false => self.grow_up(index, keep),
        }
        self.recharge();
        (Id { index, generation, of: PhantomData }, evicted)
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, id: Id<T>) -> Option<T> {
        self.get(id)?;
        let object = self.vacate(id.index);
        self.recharge();
        object
    }

    /// Takes out what is needed least, the oldest of those; never the object of the event at hand.
    pub(crate) fn evict(&mut self) -> Option<T> {
        self.settle();
        let index = self.least().map(|(_, index)| index)?;
        self.evictions = self.evictions.saturating_add(1);
        let object = self.vacate(index);
        self.recharge();
        object
    }

    /// How much the object is needed that would go first.
    pub(crate) fn least_keep(&self) -> Option<Keep> {
        self.least().map(|(list, _)| match list {
            0 => Keep::Dull,
            1 => Keep::Normal,
            _ => Keep::Suspicious,
        })
    }

    fn least(&self) -> Option<(usize, u32)> {
        self.lists.iter().enumerate().find_map(|(at, list)| {
            let oldest = list.oldest;
            let index = if oldest == self.acting { self.slot(oldest)?.after } else { oldest };
            (index != NONE).then_some((at, index))
        })
    }

    /// The object is the one that acts: it becomes the newest of its list, and nothing pushes it out.
    pub(crate) fn acts(&mut self, id: Id<T>) {
        if self.acting == id.index || self.get(id).is_none() {
            return;
        }
        self.acting = id.index;
        let Some(slot) = self.slot(id.index).filter(|slot| !slot.is_touched) else { return };
        let list = usize::from(slot.list);
        if list != NEWEST && self.lists.get(list).is_some_and(|list| list.newest != id.index) {
            self.unlink(id.index);
            self.link(id.index, list);
        }
    }

    /// The object of that id, unless it is gone.
    pub(crate) fn get(&self, id: Id<T>) -> Option<&T> {
        let slot = self.slot(id.index)?;
        slot.object.as_deref().filter(|_| slot.generation == id.generation)
    }

    /// The object of that id, to change it.
    pub(crate) fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        let slot = self.slots.get_mut(usize::try_from(id.index).ok()?)?;
        let object = slot.object.as_deref_mut().filter(|_| slot.generation == id.generation)?;
        if !slot.is_touched {
            slot.is_touched = true;
            self.touched.push(id.index);
        }
        Some(object)
    }

    /// The same, to count something that changes neither how much the object is needed nor what it weighs.
    pub(crate) fn count_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        let slot = self.slots.get_mut(usize::try_from(id.index).ok()?)?;
        slot.object.as_deref_mut().filter(|_| slot.generation == id.generation)
    }

    /// Looks anew at the objects that were lent out: how much they are needed, and what they weigh.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        if !self.touched.is_empty() {
            self.settle_touched();
        }
    }

    fn settle_touched(&mut self) {
        for index in std::mem::take(&mut self.touched) {
            let Some(slot) = self.slot_mut(index).filter(|slot| slot.is_touched) else { continue };
            slot.is_touched = false;
            let Some(object) = slot.object.as_deref() else { continue };
            let (keep, weight) = (object.keep(), object.weigh());
            if usize::from(slot.list) == NEWEST {
                self.reweigh_newest(index, weight);
                continue;
            }
            self.unlink(index);
            self.weighs(index, weight);
            self.link(index, self.list_of(index, keep));
        }
        self.recharge();
    }

    /// The objects in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.slots.iter().zip(0u32..).filter_map(|(slot, index)| {
            let id = Id { index, generation: slot.generation, of: PhantomData };
            slot.object.as_deref().map(|object| (id, object))
        })
    }

    /// How many objects are in.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many had to go for others so far.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// What the objects weigh with all that they share: how much of a sandbox's memory is of this kind. Nothing if none
    /// of them can go.
    pub(crate) fn weight(&self) -> Option<usize> {
        self.least()?;
        Some(self.lists.iter().map(|list| list.weight).fold(0, usize::saturating_add))
    }

    /// The same without the newest and without those that came first, which are given up last.
    pub(crate) fn loose_weight(&self) -> Option<usize> {
        self.least().filter(|(list, _)| *list < NEWEST)?;
        Some(self.lists.iter().take(NEWEST).map(|list| list.weight).fold(0, usize::saturating_add))
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        self.slots.get(usize::try_from(index).ok()?)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    fn vacate(&mut self, index: u32) -> Option<T> {
        self.unlink(index);
        self.weighs(index, Weight::default());
        let free = self.free;
        let slot = self.slot_mut(index)?;
        let object = slot.object.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.after = free;
        slot.list = 0;
        slot.is_touched = false;
        self.free = index;
        self.len = self.len.saturating_sub(1);
        if self.acting == index {
            self.acting = NONE;
        }
        Some(*object)
    }

    /// The object in `index` weighs so much from now on.
    fn weighs(&mut self, index: u32, weight: Weight) {
        let small = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (own, shared) = (small(weight.own), small(weight.shared));
        let Some(slot) = self.slot_mut(index) else { return };
        let old_own = std::mem::replace(&mut slot.own, own) as usize;
        slot.shared = shared;
        self.own = self.own.saturating_add(own as usize).saturating_sub(old_own);
    }

    fn recharge(&mut self) {
        let objects = self.len.saturating_mul(size_of::<T>().saturating_add(PER_ALLOCATION));
        let slots = heap_of::<Slot<T>>(self.slots.capacity());
        self.charge.set(objects.saturating_add(self.own).saturating_add(slots));
    }

    /// The list that the object in `index` belongs to, which is in none now.
    fn list_of(&self, index: u32, keep: Keep) -> usize {
        match keep {
            Keep::Dull => 0,
            Keep::Normal => 1,
            Keep::Suspicious if self.has_room(TENURED, index) => TENURED,
            Keep::Suspicious => 2,
        }
    }

    /// Whether there is room in a list that has only so much for the object in `index`.
    fn has_room(&self, list: usize, index: u32) -> bool {
        let weight = self.weight_of(index);
        self.lists.get(list).is_some_and(|list| {
            list.len < self.capacity / 4 && list.weight.saturating_add(weight) <= self.tenure
        })
    }

    /// Puts a new object in among the newest, where those have no room: the oldest of them are new no more.
    fn grow_up(&mut self, index: u32, keep: Keep) {
        while !self.has_room(NEWEST, index) {
            let Some(oldest) =
                self.lists.get(NEWEST).map(|list| list.oldest).filter(|oldest| *oldest != NONE)
            else {
                // There is no such room at all.
                return self.link(index, self.list_of(index, keep));
            };
            let Some(keep) = self.slot(oldest).and_then(|slot| slot.object.as_deref()).map(Evict::keep)
            else {
                return;
            };
            self.unlink(oldest);
            self.link(oldest, self.list_of(oldest, keep));
        }
        self.link(index, NEWEST);
    }

    /// Makes all that is new old.
    #[cfg(test)]
    pub(crate) fn age(&mut self) {
        while let Some(oldest) =
            self.lists.get(NEWEST).map(|list| list.oldest).filter(|oldest| *oldest != NONE)
        {
            let Some(keep) = self.slot(oldest).and_then(|slot| slot.object.as_deref()).map(Evict::keep)
            else {
                return;
            };
            self.unlink(oldest);
            self.link(oldest, self.list_of(oldest, keep));
        }
    }

    /// One of the newest weighs so much from now on. It stays where it is: its turn comes with its age.
    fn reweigh_newest(&mut self, index: u32, weight: Weight) {
        let before = self.weight_of(index);
        self.weighs(index, weight);
        let after = self.weight_of(index);
        if let Some(list) = self.lists.get_mut(NEWEST) {
            list.weight = list.weight.saturating_add(after).saturating_sub(before);
        }
    }

    fn weight_of(&self, index: u32) -> usize {
        let own = self.slot(index).map_or((0, 0), |slot| (slot.own as usize, slot.shared as usize));
        heap_of::<T>(1).saturating_add(own.0).saturating_add(own.1)
    }

    /// Makes the object in `index` the newest of a list.
    fn link(&mut self, index: u32, list: usize) {
        let weight = self.weight_of(index);
        let Some(ends) = self.lists.get_mut(list) else { return };
        ends.weight = ends.weight.saturating_add(weight);
        let before = std::mem::replace(&mut ends.newest, index);
        if ends.oldest == NONE {
            ends.oldest = index;
        }
        ends.len = ends.len.saturating_add(1);
        if let Some(slot) = self.slot_mut(before) {
            slot.after = index;
        }
        if let Some(slot) = self.slot_mut(index) {
            (slot.before, slot.after) = (before, NONE);
            slot.list = u8::try_from(list).unwrap_or(0);
        }
    }

    fn unlink(&mut self, index: u32) {
        let weight = self.weight_of(index);
        let Some(slot) = self.slot_mut(index) else { return };
        let (before, after, list) = (slot.before, slot.after, usize::from(slot.list));
        if let Some(slot) = self.slot_mut(before) {
            slot.after = after;
        }
        if let Some(slot) = self.slot_mut(after) {
            slot.before = before;
        }
        let Some(ends) = self.lists.get_mut(list) else { return };
        if ends.oldest == index {
            ends.oldest = after;
        }
        if ends.newest == index {
            ends.newest = before;
        }
        ends.len = ends.len.saturating_sub(1);
        ends.weight = ends.weight.saturating_sub(weight);
    }
}

#[cfg(test)]
mod tests;
