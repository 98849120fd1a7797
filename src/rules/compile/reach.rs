//! What of a condition can be true on gVisor: worked out once, when a rule is loaded.
//!
//! A check on something that gVisor's trace does not have never passes. Its denial then always holds, if the value may
//! be missing (an address without a name, a container without an image); if there always is one and it is only hidden
//! (capabilities, a path behind a pointer), then neither the check nor its denial can be known, and neither is taken
//! for true. What follows for the whole condition is one of three: it stands, it stands without the parts that are
//! lost, or it never holds.
//!
//! Parameters of events depend on the event: `evt.arg.path` is there for chdir and hidden for mkdir. So a conjunction
//! is looked at with the event types that it leaves.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::event::EventType;
use crate::rules::fields::{self, Named, Unavailable};
use crate::rules::lang::{Argument, Check, Expr, ExprKind, Field, List, Operand, Operator, Term};
use crate::rules::source::Span;
use crate::wire::schema::Release;

use super::triggers::Triggers;

/// What is left of a condition.
#[derive(Debug)]
pub(super) enum Left<'e> {
    /// It holds on every event that it is tested on.
    Always,
    /// It never holds.
    Never,
    /// It holds on some.
    Some(Cow<'e, Expr>),
}

/// Which way a part of a condition counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// If it holds, the condition is nearer to holding.
    Asserted,
    /// If it holds, the condition is nearer to failing.
    Denied,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Asserted => Side::Denied,
            Side::Denied => Side::Asserted,
        }
    }
}

/// What a rule loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossKind {
    /// One of several ways to match.
    Alternative,
    /// Something that would have kept it from matching.
    Exclusion,
}

/// A part of a condition that never comes to bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What is lost.
    pub kind: LossKind,
    /// The field that is asked for, or the event type that is named.
    pub what: String,
    /// Why it is not to be had.
    pub reason: Unavailable,
    /// Where it is asked for.
    pub span: Span,
}

/// What was noticed on the way.
#[derive(Debug, Default)]
pub(super) struct Findings<'e> {
    /// What is lost.
    pub(super) losses: Vec<Loss>,
    /// What is as it is in every sandbox: no loss, but a reason if nothing is left.
    pub(super) facts: Vec<Loss>,
    /// The parts that were left out, to be checked for errors all the same.
    pub(super) dropped: Vec<&'e Expr>,
    /// Denied checks on fields that earlier releases of gVisor do not always have.
    pub(super) denied: Vec<Denied>,
    /// Fields that only whoever runs the container can fill.
    pub(super) from_outside: BTreeSet<&'static str>,
}

/// A denied check on a field that not every release gives: where it is missing, the denial holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The field.
    pub field: &'static str,
    /// The first release that always has it.
    pub since: Release,
    /// Where it is asked for.
    pub span: Span,
}

/// Event types that a part of a condition is looked at with; all of them if nothing narrows it down.
type Types = Option<BTreeSet<EventType>>;

/// What is known of a check before any event.
enum Known {
    /// It must be asked.
    Open,
    /// It is so on every event.
    Is(bool),
    /// The value is missing.
    Missing(String, Unavailable),
    /// Of the event types that it names, only these ever come.
    Only(Vec<String>, Unavailable, Expr),
}

/// What is left of a condition, and what was noticed.
pub(super) fn of<'e>(condition: &'e Expr, step_names: &[Option<String>]) -> (Left<'e>, Findings<'e>) {
    let mut walk = Walk { findings: Findings::default(), step_names };
    let left = walk.expr(condition, Side::Asserted, &None);
    (left, walk.findings)
}

struct Walk<'e, 's> {
    findings: Findings<'e>,
    step_names: &'s [Option<String>],
}

