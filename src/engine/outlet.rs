//! How often a rule without weight may speak: each of its matches is a finding, and a workload that knows the rule makes
//! matches at will. What it may say at once is generous, so that decoys do not silence it; what is beyond that is
//! counted.

use crate::event::{Nanos, Time};
use crate::state::heap_of;

/// Findings that a rule makes of a container at once.
const AT_ONCE: u32 = 4096;

/// Event time after which it may make another one.
const ANOTHER: Nanos = Nanos::from_millis(250);

/// What the rules of a container may still say.
#[derive(Clone, Debug, Default)]
pub(super) struct Outlets {
    /// By rising place of the rule.
    rules: Vec<Outlet>,
}

#[derive(Clone, Copy, Debug)]
struct Outlet {
    rule: usize,
    left: u32,
    /// Up to when `left` was filled.
    filled: Time,
}

impl Outlets {
    /// Whether the rule may make a finding now; if so, it has made it.
    pub(super) fn let_out(&mut self, rule: usize, now: Time) -> bool {
        let at = match self.rules.binary_search_by_key(&rule, |outlet| outlet.rule) {
            Ok(at) => at,
            Err(at) => {
                self.rules.insert(at, Outlet { rule, left: AT_ONCE, filled: now });
                at
            }
        };
        let Some(outlet) = self.rules.get_mut(at) else { return true };
        let others = now.since(outlet.filled).0.max(0) / ANOTHER.0;
        if others > 0 {
            let more = u32::try_from(others).unwrap_or(u32::MAX);
            outlet.left = outlet.left.saturating_add(more).min(AT_ONCE);
            outlet.filled = outlet.filled.after(Nanos(others.saturating_mul(ANOTHER.0)));
        }
        let may = outlet.left > 0;
        outlet.left = outlet.left.saturating_sub(1);
        may
    }

    /// Other rules are in force: those that are unchanged go on.
    pub(super) fn moved(&mut self, places: &[Option<usize>]) {
        self.rules.retain_mut(|outlet| match places.get(outlet.rule) {
            Some(Some(place)) => {
                outlet.rule = *place;
                true
            }
            Some(None) | None => false,
        });
        self.rules.sort_by_key(|outlet| outlet.rule);
    }

    /// The bytes that they hold on the heap.
    pub(super) fn heap(&self) -> usize {
        heap_of::<Outlet>(self.rules.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time(1).after(Nanos::from_millis(millis))
    }

    fn said(outlets: &mut Outlets, rule: usize, millis: i64) -> usize {
        (0..2 * AT_ONCE).filter(|_| outlets.let_out(rule, at(millis))).count()
    }

    #[test]
    fn a_rule_says_much_at_once_and_then_a_little_from_time_to_time() {
        let mut outlets = Outlets::default();
        assert_eq!(said(&mut outlets, 7, 0), 4096);
        assert_eq!(said(&mut outlets, 3, 0), 4096, "another rule has its own");
        assert_eq!(said(&mut outlets, 7, 249), 0);
        assert_eq!(said(&mut outlets, 7, 1000), 4);
        assert_eq!(said(&mut outlets, 7, 1001), 0);
        assert_eq!(said(&mut outlets, 7, 500), 0, "time that goes back gives nothing");
        assert_eq!(said(&mut outlets, 7, 100_000_000), 4096, "nor does a long pause more than there was");
    }

    #[test]
    fn rules_that_are_unchanged_go_on_under_their_new_places() {
        let mut outlets = Outlets::default();
        for rule in [0, 1, 2] {
            said(&mut outlets, rule, 0);
        }
        outlets.moved(&[Some(5), None, Some(0)]);
        let again = [5, 1, 0].map(|rule| said(&mut outlets, rule, 0));
        assert_eq!(again, [0, 4096, 0]);
    }
}
