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
//! of suspicious objects pushes out neither what began before it nor the newest of its own.

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
const LISTS: usize = 4;

/// The place in the lists of what is suspicious and came first.
const TENURED: usize = 3;

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
    /// Slots whose objects were lent out since the last look at them.
    touched: SmallVec<[u32; 8]>,
    /// The object of the event at hand, which nothing pushes out.
    acting: u32,
    /// The objects' weights, without the slots.
    own: usize,
    shared: usize,
    charge: Charge,
    evictions: u64,
}

impl<T: Evict> Arena<T> {
    /// Room for `capacity` objects, which is not allocated before it is needed.
    pub(crate) fn new(capacity: usize, budget: &Budget) -> Self {
        Arena {
            slots: Vec::new(),
            lists: [List { oldest: NONE, newest: NONE, len: 0 }; LISTS],
            free: NONE,
            len: 0,
            capacity: capacity.clamp(1, NONE as usize),
            touched: SmallVec::new(),
            acting: NONE,
            own: 0,
            shared: 0,
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
        self.link(index, self.list_of(index, keep));
        self.weighs(index, weight);
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
        if self.lists.get(list).is_some_and(|list| list.newest != id.index) {
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
            self.unlink(index);
            self.link(index, self.list_of(index, keep));
            self.weighs(index, weight);
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

    /// What the objects weigh with all that they share: how much of a sandbox's memory is of this kind.
    pub(crate) fn weight(&self) -> usize {
        let objects = self.len.saturating_mul(heap_of::<T>(1));
        objects.saturating_add(self.own).saturating_add(self.shared)
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
        let old_shared = std::mem::replace(&mut slot.shared, shared) as usize;
        self.own = self.own.saturating_add(own as usize).saturating_sub(old_own);
        self.shared = self.shared.saturating_add(shared as usize).saturating_sub(old_shared);
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
            Keep::Suspicious => {
                let tenured = self.lists.get(TENURED).map_or(0, |list| list.len);
                let was_tenured = self.slot(index).is_some_and(|slot| usize::from(slot.list) == TENURED);
                if was_tenured || tenured < self.capacity / 4 { TENURED } else { TENURED - 1 }
            }
        }
    }

    /// Makes the object in `index` the newest of a list.
    fn link(&mut self, index: u32, list: usize) {
        let Some(ends) = self.lists.get_mut(list) else { return };
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
    }
}

#[cfg(test)]
mod tests;
