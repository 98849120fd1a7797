//! Names to what they stand for: lists to values, macros to conditions.
//!
//! Each list and macro is worked out once, behind those that it names, so a use is a copy of something finished and
//! its size is known before it is made. Lists are not copied at all.

use std::sync::Arc;

use super::define::Table;
use super::order::order;
use super::{MAX_EXPANDED_DEPTH, MAX_EXPANSION, MAX_TOTAL};
use crate::rules::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::rules::file::{MAX_LIST, located};
use crate::rules::lang::{self, Check, Expr, ExprKind, List, Operand, Value};
use crate::rules::source::{Span, Spanned, Text};

/// Finished lists and macros. `None` for one that has an error: it was reported, its uses are not.
pub(super) struct Resolver {
    lists: Table<Option<Arc<[Value]>>>,
    macros: Table<Option<Macro>>,
    /// Parts of all conditions that were made so far.
    total: usize,
}

/// A finished macro.
#[derive(Clone, Debug)]
struct Macro {
    body: Expr,
    size: Size,
}

/// How large a condition is.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    parts: usize,
    depth: usize,
}

impl Resolver {
    /// Works out all lists and macros.
    pub(super) fn new(
        lists: Table<Vec<Text>>,
        macros: Table<Text>,
        diagnostics: &mut Diagnostics,
    ) -> Resolver {
        let lists = finish_lists(&lists, diagnostics);
        let mut resolver = Resolver { lists, macros: Table::default(), total: 0 };
        resolver.finish_macros(&macros, diagnostics);
        resolver
    }

    /// A condition with nothing left to look up.
    pub(super) fn condition(&mut self, text: &Text, diagnostics: &mut Diagnostics) -> Option<Expr> {
        let expr = self.parse(text, diagnostics)?;
        let (expr, size) = self.expand(expr, diagnostics)?;
        let before = self.total;
        self.total = before.saturating_add(size.parts);
        if self.total > MAX_TOTAL {
            if before <= MAX_TOTAL {
                let message = format!("the conditions of all rules have more than {MAX_TOTAL} parts");
                diagnostics.push(Diagnostic::error(codes::EXPANSION_TOO_LARGE, message, expr.span));
            }
            return None;
        }
        Some(expr)
    }

    /// The values of a list's items: those of a list where one is named.
    pub(super) fn values(&self, items: Vec<Value>) -> Option<Arc<[Value]>> {
        if let [only] = items.as_slice()
            && let Some(index) = self.list(only)
        {
            return self.lists.at(index).and_then(|(_, values)| values.clone());
        }
        if !items.iter().any(|item| self.list(item).is_some()) {
            return Some(Arc::from(items));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.list(&item) {
                Some(index) => values.extend_from_slice(self.lists.at(index)?.1.as_deref()?),
                None => values.push(item),
            }
        }
        Some(Arc::from(values))
    }

    /// A value that stands alone: the only item of a list where it names one. Falco puts the items of a list wherever its
    /// name stands without quotes, and reads what comes of it.
    pub(super) fn value(&self, value: Value, diagnostics: &mut Diagnostics) -> Option<Value> {
        let Some(index) = self.list(&value) else { return Some(value) };
        let items = self.lists.at(index)?.1.as_deref()?;
        if let [only] = items {
            return Some(Value { text: only.text.clone(), quoted: only.quoted, span: value.span });
        }
        let message =
            format!("`{}` is a list of {} items, and one value is compared here", value.text, items.len());
        diagnostics.push(
            Diagnostic::error(codes::EXPECTED_TEXT, message, value.span)
                .help(format!("write `in ({})`, or \"{}\" for the text", value.text, value.text)),
        );
        None
    }

    /// The list that an item names.
    fn list(&self, item: &Value) -> Option<usize> {
        if item.quoted { None } else { self.lists.index(&item.text) }
    }

    fn parse(&self, text: &Text, diagnostics: &mut Diagnostics) -> Option<Expr> {
        let expr = lang::parse(text).map_err(|error| diagnostics.push(located(&error, text))).ok()?;
        self.with_lists(expr, diagnostics)
    }

