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
    /// Those that it names.
    Named(BTreeSet<EventType>),
    /// Those that can change what it asks for, as far as the session shows them.
    Changes(BTreeSet<EventType>),
}

impl Triggers {
    /// The event types, unless it is all of them.
    pub(crate) fn types(&self) -> Option<&BTreeSet<EventType>> {
        match self {
            Triggers::Any => None,
            Triggers::Named(types) | Triggers::Changes(types) => Some(types),
        }
    }

    /// No event at all.
    pub(crate) fn none() -> Triggers {
        Triggers::Named(BTreeSet::new())
    }

    /// The events that a condition names.
    pub(crate) fn named(condition: &Expr) -> Triggers {
        named(condition)
    }

    /// The events that a condition is tested on.
    pub(crate) fn of(condition: &Expr) -> Triggers {
        match Triggers::named(condition) {
            Triggers::Any => changes(condition),
            named @ (Triggers::Named(_) | Triggers::Changes(_)) => named,
        }
    }
}

/// What the condition says of `evt.type`. A denial says nothing: it leaves all the others.
fn named(expr: &Expr) -> Triggers {
    let types = match &expr.kind {
        ExprKind::And(members) => {
            let named = members.iter().map(named).filter_map(|member| member.types().cloned());
            named.reduce(|all, member| all.intersection(&member).copied().collect())
        }
        ExprKind::Or(members) => members
            .iter()
            .map(|member| named(member).types().cloned())
            .reduce(|all, member| {
                let mut all = all?;
                all.extend(member?);
                Some(all)
            })
            .flatten(),
        ExprKind::Check(check) => return of_check(check),
        ExprKind::Not(_) | ExprKind::Macro(_) => None,
    };
    types.map_or(Triggers::Any, Triggers::Named)
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
    Triggers::Named(names.into_iter().flat_map(EventType::all_by_name).collect())
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
    if types.is_empty() { Triggers::Any } else { Triggers::Changes(types) }
}
