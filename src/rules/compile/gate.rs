//! Gates: a condition taken apart, so that a thousand rules need not be asked one by one.
//!
//! A condition that is a conjunction can only hold if each of its members does. The most selective member that a table
//! can answer (a text that a field must equal, start with or contain, a number, a prefix of addresses) becomes the gate's
//! keys; the others, cheapest first, are asked once an event, however many rules have them. A member that asks for what
//! an earlier step had is left to the matcher. A gate decides nothing but who is asked.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use ipnet::IpNet;

use crate::rules::diagnostics::Diagnostics;
use crate::rules::fields::{FieldId, FieldRef, Type};
use crate::rules::lang::{Expr, ExprKind};

use super::condition::{ConditionCompiler, Lists};
use super::predicate::{FoldCase, Order, Predicate, Term, Test};

/// Keys that a gate has at most. A list of ten thousand names is asked as one set instead: each rule that names it would
/// else have its own copy.
const MAX_KEYS: usize = 256;

/// What must hold for a step to be asked at all.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) opening: Opening,
    /// All of these must hold too, in this order.
    pub(crate) rest: Arc<[Conjunct]>,
}

/// How a gate opens.
#[derive(Clone, Debug)]
pub(crate) enum Opening {
    /// Never: the condition cannot hold.
    Never,
    /// One of these is found.
    Keys(Arc<[Key]>),
    /// No table says when.
    Always,
}

/// Something that a table can look for in the value of a field.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) field: FieldRef,
    pub(crate) is: KeyIs,
}

/// What a value is looked up for; the cheapest and most selective first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyIs {
    /// It is this text.
    Text(Box<[u8]>),
    /// It is this number.
    Number(i64),
    /// It is an address in this prefix.
    Net(IpNet),
    /// It starts with this text.
    Start(Box<[u8]>),
    /// It ends with this text.
    End(Box<[u8]>),
    /// It has this part.
    Part(Box<[u8]>, FoldCase),
}

/// A part of a condition that must hold and that asks for nothing that an earlier step had.
#[derive(Clone, Debug)]
pub(crate) struct Conjunct {
    /// Those with the same text are the same.
    pub(crate) key: ConjunctKey,
    pub(crate) predicate: Arc<Predicate>,
}

/// Tells conjuncts apart by what they say: a digest of 128 bits, since a condition may be as long as a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConjunctKey(u64, u64);

impl ConjunctKey {
    fn of(condition: &Expr) -> ConjunctKey {
        let text = condition.to_string();
        let digest = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        ConjunctKey(digest(0), digest(1))
    }
}

/// How soon a conjunct is asked: what keeps most events out for least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A flag that must be set, a word that must be this one.
    Flag,
    /// A number, an address, a part of a text.
    Value,
    /// One of several.
    Several,
    /// A value that must be there.
    Exists,
    /// What must not hold: it holds for nearly every event.
    Denial,
}

/// The keys of a conjunct.
struct Keys {
    keys: Vec<Key>,
    /// Whether one of them is found exactly where the conjunct holds.
    exact: bool,
}

impl Gate {
    /// The gate of a condition that always holds or never.
    pub(super) fn of_nothing(opening: Opening) -> Gate {
        Gate { opening, rest: Arc::from([]) }
    }

    /// The gate of a condition.
    pub(super) fn of(condition: &Expr, step_names: &[Option<String>], lists: &mut Lists) -> Gate {
        let members = match &condition.kind {
            ExprKind::And(members) => members.as_slice(),
            ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Check(_) | ExprKind::Macro(_) => {
                std::slice::from_ref(condition)
            }
        };
        let mut rest: Vec<(Rank, u32, Conjunct)> = Vec::new();
        let mut best: Option<(Keys, usize)> = None;
        for member in members {
            // Whatever is wrong was said when the whole condition was compiled.
            let mut unheard = Diagnostics::default();
            let mut compiler = ConditionCompiler::new("", step_names, lists, &mut unheard);
            let predicate = compiler.condition(member);
            if unheard.has_errors() || predicate.asks_earlier() || is_event_type(&predicate) {
                continue;
            }
            if matches!(predicate, Predicate::Never) {
                return Gate::of_nothing(Opening::Never);
            }
            if let Some(keys) = keys(&predicate)
                && best.as_ref().is_none_or(|(known, _)| keys.rank() < known.rank())
            {
                best = Some((keys, rest.len()));
            }
            let (rank, cost) = (rank(&predicate), predicate.cost());
            let conjunct = Conjunct { key: ConjunctKey::of(member), predicate: Arc::new(predicate) };
            rest.push((rank, cost, conjunct));
        }
        let opening = match best {
            Some((keys, member)) => {
                if keys.exact {
                    rest.remove(member);
                }
                Opening::Keys(keys.keys.into())
            }
            None => Opening::Always,
        };
        // Stable, so that the same files give the same plan.
        rest.sort_by_key(|(rank, cost, _)| (*rank, *cost));
        Gate { opening, rest: rest.into_iter().map(|(_, _, conjunct)| conjunct).collect() }
    }
}

