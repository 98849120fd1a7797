//! The matcher: partial matches of rules over the events of one container.
//!
//! Of each rule it keeps partial matches, oldest first. An event extends the *oldest* partial that it fits; one event
//! is one step of a rule at most, and may be a step of many rules. Where no partial takes it and it fits the first
//! step, a new one begins. `within` is event time, and a late event is taken as it comes.
//!
//! Bounds, per rule and container: [`MAX_PARTIALS`] partial matches, [`MAX_COUNTERS`] counters, [`MAX_ONCE`]
//! remembered values of `once`. Who floods the first step cannot push out a partial that is past it: those go last.

mod counter;
mod evidence;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::Time;
use crate::rules::file::Scope;
use crate::state::ProcessSerial;

use super::fields::{OwnedValue, Scene};
use super::ruleset::{MetBy, Needed, Rule, RuleSet, StepIx, StepOrder};

use counter::Counters;
pub use evidence::{Direction, Evidence, Indicator, Object};

/// Partial matches that are kept of a rule in a container (RULES.md, semantics 5).
const MAX_PARTIALS: usize = 64;

/// Counters of a counted step: one for each value that it counts by.
const MAX_COUNTERS: usize = 64;

/// Values of `once` that are remembered: beyond it a rule may match again, which its cap on the score bounds.
const MAX_ONCE: usize = 256;

/// A rule matched.
#[derive(Clone, Debug)]
pub struct Match {
    /// Which rule, by its place in the set.
    pub rule: usize,
    /// When.
    pub time: Time,
    /// What the optional steps that were met add to the rule's weight.
    pub extra_weight: u32,
    /// What it says.
    pub output: String,
    /// Its steps in the order of time.
    pub steps: Vec<Evidence>,
}

/// The partial matches of all rules in one container.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    rules: Vec<RuleState>,
    evicted: u64,
}

#[derive(Debug, Default)]
struct RuleState {
    partials: VecDeque<Partial>,
    counters: Vec<Counters>,
    once: VecDeque<Box<[Option<OwnedValue>]>>,
}

/// Where the steps of a partial match must happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScopeKey {
    Process(ProcessSerial),
    Lineage(u64),
    Container,
}

#[derive(Debug)]
struct Partial {
    scope: ScopeKey,
    started: Time,
    /// A sequence: the steps before this one are met or were passed over. A set: not used.
    next: usize,
    /// A set: the steps that are met.
    met: u64,
    kept: Vec<Option<OwnedValue>>,
    steps: Vec<Evidence>,
    extra_weight: u32,
}

/// A step that an event met, ready to be put into a partial match.
struct Met {
    step: usize,
    evidence: Evidence,
}

impl Matcher {
    /// Takes an event and appends the matches that it completes to `out`.
    pub(crate) fn observe(&mut self, rules: &RuleSet, scene: &Scene<'_>, out: &mut Vec<Match>) {
        if self.rules.len() < rules.rules().len() {
            self.rules.resize_with(rules.rules().len(), RuleState::default);
        }
        let steps = rules.steps_for(scene.event.kind.event_type());
        let mut from = out.len();
        // Steps come grouped by rule.
        for group in steps.chunk_by(|a, b| a.rule == b.rule) {
            let Some(rule) = group.first().and_then(|first| rules.rules.get(first.rule)) else { continue };
            self.offer(rule, group, scene, None, out);
        }
        // Rules that build on rules: a cycle is refused when rules are compiled, so this ends.
        while let Some(matched) = out.get(from) {
            let (index, evidence) = (matched.rule, matched.steps.last().cloned());
            from = from.saturating_add(1);
            for group in rules.steps_after(index).chunk_by(|a, b| a.rule == b.rule) {
                let Some(rule) = group.first().and_then(|first| rules.rules.get(first.rule)) else {
                    continue;
                };
                self.offer(rule, group, scene, evidence.clone(), out);
            }
        }
    }

