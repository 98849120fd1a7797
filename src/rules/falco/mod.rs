//! From the items of all files to rules that name nothing any more.
//!
//! Lists, macros and exceptions as Falco has them: a later definition replaces the earlier one for *every* rule, a
//! list's item that names a list stands for its items, `append` and `override` change what was defined before. Unlike
//! in Falco, the order in which names are defined does not matter for using them.
//!
//! Every condition in a [`RuleSource`] is whole: its macros are in it, with the places where they were written, and
//! its lists are lists of values. Fields, types and operators that do not fit are nobody's concern here.
//!
//! Bounds: [`MAX_EXPANSION`], [`MAX_EXPANDED_DEPTH`] and [`MAX_TOTAL`] keep ten macros that name each other twice
//! from becoming a tree of a billion checks.

mod define;
mod exceptions;
mod finish;
mod order;
mod resolve;
#[cfg(test)]
mod tests;

use super::diagnostics::Diagnostics;
use super::file::{self, Action, CountSource, Priority, Scope, TestSource};
use super::lang::{Expr, Field, Term};
use super::source::{Sources, Span, Spanned, Text};
use crate::event::Nanos;

/// The most parts (checks, `and`, `or`, `not`) that a condition may have with its macros in it. The largest of
/// Falco's public rules has 400.
pub const MAX_EXPANSION: usize = 100_000;

/// How deep a condition may nest with its macros in it. What follows walks the tree by recursion, a level at a time.
pub const MAX_EXPANDED_DEPTH: usize = 400;

/// The most parts that the conditions of all rules together may have: some 300 MiB of tree.
pub const MAX_TOTAL: usize = 1_000_000;

/// A rule with everything that its file says of it, ready to be checked and compiled.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// Its name.
    pub name: Spanned<String>,
    /// Its id, unique among the rules: as given, or made from the name.
    pub id: Spanned<String>,
    /// What it looks for.
    pub desc: Option<Text>,
    /// What it reports: text with `%field`s.
    pub output: Text,
    /// How urgent a match is.
    pub priority: Spanned<Priority>,
    /// The event source it is for; `syscall` if none is named.
    pub source: Spanned<String>,
    /// Its tags.
    pub tags: Vec<Spanned<String>>,
    /// Whether it is in use.
    pub enabled: bool,
    /// Whether it warns when it is for every event type (Falco's key; true if absent).
    pub warn_evttypes: bool,
    /// Whether it is left out without an error if it uses an unknown field (Falco's key; false if absent).
    pub skip_if_unknown_filter: bool,
    /// What must happen: one step for a rule with a `condition`, never none.
    pub steps: Vec<StepSource>,
    /// Whether the rule has a `sequence`, of one step or of several.
    pub is_sequence: bool,
    /// Whether the steps may happen in any order.
    pub unordered: bool,
    /// Where they must happen.
    pub scope: Option<Spanned<Scope>>,
    /// How long from the first to the last.
    pub within: Option<Spanned<Nanos>>,
    /// What voids a partial match.
    pub until: Option<Expr>,
    /// What a match adds to the container's score.
    pub weight: Option<Spanned<u32>>,
    /// At most one match per container and values of these.
    pub once: Vec<Field>,
    /// How long that holds; for ever if absent.
    pub once_per: Option<Spanned<Nanos>>,
    /// Whether it only shows what it would do.
    pub shadow: bool,
    /// What its match alone may cause.
    pub action: Option<Spanned<Action>>,
    /// Fields that its exceptions name and that are compared with nothing yet.
    pub idle_fields: Vec<Term>,
    /// Its inline tests.
    pub tests: Vec<TestSource>,
    /// Where its name stands.
    pub span: Span,
}

/// A step of a rule.
#[derive(Clone, Debug)]
pub struct StepSource {
    /// The name by which later steps refer to it.
    pub alias: Option<Spanned<String>>,
    /// What must happen.
    pub what: StepWhat,
    /// Whether a match needs it.
    pub optional: bool,
    /// Whether it must not happen within its time.
    pub absent: bool,
    /// Its own time.
    pub within: Option<Spanned<Nanos>>,
    /// Its own weight.
    pub weight: Option<Spanned<u32>>,
    /// How often it must happen.
    pub count: Option<CountSource>,
    /// Where it stands.
    pub span: Span,
}

/// What must happen for a step.
#[derive(Clone, Debug)]
pub enum StepWhat {
    /// An event that meets a condition.
    Condition(Expr),
    /// A match of one of these rules, by id; each of them exists.
    Match(Vec<Spanned<String>>),
}

/// What a definition came to.
#[derive(Clone, Debug)]
pub(crate) enum Finished {
    /// A rule.
    Whole(Box<RuleSource>),
    /// Something is wrong with it, and was said.
    Broken(Broken),
}

/// What is known of a rule with an error in its file.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) name: Spanned<String>,
    pub(crate) id: String,
    pub(crate) enabled: bool,
    /// What can be looked at for more errors, if its conditions can be read.
    pub(crate) rest: Option<Box<RuleSource>>,
}

/// Loads rule files, given by name and text, in this order.
///
/// The rules that are whole come back even if there are errors; whether they may be used then is the caller's to
/// decide ([`Diagnostics::has_errors`]). They are in the order in which their names were first defined.
#[must_use]
pub fn load(files: &[(&str, &str)]) -> (Vec<RuleSource>, Sources, Diagnostics) {
    let (finished, sources, diagnostics) = load_all(files);
    let whole = finished.into_iter().filter_map(|rule| match rule {
        Finished::Whole(rule) => Some(*rule),
        Finished::Broken(_) => None,
    });
    (whole.collect(), sources, diagnostics)
}

/// Loads rule files, and keeps those that are not whole by name.
pub(crate) fn load_all(files: &[(&str, &str)]) -> (Vec<Finished>, Sources, Diagnostics) {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut definitions = define::Definitions::default();
    for (name, text) in files {
        let id = sources.add(name, text);
        for item in file::read(id, &sources, &mut diagnostics) {
            definitions.apply(item, &mut diagnostics);
        }
    }
    let define::Definitions { lists, macros, rules } = definitions;
    let resolver = resolve::Resolver::new(lists, macros, &mut diagnostics);
    let rules = finish::finish(rules.into_values(), resolver, &mut diagnostics);
    (rules, sources, diagnostics)
}
