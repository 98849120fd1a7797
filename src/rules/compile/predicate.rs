//! Compiled conditions: a tree of tests over fields, cheapest first, that never allocates on its own.
//!
//! A field without a value makes every test on it false, `!=` included; its `not` is true. That is Falco's way, and
//! rules that are to convict ask with `exists` or with a positive word.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use regex_automata::meta::Regex;

use crate::hash::Set;
use crate::rules::fields::{FieldId, FieldRef, OwnedValue, Scene, Seen, Type, Value};

use super::glob::Glob;
use super::transform::{Options, Transform};

/// A compiled condition.
#[derive(Debug)]
pub(crate) enum Predicate {
    /// Never holds.
    Never,
    /// All of them hold.
    All(Box<[Predicate]>),
    /// One of them holds.
    Any(Box<[Predicate]>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// A field passes a test.
    Check(Term, Test),
}

/// Something with a value during an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    /// A field of the event.
    Field(FieldRef),
    /// What an earlier step of the same match had: its place among the values that a partial match keeps.
    Kept(usize),
    /// A field that takes a text in brackets.
    Keyed(FieldId, Arc<str>),
    /// A field that never has a value.
    Nothing,
    /// A transformer.
    Call(Transform, Box<Term>),
    /// Several, with a separator between them; no value if one of them has none.
    Joined {
        /// What stands between them.
        separator: Box<[u8]>,
        /// What is joined.
        parts: Box<[Piece]>,
    },
    /// The values of an option in an argument vector; none if it is not given.
    Option {
        /// The argument vector.
        args: Box<Term>,
        /// The options that there are.
        options: Options,
        /// The one that is asked for.
        wanted: u8,
    },
}

/// A part of a text that is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A value; of several texts all of them, each a part of its own.
    Term(Term),
    /// A text that stands in the condition.
    Text(Box<[u8]>),
}

/// What a value is tested for.
#[derive(Debug)]
pub(crate) enum Test {
    /// It is there.
    Exists,
    /// It is this flag.
    Is(bool),
    /// It is a number that compares so.
    Number(Order, i64),
    /// It is one of these numbers.
    NumberIn(Box<[i64]>),
    /// It is this text.
    Text(Box<[u8]>),
    /// It is one of these texts; of several texts, one is.
    TextIn(Arc<Set<Box<[u8]>>>),
    /// It has a part.
    Contains(Part),
    /// It starts with a text.
    StartsWith(Box<[u8]>),
    /// It ends with a text.
    EndsWith(Box<[u8]>),
    /// It matches a shell pattern.
    Glob(Glob),
    /// It matches a regular expression.
    Regex(Box<Regex>),
    /// It is one of these paths or lies below one.
    Below(Box<[Glob]>),
    /// It is an address in one of these prefixes.
    Net(Box<[IpNet]>),
    /// It is one of these endpoints.
    Endpoint(Box<[std::net::SocketAddr]>),
    /// It passes one of these tests.
    AnyOf(Box<[Test]>),
    /// It passes all of these tests.
    AllOf(Box<[Test]>),
    /// It is there and does not pass this test: `!=`.
    Other(Box<Test>),
    /// It compares so with another value.
    With(Order, Term),
    /// It is such a text beside another value.
    Like(Likeness, Term),
    /// It has a member in common with another value, or is a member of it.
    Shares(Term),
}

/// How numbers and texts compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Equal.
    Eq,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// How a text is like another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// The other one is a part of it.
    Contains(FoldCase),
    /// The other one is its beginning.
    StartsWith,
    /// The other one is its end.
    EndsWith,
    /// The other one is a shell pattern that it matches.
    Glob(FoldCase),
}

/// The longest pattern that is taken from a value, in bytes: the workload may have chosen it, and matching takes its
/// length for each byte of the text. A file's name has 255.
const MAX_PATTERN: usize = 256;

impl Likeness {
    fn holds(self, text: &[u8], other: &[u8]) -> bool {
        match self {
            // The empty text is a part of every text, and has no windows.
            Likeness::Contains(_) if other.is_empty() => true,
            Likeness::Contains(FoldCase::No) => text.windows(other.len()).any(|part| part == other),
            Likeness::Contains(FoldCase::Yes) => {
                other.len() <= text.len()
                    && Part::new(other, FoldCase::Yes).is_some_and(|part| part.search.is_match(text))
            }
            Likeness::StartsWith => text.starts_with(other),
            Likeness::EndsWith => text.ends_with(other),
            Likeness::Glob(fold_case) => {
                other.len() <= MAX_PATTERN && Glob::new(other, fold_case).matches(text)
            }
        }
    }
}