    /// Partial matches and counters that had to go for others.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Offers an event to one rule. `matched` is the evidence of the match that the event is for `match` steps.
    fn offer(
        &mut self,
        rule: &Rule,
        group: &[StepIx],
        scene: &Scene<'_>,
        matched: Option<Evidence>,
        out: &mut Vec<Match>,
    ) {
        let Some(index) = group.first().map(|first| first.rule) else { return };
        let Some(scope) = scope_of(rule.scope, scene) else { return };
        let Some(state) = self.rules.get_mut(index) else { return };
        let now = scene.observation.time;
        state.partials.retain(|partial| now.since(partial.started) <= rule.within);
        if let Some((until, triggers)) = &rule.until
            && triggers.include(scene.event.kind.event_type())
        {
            state.partials.retain(|partial| partial.scope != scope || !until.holds(scene, &partial.kept));
        }
        let mut steps = group.iter().map(|place| place.step);
        let is_match = matched.is_some();
        let taken = state.partials.iter().enumerate().filter(|(_, partial)| partial.scope == scope).find_map(
            |(at, partial)| {
                let step = steps.clone().find(|step| {
                    partial.wants(rule, *step) && meets(rule, *step, scene, &partial.kept, is_match)
                })?;
                Some((at, step))
            },
        );
        let (mut partial, step) = match taken {
            Some((at, step)) => {
                let Some(partial) = state.partials.remove(at) else { return };
                (partial, step)
            }
            None => {
                let begins =
                    steps.find(|step| begins_with(rule, *step) && meets(rule, *step, scene, &[], is_match));
                let Some(step) = begins else { return };
                (Partial::new(rule, scope, now), step)
            }
        };
        let name = rule.steps.get(step).and_then(|step| step.name.as_ref());
        let evidence = match matched {
            Some(evidence) => Evidence { step: name.cloned(), ..evidence },
            None => match Evidence::of(scene, name, &rule.used) {
                Some(evidence) => evidence,
                None => return,
            },
        };
        let count = rule.steps.get(step).and_then(|step| step.count.as_ref());
        let met = match count {
            None => Some(Met { step, evidence }),
            Some(count) => {
                if state.counters.len() < rule.steps.len() {
                    state.counters.resize_with(rule.steps.len(), Counters::default);
                }
                let counted = state.counters.get_mut(step).and_then(|counters| {
                    counters.count(
                        count,
                        rule.within,
                        scope,
                        scene,
                        &partial.kept,
                        evidence,
                        &mut self.evicted,
                    )
                });
                counted.map(|evidence| Met { step, evidence })
            }
        };
        let Some(met) = met else {
            // A counted step that is not there yet leaves the partial as it was.
            if taken.is_some() {
                let at = taken.map_or(0, |(at, _)| at);
                state.partials.insert(at.min(state.partials.len()), partial);
            }
            return;
        };
        partial.take(rule, met, scene);
        if !partial.is_complete(rule) {
            self.evicted = self.evicted.saturating_add(state.keep(partial, taken.map(|(at, _)| at)));
            return;
        }
        if !rule.once.is_empty() {
            let values = rule
                .once
                .iter()
                .map(|term| term.value(scene, &partial.kept).map(super::fields::Value::into_owned))
                .collect::<Box<[_]>>();
            if state.once.contains(&values) {
                return;
            }
            if state.once.len() >= MAX_ONCE {
                state.once.pop_front();
            }
            state.once.push_back(values);
        }
        let count = partial.steps.last().map_or(1, |evidence| evidence.count);
        let output = rule.output.fill(scene, &partial.kept, count);
        let mut steps = partial.steps;
        steps.sort_by_key(|evidence| evidence.since);
        out.push(Match { rule: index, time: now, extra_weight: partial.extra_weight, output, steps });
    }
}

impl RuleState {
    /// Keeps a partial match at its old place, or at the end. Says how many had to go for it: the oldest of those
    /// that are at their first step, else the oldest of all.
    fn keep(&mut self, partial: Partial, at: Option<usize>) -> u64 {
        match at {
            Some(at) => {
                self.partials.insert(at.min(self.partials.len()), partial);
                0
            }
            None if self.partials.len() < MAX_PARTIALS => {
                self.partials.push_back(partial);
                0
            }
            None => {
                let victim = self.partials.iter().position(|partial| partial.steps.len() <= 1).unwrap_or(0);
                self.partials.remove(victim);
                self.partials.push_back(partial);
                1
            }
        }
    }
}

