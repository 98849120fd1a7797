//! The cap on kills: a bad feed or rule must not empty a host.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// When the last kills were.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// Within the last minute, oldest first: as many as are allowed at most.
    recent: VecDeque<Instant>,
}

impl Limiter {
    /// Whether one more is allowed now, which then counts.
    pub(super) fn admits(&mut self, now: Instant, per_minute: u32) -> bool {
        while self.recent.front().is_some_and(|kill| now.saturating_duration_since(*kill) >= MINUTE) {
            self.recent.pop_front();
        }
        let is_room = u32::try_from(self.recent.len()).is_ok_and(|kills| kills < per_minute);
        if is_room {
            self.recent.push_back(now);
        }
        is_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_within_any_minute_and_no_more() {
        let begin = Instant::now();
        let at = |secs| begin + Duration::from_secs(secs);
        let mut limiter = Limiter::default();
        let admitted: Vec<bool> =
            [0, 10, 20, 59, 60, 61, 70, 75].map(|secs| limiter.admits(at(secs), 3)).to_vec();
        assert_eq!(admitted, [true, true, true, false, true, false, true, false]);
        // What was refused does not count, and a smaller cap holds at once.
        assert!(limiter.admits(at(81), 3));
        assert!(!limiter.admits(at(82), 1));
    }
}