impl Order {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Order::Eq => ordering.is_eq(),
            Order::Lt => ordering.is_lt(),
            Order::Le => ordering.is_le(),
            Order::Gt => ordering.is_gt(),
            Order::Ge => ordering.is_ge(),
        }
    }
}

/// A part that is looked for, with or without regard to case.
#[derive(Debug)]
pub(crate) struct Part {
    bytes: Box<[u8]>,
    fold_case: FoldCase,
    search: AhoCorasick,
}

impl Part {
    /// Prepares the search; nothing if the part is too large to be prepared.
    pub(crate) fn new(part: &[u8], fold_case: FoldCase) -> Option<Part> {
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(fold_case == FoldCase::Yes);
        let search = builder.build([part]).ok()?;
        Some(Part { bytes: part.into(), fold_case, search })
    }

    /// What is looked for.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether case is disregarded.
    pub(super) fn fold_case(&self) -> FoldCase {
        self.fold_case
    }
}

/// Whether upper and lower case are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FoldCase {
    /// They are.
    Yes,
    /// They are not.
    No,
}

impl Predicate {
    /// Whether the condition holds for an event, given what a partial match kept of its earlier steps.
    pub(crate) fn holds(&self, scene: &Scene<'_>, kept: &[Option<OwnedValue>]) -> bool {
        match self {
            Predicate::Never => false,
            Predicate::All(members) => members.iter().all(|member| member.holds(scene, kept)),
            Predicate::Any(members) => members.iter().any(|member| member.holds(scene, kept)),
            Predicate::Not(inner) => !inner.holds(scene, kept),
            Predicate::Check(term, test) => {
                term.value(scene, kept).is_some_and(|value| test.passes(&value, scene, kept))
            }
        }
    }

    /// What the two sides of a check have during an event, as an output shows it; the right one only where it is a value
    /// as well.
    pub(crate) fn values(
        &self,
        scene: &Scene<'_>,
        kept: &[Option<OwnedValue>],
    ) -> (Option<String>, Option<String>) {
        let shown = |term: &Term| Some(term.value(scene, kept)?.display(term.kind()).to_string());
        match self {
            Predicate::Check(term, Test::With(_, other) | Test::Shares(other)) => (shown(term), shown(other)),
            Predicate::Check(term, _) => (shown(term), None),
            Predicate::Never | Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_) => (None, None),
        }
    }

    /// Whether the condition asks for what an earlier step had.
    pub(crate) fn asks_earlier(&self) -> bool {
        match self {
            Predicate::Never => false,
            Predicate::All(members) | Predicate::Any(members) => members.iter().any(Predicate::asks_earlier),
            Predicate::Not(inner) => inner.asks_earlier(),
            Predicate::Check(term, test) => term.asks_earlier() || test.asks_earlier(),
        }
    }

    /// How dear the test is, roughly: what costs least is asked first.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Predicate::Never => 0,
            Predicate::All(members) | Predicate::Any(members) => {
                members.iter().map(Predicate::cost).fold(1, u32::saturating_add)
            }
            Predicate::Not(inner) => inner.cost(),
            Predicate::Check(term, test) => term.cost().saturating_add(test.cost()),
        }
    }
}

