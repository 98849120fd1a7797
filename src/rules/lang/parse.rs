//! Text to tree, by descent with a counted depth.
//!
//! The time is linear: nothing is read twice but a few words. The first error ends it, since what follows an error
//! in so small a grammar is noise; other conditions of the file are still looked at.

use core::ops::Range;
use std::sync::Arc;

use super::error::{ParseError, ParseErrorKind};
use super::lex::Cursor;
use super::number::Number;
use super::tree::{
    Argument, Call, Check, Expr, Field, Function, List, Modifier, Operand, Operator, Takes, Term, Value,
};
use super::{MAX_CONDITION, MAX_DEPTH};
use crate::rules::source::{Span, Spanned, Text};

/// Parses a whole condition.
///
/// # Errors
/// The first place where the text stops being a condition.
pub fn parse(text: &Text) -> Result<Expr, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(&text.value), text, depth: 0 };
    if text.value.len() > MAX_CONDITION {
        return Err(ParseError::new(ParseErrorKind::TooLong, 0..0).help("split it into macros"));
    }
    parser.cursor.blanks();
    if parser.cursor.rest().is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0..text.value.len()));
    }
    let expr = parser.or()?;
    parser.cursor.blanks();
    if parser.cursor.rest().is_empty() { Ok(expr) } else { Err(parser.expected_end()) }
}

/// Parses a field that stands alone, as in `once: [fd.remote]`.
///
/// # Errors
/// If it is no field, or more than one.
pub fn parse_field(text: &Text) -> Result<Field, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(&text.value), text, depth: 0 };
    parser.cursor.blanks();
    let field = parser.field()?;
    parser.cursor.blanks();
    match (field, parser.cursor.rest()) {
        (Some(field), "") => Ok(field),
        _ => {
            let kind = ParseErrorKind::ExpectedField { found: parser.cursor.found() };
            Err(ParseError::new(kind, parser.cursor.found_range())
                .help("a field has a class, a dot and a name, such as `proc.name`"))
        }
    }
}

/// Parses a field or a transformer that stands alone, as in an exception's `fields`.
///
/// # Errors
/// If it is neither, or more than one.
pub fn parse_term(text: &Text) -> Result<Term, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(&text.value), text, depth: 0 };
    parser.cursor.blanks();
    let start = parser.cursor.at();
    let term = parser.term()?;
    parser.cursor.blanks();
    match (term, parser.cursor.rest()) {
        (Some(term), "") => Ok(term),
        _ => {
            parser.cursor.back_to(start);
            parse_field(text).map(Term::Field)
        }
    }
}

/// A field or a transformer in the middle of a text, from `at` on, and where it ends; nothing if none starts there.
#[must_use]
pub fn parse_term_at(text: &Text, at: usize) -> Option<(Term, usize)> {
    let mut parser = Parser { cursor: Cursor::new(&text.value), text, depth: 0 };
    parser.cursor.back_to(at);
    let term = parser.term().ok()??;
    Some((term, parser.cursor.at()))
}

/// Parses a value that stands alone, as in an exception's `values`: a transformer or `val(FIELD)` where the text is one and
/// has no blank in it (Falco puts a text with blanks in quotes), else what [`parse_item`] makes of it.
///
/// # Errors
/// Those of [`parse_item`].
pub fn parse_operand(text: &Text) -> Result<Operand, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(&text.value), text, depth: 0 };
    if !text.value.trim().contains(' ')
        && let Ok(Some(term)) = parser.right_term()
        && parser.cursor.rest().trim().is_empty()
    {
        return Ok(Operand::Term(term));
    }
    parse_item(text).map(Operand::Value)
}

/// Parses a list in parentheses that stands alone.
///
/// # Errors
/// If it is no list, or more than one.
pub fn parse_list(text: &Text) -> Result<Vec<Value>, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(&text.value), text, depth: 0 };
    match parser.list_operand("in", false)? {
        Operand::List(list) if parser.cursor.rest().trim().is_empty() => Ok(list.items.to_vec()),
        Operand::List(_) | Operand::Named(_) | Operand::Term(_) | Operand::Value(_) => {
            Err(parser.expected_end())
        }
    }
}

