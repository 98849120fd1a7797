//! One line of a log: who, when, and whether it is a call, the first or second half of one, or an end.

use crate::event::{Errno, signal};

use super::value::{Arg, Scanner};

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;

/// Seconds from which on a stamp counts from 1970 (`-ttt`), not from the line before (`-r`): three years, which no
/// call takes.
const EPOCH_SECONDS: i64 = 100_000_000;

/// When, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Since 1970 (`-ttt`).
    Epoch(i64),
    /// Since midnight (`-t`, `-tt`).
    OfDay(i64),
    /// Since the line before (`-r`).
    Since(i64),
}

/// A line, split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'l> {
    /// The thread; unnamed where only one was traced.
    pub(super) tid: Option<i32>,
    pub(super) stamp: Option<Stamp>,
    pub(super) what: What<'l>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What<'l> {
    /// A whole call, as text.
    Call(&'l [u8]),
    /// Its first half.
    Unfinished(&'l [u8]),
    /// Its second half.
    Resumed { name: &'l [u8], rest: &'l [u8] },
    /// `+++ exited with N +++` or `+++ killed by SIG +++`: a wait status.
    Ended(i32),
    /// `--- SIGCHLD {...} ---`: gVisor traces no signals.
    Signal,
    /// Words of strace's own, and empty lines.
    Remark,
}

impl<'l> Line<'l> {
    /// Splits a line; nothing if it is none of strace's.
    pub(super) fn read(line: &'l [u8]) -> Option<Line<'l>> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut scanner = Scanner::new(line);
        scanner.spaces();
        if scanner.rest().is_empty() || scanner.rest().starts_with(b"strace: ") {
            return Some(Line { tid: None, stamp: None, what: What::Remark });
        }
        let tid = tid(&mut scanner);
        let stamp = stamp(&mut scanner);
        Some(Line { tid, stamp, what: what(scanner)? })
    }
}

/// `[pid 12]` on a terminal, `12` in a file.
fn tid(scanner: &mut Scanner<'_>) -> Option<i32> {
    let before = *scanner;
    let bracket = scanner.eat(b"[pid");
    scanner.spaces();
    let digits = scanner.take_while(|byte| byte.is_ascii_digit());
    let ends = if bracket { scanner.eat(b"]") } else { scanner.peek() == Some(b' ') };
    match number(digits).and_then(|tid| i32::try_from(tid).ok()) {
        // Zero is no thread; and a number with a point or a colon behind it is a time.
        Some(tid) if ends && tid > 0 => {
            scanner.spaces();
            Some(tid)
        }
        Some(_) | None => {
            *scanner = before;
            None
        }
    }
}

/// A time in any of strace's forms, with what `-r` adds to the others.
fn stamp(scanner: &mut Scanner<'_>) -> Option<Stamp> {
    let stamp = one_stamp(scanner)?;
    if scanner.eat(b"(+") {
        scanner.take_while(|byte| byte != b')');
        scanner.eat(b")");
        scanner.spaces();
    }
    Some(stamp)
}

fn one_stamp(scanner: &mut Scanner<'_>) -> Option<Stamp> {
    let before = *scanner;
    let read = |scanner: &mut Scanner<'_>| {
        let first = number(scanner.take_while(|byte| byte.is_ascii_digit()))?;
        if scanner.eat(b":") {
            let minutes = number(scanner.take_while(|byte| byte.is_ascii_digit()))?;
            let seconds =
                scanner.eat(b":").then(|| number(scanner.take_while(|byte| byte.is_ascii_digit())))??;
            let seconds =
                (first.checked_mul(3600)?).checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
            let fraction = if scanner.eat(b".") { fraction(scanner)? } else { 0 };
            return Some(Stamp::OfDay(seconds.checked_mul(SECOND)?.checked_add(fraction)?));
        }
        if !scanner.eat(b".") {
            return None;
        }
        let nanos = first.checked_mul(SECOND)?.checked_add(fraction(scanner)?)?;
        Some(if first >= EPOCH_SECONDS { Stamp::Epoch(nanos) } else { Stamp::Since(nanos) })
    };
    match read(scanner) {
        Some(stamp) if scanner.peek() == Some(b' ') => {
            scanner.spaces();
            Some(stamp)
        }
        Some(_) | None => {
            *scanner = before;
            None
        }
    }
}

/// Digits behind a point, in nanoseconds.
fn fraction(scanner: &mut Scanner<'_>) -> Option<i64> {
    let digits = scanner.take_while(|byte| byte.is_ascii_digit());
    let mut nanos = 0_i64;
    for at in 0..9 {
        let digit = digits.get(at).map_or(0, |digit| digit.wrapping_sub(b'0'));
        nanos = nanos.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(nanos)
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn what(mut scanner: Scanner<'_>) -> Option<What<'_>> {
    let rest = scanner.rest().trim_ascii_end();
    if let Some(end) = rest.strip_prefix(b"+++ ") {
        return Some(ended(end));
    }
    if rest.starts_with(b"--- ") {
        return Some(What::Signal);
    }
    if scanner.eat(b"<... ") {
        let name = scanner.take_while(|byte| byte != b' ');
        scanner.spaces();
        return scanner.eat(b"resumed>").then(|| What::Resumed { name, rest: scanner.rest() });
    }
    for unfinished in [b"<unfinished ...>".as_slice(), b"<detached ...>"] {
        if let Some(first) = rest.strip_suffix(unfinished) {
            return Some(What::Unfinished(first));
        }
    }
    Some(What::Call(rest))
}

/// A wait status as wait(2) would give it: the code above the low byte, or the signal in it.
fn ended(end: &[u8]) -> What<'static> {
    let mut scanner = Scanner::new(end);
    if scanner.eat(b"exited with ") {
        let code = number(scanner.take_while(|byte| byte.is_ascii_digit())).unwrap_or(0);
        let code = i32::try_from(code).unwrap_or(0) & 0xff;
        return What::Ended(code.wrapping_shl(8));
    }
    if scanner.eat(b"killed by ") {
        let name = scanner.take_while(|byte| byte != b' ');
        let signal = signal::by_name(name).and_then(|signal| i32::try_from(signal).ok());
        return What::Ended(signal.unwrap_or(0));
    }
    // `superseded by execve in pid N`: the thread lives on as the leader of its group.
    What::Remark
}

/// What a call returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Returned {
    pub(super) result: i64,
    pub(super) errno: i64,
}

/// A call, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call<'l> {
    pub(super) name: &'l [u8],
    pub(super) args: Vec<Arg<'l>>,
    /// Nothing where the log does not say: exit_group(2), or a call that never ended.
    pub(super) returned: Option<Returned>,
    /// How long it took in nanoseconds (`-T`).
    pub(super) took: Option<i64>,
}

impl<'l> Call<'l> {
    /// Reads `name(args) = result`; nothing if the text is no call.
    pub(super) fn read(text: &'l [u8]) -> Option<Call<'l>> {
        let mut scanner = Scanner::new(text);
        let name = scanner.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || !scanner.eat(b"(") {
            return None;
        }
        let args = scanner.arguments()?;
        scanner.spaces();
        // A call without an end has no result either.
        let returned = if scanner.eat(b"=") {
            scanner.spaces();
            returned(&mut scanner)
        } else {
            None
        };
        Some(Call { name, args, returned, took: took(scanner.rest()) })
    }
}

/// `3</etc/passwd>`, `0x7f12`, `-1 ENOENT (No such file or directory)`, `?`, `? ERESTARTSYS (...)`.
fn returned(scanner: &mut Scanner<'_>) -> Option<Returned> {
    let unknown = scanner.eat(b"?");
    let result =
        if unknown { -1 } else { super::names::integer(scanner.take_while(|b| b != b' ' && b != b'<'))? };
    if scanner.eat(b"<") {
        scanner.annotation();
    }
    scanner.spaces();
    let name = scanner.take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let errno = std::str::from_utf8(name).ok().and_then(Errno::by_name);
    match errno {
        Some(errno) => Some(Returned { result: -1, errno: errno.0 }),
        None if unknown => None,
        None => Some(Returned { result, errno: 0 }),
    }
}

/// How long a call took in nanoseconds: `<0.000123>` at the end.
pub(super) fn took(rest: &[u8]) -> Option<i64> {
    let inner = rest.trim_ascii_end().strip_suffix(b">")?;
    let at = inner.iter().rposition(|byte| *byte == b'<')?;
    let mut scanner = Scanner::new(inner.get(at.checked_add(1)?..)?);
    let seconds = number(scanner.take_while(|byte| byte.is_ascii_digit()))?;
    let fraction = scanner.eat(b".").then(|| fraction(&mut scanner))??;
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (Option<i32>, Option<Stamp>, String) {
        let line = Line::read(text.as_bytes()).unwrap();
        let what = match line.what {
            What::Call(text) | What::Unfinished(text) => String::from_utf8_lossy(text).into_owned(),
            What::Resumed { .. } | What::Ended(_) | What::Signal | What::Remark => String::new(),
        };
        (line.tid, line.stamp, what)
    }

    #[test]
    fn a_line_names_thread_and_time_in_every_form_of_strace() {
        let call = String::from("getpid() = 7");
        for (text, tid, stamp) in [
            ("getpid() = 7", None, None),
            ("25968 getpid() = 7", Some(25968), None),
            ("[pid 25968] getpid() = 7", Some(25968), None),
            ("[pid   968] getpid() = 7", Some(968), None),
            ("12  1795613056.782183 getpid() = 7", Some(12), Some(Stamp::Epoch(1_795_613_056_782_183_000))),
            ("12 13:24:16 getpid() = 7", Some(12), Some(Stamp::OfDay(48_256 * SECOND))),
            ("13:24:16.000250 getpid() = 7", None, Some(Stamp::OfDay(48_256 * SECOND + 250_000))),
            ("     0.000123 getpid() = 7", None, Some(Stamp::Since(123_000))),
            ("[pid 12]      0.000123 getpid() = 7", Some(12), Some(Stamp::Since(123_000))),
            ("12 13:24:16 (+     0.000123) getpid() = 7", Some(12), Some(Stamp::OfDay(48_256 * SECOND))),
        ] {
            assert_eq!(line(text), (tid, stamp, call.clone()), "{text}");
        }
    }

    #[test]
    fn halves_signals_and_ends_are_told_apart() {
        assert_eq!(line("7 wait4(-1,  <unfinished ...>").2, "wait4(-1,  ");
        let Line { what: What::Resumed { name, rest }, .. } =
            Line::read(b"7 <... wait4 resumed>NULL, 0) = 8").unwrap()
        else {
            unreachable!("a second half")
        };
        assert_eq!((name, rest), (b"wait4".as_slice(), b"NULL, 0) = 8".as_slice()));
        for (text, what) in [
            ("7 --- SIGCHLD {si_signo=SIGCHLD} ---", What::Signal),
            ("7 +++ exited with 3 +++", What::Ended(0x300)),
            ("7 +++ killed by SIGKILL (core dumped) +++", What::Ended(9)),
            ("7 +++ superseded by execve in pid 9 +++", What::Remark),
            ("strace: Process 9 attached", What::Remark),
            ("", What::Remark),
        ] {
            assert_eq!(Line::read(text.as_bytes()).unwrap().what, what, "{text}");
        }
    }

    #[test]
    fn a_result_is_a_number_an_error_or_not_known() {
        for (text, returned, took) in [
            ("close(3) = 0", Some((0, 0)), None),
            ("close(3)                        = 0 <0.000005>", Some((0, 0)), Some(5_000)),
            ("open(\"x\", O_RDONLY) = 3</tmp/x> <1.000000>", Some((3, 0)), Some(SECOND)),
            ("access(\"x\", 0) = -1 ENOENT (No such file or directory)", Some((-1, 2)), None),
            ("brk(NULL) = 0x5632", Some((0x5632, 0)), None),
            ("poll([{fd=3}], 1, 0) = 0 (Timeout)", Some((0, 0)), None),
            ("pause() = ? ERESTARTNOHAND (To be restarted if no handler)", Some((-1, 514)), None),
            ("exit_group(0) = ?", None, None),
            ("fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)", Some((0x8002, 0)), None),
        ] {
            let call = Call::read(text.as_bytes()).unwrap();
            let expected = returned.map(|(result, errno)| Returned { result, errno });
            assert_eq!((call.returned, call.took), (expected, took), "{text}");
        }
    }
}
