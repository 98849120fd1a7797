//! One definition for a record's fields, their names, and the way to walk over them.
//!
//! [`record!`] declares a struct and implements [`Record`] for it, so that whoever prints events (`dump`, evidence,
//! `evt.args`) sees every field without a second list that could fall behind the first.

use super::{SockAddr, Text, Texts};

/// A struct whose fields can be walked by name, in the order of their declaration.
pub trait Record {
    /// Hands every field to `visitor`.
    fn visit(&self, visitor: &mut dyn Visitor);
}

/// Receives the fields of a [`Record`].
pub trait Visitor {
    /// One field with its value.
    fn field(&mut self, name: &'static str, value: Value<'_>);
    /// A field that is a record itself.
    fn record(&mut self, name: &'static str, record: &dyn Record);
}

/// The value of one field, in the few shapes that printing needs.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A flag.
    Bool(bool),
    /// A signed number: results, ids, offsets.
    Signed(i64),
    /// An unsigned number: counts, lengths, sizes.
    Unsigned(u64),
    /// A number that reads better in hexadecimal: flags, pointers, masks.
    Hex(u64),
    /// Bytes that are text more often than not.
    Text(Text<'a>),
    /// Bytes that are no text: digests, raw addresses.
    Bytes(&'a [u8]),
    /// A list of texts: arguments, environment.
    Texts(Texts<'a>),
    /// A socket address.
    Addr(SockAddr<'a>),
    /// A symbolic name from our own tables.
    Name(&'static str),
}

/// A type that may stand as a field of a [`Record`].
pub trait Field {
    /// Hands the field to `visitor` under `name`; an absent one is not handed over.
    fn visit(&self, name: &'static str, visitor: &mut dyn Visitor);
}

impl<R: Record> Field for R {
    fn visit(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.record(name, self);
    }
}

impl<F: Field> Field for Option<F> {
    fn visit(&self, name: &'static str, visitor: &mut dyn Visitor) {
        if let Some(field) = self {
            field.visit(name, visitor);
        }
    }
}

/// Implements [`Field`] for types that are one value.
macro_rules! field {
    ($($type:ty => |$it:ident| $value:expr;)*) => {$(
        impl $crate::event::Field for $type {
            fn visit(&self, name: &'static str, visitor: &mut dyn $crate::event::Visitor) {
                let $it = self;
                visitor.field(name, $value);
            }
        }
    )*};
}
pub(super) use field;

field! {
    bool => |it| Value::Bool(*it);
    i32 => |it| Value::Signed(i64::from(*it));
    i64 => |it| Value::Signed(*it);
    u32 => |it| Value::Unsigned(u64::from(*it));
    u64 => |it| Value::Unsigned(*it);
    Text<'_> => |it| Value::Text(*it);
    Texts<'_> => |it| Value::Texts(*it);
    &[u8] => |it| Value::Bytes(it);
}

/// Declares a struct and implements [`Record`] for it.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(<$life:lifetime>)? {
            $($(#[$field_meta:meta])* pub $field:ident : $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(std::clone::Clone, Debug, PartialEq)]
        pub struct $name $(<$life>)? {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $(<$life>)? $crate::event::Record for $name $(<$life>)? {
            fn visit(&self, visitor: &mut dyn $crate::event::Visitor) {
                $($crate::event::Field::visit(&self.$field, stringify!($field), visitor);)*
            }
        }
    };
}
pub(super) use record;
