//! Compiled rules, indexed by the events that they look at.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{EventType, Nanos};
use crate::hash::Map;

use super::compile::{Gate, Kept, Predicate, Template, Term, Triggers};
use super::fields::{FieldRef, Scene};
use super::file::{Action, Priority, Scope};
use super::fingerprint::Fingerprint;
use super::plan::{Plan, Scratch};

/// A set of rules, immutable once it is made; swapped whole.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) thresholds: Thresholds,
    generation: u64,
    /// Plans for the steps to test on an event.
    plans: Vec<Plan>,
    /// By [`slot_of`]: the plan for events of that type.
    plan_of: Vec<usize>,
    /// By [`slot_of`]: the rules whose `until` is to be asked on an event of that type.
    voided_by: Vec<Vec<usize>>,
    /// By rule: the steps of others that wait for its match.
    waiting: Vec<Vec<StepIx>>,
    /// The rules that have a step that must be absent.
    timed: Vec<usize>,
}

/// A step of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StepIx {
    pub(crate) rule: usize,
    pub(crate) step: usize,
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable id.
    pub id: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What it is about.
    pub desc: Arc<str>,
    /// How grave a match is.
    pub priority: Priority,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// Where its steps must happen.
    pub scope: Scope,
    /// The longest time from the first step to the last.
    pub within: Nanos,
    /// What a match adds to the container's score; without it a match is a finding of its own.
    pub weight: Option<u32>,
    /// A rule on trial: its findings are marked, and it adds no score.
    pub shadow: bool,
    /// The most that its matches alone may cause, if it says so.
    pub action: Option<Action>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) order: StepOrder,
    pub(crate) steps: Vec<Step>,
    pub(crate) until: Option<(Predicate, Triggers)>,
    pub(crate) once: Vec<Term>,
    /// How long `once` holds.
    pub(crate) once_per: Nanos,
    pub(crate) output: Template,
    pub(crate) kept: Vec<Kept>,
    pub(crate) used: Vec<FieldRef>,
}

/// Whether the steps of a rule must come in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepOrder {
    /// They must.
    Sequence,
    /// They may come in any.
    Set,
}

/// One step of a rule.
#[derive(Debug)]
pub(crate) struct Step {
    /// The name by which later steps speak of it.
    pub(crate) name: Option<Arc<str>>,
    /// What must hold for its condition to be asked; none where it waits for a match.
    pub(crate) gate: Option<Gate>,
    pub(crate) met_by: MetBy,
    pub(crate) needed: Needed,
    /// What it adds to the score if it is met beside the needed ones.
    pub(crate) weight: u32,
    pub(crate) count: Option<Count>,
    /// It and the step before it may be met in either order, if they are close: it is not counted and asks for
    /// nothing that an earlier step had.
    pub(crate) swaps: bool,
    /// Nothing may meet it for so long; then it is met.
    pub(crate) absent_for: Option<Nanos>,
}

/// What meets a step.
#[derive(Debug)]
pub(crate) enum MetBy {
    /// An event that fulfils a condition.
    Event(Predicate, Triggers),
    /// A match of one of these rules.
    Match(Vec<usize>),
}

/// Whether a match needs a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// It does.
    Yes,
    /// The step only adds evidence and weight.
    Optional,
}

/// How often a step must be met.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) at_least: u32,
    /// Counted apart for each value of this.
    pub(crate) by: Option<Term>,
    /// Only different values of this count.
    pub(crate) distinct: Option<Term>,
}

/// The scores at which a container is noticed, alerted about and killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Worth a line.
    pub notice: u32,
    /// Worth a person's time.
    pub alert: u32,
    /// Worth the container's life.
    pub kill: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { notice: 25, alert: 60, kill: 100 }
    }
}

/// Slots of [`RuleSet::by_event`]: system calls by number, then the sentry's own points, then all the rest.
const SYSCALL_SLOTS: usize = 512;
const SLOTS: usize = SYSCALL_SLOTS + 5;

fn slot_of(event: EventType) -> usize {
    match event {
        EventType::Syscall(sysno) => {
            usize::try_from(sysno.0).ok().filter(|number| *number < SYSCALL_SLOTS).unwrap_or(SYSCALL_SLOTS)
        }
        EventType::Container => SYSCALL_SLOTS + 1,
        EventType::ProcExit => SYSCALL_SLOTS + 2,
        EventType::ThreadExit => SYSCALL_SLOTS + 3,
        EventType::MapExec => SYSCALL_SLOTS + 4,
    }
}

/// Notes `what` for every event type among the triggers.
fn note<T: Copy>(by_event: &mut [Vec<T>], triggers: &Triggers, what: T) {
    match triggers.types() {
        None => by_event.iter_mut().for_each(|noted| noted.push(what)),
        Some(types) => {
            let slots: BTreeSet<usize> = types.iter().copied().map(slot_of).collect();
            for slot in slots {
                if let Some(noted) = by_event.get_mut(slot) {
                    noted.push(what);
                }
            }
        }
    }
}

