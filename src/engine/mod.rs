//! The engine: bytes of one sandbox's trace in, findings out.
//!
//! A [`Sandbox`] belongs to one thread at a time, does no I/O and reads no clock. Decoding, memory and rules are
//! elsewhere; here they are joined with the denylists, and scores become findings.
//!
//! **Invariant**: the same packets, rules and denylists give the same findings, byte for byte, however they are
//! batched and whatever the hash seed. Watched by `tests/corpus.rs`.

pub mod explain;
mod outlet;
mod progress;
mod report;
mod retro;

use std::sync::Arc;

use crate::event::{
    Call, Connect, Errno, Event, Exit, Kind, Open, Raw, SentryExecve, SockAddr, Sysno, Text, Texts, Time,
};
use crate::finding::Finding;
use crate::intel::Intel;
use crate::rules::fields::Memo;
use crate::rules::matcher::{Match, Matcher};
use crate::rules::score::{Level, Points, Score};
use crate::rules::{RuleSet, Scene};
use crate::state::{
    Account, Budget, Charge, ContainerIx, DEFAULT_BUDGET, Image, Metadata, Observation, State, Unseen,
    UnseenDeed, heap_of,
};
use crate::wire;

pub use progress::Waiting;

use explain::Watch;
use outlet::Outlets;

/// One sandbox under observation.
#[derive(Debug)]
pub struct Sandbox {
    state: State,
    rules: Arc<RuleSet>,
    judgements: Vec<Judgement>,
    /// Kept between events, so that an event that matches nothing allocates nothing.
    matches: Vec<Match>,
    events: u64,
    findings: u64,
    /// Who explains a rule, if anybody does.
    watch: Option<Box<Watch>>,
    held_back: u64,
}

/// What is held against a container.
#[derive(Debug)]
struct Judgement {
    matcher: Matcher,
    score: Score,
    level: Option<Level>,
    /// The matches that the score rests on, with the points that they added.
    contributing: Vec<(Match, Points)>,
    /// What its rules without weight may still say.
    outlets: Outlets,
    /// The lists of all that.
    lists: Charge,
}

impl Judgement {
    fn new(budget: &Budget) -> Judgement {
        Judgement {
            matcher: Matcher::new(budget),
            score: Score::default(),
            level: None,
            contributing: Vec::new(),
            outlets: Outlets::default(),
            lists: budget.charge(Account::Evidence, 0),
        }
    }

    /// Keeps a match that the score rests on. Beyond [`MAX_CONTRIBUTING`] the oldest ones go, and where evidence holds
    /// too much, those beyond a quarter of what it may hold.
    fn contribute(&mut self, mut matched: Match, points: Points, budget: &Budget) {
        matched.hold(budget);
        self.contributing.push((matched, points));
        let mut held: usize =
            self.contributing.iter().map(|(matched, _)| matched.held.bytes()).fold(0, usize::saturating_add);
        let mut gone = 0;
        for (oldest, _) in &self.contributing {
            let left = self.contributing.len().saturating_sub(gone);
            let is_short = budget.evidence_over() > 0;
            let is_over = left > MAX_CONTRIBUTING || (is_short && held > budget.evidence_share() / 4);
            if !is_over || left <= 1 {
                break;
            }
            held = held.saturating_sub(oldest.held.bytes());
            gone = gone.saturating_add(1);
        }
        self.contributing.drain(..gone);
        budget.forgot_evidence(u64::try_from(gone).unwrap_or(u64::MAX));
        self.weigh();
    }

    fn weigh(&mut self) {
        let contributing = heap_of::<(Match, Points)>(self.contributing.capacity());
        self.lists.set(contributing.saturating_add(self.score.heap()).saturating_add(self.outlets.heap()));
    }
}

/// What happens when time passes: nothing, by nobody. The call has no name, so `evt.type` has no value.
const PASSED: Event<'static> = Event {
    context: None,
    kind: Kind::Raw(Raw { call: Call { sysno: Sysno(u32::MAX), exit: None }, args: [0; 6] }),
};

/// Matches that a finding tells at most: a few of each rule are evidence, hundreds are noise.
const MAX_CONTRIBUTING: usize = 64;