    /// Puts values where lists are named, and reports what is not defined. Recurses as deep as one written condition.
    fn with_lists(&self, expr: Expr, diagnostics: &mut Diagnostics) -> Option<Expr> {
        let Expr { kind, span } = expr;
        let all = |members: Vec<Expr>, diagnostics: &mut Diagnostics| {
            let members: Vec<Option<Expr>> =
                members.into_iter().map(|member| self.with_lists(member, diagnostics)).collect();
            members.into_iter().collect::<Option<Vec<Expr>>>()
        };
        let kind = match kind {
            ExprKind::Or(members) => ExprKind::Or(all(members, diagnostics)?),
            ExprKind::And(members) => ExprKind::And(all(members, diagnostics)?),
            ExprKind::Not(inner) => ExprKind::Not(Box::new(self.with_lists(*inner, diagnostics)?)),
            ExprKind::Check(check) => ExprKind::Check(Box::new(self.check_with_lists(*check, diagnostics)?)),
            ExprKind::Macro(name) if self.macros.index(&name).is_none() => {
                let message = format!("the macro `{name}` is not defined");
                diagnostics.push(
                    Diagnostic::error(codes::UNKNOWN_MACRO, message, span)
                        .help("define it with `- macro:`; a field has a dot, such as `proc.name`")
                        .maybe_help(self.macros.did_you_mean(&name)),
                );
                return None;
            }
            ExprKind::Macro(name) => ExprKind::Macro(name),
        };
        Some(Expr { kind, span })
    }

    fn check_with_lists(&self, check: Check, diagnostics: &mut Diagnostics) -> Option<Check> {
        let right = match check.right {
            Some(Operand::Named(name)) => {
                let Some(index) = self.lists.index(&name.value) else {
                    let message = format!("the list `{}` is not defined", name.value);
                    diagnostics.push(
                        Diagnostic::error(codes::UNKNOWN_LIST, message, name.span)
                            .help(format!("write ({}) for a list of one text", name.value))
                            .maybe_help(self.lists.did_you_mean(&name.value)),
                    );
                    return None;
                };
                let items = self.lists.at(index)?.1.clone()?;
                Some(Operand::List(List { items, span: name.span }))
            }
            Some(Operand::List(list)) => {
                let items = self.values(list.items.to_vec())?;
                if items.len() > MAX_LIST {
                    too_long(list.span, diagnostics);
                    return None;
                }
                Some(Operand::List(List { items, span: list.span }))
            }
            Some(Operand::Value(value)) => Some(Operand::Value(self.value(value, diagnostics)?)),
            other @ (Some(Operand::Term(_)) | None) => other,
        };
        Some(Check { right, ..check })
    }

    fn finish_macros(&mut self, texts: &Table<Text>, diagnostics: &mut Diagnostics) {
        // All names first: an unknown one is told from one whose turn has not come.
        for (name, _) in texts.iter() {
            self.macros.set(name.clone(), None);
        }
        let mut parsed: Vec<Option<Expr>> =
            texts.iter().map(|(_, text)| self.parse(text, diagnostics)).collect();
        let names: Vec<Vec<usize>> = parsed
            .iter()
            .map(|expr| {
                let used = expr.as_ref().map(macro_names).unwrap_or_default();
                used.into_iter().filter_map(|name| texts.index(name)).collect()
            })
            .collect();
        let order = order(&names);
        for (user, used) in &order.cycles {
            cycle("macro", texts.at(*user), texts.at(*used), diagnostics);
        }
        for index in order.sorted {
            let Some(expr) = parsed.get_mut(index).and_then(Option::take) else { continue };
            let Some((name, _)) = texts.at(index) else { continue };
            if let Some((body, size)) = self.expand(expr, diagnostics)
                && let Some(slot) = self.macros.get_mut(&name.value)
            {
                *slot = Some(Macro { body, size });
            }
        }
    }

    /// Puts the macros in. Nothing is made before its size is known.
    fn expand(&self, expr: Expr, diagnostics: &mut Diagnostics) -> Option<(Expr, Size)> {
        let size = self.measure(&expr)?;
        if size.parts > MAX_EXPANSION {
            let message = format!("with its macros the condition has more than {MAX_EXPANSION} parts");
            diagnostics.push(Diagnostic::error(codes::EXPANSION_TOO_LARGE, message, expr.span));
            return None;
        }
        if size.depth > MAX_EXPANDED_DEPTH {
            let message =
                format!("with its macros the condition is more than {MAX_EXPANDED_DEPTH} levels deep");
            diagnostics.push(Diagnostic::error(codes::EXPANSION_TOO_LARGE, message, expr.span));
            return None;
        }
        self.inline(expr).map(|expr| (expr, size))
    }