/// The operator that a word names, with the modifier behind it: `in`, `startswith oneof`.
#[must_use]
pub fn parse_comparison(words: &str) -> Option<(Operator, Option<Modifier>)> {
    let mut words = words.split_ascii_whitespace();
    let operator = Operator::from_word(words.next()?).filter(|it| it.takes() != Takes::Nothing)?;
    let modifier = match words.next() {
        None => None,
        Some(word) => Some(Modifier::ALL.iter().copied().find(|modifier| modifier.word() == word)?),
    };
    let fits = words.next().is_none() && (modifier.is_none() || operator.takes() == Takes::Text);
    fits.then_some((operator, modifier))
}

/// Parses an item of a YAML list as a value: in quotes of the condition language, or bare, whatever it holds.
///
/// Falco pastes items into the condition, so `'"(systemd)"'` in YAML is the quoted text `(systemd)`; it puts quotes
/// around an item with a blank by itself.
///
/// # Errors
/// If it starts with a quote and is not one quoted text.
pub fn parse_item(text: &Text) -> Result<Value, ParseError> {
    let mut cursor = Cursor::new(&text.value);
    cursor.blanks();
    let start = cursor.at();
    let quoted = cursor.quoted()?;
    let span = text.span(start..cursor.at().max(text.value.trim_end().len()));
    let Some(quoted) = quoted else {
        let bare = text.value.trim();
        return Ok(Value { text: bare.to_owned(), quoted: !super::lex::is_bare(bare), span });
    };
    cursor.blanks();
    if cursor.rest().is_empty() {
        return Ok(Value { text: quoted, quoted: true, span });
    }
    let kind = ParseErrorKind::ExpectedItem { found: cursor.found() };
    Err(ParseError::new(kind, cursor.found_range())
        .help("an item is one text: put the quotes around all of it"))
}

pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) text: &'a Text,
    /// Parentheses that are open. INVARIANT: at most [`MAX_DEPTH`]; the parser recurses only where it grows.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Expr, ParseError> {
        // An `or` that touches a parenthesis takes that alone, as in Falco: `a or(b) and c` is refused.
        self.chain("or", Parser::and, Parser::primary, Expr::or)
    }

    fn and(&mut self) -> Result<Expr, ParseError> {
        self.chain("and", Parser::not, Parser::primary, Expr::and)
    }

    /// Members with `keyword` between them. The keyword may touch a parenthesis on either side; one that it touches is
    /// read by `touched`.
    fn chain(
        &mut self,
        keyword: &'static str,
        member: fn(&mut Self) -> Result<Expr, ParseError>,
        touched: fn(&mut Self) -> Result<Expr, ParseError>,
        join: fn(Vec<Expr>, Span) -> Option<Expr>,
    ) -> Result<Expr, ParseError> {
        self.cursor.blanks();
        let start = self.cursor.at();
        let mut members = vec![member(self)?];
        let mut end = self.cursor.at();
        loop {
            self.cursor.blanks();
            let word = self.cursor.at();
            if !self.cursor.eat(keyword) {
                break;
            }
            let next = if self.cursor.blanks() {
                member(self)?
            } else if matches!(self.cursor.peek(), Some('(') | None) {
                touched(self)?
            } else {
                let kind = ParseErrorKind::ExpectedBlank { keyword };
                return Err(ParseError::new(kind, word..self.cursor.at()));
            };
            members.push(next);
            end = self.cursor.at();
        }
        self.cursor.back_to(end);
        join(members, self.span(start..end)).ok_or_else(|| self.expected_check())
    }

    fn not(&mut self) -> Result<Expr, ParseError> {
        self.cursor.blanks();
        let start = self.cursor.at();
        let mut denied = false;
        while self.cursor.eat_not() || (self.cursor.rest().starts_with("not(") && self.cursor.eat("not")) {
            denied = !denied;
        }
        self.cursor.blanks();
        let inner = self.primary()?;
        if denied {
            let span = self.span(start..self.cursor.at());
            return Ok(Expr::negate(inner, span));
        }
        Ok(inner)
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let start = self.cursor.at();
        if self.cursor.eat("(") {
            self.enter(start)?;
            let mut inner = self.or()?;
            self.close(')', start)?;
            self.depth = self.depth.saturating_sub(1);
            inner.span = self.span(start..self.cursor.at());
            return Ok(inner);
        }
        if let Some(left) = self.term()? {
            let check = self.condition(left, start)?;
            return Ok(Expr::check(check, self.span(start..self.cursor.at())));
        }
        self.macro_name(start)
    }

    fn macro_name(&mut self, start: usize) -> Result<Expr, ParseError> {
        let Some(name) = self.cursor.identifier() else { return Err(self.expected_check()) };
        let range = start..self.cursor.at();
        if matches!(name, "and" | "or" | "not") && !self.may_end() {
            self.cursor.back_to(start);
            return Err(self.expected_check());
        }
        if self.cursor.peek() == Some('(') {
            return Err(self.unknown_function(name, range));
        }
        let kind = super::ExprKind::Macro(name.to_owned());
        Ok(Expr { kind, span: self.span(range) })
    }

    /// Whether a check may end here. A keyword where a check should stand is a macro's name to Falco: nothing but a
    /// definition of that name is missing then. Where more follows, the keyword is what is wrong.
    fn may_end(&mut self) -> bool {
        let start = self.cursor.at();
        self.cursor.blanks();
        let ends = self.cursor.is_at_keyword() || matches!(self.cursor.peek(), Some(')') | None);
        self.cursor.back_to(start);
        ends
    }

    /// A field or a transformer, if one starts here.
    fn term(&mut self) -> Result<Option<Term>, ParseError> {
        if let Some(field) = self.field()? {
            return Ok(Some(Term::Field(field)));
        }
        Ok(self.call()?.map(Term::Call))
    }

    fn field(&mut self) -> Result<Option<Field>, ParseError> {
        let start = self.cursor.at();
        let Some(name) = self.cursor.field_name() else { return Ok(None) };
        let argument = self.brackets()?;
        Ok(Some(Field { name: name.to_owned(), argument, span: self.span(start..self.cursor.at()) }))
    }

    /// `[ARG]`, right behind a field or a transformer.
    fn brackets(&mut self) -> Result<Option<String>, ParseError> {
        let start = self.cursor.at();
        if !self.cursor.eat("[") {
            return Ok(None);
        }
        let quoted = self.cursor.quoted()?;
        let argument = match quoted.or_else(|| self.cursor.bare_argument().map(str::to_owned)) {
            Some(argument) => argument,
            None => {
                let kind = ParseErrorKind::BadFieldArgument { found: self.cursor.found() };
                return Err(ParseError::new(kind, start..self.cursor.found_range().end)
                    .help("put a text with blanks, brackets or quotes in quotes"));
            }
        };
        if !self.cursor.eat("]") {
            let kind = ParseErrorKind::Unclosed { close: ']', found: self.cursor.found() };
            return Err(ParseError::new(kind, start..self.cursor.found_range().end)
                .help("put a text with blanks, brackets or quotes in quotes"));
        }
        Ok(Some(argument))
    }

    /// A transformer, if one starts here: its name and the parenthesis must touch.
    fn call(&mut self) -> Result<Option<Call>, ParseError> {
        let start = self.cursor.at();
        let name = self.cursor.identifier();
        let open = self.cursor.at();
        let function = Function::ALL.iter().copied().find(|function| Some(function.word()) == name);
        let (Some(function), true) = (function, self.cursor.eat("(")) else {
            self.cursor.back_to(start);
            return Ok(None);
        };
        self.enter(open)?;
        let mut arguments = Vec::new();
        loop {
            self.cursor.blanks();
            arguments.push(self.argument(true)?);
            self.cursor.blanks();
            if !self.cursor.eat(",") {
                break;
            }
        }
        self.close(')', open)?;
        self.depth = self.depth.saturating_sub(1);
        let selector = self.brackets()?;
        Ok(Some(Call { function, arguments, selector, span: self.span(start..self.cursor.at()) }))
    }

    fn argument(&mut self, lists: bool) -> Result<Argument, ParseError> {
        let start = self.cursor.at();
        if let Some(text) = self.cursor.number() {
            let span = self.span(start..self.cursor.at());
            return Ok(Argument::Value(Value { text: text.to_owned(), quoted: false, span }));
        }
        if let Some(text) = self.cursor.quoted()? {
            let span = self.span(start..self.cursor.at());
            return Ok(Argument::Value(Value { text, quoted: true, span }));
        }
        if lists && self.cursor.eat("(") {
            let mut members = Vec::new();
            self.cursor.blanks();
            if self.cursor.peek() != Some(')') {
                loop {
                    self.cursor.blanks();
                    members.push(self.argument(false)?);
                    self.cursor.blanks();
                    if !self.cursor.eat(",") {
                        break;
                    }
                }
            }
            self.close(')', start)?;
            return Ok(Argument::List(members, self.span(start..self.cursor.at())));
        }
        if let Some(term) = self.term()? {
            return Ok(Argument::Term(term));
        }
        let kind = ParseErrorKind::ExpectedArgument { found: self.cursor.found() };
        let error = ParseError::new(kind, self.cursor.found_range());
        Err(if self.cursor.rest().starts_with("val(") {
            error.help("`val()` stands alone on the right side; inside a transformer write the field")
        } else {
            error.help("a field has a class, a dot and a name, such as `proc.name`; put a text in quotes")
        })
    }

    /// Operator and right side.
    fn condition(&mut self, left: Term, start: usize) -> Result<Check, ParseError> {
        let left_end = self.cursor.at();
        self.cursor.blanks();
        let at = self.cursor.at();
        let Some(operator) = self.operator() else {
            return Err(self.expected_operator(start..left_end));
        };
        let end = at.saturating_add(operator_length(self.cursor.since(at)));
        let spanned = Spanned::new(operator, self.span(at..end));
        // A word has passed its blank already.
        let blank = self.cursor.blanks() || end < self.cursor.at();
        let check = |modifier, right| Check { left, operator: spanned, modifier, right };
        match operator.takes() {
            Takes::Nothing => {
                self.cursor.back_to(end);
                Ok(check(None, None))
            }
            Takes::Number => {
                let right = self.number_operand(operator)?;
                Ok(check(None, Some(right)))
            }
            Takes::List => {
                let right = self.list_operand(operator.word(), true)?;
                Ok(check(None, Some(right)))
            }
            Takes::Text => {
                let modifier = if blank { self.modifier() } else { None };
                let right = match modifier {
                    Some(modifier) => self.list_operand(modifier.word(), false)?,
                    None => self.text_operand(operator)?,
                };
                Ok(check(modifier, Some(right)))
            }
        }
    }

    /// The operator that comes next. A word that takes a text must have a blank behind it.
    fn operator(&mut self) -> Option<Operator> {
        if self.cursor.eat("==") {
            return Some(Operator::Eq);
        }
        Operator::ALL.iter().copied().find(|operator| {
            let word = operator.word();
            if operator.takes() == Takes::Text && word.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.cursor.eat_word(word)
            } else {
                self.cursor.eat(word)
            }
        })
    }

    /// `oneof`, `anyof` or `allof`, if a blank and a list follow; else it is a text like any other.
    fn modifier(&mut self) -> Option<Modifier> {
        let start = self.cursor.at();
        let modifier =
            Modifier::ALL.iter().copied().find(|modifier| self.cursor.eat_word(modifier.word()))?;
        let list = self.cursor.at();
        let follows = self.cursor.peek() == Some('(')
            || (!self.cursor.is_at_keyword() && self.cursor.identifier().is_some());
        self.cursor.back_to(if follows { list } else { start });
        follows.then_some(modifier)
    }

    fn number_operand(&mut self, operator: Operator) -> Result<Operand, ParseError> {
        if let Some(term) = self.right_term()? {
            return Ok(Operand::Term(term));
        }
        let start = self.cursor.at();
        match self.number_text() {
            Ok(text) => {
                let span = self.span(start..self.cursor.at());
                Ok(Operand::Value(Value { text: text.to_owned(), quoted: false, span }))
            }
            Err(text) => {
                let found = text.map(str::to_owned);
                self.cursor.back_to(start);
                let kind =
                    ParseErrorKind::ExpectedNumber { operator: operator.word(), found: self.cursor.found() };
                let error = ParseError::new(kind, self.cursor.found_range());
                Err(match found {
                    Some(text) if text.starts_with('.') => error.help(format!("write 0{text}")),
                    Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
                        error.help("numbers are such as 10, 0.25, 1e+6, 0x1F, 10m, 1h30m, 4KiB")
                    }
                    Some(text) if text.contains('.') => {
                        error.help(format!("to compare with a field write val({text})"))
                    }
                    _ => error,
                })
            }
        }
    }

    /// Passes a number, with or without a unit; what stands there instead is the error. As in Falco a keyword may touch
    /// a number without one: `proc.pid > 1and a`.
    fn number_text(&mut self) -> Result<&'a str, Option<&'a str>> {
        let start = self.cursor.at();
        let bare = self.cursor.bare();
        if let Some(text) = bare
            && Number::parse(text).is_some()
        {
            return Ok(text);
        }
        self.cursor.back_to(start);
        match self.cursor.number() {
            Some(text)
                if Some(text) == bare
                    || ["and", "or"].iter().any(|it| self.cursor.rest().starts_with(it)) =>
            {
                Ok(text)
            }
            _ => Err(bare),
        }
    }

    fn text_operand(&mut self, operator: Operator) -> Result<Operand, ParseError> {
        if let Some(term) = self.right_term()? {
            return Ok(Operand::Term(term));
        }
        if let Some(value) = self.value()? {
            if self.cursor.peek() == Some('(') && !value.quoted {
                // `x.y = name(z)`: a text cannot touch a parenthesis that opens.
                let range = self.cursor.at().saturating_sub(value.text.len())..self.cursor.at();
                return Err(self.unknown_function(&value.text, range));
            }
            return Ok(Operand::Value(value));
        }
        let kind = ParseErrorKind::ExpectedText { operator: operator.word(), found: self.cursor.found() };
        let error = ParseError::new(kind, self.cursor.found_range());
        Err(match (self.cursor.peek(), operator) {
            (Some('('), Operator::Eq) => error.help("write `in (…)` to compare with a list"),
            (Some('('), _) => {
                error.help(format!("write `{} anyof (…)` to compare with a list", operator.word()))
            }
            (Some('='), _) => error.help("write `=` or `!=`; put a text that starts with `=` in quotes"),
            _ => error.help("put a text with blanks or any of ( ) , = in quotes; \"\" is the empty text"),
        })
    }

    fn list_operand(&mut self, operator: &'static str, terms: bool) -> Result<Operand, ParseError> {
        self.cursor.blanks();
        let start = self.cursor.at();
        if self.cursor.eat("(") {
            let items = self.list_items()?;
            self.close(')', start)?;
            let span = self.span(start..self.cursor.at());
            return Ok(Operand::List(List { items: Arc::from(items), span }));
        }
        if terms && let Some(term) = self.right_term()? {
            return Ok(Operand::Term(term));
        }
        let name = self.cursor.identifier();
        // See `may_end`: a keyword may be a list's name.
        let is_keyword = name.is_some_and(|name| matches!(name, "and" | "or" | "not")) && !self.may_end();
        match name.filter(|_| !is_keyword) {
            Some(name) => {
                let span = self.span(start..self.cursor.at());
                Ok(Operand::Named(Spanned::new(name.to_owned(), span)))
            }
            None => {
                self.cursor.back_to(start);
                let kind = ParseErrorKind::ExpectedList { operator, found: self.cursor.found() };
                Err(ParseError::new(kind, self.cursor.found_range())
                    .help("a list is in parentheses, with commas, or a list's name"))
            }
        }
    }

    fn list_items(&mut self) -> Result<Vec<Value>, ParseError> {
        let mut items = Vec::new();
        self.cursor.blanks();
        if self.cursor.peek() == Some(')') {
            return Ok(items);
        }
        loop {
            self.cursor.blanks();
            match self.value()? {
                Some(value) => items.push(value),
                None => {
                    let kind = ParseErrorKind::ExpectedItem { found: self.cursor.found() };
                    let help = match self.cursor.peek() {
                        Some(',' | ')') => "remove the comma",
                        _ => "put a text with blanks or any of ( ) , = in quotes",
                    };
                    return Err(ParseError::new(kind, self.cursor.found_range()).help(help));
                }
            }
            self.cursor.blanks();
            if !self.cursor.eat(",") {
                return Ok(items);
            }
        }
    }

    /// A quoted or bare text, if one starts here.
    fn value(&mut self) -> Result<Option<Value>, ParseError> {
        let start = self.cursor.at();
        let (text, quoted) = match self.cursor.quoted()? {
            Some(text) => (text, true),
            None => match self.cursor.bare() {
                Some(text) => (text.to_owned(), false),
                None => return Ok(None),
            },
        };
        Ok(Some(Value { text, quoted, span: self.span(start..self.cursor.at()) }))
    }

    /// `val(field)` or a transformer, if one starts here.
    fn right_term(&mut self) -> Result<Option<Term>, ParseError> {
        self.cursor.blanks();
        let start = self.cursor.at();
        if !self.cursor.eat("val(") {
            return Ok(self.call()?.map(Term::Call));
        }
        self.cursor.blanks();
        let Some(field) = self.field()? else {
            let kind = ParseErrorKind::ExpectedField { found: self.cursor.found() };
            return Err(ParseError::new(kind, self.cursor.found_range())
                .help("`val()` takes one field and no transformer; a transformer needs no `val()`"));
        };
        let open = start.saturating_add(3);
        self.close(')', open)?;
        Ok(Some(Term::Field(field)))
    }

    /// Counts a parenthesis that opened at `at`.
    fn enter(&mut self, at: usize) -> Result<(), ParseError> {
        if self.depth >= MAX_DEPTH {
            let here = at..at.saturating_add(1);
            return Err(ParseError::new(ParseErrorKind::TooDeep, here).help("move a part of it into a macro"));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    /// Passes what closes the parenthesis that opened at `open`.
    fn close(&mut self, close: char, open: usize) -> Result<(), ParseError> {
        self.cursor.blanks();
        if self.cursor.peek() == Some(close) {
            self.cursor.eat(close.encode_utf8(&mut [0; 4]));
            return Ok(());
        }
        let kind = ParseErrorKind::Unclosed { close, found: self.cursor.found() };
        if self.cursor.rest().is_empty() {
            // Nothing to mark at the end: mark what is open.
            return Err(ParseError::new(kind, open..open.saturating_add(1)));
        }
        Err(ParseError::new(kind, self.cursor.found_range())
            .help("join checks with `and` or `or`; put a text with blanks or any of ( ) , = in quotes"))
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.text.span(range)
    }
}

/// The length of an operator without the blanks behind it.
fn operator_length(operator: &str) -> usize {
    operator.trim_end().len()
}
