//! Transformers: what is made of a value before it is tested.
//!
//! A value that is absent, or that a transformer cannot be applied to, gives none, and every test on none is false.
//! Of several texts each is transformed. Bounds: what they make is at most as long as what they are given, and a
//! condition is bounded, so nesting cannot blow a text up.

use std::borrow::Cow;

use crate::rules::fields::Value;

/// What is made of a value before it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// In lower case.
    Lower,
    /// In upper case.
    Upper,
    /// The last part of a path.
    Basename,
    /// Decoded from Base64 (RFC 4648, with or without padding); no value if it is none.
    Base64,
    /// Its length in bytes, or its number of members.
    Len,
}

impl Transform {
    /// The transformed value.
    pub(crate) fn of<'a>(self, value: &Value<'a>) -> Option<Value<'a>> {
        if self == Transform::Len {
            let len = match value {
                Value::Texts(texts) => texts.len(),
                Value::Ints(numbers) => numbers.len(),
                Value::Ips(addrs) => addrs.len(),
                Value::Text(_) | Value::Word(_) | Value::Words(_) => value.as_bytes()?.len(),
                Value::Bool(_) | Value::Int(_) | Value::Ip(_) | Value::Endpoint(_) => return None,
            };
            return Some(Value::count(u64::try_from(len).unwrap_or(u64::MAX)));
        }
        if let Value::Texts(texts) = value {
            let texts = texts.iter().filter_map(|text| self.of_text(text)).map(Cow::Owned).collect();
            return Some(Value::Texts(texts));
        }
        Some(Value::Text(Cow::Owned(self.of_text(value.as_bytes()?)?)))
    }

    fn of_text(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Transform::Lower => Some(text.to_ascii_lowercase()),
            Transform::Upper => Some(text.to_ascii_uppercase()),
            Transform::Basename => text.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec),
            Transform::Base64 => base64(text),
            Transform::Len => None,
        }
    }
}

/// RFC 4648, section 4. The padding may be left out; anything else that is no digit is an error.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last.saturating_add(1));
    let (digits, padding) = text.split_at_checked(end)?;
    if padding.len() > 2 || (!padding.is_empty() && !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len());
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            bits = bits << 6 | u32::from(base64_digit(*digit)?);
        }
        let missing = u32::try_from(4usize.saturating_sub(group.len())).unwrap_or(0);
        let bytes = bits.checked_shl(missing.saturating_mul(6))?.to_be_bytes();
        out.extend(bytes.iter().skip(1).take(group.len().saturating_sub(1)));
    }
    Some(out)
}

fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => digit.checked_sub(b'A'),
        b'a'..=b'z' => digit.checked_sub(b'a')?.checked_add(26),
        b'0'..=b'9' => digit.checked_sub(b'0')?.checked_add(52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// The options that `getopt` knows, as getopt(3) writes them: a letter, with a colon behind it if a value follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options(Box<[(u8, OptionKind)]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OptionKind {
    Flag,
    WithValue,
}

impl Options {
    /// Reads such a text as `nt:`; nothing if it is none.
    pub(crate) fn parse(text: &str) -> Option<Options> {
        let mut options: Vec<(u8, OptionKind)> = Vec::new();
        for byte in text.bytes() {
            match (byte, options.last_mut()) {
                (b':', Some((_, kind))) if *kind == OptionKind::Flag => *kind = OptionKind::WithValue,
                (b':', _) => return None,
                (letter, _) if letter.is_ascii_alphanumeric() => options.push((letter, OptionKind::Flag)),
                _ => return None,
            }
        }
        (!options.is_empty()).then(|| Options(options.into_boxed_slice()))
    }

    /// Whether it is one of them.
    pub(crate) fn has(&self, letter: u8) -> bool {
        self.kind(letter).is_some()
    }

    fn kind(&self, letter: u8) -> Option<OptionKind> {
        self.0.iter().find(|(known, _)| *known == letter).map(|(_, kind)| *kind)
    }

    /// What stands behind each occurrence of `wanted` among arguments; an empty text for an option without a value.
    /// Options and operands may be mixed, as GNU programs allow; `--` ends the options, and long ones are passed over.
    pub(crate) fn values_of<'a>(
        &self,
        wanted: u8,
        mut args: impl Iterator<Item = Cow<'a, [u8]>>,
    ) -> Vec<Cow<'a, [u8]>> {
        let mut found = Vec::new();
        while let Some(arg) = args.next() {
            let letters = match &*arg {
                b"--" => break,
                [b'-', b'-', ..] | [b'-'] => continue,
                [b'-', letters @ ..] => letters,
                _ => continue,
            };
            for (at, letter) in letters.iter().enumerate() {
                match self.kind(*letter) {
                    Some(OptionKind::WithValue) => {
                        let rest = letters.get(at.saturating_add(1)..).unwrap_or_default();
                        let value =
                            if rest.is_empty() { args.next() } else { Some(Cow::Owned(rest.to_vec())) };
                        if *letter == wanted {
                            found.extend(value);
                        }
                        break;
                    }
                    Some(OptionKind::Flag) if *letter == wanted => found.push(Cow::Borrowed(&b""[..])),
                    Some(OptionKind::Flag) | None => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_with_and_without_padding_and_refused_otherwise() {
        for (text, decoded) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zg", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYmE=", Some("fooba")),
            ("Zm9vYg", Some("foob")),
            ("Z", None),
            ("Zg=", None),
            ("Z===", None),
            ("Zm 9v", None),
            ("Zm9v-_", None),
        ] {
            assert_eq!(base64(text.as_bytes()).as_deref(), decoded.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn each_of_several_texts_is_transformed() {
        let texts = Value::Texts(vec![Cow::Borrowed(b"/usr/bin/A"), Cow::Borrowed(b"B")]);
        let lower = Transform::Lower.of(&texts).unwrap();
        assert_eq!(Transform::Basename.of(&lower), Some(Value::Texts(vec![b"a".into(), b"b".into()])));
        assert_eq!(Transform::Len.of(&texts), Some(Value::Int(2)));
        assert_eq!(Transform::Lower.of(&Value::Int(1)), None);
    }

    fn option(options: &str, wanted: u8, args: &[&'static str]) -> Vec<String> {
        let options = Options::parse(options).unwrap();
        let args = args.iter().map(|arg| Cow::Borrowed(arg.as_bytes()));
        options
            .values_of(wanted, args)
            .into_iter()
            .map(|value| String::from_utf8(value.into_owned()).unwrap())
            .collect()
    }

    #[test]
    fn getopt_finds_the_value_of_an_option_in_all_the_ways_in_which_it_can_be_written() {
        for (args, values) in [
            (&["-t", "5"][..], &["5"][..]),
            (&["-t5"], &["5"]),
            (&["-nt5"], &["5"]),
            (&["-nt", "5"], &["5"]),
            (&["operand", "-t", "5"], &["5"]),
            (&["-t", "5", "-t", "6"], &["5", "6"]),
            (&["-x", "-t", "-n"], &["-n"]),
            (&["--", "-t", "5"], &[]),
            (&["--t", "5"], &[]),
            (&["-n"], &[]),
            (&["-t"], &[]),
        ] {
            assert_eq!(option("nt:", b't', args), values, "{args:?}");
        }
        assert_eq!(option("nt:", b'n', &["-nt5"]), [""]);
        assert_eq!(option("nt:", b'n', &["-tn"]), Vec::<String>::new());
    }

    #[test]
    fn options_are_letters_with_colons() {
        for text in ["", ":", ":n", "n::", "n t", "é"] {
            assert_eq!(Options::parse(text), None, "{text}");
        }
    }
}
