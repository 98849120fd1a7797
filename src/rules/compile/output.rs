//! Output templates: text with `%field` in it, filled in when a rule matches.

use std::fmt::Write as _;

use crate::rules::diagnostics::Diagnostic;
use crate::rules::fields::{FieldId, OwnedValue, Scene, Type, Value};
use crate::rules::lang::Field;
use crate::rules::source::Text;

use super::condition::ConditionCompiler;
use super::predicate::Term;

/// An output template.
#[derive(Debug, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Field(Term, Type),
    Count,
}

impl Template {
    /// Compiles a template; a field that does not exist is an error with its place.
    pub(crate) fn compile(text: &Text, compiler: &mut ConditionCompiler<'_>) -> Template {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.value.as_str();
        while let Some(at) = rest.find('%') {
            let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            plain.push_str(before);
            let after = after.strip_prefix('%').unwrap_or("");
            let length = name_length(after);
            if length == 0 {
                // `%%` and a lone `%` are what they look like.
                plain.push('%');
                rest = after.strip_prefix('%').unwrap_or(after);
                continue;
            }
            let (name, behind) = after.split_at_checked(length).unwrap_or((after, ""));
            let start = text.value.len().saturating_sub(after.len());
            rest = behind;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let span = text.span(start..start.saturating_add(length));
            match compile_field(name, span, compiler) {
                Ok(piece) => pieces.push(piece),
                Err(diagnostic) => compiler.diagnostics.push(*diagnostic),
            }
        }
        plain.push_str(rest);
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
                Piece::Field(term, kind) => match term.value(scene, kept) {
                    Some(value) => write!(text, "{}", Value::display(&value, *kind)),
                    None => text.write_str("<NA>"),
                },
            };
        }
        text
    }
}

fn compile_field(
    name: &str,
    span: crate::rules::source::Span,
    compiler: &mut ConditionCompiler<'_>,
) -> Result<Piece, Box<Diagnostic>> {
    let (name, argument) = match name.split_once('[') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(']').to_owned())),
        None => (name, None),
    };
    let field = Field { name: name.to_owned(), argument, span };
    let (term, kind) = compiler.field(&field)?;
    if let Term::Field(reference) = term
        && reference.id == FieldId::MatchCount
    {
        return Ok(Piece::Count);
    }
    Ok(Piece::Field(term, kind))
}

/// How much of a text is a field's name with its brackets. A dot at the end belongs to the sentence.
fn name_length(text: &str) -> usize {
    let name = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .unwrap_or(text.len());
    let name = text.get(..name).map_or(0, |name| name.trim_end_matches(['.', '-']).len());
    match text.get(name..) {
        Some(rest) if name > 0 && rest.starts_with('[') => {
            rest.find(']').map_or(name, |close| name.saturating_add(close).saturating_add(1))
        }
        Some(_) | None => name,
    }
}
