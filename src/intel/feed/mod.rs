//! Threat feeds: bytes of a file that somebody published → records → what is believed of them.
//!
//! Everything here is pure: it fetches nothing, opens nothing and knows no time but what it is told. A feed is
//! semi-trusted: it breaks, goes stale, gets poisoned, and every one of its bytes is parsed within bounds.
//!
//! The way of a file: [`parse`] tells its form and reads it, or refuses it whole; [`vet()`] decides what of it is
//! believed. What a feed says is never more than a hint for shared infrastructure, and never against the operator.

mod format;
mod formats;
mod ranges;
mod read;
pub mod record;
mod sniff;
mod special;
mod value;
pub mod vet;
pub mod warn;
mod when;

pub use format::{Format, UnknownFormat};
pub use formats::misp::{ManifestEntry, manifest};
pub use read::{
    Column, Columns, Declared, Ending, Example, FeedError, Limits, Options, Parsed, Skip, Unparsed, Why,
    parse,
};
pub use record::{FileHash, Indicator, Kind, Record};
pub use value::{Defang, indicator, url_host};
pub use vet::{Vetted, vet};
pub use warn::WarningList;
