//! The stable codes. A code is never reused and never changes its meaning; new ones are added at the end of a group.
//!
//! `00` files and YAML (warnings among them behind all errors), `01` conditions, `02` names, `03` and up: the type check and what follows it.

use core::fmt;

/// A diagnostic's stable code, such as `E0102`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    /// The code of this name: a letter (`E`, `W`, `N`) and four digits.
    #[must_use]
    pub const fn new(code: &'static str) -> Code {
        Code(code)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$meta])* pub const $name: Code = Code($code);)*

        /// All of them, errors first.
        pub const ALL: &[Code] = &[$($name,)*];
    };
}

codes! {
    /// A file has too many bytes.
    FILE_TOO_LARGE = "E0001";
    /// A file is not YAML.
    BAD_YAML = "E0002";
    /// A value has the wrong form: a text where a list should stand.
    WRONG_FORM = "E0003";
    /// A key that nothing knows.
    UNKNOWN_KEY = "E0004";
    /// A key that stands twice.
    DUPLICATE_KEY = "E0005";
    /// A key that must be there.
    MISSING_KEY = "E0006";
    /// An item that is no list, macro or rule, or more than one of them.
    UNKNOWN_ITEM = "E0007";
    /// A value that is none of those allowed.
    BAD_VALUE = "E0008";
    /// More of something than is allowed.
    TOO_MANY = "E0009";
    /// Keys that exclude one another.
    CONFLICTING_KEYS = "E0010";

    /// A condition without a word.
    CONDITION_EMPTY = "E0101";
    /// A condition that is too long.
    CONDITION_TOO_LONG = "E0102";
    /// Too many open parentheses.
    CONDITION_TOO_DEEP = "E0103";
    /// No check, macro or parenthesis where one should be.
    EXPECTED_CHECK = "E0104";
    /// No operator behind a field.
    EXPECTED_OPERATOR = "E0105";
    /// A keyword that runs into the next word.
    EXPECTED_BLANK = "E0106";
    /// More text behind a whole condition.
    EXPECTED_END = "E0107";
    /// A parenthesis or bracket that is not closed.
    UNCLOSED = "E0108";
    /// No text behind an operator.
    EXPECTED_TEXT = "E0109";
    /// No number behind an operator.
    EXPECTED_NUMBER = "E0110";
    /// No list behind an operator.
    EXPECTED_LIST = "E0111";
    /// No value between the commas of a list.
    EXPECTED_ITEM = "E0112";
    /// A quoted text without an end.
    OPEN_TEXT = "E0113";
    /// An unknown escape in a quoted text.
    BAD_ESCAPE = "E0114";
    /// Nothing usable in a field's brackets.
    BAD_FIELD_ARGUMENT = "E0115";
    /// An unknown transformer.
    UNKNOWN_FUNCTION = "E0116";
    /// Nothing usable as a transformer's argument.
    EXPECTED_ARGUMENT = "E0117";
    /// No field where one should be.
    EXPECTED_FIELD = "E0118";

    /// A macro that is not defined.
    UNKNOWN_MACRO = "E0201";
    /// A list that is not defined.
    UNKNOWN_LIST = "E0202";
    /// A macro or list that contains itself.
    CYCLE = "E0203";
    /// A condition that is too large once its macros are in it.
    EXPANSION_TOO_LARGE = "E0204";
    /// `append` or `override` of something that is not defined.
    NOTHING_TO_CHANGE = "E0205";
    /// `override` says something that cannot be done.
    BAD_OVERRIDE = "E0206";
    /// An exception that cannot become a condition.
    BAD_EXCEPTION = "E0207";
    /// Two rules or steps with the same id.
    DUPLICATE_ID = "E0208";
    /// `match` names a rule that is not there.
    UNKNOWN_RULE = "E0209";

    /// A field that is not in the table.
    UNKNOWN_FIELD = "E0301";
    /// An operator that does not fit the field's type.
    BAD_OPERATOR = "E0302";
    /// An event type that there is not.
    UNKNOWN_EVENT_TYPE = "E0309";
    /// A key or an item that nothing knows, and that Falco passes over.
    PASSED_OVER = "W0011";
    /// A key that has no effect where it stands.
    NO_EFFECT = "W0012";
    /// A rule for events of another source.
    OTHER_SOURCE = "W0304";
    /// A rule that can never match.
    NEVER_TRUE = "W0305";
    /// A rule of which a part never comes to bear.
    LOSES_PART = "W0306";
    /// A denied check on a field that the release does not always have.
    BLIND_DENIAL = "W0307";
    /// A file that asks for a later engine, or for a plugin that there is not.
    REQUIRES_MORE = "W0308";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(ALL.is_sorted_by(|a, b| a < b));
        assert!(ALL.iter().all(|code| code.as_str().len() == 5));
    }
}