impl Partial {
    fn new(rule: &Rule, scope: ScopeKey, started: Time) -> Partial {
        Partial {
            scope,
            started,
            next: 0,
            met: 0,
            kept: vec![None; rule.kept.len()],
            steps: Vec::new(),
            extra_weight: 0,
        }
    }

    /// Whether `step` is one that this partial waits for.
    fn wants(&self, rule: &Rule, step: usize) -> bool {
        match rule.order {
            StepOrder::Set => self.met & bit(step) == 0,
            StepOrder::Sequence => {
                step >= self.next
                    && rule
                        .steps
                        .get(self.next..step)
                        .is_some_and(|passed| passed.iter().all(|step| step.needed == Needed::Optional))
            }
        }
    }

    fn take(&mut self, rule: &Rule, met: Met, scene: &Scene<'_>) {
        if self.steps.is_empty() {
            // A counted step began with the first that was counted.
            self.started = met.evidence.since;
        }
        self.next = met.step.saturating_add(1);
        self.met |= bit(met.step);
        if let Some(step) = rule.steps.get(met.step)
            && (step.needed == Needed::Optional)
        {
            self.extra_weight = self.extra_weight.saturating_add(step.weight);
        }
        for (kept, slot) in rule.kept.iter().zip(&mut self.kept) {
            if kept.step == met.step {
                *slot = scene.get(kept.field).map(super::fields::Value::into_owned);
            }
        }
        self.steps.push(met.evidence);
    }

    fn is_complete(&self, rule: &Rule) -> bool {
        match rule.order {
            StepOrder::Set => rule
                .steps
                .iter()
                .enumerate()
                .all(|(at, step)| step.needed == Needed::Optional || self.met & bit(at) != 0),
            StepOrder::Sequence => rule
                .steps
                .get(self.next..)
                .is_some_and(|left| left.iter().all(|step| step.needed == Needed::Optional)),
        }
    }
}

/// Whether a match can begin with `step`: all before it can be passed over, and no partial match consists of optional
/// steps alone.
fn begins_with(rule: &Rule, step: usize) -> bool {
    let is_needed = |step: &super::ruleset::Step| step.needed == Needed::Yes;
    rule.steps.get(step).is_some_and(is_needed)
        && (rule.order == StepOrder::Set
            || rule.steps.get(..step).is_some_and(|passed| !passed.iter().any(is_needed)))
}

/// The bit of a step in a set; rules have at most 64 steps, which is checked when they are loaded.
fn bit(step: usize) -> u64 {
    u32::try_from(step).ok().and_then(|step| 1u64.checked_shl(step)).unwrap_or(0)
}

fn meets(rule: &Rule, step: usize, scene: &Scene<'_>, kept: &[Option<OwnedValue>], is_match: bool) -> bool {
    match rule.steps.get(step).map(|step| &step.met_by) {
        Some(MetBy::Event(condition, _)) => !is_match && condition.holds(scene, kept),
        // Who waits for a match is only asked when there is one.
        Some(MetBy::Match(_)) => is_match,
        None => false,
    }
}

fn scope_of(scope: Scope, scene: &Scene<'_>) -> Option<ScopeKey> {
    match scope {
        Scope::Container => Some(ScopeKey::Container),
        Scope::Process => scene.process().map(|process| ScopeKey::Process(process.serial)),
        Scope::Lineage => scene.process().map(|process| ScopeKey::Lineage(process.lineage.0)),
    }
}

impl Match {
    /// The id of a rule's match, for logs.
    #[must_use]
    pub fn rule_id(&self, rules: &RuleSet) -> Option<Arc<str>> {
        rules.rules().get(self.rule).map(|rule| Arc::clone(&rule.id))
    }
}
