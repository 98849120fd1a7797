//! Output templates: text with `%field` in it, filled in when a rule matches.
//!
//! As in Falco a field is the longest name that there is (`%proc.name-%fd.name`, `%fd.name.bak`), a transformer may stand
//! in its place (`%toupper(proc.name)`), a number in front of it cuts and fills up (`%20proc.name`), and an asterisk in front of
//! everything is not printed: it says that fields may be absent, which they always may.

use std::fmt::Write as _;

use crate::rules::diagnostics::Diagnostic;
use crate::rules::fields::{FieldId, OwnedValue, Scene, Type, Value};
use crate::rules::lang::{self, Field, Term as Written};
use crate::rules::source::Text;

use super::condition::ConditionCompiler;
use super::predicate::Term;

/// An output template.
#[derive(Debug, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    /// A value, and how many characters it takes; as many as it has if that is not said.
    Field(Term, Type, Option<usize>),
    Count,
}

/// The most characters that a field is filled up to.
const MAX_WIDTH: usize = 1024;

/// The longest name that is searched for a field at its beginning.
const MAX_NAME: usize = 128;

/// What Falco prints for `%container.info`, its old shorthand.
const CONTAINER_INFO: [(&str, &str); 2] =
    [("container_id=", "container.id"), (" container_name=", "container.name")];

impl Template {
    /// Compiles a template; a field that does not exist is an error with its place.
    pub(crate) fn compile(text: &Text, compiler: &mut ConditionCompiler<'_>) -> Template {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut at = usize::from(text.value.starts_with('*'));
        while let Some(rest) = text.value.get(at..) {
            let Some(percent) = rest.find('%') else {
                plain.push_str(rest);
                break;
            };
            plain.push_str(rest.get(..percent).unwrap_or(""));
            let after = at.saturating_add(percent).saturating_add(1);
            let digits = text.value.get(after..).unwrap_or("");
            let digits =
                digits.len().saturating_sub(digits.trim_start_matches(|c: char| c.is_ascii_digit()).len());
            let start = after.saturating_add(digits);
            let width = text.value.get(after..start).and_then(|width| width.parse().ok());
            let Some((what, end)) = field_at(text, start) else {
                // `%%` and a lone `%` are what they look like.
                plain.push('%');
                at = after.saturating_add(usize::from(
                    text.value.get(after..).is_some_and(|it| it.starts_with('%')),
                ));
                continue;
            };
            if let Written::Field(Field { name, .. }) = &what
                && name == "container.info"
            {
                for (label, name) in CONTAINER_INFO {
                    plain.push_str(label);
                    let field = Field { name: name.to_owned(), argument: None, span: text.span(start..end) };
                    add(Written::Field(field), None, &mut plain, &mut pieces, compiler);
                }
                at = end;
                continue;
            }
            at = match add(what, width, &mut plain, &mut pieces, compiler) {
                Some(shorter) => start.saturating_add(shorter),
                None => end,
            };
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Template(pieces)
    }

    /// The text, with `<NA>` for what has no value, as Falco prints it. What the workload chose is escaped.
    pub(crate) fn fill(&self, scene: &Scene<'_>, kept: &[Option<OwnedValue>], count: u32) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            // Writing to a string cannot fail.
            let _written = match piece {
                Piece::Text(plain) => text.write_str(plain),
                Piece::Count => write!(text, "{count}"),
                Piece::Field(term, kind, width) => {
                    let start = text.len();
                    let written = match term.value(scene, kept) {
                        Some(value) => write!(text, "{}", Value::display(&value, *kind)),
                        None => text.write_str("<NA>"),
                    };
                    if let Some(width) = width {
                        fit(&mut text, start, *width);
                    }
                    written
                }
            };
        }
        text
    }
}

/// Cuts what stands behind `start`, or fills it up with blanks.
fn fit(text: &mut String, start: usize, width: usize) {
    let written = text.get(start..).unwrap_or("");
    match written.char_indices().nth(width) {
        Some((cut, _)) => text.truncate(start.saturating_add(cut)),
        None => {
            let missing = width.saturating_sub(written.chars().count());
            text.extend(core::iter::repeat_n(' ', missing));
        }
    }
}

/// The field or transformer that is written at `start`, and where it ends.
fn field_at(text: &Text, start: usize) -> Option<(Written, usize)> {
    if let Some(found) = lang::parse_term_at(text, start) {
        return Some(found);
    }
    // `%count` has no dot, and brackets behind a name may be text. What is spelt like a field and is none is an error.
    let rest = text.value.get(start..)?;
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c))).unwrap_or(rest.len());
    let name = rest.get(..length)?.trim_end_matches('.');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let end = start.saturating_add(name.len());
    let field = Field { name: name.to_owned(), argument: None, span: text.span(start..end) };
    Some((Written::Field(field), end))
}

/// Adds a field with the text before it; how many bytes its name has, where not all that stands there is its own.
fn add(
    what: Written,
    width: Option<usize>,
    plain: &mut String,
    pieces: &mut Vec<Piece>,
    compiler: &mut ConditionCompiler<'_>,
) -> Option<usize> {
    if !plain.is_empty() {
        pieces.push(Piece::Text(core::mem::take(plain)));
    }
    let (compiled, shorter) = match &what {
        Written::Field(field) => longest(field, compiler),
        Written::Call(_) => (compiler.term(&what), None),
    };
    match compiled {
        Ok((Term::Field(reference), _)) if reference.id == FieldId::MatchCount => pieces.push(Piece::Count),
        Ok((term, kind)) => pieces.push(Piece::Field(term, kind, width.map(|width| width.min(MAX_WIDTH)))),
        Err(diagnostic) => compiler.diagnostics.push(*diagnostic),
    }
    shorter
}

/// A field that is there, or what is wrong with it.
type Found = Result<(Term, Type), Box<Diagnostic>>;

/// The field that is written there, or the longest beginning of it that is a field, with that one's length.
fn longest(field: &Field, compiler: &mut ConditionCompiler<'_>) -> (Found, Option<usize>) {
    let whole = compiler.field(field);
    if whole.is_ok() || field.name.len() > MAX_NAME {
        return (whole, None);
    }
    for end in (1..=field.name.len()).rev() {
        let Some(name) = field.name.get(..end).filter(|name| name.contains('.')) else { continue };
        let shorter = Field { name: name.to_owned(), argument: None, span: field.span };
        if let Ok(found) = compiler.field(&shorter) {
            return (Ok(found), Some(end));
        }
    }
    (whole, None)
}
