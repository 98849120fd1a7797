//! Counted steps: so many events, or so many different values, within the rule's time.

use std::collections::VecDeque;

use crate::event::{Nanos, Time};
use crate::rules::fields::{OwnedValue, Scene, Seen};
use crate::rules::ruleset::Count;
use crate::state::{Budget, heap_of};

use super::evidence::{Evidence, Held};
use super::{FIRST_COUNTERS, MAX_COUNTERS, ScopeKey};

/// Times and values that a counter keeps at most, whatever `at_least` says: memory per counter is bounded.
const MAX_KEPT: usize = 1024;

/// The counters of one step, one for each value that it counts by.
#[derive(Debug, Default)]
pub(super) struct Counters(Vec<Counter>);

#[derive(Debug)]
struct Counter {
    scope: ScopeKey,
    by: Option<OwnedValue>,
    /// When it was met, oldest first; with `distinct`, by which value.
    seen: VecDeque<(Time, Option<OwnedValue>)>,
    held: Held,
}

impl Counters {
    /// Counts one event. When there are enough, gives the evidence of all of them and starts anew.
    #[expect(clippy::too_many_arguments, reason = "the call is one, and each argument is another thing")]
    pub(super) fn count(
        &mut self,
        count: &Count,
        within: Nanos,
        scope: ScopeKey,
        scene: &Scene<'_>,
        kept: &[Option<OwnedValue>],
        evidence: Evidence,
        budget: &Budget,
        evicted: &mut u64,
    ) -> Option<Evidence> {
        let value = |term: &Option<super::super::compile::Term>| {
            term.as_ref().map(|term| term.value(scene, kept).map(Seen::into_owned))
        };
        // A counter by a value that is absent counts nothing: absence joins no events.
        let by = match value(&count.by) {
            Some(None) => return None,
            Some(by) => by,
            None => None,
        };
        let distinct = match value(&count.distinct) {
            Some(None) => return None,
            Some(distinct) => distinct,
            None => None,
        };
        let now = evidence.time;
        let at = self.0.iter().position(|counter| counter.scope == scope && counter.by == by);
        let at = match at {
            Some(at) => at,
            None => {
                if self.0.len() >= MAX_COUNTERS {
                    *evicted = evicted.saturating_add(1);
                    self.drop_least();
                }
                self.0.push(Counter { scope, by, seen: VecDeque::new(), held: Held::default() });
                self.0.len().saturating_sub(1)
            }
        };
        let counter = self.0.get_mut(at)?;
        // A late event does not make the others late, and one from before the window does not count.
        let newest = counter.seen.iter().map(|(time, _)| *time).fold(now, Time::max);
        counter.seen.retain(|(time, _)| newest.since(*time) <= within);
        if newest.since(now) > within {
            return None;
        }
        if distinct.is_some()
            && let Some(known) = counter.seen.iter_mut().find(|(_, value)| *value == distinct)
        {
            known.0 = known.0.max(now);
            return None;
        }
        if counter.seen.len() >= MAX_KEPT {
            counter.seen.pop_front();
        }
        counter.seen.push_back((now, distinct));
        counter.hold(budget);
        let enough = usize::try_from(count.at_least).unwrap_or(usize::MAX).min(MAX_KEPT);
        if counter.seen.len() < enough {
            return None;
        }
        let since = counter.seen.iter().map(|(time, _)| *time).min().unwrap_or(now);
        let times = u32::try_from(counter.seen.len()).unwrap_or(u32::MAX);
        counter.seen.clear();
        Some(Evidence { since, count: times, ..evidence })
    }

    /// How much was counted of what the event counts for; nothing if it counts for nothing.
    pub(super) fn counted(
        &self,
        count: &Count,
        scope: ScopeKey,
        scene: &Scene<'_>,
        kept: &[Option<OwnedValue>],
    ) -> Option<(Option<OwnedValue>, usize)> {
        let has_value = |term: &super::super::compile::Term| term.value(scene, kept).map(Seen::into_owned);
        if let Some(distinct) = &count.distinct {
            has_value(distinct)?;
        }
        let by = match &count.by {
            Some(by) => Some(has_value(by)?),
            None => None,
        };
        let counter = self.0.iter().find(|counter| counter.scope == scope && counter.by == by);
        Some((by, counter.map_or(0, |counter| counter.seen.len())))
    }

    /// Drops what was counted in a scope.
    pub(super) fn void(&mut self, scope: ScopeKey) {
        self.0.retain(|counter| counter.scope != scope);
    }

    /// Drops the counter that is farthest from its goal, of equals the oldest; those that came first only if there are
    /// no others. Whether there was one.
    pub(super) fn drop_least(&mut self) -> bool {
        let by_need = |(at, counter): &(usize, &Counter)| (*at < FIRST_COUNTERS, counter.seen.len(), *at);
        let least = self.0.iter().enumerate().min_by_key(by_need).map(|(at, _)| at);
        least.map(|least| self.0.remove(least)).is_some()
    }

    /// What the counters hold.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|counter| counter.held.bytes()).fold(0, usize::saturating_add)
    }
}

impl Counter {
    /// Charges what the counter holds now, if that is more or much less than before.
    fn hold(&mut self, budget: &Budget) {
        let list = heap_of::<(Time, Option<OwnedValue>)>(self.seen.capacity());
        let by = self.by.as_ref().map_or(0, OwnedValue::heap);
        let values = self.seen.iter().filter_map(|(_, value)| value.as_ref()).map(OwnedValue::heap);
        let bytes = values.fold(list.saturating_add(by), usize::saturating_add);
        let bytes = bytes.saturating_add(size_of::<Counter>());
        if bytes != self.held.bytes() {
            self.held = Held::own(budget, bytes);
        }
    }
}
