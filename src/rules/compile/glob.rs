//! Shell patterns as fnmatch(3) with no flags knows them: `*`, `?`, `[…]`, backslash; braces are plain text.
//!
//! Matching is linear in the text for each star and never recurses: on a mismatch only the last star is retried.

use super::predicate::FoldCase;

/// A shell pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    parts: Box<[Part]>,
    fold_case: FoldCase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    Any,
    Star,
    Class { denied: bool, ranges: Box<[(u8, u8)]> },
}

impl Part {
    fn takes(&self, byte: u8, fold_case: FoldCase) -> bool {
        let same = |a: u8, b: u8| match fold_case {
            FoldCase::Yes => a.eq_ignore_ascii_case(&b),
            FoldCase::No => a == b,
        };
        match self {
            Part::Byte(expected) => same(*expected, byte),
            Part::Any | Part::Star => true,
            Part::Class { denied, ranges } => {
                let within = |byte: u8| ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte));
                let folded = fold_case == FoldCase::Yes
                    && (within(byte.to_ascii_lowercase()) || within(byte.to_ascii_uppercase()));
                (within(byte) || folded) != *denied
            }
        }
    }
}

impl Glob {
    /// Reads a pattern; every text is one, as in fnmatch(3): a bracket that does not close is a bracket.
    pub(crate) fn new(pattern: &[u8], fold_case: FoldCase) -> Glob {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            parts.push(match byte {
                b'*' => Part::Star,
                b'?' => Part::Any,
                b'\\' => match after.split_first() {
                    Some((escaped, after)) => {
                        rest = after;
                        Part::Byte(*escaped)
                    }
                    None => Part::Byte(b'\\'),
                },
                b'[' => match class(after) {
                    Some((class, after)) => {
                        rest = after;
                        class
                    }
                    None => Part::Byte(b'['),
                },
                plain => Part::Byte(*plain),
            });
        }
        Glob { parts: parts.into_boxed_slice(), fold_case }
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let (mut at, mut part) = (0usize, 0usize);
        // Where to go on if the text stops matching: behind the last star, one byte further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.parts.get(part), text.get(at)) {
                (Some(Part::Star), _) => {
                    retry = Some((at, part));
                    part = part.saturating_add(1);
                    continue;
                }
                (Some(expected), Some(byte)) if expected.takes(*byte, self.fold_case) => {
                    at = at.saturating_add(1);
                    part = part.saturating_add(1);
                    continue;
                }
                (None, None) => return true,
                (Some(_) | None, _) => {}
            }
            match retry {
                Some((from, star)) if from < text.len() => {
                    at = from.saturating_add(1);
                    part = star.saturating_add(1);
                    retry = Some((at, star));
                }
                Some(_) | None => return false,
            }
        }
    }

    /// Whether the text is a path that matches, or lies below one.
    pub(crate) fn matches_at_or_below(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(at, byte)| **byte == b'/' && *at > 0).map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| path.get(..end).is_some_and(|above| self.matches(above)))
    }
}

/// A bracket expression and what follows it.
fn class(text: &[u8]) -> Option<(Part, &[u8])> {
    let (denied, mut rest) = match text.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        Some(_) | None => (false, text),
    };
    let mut ranges = Vec::new();
    let mut is_first = true;
    loop {
        let (low, after) = rest.split_first()?;
        // A `]` that comes first is a member.
        if *low == b']' && !is_first {
            return Some((Part::Class { denied, ranges: ranges.into_boxed_slice() }, after));
        }
        is_first = false;
        match after {
            [b'-', high, after @ ..] if *high != b']' => {
                ranges.push((*low, *high));
                rest = after;
            }
            after => {
                ranges.push((*low, *low));
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.as_bytes(), FoldCase::No).matches(text.as_bytes())
    }

    #[test]
    fn patterns_mean_what_fnmatch_says() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("?", "", false),
            ("/etc/*/x", "/etc/a/b/x", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxcxxbxxaxx", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(Glob::new(b"a[B-C]*", FoldCase::Yes).matches(b"AbX"));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "*a".repeat(40);
        assert!(!matches(&pattern, &"a".repeat(39)));
        assert!(!matches(&format!("{pattern}b"), &"a".repeat(5000)));
    }

    #[test]
    fn a_path_lies_below_another_only_at_a_slash() {
        let etc = Glob::new(b"/etc", FoldCase::No);
        for (path, expected) in [("/etc", true), ("/etc/passwd", true), ("/etcetera", false), ("/", false)] {
            assert_eq!(etc.matches_at_or_below(path.as_bytes()), expected, "{path}");
        }
    }
}
