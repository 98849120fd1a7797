//! Points in time and spans of it, in nanoseconds, with arithmetic that a hostile clock cannot overflow.

use super::record::{Value, field, record};

/// A point in time: nanoseconds since the Unix epoch by the sentry's clock. 0 means "not said".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A span of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

impl Time {
    /// The time that passed since `earlier`; negative where that lies in the future.
    #[must_use]
    pub fn since(self, earlier: Time) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// The point in time `span` later.
    #[must_use]
    pub fn after(self, span: Nanos) -> Time {
        Time(self.0.saturating_add(span.0))
    }

    /// Whether a time was given at all.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.0 != 0
    }
}

impl Nanos {
    /// No time at all.
    pub const ZERO: Nanos = Nanos(0);
    /// A span so long that it never runs out.
    pub const MAX: Nanos = Nanos(i64::MAX);

    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Nanos {
        Nanos(millis.saturating_mul(1_000_000))
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Nanos {
        Nanos(secs.saturating_mul(1_000_000_000))
    }

    /// So many minutes.
    #[must_use]
    pub const fn from_mins(mins: i64) -> Nanos {
        Nanos::from_secs(mins.saturating_mul(60))
    }

    /// The distance between two spans, never negative.
    #[must_use]
    pub fn distance(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0).saturating_abs())
    }
}

record! {
    /// A `struct timespec` as the sentry reports it.
    #[derive(Copy, Default, Eq)]
    pub struct Timespec {
        /// Whole seconds.
        pub sec: i64,
        /// Nanoseconds beside them.
        pub nsec: i64,
    }
}

field! {
    Time => |it| Value::Signed(it.0);
    Nanos => |it| Value::Signed(it.0);
}
