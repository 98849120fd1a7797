use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq)]
struct Thing(u32, Keep);
impl Evict for Thing {
    fn keep(&self) -> Keep {
        self.1
    }
    fn weigh(&self) -> Weight {
        Weight { own: 100, shared: 0 }
    }
}

fn arena(capacity: usize) -> Arena<Thing> {
    Arena::new(capacity, &Budget::default())
}

#[test]
fn an_id_of_a_removed_object_finds_nothing_even_when_its_slot_is_taken_again() {
    let mut arena = arena(2);
    let (old, _) = arena.insert(Thing(1, Keep::Normal));
    assert_eq!(arena.remove(old), Some(Thing(1, Keep::Normal)));
    let (new, _) = arena.insert(Thing(2, Keep::Normal));
    assert_eq!(arena.get(old), None);
    assert_eq!(arena.get(new), Some(&Thing(2, Keep::Normal)));
    assert_eq!(arena.remove(old), None);
}

#[test]
fn the_dull_go_before_the_suspicious() {
    let mut arena = arena(3);
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

#[test]
fn a_flood_of_the_suspicious_leaves_what_came_before_it_and_its_newest() {
    let mut arena = arena(8);
    let first: Vec<_> = (0..2).map(|number| arena.insert(Thing(number, Keep::Suspicious)).0).collect();
    let flood: Vec<_> = (2..100).map(|number| arena.insert(Thing(number, Keep::Suspicious)).0).collect();
    assert!(first.iter().all(|id| arena.get(*id).is_some()));
    assert!(flood[flood.len() - 6..].iter().all(|id| arena.get(*id).is_some()));
}

#[test]
fn whoever_acts_is_not_pushed_out_by_what_it_makes() {
    let mut arena = arena(2);
    let (acting, _) = arena.insert(Thing(0, Keep::Dull));
    arena.insert(Thing(1, Keep::Suspicious));
    arena.acts(acting);
    let (_, evicted) = arena.insert(Thing(2, Keep::Normal));
    assert_eq!(evicted, Some(Thing(1, Keep::Suspicious)));
    assert!(arena.get(acting).is_some());
}

#[test]
fn an_object_weighs_what_it_weighed_when_it_was_last_changed() {
    let budget = Budget::default();
    let mut arena = Arena::new(8, &budget);
    let (id, _) = arena.insert(Thing(0, Keep::Normal));
    let with_one = budget.used();
    assert!(with_one >= 100 + size_of::<Thing>());
    arena.remove(id);
    assert_eq!(budget.used(), with_one - 100 - size_of::<Thing>() - PER_ALLOCATION);
    drop(arena);
    assert_eq!(budget.used(), 0);
}

/// The policy as one would write it down: everything in a list, all of which is looked at each time.
#[derive(Debug, Default)]
struct Model {
    /// In the order of age.
    objects: Vec<Known>,
    acting: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    number: u32,
    list: usize,
    keep: Keep,
}

impl Model {
    fn held(&self, list: usize) -> usize {
        self.objects.iter().filter(|known| known.list == list).count()
    }

    fn list(&self, keep: Keep, capacity: usize) -> usize {
        match keep {
            Keep::Dull => 0,
            Keep::Normal => 1,
            Keep::Suspicious if self.held(TENURED) < capacity / 4 => TENURED,
            Keep::Suspicious => 2,
        }
    }

    fn insert(&mut self, number: u32, keep: Keep, capacity: usize) {
        if capacity / 4 == 0 {
            let list = self.list(keep, capacity);
            self.objects.push(Known { number, list, keep });
            return;
        }
        while self.held(NEWEST) >= capacity / 4 {
            let at = self.objects.iter().position(|known| known.list == NEWEST).unwrap();
            let oldest = self.objects.remove(at);
            let list = self.list(oldest.keep, capacity);
            self.objects.push(Known { list, ..oldest });
        }
        self.objects.push(Known { number, list: NEWEST, keep });
    }

    fn renew(&mut self, number: u32, keep: Keep, capacity: usize) {
        let Some(at) = self.objects.iter().position(|known| known.number == number) else { return };
        if self.objects[at].list == NEWEST {
            self.objects[at].keep = keep;
            return;
        }
        self.objects.remove(at);
        let list = self.list(keep, capacity);
        self.objects.push(Known { number, list, keep });
    }

    fn move_to_newest(&mut self, number: u32) {
        let movable = |known: &Known| known.number == number && known.list != NEWEST;
        if let Some(at) = self.objects.iter().position(movable) {
            let object = self.objects.remove(at);
            self.objects.push(object);
        }
    }

    fn evict(&mut self) -> Option<u32> {
        let acting = self.acting;
        let can_go = |known: &&Known| Some(known.number) != acting;
        let least = self.objects.iter().filter(can_go).map(|known| known.list).min()?;
        let at = self.objects.iter().position(|known| known.list == least && can_go(&known))?;
        Some(self.objects.remove(at).number)
    }
}

#[derive(Clone, Debug)]
enum Op {
    Insert(Keep),
    Change(prop::sample::Index, Keep),
    Remove(prop::sample::Index),
    Act(prop::sample::Index),
    Evict,
}

fn op() -> impl Strategy<Value = Op> {
    let keep = || prop_oneof![Just(Keep::Dull), Just(Keep::Normal), Just(Keep::Suspicious)];
    prop_oneof![
        5 => keep().prop_map(Op::Insert),
        3 => (any::<prop::sample::Index>(), keep()).prop_map(|(at, keep)| Op::Change(at, keep)),
        1 => any::<prop::sample::Index>().prop_map(Op::Remove),
        1 => any::<prop::sample::Index>().prop_map(Op::Act),
        1 => Just(Op::Evict),
    ]
}

proptest! {
    /// Against the model: the same objects go, in the same order, and what is charged is what is there.
    #[test]
    fn evicts_as_the_policy_says(capacity in 1usize..20, ops in prop::collection::vec(op(), 0..200)) {
        let budget = Budget::default();
        let (mut arena, mut model) = (Arena::new(capacity, &budget), Model::default());
        let mut ids: Vec<(u32, Id<Thing>)> = Vec::new();
        for (number, op) in (0u32..).zip(ops) {
            match op {
                Op::Insert(keep) => {
                    let full = model.objects.len() >= capacity;
                    let expected = if full { model.evict() } else { None };
                    // Where the one that acts fills the arena alone, it stays beside the new one.
                    let (id, evicted) = arena.insert(Thing(number, keep));
                    prop_assert_eq!(evicted.map(|thing| thing.0), expected);
                    model.insert(number, keep, capacity);
                    ids.push((number, id));
                }
                Op::Change(at, keep) if !ids.is_empty() => {
                    let (number, id) = *at.get(&ids);
                    if let Some(thing) = arena.get_mut(id) {
                        thing.1 = keep;
                        model.renew(number, keep, capacity);
                    }
                    arena.settle();
                }
                Op::Remove(at) if !ids.is_empty() => {
                    let (number, id) = *at.get(&ids);
                    let known = model.objects.iter().position(|known| known.number == number);
                    prop_assert_eq!(arena.remove(id).map(|thing| thing.0), known.map(|_| number));
                    if let Some(known) = known {
                        model.objects.remove(known);
                        model.acting = model.acting.filter(|acting| *acting != number);
                    }
                }
                Op::Act(at) if !ids.is_empty() => {
                    let (number, id) = *at.get(&ids);
                    let is_there = arena.get(id).is_some();
                    arena.acts(id);
                    if is_there
                        && model.acting.replace(number) != Some(number)
                    {
                        model.move_to_newest(number);
                    }
                }
                Op::Evict => {
                    prop_assert_eq!(arena.evict().map(|thing| thing.0), model.evict());
                }
                Op::Change(..) | Op::Remove(_) | Op::Act(_) => {}
            }
            prop_assert_eq!(arena.len(), model.objects.len());
            prop_assert_eq!(arena.own, arena.len().saturating_mul(100));
            for (number, id) in &ids {
                let known = model.objects.iter().any(|known| known.number == *number);
                prop_assert_eq!(arena.get(*id).is_some(), known);
            }
        }
        drop(arena);
        prop_assert_eq!(budget.used(), 0);
    }
}
