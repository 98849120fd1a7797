//! What is remembered of one rule in one container: partial matches, counters, events before their turn.

use std::collections::VecDeque;

use super::absence::Presence;
use super::counter::Counters;
use super::evidence::Held;
use super::journal::{Journal, Note, Serial};
use super::{Evidence, FIRST_PARTIALS, MAX_EARLY, MAX_ONCE, MAX_PARTIALS, ScopeKey, TOLERANCE, scope_of};
use crate::event::{Nanos, Time};
use crate::rules::fields::{OwnedValue, Scene, Seen, Value};
use crate::rules::ruleset::{Needed, Rule, Step, StepOrder};
use crate::state::{Budget, Observation, heap_of};

#[derive(Debug, Default)]
pub(super) struct RuleState {
    /// In the order in which they began.
    pub(super) partials: VecDeque<Partial>,
    counters: Vec<Counters>,
    early: VecDeque<Early>,
    /// What met a step that must be absent, for as long as order is not trusted.
    pub(super) presences: VecDeque<Presence>,
    once: VecDeque<Once>,
    /// How many partial matches began, which tells them apart.
    began: Serial,
    pub(super) journal: Journal,
}

/// Values with which a rule matched.
#[derive(Debug)]
struct Once {
    time: Time,
    values: Box<[Option<OwnedValue>]>,
    held: Held,
}

#[derive(Debug)]
pub(super) struct Partial {
    /// Which of its rule in its container.
    pub(super) serial: Serial,
    pub(super) scope: ScopeKey,
    /// A sequence: the steps before this one are met or were passed over. A set: not used.
    pub(super) next: usize,
    /// What later steps ask for, by the rule's list of it.
    pub(super) kept: Vec<Option<OwnedValue>>,
    /// In the order in which they were met; each step once.
    pub(super) steps: Vec<Met>,
    /// What the event was about that met the last of them: kept only if time alone can complete the match.
    pub(super) about: Option<Observation>,
    held: Held,
}

/// A step that was met.
#[derive(Debug)]
pub(crate) struct Met {
    pub(super) step: usize,
    pub(crate) evidence: Evidence,
}

/// A step that was met before its turn.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) scope: ScopeKey,
    pub(super) met: Met,
    pub(super) kept: Vec<(usize, Option<OwnedValue>)>,
    pub(super) held: Held,
}

impl Early {
    pub(super) fn new(
        scope: ScopeKey,
        met: Met,
        kept: Vec<(usize, Option<OwnedValue>)>,
        budget: &Budget,
    ) -> Early {
        let values = kept.iter().filter_map(|(_, value)| value.as_ref()).map(OwnedValue::heap);
        let list = heap_of::<(usize, Option<OwnedValue>)>(kept.capacity());
        let own = values.fold(list.saturating_add(size_of::<Early>()), usize::saturating_add);
        let held = Held::of(budget, own, std::iter::once(&met.evidence));
        Early { scope, met, kept, held }
    }
}

/// What the rule keeps of a step that the event meets, with its places in [`Partial::kept`].
pub(super) fn kept_of(rule: &Rule, step: usize, scene: &Scene<'_>) -> Vec<(usize, Option<OwnedValue>)> {
    let own = rule.kept.iter().enumerate().filter(|(_, kept)| kept.step == step);
    own.map(|(at, kept)| (at, scene.get(kept.field).map(Value::into_owned))).collect()
}

/// Whether a match can begin with `step`: all before it can be passed over. No match consists of optional steps alone.
pub(super) fn begins_with(rule: &Rule, step: usize) -> bool {
    let before = rule.steps.get(..step).unwrap_or_default();
    rule.steps.iter().any(is_needed) && (rule.order == StepOrder::Set || !before.iter().any(is_needed))
}

/// Whether a step must be absent: no event meets it, time does.
pub(super) fn is_absent(rule: &Rule, step: usize) -> bool {
    rule.steps.get(step).is_some_and(|step| step.absent_for.is_some())
}

pub(super) fn is_needed(step: &Step) -> bool {
    step.needed == Needed::Yes
}

