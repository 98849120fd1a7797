//! Values of fields: borrowed while an event is looked at, owned while a partial match waits for the next one.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use crate::event::{Nanos, Text};
use crate::state::heap_of;

use super::Type;

/// A value during an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// A flag.
    Bool(bool),
    /// A number: a count, nanoseconds, bytes, thousandths, a file.
    Int(i64),
    /// Text.
    Text(Cow<'a, [u8]>),
    /// A word of ours.
    Word(&'static str),
    /// Several words for one thing, the usual one first.
    Words(&'static [&'static str]),
    /// An address.
    Ip(IpAddr),
    /// An address and port.
    Endpoint(SocketAddr),
    /// Several texts.
    Texts(Vec<Cow<'a, [u8]>>),
    /// Several numbers.
    Ints(SmallVec<[i64; 8]>),
    /// Several addresses.
    Ips(SmallVec<[IpAddr; 2]>),
}

/// A value that outlives its event.
pub type OwnedValue = Value<'static>;

impl<'a> Value<'a> {
    /// Borrowed text.
    #[must_use]
    pub fn text(text: &'a [u8]) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }

    /// A count.
    #[must_use]
    pub fn count(count: u64) -> Value<'a> {
        Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// The value on its own.
    #[must_use]
    pub fn into_owned(self) -> OwnedValue {
        let own = |text: Cow<'a, [u8]>| Cow::Owned(text.into_owned());
        match self {
            Value::Bool(flag) => Value::Bool(flag),
            Value::Int(number) => Value::Int(number),
            Value::Text(text) => Value::Text(own(text)),
            Value::Word(word) => Value::Word(word),
            Value::Words(words) => Value::Words(words),
            Value::Ip(addr) => Value::Ip(addr),
            Value::Endpoint(addr) => Value::Endpoint(addr),
            Value::Texts(texts) => Value::Texts(texts.into_iter().map(own).collect()),
            Value::Ints(numbers) => Value::Ints(numbers),
            Value::Ips(addrs) => Value::Ips(addrs),
        }
    }

    /// The bytes that an owned value holds on the heap.
    #[must_use]
    pub(crate) fn heap(&self) -> usize {
        match self {
            Value::Text(text) => heap_of::<u8>(text.len()),
            Value::Texts(texts) => {
                let list = heap_of::<Cow<'_, [u8]>>(texts.capacity());
                texts.iter().map(|text| heap_of::<u8>(text.len())).fold(list, usize::saturating_add)
            }
            Value::Ints(numbers) if numbers.spilled() => heap_of::<i64>(numbers.capacity()),
            Value::Ips(addrs) if addrs.spilled() => heap_of::<IpAddr>(addrs.capacity()),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Word(_)
            | Value::Words(_)
            | Value::Ip(_)
            | Value::Endpoint(_)
            | Value::Ints(_)
            | Value::Ips(_) => 0,
        }
    }

    /// The value as text, if it is text.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text),
            Value::Word(word) => Some(word.as_bytes()),
            Value::Words(words) => words.first().map(|word| word.as_bytes()),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Ip(_)
            | Value::Endpoint(_)
            | Value::Texts(_)
            | Value::Ints(_)
            | Value::Ips(_) => None,
        }
    }

    /// The value as an output shows it, in the unit of its type.
    #[must_use]
    pub fn display(&self, kind: Type) -> Displayed<'_, 'a> {
        Displayed { value: self, kind }
    }
}

/// A value as an output shows it.
#[derive(Debug)]
pub struct Displayed<'v, 'a> {
    value: &'v Value<'a>,
    kind: Type,
}

impl fmt::Display for Displayed<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Value::Bool(flag) => flag.fmt(f),
            Value::Int(number) => match self.kind {
                Type::Duration => duration(Nanos(*number), f),
                Type::Ratio => {
                    let (whole, rest) = (number / 1000, number.rem_euclid(1000));
                    write!(f, "{whole}.{rest:03}")
                }
                Type::Bool
                | Type::Count
                | Type::Size
                | Type::Text
                | Type::Enum(_)
                | Type::Ip
                | Type::Net
                | Type::Endpoint
                | Type::Texts
                | Type::FileId
                | Type::FileIds => number.fmt(f),
            },
            Value::Text(text) => Text(text).fmt(f),
            Value::Word(word) => word.fmt(f),
            Value::Words(words) => words.first().copied().unwrap_or_default().fmt(f),
            Value::Ip(addr) => addr.fmt(f),
            Value::Endpoint(addr) => addr.fmt(f),
            Value::Texts(texts) => {
                for (at, text) in texts.iter().enumerate() {
                    let separator = if at > 0 { "," } else { "" };
                    write!(f, "{separator}{}", Text(text))?;
                }
                Ok(())
            }
            Value::Ints(numbers) => list(numbers, f),
            Value::Ips(addrs) => list(addrs, f),
        }
    }
}

fn list<T: fmt::Display>(members: &[T], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, member) in members.iter().enumerate() {
        let separator = if at > 0 { "," } else { "" };
        write!(f, "{separator}{member}")?;
    }
    Ok(())
}

/// A span of time in the largest unit that leaves something before the point: `1.5s`, `20ms`.
fn duration(span: Nanos, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const UNITS: [(i64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    for (unit, name) in UNITS {
        if span.0.abs() >= unit {
            let whole = span.0.checked_div(unit).unwrap_or(0);
            let rest =
                span.0.checked_rem(unit).unwrap_or(0).abs().saturating_mul(10).checked_div(unit).unwrap_or(0);
            return if rest == 0 { write!(f, "{whole}{name}") } else { write!(f, "{whole}.{rest}{name}") };
        }
    }
    write!(f, "{}ns", span.0)
}