impl Term {
    /// Whether it never has a value.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Term::Nothing => true,
            Term::Call(_, inner) => inner.is_nothing(),
            Term::Option { args, .. } => args.is_nothing(),
            // A text that is joined of several has no value as soon as one of them has none.
            Term::Joined { parts, .. } => parts.iter().any(|part| match part {
                Piece::Term(term) => term.is_nothing(),
                Piece::Text(_) => false,
            }),
            Term::Field(_) | Term::Keyed(..) | Term::Kept(_) => false,
        }
    }

    fn asks_earlier(&self) -> bool {
        match self {
            Term::Field(_) | Term::Keyed(..) | Term::Nothing => false,
            Term::Kept(_) => true,
            Term::Call(_, inner) => inner.asks_earlier(),
            Term::Joined { parts, .. } => parts.iter().any(|part| match part {
                Piece::Term(term) => term.asks_earlier(),
                Piece::Text(_) => false,
            }),
            Term::Option { args, .. } => args.asks_earlier(),
        }
    }

    pub(crate) fn value<'a>(&'a self, scene: &Scene<'a>, kept: &'a [Option<OwnedValue>]) -> Option<Seen<'a>> {
        let own = match self {
            Term::Field(field) => return scene.seen(*field),
            Term::Kept(at) => kept.get(*at)?.clone(),
            Term::Keyed(field, key) => return scene.get_keyed(*field, key).map(Seen::Own),
            Term::Nothing => None,
            Term::Call(transform, inner) => transform.of(&*inner.value(scene, kept)?).map(Value::into_owned),
            Term::Joined { separator, parts } => joined(separator, parts, scene, kept),
            Term::Option { args, options, wanted } => {
                let args = args.value(scene, kept)?;
                let found = if let Value::Texts(args) = &*args {
                    options.values_of(*wanted, args.iter().map(|arg| Cow::Borrowed(&**arg)))
                } else {
                    // A text whose words are no longer known apart.
                    let words = args.as_bytes()?.split(|byte| *byte == b' ');
                    options.values_of(*wanted, words.map(Cow::Borrowed))
                };
                (!found.is_empty()).then(|| Value::Texts(found).into_owned())
            }
        };
        own.map(Seen::Own)
    }

    /// The type of its values, as far as an output needs to know it.
    fn kind(&self) -> Type {
        match self {
            Term::Field(field) => field.id.def().kind,
            Term::Keyed(field, _) => field.def().kind,
            Term::Kept(_) | Term::Call(Transform::Len, _) => Type::Count,
            Term::Nothing | Term::Call(..) | Term::Joined { .. } => Type::Text,
            Term::Option { .. } => Type::Texts,
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Term::Field(field) if field.id == FieldId::EvtType => 1,
            Term::Field(field)
                if matches!(
                    field.id,
                    FieldId::IntelTextTags
                        | FieldId::IntelTextSource
                        | FieldId::IntelTextConfidence
                        | FieldId::IntelTextSince
                ) =>
            {
                200
            }
            Term::Field(field)
                if matches!(
                    field.id,
                    FieldId::IntelBinTags
                        | FieldId::IntelIpTags
                        | FieldId::IntelHashTags
                        | FieldId::IntelBinConfidence
                        | FieldId::IntelIpConfidence
                        | FieldId::IntelHashConfidence
                        | FieldId::IntelBinSince
                        | FieldId::IntelIpSince
                        | FieldId::IntelHashSince
                ) =>
            {
                60
            }
            Term::Field(field) if matches!(field.id, FieldId::ProcCmdline | FieldId::ProcArgs) => 40,
            Term::Field(field) => match field.id.def().kind {
                Type::Bool | Type::Count | Type::Duration | Type::Size | Type::Ratio | Type::Enum(_) => 3,
                Type::Ip | Type::Net | Type::Endpoint | Type::FileId | Type::Text => 5,
                Type::Texts | Type::FileIds => 10,
            },
            Term::Kept(_) => 5,
            Term::Keyed(..) => 20,
            Term::Nothing => 0,
            Term::Call(_, inner) => inner.cost().saturating_add(20),
            Term::Joined { parts, .. } => parts.iter().fold(20, |sum, part| match part {
                Piece::Term(term) => sum.saturating_add(term.cost()),
                Piece::Text(_) => sum,
            }),
            Term::Option { args, .. } => args.cost().saturating_add(60),
        }
    }
}

fn joined<'a>(
    separator: &[u8],
    parts: &'a [Piece],
    scene: &Scene<'a>,
    kept: &'a [Option<OwnedValue>],
) -> Option<Value<'a>> {
    let mut out = Vec::new();
    let mut first = true;
    let mut add = |text: &[u8]| {
        if !std::mem::take(&mut first) {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(text);
    };
    for part in parts {
        match part {
            Piece::Text(text) => add(text),
            Piece::Term(term) => {
                let value = term.value(scene, kept)?;
                if let Value::Texts(texts) = &*value {
                    texts.iter().for_each(|text| add(text));
                } else if let Some(text) = value.as_bytes() {
                    add(text);
                } else {
                    add(value.display(term.kind()).to_string().as_bytes());
                }
            }
        }
    }
    Some(Value::Text(out.into()))
}

