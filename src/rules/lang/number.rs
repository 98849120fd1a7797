//! Numbers as rules write them: Falco's decimal and hexadecimal ones, and ours with a unit.
//!
//! `10`, `-1.5`, `2e+3` (the exponent's sign is part of Falco's grammar), `0x1F`; durations `10m`, `1h30m`, `250ms`;
//! sizes `4KiB`, `64kB`, `1GB`. A number that does not fit is refused, never cut.

use crate::event::Nanos;

/// A number and what it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number without a unit.
    Integer(i128),
    /// A number with a fraction or an exponent, without a unit.
    Fraction(f64),
    /// A span of time.
    Duration(Nanos),
    /// A number of bytes.
    Bytes(u64),
}

/// Units of time in nanoseconds; a longer one stands before one that it starts with.
const DURATIONS: &[(&str, u128)] = &[
    ("ms", 1_000_000),
    ("ns", 1),
    ("us", 1_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Units of size in bytes: powers of 1000, and of 1024 with an `i` (IEC 80000-13).
const SIZES: &[(&str, u128)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Digits after the point that a duration or a size may have: enough for a nanosecond in a second.
const MAX_FRACTION: usize = 9;

impl Number {
    /// What `text` says, if it is a number and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Number> {
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return hexadecimal.then(|| i128::from_str_radix(digits, 16).ok().map(Number::Integer)).flatten();
        }
        if plain_length(text) == text.len() {
            if let Ok(integer) = text.parse() {
                return Some(Number::Integer(integer));
            }
            return text.parse().ok().filter(|number: &f64| number.is_finite()).map(Number::Fraction);
        }
        duration(text).map(Number::Duration).or_else(|| size(text).map(Number::Bytes))
    }
}

/// A duration such as `10m`, `1h30m` or `0.5s`; its parts may have blanks between them, as in `1h 30m`.
#[must_use]
pub fn duration(text: &str) -> Option<Nanos> {
    let mut rest = text.trim();
    let mut sum: u128 = 0;
    let mut smallest = u128::MAX;
    while !rest.is_empty() {
        let (count, unit, after) = quantity(rest, DURATIONS)?;
        // `30m1h` and `1m1m` are slips, not durations.
        if unit >= smallest {
            return None;
        }
        smallest = unit;
        sum = sum.checked_add(count)?;
        rest = after.trim_start();
    }
    if smallest == u128::MAX { None } else { i64::try_from(sum).ok().map(Nanos) }
}

/// A duration as [`duration`] reads it, in as many units as it takes: `1h30m`; `0s` for none.
#[must_use]
pub fn duration_text(span: Nanos) -> String {
    const UNITS: &[(&str, u64)] = &[
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let mut text = String::new();
    let mut rest = span.0.unsigned_abs();
    for (unit, worth) in UNITS {
        let count = rest.checked_div(*worth).unwrap_or(0);
        rest = rest.checked_rem(*worth).unwrap_or(0);
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    match (text.is_empty(), span.0 < 0) {
        (true, _) => "0s".to_owned(),
        (false, true) => format!("-{text}"),
        (false, false) => text,
    }
}

/// A size such as `4KiB`.
fn size(text: &str) -> Option<u64> {
    let (bytes, _, rest) = quantity(text, SIZES)?;
    if rest.is_empty() { u64::try_from(bytes).ok() } else { None }
}

/// A number and the unit behind it: the amount, the unit's worth, and what follows.
fn quantity<'a>(text: &'a str, units: &[(&str, u128)]) -> Option<(u128, u128, &'a str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at_checked(end)?;
    let (unit, worth) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > MAX_FRACTION {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = worth.checked_mul(fraction.parse().ok()?)?.checked_div(scale)?;
    let amount = worth.checked_mul(whole.parse().ok()?)?.checked_add(parts)?;
    Some((amount, *worth, rest.strip_prefix(unit)?))
}

/// How many bytes of `text` are a decimal number by Falco's grammar: sign, digits, point and digits, exponent.
pub(super) fn plain_length(text: &str) -> usize {
    let digits =
        |from: usize| text.bytes().skip(from).take_while(u8::is_ascii_digit).count().saturating_add(from);
    let at = |index: usize| text.as_bytes().get(index).copied();
    let start = usize::from(matches!(at(0), Some(b'+' | b'-')));
    let whole = digits(start);
    if whole == start {
        return 0;
    }
    let mut end = if at(whole) == Some(b'.') { digits(whole.saturating_add(1)) } else { whole };
    if matches!(at(end), Some(b'e' | b'E')) && matches!(at(end.saturating_add(1)), Some(b'+' | b'-')) {
        let exponent = end.saturating_add(2);
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    end
}

/// How many bytes of `text` are a number without a unit, hexadecimal ones included.
pub(super) fn length(text: &str) -> usize {
    if text.starts_with("0x") || text.starts_with("0X") {
        let digits = text.bytes().skip(2).take_while(u8::is_ascii_hexdigit).count();
        if digits > 0 {
            return digits.saturating_add(2);
        }
    }
    plain_length(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_and_without_a_unit() {
        let seconds = |seconds: i64| Some(Number::Duration(Nanos::from_secs(seconds)));
        for (text, number) in [
            ("10", Some(Number::Integer(10))),
            ("+1", Some(Number::Integer(1))),
            ("-1", Some(Number::Integer(-1))),
            ("0x1F", Some(Number::Integer(31))),
            ("0XaB", Some(Number::Integer(171))),
            ("1.", Some(Number::Fraction(1.0))),
            ("-1.5", Some(Number::Fraction(-1.5))),
            ("-0.1222e+10", Some(Number::Fraction(-0.1222e10))),
            ("1s", seconds(1)),
            ("10m", seconds(600)),
            ("1h30m", seconds(5400)),
            ("1d", seconds(86_400)),
            ("0.5s", Some(Number::Duration(Nanos::from_millis(500)))),
            ("250ms", Some(Number::Duration(Nanos::from_millis(250)))),
            ("4KiB", Some(Number::Bytes(4096))),
            ("64kB", Some(Number::Bytes(64_000))),
            ("0.5GB", Some(Number::Bytes(500_000_000))),
            // A fraction of the smallest unit is less than one of them.
            ("0.5ns", Some(Number::Duration(Nanos(0)))),
            ("", None),
            ("-", None),
            (".5", None),
            ("1e3", None),
            ("0x", None),
            ("0xAAA.1", None),
            ("0aaaaa", None),
            ("1.2.3s", None),
            ("1.s", None),
            ("30m1h", None),
            ("1m1m", None),
            ("-1s", None),
            ("1k", None),
            ("99999999999999999999d", None),
            ("9999999999999999999999999999999999999999999999999999s", None),
        ] {
            assert_eq!(Number::parse(text), number, "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_is_read() {
        for text in ["0s", "10m", "1h30m", "1s5ms", "2h1ns", "7us", "48h"] {
            assert_eq!(duration_text(duration(text).unwrap()), text);
        }
        assert_eq!(duration_text(Nanos(-1_500_000_000)), "-1s500ms");
    }

    #[test]
    fn a_duration_may_have_blanks_between_its_parts() {
        assert_eq!(duration(" 1h 30m "), Some(Nanos::from_secs(5400)));
        assert_eq!(duration(""), None);
        assert_eq!(duration("10"), None);
    }
}
