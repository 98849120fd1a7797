//! From a condition as it was written to one that can be tested: names become fields, words become values of the
//! field's type, and what cannot be is said with its place and its mend.

use std::sync::Arc;

use crate::hash::{Map, Set};
use crate::rules::diagnostics::{Diagnostic, Diagnostics, closest, codes};
use crate::rules::fields::{self, FieldDef, FieldId, FieldRef, Named, ParamName, Takes, Type};
use crate::rules::lang::{
    Argument, Call, Check, Expr, ExprKind, Field, Function, List, Modifier, Operand, Operator,
    Term as Written,
};

use super::literal::known_event_type;
use super::predicate::{FoldCase, Likeness, Order, Piece, Predicate, Term, Test};
use super::transform::{Options, Transform};

/// A field of an earlier step that a later one asks for: kept in the partial match from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The step.
    pub(crate) step: usize,
    /// The field.
    pub(crate) field: FieldRef,
}

/// Compiles the conditions of one rule.
#[derive(Debug)]
pub(crate) struct ConditionCompiler<'r> {
    /// The rule's name.
    pub(crate) rule: &'r str,
    /// The names of the rule's steps, for references to earlier ones.
    pub(crate) step_names: &'r [Option<String>],
    /// What the rule keeps of its steps.
    pub(crate) kept: Vec<Kept>,
    /// Every field that was asked for.
    pub(crate) used: Vec<FieldRef>,
    /// The sets that were made of lists so far, by the list's address.
    pub(crate) lists: &'r mut Lists,
    /// What is wrong.
    pub(crate) diagnostics: &'r mut Diagnostics,
}

/// The sets that were made of the lists of the rules that are being compiled.
pub(crate) type Lists = Map<usize, Arc<Set<Box<[u8]>>>>;

impl<'r> ConditionCompiler<'r> {
    /// For the conditions of a rule of which nothing is kept yet.
    pub(crate) fn new(
        rule: &'r str,
        step_names: &'r [Option<String>],
        lists: &'r mut Lists,
        diagnostics: &'r mut Diagnostics,
    ) -> Self {
        ConditionCompiler { rule, step_names, kept: Vec::new(), used: Vec::new(), lists, diagnostics }
    }
}

