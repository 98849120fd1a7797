//! Rules: what is looked for, compiled from text and matched against what is remembered.
//!
//! The way of a rule: `source` (texts and places), `file` (YAML with every place kept), `lang` (conditions: text to
//! tree and back), `falco` (lists, macros, exceptions, changes across files: what is left are rules without names to
//! look up), `fields` (the table of what can be asked), `compile` (types, predicates), `ruleset` (indexed by event),
//! `matcher` (partial matches), `score`; and `diagnostics` for whatever is wrong on the way.
//!
//! **Invariant**: nothing in here reads a file or a clock, and the same files give the same rules and the same
//! diagnostics, byte for byte.

pub mod builtin;
mod compile;
pub mod diagnostics;
pub mod falco;
pub mod fields;
pub mod file;
mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod lang;
pub(crate) mod matcher;
mod plan;
pub(crate) mod ruleset;
pub(crate) mod score;
pub mod session;
pub mod source;
pub mod testing;

pub use compile::{
    Compiled, DEFAULT_WITHIN, Denied, Fate, Gap, Loss, LossKind, RuleReport, Skipped, compile,
};
pub(crate) use compile::{Probe, Triggers};
pub use diagnostics::{Code, Diagnostic, Diagnostics, Severity, closest};
pub use falco::{RuleSource, StepSource, StepWhat, load};
pub use fields::Scene;
pub use file::{Action, CountSource, Priority, Scope, TestSource};
pub use ruleset::{Rule, RuleSet, Thresholds};
pub use score::{Level, Points};
pub use source::{SourceId, Sources, Span, Spanned, Text};