impl Test {
    fn asks_earlier(&self) -> bool {
        match self {
            Test::With(_, term) | Test::Like(_, term) | Test::Shares(term) => term.asks_earlier(),
            Test::AnyOf(tests) | Test::AllOf(tests) => tests.iter().any(Test::asks_earlier),
            Test::Other(test) => test.asks_earlier(),
            Test::Exists
            | Test::Is(_)
            | Test::Number(..)
            | Test::NumberIn(_)
            | Test::Text(_)
            | Test::TextIn(_)
            | Test::Contains(_)
            | Test::StartsWith(_)
            | Test::EndsWith(_)
            | Test::Glob(_)
            | Test::Regex(_)
            | Test::Below(_)
            | Test::Net(_)
            | Test::Endpoint(_) => false,
        }
    }

    fn passes(&self, value: &Value<'_>, scene: &Scene<'_>, kept: &[Option<OwnedValue>]) -> bool {
        // The other value is looked up once for all texts.
        if let Test::Like(likeness, term) = self {
            return term.value(scene, kept).is_some_and(|other| like(*likeness, value, &other));
        }
        // Of several texts it is enough if one passes; denial asks that none does.
        if let Value::Texts(texts) = value
            && !matches!(self, Test::Exists | Test::Other(_) | Test::Shares(_))
        {
            return texts.iter().any(|text| self.passes_text(text));
        }
        if let Value::Words(words) = value
            && !matches!(self, Test::Exists | Test::Other(_) | Test::Shares(_))
        {
            return words.iter().any(|word| self.passes_text(word.as_bytes()));
        }
        match self {
            Test::Exists => true,
            Test::Is(expected) => matches!(value, Value::Bool(flag) if flag == expected),
            Test::Number(order, expected) => match value {
                Value::Int(number) => order.holds(number.cmp(expected)),
                Value::Ints(numbers) => numbers.iter().any(|number| order.holds(number.cmp(expected))),
                Value::Bool(_)
                | Value::Text(_)
                | Value::Word(_)
                | Value::Words(_)
                | Value::Ip(_)
                | Value::Ips(_)
                | Value::Endpoint(_)
                | Value::Texts(_) => false,
            },
            Test::NumberIn(expected) => match value {
                Value::Int(number) => expected.contains(number),
                Value::Ints(numbers) => numbers.iter().any(|number| expected.contains(number)),
                Value::Bool(_)
                | Value::Text(_)
                | Value::Word(_)
                | Value::Words(_)
                | Value::Ip(_)
                | Value::Ips(_)
                | Value::Endpoint(_)
                | Value::Texts(_) => false,
            },
            Test::Net(nets) => match value {
                Value::Ip(addr) => nets.iter().any(|net| holds(net, *addr)),
                Value::Ips(addrs) => addrs.iter().any(|addr| nets.iter().any(|net| holds(net, *addr))),
                Value::Endpoint(addr) => nets.iter().any(|net| holds(net, addr.ip())),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Text(_)
                | Value::Word(_)
                | Value::Words(_)
                | Value::Texts(_)
                | Value::Ints(_) => false,
            },
            Test::Endpoint(endpoints) => matches!(value, Value::Endpoint(addr) if endpoints.contains(addr)),
            Test::AnyOf(tests) => tests.iter().any(|test| test.passes(value, scene, kept)),
            Test::AllOf(tests) => tests.iter().all(|test| test.passes(value, scene, kept)),
            Test::Other(test) => match &**test {
                // Of a comparison with another value, both sides must be there.
                Test::With(_, term) | Test::Like(_, term) | Test::Shares(term) => {
                    term.value(scene, kept).is_some() && !test.passes(value, scene, kept)
                }
                Test::Exists
                | Test::Is(_)
                | Test::Number(..)
                | Test::NumberIn(_)
                | Test::Text(_)
                | Test::TextIn(_)
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
                | Test::Other(_) => !test.passes(value, scene, kept),
            },
            Test::With(order, term) => {
                term.value(scene, kept).is_some_and(|other| compare(*order, value, &other))
            }
            Test::Shares(term) => term.value(scene, kept).is_some_and(|other| share(value, &other)),
            // Was answered above.
            Test::Like(..) => false,
            Test::Text(_)
            | Test::TextIn(_)
            | Test::Contains(_)
            | Test::StartsWith(_)
            | Test::EndsWith(_)
            | Test::Glob(_)
            | Test::Regex(_)
            | Test::Below(_) => value.as_bytes().is_some_and(|text| self.passes_text(text)),
        }
    }

