//! Bounded storage with ids that cannot be mistaken for another's after their object is gone.
//!
//! When an arena is full, a new object takes the place of the one that is needed least: a hand walks over the slots
//! in their order and picks the lowest [`Keep`] among the next [`SCAN`]. Which object goes depends on nothing but
//! the order of events, so the same trace always loses the same ones.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// Slots that the hand looks at for a victim: enough to find a dull object among suspicious ones, few enough that a
/// flood costs every newcomer the same small price.
const SCAN: usize = 16;

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

/// An object that says how much it is needed.
pub(crate) trait Evict {
    /// How much the object is needed now.
    fn keep(&self) -> Keep;
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

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    object: Option<T>,
}

/// Objects of one kind, at most so many.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    capacity: usize,
    hand: usize,
    evictions: u64,
}

impl<T: Evict> Arena<T> {
    /// Room for `capacity` objects, which is not allocated before it is needed.
    pub(crate) fn new(capacity: usize) -> Self {
        Arena { slots: Vec::new(), free: Vec::new(), capacity: capacity.max(1), hand: 0, evictions: 0 }
    }

    /// Puts `object` in and says what had to go for it.
    pub(crate) fn insert(&mut self, object: T) -> (Id<T>, Option<T>) {
        if let Some(index) = self.free.pop() {
            return self.occupy(index, object);
        }
        if self.slots.len() < self.capacity
            && let Ok(index) = u32::try_from(self.slots.len())
        {
            self.slots.push(Slot { generation: 0, object: None });
            return self.occupy(index, object);
        }
        let victim = self.victim();
        self.evictions = self.evictions.saturating_add(1);
        self.occupy(victim, object)
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, id: Id<T>) -> Option<T> {
        let slot = self.slot_mut(id)?;
        let object = slot.object.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(object)
    }

    /// The object of that id, unless it is gone.
    pub(crate) fn get(&self, id: Id<T>) -> Option<&T> {
        let slot = self.slots.get(usize::try_from(id.index).ok()?)?;
        slot.object.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// The object of that id, to change it.
    pub(crate) fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.slot_mut(id)?.object.as_mut()
    }

    /// The objects in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.slots.iter().zip(0u32..).filter_map(|(slot, index)| {
            let id = Id { index, generation: slot.generation, of: PhantomData };
            slot.object.as_ref().map(|object| (id, object))
        })
    }

    /// How many objects are in.
    pub(crate) fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    /// How many had to go for others so far.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions
    }

    fn slot_mut(&mut self, id: Id<T>) -> Option<&mut Slot<T>> {
        let slot = self.slots.get_mut(usize::try_from(id.index).ok()?)?;
        (slot.generation == id.generation).then_some(slot)
    }

    fn occupy(&mut self, index: u32, object: T) -> (Id<T>, Option<T>) {
        let slot = usize::try_from(index).ok().and_then(|at| self.slots.get_mut(at));
        let Some(slot) = slot else {
            // Indexes come from `slots` itself.
            debug_assert!(false, "a slot that does not exist");
            return (Id { index, generation: u32::MAX, of: PhantomData }, Some(object));
        };
        let evicted = slot.object.replace(object);
        if evicted.is_some() {
            slot.generation = slot.generation.wrapping_add(1);
        }
        (Id { index, generation: slot.generation, of: PhantomData }, evicted)
    }

    fn victim(&mut self) -> u32 {
        let mut best: Option<(Keep, usize)> = None;
        for step in 0..SCAN.min(self.slots.len()) {
            let at = self.hand.saturating_add(step).checked_rem(self.slots.len()).unwrap_or(0);
            let keep =
                self.slots.get(at).and_then(|slot| slot.object.as_ref()).map_or(Keep::Dull, Evict::keep);
            if best.is_none_or(|(least, _)| keep < least) {
                best = Some((keep, at));
            }
        }
        let at = best.map_or(0, |(_, at)| at);
        self.hand = at.saturating_add(1).checked_rem(self.slots.len()).unwrap_or(0);
        u32::try_from(at).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Thing(u32, Keep);
    impl Evict for Thing {
        fn keep(&self) -> Keep {
            self.1
        }
    }

    #[test]
    fn an_id_of_a_removed_object_finds_nothing_even_when_its_slot_is_taken_again() {
        let mut arena = Arena::new(2);
        let (old, _) = arena.insert(Thing(1, Keep::Normal));
        assert_eq!(arena.remove(old), Some(Thing(1, Keep::Normal)));
        let (new, _) = arena.insert(Thing(2, Keep::Normal));
        assert_eq!(arena.get(old), None);
        assert_eq!(arena.get(new), Some(&Thing(2, Keep::Normal)));
        assert_eq!(arena.remove(old), None);
    }

    #[test]
    fn the_dull_go_before_the_suspicious() {
        let mut arena = Arena::new(3);
        let (suspicious, _) = arena.insert(Thing(0, Keep::Suspicious));
        let (dull, _) = arena.insert(Thing(1, Keep::Dull));
        arena.insert(Thing(2, Keep::Normal));
        let (_, evicted) = arena.insert(Thing(3, Keep::Dull));
        assert_eq!(evicted, Some(Thing(1, Keep::Dull)));
        assert_eq!(arena.get(dull), None);
        for number in 4..100 {
            arena.insert(Thing(number, Keep::Dull));
        }
        assert_eq!(arena.get(suspicious), Some(&Thing(0, Keep::Suspicious)));
        assert_eq!((arena.len(), arena.evictions()), (3, 97));
    }
}