impl<'e> Walk<'e, '_> {
    fn expr(&mut self, expr: &'e Expr, side: Side, types: &Types) -> Left<'e> {
        match &expr.kind {
            ExprKind::Not(inner) => match self.expr(inner, side.other(), types) {
                Left::Always => Left::Never,
                Left::Never => Left::Always,
                Left::Some(Cow::Borrowed(_)) => Left::Some(Cow::Borrowed(expr)),
                Left::Some(Cow::Owned(inner)) => Left::Some(Cow::Owned(Expr::negate(inner, expr.span))),
            },
            ExprKind::And(members) => {
                let narrowed = narrowed(types, &Triggers::named(expr));
                self.members(expr, members, side, &narrowed, Joined::ByAnd)
            }
            ExprKind::Or(members) => self.members(expr, members, side, types, Joined::ByOr),
            ExprKind::Check(check) => {
                let narrowed = narrowed(types, &Triggers::named(expr));
                self.check(expr, check, side, &narrowed)
            }
            // Macros are gone once the rules were resolved.
            ExprKind::Macro(_) => Left::Some(Cow::Borrowed(expr)),
        }
    }

    fn members(
        &mut self,
        expr: &'e Expr,
        members: &'e [Expr],
        side: Side,
        types: &Types,
        joined: Joined,
    ) -> Left<'e> {
        let mut kept: Vec<Cow<'e, Expr>> = Vec::with_capacity(members.len());
        let mut decided = false;
        let mut left_out: Vec<&'e Expr> = Vec::new();
        let lost_before = self.findings.losses.len();
        let mut constant = false;
        for member in members {
            let lost = self.findings.losses.len();
            match (self.expr(member, side, types), joined) {
                (Left::Some(part), _) => kept.push(part),
                (Left::Never, Joined::ByAnd) | (Left::Always, Joined::ByOr) => {
                    decided = true;
                    constant |= lost == self.findings.losses.len();
                    left_out.push(member);
                }
                (Left::Always, Joined::ByAnd) | (Left::Never, Joined::ByOr) => left_out.push(member),
            }
        }
        if decided {
            // What one member decides by being what it always is takes nothing away from the others.
            if constant {
                self.findings.losses.truncate(lost_before);
            }
            self.findings.dropped.push(expr);
            return joined.decided();
        }
        if left_out.is_empty() && kept.iter().all(|part| matches!(part, Cow::Borrowed(_))) {
            return Left::Some(Cow::Borrowed(expr));
        }
        self.findings.dropped.extend(left_out);
        let parts: Vec<Expr> = kept.into_iter().map(Cow::into_owned).collect();
        match joined.join(parts, expr.span) {
            Some(expr) => Left::Some(Cow::Owned(expr)),
            None => joined.empty(),
        }
    }

    fn check(&mut self, expr: &'e Expr, check: &'e Check, side: Side, types: &Types) -> Left<'e> {
        let kind = match side {
            Side::Asserted => LossKind::Alternative,
            Side::Denied => LossKind::Exclusion,
        };
        let span = check.left.span();
        match self.known(check, side, types) {
            Known::Open => Left::Some(Cow::Borrowed(expr)),
            Known::Is(so) => {
                // What never holds asserted, or always holds denied, can be all that is wrong with a rule.
                if let Some((what, reason)) = fact_behind(check).filter(|_| so == (side == Side::Denied)) {
                    self.findings.facts.push(Loss { kind, what, reason, span });
                }
                if so { Left::Always } else { Left::Never }
            }
            Known::Only(names, reason, left) => {
                let losses = names.into_iter().map(|what| Loss { kind, what, reason, span });
                self.findings.losses.extend(losses);
                Left::Some(Cow::Owned(left))
            }
            Known::Missing(what, reason) => {
                self.findings.losses.push(Loss { kind, what, reason, span });
                self.findings.dropped.push(expr);
                // A hidden value may be anything: what is denied of it is taken for true.
                if reason.is_hidden() && side == Side::Denied { Left::Always } else { Left::Never }
            }
        }
    }

    fn known(&mut self, check: &Check, side: Side, types: &Types) -> Known {
        for field in fields_of(check) {
            // What an earlier step had is asked of the step's own events.
            let of_step = self.step_names.iter().flatten().find_map(|name| {
                field.name.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'))
            });
            let own = fields::named(&field.name).is_some();
            let (name, types) = match of_step.filter(|_| !own) {
                Some(name) => (name, &None),
                None => (field.name.as_str(), types),
            };
            match fields::named(name) {
                Some(Named::Unavailable(name, reason)) => return Known::Missing(shown(name, field), reason),
                Some(Named::Param(_, param)) => {
                    if let Some(reason) = fields::param_unavailable(param, types.as_ref().map(BTreeSet::iter))
                    {
                        return Known::Missing(name.to_owned(), reason);
                    }
                }
                Some(Named::Field(def)) => {
                    if let (Some((events, reason)), Some(types)) = (fields::events_of(def.id), types)
                        && !events
                            .iter()
                            .flat_map(|name| EventType::all_by_name(name))
                            .any(|event| types.contains(&event))
                    {
                        return Known::Missing(shown(name, field), reason);
                    }
                    if fields::is_from_outside(def.id) {
                        self.findings.from_outside.insert(def.name);
                    }
                    let since = fields::since(def.id);
                    if side == Side::Denied && since > Release::R2022 {
                        self.findings.denied.push(Denied { field: def.name, since, span: field.span });
                    }
                }
                None => {}
            }
        }
        constant(check)
    }
}