    fn passes_text(&self, text: &[u8]) -> bool {
        match self {
            Test::Text(expected) => text == &**expected,
            Test::TextIn(expected) => expected.contains(text),
            Test::Contains(part) => part.search.is_match(text),
            Test::StartsWith(prefix) => text.starts_with(prefix),
            Test::EndsWith(suffix) => text.ends_with(suffix),
            Test::Glob(glob) => glob.matches(text),
            Test::Regex(regex) => regex.is_match(text),
            Test::Below(paths) => paths.iter().any(|path| path.matches_at_or_below(text)),
            Test::AnyOf(tests) => tests.iter().any(|test| test.passes_text(text)),
            Test::AllOf(tests) => tests.iter().all(|test| test.passes_text(text)),
            Test::Exists
            | Test::Is(_)
            | Test::Number(..)
            | Test::NumberIn(_)
            | Test::Net(_)
            | Test::Endpoint(_)
            | Test::Other(_)
            | Test::With(..)
            | Test::Like(..)
            | Test::Shares(_) => false,
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Test::Exists | Test::Is(_) | Test::Number(..) | Test::Text(_) => 1,
            Test::StartsWith(_) | Test::EndsWith(_) | Test::Endpoint(_) => 2,
            Test::NumberIn(numbers) => u32::try_from(numbers.len() / 8).unwrap_or(u32::MAX).saturating_add(2),
            Test::TextIn(_) => 5,
            Test::Net(nets) => u32::try_from(nets.len()).unwrap_or(u32::MAX).saturating_add(2),
            Test::Contains(_) => 10,
            Test::Glob(_) => 15,
            Test::Below(paths) => u32::try_from(paths.len()).unwrap_or(u32::MAX).saturating_mul(5),
            Test::Regex(_) => 100,
            Test::AnyOf(tests) | Test::AllOf(tests) => {
                tests.iter().map(Test::cost).fold(0, u32::saturating_add)
            }
            Test::Other(test) => test.cost(),
            Test::With(_, term) | Test::Shares(term) => term.cost().saturating_add(3),
            Test::Like(_, term) => term.cost().saturating_add(20),
        }
    }
}

fn holds(net: &IpNet, addr: IpAddr) -> bool {
    net.contains(&addr)
}

fn compare(order: Order, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => order.holds(left.cmp(right)),
        (Value::Ip(left), Value::Ip(right)) => order == Order::Eq && left == right,
        (Value::Endpoint(left), Value::Endpoint(right)) => order == Order::Eq && left == right,
        (Value::Bool(left), Value::Bool(right)) => order == Order::Eq && left == right,
        _ => match (left.as_bytes(), right.as_bytes()) {
            (Some(left), Some(right)) => order == Order::Eq && left == right,
            (Some(_) | None, _) => false,
        },
    }
}

/// Whether a text, or one of several, is like another one.
fn like(likeness: Likeness, left: &Value<'_>, right: &Value<'_>) -> bool {
    let Some(right) = right.as_bytes() else { return false };
    match left {
        Value::Texts(texts) => texts.iter().any(|text| likeness.holds(text, right)),
        Value::Words(words) => words.iter().any(|word| likeness.holds(word.as_bytes(), right)),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Text(_)
        | Value::Word(_)
        | Value::Ip(_)
        | Value::Endpoint(_)
        | Value::Ints(_)
        | Value::Ips(_) => left.as_bytes().is_some_and(|text| likeness.holds(text, right)),
    }
}

/// Whether two values have a member in common; a value that is not several is its own only member.
fn share(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Ints(left), Value::Ints(right)) => left.iter().any(|number| right.contains(number)),
        (Value::Ints(many), Value::Int(one)) | (Value::Int(one), Value::Ints(many)) => many.contains(one),
        (Value::Ips(many), Value::Ip(one)) | (Value::Ip(one), Value::Ips(many)) => many.contains(one),
        (Value::Ips(left), Value::Ips(right)) => left.iter().any(|addr| right.contains(addr)),
        (Value::Texts(left), Value::Texts(right)) => left.iter().any(|text| right.contains(text)),
        (Value::Texts(many), one) | (one, Value::Texts(many)) => {
            one.as_bytes().is_some_and(|one| many.iter().any(|text| **text == *one))
        }
        _ => compare(Order::Eq, left, right),
    }
}