/// Whether a condition says nothing but the event's type: steps are asked by that anyway.
fn is_event_type(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Check(Term::Field(field), Test::Text(_) | Test::TextIn(_)) => field.id == FieldId::EvtType,
        Predicate::Check(..)
        | Predicate::Any(_)
        | Predicate::All(_)
        | Predicate::Not(_)
        | Predicate::Never => false,
    }
}

fn rank(predicate: &Predicate) -> Rank {
    match predicate {
        Predicate::Check(_, test) => match test {
            Test::Is(true) | Test::Text(_) | Test::TextIn(_) => Rank::Flag,
            Test::Is(false) | Test::Other(_) => Rank::Denial,
            Test::Exists => Rank::Exists,
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
            | Test::Like(..)
            | Test::Shares(_) => Rank::Value,
        },
        Predicate::Any(_) | Predicate::All(_) => Rank::Several,
        Predicate::Not(_) | Predicate::Never => Rank::Denial,
    }
}

impl Keys {
    /// The lowest is the best gate: by the dearest of its keys, then by how many there are.
    fn rank(&self) -> (u8, usize) {
        let dearest = self.keys.iter().map(|key| match key.is {
            KeyIs::Text(_) => 0,
            KeyIs::Number(_) => 1,
            KeyIs::Net(_) => 2,
            KeyIs::Start(_) => 3,
            KeyIs::End(_) => 4,
            KeyIs::Part(..) => 5,
        });
        (dearest.max().unwrap_or(0), self.keys.len())
    }
}

/// What a table can look for instead of asking the condition, if it can.
fn keys(predicate: &Predicate) -> Option<Keys> {
    match predicate {
        Predicate::Check(Term::Field(field), test) => {
            let mut keys = Vec::new();
            of_test(*field, test, &mut keys)?;
            Some(Keys { keys, exact: true })
        }
        // One of its members must hold.
        Predicate::Any(members) => {
            let mut all = Keys { keys: Vec::new(), exact: true };
            for member in members {
                let member = keys(member)?;
                all.keys.extend(member.keys);
                all.exact &= member.exact;
                if all.keys.len() > MAX_KEYS {
                    return None;
                }
            }
            Some(all)
        }
        // Each of its members must hold: the best one will do.
        Predicate::All(members) => {
            let best = members.iter().filter_map(keys).min_by_key(Keys::rank)?;
            Some(Keys { exact: false, ..best })
        }
        Predicate::Never | Predicate::Not(_) | Predicate::Check(..) => None,
    }
}

/// Appends the keys of which one is found exactly where the test passes.
fn of_test(field: FieldRef, test: &Test, keys: &mut Vec<Key>) -> Option<()> {
    let kind = field.id.def().kind;
    let is_text = kind == Type::Text && field.id != FieldId::EvtType;
    let mut add = |is: KeyIs| {
        keys.push(Key { field, is });
        (keys.len() <= MAX_KEYS).then_some(())
    };
    match test {
        Test::Text(text) if is_text => add(KeyIs::Text(text.clone())),
        Test::TextIn(texts) if is_text && texts.len() <= MAX_KEYS => {
            texts.sorted().into_iter().try_for_each(|text| add(KeyIs::Text(text)))
        }
        Test::StartsWith(text) if is_text => add(KeyIs::Start(text.clone())),
        Test::EndsWith(text) if is_text => add(KeyIs::End(text.clone())),
        Test::Contains(part) if is_text && !part.bytes().is_empty() => {
            add(KeyIs::Part(part.bytes().into(), part.fold_case()))
        }
        Test::Number(Order::Eq, number) => add(KeyIs::Number(*number)),
        Test::NumberIn(numbers) => numbers.iter().try_for_each(|number| add(KeyIs::Number(*number))),
        Test::Net(nets) => nets.iter().try_for_each(|net| add(KeyIs::Net(net.trunc()))),
        Test::AnyOf(tests) => tests.iter().try_for_each(|test| of_test(field, test, keys)),
        Test::Exists
        | Test::Is(_)
        | Test::Text(_)
        | Test::TextIn(_)
        | Test::StartsWith(_)
        | Test::EndsWith(_)
        | Test::Contains(_)
        | Test::Number(..)
        | Test::Glob(_)
        | Test::Regex(_)
        | Test::Below(_)
        | Test::Endpoint(_)
        | Test::AllOf(_)
        | Test::Other(_)
        | Test::With(..)
        | Test::Like(..)
        | Test::Shares(_) => None,
    }
}