/// All fields that a check asks for.
fn fields_of(check: &Check) -> Vec<&Field> {
    let mut fields = Vec::new();
    let mut arguments: Vec<&Argument> = Vec::new();
    let mut terms = vec![&check.left];
    if let Some(Operand::Term(term)) = &check.right {
        terms.push(term);
    }
    // Transformers nest as deep as the parser lets them.
    while let Some(term) = terms.pop() {
        match term {
            Term::Field(field) => fields.push(field),
            Term::Call(call) => arguments.extend(&call.arguments),
        }
        while let Some(argument) = arguments.pop() {
            match argument {
                Argument::Term(term) => terms.push(term),
                Argument::Value(_) => {}
                Argument::List(list, _) => arguments.extend(list),
            }
        }
    }
    fields
}

/// A field with its brackets.
fn shown(name: &str, field: &Field) -> String {
    match &field.argument {
        Some(argument) => format!("{name}[{argument}]"),
        None => name.to_owned(),
    }
}

fn narrowed(types: &Types, by: &Triggers) -> Types {
    match (types, by.types()) {
        (types, None) => types.clone(),
        (None, Some(by)) => Some(by.clone()),
        (Some(types), Some(by)) => Some(types.intersection(by).copied().collect()),
    }
}

/// How the members of an expression are joined.
#[derive(Clone, Copy, Debug)]
enum Joined {
    ByAnd,
    ByOr,
}

impl Joined {
    /// What one member can decide by itself.
    fn decided<'e>(self) -> Left<'e> {
        match self {
            Joined::ByAnd => Left::Never,
            Joined::ByOr => Left::Always,
        }
    }

    /// What no members at all are.
    fn empty<'e>(self) -> Left<'e> {
        match self {
            Joined::ByAnd => Left::Always,
            Joined::ByOr => Left::Never,
        }
    }

    fn join(self, parts: Vec<Expr>, span: Span) -> Option<Expr> {
        match self {
            Joined::ByAnd => Expr::and(parts, span),
            Joined::ByOr => Expr::or(parts, span),
        }
    }
}

/// The values that a check compares with by `=`, `!=` or `in`.
fn values(check: &Check) -> Option<Vec<&str>> {
    match (check.operator.value, &check.right, check.modifier) {
        (Operator::Eq | Operator::Ne, Some(Operand::Value(value)), None) => Some(vec![&value.text]),
        (Operator::In, Some(Operand::List(list)), None) => {
            Some(list.items.iter().map(|item| item.text.as_str()).collect())
        }
        _ => None,
    }
}

/// The name of the field on the left, if it stands there by itself.
fn plain_field(check: &Check) -> Option<&str> {
    match &check.left {
        Term::Field(field) => Some(&field.name),
        Term::Call(_) => None,
    }
}

/// Checks that are the same on every event of every sandbox.
fn constant(check: &Check) -> Known {
    let (Some(name), Some(values)) = (plain_field(check), values(check)) else { return Known::Open };
    let denied = check.operator.value == Operator::Ne;
    let is = |equal: bool| Known::Is(equal != denied);
    match name {
        // Every event comes from a container; Falco calls what does not `host`.
        "container.id" if values == ["host"] => is(false),
        // The numbers begin at 1: Falco's files write `evt.num = 0` for "never".
        "evt.num" if values == ["0"] => is(false),
        "evt.dir" if values == [">"] => is(false),
        "evt.dir" if values == ["<"] => is(true),
        "evt.type" if !denied => event_types(check, &values),
        _ => Known::Open,
    }
}

/// What stands behind a check that never passes, if that is worth telling.
fn fact_behind(check: &Check) -> Option<(String, Unavailable)> {
    let (what, reason) = match plain_field(check)? {
        "container.id" => ("container.id", Unavailable::OutsideContainers),
        "evt.dir" => ("evt.dir", Unavailable::Beginning),
        _ => return None,
    };
    Some((what.to_owned(), reason))
}

/// A check of `evt.type` without the names of events that never come.
fn event_types(check: &Check, values: &[&str]) -> Known {
    let never: Vec<String> = values
        .iter()
        .filter(|name| fields::unavailable::is_event(name))
        .map(|name| (*name).to_owned())
        .collect();
    if never.is_empty() {
        return Known::Open;
    }
    if never.len() == values.len() {
        return Known::Missing(never.join(", "), Unavailable::NoEvent);
    }
    let Some(Operand::List(list)) = &check.right else { return Known::Open };
    let items = list.items.iter().filter(|item| !never.contains(&item.text)).cloned().collect();
    let right = Some(Operand::List(List { items, span: list.span }));
    let left = Check { right, ..check.clone() };
    Known::Only(never, Unavailable::NoEvent, Expr::check(left, list.span))
}
