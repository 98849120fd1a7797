//! Texts that stand right of an operator, read as what the field is: numbers, addresses, networks, names of events.

use std::sync::Arc;

use crate::event::{EventType, Nanos};
use crate::hash::Set;
use crate::rules::diagnostics::{Diagnostic, closest, codes};
use crate::rules::fields::{self, Type};
use crate::rules::lang::{Number, Operator, Value as WrittenValue};

use super::glob::Glob;
use super::predicate::{FoldCase, Order, Part, Test};

/// The largest automaton of a regular expression, in bytes: `(a{1000}){1000}` must not load.
const REGEX_LIMIT: usize = 1 << 20;

/// Reports a name of no event. One of Falco's that never comes from gVisor is known all the same.
pub(super) fn known_event_type(value: &WrittenValue) -> Result<(), Box<Diagnostic>> {
    let name = value.text.as_str();
    if EventType::by_name(name).is_some() || fields::unavailable::is_event(name) {
        return Ok(());
    }
    let message = format!("there is no event type `{name}`");
    let near = closest(name, EventType::all_names());
    Err(Box::new(
        Diagnostic::error(codes::UNKNOWN_EVENT_TYPE, message, value.span)
            .help("use the name of a system call, or `container`")
            .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
    ))
}

impl Test {
    pub(super) fn from_list(
        kind: Type,
        operator: Operator,
        items: &[WrittenValue],
    ) -> Result<Test, Box<Diagnostic>> {
        match (kind, operator) {
            (_, Operator::PMatch) => {
                let paths = items.iter().map(|item| Glob::new(item.text.as_bytes(), FoldCase::No)).collect();
                Ok(Test::Below(paths))
            }
            (Type::Text | Type::Texts | Type::Enum(_), _) => {
                let mut texts = Set::default();
                for item in items {
                    known_word(kind, item)?;
                    texts.insert(item.text.clone().into_bytes().into_boxed_slice());
                }
                Ok(Test::TextIn(Arc::new(texts)))
            }
            (Type::Ip | Type::Net, _) => {
                Ok(Test::Net(items.iter().map(net).collect::<Result<Box<[_]>, _>>()?))
            }
            (Type::Endpoint, _) => {
                Ok(Test::Endpoint(items.iter().map(endpoint).collect::<Result<Box<[_]>, _>>()?))
            }
            (Type::Bool, _) => {
                let tests =
                    items.iter().map(|item| boolean(item).map(Test::Is)).collect::<Result<Box<[_]>, _>>()?;
                Ok(Test::AnyOf(tests))
            }
            (Type::Count | Type::Duration | Type::Size | Type::Ratio | Type::FileId | Type::FileIds, _) => {
                let numbers = items.iter().map(|item| number(kind, item)).collect::<Result<Box<[_]>, _>>()?;
                Ok(Test::NumberIn(numbers))
            }
        }
    }

    pub(super) fn from_value(
        kind: Type,
        operator: Operator,
        value: &WrittenValue,
    ) -> Result<Test, Box<Diagnostic>> {
        let text = || value.text.clone().into_bytes().into_boxed_slice();
        let is_text = matches!(kind, Type::Text | Type::Texts | Type::Enum(_));
        match operator {
            Operator::Ne => Ok(Test::Other(Box::new(Test::from_value(kind, Operator::Eq, value)?))),
            Operator::Eq | Operator::In | Operator::Intersects => match kind {
                Type::Text | Type::Texts => Ok(Test::Text(text())),
                Type::Enum(_) => known_word(kind, value).map(|()| Test::Text(text())),
                Type::Bool => boolean(value).map(Test::Is),
                Type::Ip | Type::Net => Ok(Test::Net(Box::new([net(value)?]))),
                Type::Endpoint => Ok(Test::Endpoint(Box::new([endpoint(value)?]))),
                Type::Count | Type::Duration | Type::Size | Type::Ratio | Type::FileId | Type::FileIds => {
                    number(kind, value).map(|number| Test::Number(Order::Eq, number))
                }
            },
            Operator::Lt => Ok(Test::Number(Order::Lt, number(kind, value)?)),
            Operator::Le => Ok(Test::Number(Order::Le, number(kind, value)?)),
            Operator::Gt => Ok(Test::Number(Order::Gt, number(kind, value)?)),
            Operator::Ge => Ok(Test::Number(Order::Ge, number(kind, value)?)),
            _ if !is_text => Err(Box::new(
                Diagnostic::error(
                    codes::BAD_OPERATOR,
                    format!("`{}` compares text, and the field is none", operator.word()),
                    value.span,
                )
                .help("use `=`, `in` or an order"),
            )),
            Operator::Contains => part(value, FoldCase::No),
            Operator::IContains => part(value, FoldCase::Yes),
            Operator::StartsWith => Ok(Test::StartsWith(text())),
            Operator::EndsWith => Ok(Test::EndsWith(text())),
            Operator::Glob => Ok(Test::Glob(Glob::new(value.text.as_bytes(), FoldCase::No))),
            Operator::IGlob => Ok(Test::Glob(Glob::new(value.text.as_bytes(), FoldCase::Yes))),
            Operator::PMatch => Ok(Test::Below(Box::new([Glob::new(value.text.as_bytes(), FoldCase::No)]))),
            Operator::BStartsWith => Ok(Test::StartsWith(hexadecimal(value)?)),
            Operator::BContains => {
                let bytes = hexadecimal(value)?;
                Part::new(&bytes, FoldCase::No).map(Test::Contains).ok_or_else(|| too_large(value))
            }
            Operator::Regex => {
                let config = regex_automata::meta::Config::new().nfa_size_limit(Some(REGEX_LIMIT));
                let syntax = regex_automata::util::syntax::Config::new().utf8(false);
                // The whole text must match, as with RE2's FullMatch.
                let pattern = format!(r"\A(?:{})\z", value.text);
                let built =
                    regex_automata::meta::Regex::builder().configure(config).syntax(syntax).build(&pattern);
                built.map(|regex| Test::Regex(Box::new(regex))).map_err(|error| {
                    let why = bad_regex(&error);
                    let message = format!("not a regular expression that can be used: {why}");
                    Box::new(Diagnostic::error(codes::BAD_VALUE, message, value.span))
                })
            }
            // `exists` has no right side.
            Operator::Exists => Ok(Test::Exists),
        }
    }
}