impl RuleState {
    /// Forgets what cannot become a match any more.
    pub(super) fn expire(&mut self, rule: &Rule, now: Time) {
        let RuleState { partials, journal, .. } = self;
        partials.retain_mut(|partial| {
            let since = partial.since();
            let outlives = partial.outlives(rule, now);
            if !outlives {
                let over = Nanos(now.since(since).0.saturating_sub(rule.within.0));
                journal.note(|| Note::Expired { partial: partial.serial, over });
            }
            outlives
        });
        self.early.retain(|early| now.since(early.met.evidence.time) <= TOLERANCE);
        self.presences.retain(|presence| now.since(presence.time) <= TOLERANCE);
    }

    /// Forgets what the event voids by the rule's `until`.
    pub(super) fn void(&mut self, rule: &Rule, scene: &Scene<'_>) {
        let (Some((until, _)), Some(scope)) = (&rule.until, scope_of(rule.scope, scene)) else { return };
        let RuleState { partials, journal, .. } = self;
        partials.retain(|partial| {
            let goes_on = partial.scope != scope || !until.holds(scene, &partial.kept);
            if !goes_on {
                journal.note(|| Note::Voided { partial: partial.serial });
            }
            goes_on
        });
        if until.holds(scene, &[]) {
            self.early.retain(|early| early.scope != scope);
            self.presences.retain(|presence| presence.scope != scope);
            self.counters.iter_mut().for_each(|counters| counters.void(scope));
        }
    }

    /// The evidence of a step: at once for one that is not counted, else when there are enough.
    #[expect(clippy::too_many_arguments, reason = "the call is one, and each argument is another thing")]
    pub(super) fn count(
        &mut self,
        rule: &Rule,
        step: usize,
        at: Option<usize>,
        scope: ScopeKey,
        scene: &Scene<'_>,
        evidence: Evidence,
        budget: &Budget,
        evicted: &mut u64,
    ) -> Option<Evidence> {
        let Some(count) = rule.steps.get(step).and_then(|step| step.count.as_ref()) else {
            return Some(evidence);
        };
        if self.counters.len() < rule.steps.len() {
            self.counters.resize_with(rule.steps.len(), Counters::default);
        }
        let kept = at.and_then(|at| self.partials.get(at)).map_or(&[][..], |partial| &partial.kept);
        let counters = self.counters.get_mut(step)?;
        let enough = counters.count(count, rule.within, scope, scene, kept, evidence, budget, evicted);
        if enough.is_none() {
            self.journal.note(|| match counters.counted(count, scope, scene, kept) {
                Some((by, seen)) => Note::Counted { step, by, seen },
                None => Note::NotCounted { step },
            });
        }
        enough
    }

    /// Remembers an event that came before its turn. Says how many had to go for it.
    pub(super) fn remember(&mut self, early: Early) -> u64 {
        self.early.retain(|known| known.scope != early.scope || known.met.step != early.met.step);
        let full = self.early.len() >= MAX_EARLY;
        if full {
            self.early.pop_front();
        }
        self.early.push_back(early);
        u64::from(full)
    }

    /// The event that met the next step of `partial` just before this one, at `time`, met the step before that.
    pub(super) fn early_for(&mut self, rule: &Rule, partial: &Partial, time: Time) -> Option<Early> {
        let limit = TOLERANCE.min(rule.within);
        let at = self.early.iter().position(|early| {
            rule.order == StepOrder::Sequence
                && early.scope == partial.scope
                && early.met.step == partial.next
                && time.since(early.met.evidence.time).distance(crate::event::Nanos::ZERO) <= limit
        })?;
        self.early.remove(at)
    }

    /// Keeps a partial match at its old place, or at the end. Says how many had to go for it.
    pub(super) fn keep(&mut self, mut partial: Partial, at: Option<usize>, budget: &Budget) -> u64 {
        partial.hold(budget);
        if let Some(at) = at {
            self.partials.insert(at.min(self.partials.len()), partial);
            return 0;
        }
        let full = self.partials.len() >= MAX_PARTIALS;
        if full {
            self.drop_least();
        }
        self.partials.push_back(partial);
        u64::from(full)
    }

