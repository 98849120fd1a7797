//! Which steps can be met by an event: a plan for each event type, by the steps' gates.
//!
//! A plan looks each field that gates name up once, in one table for all steps; the steps that are found, and those that
//! no table can find, are then asked for what else must hold, and what several ask is answered once. So the cost grows
//! with the fields that are named and with what an event finds, not with the number of rules.

mod index;

use std::sync::Arc;

use crate::hash::Map;

use super::compile::{ConjunctKey, Gate, Key, Opening, Predicate};
use super::fields::Scene;
use super::ruleset::StepIx;
use index::{FieldIndex, IndexBuilder};

/// The steps that look at events of one type.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    entries: Box<[Entry]>,
    indexes: Box<[FieldIndex]>,
    /// Entries that no table finds, by the first conjunct that they ask.
    tested: Box<[(usize, Box<[usize]>)]>,
    /// Entries that ask for nothing.
    open: Box<[usize]>,
    conjuncts: Box<[Arc<Predicate>]>,
}

/// A step, with what must hold for it beside what found it, by place among the conjuncts.
#[derive(Debug)]
struct Entry {
    step: StepIx,
    rest: Box<[usize]>,
}

/// What is known of the event at hand. Kept from event to event so that none allocates; stamps tell what is old.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// INVARIANT: greater than any stamp of earlier events.
    now: u64,
    /// By entry: the event that it was last looked at for.
    looked: Vec<u64>,
    /// By conjunct: the event that it was last asked for, and the answer.
    asked: Vec<(u64, bool)>,
    /// The steps that the event can meet, in the order of rules and steps.
    pub(crate) steps: Vec<StepIx>,
}

impl Scratch {
    /// The bytes that it allocated.
    pub(crate) fn heap(&self) -> usize {
        let looked = self.looked.capacity().saturating_mul(size_of::<u64>());
        let asked = self.asked.capacity().saturating_mul(size_of::<(u64, bool)>());
        let steps = self.steps.capacity().saturating_mul(size_of::<StepIx>());
        looked.saturating_add(asked).saturating_add(steps)
    }

    fn begin(&mut self, plan: &Plan) {
        self.now = self.now.saturating_add(1);
        self.steps.clear();
        if self.looked.len() < plan.entries.len() {
            self.looked.resize(plan.entries.len(), 0);
        }
        if self.asked.len() < plan.conjuncts.len() {
            self.asked.resize(plan.conjuncts.len(), (0, false));
        }
    }
}

impl Plan {
    /// The plan for these steps, given in their order.
    pub(crate) fn new<'g>(steps: impl IntoIterator<Item = (StepIx, &'g Gate)>) -> Plan {
        let mut entries: Vec<Entry> = Vec::new();
        let mut conjuncts: Vec<Arc<Predicate>> = Vec::new();
        let mut places: Map<ConjunctKey, usize> = Map::default();
        let mut indexes: Vec<IndexBuilder> = Vec::new();
        let mut tested: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut groups: Map<usize, usize> = Map::default();
        let mut open: Vec<usize> = Vec::new();
        for (step, gate) in steps {
            let entry = entries.len();
            let mut place = |conjunct: &super::compile::Conjunct| match places.get(&conjunct.key) {
                Some(place) => *place,
                None => {
                    conjuncts.push(Arc::clone(&conjunct.predicate));
                    let place = conjuncts.len().saturating_sub(1);
                    places.insert(conjunct.key, place);
                    place
                }
            };
            let mut rest: Vec<usize> = gate.rest.iter().map(&mut place).collect();
            match &gate.opening {
                Opening::Never => continue,
                Opening::Keys(keys) => {
                    for Key { field, is } in keys.iter() {
                        let at = match indexes.iter().position(|index| index.field == *field) {
                            Some(at) => at,
                            None => {
                                indexes.push(IndexBuilder::new(*field));
                                indexes.len().saturating_sub(1)
                            }
                        };
                        if let Some(index) = indexes.get_mut(at) {
                            index.add(is, entry);
                        }
                    }
                }
                Opening::Always if rest.is_empty() => open.push(entry),
                Opening::Always => {
                    let first = rest.remove(0);
                    let group = match groups.get(&first) {
                        Some(group) => *group,
                        None => {
                            tested.push((first, Vec::new()));
                            let group = tested.len().saturating_sub(1);
                            groups.insert(first, group);
                            group
                        }
                    };
                    if let Some((_, entries)) = tested.get_mut(group) {
                        entries.push(entry);
                    }
                }
            }
            entries.push(Entry { step, rest: rest.into() });
        }
        Plan {
            entries: entries.into(),
            indexes: indexes.into_iter().map(IndexBuilder::finish).collect(),
            tested: tested.into_iter().map(|(first, entries)| (first, entries.into())).collect(),
            open: open.into(),
            conjuncts: conjuncts.into(),
        }
    }

    /// Puts the steps that an event can meet into the scratch, in the order of rules and steps.
    pub(crate) fn candidates(&self, scene: &Scene<'_>, scratch: &mut Scratch) {
        scratch.begin(self);
        for index in &self.indexes {
            index.find(scene, &mut |entries| {
                for entry in entries {
                    self.look(*entry, scene, scratch);
                }
            });
        }
        for (first, entries) in &self.tested {
            if self.holds(*first, scene, scratch) {
                for entry in entries {
                    self.look(*entry, scene, scratch);
                }
            }
        }
        for entry in &self.open {
            self.look(*entry, scene, scratch);
        }
        if scratch.steps.len() > 1 {
            scratch.steps.sort_unstable();
        }
    }

    /// Takes an entry that was found, if all holds that it asks for.
    fn look(&self, at: usize, scene: &Scene<'_>, scratch: &mut Scratch) {
        let Some(entry) = self.entries.get(at) else { return };
        match scratch.looked.get_mut(at) {
            Some(looked) if *looked < scratch.now => *looked = scratch.now,
            // Found before, by another key.
            Some(_) | None => return,
        }
        if entry.rest.iter().all(|conjunct| self.holds(*conjunct, scene, scratch)) {
            scratch.steps.push(entry.step);
        }
    }

    /// Whether a conjunct holds; asked at most once an event.
    fn holds(&self, at: usize, scene: &Scene<'_>, scratch: &mut Scratch) -> bool {
        let now = scratch.now;
        let Some((asked, holds)) = scratch.asked.get_mut(at) else { return false };
        if *asked < now {
            *asked = now;
            *holds = self.conjuncts.get(at).is_some_and(|predicate| predicate.holds(scene, &[]));
        }
        *holds
    }
}
