//! The fields of the rule language: one table of names, types and needs, and how each is read off an event.
//!
//! The table drives the type check of conditions, `rules fields`, the reference page, and the smallest trace session.

mod eval;
mod memo;
mod table;
mod value;

pub use eval::Scene;
pub use memo::Memo;
pub(crate) use memo::Seen;
pub use table::{FIELDS, FieldId, Need};
pub use value::{OwnedValue, Value};

/// The type of a field's values, which decides what a condition may compare it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A number without unit.
    Count,
    /// Nanoseconds; compared with durations such as `10m`.
    Duration,
    /// Bytes; compared with sizes such as `4K`.
    Size,
    /// Thousandths; compared with fractions such as `0.25`.
    Ratio,
    /// Text.
    Text,
    /// One of a few words.
    Enum(&'static [&'static str]),
    /// An IP address.
    Ip,
    /// An IP address that is compared with prefixes.
    Net,
    /// An address and port.
    Endpoint,
    /// Several texts.
    Texts,
    /// The number of a file.
    FileId,
    /// Numbers of files.
    FileIds,
}

/// Whether a field takes an argument in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// None.
    Nothing,
    /// A number, which may be left out.
    Index,
}

/// One field of the language.
#[derive(Clone, Copy, Debug)]
pub struct FieldDef {
    /// Which.
    pub id: FieldId,
    /// Its name in rules.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Type,
    /// Whether it takes an argument.
    pub takes: Takes,
    /// What it means.
    pub doc: &'static str,
    /// What a trace session must have for it.
    pub needs: &'static [Need],
    /// The events that can change it; empty for a field that belongs to the event itself.
    pub changed_by: &'static [&'static str],
}

/// The field of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static FieldDef> {
    FIELDS.iter().find(|field| field.name == name)
}

/// A field as a condition uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// Which field.
    pub id: FieldId,
    /// The number in its brackets.
    pub index: Option<u8>,
}
