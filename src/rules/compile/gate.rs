//! Gates: the one conjunct of a condition that is asked first, so that a thousand rules need not be asked one by one.
//!
//! A condition that is a conjunction can only hold if each of its members does. One member is picked as its gate, and
//! steps with the same gate share it: a text that a field must equal becomes a hash table over all steps, anything else
//! is tested once an event for all steps that have it. A gate decides nothing but who is asked.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use crate::rules::diagnostics::Diagnostics;
use crate::rules::fields::{FieldId, FieldRef, Type};
use crate::rules::lang::{Expr, ExprKind};

use super::condition::{ConditionCompiler, Lists};
use super::predicate::{Predicate, Term, Test};

/// Texts of a gate that become entries of a table. A list of ten thousand names is asked as one set instead: each rule
/// that names it would else have its own copy.
const MAX_TEXTS: usize = 256;

/// What must hold for a step to be asked at all; shared by the plans of all event types that the step looks at.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    /// A field is one of these texts.
    OneOf(FieldRef, Arc<[Box<[u8]>]>),
    /// A condition holds that asks for nothing that an earlier step had. Gates with the same text are the same.
    Holds(GateKey, Arc<Predicate>),
}

/// Tells gates apart by what they say: a digest of 128 bits, since a condition may be as long as a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GateKey(u64, u64);

impl GateKey {
    fn of(condition: &Expr) -> GateKey {
        let text = condition.to_string();
        let digest = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        GateKey(digest(0), digest(1))
    }
}

/// How good a gate a condition makes: the lowest keeps most events out for least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A text that equals one of a few: one look-up for all steps.
    Text,
    /// A flag that must be set, a word that must be this one.
    Flag,
    /// A number, an address, a part of a text.
    Value,
    /// One of several.
    Several,
    /// A value that must be there.
    Exists,
}

impl Gate {
    /// The best gate of a condition, if it has one.
    pub(super) fn of(condition: &Expr, step_names: &[Option<String>], lists: &mut Lists) -> Option<Gate> {
        let members = match &condition.kind {
            ExprKind::And(members) => members.as_slice(),
            ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Check(_) | ExprKind::Macro(_) => {
                std::slice::from_ref(condition)
            }
        };
        let ranked = members.iter().filter_map(|member| {
            // Whatever is wrong was said when the whole condition was compiled.
            let mut unheard = Diagnostics::default();
            let mut compiler = ConditionCompiler {
                step_names,
                kept: Vec::new(),
                used: Vec::new(),
                lists,
                diagnostics: &mut unheard,
            };
            let predicate = compiler.condition(member);
            if unheard.has_errors() || predicate.asks_earlier() {
                return None;
            }
            Some((rank(&predicate)?, predicate.cost(), member, predicate))
        });
        // The first of equals, so that the same files give the same plan.
        let (_, _, member, predicate) = ranked.min_by_key(|(rank, cost, _, _)| (*rank, *cost))?;
        match texts(&predicate) {
            Some((field, texts)) => Some(Gate::OneOf(field, texts.into())),
            None => Some(Gate::Holds(GateKey::of(member), Arc::new(predicate))),
        }
    }
}

fn rank(predicate: &Predicate) -> Option<Rank> {
    if texts(predicate).is_some() {
        return Some(Rank::Text);
    }
    match predicate {
        Predicate::Check(Term::Field(field), _) if field.id == FieldId::EvtType => None,
        Predicate::Check(_, test) => match test {
            Test::Is(true) | Test::Text(_) | Test::TextIn(_) => Some(Rank::Flag),
            Test::Is(false) | Test::Other(_) => None,
            Test::Exists => Some(Rank::Exists),
            Test::Number(..)
            | Test::NumberIn(_)
            | Test::Contains(_)
            | Test::StartsWith(_)
            | Test::EndsWith(_)
            | Test::Glob(_)
            | Test::Regex(_)
            | Test::Below(_)
            | Test::Net(_)
            | Test::Endpoint(_)
            | Test::AnyOf(_)
            | Test::AllOf(_)
            | Test::With(..)
            | Test::Shares(_) => Some(Rank::Value),
        },
        Predicate::Any(_) => Some(Rank::Several),
        Predicate::Never => Some(Rank::Text),
        // What must not hold holds for nearly every event.
        Predicate::All(_) | Predicate::Not(_) => None,
    }
}

/// The texts that a field must be one of for the condition to hold.
fn texts(predicate: &Predicate) -> Option<(FieldRef, Vec<Box<[u8]>>)> {
    match predicate {
        Predicate::Check(Term::Field(field), test) => {
            let is_text = field.id.def().kind == Type::Text && field.id != FieldId::EvtType;
            let texts = if let Test::Text(text) = test {
                vec![text.clone()]
            } else if let Test::TextIn(texts) = test
                && texts.len() <= MAX_TEXTS
            {
                texts.sorted()
            } else {
                return None;
            };
            is_text.then_some((*field, texts))
        }
        Predicate::Any(members) => {
            let mut all: Option<(FieldRef, Vec<Box<[u8]>>)> = None;
            for member in members {
                let (field, texts) = texts(member)?;
                let (known, found) = all.get_or_insert_with(|| (field, Vec::new()));
                if *known != field {
                    return None;
                }
                found.extend(texts);
            }
            all
        }
        Predicate::Never | Predicate::All(_) | Predicate::Not(_) | Predicate::Check(..) => None,
    }
}
