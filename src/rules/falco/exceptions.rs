//! Exceptions to conditions: `and not (…)`, a part for each entry of `values`.
//!
//! With a list of fields each entry is a tuple, a value for each field, compared by `=` unless `comps` says
//! otherwise; a value may be a list where its operator takes one. With a single field the entries are the values,
//! compared by `in` or another operator that takes a list. A field may be a transformer, and so may a value.

use std::sync::Arc;

use super::resolve::Resolver;
use crate::rules::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::rules::file::{Exception, ExceptionValue, OneOrMany, located};
use crate::rules::lang::{self, Check, Expr, List, Modifier, Operand, Operator, Takes, Term, Value};
use crate::rules::source::{Span, Spanned, Text};

/// `condition` without what the exceptions describe; `None` if one of them has an error.
pub(super) fn except(
    condition: Expr,
    exceptions: &[Exception],
    resolver: &Resolver,
    diagnostics: &mut Diagnostics,
) -> Option<Expr> {
    let span = condition.span;
    let mut members = vec![condition];
    let mut whole = true;
    for exception in exceptions {
        let mut maker = Maker { resolver, diagnostics: &mut *diagnostics };
        match maker.exception(exception) {
            Some(denied) => members.extend(denied.map(|denied| {
                let span = denied.span;
                Expr::negate(denied, span)
            })),
            None => whole = false,
        }
    }
    if whole { Expr::and(members, span) } else { None }
}

struct Maker<'a> {
    resolver: &'a Resolver,
    diagnostics: &'a mut Diagnostics,
}