/// The plans for the steps of each event type; types with the same steps share one.
fn plans(rules: &[Rule], steps_by_event: &[Vec<StepIx>]) -> (Vec<Plan>, Vec<usize>) {
    let mut known: Map<&[StepIx], usize> = Map::default();
    let mut plans = Vec::new();
    let mut plan_of = Vec::with_capacity(steps_by_event.len());
    for steps in steps_by_event {
        let plan = match known.get(steps.as_slice()) {
            Some(plan) => *plan,
            None => {
                let gated = steps.iter().filter_map(|place| {
                    let gate = rules.get(place.rule)?.steps.get(place.step)?.gate.as_ref()?;
                    Some((*place, gate))
                });
                plans.push(Plan::new(gated));
                let plan = plans.len().saturating_sub(1);
                known.insert(steps, plan);
                plan
            }
        };
        plan_of.push(plan);
    }
    (plans, plan_of)
}

impl RuleSet {
    pub(crate) fn new(rules: Vec<Rule>, thresholds: Thresholds, generation: u64) -> RuleSet {
        let mut steps_by_event: Vec<Vec<StepIx>> = vec![Vec::new(); SLOTS];
        let mut voided_by: Vec<Vec<usize>> = vec![Vec::new(); SLOTS];
        let mut waiting: Vec<Vec<StepIx>> = vec![Vec::new(); rules.len()];
        for (rule, compiled) in rules.iter().enumerate() {
            if let Some((_, triggers)) = &compiled.until {
                note(&mut voided_by, triggers, rule);
            }
            for (index, step) in compiled.steps.iter().enumerate() {
                let place = StepIx { rule, step: index };
                match &step.met_by {
                    MetBy::Event(_, triggers) => note(&mut steps_by_event, triggers, place),
                    MetBy::Match(others) => {
                        for other in others {
                            if let Some(steps) = waiting.get_mut(*other) {
                                steps.push(place);
                            }
                        }
                    }
                }
            }
        }
        let (plans, plan_of) = plans(&rules, &steps_by_event);
        let is_timed = |rule: &Rule| rule.steps.iter().any(|step| step.absent_for.is_some());
        let timed = rules.iter().enumerate().filter(|(_, rule)| is_timed(rule)).map(|(at, _)| at).collect();
        RuleSet { rules, thresholds, generation, plans, plan_of, voided_by, waiting, timed }
    }

    /// Which set this is; 0 is what comes with Sluicebox.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The rules in the order of their files.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Where the rules of `old` are in this set, as far as they are unchanged.
    pub(crate) fn places_of(&self, old: &RuleSet) -> Vec<Option<usize>> {
        let mut by_id: Map<&str, usize> = Map::default();
        for (place, rule) in self.rules.iter().enumerate() {
            by_id.insert(&rule.id, place);
        }
        let same = |rule: &Rule| {
            let place = *by_id.get(&*rule.id)?;
            self.rules.get(place).filter(|new| new.fingerprint == rule.fingerprint).map(|_| place)
        };
        old.rules.iter().map(same).collect()
    }

    /// Finds the steps that an event can meet, in the order of rules and steps.
    pub(crate) fn find_steps(&self, event: EventType, scene: &Scene<'_>, scratch: &mut Scratch) {
        scratch.steps.clear();
        if let Some(plan) = self.plan_of.get(slot_of(event)).and_then(|plan| self.plans.get(*plan)) {
            plan.candidates(scene, scratch);
        }
    }

    /// The rules whose `until` an event of that type can meet.
    pub(crate) fn voided_by(&self, event: EventType) -> &[usize] {
        self.voided_by.get(slot_of(event)).map_or(&[], Vec::as_slice)
    }

    /// The steps that a match of that rule meets.
    pub(crate) fn steps_after(&self, rule: usize) -> &[StepIx] {
        self.waiting.get(rule).map_or(&[], Vec::as_slice)
    }

    /// The rules that have a step that must be absent.
    pub(crate) fn timed(&self) -> &[usize] {
        &self.timed
    }
}

impl Rule {
    /// The rules whose matches its steps wait for, by place.
    pub(crate) fn waits_for(&self) -> impl Iterator<Item = usize> {
        self.steps
            .iter()
            .flat_map(|step| match &step.met_by {
                MetBy::Event(..) => &[],
                MetBy::Match(waited) => waited.as_slice(),
            })
            .copied()
    }
}

/// All event types that one of these rules names; nothing if one looks at all of them.
pub(super) fn named_event_types(rules: &[Rule]) -> Option<BTreeSet<EventType>> {
    let mut all = BTreeSet::new();
    let steps = rules.iter().flat_map(|rule| &rule.steps).filter_map(|step| match &step.met_by {
        MetBy::Event(_, triggers) => Some(triggers),
        MetBy::Match(_) => None,
    });
    let untils = rules.iter().filter_map(|rule| rule.until.as_ref()).map(|(_, triggers)| triggers);
    for triggers in steps.chain(untils) {
        match triggers {
            Triggers::Any => return None,
            Triggers::Named(types) => all.extend(types.iter().copied()),
            // What these need follows from the fields.
            Triggers::Changes(_) => {}
        }
    }
    Some(all)
}