impl ConditionCompiler<'_> {
    /// Compiles a condition; what is wrong with it goes into the diagnostics, and [`Predicate::Never`] stands for it.
    pub(crate) fn condition(&mut self, expr: &Expr) -> Predicate {
        match &expr.kind {
            ExprKind::And(members) => {
                let mut members: Vec<Predicate> =
                    members.iter().map(|member| self.condition(member)).collect();
                // Stable, so that equals stay in the order in which they were written.
                members.sort_by_key(Predicate::cost);
                Predicate::All(members.into_boxed_slice())
            }
            ExprKind::Or(members) => {
                let mut members: Vec<Predicate> =
                    members.iter().map(|member| self.condition(member)).collect();
                members.sort_by_key(Predicate::cost);
                Predicate::Any(members.into_boxed_slice())
            }
            ExprKind::Not(inner) => Predicate::Not(Box::new(self.condition(inner))),
            ExprKind::Check(check) => match self.check(check) {
                Ok(predicate) => predicate,
                Err(diagnostic) => {
                    self.diagnostics.push(used_by(*diagnostic, check, self.rule));
                    Predicate::Never
                }
            },
            // Macros are gone once the rules were resolved.
            ExprKind::Macro(_) => Predicate::Never,
        }
    }

    /// A field by its name, as `once`, `by` and outputs use it.
    pub(crate) fn field_named(&mut self, field: &Field) -> Result<Term, Box<Diagnostic>> {
        self.field(field).map(|(term, _)| term)
    }

    fn check(&mut self, check: &Check) -> Result<Predicate, Box<Diagnostic>> {
        let (term, kind) = self.term(&check.left)?;
        let operator = check.operator.value;
        // Of a field that never has a value nothing is known, its type included.
        if term.is_nothing() {
            return Ok(Predicate::Never);
        }
        let Some(right) = &check.right else {
            return Ok(Predicate::Check(term, Test::Exists));
        };
        let test = match right {
            Operand::Term(right) => self.against_term(check, kind, right)?,
            Operand::Value(value) => Test::from_value(kind, operator, value)?,
            Operand::List(list) => match check.modifier {
                None => {
                    if list.items.is_empty() {
                        return Ok(Predicate::Never);
                    }
                    self.test_of_list(kind, operator, list)?
                }
                Some(modifier) => {
                    let tests = list
                        .items
                        .iter()
                        .map(|item| Test::from_value(kind, operator, item))
                        .collect::<Result<Box<[Test]>, _>>()?;
                    match modifier {
                        Modifier::OneOf | Modifier::AnyOf => Test::AnyOf(tests),
                        Modifier::AllOf => Test::AllOf(tests),
                    }
                }
            },
            // Named lists are gone once the rules were resolved.
            Operand::Named(_) => return Ok(Predicate::Never),
        };
        if let Term::Field(field) = &term
            && matches!(field.id, FieldId::EvtType | FieldId::SyscallType)
            && matches!(operator, Operator::Eq | Operator::Ne | Operator::In)
        {
            match right {
                Operand::Value(value) => known_event_type(value)?,
                Operand::List(list) => list.items.iter().try_for_each(known_event_type)?,
                Operand::Named(_) | Operand::Term(_) => {}
            }
        }
        Ok(Predicate::Check(term, test))
    }

    /// The test for membership in a list. A list that many rules name is one set.
    fn test_of_list(&mut self, kind: Type, operator: Operator, list: &List) -> Result<Test, Box<Diagnostic>> {
        // Items with their places are an `Arc` that lives as long as the rules that are compiled, so that its address
        // tells it apart. What is wrong with an item depends on the type.
        let is_plain = matches!(kind, Type::Text | Type::Texts) && operator != Operator::PMatch;
        let address = list.items.as_ptr().addr();
        if is_plain && let Some(known) = self.lists.get(&address) {
            return Ok(Test::TextIn(Arc::clone(known)));
        }
        let test = Test::from_list(kind, operator, &list.items)?;
        if is_plain && let Test::TextIn(texts) = &test {
            self.lists.insert(address, Arc::clone(texts));
        }
        Ok(test)
    }

    fn against_term(&mut self, check: &Check, kind: Type, right: &Written) -> Result<Test, Box<Diagnostic>> {
        let (other, other_kind) = self.term(right)?;
        let several = |kind: Type| matches!(kind, Type::Texts | Type::FileIds);
        match check.operator.value {
            Operator::In | Operator::Intersects => Ok(Test::Shares(other)),
            Operator::Eq if several(kind) || several(other_kind) => Ok(Test::Shares(other)),
            Operator::Eq => Ok(Test::With(Order::Eq, other)),
            Operator::Ne => Ok(Test::Other(Box::new(Test::With(Order::Eq, other)))),
            Operator::Lt => Ok(Test::With(Order::Lt, other)),
            Operator::Le => Ok(Test::With(Order::Le, other)),
            Operator::Gt => Ok(Test::With(Order::Gt, other)),
            Operator::Ge => Ok(Test::With(Order::Ge, other)),
            Operator::Contains | Operator::BContains => {
                like(Likeness::Contains(FoldCase::No), check, kind, other, other_kind)
            }
            Operator::IContains => like(Likeness::Contains(FoldCase::Yes), check, kind, other, other_kind),
            Operator::StartsWith | Operator::BStartsWith => {
                like(Likeness::StartsWith, check, kind, other, other_kind)
            }
            Operator::EndsWith => like(Likeness::EndsWith, check, kind, other, other_kind),
            Operator::Glob => like(Likeness::Glob(FoldCase::No), check, kind, other, other_kind),
            Operator::IGlob => like(Likeness::Glob(FoldCase::Yes), check, kind, other, other_kind),
            // A pattern that must be compiled is not taken from an event, as in Falco.
            operator @ (Operator::Exists | Operator::Regex | Operator::PMatch) => Err(Box::new(
                Diagnostic::error(
                    codes::BAD_OPERATOR,
                    format!("`{}` cannot compare two fields", operator.word()),
                    check.operator.span,
                )
                .help("use `=`, `!=`, an order, `in`, `intersects`, `contains`, `startswith`, `endswith` or `glob`"),
            )),
        }
    }

    pub(crate) fn term(&mut self, term: &Written) -> Result<(Term, Type), Box<Diagnostic>> {
        match term {
            Written::Field(field) => self.field(field),
            Written::Call(call) => self.call(call),
        }
    }

    fn call(&mut self, call: &Call) -> Result<(Term, Type), Box<Diagnostic>> {
        let transform = match call.function {
            Function::ToLower => Transform::Lower,
            Function::ToUpper => Transform::Upper,
            Function::Basename => Transform::Basename,
            Function::B64 => Transform::Base64,
            Function::Len => Transform::Len,
            Function::Join => return self.join(call),
            Function::Concat => return self.concat(call),
            Function::Getopt => return self.getopt(call),
        };
        no_selector(call)?;
        let [Argument::Term(inner)] = call.arguments.as_slice() else {
            return Err(bad_arguments(call, "takes one field", "write `tolower(proc.name)`"));
        };
        let (inner, inner_kind) = self.term(inner)?;
        let kind = match (transform, inner_kind) {
            (Transform::Len, _) => Type::Count,
            (_, Type::Texts) => Type::Texts,
            (_, Type::Text | Type::Enum(_)) => Type::Text,
            (
                _,
                Type::Bool
                | Type::Count
                | Type::Duration
                | Type::Size
                | Type::Ratio
                | Type::Ip
                | Type::Net
                | Type::Endpoint
                | Type::FileId
                | Type::FileIds,
            ) => {
                return Err(bad_arguments(
                    call,
                    "takes a text, and the field is none",
                    "use `concat` to make a text of it",
                ));
            }
        };
        Ok((Term::Call(transform, Box::new(inner)), kind))
    }

    /// `join(SEPARATOR, (…))`
    fn join(&mut self, call: &Call) -> Result<(Term, Type), Box<Diagnostic>> {
        no_selector(call)?;
        let [Argument::Value(separator), Argument::List(members, _)] = call.arguments.as_slice() else {
            return Err(bad_arguments(
                call,
                "takes a separator and a list",
                "write `join(\"-\", (proc.name, proc.pname))`",
            ));
        };
        let parts = members.iter().map(|member| self.piece(call, member)).collect::<Result<_, _>>()?;
        Ok((Term::Joined { separator: separator.text.as_bytes().into(), parts }, Type::Text))
    }

    /// `concat(…)`
    fn concat(&mut self, call: &Call) -> Result<(Term, Type), Box<Diagnostic>> {
        no_selector(call)?;
        let parts = call.arguments.iter().map(|member| self.piece(call, member)).collect::<Result<_, _>>()?;
        Ok((Term::Joined { separator: Box::default(), parts }, Type::Text))
    }

    fn piece(&mut self, call: &Call, argument: &Argument) -> Result<Piece, Box<Diagnostic>> {
        match argument {
            Argument::Term(term) => self.term(term).map(|(term, _)| Piece::Term(term)),
            Argument::Value(value) => Ok(Piece::Text(value.text.as_bytes().into())),
            Argument::List(..) => {
                Err(bad_arguments(call, "joins fields and texts, not lists", "leave out the parentheses"))
            }
        }
    }

    /// `getopt(proc.args, "nt:")[t]`
    fn getopt(&mut self, call: &Call) -> Result<(Term, Type), Box<Diagnostic>> {
        let example = "write `getopt(proc.args, \"nt:\")[t]`";
        let [Argument::Term(args), Argument::Value(options)] = call.arguments.as_slice() else {
            return Err(bad_arguments(call, "takes the arguments and the options that there are", example));
        };
        let (args, _) = self.term(args)?;
        let Some(parsed) = Options::parse(&options.text) else {
            return Err(bad_arguments(
                call,
                "takes the options as letters, with a colon behind those that have a value",
                example,
            ));
        };
        let wanted = match call.selector.as_deref().map(str::as_bytes) {
            Some([letter]) if parsed.has(*letter) => *letter,
            Some(_) => {
                return Err(bad_arguments(call, "is asked for an option that it does not know", example));
            }
            None => return Err(bad_arguments(call, "needs the option in brackets behind it", example)),
        };
        Ok((Term::Option { args: Box::new(args), options: parsed, wanted }, Type::Texts))
    }

    pub(crate) fn field(&mut self, field: &Field) -> Result<(Term, Type), Box<Diagnostic>> {
        // A field's own name wins over a step's: a step that is called `gpu` does not hide `gpu.state`.
        let is_own = fields::named(&field.name).is_some();
        let step = self.step_names.iter().position(|name| {
            let rest = name.as_deref().and_then(|name| field.name.strip_prefix(name));
            rest.is_some_and(|rest| !is_own && rest.starts_with('.'))
        });
        let own_name = match step.and_then(|step| self.step_names.get(step)?.as_deref()) {
            Some(step_name) => field.name.get(step_name.len().saturating_add(1)..).unwrap_or(""),
            None => &field.name,
        };
        let named = fields::named(own_name).ok_or_else(|| unknown_field(field, own_name, self.step_names))?;
        let (def, argument) = match named {
            Named::Unavailable(..) => return Ok((Term::Nothing, Type::Text)),
            Named::Param(def, param) => (def, Bracket::Number(param.0)),
            Named::Field(def) => bracket_of(def, field)?,
        };
        let index = match &argument {
            Bracket::Number(number) => Some(*number),
            Bracket::None | Bracket::Key(_) => None,
        };
        let reference = FieldRef { id: def.id, index };
        if !self.used.contains(&reference) {
            self.used.push(reference);
        }
        let Some(step) = step else {
            let term = match argument {
                Bracket::Key(key) => Term::Keyed(def.id, key),
                Bracket::None | Bracket::Number(_) => Term::Field(reference),
            };
            return Ok((term, def.kind));
        };
        if let Bracket::Key(_) = argument {
            let message = format!("`{}` is not kept of an earlier step", field.name);
            return Err(Box::new(Diagnostic::error(codes::BAD_VALUE, message, field.span)));
        }
        let kept = Kept { step, field: reference };
        let at = match self.kept.iter().position(|known| *known == kept) {
            Some(at) => at,
            None => {
                self.kept.push(kept);
                self.kept.len().saturating_sub(1)
            }
        };
        Ok((Term::Kept(at), def.kind))
    }
}