/// What is wrong with a pattern, in a line.
fn bad_regex(error: &regex_automata::meta::BuildError) -> String {
    match error.syntax_error() {
        // The parser draws the pattern and says the reason last.
        Some(syntax) => {
            let said = syntax.to_string();
            let reason = said.lines().last().unwrap_or("").trim_start_matches("error: ");
            reason.to_owned()
        }
        None => format!("compiled it takes more than {} KiB", REGEX_LIMIT >> 10),
    }
}

fn part(value: &WrittenValue, fold_case: FoldCase) -> Result<Test, Box<Diagnostic>> {
    Part::new(value.text.as_bytes(), fold_case).map(Test::Contains).ok_or_else(|| too_large(value))
}

fn too_large(value: &WrittenValue) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::TOO_MANY, "the text is too large to be searched for", value.span))
}

fn known_word(kind: Type, value: &WrittenValue) -> Result<(), Box<Diagnostic>> {
    let Type::Enum(words) = kind else { return Ok(()) };
    if words.contains(&value.text.as_str()) {
        return Ok(());
    }
    let help = match closest(&value.text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of: {}", words.join(", ")),
    };
    let message = format!("the field never is `{}`", value.text);
    Err(Box::new(Diagnostic::error(codes::BAD_VALUE, message, value.span).help(help)))
}

fn boolean(value: &WrittenValue) -> Result<bool, Box<Diagnostic>> {
    match value.text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                format!("`{}` is neither true nor false", value.text),
                value.span,
            )
            .help("write `true` or `false`"),
        )),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the nearest number that fits, by definition"
)]
fn number(kind: Type, value: &WrittenValue) -> Result<i64, Box<Diagnostic>> {
    let fits = |number: i128| i64::try_from(number).ok();
    let parsed = Number::parse(&value.text).and_then(|number| match (kind, number) {
        (Type::Ratio, Number::Integer(whole)) => fits(whole.saturating_mul(1000)),
        (Type::Ratio, Number::Fraction(fraction)) => Some((fraction * 1000.0).round() as i64),
        (Type::Duration, Number::Duration(Nanos(nanos))) => Some(nanos),
        (Type::Size, Number::Bytes(bytes)) => i64::try_from(bytes).ok(),
        (_, Number::Integer(number)) => fits(number),
        (_, Number::Fraction(fraction)) if fraction.fract() == 0.0 => Some(fraction as i64),
        (_, Number::Fraction(_) | Number::Duration(_) | Number::Bytes(_)) => None,
    });
    let expected = match kind {
        Type::Duration => "a duration such as `10m`",
        Type::Size => "a size such as `4KiB`",
        Type::Ratio => "a fraction such as `0.25`",
        Type::Bool
        | Type::Count
        | Type::Text
        | Type::Enum(_)
        | Type::Ip
        | Type::Net
        | Type::Endpoint
        | Type::Texts
        | Type::FileId
        | Type::FileIds => "a whole number",
    };
    parsed.ok_or_else(|| {
        Box::new(
            Diagnostic::error(codes::BAD_VALUE, format!("`{}` is not {expected}", value.text), value.span)
                .help(format!("write {expected}")),
        )
    })
}

fn net(value: &WrittenValue) -> Result<ipnet::IpNet, Box<Diagnostic>> {
    let text = value.text.trim();
    let parsed =
        text.parse::<ipnet::IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(Into::into));
    parsed.ok_or_else(|| {
        Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                format!("`{text}` is neither an address nor a prefix"),
                value.span,
            )
            .help("write `198.51.100.7` or `198.51.100.0/24`"),
        )
    })
}

fn endpoint(value: &WrittenValue) -> Result<std::net::SocketAddr, Box<Diagnostic>> {
    value.text.parse().map_err(|_| {
        Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                format!("`{}` is not an address with a port", value.text),
                value.span,
            )
            .help("write `198.51.100.7:443`"),
        )
    })
}

fn hexadecimal(value: &WrittenValue) -> Result<Box<[u8]>, Box<Diagnostic>> {
    let digits = value.text.as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    bytes.collect::<Option<Box<[u8]>>>().filter(|bytes| !bytes.is_empty()).ok_or_else(|| {
        Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                format!("`{}` is no bytes in hexadecimal", value.text),
                value.span,
            )
            .help("write two digits a byte, such as `cafebabe`"),
        )
    })
}