    /// What is held against the share of evidence.
    pub(super) fn bytes(&self) -> usize {
        let partials = self.partials.iter().map(|partial| partial.held.bytes());
        let early = self.early.iter().map(|early| early.held.bytes());
        let once = self.once.iter().map(|once| once.held.bytes());
        let counters = self.counters.iter().map(Counters::bytes);
        partials.chain(early).chain(once).chain(counters).fold(0, usize::saturating_add)
    }

    /// Drops the oldest partial match of those that are at their first step, else the oldest of all; those that came
    /// first only if there are no others.
    fn drop_least(&mut self) -> Option<Partial> {
        let by_need =
            |(at, partial): &(usize, &Partial)| (*at < FIRST_PARTIALS, partial.steps.len() > 1, *at);
        let (victim, _) = self.partials.iter().enumerate().min_by_key(by_need)?;
        let victim = self.partials.remove(victim)?;
        self.journal.note(|| Note::Evicted { partial: victim.serial });
        Some(victim)
    }

    /// Forgets one thing: a partial match that is at its first step and did not come first; where there is none, an
    /// event before its turn, a counter, a value of `once`; last of the other partial matches. Whether there was
    /// anything.
    pub(super) fn forget_one(&mut self) -> bool {
        let mut loose = self.partials.iter().skip(FIRST_PARTIALS);
        if loose.any(|partial| partial.steps.len() <= 1) {
            return self.drop_least().is_some();
        }
        self.early.pop_front().is_some()
            || self.counters.iter_mut().any(Counters::drop_least)
            || self.once.pop_front().is_some()
            || self.drop_least().is_some()
    }

    /// Whether the rule matched before with these values of `once`, within the time that this holds; from now on it has.
    pub(super) fn matched_before(
        &mut self,
        rule: &Rule,
        scene: &Scene<'_>,
        kept: &[Option<OwnedValue>],
        budget: &Budget,
    ) -> bool {
        if rule.once.is_empty() {
            return false;
        }
        let values = rule.once.iter().map(|term| term.value(scene, kept).map(Seen::into_owned));
        let values: Box<[_]> = values.collect();
        let now = scene.observation.time;
        self.once.retain(|once| now.since(once.time) < rule.once_per);
        if self.once.iter().any(|once| once.values == values) {
            return true;
        }
        if self.once.len() >= MAX_ONCE {
            self.once.pop_front();
        }
        let heap = values.iter().flatten().map(OwnedValue::heap);
        let list = size_of::<Once>().saturating_add(heap_of::<Option<OwnedValue>>(values.len()));
        let held = Held::own(budget, heap.fold(list, usize::saturating_add));
        self.once.push_back(Once { time: now, values, held });
        false
    }
}

impl RuleState {
    /// A partial match that begins.
    pub(super) fn begin(&mut self, rule: &Rule, scope: ScopeKey) -> Partial {
        self.began = self.began.saturating_add(1);
        Partial::new(rule, scope, self.began)
    }

    /// The oldest partial match of a scope that waits for that step.
    pub(super) fn waiting_for(
        &self,
        rule: &Rule,
        step: usize,
        scope: ScopeKey,
        now: Time,
    ) -> Option<&Partial> {
        let mut open = self.partials.iter().filter(|partial| partial.scope == scope);
        open.find(|partial| partial.is_near(rule, now) && partial.wants(rule, step))
    }
}

impl Partial {
    fn new(rule: &Rule, scope: ScopeKey, serial: Serial) -> Partial {
        Partial {
            serial,
            scope,
            next: 0,
            kept: vec![None; rule.kept.len()],
            steps: Vec::new(),
            about: None,
            held: Held::default(),
        }
    }

    /// Charges what it holds now.
    fn hold(&mut self, budget: &Budget) {
        let values = self.kept.iter().flatten().map(OwnedValue::heap);
        let lists = [
            size_of::<Partial>(),
            heap_of::<Option<OwnedValue>>(self.kept.capacity()),
            heap_of::<Met>(self.steps.capacity()),
        ];
        let own = values.chain(lists).fold(0, usize::saturating_add);
        self.held = Held::of(budget, own, self.steps.iter().map(|met| &met.evidence));
    }

