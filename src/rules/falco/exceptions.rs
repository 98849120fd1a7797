//! Exceptions to conditions: `and not (…)`, a part for each entry of `values`.
//!
//! With a list of fields each entry is a tuple, a value for each field, compared by `=` unless `comps` says
//! otherwise; a value may be a list where its operator takes one. With a single field the entries are the values,
//! compared by `in`.

use std::sync::Arc;

use super::resolve::Resolver;
use crate::rules::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::rules::file::{Exception, ExceptionValue, OneOrMany, located};
use crate::rules::lang::{self, Check, Expr, Field, List, Operand, Operator, Takes, Term, Value};
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
        let operator = match &exception.comps {
            None => Spanned::new(Operator::In, exception.name.span),
            Some(OneOrMany::One(comp)) => operator(comp)?,
            Some(OneOrMany::Many(comps, span)) => {
                let [comp] = comps.as_slice() else { return self.lengths("comps", 1, comps.len(), *span) };
                operator(comp)?
            }
        };
        let field = self.field(field)?;
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
        if operator.value.takes() == Takes::List {
            let right = self.list(values, exception.name.span)?;
            return Some(vec![check(field, operator, right)]);
        }
        let checks = values.into_iter().map(|value| check(field.clone(), operator, Operand::Value(value)));
        Some(checks.collect())
    }

    fn tuples(&mut self, fields: &[Text], place: Span, exception: &Exception) -> Option<Vec<Expr>> {
        let mut operators = Vec::with_capacity(fields.len());
        match &exception.comps {
            None => operators.resize(fields.len(), Spanned::new(Operator::Eq, place)),
            Some(OneOrMany::One(comp)) if fields.len() == 1 => operators.push(operator(comp)?),
            Some(OneOrMany::One(comp)) => return self.lengths("comps", fields.len(), 1, comp.whole()),
            Some(OneOrMany::Many(comps, span)) if comps.len() != fields.len() => {
                return self.lengths("comps", fields.len(), comps.len(), *span);
            }
            Some(OneOrMany::Many(comps, _)) => {
                for comp in comps {
                    operators.push(operator(comp)?);
                }
            }
        }
        let fields = fields.iter().map(|field| self.field(field)).collect::<Option<Vec<Field>>>()?;
        let mut entries = Vec::with_capacity(exception.values.len());
        for entry in &exception.values {
            let (parts, span) = match entry {
                ExceptionValue::One(text) => (core::slice::from_ref(entry), text.whole()),
                ExceptionValue::Many(parts, span) => (parts.as_slice(), *span),
            };
            if parts.len() != fields.len() {
                return self.lengths("values", fields.len(), parts.len(), span);
            }
            let mut checks = Vec::with_capacity(parts.len());
            for ((field, operator), part) in fields.iter().zip(&operators).zip(parts) {
                let right = self.part(*operator, part)?;
                checks.push(check(field.clone(), *operator, right));
            }
            entries.extend(Expr::and(checks, span));
        }
        Some(entries)
    }

    /// The right side that a part of a tuple gives.
    fn part(&mut self, operator: Spanned<Operator>, part: &ExceptionValue) -> Option<Operand> {
        let takes_list = operator.value.takes() == Takes::List;
        match part {
            ExceptionValue::One(text) => {
                let value = self.value(text)?;
                let span = value.span;
                if takes_list { self.list(vec![value], span) } else { Some(Operand::Value(value)) }
            }
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
                let word = operator.value.word();
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

    fn field(&mut self, text: &Text) -> Option<Field> {
        lang::parse_field(text).map_err(|error| self.diagnostics.push(located(&error, text))).ok()
    }

    /// Says that a list does not have a member for each field.
    fn lengths<T>(&mut self, what: &str, expected: usize, found: usize, span: Span) -> Option<T> {
        let message = format!("`{what}` must have one member for each of {expected} fields, found {found}");
        self.diagnostics.push(Diagnostic::error(codes::BAD_EXCEPTION, message, span));
        None
    }
}

/// The operator of this name; one that is none was reported when the file was read.
fn operator(comp: &Text) -> Option<Spanned<Operator>> {
    Operator::from_word(&comp.value)
        .filter(|operator| *operator != Operator::Exists)
        .map(|operator| Spanned::new(operator, comp.whole()))
}

fn check(field: Field, operator: Spanned<Operator>, right: Operand) -> Expr {
    let span = right.span();
    Expr::check(Check { left: Term::Field(field), operator, modifier: None, right: Some(right) }, span)
}
