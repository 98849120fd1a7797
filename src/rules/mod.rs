//! Rules: what is looked for, compiled from text.
//!
//! The way of a rule: `source` (texts and places), `file` (YAML with every place kept), `lang` (conditions: text to
//! tree and back), `falco` (lists, macros, exceptions, changes across files: what is left are rules without names to
//! look up), and `diagnostics` for whatever is wrong on the way. [`load`] goes all of it.
//!
//! **Invariant**: nothing in here reads a file or a clock, and the same files give the same rules and the same
//! diagnostics, byte for byte.

pub mod diagnostics;
pub mod falco;
pub mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod hash;
pub mod lang;
pub mod source;

pub use diagnostics::{Code, Diagnostic, Diagnostics, Severity};
pub use falco::{RuleSource, StepSource, StepWhat, load};
pub use file::{Action, CountSource, Priority, Scope, TestSource};
pub use source::{SourceId, Sources, Span, Spanned, Text};
