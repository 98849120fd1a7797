//! Why a rule matched in a trace, or why it did not: what became of each of its partial matches, and for each step which
//! events came nearest and what they lacked.
//!
//! A sandbox that runs all rules is watched while it takes the trace, so what is told is what the matcher did. The cost
//! is that of the analysis and of each condition of the one rule evaluated whole on the events of its types.
//!
//! Bounds: `MAX_ATTEMPTS` partial matches and `MAX_NEAREST` kinds of failure of a step are kept, the rest is counted.

use std::sync::Arc;

use super::Sandbox;
use crate::event::{EventType, Nanos};
use crate::finding::Finding;
use crate::intel::Intel;
use crate::rules::fields::Scene;
use crate::rules::matcher::{Matcher, Note, Serial};
use crate::rules::ruleset::{MetBy, Needed, StepIx, StepOrder};
use crate::rules::{Gap, Probe, Rule, RuleSet, RuleSource, Scope, StepWhat, Triggers};
use crate::wire::DecodeError;

/// Partial matches that are told. Of those that ended, the ones that came least far go first.
const MAX_ATTEMPTS: usize = 64;

/// Kinds of failure of a step that are told apart: different checks that would have to come out otherwise.
const MAX_NEAREST: usize = 16;

/// Watches one rule over a trace.
#[derive(Debug)]
pub struct Explainer {
    sandbox: Sandbox,
    findings: Vec<Finding>,
}

/// What became of a rule in a trace.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The rule's id.
    pub rule: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Where its steps must happen.
    pub scope: Scope,
    /// The longest time from the first step to the last.
    pub within: Nanos,
    /// Whether the steps may happen in any order.
    pub unordered: bool,
    /// Its steps.
    pub steps: Vec<StepStory>,
    /// What became of its partial matches, in the order in which they began.
    pub attempts: Vec<Attempt>,
    /// Partial matches that are not among them.
    pub untold: u64,
    /// How often it matched.
    pub matches: u64,
    /// Records that were taken in.
    pub records: u64,
}

/// What events made of a step.
#[derive(Clone, Debug)]
pub struct StepStory {
    /// The name that the rule gives it.
    pub name: Option<Arc<str>>,
    /// What it asks.
    pub asks: Asks,
    /// Whether a match can do without it.
    pub optional: bool,
    /// How often it must be met, if it is counted.
    pub at_least: Option<u32>,
    /// For how long nothing may meet it, if it must be absent.
    pub absent_for: Option<Nanos>,
    /// Events of its types while something waited for it.
    pub tested: u64,
    /// Those of them that met its condition.
    pub held: u64,
    /// Events that met its condition while nothing waited for it.
    pub in_vain: u64,
    /// Of a counted step: the most that was counted, and by which value.
    pub counted: Option<(usize, Option<String>)>,
    /// Events that met its condition, and had no value to be counted by.
    pub not_counted: u64,
    /// The events that came nearest without meeting it, the nearest first.
    pub nearest: Vec<Nearest>,
}

/// What a step asks.
#[derive(Clone, Debug)]
pub enum Asks {
    /// An event that meets a condition.
    Event(String),
    /// A match of one of these rules, each with how often it matched.
    Match(Vec<(Arc<str>, u64)>),
}

/// An event that came near.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// Its record, counted from 0.
    pub record: u64,
    /// What it lacked.
    pub gaps: Vec<Gap>,
    /// How many events lacked the same, this one among them.
    pub alike: u64,
}

/// A partial match.
#[derive(Clone, Debug)]
pub struct Attempt {
    container: u16,
    serial: Serial,
    /// The steps that were met, each with its record.
    pub steps: Vec<(usize, u64)>,
    /// How it ended.
    pub end: End,
    /// The record at which it did.
    pub ended_at: Option<u64>,
}

/// How a partial match ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did not: the trace was over.
    Open,
    /// It became a match that says this.
    Matched(String),
    /// Its time was over, for so long when an event showed it.
    Expired(Nanos),
    /// The rule's `until` held.
    Voided,
    /// A step was met that had to be absent.
    Broken,
    /// It had to make room for others.
    Evicted,
    /// It was complete, but the rule had matched with these values of `once` before.
    Suppressed,
}

impl Explainer {
    /// Watches `rule`, which is among `rules`; nothing if it is not: it is switched off or was left out.
    #[must_use]
    pub fn new(rule: &RuleSource, rules: &Arc<RuleSet>) -> Option<Explainer> {
        let place = rules.rules().iter().position(|known| *known.id == *rule.id.value)?;
        let watch = Watch::new(place, rule, rules)?;
        let mut sandbox = Sandbox::new(Arc::clone(rules));
        sandbox.watch = Some(Box::new(watch));
        Some(Explainer { sandbox, findings: Vec::new() })
    }

