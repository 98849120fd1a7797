//! Orders: a remote sends a line, and what it says is run.
//!
//! No event holds what was received, but its size is known, and so are the arguments of what runs next. Whoever runs
//! just as many bytes as came in a moment ago over a connection that it made, and does so again with other words, is a
//! shell for the other side, in whatever language. An agent with a protocol receives more than the words of a command,
//! and whoever encrypts does as well.

use std::net::SocketAddr;

use super::program::Argv;

/// The longest order that is believed to be one: a line that somebody typed.
const MAX_ORDER: u64 = 1024;

/// The shortest: `id` with its newline.
const MIN_ORDER: u64 = 3;

/// What a process heard from a remote that it connected to and did not act upon yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    remote: SocketAddr,
    bytes: u64,
    /// Whether something became of it: an answer, a child, a program.
    acted: Acted,
}

/// What became of something heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acted {
    /// Nothing.
    No,
    /// A child was made or an answer sent: what comes next is another order.
    Once,
    /// This process was made to do it, and has still to run a program.
    Child,
    /// This process ran a program at once.
    Ran,
}

impl Heard {
    /// A remote sent something, after what `before` says.
    pub(crate) fn more(before: Option<Heard>, remote: SocketAddr, bytes: u64) -> Heard {
        let earlier = before.filter(|before| before.remote == remote && before.acted == Acted::No);
        // A shell reads its lines byte by byte.
        let bytes = earlier.map_or(0, |earlier| earlier.bytes).saturating_add(bytes);
        Heard { remote, bytes, acted: Acted::No }
    }

    /// The process answered or made a child.
    pub(crate) fn acts(&mut self) {
        self.acted = Acted::Once;
    }

    /// What the child has of it. A command substitution is a shell that makes another child for each command.
    pub(crate) fn of_child(self) -> Option<Heard> {
        match self.acted {
            Acted::No | Acted::Child => Some(Heard { acted: Acted::Child, ..self }),
            Acted::Once | Acted::Ran => None,
        }
    }

    /// What the process has of it once it runs a program.
    pub(crate) fn of_program(self) -> Option<Heard> {
        (self.acted == Acted::Child).then_some(Heard { acted: Acted::Ran, ..self })
    }

    /// The remote, if a program with these arguments is what it ordered: just as many bytes, but for the end of a line.
    pub(crate) fn ordered(self, argv: &Argv) -> Option<SocketAddr> {
        let is_length = |length: u64| {
            (MIN_ORDER..=MAX_ORDER).contains(&self.bytes)
                && [0, 1, 2].iter().any(|end| length.checked_add(*end) == Some(self.bytes))
        };
        let length = |arg: &[u8]| u64::try_from(arg.len()).unwrap_or(u64::MAX);
        let is_inline =
            |arg: &[u8]| arg.first() == Some(&b'-') && arg.last() == Some(&b'c') && arg.len() <= 3;
        let words = argv
            .iter()
            .map(|arg| length(arg).saturating_add(1))
            .fold(0, u64::saturating_add)
            .saturating_sub(1);
        let told =
            argv.iter().nth(1).filter(|flag| is_inline(flag)).and_then(|_| argv.iter().nth(2)).map(length);
        (self.acted == Acted::Ran && (is_length(words) || told.is_some_and(is_length))).then_some(self.remote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Text, Texts};

    fn remote() -> SocketAddr {
        "198.51.100.9:443".parse().unwrap()
    }

    fn argv(words: &[&str]) -> Argv {
        let texts: Vec<Text<'_>> = words.iter().map(|word| Text(word.as_bytes())).collect();
        Argv::copy(&Texts::of(&texts))
    }

    fn run_after(heard: Heard, words: &[&str]) -> Option<SocketAddr> {
        heard.of_child()?.of_program()?.ordered(&argv(words))
    }

    #[test]
    fn as_many_bytes_as_were_heard_are_an_order() {
        let heard = Heard::more(None, remote(), 9);
        assert_eq!(run_after(heard, &["uname", "-a"]), Some(remote()));
        assert_eq!(run_after(heard, &["sh", "-c", "uname -a\n"]), Some(remote()));
        assert_eq!(run_after(heard, &["/bin/sh", "-c", "uname -a"]), Some(remote()));
        assert_eq!(run_after(heard, &["uname", "-a", "-r"]), None);
        assert_eq!(run_after(heard, &["sh", "-c", "uname"]), None);
    }

    #[test]
    fn a_line_that_is_read_byte_by_byte_is_one() {
        let heard = (0..3).fold(None, |before, _| Some(Heard::more(before, remote(), 1))).unwrap();
        assert_eq!(run_after(heard, &["id"]), Some(remote()));
    }

    #[test]
    fn a_child_may_have_it_done_by_its_own_child() {
        let heard = Heard::more(None, remote(), 3);
        assert_eq!(run_after(heard.of_child().unwrap(), &["id"]), Some(remote()));
    }

    #[test]
    fn what_was_acted_upon_is_no_order_any_more() {
        let mut heard = Heard::more(None, remote(), 3);
        heard.acts();
        assert_eq!(heard.of_child(), None);
        // The next line begins anew.
        assert_eq!(run_after(Heard::more(Some(heard), remote(), 3), &["id"]), Some(remote()));
    }

    #[test]
    fn what_the_order_runs_in_turn_is_no_second_one() {
        let ran = Heard::more(None, remote(), 3).of_child().unwrap().of_program().unwrap();
        assert_eq!(ran.of_program(), None);
        assert_eq!(ran.of_child(), None);
    }

    #[test]
    fn a_message_of_a_protocol_is_longer_than_what_is_run() {
        let heard = Heard::more(None, remote(), 64);
        assert_eq!(run_after(heard, &["sh", "-c", "uname -a"]), None);
        let much = Heard::more(None, remote(), 5000);
        assert_eq!(run_after(much, &["sh", "-c", &"x".repeat(5000)]), None);
        let little = Heard::more(None, remote(), 1);
        assert_eq!(run_after(little, &["w"]), None);
    }
}