    /// When it began.
    fn since(&self) -> Time {
        self.steps.iter().map(|met| met.evidence.since).min().unwrap_or(Time(0))
    }

    /// Whether a step is met.
    pub(super) fn has(&self, step: usize) -> bool {
        self.steps.iter().any(|met| met.step == step)
    }

    /// Whether `step` is one that this partial waits for.
    pub(super) fn wants(&self, rule: &Rule, step: usize) -> bool {
        match rule.order {
            StepOrder::Set => !self.has(step),
            StepOrder::Sequence => {
                let passed = rule.steps.get(self.next..step);
                passed.is_some_and(|passed| !passed.iter().any(is_needed))
            }
        }
    }

    /// Whether meeting `step` anew would leave what later steps ask for as it is.
    pub(super) fn would_keep(&self, rule: &Rule, step: usize, scene: &Scene<'_>) -> bool {
        kept_of(rule, step, scene).iter().all(|(at, value)| self.kept.get(*at) == Some(value))
    }

    /// Whether nothing of it lies so far ahead of a late event that they cannot be of one match.
    pub(super) fn is_near(&self, rule: &Rule, now: Time) -> bool {
        self.steps.iter().all(|met| met.evidence.time.since(now) <= rule.within)
    }

    /// Drops what lies too far back. `false` if nothing is left that can become a match.
    fn outlives(&mut self, rule: &Rule, now: Time) -> bool {
        // What waits for time to pass is judged by what it waits for, not by the event that tells of the time.
        let now = self.waits(rule).map_or(now, |wait| wait.until.min(now));
        let in_time = |met: &Met| now.since(met.evidence.since) <= rule.within;
        if self.steps.iter().all(in_time) {
            return true;
        }
        match rule.order {
            // Each step of a set stands for itself, unless one asks for what another had.
            StepOrder::Set if rule.kept.is_empty() => self.steps.retain(in_time),
            StepOrder::Set => return false,
            // An optional step that comes first cannot shorten the time of those that are needed.
            StepOrder::Sequence => {
                let optional = |met: &Met| rule.steps.get(met.step).is_some_and(|step| !is_needed(step));
                let gone = self.steps.iter().take_while(|met| optional(met) && !in_time(met)).count();
                for met in self.steps.drain(..gone) {
                    for (_, slot) in
                        rule.kept.iter().zip(&mut self.kept).filter(|(kept, _)| kept.step == met.step)
                    {
                        *slot = None;
                    }
                }
            }
        }
        !self.steps.is_empty() && self.steps.iter().all(in_time)
    }

    /// Takes a step in; of a step that was met before, the newest evidence counts.
    pub(super) fn take(&mut self, met: Met, kept: &[(usize, Option<OwnedValue>)]) {
        self.next = met.step.saturating_add(1);
        for (at, value) in kept {
            if let Some(slot) = self.kept.get_mut(*at) {
                slot.clone_from(value);
            }
        }
        match self.steps.iter_mut().find(|known| known.step == met.step) {
            Some(known) if known.evidence.time <= met.evidence.time => *known = met,
            Some(_) => {}
            None => self.steps.push(met),
        }
    }

    /// What the optional steps that were met add to the rule's weight.
    pub(super) fn extra_weight(&self, rule: &Rule) -> u32 {
        let met = self.steps.iter().filter_map(|met| rule.steps.get(met.step));
        met.filter(|step| !is_needed(step)).fold(0, |sum, step| sum.saturating_add(step.weight))
    }

    pub(super) fn is_complete(&self, rule: &Rule) -> bool {
        match rule.order {
            StepOrder::Set => {
                rule.steps.iter().enumerate().all(|(at, step)| !is_needed(step) || self.has(at))
            }
            StepOrder::Sequence => {
                rule.steps.get(self.next..).is_some_and(|left| !left.iter().any(is_needed))
            }
        }
    }
}
