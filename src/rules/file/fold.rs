//! From a YAML scalar's value back to the bytes that it was written with.
//!
//! YAML joins lines, drops indentation and undoes escapes before anyone sees a value. Both texts are walked side by
//! side: what is no blank must come in the same order in both, so each character finds its own. Where that fails
//! (no known way to write a scalar does) the rest points at the last place that was found.

/// Pairs of offsets, of `value` and of the file, for the places from which on both run in step. `raw` is the scalar
/// as written, quotes and block header included; it starts at offset `start` of the file.
pub(super) fn places(value: &str, raw: &str, start: usize) -> Vec<(usize, usize)> {
    let style = raw.chars().next();
    let mut at = match style {
        // The first line of a block scalar is its header.
        Some('|' | '>') => raw.find('\n').map_or(raw.len(), |end| end.saturating_add(1)),
        Some('"' | '\'') => 1,
        _ => 0,
    };
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (offset, c) in value.char_indices() {
        let Some((from, length)) = locate(raw, at, c, style) else { break };
        let place = start.saturating_add(from);
        let in_step = places
            .last()
            .is_some_and(|(value_at, file_at)| place.checked_sub(*file_at) == offset.checked_sub(*value_at));
        if !in_step {
            places.push((offset, place));
        }
        at = from.saturating_add(length);
    }
    if places.is_empty() {
        places.push((0, start));
    }
    places
}

/// Where `c` stands in `raw` from `at` on, and how many bytes it takes there.
fn locate(raw: &str, at: usize, c: char, style: Option<char>) -> Option<(usize, usize)> {
    let rest = raw.get(at..)?;
    if c.is_ascii_whitespace() {
        let length = match rest.chars().next() {
            Some(' ' | '\t') => 1,
            // A line break, the empty lines behind it and the indentation are one blank of the value, or several.
            Some('\n' | '\r') => rest.len().saturating_sub(rest.trim_ascii_start().len()),
            Some('\\') if style == Some('"') => escape_length(rest),
            // The blank came from a line break that was passed already.
            _ => 0,
        };
        return Some((at, length));
    }
    let mut rest = rest.trim_ascii_start();
    if style == Some('"') {
        // A backslash at the end of a line swallows it.
        while rest.starts_with("\\\n") || rest.starts_with("\\\r") {
            rest = rest.get(1..)?.trim_ascii_start();
        }
    }
    let from = raw.len().saturating_sub(rest.len());
    match style {
        Some('"') if rest.starts_with('\\') => Some((from, escape_length(rest))),
        Some('\'') if rest.starts_with("''") => Some((from, 2)),
        _ => rest.starts_with(c).then(|| (from, c.len_utf8())),
    }
}

/// How long an escape of a double-quoted scalar is (YAML 1.2.2, 5.7).
fn escape_length(rest: &str) -> usize {
    match rest.chars().nth(1) {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(other) => other.len_utf8().saturating_add(1),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    /// Checks that `needle` in the value is found where it stands in the raw text.
    fn check(raw: &str, value: &str, needle: &str) {
        let at = value.find(needle).unwrap();
        let places = places(value, raw, 0);
        let (value_at, file_at) = *places.iter().rev().find(|(value_at, _)| *value_at <= at).unwrap();
        let found = raw.get(file_at.saturating_add(at.saturating_sub(value_at))..).unwrap();
        assert!(found.starts_with(needle), "{raw:?}: {needle:?} at {found:?}");
    }

    #[test]
    fn plain_scalars_on_one_line_and_on_several() {
        check("a b c", "a b c", "c");
        check("a and\n    b or\n\n    c", "a and b or\nc", "c");
    }

    #[test]
    fn block_scalars_folded_and_literal() {
        check(">\n    a and\n    b\n", "a and b\n", "b");
        check(">-  # why\n    a and\n\n    bé and c", "a and\nbé and c", "c");
        check("|\n    a and\n      b\n    c\n", "a and\n  b\nc\n", "c");
    }

    #[test]
    fn quoted_scalars_with_their_escapes() {
        check("'a ''b'' c'", "a 'b' c", "c");
        check(r#""a \"b\" \x41 \u00e9 c""#, "a \"b\" A é c", "c");
        check("\"a \\\n   b\\n c\"", "a b\n c", "c");
    }

    #[test]
    fn texts_that_do_not_agree_end_the_walk_without_a_crash() {
        assert_eq!(places("xyz", "abc", 7), [(0, 7)]);
        assert_eq!(places("", "", 7), [(0, 7)]);
    }
}
