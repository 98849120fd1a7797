//! strace's own remarks, which on a terminal cut lines in two: a log of standard error holds
//! `clone(flags=SIGCHLDstrace: Process 7 attached`, and `) = 7` on the next line.

use std::borrow::Cow;

/// What strace says as a new thread comes.
const BEGIN: &[u8] = b"strace: Process ";
const END: &[u8] = b" attached";

/// The text with the halves of cut lines joined. An empty line follows each, so that lines keep their numbers.
pub(super) fn mended(text: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Vec::new();
    let mut copied = 0_usize;
    let mut missing = 0_usize;
    let mut at = 0_usize;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let begin = at;
        at = at.saturating_add(line.len());
        let cut = remark(line).filter(|first| !first.is_empty());
        if let Some(first) = cut {
            mended.extend_from_slice(text.get(copied..begin).unwrap_or_default());
            mended.extend_from_slice(first);
            copied = at;
            missing = missing.saturating_add(1);
        } else if missing > 0 {
            mended.extend_from_slice(line);
            mended.extend(std::iter::repeat_n(b'\n', missing));
            copied = at;
            missing = 0;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    mended.extend_from_slice(text.get(copied..).unwrap_or_default());
    Cow::Owned(mended)
}

/// What stands before a remark at the end of a line.
fn remark(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_end().strip_suffix(END)?;
    let digits = line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    line.get(..line.len().checked_sub(digits)?)?.strip_suffix(BEGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_joined_and_lines_keep_their_numbers() {
        let text = b"a\nclone(flags=SIGCHLDstrace: Process 7 attached\n) = 7\nb\n";
        assert_eq!(mended(text).as_ref(), b"a\nclone(flags=SIGCHLD) = 7\n\nb\n");
        let text = b"xstrace: Process 7 attached\nystrace: Process 8 attached\nz\nb";
        assert_eq!(mended(text).as_ref(), b"xyz\n\n\nb");
    }

    #[test]
    fn a_remark_of_its_own_cuts_nothing() {
        for text in ["strace: Process 7 attached\na\n", "", "a\nb", "a: Process 7 attached\n"] {
            assert!(matches!(mended(text.as_bytes()), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn a_half_at_the_end_stays_one() {
        assert_eq!(mended(b"xstrace: Process 7 attached").as_ref(), b"x");
    }
}
