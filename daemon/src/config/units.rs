//! Values with a unit, as they are typed.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A span of time: `30s`, `5m`, `12h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Span {
        Span(Duration::from_secs(secs))
    }

    /// The span.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let typed = String::deserialize(from)?;
        let span = crate::feeds::config::span(&typed);
        span.map(Span).ok_or_else(|| D::Error::custom("not a span of time, such as 30s, 5m, 12h or 7d"))
    }
}

/// The permissions of a file, in octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl std::str::FromStr for Mode {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Mode, &'static str> {
        match u32::from_str_radix(typed, 8) {
            Ok(mode) if mode <= 0o777 => Ok(Mode(mode)),
            Ok(_) | Err(_) => Err("not an octal file mode, such as 660"),
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A number of bytes: `64KiB`, `4MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub usize);

impl std::str::FromStr for Bytes {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Bytes, &'static str> {
        let no_size = "not a size, such as 512KiB, 4MiB or 1GiB";
        let digits = typed.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match typed.strip_prefix(digits) {
            Some("KiB") => 1_usize << 10,
            Some("MiB") => 1 << 20,
            Some("GiB") => 1 << 30,
            Some(_) | None => return Err(no_size),
        };
        digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit)).map(Bytes).ok_or(no_size)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_part_of_the_value() {
        assert_eq!("4MiB".parse(), Ok(Bytes(4 << 20)));
        assert_eq!("64KiB".parse(), Ok(Bytes(65_536)));
        for wrong in ["", "4", "MiB", "4MB", "-1KiB", "99999999999999999999KiB", "18446744073709551615GiB"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
        assert_eq!("660".parse(), Ok(Mode(0o660)));
        for wrong in ["", "8", "1000", "-1", "0x1"] {
            assert!(wrong.parse::<Mode>().is_err(), "{wrong}");
        }
    }
}