/// With the check that uses a list, where an item of the list is what is wrong.
fn used_by(diagnostic: Diagnostic, check: &Check, rule: &str) -> Diagnostic {
    let Some(Operand::List(list)) = &check.right else { return diagnostic };
    let (item, place) = (diagnostic.span, list.span);
    let stands_there = item.source == place.source && item.start >= place.start && item.end <= place.end;
    let in_check = item == check.operator.span || item == check.left.span();
    if stands_there || in_check {
        return diagnostic;
    }
    diagnostic.related(place, format!("the rule `{rule}` uses the list here"))
}

/// The test of a text beside another one; both must be texts.
fn like(
    likeness: Likeness,
    check: &Check,
    kind: Type,
    other: Term,
    other_kind: Type,
) -> Result<Test, Box<Diagnostic>> {
    let is_text = |kind: Type| matches!(kind, Type::Text | Type::Enum(_));
    if (is_text(kind) || kind == Type::Texts) && is_text(other_kind) {
        return Ok(Test::Like(likeness, other));
    }
    let word = check.operator.value.word();
    let message = format!("`{word}` compares a text with one text, and one of the fields is none");
    Err(Box::new(
        Diagnostic::error(codes::BAD_OPERATOR, message, check.operator.span)
            .help("use `=`, `in` or an order"),
    ))
}

