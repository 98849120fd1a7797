//! The matcher: partial matches of rules over the events of one container.
//!
//! Of each rule it keeps partial matches, oldest first. An event extends the *oldest* partial that it fits; one event
//! is one step of a rule at most, and may be a step of many rules; a match of another rule is not the event that
//! completed it. Where no partial takes it and it fits the first step, a new one begins; in a set, a step that is met
//! already is met anew instead, so that a step that repeats itself keeps one partial fresh.
//!
//! `within` is event time, both ways: a late event is taken as it comes, unless it comes from before the window.
//! Order within [`TOLERANCE`] is not trusted: an event that meets a step before its turn is remembered for so long.
//! That holds for two steps beside each other, if the later one asks for nothing that the earlier one had and is not
//! counted. What the output then tells of "the event" is what came last.
//!
//! Bounds, per rule and container: [`MAX_PARTIALS`] partial matches, [`MAX_COUNTERS`] counters, [`MAX_ONCE`]
//! remembered values of `once`, [`MAX_EARLY`] events before their turn. Who floods the first step cannot push out a
//! partial that is past it, and a quarter of the places is held by those that came first: those go last. In bytes, all of it together stays within its share of the sandbox's budget:
//! beyond it the rule that holds most gives up what it needs least.

mod absence;
mod counter;
mod evidence;
mod journal;
mod partial;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::event::{Nanos, Time};
use crate::rules::file::Scope;
use crate::state::{Account, Budget, Charge, ProcessSerial, heap_of};

use super::fields::{OwnedValue, Scene};
use super::plan::Scratch;
use super::ruleset::{MetBy, Rule, RuleSet, StepIx, StepOrder};

pub(crate) use evidence::{Direction, Evidence, Held, Object};
pub(crate) use journal::{Note, Serial};
pub(crate) use partial::Met;
use partial::{Early, Partial, RuleState, is_absent};

/// Partial matches that are kept of a rule in a container (RULES.md, semantics 5).
const MAX_PARTIALS: usize = 64;

/// Counters of a counted step: one for each value that it counts by.
const MAX_COUNTERS: usize = 64;

/// Partial matches and counters that came first and go last, so that a flood of those that are as far pushes out
/// neither what began before it nor the newest of its own.
const FIRST_PARTIALS: usize = MAX_PARTIALS / 4;
const FIRST_COUNTERS: usize = MAX_COUNTERS / 4;

/// Values of `once` that are remembered: beyond it a rule may match again, which its cap on the score bounds.
const MAX_ONCE: usize = 256;

/// Events of different threads that are closer together may come in either order (RULES.md, semantics 2).
const TOLERANCE: Nanos = Nanos::from_millis(50);

/// Events that met a step before its turn and are remembered for [`TOLERANCE`]. Few are enough: of each step and scope
/// only the newest is kept.
const MAX_EARLY: usize = 16;

/// A rule matched.
#[derive(Clone, Debug)]
pub(crate) struct Match {
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
    /// What it costs, once it is kept.
    pub held: Held,
}

/// The partial matches of all rules in one container.
#[derive(Debug)]
pub(crate) struct Matcher {
    rules: Vec<RuleState>,
    budget: Budget,
    /// The list of rules itself.
    charge: Charge,
    /// Whether the last event left something behind that waits for its sequel.
    waits: bool,
    /// What had to go and was not told to the budget yet.
    evicted: u64,
    /// What is known of the event at hand; kept so that an event allocates nothing.
    scratch: Scratch,
    /// When the first wait for an absence is over, or earlier.
    next_due: Option<Time>,
}

/// Where the steps of a partial match must happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScopeKey {
    Process(ProcessSerial),
    Lineage(u64),
    Container,
}

impl Matcher {
    /// No partial match yet.
    pub(crate) fn new(budget: &Budget) -> Matcher {
        let charge = budget.charge(Account::Evidence, 0);
        Matcher {
            rules: Vec::new(),
            budget: budget.clone(),
            charge,
            waits: false,
            evicted: 0,
            scratch: Scratch::default(),
            next_due: None,
        }
    }