    fn measure(&self, expr: &Expr) -> Option<Size> {
        let members = match &expr.kind {
            ExprKind::Or(members) | ExprKind::And(members) => members.as_slice(),
            ExprKind::Not(inner) => core::slice::from_ref(&**inner),
            ExprKind::Check(_) => return Some(Size { parts: 1, depth: 1 }),
            ExprKind::Macro(name) => return self.finished(name).map(|found| found.size),
        };
        let mut size = Size::default();
        for member in members {
            let inner = self.measure(member)?;
            size.parts = size.parts.saturating_add(inner.parts);
            size.depth = size.depth.max(inner.depth);
        }
        Some(Size { parts: size.parts.saturating_add(1), depth: size.depth.saturating_add(1) })
    }

    fn inline(&self, expr: Expr) -> Option<Expr> {
        let Expr { kind, span } = expr;
        let all =
            |members: Vec<Expr>| members.into_iter().map(|it| self.inline(it)).collect::<Option<Vec<_>>>();
        match kind {
            ExprKind::Or(members) => Expr::or(all(members)?, span),
            ExprKind::And(members) => Expr::and(all(members)?, span),
            ExprKind::Not(inner) => Some(Expr::negate(self.inline(*inner)?, span)),
            kind @ ExprKind::Check(_) => Some(Expr { kind, span }),
            ExprKind::Macro(name) => self.finished(&name).map(|found| found.body.clone()),
        }
    }

    fn finished(&self, name: &str) -> Option<&Macro> {
        self.macros.at(self.macros.index(name)?)?.1.as_ref()
    }
}

/// The macros that a condition names, each time.
fn macro_names(expr: &Expr) -> Vec<&str> {
    let mut names = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match &expr.kind {
            ExprKind::Or(members) | ExprKind::And(members) => open.extend(members.iter().rev()),
            ExprKind::Not(inner) => open.push(inner),
            ExprKind::Check(_) => {}
            ExprKind::Macro(name) => names.push(name.as_str()),
        }
    }
    names
}

fn finish_lists(texts: &Table<Vec<Text>>, diagnostics: &mut Diagnostics) -> Table<Option<Arc<[Value]>>> {
    let mut items: Vec<Option<Vec<Value>>> = Vec::with_capacity(texts.len());
    for (_, texts) in texts.iter() {
        let values: Vec<Option<Value>> = texts
            .iter()
            .map(|text| lang::parse_item(text).map_err(|error| diagnostics.push(located(&error, text))).ok())
            .collect();
        items.push(values.into_iter().collect());
    }
    // An item with its own list's name is a text: `- list: cron` holds the program `cron`.
    let named = |item: &Value, list: usize| {
        if item.quoted { None } else { texts.index(&item.text).filter(|index| *index != list) }
    };
    let names: Vec<Vec<usize>> = items
        .iter()
        .enumerate()
        .map(|(list, items)| items.iter().flatten().filter_map(|item| named(item, list)).collect())
        .collect();
    let order = order(&names);
    for (user, used) in &order.cycles {
        cycle("list", texts.at(*user), texts.at(*used), diagnostics);
    }
    let mut finished: Vec<Option<Arc<[Value]>>> = vec![None; items.len()];
    for list in order.sorted {
        let values = items.get_mut(list).and_then(Option::take).and_then(|items| {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                match named(&item, list) {
                    Some(index) => values.extend_from_slice(finished.get(index)?.as_deref()?),
                    None => values.push(item),
                }
                if values.len() > MAX_LIST {
                    too_long(texts.at(list).map(|(name, _)| name.span).unwrap_or_default(), diagnostics);
                    return None;
                }
            }
            Some(Arc::from(values))
        });
        if let Some(slot) = finished.get_mut(list) {
            *slot = values;
        }
    }
    let mut table = Table::default();
    for ((name, _), values) in texts.iter().zip(finished) {
        table.set(name.clone(), values);
    }
    table
}

fn too_long(span: Span, diagnostics: &mut Diagnostics) {
    let message = format!("with the lists that it names the list has more than {MAX_LIST} items");
    diagnostics.push(Diagnostic::error(codes::TOO_MANY, message, span));
}

fn cycle<T>(
    what: &str,
    user: Option<&(Spanned<String>, T)>,
    used: Option<&(Spanned<String>, T)>,
    diagnostics: &mut Diagnostics,
) {
    let (Some((user, _)), Some((used, _))) = (user, used) else { return };
    let message = if user.value == used.value {
        format!("the {what} `{}` names itself", user.value)
    } else {
        format!("the {what} `{}` names `{}`, which leads back to it", user.value, used.value)
    };
    let mut diagnostic = Diagnostic::error(codes::CYCLE, message, user.span).help("break the circle");
    if user.value != used.value {
        diagnostic = diagnostic.related(used.span, "the circle starts here");
    }
    diagnostics.push(diagnostic);
}