    /// Takes in a record. Says whether the explanation may tell of it.
    ///
    /// # Errors
    /// If it cannot be decoded; it counts as a record all the same.
    pub fn packet(&mut self, packet: &[u8], intel: &Intel) -> Result<bool, DecodeError> {
        let mut matched: Vec<usize> = Vec::new();
        let taken =
            self.sandbox.packet_with(packet, intel, &mut self.findings, &mut |one, _| matched.push(one.rule));
        self.findings.clear();
        let Some(watch) = &mut self.sandbox.watch else { return Ok(false) };
        watch.note_matches(&matched);
        let told = std::mem::take(&mut watch.touched);
        watch.told.records = watch.told.records.saturating_add(1);
        taken.map(|()| told)
    }

    /// What became of the rule.
    #[must_use]
    pub fn finish(self) -> Option<Explanation> {
        let mut told = self.sandbox.watch?.told;
        for step in &mut told.steps {
            step.nearest.sort_by_key(|near| (near.gaps.len(), std::cmp::Reverse(near.alike)));
        }
        Some(told)
    }
}

/// The rule that is watched, and what was seen of it.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rule: usize,
    rules: Arc<RuleSet>,
    /// By step; none where it waits for a match.
    probes: Vec<Option<Probe>>,
    /// By step: the record that last met it before its turn.
    early: Vec<u64>,
    /// Whether the record at hand is told.
    touched: bool,
    told: Explanation,
}

impl Watch {
    fn new(place: usize, source: &RuleSource, rules: &Arc<RuleSet>) -> Option<Watch> {
        let rule = rules.rules().get(place)?;
        let names: Vec<Option<String>> =
            source.steps.iter().map(|step| step.alias.as_ref().map(|alias| alias.value.clone())).collect();
        let probes = source.steps.iter().map(|step| match &step.what {
            StepWhat::Condition(condition) => Some(Probe::new(condition, rule, &names)),
            StepWhat::Match(_) => None,
        });
        let told = Explanation {
            rule: Arc::clone(&rule.id),
            name: Arc::clone(&rule.name),
            scope: rule.scope,
            within: rule.within,
            unordered: rule.order == StepOrder::Set,
            steps: stories(source, rule),
            attempts: Vec::new(),
            untold: 0,
            matches: 0,
            records: 0,
        };
        Some(Watch {
            rule: place,
            rules: Arc::clone(rules),
            probes: probes.collect(),
            early: vec![0; rule.steps.len()],
            touched: false,
            told,
        })
    }

    /// Looks at an event before the matcher does.
    pub(super) fn look(&mut self, scene: &Scene<'_>, matcher: &Matcher) {
        let Some(rule) = self.rules.rules().get(self.rule) else { return };
        let event = scene.event.kind.event_type();
        let each = self.told.steps.iter_mut().zip(&self.probes).zip(&rule.steps).enumerate();
        for (step, ((story, probe), compiled)) in each {
            let (Some(probe), MetBy::Event(_, triggers)) = (probe, &compiled.met_by) else { continue };
            if !is_among(triggers, event) {
                continue;
            }
            let waiting = matcher.waiting(&self.rules, StepIx { rule: self.rule, step }, scene);
            let gaps = probe.gaps(scene, waiting.unwrap_or_default());
            match (waiting.is_some(), gaps.is_empty()) {
                (false, false) => {}
                (false, true) => story.in_vain = story.in_vain.saturating_add(1),
                (true, true) => {
                    story.tested = story.tested.saturating_add(1);
                    story.held = story.held.saturating_add(1);
                }
                (true, false) => {
                    story.tested = story.tested.saturating_add(1);
                    self.touched |= story.came_near(self.told.records, gaps);
                }
            }
        }
    }

    /// Takes what the matcher noted of the rule in a container.
    pub(super) fn take(&mut self, container: u16, notes: Vec<Note>) {
        let record = self.told.records;
        for note in notes {
            match note {
                Note::Took { partial, step } => self.took(container, partial, step, record),
                Note::TookEarly { partial, step } => {
                    let before = self.early.get(step).copied().unwrap_or(record);
                    self.took(container, partial, step, before);
                }
                Note::Early { step } => {
                    self.touched = true;
                    if let Some(early) = self.early.get_mut(step) {
                        *early = record;
                    }
                }
                Note::Counted { step, by, seen } => {
                    let by = by.map(|by| by.display(crate::rules::fields::Type::Text).to_string());
                    if let Some(story) = self.told.steps.get_mut(step)
                        && story.counted.as_ref().is_none_or(|(most, _)| seen > *most)
                    {
                        story.counted = Some((seen, by));
                    }
                }
                Note::NotCounted { step } => {
                    if let Some(story) = self.told.steps.get_mut(step) {
                        story.not_counted = story.not_counted.saturating_add(1);
                    }
                }
                Note::Expired { partial, over } => self.ended(container, partial, End::Expired(over)),
                Note::Voided { partial } => self.ended(container, partial, End::Voided),
                Note::Broken { partial } => self.ended(container, partial, End::Broken),
                Note::Evicted { partial } => self.ended(container, partial, End::Evicted),
                Note::Suppressed { partial } => self.ended(container, partial, End::Suppressed),
                Note::Matched { partial, output } => self.ended(container, partial, End::Matched(output)),
            }
        }
    }

