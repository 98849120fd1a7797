//! What the parser says where a condition stops being one: the errors whose mend takes some thought.

use core::ops::Range;

use super::error::{ParseError, ParseErrorKind};
use super::parse::Parser;
use super::tree::{Function, Operator};
use crate::rules::diagnostics::closest;

/// What is wrong with a `#` where a check should stand.
const NO_COMMENTS: &str = "there are no comments inside of a condition: YAML passes its text on with them";

impl Parser<'_> {
    pub(super) fn expected_check(&self) -> ParseError {
        let kind = ParseErrorKind::ExpectedCheck { found: self.cursor.found() };
        let error = ParseError::new(kind, self.cursor.found_range());
        if self.cursor.peek() == Some('#') { error.help(NO_COMMENTS) } else { error }
    }

    pub(super) fn expected_operator(&self, left: Range<usize>) -> ParseError {
        let name = self.text.value.get(left.clone()).unwrap_or("").to_owned();
        let word = self.cursor.rest().split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        let kind = ParseErrorKind::ExpectedOperator { left: name, found: self.cursor.found() };
        let words = || Operator::ALL.iter().map(|operator| operator.word());
        let lower = word.to_ascii_lowercase();
        let help = if let Some(operator) = words().find(|operator| *operator == lower && lower != word) {
            Some(format!("operators are written small: {operator}"))
        } else if let Some(operator) = words().find(|operator| *operator == lower) {
            Some(format!("put a blank behind `{operator}`"))
        } else {
            closest(word, words()).map(|near| format!("did you mean `{near}`?"))
        };
        let end = self.cursor.found_range().end;
        let range =
            if word.is_empty() && self.cursor.rest().is_empty() { left } else { self.cursor.at()..end };
        ParseError::new(kind, range).help(help.unwrap_or_else(|| {
            "operators are exists = != < <= > >= in intersects pmatch contains icontains bcontains startswith \
             bstartswith endswith glob iglob regex"
                .to_owned()
        }))
    }

    /// The condition could have ended before the cursor.
    pub(super) fn expected_end(&self) -> ParseError {
        let kind = ParseErrorKind::ExpectedEnd { found: self.cursor.found() };
        let error = ParseError::new(kind, self.cursor.found_range());
        match self.cursor.peek() {
            Some(')') => error.help("remove the parenthesis, or open it"),
            Some('#') => error.help(NO_COMMENTS),
            Some('=' | '<' | '>' | '!') => {
                error.help("a field has a class, a dot and a name, such as `proc.name`")
            }
            _ => error.help("put a text with blanks or any of ( ) , = in quotes"),
        }
    }

    pub(super) fn unknown_function(&self, name: &str, range: Range<usize>) -> ParseError {
        let known = Function::ALL.iter().map(|function| function.word()).chain(["val"]);
        let error = ParseError::new(ParseErrorKind::UnknownFunction { name: name.to_owned() }, range);
        match name {
            "and" | "or" | "not" => error.help(format!("put a blank before `{name}`")),
            "val" => error.help("on the left side a field stands without `val()`"),
            _ => match closest(name, known) {
                Some(near) if near != name => error.help(format!("did you mean `{near}`?")),
                _ => error.help(
                    "transformers are tolower toupper b64 basename len join concat getopt; put a text with \
                     parentheses in quotes",
                ),
            },
        }
    }
}