/// What a sandbox has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets that were taken in.
    pub events: u64,
    /// Messages that the sentry could not send.
    pub dropped: u64,
    /// Packets that could not be decoded.
    pub undecodable: u64,
    /// Packets of an unknown type.
    pub unknown_types: u64,
    /// Findings.
    pub findings: u64,
    /// Matches of rules without weight that came too often to be a finding each.
    pub held_back: u64,
}

impl Sandbox {
    /// A sandbox of which nothing is known yet.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Sandbox {
        Sandbox::with_budget(rules, DEFAULT_BUDGET)
    }

    /// The same, to remember so many bytes at most, [`MIN_BUDGET`](crate::state::MIN_BUDGET) at least.
    #[must_use]
    pub fn with_budget(rules: Arc<RuleSet>, bytes: usize) -> Sandbox {
        Sandbox {
            state: State::with_budget(Budget::new(bytes)),
            rules,
            judgements: Vec::new(),
            matches: Vec::new(),
            events: 0,
            findings: 0,
            watch: None,
            held_back: 0,
        }
    }

    /// The same sandbox, with somebody to ask whether a file is in a container's image: where the release does not say.
    #[must_use]
    pub fn with_image(mut self, image: Arc<dyn Image>) -> Sandbox {
        self.state.set_image(image);
        self
    }

    /// Takes one packet as it came from the socket and appends what it gives rise to.
    ///
    /// A packet that cannot be decoded is counted, and the stream goes on. The error says what was wrong with it.
    ///
    /// # Errors
    /// What could not be decoded, for the caller's counters.
    pub fn packet(
        &mut self,
        packet: &[u8],
        intel: &Intel,
        out: &mut Vec<Finding>,
    ) -> Result<(), wire::DecodeError> {
        self.packet_with(packet, intel, out, &mut |_, _| {})
    }

    /// The same, and shows every match with the points that it added.
    pub(crate) fn packet_with(
        &mut self,
        packet: &[u8],
        intel: &Intel,
        out: &mut Vec<Finding>,
        seen: &mut dyn FnMut(&Match, Points),
    ) -> Result<(), wire::DecodeError> {
        self.events = self.events.saturating_add(1);
        match wire::decode(packet) {
            Ok(message) => {
                self.state.sight_mut().note_dropped(message.header.dropped);
                match &message.event {
                    Some(event) => self.observe_with(event, intel, out, seen),
                    None => self.state.sight_mut().note_unknown_type(),
                }
                Ok(())
            }
            Err(error) => {
                self.state.sight_mut().note_undecodable();
                Err(error)
            }
        }
    }

    /// Takes one decoded event.
    pub fn observe(&mut self, event: &Event<'_>, intel: &Intel, out: &mut Vec<Finding>) {
        self.observe_with(event, intel, out, &mut |_, _| {});
    }

    /// The same, and shows every match with the points that it added.
    pub(crate) fn observe_with(
        &mut self,
        event: &Event<'_>,
        intel: &Intel,
        out: &mut Vec<Finding>,
        seen: &mut dyn FnMut(&Match, Points),
    ) {
        let observation = self.state.apply(event);
        if let Some(replaced) = self.state.take_replaced()
            && let Some(judgement) = self.judgements.get_mut(usize::from(replaced.0))
        {
            *judgement = Judgement::new(self.state.shared_budget());
        }
        self.pass_time(intel, out, seen);
        if let Some(unseen) = self.state.take_unseen() {
            self.consider_unseen(event, &unseen, intel, out, seen);
        }
        if let Some(observation) = observation {
            self.consider(event, &observation, intel, out, seen);
        }
    }

    /// Lets the rules see what was done without a word, as it was asked for.
    fn consider_unseen(
        &mut self,
        revealed_by: &Event<'_>,
        unseen: &Unseen,
        intel: &Intel,
        out: &mut Vec<Finding>,
        seen: &mut dyn FnMut(&Match, Points),
    ) {
        let observation = &unseen.observation;
        let Some(process) = self.state.process_at(observation.process) else { return };
        let program = Arc::clone(&process.program);
        let argv: Vec<Text<'_>> = program.argv.iter().map(Text).collect();
        let kind = match &unseen.deed {
            UnseenDeed::Exec => Kind::SentryExecve(SentryExecve {
                binary_path: Text(&program.path),
                execfn: Text(&program.path),
                argv: Texts::of(&argv),
                ..SentryExecve::default()
            }),
            UnseenDeed::Connect(remote) => {
                let exit = Some(Exit { result: 0, errno: Errno::EINPROGRESS });
                Kind::Connect(Connect {
                    call: Call { sysno: Sysno::CONNECT, exit },
                    fd: observation.fd.unwrap_or_default(),
                    address: SockAddr::Inet(*remote),
                    ..Connect::default()
                })
            }
            UnseenDeed::Open { call, path, flags } => Kind::Open(Open {
                call: Call { sysno: *call, exit: None },
                pathname: Text(path),
                flags: *flags,
                ..Open::default()
            }),
        };
        let event = Event { context: revealed_by.context.clone(), kind };
        self.consider(&event, observation, intel, out, seen);
    }

    fn consider(
        &mut self,
        event: &Event<'_>,
        observation: &Observation,
        intel: &Intel,
        out: &mut Vec<Finding>,
        seen: &mut dyn FnMut(&Match, Points),
    ) {
        let container = observation.container;
        let at = usize::from(container.0);
        if self.judgements.len() <= at {
            let budget = self.state.shared_budget();
            self.judgements.resize_with(at.saturating_add(1), || Judgement::new(budget));
        }
        let Some(judgement) = self.judgements.get_mut(at) else { return };
        let memo = Memo::default();
        let scene = Scene { event, observation, state: &self.state, intel, memo: &memo };
        self.matches.clear();
        if let Some(watch) = &mut self.watch {
            judgement.matcher.watch(&self.rules, watch.rule);
            watch.look(&scene, &judgement.matcher);
        }
        judgement.matcher.observe(&self.rules, &scene, &mut self.matches);
        if let Some(watch) = &mut self.watch {
            watch.take(container.0, judgement.matcher.take_notes(watch.rule));
        }
        if judgement.matcher.waits_for_more() {
            self.state.note_evidence(observation.process);
        }
        if !self.matches.is_empty() {
            self.judge(observation, intel, out, seen);
        }
    }

    /// Notes a packet that was larger than the receive buffer.
    pub fn truncated(&mut self) {
        self.events = self.events.saturating_add(1);
        self.state.sight_mut().note_truncated();
    }

    /// Takes other rules from here on. Partial matches and points of rules that are unchanged stay; those of rules that
    /// changed or are gone go with them, so that a bad rule that is mended weighs no longer.
    pub fn reload(&mut self, rules: Arc<RuleSet>) {
        let places = rules.places_of(&self.rules);
        let now = self.state.clock();
        for judgement in &mut self.judgements {
            judgement.matcher.moved(&places, &rules);
            judgement.score.moved(&places);
            judgement.outlets.moved(&places);
            judgement.contributing.retain_mut(|(matched, _)| match places.get(matched.rule) {
                Some(Some(place)) => {
                    matched.rule = *place;
                    true
                }
                Some(None) | None => false,
            });
            judgement.level = judgement.level.min(rules.thresholds.level(judgement.score.at(now)));
        }
        self.rules = rules;
    }

    /// Moves the sandbox's clock on while nothing happens, and appends what the passing of time alone gives rise to.
    pub fn tick(&mut self, now: Time, intel: &Intel, out: &mut Vec<Finding>) {
        self.state.tick(now);
        self.pass_time(intel, out, &mut |_, _| {});
    }

    /// Completes what waited for something not to happen, up to the clock.
    fn pass_time(&mut self, intel: &Intel, out: &mut Vec<Finding>, seen: &mut dyn FnMut(&Match, Points)) {
        let now = self.state.clock();
        for at in 0..self.judgements.len() {
            while let Some(judgement) = self.judgements.get_mut(at)
                && let Some(due) = judgement.matcher.due(&self.rules, now)
            {
                let memo = Memo::default();
                let scene = Scene {
                    event: &PASSED,
                    observation: &due.observation,
                    state: &self.state,
                    intel,
                    memo: &memo,
                };
                self.matches.clear();
                judgement.matcher.pass(&self.rules, &due, &scene, &mut self.matches);
                if let Some(watch) = &mut self.watch {
                    watch.take(due.observation.container.0, judgement.matcher.take_notes(watch.rule));
                }
                self.judge(&due.observation, intel, out, seen);
            }
        }
    }

    /// Notes what whoever runs a container knows of it: image, labels, mounts, users. Rules see it from the next
    /// event on; the container need not have been heard of yet. Says whether there was room for another container.
    pub fn describe(&mut self, container: &[u8], metadata: Arc<Metadata>) -> bool {
        self.state.describe(container, metadata)
    }

    /// What is remembered of the sandbox.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The score of a container, now.
    #[must_use]
    pub fn score(&self, container: ContainerIx) -> Points {
        let judgement = self.judgements.get(usize::from(container.0));
        judgement.map(|judgement| judgement.score.at(self.state.clock())).unwrap_or_default()
    }

    /// What the score of a container rests on, by rule, the most first.
    #[must_use]
    pub fn weights(&self, container: ContainerIx) -> Vec<(Arc<str>, Points)> {
        let Some(judgement) = self.judgements.get(usize::from(container.0)) else { return Vec::new() };
        let mut rules: Vec<usize> = judgement.contributing.iter().map(|(matched, _)| matched.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        let now = self.state.clock();
        let mut weights: Vec<_> = rules
            .into_iter()
            .filter_map(|rule| {
                Some((Arc::clone(&self.rules.rules().get(rule)?.id), judgement.score.of_rule(rule, now)))
            })
            .filter(|(_, points)| *points != Points::default())
            .collect();
        weights.sort_by(|(left_rule, left), (right_rule, right)| {
            right.cmp(left).then_with(|| left_rule.cmp(right_rule))
        });
        weights
    }

    /// What the sandbox has been through.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let sight = self.state.sight();
        Stats {
            events: self.events,
            dropped: sight.dropped,
            undecodable: sight.undecodable,
            unknown_types: sight.unknown_types,
            findings: self.findings,
            held_back: self.held_back,
        }
    }

    /// Adds the event's matches to the score. Whatever thresholds it crosses make one finding, of the gravest.
    fn judge(
        &mut self,
        observation: &Observation,
        intel: &Intel,
        out: &mut Vec<Finding>,
        seen: &mut dyn FnMut(&Match, Points),
    ) {
        let Some(judgement) = self.judgements.get_mut(usize::from(observation.container.0)) else { return };
        let now = observation.time;
        let before = judgement.score.at(now);
        // A score that has decayed below a threshold can cross it again.
        judgement.level = judgement.level.min(self.rules.thresholds.level(before));
        let mut crossing = None;
        for matched in self.matches.drain(..) {
            let Some(rule) = self.rules.rules().get(matched.rule) else { continue };
            let Some(weight) = rule.weight.filter(|_| !rule.shadow) else {
                seen(&matched, Points::default());
                let may = judgement.outlets.let_out(matched.rule, self.state.clock());
                judgement.weigh();
                if !may {
                    self.held_back = self.held_back.saturating_add(1);
                    continue;
                }
                let level = report::level_of(rule);
                let own = [(matched, Points::default())];
                let reporter =
                    report::Reporter { rules: &self.rules, intel, state: &self.state, observation };
                out.push(reporter.finding(level, before, before, None, &own, self.findings));
                self.findings = self.findings.saturating_add(1);
                continue;
            };
            let points = judgement.score.add(matched.rule, weight, matched.extra_weight, now);
            seen(&matched, points);
            if points == Points::default() {
                continue;
            }
            crossing = Some(matched.rule);
            judgement.contribute(matched, points, self.state.shared_budget());
        }
        let Some(crossing) = crossing else { return };
        let after = judgement.score.at(now);
        let level = self.rules.thresholds.level(after);
        if level <= judgement.level {
            return;
        }
        judgement.level = level;
        let Some(level) = level else { return };
        let reporter = report::Reporter { rules: &self.rules, intel, state: &self.state, observation };
        out.push(reporter.finding(
            level,
            before,
            after,
            Some(crossing),
            &judgement.contributing,
            self.findings,
        ));
        self.findings = self.findings.saturating_add(1);
    }
}
