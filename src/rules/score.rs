//! The score of a container: the weights of what matched, halving every half hour of event time.
//!
//! All in whole numbers, so that the same trace gives the same score everywhere: the value is exact at every
//! halving and runs straight between two of them.

use crate::event::{Nanos, Time};
use crate::state::heap_of;

use super::ruleset::Thresholds;

/// The time in which a contribution halves.
const HALF_LIFE: Nanos = Nanos::from_mins(30);

/// Hundredths of a point: what is left of a weight is no whole number.
const UNIT: u64 = 100;

/// Contributions that are kept. Each rule adds at most twice its weight, so this is for hundreds of rules at once.
const MAX_CONTRIBUTIONS: usize = 256;

/// How grave a container's score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth a line.
    Notice,
    /// Worth a person's time.
    Alert,
    /// Worth the container's life.
    Kill,
}

impl Level {
    /// The level's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Alert => "alert",
            Level::Kill => "kill",
        }
    }
}

impl Thresholds {
    /// The level of a score.
    #[must_use]
    pub fn level(&self, score: Points) -> Option<Level> {
        let reached = |threshold: u32| score.0 >= u64::from(threshold).saturating_mul(UNIT);
        if reached(self.kill) {
            Some(Level::Kill)
        } else if reached(self.alert) {
            Some(Level::Alert)
        } else if reached(self.notice) {
            Some(Level::Notice)
        } else {
            None
        }
    }
}

/// A score in hundredths of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(pub u64);

impl Points {
    /// The score in points.
    #[must_use]
    pub fn whole(self) -> u64 {
        self.0 / UNIT
    }
}

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 % UNIT {
            0 => write!(f, "{}", self.whole()),
            rest if rest % 10 == 0 => write!(f, "{}.{}", self.whole(), rest / 10),
            rest => write!(f, "{}.{rest:02}", self.whole()),
        }
    }
}

/// What rules added to a container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    contributions: Vec<Contribution>,
}

#[derive(Clone, Copy, Debug)]
struct Contribution {
    rule: usize,
    time: Time,
    points: Points,
}

impl Contribution {
    fn left(&self, now: Time) -> Points {
        let age = now.since(self.time).0.max(0);
        let halvings = u32::try_from(age / HALF_LIFE.0).unwrap_or(u32::MAX);
        let whole = self.points.0.checked_shr(halvings).unwrap_or(0);
        // Within a half life the value runs straight from the whole to the half.
        let into = u64::try_from(age % HALF_LIFE.0).unwrap_or(0);
        let half_life = u64::try_from(HALF_LIFE.0).unwrap_or(u64::MAX);
        let lost = u128::from(whole)
            .saturating_mul(u128::from(into))
            .checked_div(u128::from(half_life.saturating_mul(2)))
            .unwrap_or(0);
        Points(whole.saturating_sub(u64::try_from(lost).unwrap_or(u64::MAX)))
    }
}

impl Score {
    /// The score at a point in time.
    pub(crate) fn at(&self, now: Time) -> Points {
        Points(
            self.contributions
                .iter()
                .map(|contribution| contribution.left(now).0)
                .fold(0, u64::saturating_add),
        )
    }

    /// The bytes that it holds on the heap.
    pub(crate) fn heap(&self) -> usize {
        heap_of::<Contribution>(self.contributions.capacity())
    }

    /// What a rule has added that is left.
    pub(crate) fn of_rule(&self, rule: usize, now: Time) -> Points {
        let own = self.contributions.iter().filter(|contribution| contribution.rule == rule);
        Points(own.map(|contribution| contribution.left(now).0).fold(0, u64::saturating_add))
    }

    /// Keeps what rules added that are unchanged, by where they are now, and drops the rest.
    pub(crate) fn moved(&mut self, places: &[Option<usize>]) {
        self.contributions.retain_mut(|contribution| match places.get(contribution.rule) {
            Some(Some(place)) => {
                contribution.rule = *place;
                true
            }
            Some(None) | None => false,
        });
    }

    /// Adds a match of a rule, as far as the rule may still add: at most twice its weight. Says what it added.
    pub(crate) fn add(&mut self, rule: usize, weight: u32, extra: u32, now: Time) -> Points {
        let cap = u64::from(weight).saturating_mul(2).saturating_mul(UNIT);
        let room = cap.saturating_sub(self.of_rule(rule, now).0);
        let points =
            Points(u64::from(weight).saturating_add(u64::from(extra)).saturating_mul(UNIT).min(room));
        self.contributions.retain(|contribution| contribution.left(now).0 > 0);
        if points.0 > 0 {
            if self.contributions.len() >= MAX_CONTRIBUTIONS {
                self.contributions.remove(0);
            }
            self.contributions.push(Contribution { rule, time: now, points });
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mins: i64) -> Time {
        Time(1).after(Nanos::from_mins(mins))
    }

    #[test]
    fn a_weight_halves_every_half_hour() {
        let mut score = Score::default();
        score.add(0, 40, 0, at(0));
        for (mins, points) in [(0, 4000), (15, 3000), (30, 2000), (60, 1000), (90, 500), (600, 0)] {
            assert_eq!(score.at(at(mins)), Points(points), "after {mins} min");
        }
    }

    #[test]
    fn a_rule_adds_at_most_twice_its_weight() {
        let mut score = Score::default();
        let added: Vec<u64> = (0..4).map(|_| score.add(7, 40, 0, at(0)).whole()).collect();
        assert_eq!(added, [40, 40, 0, 0]);
        assert_eq!(score.at(at(0)), Points(8000));
        // Half of it is gone, so half may come again.
        assert_eq!(score.add(7, 40, 0, at(30)).whole(), 40);
        assert_eq!(score.add(8, 10, 5, at(30)).whole(), 15);
    }

    #[test]
    fn levels_begin_at_their_thresholds() {
        let thresholds = Thresholds::default();
        for (points, level) in [
            (2499, None),
            (2500, Some(Level::Notice)),
            (5999, Some(Level::Notice)),
            (6000, Some(Level::Alert)),
            (10_000, Some(Level::Kill)),
        ] {
            assert_eq!(thresholds.level(Points(points)), level);
        }
    }

    #[test]
    fn late_events_do_not_raise_what_is_left() {
        let mut score = Score::default();
        score.add(0, 40, 0, at(10));
        assert_eq!(score.at(at(0)), Points(4000));
    }
}
