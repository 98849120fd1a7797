//! Values of keys, checked one by one: whatever is wrong becomes a diagnostic and the value is absent.

use core::ops::RangeInclusive;

use super::yaml::{Node, NodeKind};
use crate::event::Nanos;
use crate::rules::diagnostics::{Diagnostic, Diagnostics, closest, codes};
use crate::rules::lang::{self, Field, ParseError};
use crate::rules::source::{Span, Spanned, Text};

/// Reads values; `what` is always the key's name, for the message.
pub(super) struct Reader<'a> {
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// Adds an error or a warning.
    pub(super) fn error(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Says that a value has the wrong form.
    pub(super) fn wrong_form(&mut self, what: &str, expected: &str, node: &Node) {
        let message = format!("`{what}` must be {expected}, found {}", node.form());
        self.error(Diagnostic::error(codes::WRONG_FORM, message, node.span));
    }

    /// Says that a key is unknown.
    pub(super) fn unknown_key(&mut self, inside: &str, key: &Spanned<String>, known: &[&str]) {
        let message = format!("unknown key `{}` in {inside}", key.value);
        let help = meant(inside, key, known);
        self.error(Diagnostic::error(codes::UNKNOWN_KEY, message, key.span).help(help));
    }

    /// Says that a key is unknown, and that nothing came of it.
    pub(super) fn passed_over(&mut self, inside: &str, key: &Spanned<String>, known: &[&str]) {
        let message = format!("unknown key `{}` in {inside}: it is passed over", key.value);
        let help = meant(inside, key, known);
        self.error(Diagnostic::warning(codes::PASSED_OVER, message, key.span).help(help));
    }

    /// Says that a key is missing.
    pub(super) fn missing_key(&mut self, inside: &str, key: &str, span: Span) {
        let message = format!("{inside} has no `{key}`");
        self.error(Diagnostic::error(codes::MISSING_KEY, message, span).help(format!("add `{key}:`")));
    }

    /// A text; absent where nothing stands.
    pub(super) fn text(&mut self, what: &str, node: &Node) -> Option<Text> {
        match &node.kind {
            NodeKind::Text(text) => Some(text.clone()),
            NodeKind::Null => None,
            NodeKind::List(_) | NodeKind::Map(_) => {
                self.wrong_form(what, "a text", node);
                None
            }
        }
    }

    /// A text that is a name.
    pub(super) fn name(&mut self, what: &str, node: &Node) -> Option<Spanned<String>> {
        if matches!(&node.kind, NodeKind::Text(text) if !text.value.trim().is_empty()) {
            return self.text(what, node).map(|text| Spanned::new(text.value.trim().to_owned(), node.span));
        }
        let message = format!("`{what}` must be a name, found {}", node.form());
        self.error(Diagnostic::error(codes::WRONG_FORM, message, node.span));
        None
    }

    /// A list; absent where nothing stands.
    pub(super) fn list<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n [Node]> {
        match &node.kind {
            NodeKind::List(items) => Some(items),
            NodeKind::Null => None,
            NodeKind::Text(_) | NodeKind::Map(_) => {
                self.wrong_form(what, "a list", node);
                None
            }
        }
    }

    /// A list of texts; absent where nothing stands.
    pub(super) fn texts(&mut self, what: &str, node: &Node, most: usize) -> Option<Vec<Text>> {
        let items = self.list(what, node)?;
        if items.len() > most {
            let message = format!("`{what}` has {} items, more than {most}", items.len());
            self.error(Diagnostic::error(codes::TOO_MANY, message, node.span));
            return None;
        }
        Some(items.iter().filter_map(|item| self.item(what, item)).collect())
    }

    /// A text in a list, where nothing is wrong too.
    fn item(&mut self, what: &str, node: &Node) -> Option<Text> {
        if matches!(node.kind, NodeKind::Null) {
            let message = format!("`{what}` has an empty item");
            let help = "remove it, or write \"\" for the empty text";
            self.error(Diagnostic::error(codes::WRONG_FORM, message, node.span).help(help));
        }
        self.text(what, node)
    }

    /// A list of names; absent where nothing stands.
    pub(super) fn names(&mut self, what: &str, node: &Node, most: usize) -> Option<Vec<Spanned<String>>> {
        let texts = self.texts(what, node, most)?;
        Some(texts.into_iter().map(|text| Spanned::new(text.value.trim().to_owned(), text.whole())).collect())
    }

    /// `true` or `false`, or one of YAML 1.1's words for them, as Falco takes them.
    pub(super) fn flag(&mut self, what: &str, node: &Node) -> Option<Spanned<bool>> {
        let text = self.text(what, node)?;
        let value = match text.value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => true,
            "false" | "no" | "off" | "n" => false,
            _ => {
                self.bad_value(what, &text, "write true or false");
                return None;
            }
        };
        Some(Spanned::new(value, node.span))
    }

    /// A whole number.
    pub(super) fn integer(
        &mut self,
        what: &str,
        node: &Node,
        range: RangeInclusive<u32>,
    ) -> Option<Spanned<u32>> {
        let text = self.text(what, node)?;
        match text.value.parse() {
            Ok(value) if range.contains(&value) => Some(Spanned::new(value, node.span)),
            _ => {
                let help = format!("write a whole number from {} to {}", range.start(), range.end());
                self.bad_value(what, &text, &help);
                None
            }
        }
    }

    /// A duration above zero.
    pub(super) fn duration(&mut self, what: &str, node: &Node) -> Option<Spanned<Nanos>> {
        let text = self.text(what, node)?;
        match lang::duration(&text.value) {
            Some(value) if value > Nanos::ZERO => Some(Spanned::new(value, node.span)),
            _ => {
                self.bad_value(
                    what,
                    &text,
                    "write a number and a unit (ns us ms s m h d), such as 30m or 1h30m",
                );
                None
            }
        }
    }

    /// One of several words, in any case.
    pub(super) fn choice<T: Copy>(
        &mut self,
        what: &str,
        node: &Node,
        words: &[(&str, T)],
    ) -> Option<Spanned<T>> {
        let text = self.text(what, node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.value.trim()))
        {
            return Some(Spanned::new(*value, node.span));
        }
        let words = || words.iter().map(|(word, _)| *word);
        let help = match closest(&text.value, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", words().collect::<Vec<_>>().join(", ")),
        };
        self.bad_value(what, &text, &help);
        None
    }

    /// A field.
    pub(super) fn field(&mut self, what: &str, node: &Node) -> Option<Field> {
        let text = self.text(what, node)?;
        self.field_in(&text)
    }

    /// The field that a text names.
    pub(super) fn field_in(&mut self, text: &Text) -> Option<Field> {
        lang::parse_field(text).map_err(|error| self.error(located(&error, text))).ok()
    }

    fn bad_value(&mut self, what: &str, text: &Text, help: &str) {
        let shown: String = text.value.chars().take(40).collect();
        let message = format!("`{what}` cannot be `{}`", shown.escape_debug());
        self.error(Diagnostic::error(codes::BAD_VALUE, message, text.whole()).help(help));
    }
}

/// The known key that may be meant, or all of them.
fn meant(inside: &str, key: &Spanned<String>, known: &[&str]) -> String {
    match closest(&key.value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("keys of {inside} are {}", known.join(", ")),
    }
}

/// An error of a condition, in the file.
pub(crate) fn located(error: &ParseError, text: &Text) -> Diagnostic {
    Diagnostic::error(error.code(), error.to_string(), text.span(error.start..error.end))
        .maybe_help(error.help.clone())
}
