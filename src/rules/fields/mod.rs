//! The fields of the rule language: one table of names, types and needs, and how each is read off an event.
//!
//! The table drives the type check of conditions, `rules fields`, the reference page, and the smallest trace session.

mod arguments;
mod descriptor;
mod eval;
mod given;
mod memo;
mod moment;
mod outside;
mod params;
mod process;
mod scene;
mod table;
#[cfg(test)]
mod tests;
pub mod unavailable;
mod value;
mod words;

pub(crate) use given::{events_of, is_from_outside, since};
pub use memo::Memo;
pub(crate) use memo::Seen;
pub(crate) use params::unavailable as param_unavailable;
pub use params::{ParamName, Parameter, parameters};
pub use scene::Scene;
pub use table::{FIELDS, FieldId, Need};
pub use unavailable::Unavailable;
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
    /// A text, such as a label's key.
    Key,
    /// The name of an event's parameter, joined by a dot: `evt.arg.flags`.
    Param,
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

/// What a name in a rule stands for.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    /// A field.
    Field(&'static FieldDef),
    /// A parameter of an event.
    Param(&'static FieldDef, ParamName),
    /// A field of Falco's that gVisor's trace cannot fill.
    Unavailable(&'static str, Unavailable),
}

/// What that name stands for; nothing if it is no field's.
#[must_use]
pub fn named(name: &str) -> Option<Named> {
    if let Some(def) = by_name(name) {
        return Some(Named::Field(def));
    }
    if let Some(param) = name.strip_prefix("evt.arg.") {
        return ParamName::by_name(param).map(|param| Named::Param(FieldId::EvtArg.def(), param));
    }
    if let Some(param) = name.strip_prefix("evt.rawarg.") {
        let param = ParamName::by_name(param)?;
        let id = if params::is_text(param) { FieldId::EvtRawargText } else { FieldId::EvtRawarg };
        return Some(Named::Param(id.def(), param));
    }
    unavailable::reason(name).map(|(name, reason)| Named::Unavailable(name, reason))
}

/// The names of everything that [`named`] knows, for a mend.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let own = FIELDS.iter().map(|field| field.name.to_owned());
    let params = ParamName::all().map(|param| format!("evt.arg.{param}"));
    own.chain(params).chain(unavailable::all().map(|(name, _)| name.to_owned()))
}

/// A field as a condition uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// Which field.
    pub id: FieldId,
    /// The number in its brackets; of a parameter, which one.
    pub index: Option<u8>,
}