fn bad_arguments(call: &Call, why: &str, help: &str) -> Box<Diagnostic> {
    let message = format!("`{}` {why}", call.function.word());
    Box::new(Diagnostic::error(codes::BAD_OPERATOR, message, call.span).help(help))
}

fn no_selector(call: &Call) -> Result<(), Box<Diagnostic>> {
    match call.selector {
        None => Ok(()),
        Some(_) => Err(bad_arguments(call, "has no options to choose from", "leave out the brackets")),
    }
}

/// What stands in a field's brackets.
enum Bracket {
    None,
    Number(u8),
    Key(Arc<str>),
}

/// The field that brackets make of a field, and what they ask it for.
fn bracket_of(
    def: &'static FieldDef,
    field: &Field,
) -> Result<(&'static FieldDef, Bracket), Box<Diagnostic>> {
    let wrong = |message: String, help: String| {
        Err(Box::new(Diagnostic::error(codes::BAD_VALUE, message, field.span).help(help)))
    };
    match (&field.argument, def.takes) {
        (None, Takes::Nothing | Takes::Index) => Ok((def, Bracket::None)),
        // The whole environment has a meaning, a mount or a label without its name has none.
        (None, Takes::Key) if def.id == FieldId::ProcEnv => Ok((def, Bracket::None)),
        (None, Takes::Key) => {
            wrong(format!("`{}` needs to be told which one", def.name), format!("write `{}[NAME]`", def.name))
        }
        (Some(key), Takes::Key) => Ok((def, Bracket::Key(key.as_str().into()))),
        (Some(argument), Takes::Index) => match argument.parse() {
            Ok(number) => Ok((def, Bracket::Number(number))),
            Err(_) => wrong(
                format!("`{argument}` is not a number from 0 to 255"),
                format!("write `{}[1]`", def.name),
            ),
        },
        (Some(argument), Takes::Param) => match (argument.parse(), ParamName::by_name(argument)) {
            (Ok(place), _) if def.id == FieldId::EvtArg => {
                Ok((FieldId::EvtArgAt.def(), Bracket::Number(place)))
            }
            (Err(_), Some(param)) => Ok((def, Bracket::Number(param.0))),
            _ => wrong(
                format!("no event has a parameter `{argument}`"),
                format!("write `{}.flags` or `evt.arg[0]`", def.name),
            ),
        },
        (None, Takes::Param) => wrong(
            format!("`{}` needs to be told which parameter", def.name),
            format!("write `{}.NAME`; `evt.args` are all of them", def.name),
        ),
        (Some(_), Takes::Nothing) => {
            wrong(format!("`{}` takes no argument", def.name), "leave out the brackets".to_owned())
        }
    }
}

fn unknown_field(field: &Field, name: &str, step_names: &[Option<String>]) -> Box<Diagnostic> {
    // A step's name that is misspelt before a field that there is.
    if let Some((step, rest)) = name.split_once('.')
        && fields::named(rest).is_some()
        && let Some(near) = closest(step, step_names.iter().flatten().map(String::as_str))
    {
        let message = format!("there is no step `{step}` and no field `{name}`");
        let diagnostic = Diagnostic::error(codes::UNKNOWN_FIELD, message, field.span);
        return Box::new(diagnostic.help(format!("did you mean `{near}.{rest}`?")));
    }
    let names: Vec<String> = fields::names().collect();
    let near = closest(name, names.iter().map(String::as_str));
    Box::new(
        Diagnostic::error(codes::UNKNOWN_FIELD, format!("there is no field `{name}`"), field.span)
            .maybe_help(
                near.map(|near| format!("did you mean `{near}`?"))
                    .or_else(|| Some("`sluicebox rules fields` lists them all".to_owned())),
            ),
    )
}