    /// Takes an event and appends the matches that it completes to `out`.
    pub(crate) fn observe(&mut self, rules: &RuleSet, scene: &Scene<'_>, out: &mut Vec<Match>) {
        if self.rules.len() < rules.rules().len() {
            self.rules.resize_with(rules.rules().len(), RuleState::default);
            self.charge_lists();
        }
        let event = scene.event.kind.event_type();
        for index in rules.voided_by(event) {
            let rule = rules.rules.get(*index);
            if let (Some(rule), Some(state)) = (rule, self.rules.get_mut(*index)) {
                state.void(rule, scene);
            }
        }
        rules.find_steps(event, scene, &mut self.scratch);
        self.offer_found(rules, scene, out);
    }

    /// Takes an event again of which the lists say something else than they did in `before`: only steps are met that it
    /// did not meet then.
    pub(crate) fn observe_again(
        &mut self,
        rules: &RuleSet,
        before: &Scene<'_>,
        scene: &Scene<'_>,
        out: &mut Vec<Match>,
    ) {
        if self.rules.len() < rules.rules().len() {
            self.rules.resize_with(rules.rules().len(), RuleState::default);
            self.charge_lists();
        }
        rules.find_steps(scene.event.kind.event_type(), scene, &mut self.scratch);
        self.scratch.steps.retain(|place| {
            let step = rules.rules.get(place.rule).and_then(|rule| rule.steps.get(place.step));
            match step.map(|step| &step.met_by) {
                Some(MetBy::Event(condition, _)) => {
                    condition.holds(scene, &[]) && !condition.holds(before, &[])
                }
                Some(MetBy::Match(_)) | None => false,
            }
        });
        self.offer_found(rules, scene, out);
    }

    /// Offers an event to the steps that were found for it.
    fn offer_found(&mut self, rules: &RuleSet, scene: &Scene<'_>, out: &mut Vec<Match>) {
        if self.scratch.steps.is_empty() {
            return;
        }
        let candidates = std::mem::take(&mut self.scratch.steps);
        let from = out.len();
        // Steps come grouped by rule.
        for group in candidates.chunk_by(|a, b| a.rule == b.rule) {
            let Some(rule) = group.first().and_then(|first| rules.rules.get(first.rule)) else { continue };
            self.offer(rule, group, scene, None, out);
        }
        self.scratch.steps = candidates;
        self.cascade(rules, scene, from, out);
    }

    /// Offers the matches from `from` on to the rules that wait for them.
    fn cascade(&mut self, rules: &RuleSet, scene: &Scene<'_>, from: usize, out: &mut Vec<Match>) {
        let mut from = from;
        // A cycle is refused when rules are compiled, so this ends.
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
        if self.evicted > 0 {
            self.budget.forgot_evidence(std::mem::take(&mut self.evicted));
        }
    }

    /// Keeps notes of what becomes of the partial matches of a rule.
    pub(crate) fn watch(&mut self, rules: &RuleSet, rule: usize) {
        if self.rules.len() < rules.rules().len() {
            self.rules.resize_with(rules.rules().len(), RuleState::default);
            self.charge_lists();
        }
        if let Some(state) = self.rules.get_mut(rule) {
            state.journal.open();
        }
    }

    /// What was noted of a rule since the last time.
    pub(crate) fn take_notes(&mut self, rule: usize) -> Vec<Note> {
        self.rules.get_mut(rule).map(|state| state.journal.take()).unwrap_or_default()
    }

    /// What was kept of its earlier steps by whoever waits for the event to meet a step of a rule: the oldest partial
    /// match of its scope, or the beginning of a new one. Nothing if no match can use it now.
    pub(crate) fn waiting(
        &self,
        rules: &RuleSet,
        StepIx { rule: index, step }: StepIx,
        scene: &Scene<'_>,
    ) -> Option<&[Option<OwnedValue>]> {
        let rule = rules.rules.get(index)?;
        let scope = scope_of(rule.scope, scene)?;
        let state = self.rules.get(index)?;
        let open = state.waiting_for(rule, step, scope, scene.observation.time);
        match open {
            Some(partial) => Some(&partial.kept),
            None => partial::begins_with(rule, step).then_some(&[]),
        }
    }

