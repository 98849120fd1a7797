//! "Did you mean": the known word that a misspelt one is nearest to.

/// Words longer than this are not compared: the comparison is quadratic, and nobody misspells a word so long.
const MAX_WORD: usize = 64;

/// The word among `known` that is nearest to `word`, if it is near enough to be meant: at most a third of the
/// letters differ. Of two equally near the first is taken.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    if length == 0 || length > MAX_WORD {
        return None;
    }
    let limit = length.div_ceil(3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if candidate.len().abs_diff(word.len()) > limit.saturating_mul(4) || candidate.len() > MAX_WORD * 4 {
            continue;
        }
        let distance = distance(&word, &candidate.to_lowercase());
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many letters must be added, removed, replaced or exchanged with their neighbour to turn `a` into `b` (the
/// optimal string alignment distance), by rows of the usual table.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, letter) in a.chars().enumerate() {
        let mut line = Vec::with_capacity(above.len());
        let mut left = row.saturating_add(1);
        line.push(left);
        for (column, other) in b.iter().enumerate() {
            let diagonal = cell(&above, column).saturating_add(usize::from(letter != *other));
            let up = cell(&above, column.saturating_add(1)).saturating_add(1);
            let mut least = diagonal.min(up).min(left.saturating_add(1));
            let crossed = column.checked_sub(1).and_then(|column| Some((column, *b.get(column)?)));
            if let Some((column, neighbour)) = crossed
                && previous == Some(*other)
                && neighbour == letter
            {
                least = least.min(cell(&before, column).saturating_add(1));
            }
            line.push(least);
            left = least;
        }
        previous = Some(letter);
        before = core::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

fn cell(row: &[usize], column: usize) -> usize {
    row.get(column).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("same", "same", 0),
            ("startwith", "startswith", 1),
            ("teh", "the", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["condition", "container", "output"];
        assert_eq!(closest("conditon", known), Some("condition"));
        assert_eq!(closest("OUTPUT", known), Some("output"));
        assert_eq!(closest("priority", known), None);
        assert_eq!(closest("", known), None);
        assert_eq!(closest(&"x".repeat(100_000), known), None);
    }
}