impl Maker<'_> {
    /// What an exception describes: `None` after an error, nothing if it has no values yet.
    fn exception(&mut self, exception: &Exception) -> Option<Option<Expr>> {
        let span = exception.name.span;
        let Some(fields) = &exception.fields else {
            let message = format!("the exception `{}` has no `fields`", exception.name.value);
            let help = "add `fields:`, or append to a rule that defines the exception";
            self.diagnostics.push(Diagnostic::error(codes::BAD_EXCEPTION, message, span).help(help));
            return None;
        };
        let entries = match fields {
            OneOrMany::One(field) => self.single(field, exception)?,
            OneOrMany::Many(fields, place) => self.tuples(fields, *place, exception)?,
        };
        Some(Expr::or(entries, span))
    }

    fn single(&mut self, field: &Text, exception: &Exception) -> Option<Vec<Expr>> {
        let comparison = match &exception.comps {
            None => Comparison { operator: Spanned::new(Operator::In, exception.name.span), modifier: None },
            Some(OneOrMany::One(comp)) => comparison(comp)?,
            Some(OneOrMany::Many(comps, span)) => {
                let [comp] = comps.as_slice() else { return self.lengths("comps", 1, comps.len(), *span) };
                comparison(comp)?
            }
        };
        if !comparison.takes_list() {
            let word = comparison.operator.value.word();
            let message =
                format!("with a single field `comps` must take a list, and `{word}` takes one value");
            let help = if comparison.operator.value.takes() == Takes::Text {
                format!("write `{word} oneof`, or make `fields` a list")
            } else {
                "make `fields` a list".to_owned()
            };
            let span = comparison.operator.span;
            self.diagnostics.push(Diagnostic::error(codes::BAD_EXCEPTION, message, span).help(help));
            return None;
        }
        let term = self.term(field)?;
        let mut values = Vec::new();
        for value in &exception.values {
            match value {
                ExceptionValue::One(text) => values.push(self.value(text)?),
                ExceptionValue::Many(parts, span) => match parts.as_slice() {
                    [ExceptionValue::One(text)] => values.push(self.value(text)?),
                    parts => return self.lengths("values", 1, parts.len(), *span),
                },
            }
        }
        if values.is_empty() {
            return Some(Vec::new());
        }
        let right = self.list(values, exception.name.span)?;
        Some(vec![comparison.check(term, right)])
    }

    fn tuples(&mut self, fields: &[Text], place: Span, exception: &Exception) -> Option<Vec<Expr>> {
        let mut comparisons = Vec::with_capacity(fields.len());
        match &exception.comps {
            None => comparisons.resize(
                fields.len(),
                Comparison { operator: Spanned::new(Operator::Eq, place), modifier: None },
            ),
            Some(OneOrMany::One(comp)) if fields.len() == 1 => comparisons.push(comparison(comp)?),
            Some(OneOrMany::One(comp)) => return self.lengths("comps", fields.len(), 1, comp.whole()),
            Some(OneOrMany::Many(comps, span)) if comps.len() != fields.len() => {
                return self.lengths("comps", fields.len(), comps.len(), *span);
            }
            Some(OneOrMany::Many(comps, _)) => {
                for comp in comps {
                    comparisons.push(comparison(comp)?);
                }
            }
        }
        let terms = fields.iter().map(|field| self.term(field)).collect::<Option<Vec<Term>>>()?;
        let mut entries = Vec::with_capacity(exception.values.len());
        for entry in &exception.values {
            let (parts, span) = match entry {
                ExceptionValue::One(text) => (core::slice::from_ref(entry), text.whole()),
                ExceptionValue::Many(parts, span) => (parts.as_slice(), *span),
            };
            if parts.len() != terms.len() {
                return self.lengths("values", terms.len(), parts.len(), span);
            }
            let mut checks = Vec::with_capacity(parts.len());
            for ((term, comparison), part) in terms.iter().zip(&comparisons).zip(parts) {
                let right = self.part(comparison, part)?;
                checks.push(comparison.check(term.clone(), right));
            }
            entries.extend(Expr::and(checks, span));
        }
        Some(entries)
    }

    /// The right side that a part of a tuple gives.
    fn part(&mut self, comparison: &Comparison, part: &ExceptionValue) -> Option<Operand> {
        let takes_list = comparison.takes_list();
        match part {
            // A list may stand in parentheses inside of one text: Falco pastes it into the condition.
            ExceptionValue::One(text) if takes_list && text.value.trim_start().starts_with('(') => {
                let values = lang::parse_list(text)
                    .map_err(|error| self.diagnostics.push(located(&error, text)))
                    .ok()?;
                self.list(values, text.whole())
            }
            ExceptionValue::One(text) if takes_list => {
                let value = self.value(text)?;
                let span = value.span;
                self.list(vec![value], span)
            }
            ExceptionValue::One(text) => self.operand(text),
            ExceptionValue::Many(parts, span) if takes_list => {
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    match part {
                        ExceptionValue::One(text) => values.push(self.value(text)?),
                        ExceptionValue::Many(_, span) => return self.lengths("values", 1, 2, *span),
                    }
                }
                self.list(values, *span)
            }
            ExceptionValue::Many(_, span) => {
                let word = comparison.operator.value.word();
                let message = format!("`{word}` compares with one value, found a list");
                let help = "write `in` in `comps` for this field";
                self.diagnostics.push(Diagnostic::error(codes::BAD_EXCEPTION, message, *span).help(help));
                None
            }
        }
    }

    fn list(&self, values: Vec<Value>, span: Span) -> Option<Operand> {
        let items: Arc<[Value]> = self.resolver.values(values)?;
        Some(Operand::List(List { items, span }))
    }

    fn value(&mut self, text: &Text) -> Option<Value> {
        lang::parse_item(text).map_err(|error| self.diagnostics.push(located(&error, text))).ok()
    }

    /// The right side of a check that takes one value.
    fn operand(&mut self, text: &Text) -> Option<Operand> {
        match lang::parse_operand(text).map_err(|error| self.diagnostics.push(located(&error, text))).ok()? {
            Operand::Value(value) => self.resolver.value(value, self.diagnostics).map(Operand::Value),
            other @ (Operand::List(_) | Operand::Named(_) | Operand::Term(_)) => Some(other),
        }
    }

    fn term(&mut self, text: &Text) -> Option<Term> {
        lang::parse_term(text).map_err(|error| self.diagnostics.push(located(&error, text))).ok()
    }

    /// Says that a list does not have a member for each field.
    fn lengths<T>(&mut self, what: &str, expected: usize, found: usize, span: Span) -> Option<T> {
        let message = format!("`{what}` must have one member for each of {expected} fields, found {found}");
        self.diagnostics.push(Diagnostic::error(codes::BAD_EXCEPTION, message, span));
        None
    }
}

/// The fields of exceptions that have no values yet: they are in no condition, and must be fields all the same.
pub(super) fn idle_fields(exceptions: &[Exception]) -> Vec<Term> {
    let idle = exceptions.iter().filter(|exception| exception.values.is_empty());
    let fields = idle.filter_map(|exception| exception.fields.as_ref()).flat_map(OneOrMany::texts);
    // What cannot be read was reported when the exception was made a condition.
    fields.filter_map(|field| lang::parse_term(field).ok()).collect()
}

/// How a field is compared.
#[derive(Clone, Copy, Debug)]
struct Comparison {
    operator: Spanned<Operator>,
    modifier: Option<Modifier>,
}

impl Comparison {
    fn takes_list(&self) -> bool {
        self.modifier.is_some() || self.operator.value.takes() == Takes::List
    }

    fn check(&self, left: Term, right: Operand) -> Expr {
        let span = right.span();
        Expr::check(
            Check { left, operator: self.operator, modifier: self.modifier, right: Some(right) },
            span,
        )
    }
}

/// The comparison of this name; one that is none was reported when the file was read.
fn comparison(comp: &Text) -> Option<Comparison> {
    let (operator, modifier) = lang::parse_comparison(&comp.value)?;
    Some(Comparison { operator: Spanned::new(operator, comp.whole()), modifier })
}
