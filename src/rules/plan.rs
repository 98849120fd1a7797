//! Which steps are to be asked about an event: a plan for each event type, by the steps' gates.
//!
//! Cost: a look-up for each field that some gate compares with texts, and a test for each different gate of another
//! kind, however many steps there are behind it.

use std::sync::Arc;

use crate::hash::Map;

use super::compile::{Gate, GateKey, Predicate};
use super::fields::{FieldRef, Scene, Value};
use super::ruleset::StepIx;

/// The steps that look at events of one type.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    by_text: Vec<TextGates>,
    tested: Vec<(Arc<Predicate>, Vec<StepIx>)>,
    /// Steps without a gate.
    open: Vec<StepIx>,
    /// The places of gates in `tested`. Only while the plan is made.
    places: Map<GateKey, usize>,
}

/// The steps that look at one field, by the texts that it must be.
#[derive(Debug)]
struct TextGates {
    field: FieldRef,
    steps: Map<Box<[u8]>, Vec<StepIx>>,
}

impl Plan {
    /// Adds a step.
    pub(crate) fn add(&mut self, step: StepIx, gate: Option<&Gate>) {
        match gate {
            None => self.open.push(step),
            Some(Gate::Holds(key, predicate)) => {
                let place = match self.places.get(key) {
                    Some(place) => *place,
                    None => {
                        self.tested.push((Arc::clone(predicate), Vec::new()));
                        let place = self.tested.len().saturating_sub(1);
                        self.places.insert(*key, place);
                        place
                    }
                };
                if let Some((_, steps)) = self.tested.get_mut(place) {
                    steps.push(step);
                }
            }
            Some(Gate::OneOf(field, texts)) => {
                let at = match self.by_text.iter().position(|gates| gates.field == *field) {
                    Some(at) => at,
                    None => {
                        self.by_text.push(TextGates { field: *field, steps: Map::default() });
                        self.by_text.len().saturating_sub(1)
                    }
                };
                let Some(gates) = self.by_text.get_mut(at) else { return };
                for text in texts.iter() {
                    match gates.steps.get_mut(text) {
                        // The same text twice in one gate.
                        Some(steps) if steps.last() == Some(&step) => {}
                        Some(steps) => steps.push(step),
                        None => {
                            gates.steps.insert(text.clone(), vec![step]);
                        }
                    }
                }
            }
        }
    }

    /// Forgets what only the making needed.
    pub(crate) fn finish(&mut self) {
        self.places = Map::default();
    }

    /// Appends the steps whose gates are open, in no order.
    pub(crate) fn candidates(&self, scene: &Scene<'_>, out: &mut Vec<StepIx>) {
        for gates in &self.by_text {
            let Some(value) = scene.get(gates.field) else { continue };
            let mut look = |text: &[u8]| {
                if let Some(steps) = gates.steps.get(text) {
                    out.extend_from_slice(steps);
                }
            };
            if let Value::Texts(texts) = &value {
                texts.iter().for_each(|text| look(text));
            } else if let Some(text) = value.as_bytes() {
                look(text);
            }
        }
        for (predicate, steps) in &self.tested {
            if predicate.holds(scene, &[]) {
                out.extend_from_slice(steps);
            }
        }
        out.extend_from_slice(&self.open);
    }
}
