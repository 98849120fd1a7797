//! Steps that must be absent: met when their time passes and nothing met their condition (RULES.md, semantics 13).
//!
//! In a sequence the time begins with the step before, in a set with the first step that was met. It is over when the
//! clock is [`TOLERANCE`] past its end: an event of another thread may still be on its way. For the same reason an event
//! of another thread from just before the beginning counts as one after it.
//!
//! Time passes with every event, and with the owner's tick where there are none.

use std::collections::VecDeque;

use crate::event::{Nanos, Tid, Time};
use crate::rules::fields::{OwnedValue, Scene};
use crate::rules::ruleset::{Rule, RuleSet, StepIx, StepOrder};
use crate::state::Observation;

use super::journal::Note;
use super::partial::{Early, Met, Partial, RuleState, is_absent, is_needed};
use super::{Evidence, MAX_EARLY, Match, Matcher, ScopeKey, TOLERANCE, meets};

/// Something that met a step that must be absent.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) scope: ScopeKey,
    step: usize,
    thread: Option<Tid>,
    pub(super) time: Time,
}

/// What a partial match waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    step: usize,
    span: Nanos,
    since: Time,
    pub(super) until: Time,
}

/// A partial match whose wait is over.
#[derive(Debug)]
pub(crate) struct Due {
    rule: usize,
    at: usize,
    wait: Wait,
    /// What the event was about that met the last step, at the time at which the wait was over.
    pub(crate) observation: Observation,
}

impl Partial {
    /// What must be absent next for the match to go on.
    pub(super) fn waits(&self, rule: &Rule) -> Option<Wait> {
        let steps = 0..rule.steps.len();
        steps.filter_map(|step| self.wait_for(rule, step)).min_by_key(|wait| (wait.until, wait.step))
    }

    /// The wait for the absence of `step`, if it is the step's turn.
    fn wait_for(&self, rule: &Rule, step: usize) -> Option<Wait> {
        let span = rule.steps.get(step)?.absent_for?;
        let met = || self.steps.iter().map(|met| &met.evidence);
        let since = match rule.order {
            StepOrder::Sequence => {
                let passed = rule.steps.get(self.next..step)?;
                if passed.iter().any(is_needed) {
                    return None;
                }
                met().map(|evidence| evidence.time).max()?
            }
            StepOrder::Set if self.has(step) => return None,
            StepOrder::Set => met().map(|evidence| evidence.since).min()?,
        };
        Some(Wait { step, span, since, until: since.after(span) })
    }

    /// Whether an event at `time` that meets `step` shows that it is not absent.
    fn is_broken_by(&self, rule: &Rule, step: usize, time: Time) -> bool {
        self.wait_for(rule, step).is_some_and(|wait| time <= wait.until)
    }
}

impl RuleState {
    /// Drops what waits for the absence of what now happened.
    pub(super) fn broken_by(
        &mut self,
        rule: &Rule,
        group: &[StepIx],
        scope: ScopeKey,
        scene: &Scene<'_>,
        is_match: bool,
    ) {
        let time = scene.observation.time;
        let absent = || group.iter().map(|place| place.step).filter(|step| is_absent(rule, *step));
        let meets = |step: usize, kept: &[Option<OwnedValue>]| meets(rule, step, scene, kept, is_match);
        let RuleState { partials, journal, .. } = self;
        partials.retain(|partial| {
            let goes_on = partial.scope != scope
                || !absent().any(|step| partial.is_broken_by(rule, step, time) && meets(step, &partial.kept));
            if !goes_on {
                journal.note(|| Note::Broken { partial: partial.serial });
            }
            goes_on
        });
    }

    /// Remembers that a step was met that must be absent: the step before it may still be on its way.
    pub(super) fn remember_presence(
        &mut self,
        rule: &Rule,
        group: &[StepIx],
        scope: ScopeKey,
        scene: &Scene<'_>,
        is_match: bool,
    ) {
        let swaps = |step: usize| rule.steps.get(step).is_some_and(|step| step.swaps);
        let absent = group.iter().map(|place| place.step).filter(|step| is_absent(rule, *step));
        for step in absent.filter(|step| swaps(*step) && meets(rule, *step, scene, &[], is_match)) {
            let thread = thread_of(scene);
            let presence = Presence { scope, step, thread, time: scene.observation.time };
            push_bounded(&mut self.presences, presence);
        }
    }

