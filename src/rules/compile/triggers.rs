//! Which events a condition can hold on: what it says of `evt.type`, else what can change the fields that it asks.

use std::collections::BTreeSet;

use crate::event::EventType;
use crate::rules::fields;
use crate::rules::lang::{Check, Expr, ExprKind, Operand, Operator, Term};

/// The event types that a condition needs to be tested on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Triggers {
    /// All of them: nothing narrows it down.
    Any,
    /// These.
    Of(BTreeSet<EventType>),
}

impl Triggers {
    /// The events that a condition is tested on.
    pub(crate) fn of(condition: &Expr) -> Triggers {
        match named(condition) {
            Triggers::Any => changes(condition),
            named @ Triggers::Of(_) => named,
        }
    }
}

/// What the condition says of `evt.type`. A denial says nothing: it leaves all the others.
fn named(expr: &Expr) -> Triggers {
    match &expr.kind {
        ExprKind::And(members) => {
            members.iter().map(named).fold(Triggers::Any, |all, member| match (all, member) {
                (Triggers::Any, other) | (other, Triggers::Any) => other,
                (Triggers::Of(a), Triggers::Of(b)) => Triggers::Of(a.intersection(&b).copied().collect()),
            })
        }
        ExprKind::Or(members) => {
            let mut union = BTreeSet::new();
            for member in members {
                match named(member) {
                    Triggers::Any => return Triggers::Any,
                    Triggers::Of(types) => union.extend(types),
                }
            }
            Triggers::Of(union)
        }
        ExprKind::Check(check) => of_check(check),
        ExprKind::Not(_) | ExprKind::Macro(_) => Triggers::Any,
    }
}

fn of_check(check: &Check) -> Triggers {
    let Term::Field(field) = &check.left else { return Triggers::Any };
    if field.name != "evt.type" {
        return Triggers::Any;
    }
    let names: Vec<&str> = match (check.operator.value, &check.right, check.modifier) {
        (Operator::Eq, Some(Operand::Value(value)), None) => vec![&value.text],
        (Operator::In, Some(Operand::List(list)), None) => {
            list.items.iter().map(|item| item.text.as_str()).collect()
        }
        _ => return Triggers::Any,
    };
    Triggers::Of(names.into_iter().filter_map(EventType::by_name).collect())
}

/// What can change the fields that the condition asks for. Fields of the event itself narrow nothing down.
fn changes(condition: &Expr) -> Triggers {
    let mut types = BTreeSet::new();
    for check in condition.checks() {
        if let Term::Field(field) = &check.left
            && let Some(def) = fields::by_name(&field.name)
        {
            types.extend(def.changed_by.iter().filter_map(|name| EventType::by_name(name)));
        }
    }
    if types.is_empty() { Triggers::Any } else { Triggers::Of(types) }
}
