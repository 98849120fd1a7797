//! The words by which types, needs and arguments are shown to people: `rules fields`, `rules list`, the reference page.

use super::{FieldDef, Need, Takes, Type, given};
use crate::wire::schema::Release;

impl Type {
    /// In words; of an enum without its words ([`Type::members`]).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Type::Bool => "boolean",
            Type::Count => "number",
            Type::Duration => "duration",
            Type::Size => "size",
            Type::Ratio => "ratio",
            Type::Text => "text",
            Type::Enum(_) => "one of",
            Type::Ip => "address",
            Type::Net => "address, by prefix",
            Type::Endpoint => "address and port",
            Type::Texts => "texts",
            Type::FileId => "file",
            Type::FileIds => "files",
        }
    }

    /// The words of which one is the value; none if it is no enum.
    #[must_use]
    pub const fn members(self) -> &'static [&'static str] {
        match self {
            Type::Enum(words) => words,
            Type::Bool
            | Type::Count
            | Type::Duration
            | Type::Size
            | Type::Ratio
            | Type::Text
            | Type::Ip
            | Type::Net
            | Type::Endpoint
            | Type::Texts
            | Type::FileId
            | Type::FileIds => &[],
        }
    }
}

impl Takes {
    /// What follows the field's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Takes::Nothing => "",
            Takes::Index => "[n]",
            Takes::Key => "[key]",
            Takes::Param => ".NAME",
        }
    }
}

impl Need {
    /// In a word or a few.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Need::Exec => "exec",
            Need::Open => "opens",
            Need::Provenance => "provenance",
            Need::Code => "code",
            Need::Connect => "connects",
            Need::Socket => "sockets",
            Need::Send => "sends",
            Need::Recv => "receives",
            Need::Gpu => "ioctls",
            Need::Dup => "duplicates",
            Need::Credentials => "credentials",
            Need::Listen => "bound ports",
            Need::Cwd => "working directory",
            Need::Bind => "binds",
            Need::Job => "sessions and groups",
            Need::Terminal => "standard descriptors",
            Need::Env => "environment",
            Need::Digest => "digests of programs",
        }
    }
}

impl FieldDef {
    /// The first release of gVisor that always says it; earlier ones say it now and then or not at all.
    #[must_use]
    pub fn since(&self) -> Release {
        given::since(self.id)
    }

    /// Whether only whoever runs the container can say it.
    #[must_use]
    pub fn is_from_outside(&self) -> bool {
        given::is_from_outside(self.id)
    }
}
