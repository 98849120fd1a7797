//! One rule file: YAML to items, with the place of everything that can be wrong.
//!
//! A file is a list of items; what an item is says its key (`list`, `macro`, `rule`, …), wherever that stands. Keys
//! are Falco's and ours (RULES.md). What Falco passes over with a warning (unknown keys of items, unknown items) is passed
//! over with a warning here; inside of steps, counts and tests, which Falco does not have, an unknown key is an error: a
//! misspelt `within` is a rule that never fires. Nothing is looked up here and no condition is parsed: `append` may still
//! add to it.
//!
//! Bounds: [`MAX_FILE`], [`MAX_ITEMS`], [`MAX_LIST`], [`MAX_STEPS`] and those of the YAML reader.

mod fold;
mod items;
mod read;
mod rule;
mod yaml;

pub(crate) use read::located;
pub use rule::{Action, CountSource, Priority, Scope, TestSource};
pub(crate) use rule::{Exception, ExceptionValue, OneOrMany, RuleKeys, StepKeys};

use super::diagnostics::{Diagnostic, Diagnostics, codes};
use super::source::{SourceId, Sources, Span, Spanned, Text};
use read::Reader;
use yaml::NodeKind;

/// The largest file, in bytes. Falco's three public files have 0.3 MiB together; offsets are 32 bits wide.
pub const MAX_FILE: usize = 4 * 1024 * 1024;

/// The most items of a file: a file of `- list: a` would be a million definitions.
pub const MAX_ITEMS: usize = 20_000;

/// The most items of a list, before and after the lists that it names are in it. A feed of addresses belongs into
/// the intelligence lists, which can be exchanged without a compilation.
pub const MAX_LIST: usize = 100_000;

/// The most steps of a sequence. Every partial match keeps the evidence of each of its steps.
pub const MAX_STEPS: usize = 32;

/// The most tags, tests, `once` fields, exceptions and the like of one rule.
pub(crate) const MAX_SMALL: usize = 1000;

/// An item of a rule file.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A list of values.
    List { name: Spanned<String>, items: Option<Vec<Text>>, change: Change },
    /// A named condition.
    Macro { name: Spanned<String>, condition: Option<Text>, change: Change },
    /// A rule.
    Rule(Box<RuleItem>),
}

/// A rule's item.
#[derive(Clone, Debug)]
pub(crate) struct RuleItem {
    pub(crate) name: Spanned<String>,
    pub(crate) keys: RuleKeys,
    pub(crate) change: Change,
    /// The known keys that it has with a value, `rule` included.
    pub(crate) present: Vec<Spanned<String>>,
    /// Whether something is wrong with it.
    pub(crate) is_broken: bool,
}

/// What an item does to an earlier one of its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// `append: true`.
    pub(crate) append: Option<Span>,
    /// `override`, a key each.
    pub(crate) overrides: Vec<Override>,
}

/// `KEY: append` or `KEY: replace`.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) key: Spanned<String>,
    pub(crate) append: bool,
}

/// Reads a file that was added to `sources`.
pub(crate) fn read(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> Vec<Item> {
    let size = sources.text(source).len();
    if size > MAX_FILE {
        let message = format!("the file has {size} bytes, more than {MAX_FILE}");
        let place = Span::new(source, 0, 0);
        diagnostics.push(Diagnostic::error(codes::FILE_TOO_LARGE, message, place).help("split it"));
        return Vec::new();
    }
    let documents = yaml::read(source, sources, diagnostics);
    let mut reader = Reader { diagnostics };
    let mut items = Vec::new();
    for document in documents {
        match document.kind {
            NodeKind::Null => {}
            NodeKind::List(nodes) if nodes.len() > MAX_ITEMS => {
                let message = format!("the file has {} items, more than {MAX_ITEMS}", nodes.len());
                reader.error(Diagnostic::error(codes::TOO_MANY, message, document.span).help("split it"));
            }
            NodeKind::List(nodes) => items.extend(nodes.iter().filter_map(|node| reader.file_item(node))),
            NodeKind::Text(_) | NodeKind::Map(_) => {
                let message = format!("a rule file must be a list of items, found {}", document.form());
                let help = "start each item with `- list:`, `- macro:` or `- rule:`";
                reader.error(Diagnostic::error(codes::WRONG_FORM, message, document.span).help(help));
            }
        }
    }
    items
}
