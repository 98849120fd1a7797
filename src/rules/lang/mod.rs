//! The condition language: text to tree and back.
//!
//! Falco's grammar whole (what it accepts is accepted, what it refuses is refused, `as_falco` has the table), plus
//! numbers with a unit. It looks up nothing: macros, lists and fields are names here, and values are text. `falco` replaces the names,
//! the type check gives the values their meaning.
//!
//! Bounds: [`MAX_CONDITION`] bytes, [`MAX_DEPTH`] levels; the time is linear in the length.

#[cfg(test)]
mod as_falco;
mod blame;
mod error;
mod lex;
mod number;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod tree;

pub use error::{ParseError, ParseErrorKind};
pub use number::{Number, duration, duration_text};
pub use parse::{
    parse, parse_comparison, parse_field, parse_item, parse_list, parse_operand, parse_term, parse_term_at,
};
pub use tree::{
    Argument, Call, Check, Expr, ExprKind, Field, Function, List, Modifier, Operand, Operator, Takes, Term,
    Value,
};

/// The longest condition, in bytes. The longest of Falco's public rules has 3 KiB; a file full of one condition
/// must not make a tree that is a hundred times larger than the file.
pub const MAX_CONDITION: usize = 256 * 1024;

/// How many parentheses (a condition's, a transformer's) may be open at once. The parser recurses once for each, so
/// the bound keeps a file of parentheses from exhausting the stack.
pub const MAX_DEPTH: usize = 100;