    /// Whether what a new partial match waits for was met just before by another thread.
    pub(super) fn was_present(&self, rule: &Rule, partial: &Partial, scene: &Scene<'_>) -> bool {
        let Some(wait) = partial.waits(rule) else { return false };
        let thread = thread_of(scene);
        self.presences.iter().any(|presence| {
            presence.scope == partial.scope
                && presence.step == wait.step
                && presence.thread != thread
                && wait.since.since(presence.time) <= TOLERANCE
                && presence.time <= wait.until
        })
    }
}

fn thread_of(scene: &Scene<'_>) -> Option<Tid> {
    scene.event.context.as_ref().map(|context| context.tid)
}

fn push_bounded(presences: &mut VecDeque<Presence>, presence: Presence) {
    if presences.len() >= MAX_EARLY {
        presences.pop_front();
    }
    presences.push_back(presence);
}

impl Matcher {
    /// The partial match whose wait was over first, if there is one at `now`.
    ///
    /// Costs a comparison when there is none.
    pub(crate) fn due(&mut self, rules: &RuleSet, now: Time) -> Option<Due> {
        if self.next_due.is_none_or(|due| now < due) {
            return None;
        }
        let mut first: Option<Due> = None;
        let mut next: Option<Time> = None;
        for index in rules.timed() {
            let (Some(rule), Some(state)) = (rules.rules.get(*index), self.rules.get(*index)) else {
                continue;
            };
            for (at, partial) in state.partials.iter().enumerate() {
                let Some((wait, about)) = partial.waits(rule).zip(partial.about.as_ref()) else { continue };
                let over = wait.until.after(TOLERANCE);
                if over > now {
                    next = Some(next.map_or(over, |next| next.min(over)));
                    continue;
                }
                // Of waits that were over at the same time, the rule's that stands first in the files.
                if first.as_ref().is_none_or(|first| wait.until < first.wait.until) {
                    let observation = Observation { time: wait.until, ..about.clone() };
                    first = Some(Due { rule: *index, at, wait, observation });
                }
            }
        }
        if first.is_none() {
            self.next_due = next;
        }
        first
    }

    /// Lets the time of a partial match pass, and appends the matches that this completes. `scene` is about
    /// [`Due::observation`], with an event that has no type.
    pub(crate) fn pass(&mut self, rules: &RuleSet, due: &Due, scene: &Scene<'_>, out: &mut Vec<Match>) {
        let Some(rule) = rules.rules.get(due.rule) else { return };
        let Some(state) = self.rules.get_mut(due.rule) else { return };
        let Some(mut partial) = state.partials.remove(due.at) else { return };
        let Some(before) = partial.steps.iter().map(|met| &met.evidence).max_by_key(|evidence| evidence.time)
        else {
            return;
        };
        let name = rule.steps.get(due.wait.step).and_then(|step| step.name.as_ref());
        let evidence = Evidence::of_absence(before, name, due.wait.span, due.wait.until);
        partial.take(Met { step: due.wait.step, evidence }, &[]);
        state.journal.note(|| Note::Took { partial: partial.serial, step: due.wait.step });
        if let Some(Early { met, kept, .. }) = state.early_for(rule, &partial, due.wait.until) {
            state.journal.note(|| Note::TookEarly { partial: partial.serial, step: met.step });
            partial.take(met, &kept);
        }
        let from = out.len();
        self.settle(rule, due.rule, partial, Some(due.at), scene, out);
        self.cascade(rules, scene, from, out);
    }

    /// Notes when a partial match that was kept is to be looked at again.
    pub(super) fn note_due(&mut self, wait: Option<Wait>) {
        if let Some(wait) = wait {
            let over = wait.until.after(TOLERANCE);
            self.next_due = Some(self.next_due.map_or(over, |next| next.min(over)));
        }
    }
}