    /// Forgets until evidence is well within its share again, so that this need not be done at every event.
    fn make_room(&mut self) {
        if self.budget.evidence_over() == 0 {
            return;
        }
        let goal = self.budget.evidence_share().saturating_sub(self.budget.evidence_share() / 8);
        let mut held: Vec<usize> = self.rules.iter().map(RuleState::bytes).collect();
        while self.budget.evidence() > goal {
            let most = held.iter().enumerate().rev().max_by_key(|(_, bytes)| **bytes).map(|(rule, _)| rule);
            let Some((rule, bytes)) =
                most.and_then(|most| Some((self.rules.get_mut(most)?, held.get_mut(most)?)))
            else {
                return;
            };
            if !rule.forget_one() {
                return;
            }
            self.evicted = self.evicted.saturating_add(1);
            *bytes = rule.bytes();
        }
    }

    /// The partial matches: of which rule, and the steps that are met.
    pub(crate) fn partials(&self) -> impl Iterator<Item = (usize, &[Met])> {
        let rules = self.rules.iter().enumerate();
        rules.flat_map(|(rule, state)| state.partials.iter().map(move |partial| (rule, &*partial.steps)))
    }

    /// Whether something waits for the sequel of the events since this was last asked.
    pub(crate) fn waits_for_more(&mut self) -> bool {
        std::mem::take(&mut self.waits)
    }

    /// Keeps the partial matches of rules that are unchanged, by where they are now, and drops the rest.
    pub(crate) fn moved(&mut self, places: &[Option<usize>], rules: &RuleSet) {
        let old = std::mem::take(&mut self.rules);
        self.rules.resize_with(rules.rules().len(), RuleState::default);
        for (state, place) in old.into_iter().zip(places) {
            if let Some(slot) = place.and_then(|place| self.rules.get_mut(place)) {
                *slot = state;
            }
        }
        self.charge_lists();
    }

    fn charge_lists(&mut self) {
        let candidates = self.scratch.heap();
        self.charge.set(heap_of::<RuleState>(self.rules.capacity()).saturating_add(candidates));
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
        state.expire(rule, now);
        let is_match = matched.is_some();
        let has_absent = rule.steps.iter().any(|step| step.absent_for.is_some());
        if has_absent {
            state.broken_by(rule, group, scope, scene, is_match);
        }
        let steps = || group.iter().map(|place| place.step).filter(|step| !is_absent(rule, *step));
        let meets = |step: usize, kept: &[_]| meets(rule, step, scene, kept, is_match);
        let open = || {
            let partials = state.partials.iter().enumerate();
            partials.filter(|(_, partial)| partial.scope == scope && partial.is_near(rule, now))
        };
        let extends = || {
            open().find_map(|(at, partial)| {
                let step = steps().find(|step| partial.wants(rule, *step) && meets(*step, &partial.kept))?;
                Some((Some(at), step))
            })
        };
        let renews = || {
            let mut open = open().filter(|_| rule.order == StepOrder::Set);
            open.find_map(|(at, partial)| {
                let step = steps().find(|step| {
                    partial.has(*step)
                        && partial.would_keep(rule, *step, scene)
                        && meets(*step, &partial.kept)
                })?;
                Some((Some(at), step))
            })
        };
        let begins = || {
            let step = steps().find(|step| partial::begins_with(rule, *step) && meets(*step, &[]))?;
            Some((None, step))
        };
        let is_early = || {
            let swaps = |step: usize| rule.steps.get(step).is_some_and(|step| step.swaps);
            steps().find(|step| swaps(*step) && meets(*step, &[]))
        };
        let place = extends().or_else(renews).or_else(begins);
        let step = place.map(|(_, step)| step).or_else(is_early);
        if let Some(step) = step {
            self.take(
                rule,
                StepIx { rule: index, step },
                place.map(|(at, _)| at),
                scope,
                scene,
                matched,
                out,
            );
        }
        if has_absent && let Some(state) = self.rules.get_mut(index) {
            state.remember_presence(rule, group, scope, scene, is_match);
        }
    }