    fn attempt(&mut self, container: u16, serial: Serial) -> Option<&mut Attempt> {
        let mut attempts = self.told.attempts.iter_mut().rev();
        attempts.find(|attempt| {
            attempt.container == container && attempt.serial == serial && attempt.end == End::Open
        })
    }

    fn took(&mut self, container: u16, serial: Serial, step: usize, record: u64) {
        self.touched = true;
        if let Some(story) = self.told.steps.get_mut(step)
            && let Some(enough) = story.at_least.and_then(|least| usize::try_from(least).ok())
        {
            let by = story.counted.take().and_then(|(_, by)| by);
            story.counted = Some((enough, by));
        }
        if let Some(attempt) = self.attempt(container, serial) {
            // A step that repeats itself is told once, by the last that met it.
            attempt.steps.retain(|(known, _)| *known != step);
            attempt.steps.push((step, record));
            return;
        }
        if self.told.attempts.len() >= MAX_ATTEMPTS {
            let ended = self.told.attempts.iter().enumerate().filter(|(_, attempt)| attempt.end != End::Open);
            let least = ended
                .min_by_key(|(_, attempt)| (matches!(attempt.end, End::Matched(_)), attempt.steps.len()))
                .map_or(0, |(at, _)| at);
            self.told.attempts.remove(least);
            self.told.untold = self.told.untold.saturating_add(1);
        }
        self.told.attempts.push(Attempt {
            container,
            serial,
            steps: vec![(step, record)],
            end: End::Open,
            ended_at: None,
        });
    }

    fn ended(&mut self, container: u16, serial: Serial, end: End) {
        let record = self.told.records;
        if let Some(attempt) = self.attempt(container, serial) {
            attempt.end = end;
            attempt.ended_at = Some(record);
            self.touched = true;
        }
    }

    fn note_matches(&mut self, matched: &[usize]) {
        for place in matched {
            if *place == self.rule {
                self.told.matches = self.told.matches.saturating_add(1);
            }
            let Some(rule) = self.rules.rules().get(*place) else { continue };
            for story in &mut self.told.steps {
                let Asks::Match(waited) = &mut story.asks else { continue };
                for (_, matches) in waited.iter_mut().filter(|(id, _)| *id == rule.id) {
                    *matches = matches.saturating_add(1);
                }
            }
        }
    }
}

impl StepStory {
    /// Notes an event that did not meet the step. Says whether it is the first of its kind.
    fn came_near(&mut self, record: u64, gaps: Vec<Gap>) -> bool {
        let same = |near: &Nearest| {
            let checks = near.gaps.iter().map(|gap| (&gap.check, gap.wanted));
            checks.eq(gaps.iter().map(|gap| (&gap.check, gap.wanted)))
        };
        if let Some(known) = self.nearest.iter_mut().find(|near| same(near)) {
            known.alike = known.alike.saturating_add(1);
            return false;
        }
        if self.nearest.len() >= MAX_NEAREST {
            let farthest = self.nearest.iter().enumerate().max_by_key(|(_, near)| near.gaps.len());
            match farthest.map(|(at, near)| (at, near.gaps.len())) {
                Some((at, most)) if most > gaps.len() => drop(self.nearest.swap_remove(at)),
                Some(_) | None => return false,
            }
        }
        self.nearest.push(Nearest { record, gaps, alike: 1 });
        true
    }
}

fn stories(source: &RuleSource, rule: &Rule) -> Vec<StepStory> {
    let each = source.steps.iter().zip(&rule.steps);
    each.map(|(source, step)| StepStory {
        name: step.name.clone(),
        asks: match &source.what {
            StepWhat::Condition(condition) => Asks::Event(condition.to_string()),
            StepWhat::Match(rules) => {
                Asks::Match(rules.iter().map(|rule| (rule.value.as_str().into(), 0)).collect())
            }
        },
        optional: step.needed == Needed::Optional,
        at_least: step.count.as_ref().map(|count| count.at_least),
        absent_for: step.absent_for,
        tested: 0,
        held: 0,
        in_vain: 0,
        counted: None,
        not_counted: 0,
        nearest: Vec::new(),
    })
    .collect()
}

fn is_among(triggers: &Triggers, event: EventType) -> bool {
    triggers.types().is_none_or(|types| types.contains(&event))
}
