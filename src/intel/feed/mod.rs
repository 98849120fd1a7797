//! Threat feeds: bytes of a file that somebody published → records → what is believed of them.
//!
//! Everything here is pure: it fetches nothing, opens nothing and knows no time but what it is told. A feed is
//! semi-trusted: it breaks, goes stale, gets poisoned, and every one of its bytes is parsed within bounds.

pub mod record;

pub use record::{FileHash, Indicator, Kind, Record};