    /// Takes an event as a step of a partial match: of the one at `place`, of a new one where that has no place, and
    /// before its turn where there is none at all.
    #[expect(clippy::too_many_arguments, reason = "the call is one, and each argument is another thing")]
    fn take(
        &mut self,
        rule: &Rule,
        StepIx { rule: index, step }: StepIx,
        place: Option<Option<usize>>,
        scope: ScopeKey,
        scene: &Scene<'_>,
        matched: Option<Evidence>,
        out: &mut Vec<Match>,
    ) {
        let name = rule.steps.get(step).and_then(|step| step.name.as_ref());
        let evidence = match matched {
            Some(evidence) => Evidence { step: name.cloned(), ..evidence },
            None => match Evidence::of(scene, name, &rule.used) {
                Some(evidence) => evidence,
                None => return,
            },
        };
        let Some(state) = self.rules.get_mut(index) else { return };
        let Some(at) = place else {
            let kept = partial::kept_of(rule, step, scene);
            state.journal.note(|| Note::Early { step });
            let early = Early::new(scope, Met { step, evidence }, kept, &self.budget);
            self.waits = true;
            self.evicted = self.evicted.saturating_add(state.remember(early));
            self.make_room();
            return;
        };
        let counted = state.count(rule, step, at, scope, scene, evidence, &self.budget, &mut self.evicted);
        let Some(evidence) = counted else {
            // A counted step that is not there yet leaves the partial as it was.
            self.waits = true;
            self.make_room();
            return;
        };
        let mut partial = match at.and_then(|at| state.partials.remove(at)) {
            Some(partial) => partial,
            None => state.begin(rule, scope),
        };
        state.journal.note(|| Note::Took { partial: partial.serial, step });
        let time = evidence.time;
        partial.take(Met { step, evidence }, &partial::kept_of(rule, step, scene));
        if let Some(Early { met, kept, .. }) = state.early_for(rule, &partial, time) {
            state.journal.note(|| Note::TookEarly { partial: partial.serial, step: met.step });
            partial.take(met, &kept);
        }
        self.settle(rule, index, partial, at, scene, out);
    }

    /// Keeps a partial match that took a step, or makes a match of it.
    fn settle(
        &mut self,
        rule: &Rule,
        index: usize,
        mut partial: Partial,
        at: Option<usize>,
        scene: &Scene<'_>,
        out: &mut Vec<Match>,
    ) {
        let Some(state) = self.rules.get_mut(index) else { return };
        if !partial.is_complete(rule) {
            let wait = partial.waits(rule);
            if wait.is_some() {
                if state.was_present(rule, &partial, scene) {
                    state.journal.note(|| Note::Broken { partial: partial.serial });
                    return;
                }
                partial.about = Some(scene.observation.clone());
            }
            self.evicted = self.evicted.saturating_add(state.keep(partial, at, &self.budget));
            self.waits = true;
            self.note_due(wait);
            self.make_room();
            return;
        }
        if state.matched_before(rule, scene, &partial.kept, &self.budget) {
            state.journal.note(|| Note::Suppressed { partial: partial.serial });
            return;
        }
        let count = partial.steps.last().map_or(1, |met| met.evidence.count);
        let output = rule.output.fill(scene, &partial.kept, count);
        state.journal.note(|| Note::Matched { partial: partial.serial, output: output.clone() });
        let extra_weight = partial.extra_weight(rule);
        let mut steps: Vec<Evidence> = partial.steps.into_iter().map(|met| met.evidence).collect();
        steps.sort_by_key(|evidence| evidence.since);
        let held = Held::default();
        out.push(Match { rule: index, time: scene.observation.time, extra_weight, output, steps, held });
        self.make_room();
    }
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
    /// Charges what the match holds from now on.
    pub(crate) fn hold(&mut self, budget: &Budget) {
        let own = size_of::<Match>()
            .saturating_add(heap_of::<u8>(self.output.capacity()))
            .saturating_add(heap_of::<Evidence>(self.steps.capacity()));
        self.held = Held::of(budget, own, self.steps.iter());
    }

    /// The id of the rule.
    pub(crate) fn rule_id(&self, rules: &RuleSet) -> Option<Arc<str>> {
        rules.rules().get(self.rule).map(|rule| Arc::clone(&rule.id))
    }
}
