//! Terminals that a process made, and remotes that it joins them with.
//!
//! A reverse shell with a terminal has no socket among its standard descriptors: whoever made the terminal copies
//! between it and the connection. What is copied keeps its size: a message of n bytes that came in goes to the terminal
//! as n bytes, and what the terminal says goes out alike. Whoever encrypts (ssh, a web terminal, a tunnel of an editor)
//! sends other sizes than it reads, and whoever serves did not make the connection.
//!
//! This takes the transfers of files to be seen, which the smallest session leaves out.

use std::net::SocketAddr;

use super::budget::{Account, Budget, Charge, heap_of};
use super::process::ProcessSerial;

/// Joined terminals that are remembered of a container; the oldest goes.
const MAX_JOINED: usize = 16;

/// Whether a path is the one that makes a terminal: pts(4).
pub(crate) fn is_master(path: &[u8]) -> bool {
    matches!(path, b"/dev/ptmx" | b"/dev/pts/ptmx")
}

/// A terminal that a process made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// The last message of a remote that this side connected to, as long as nothing became of it.
    heard: Option<(SocketAddr, u64)>,
    /// The remote whose message went to the terminal.
    typed_by: Option<SocketAddr>,
    /// Bytes of the last thing that the terminal said, as long as nothing became of it.
    said: Option<u64>,
}

impl Terminal {
    /// A remote sent something.
    pub(crate) fn heard(&mut self, remote: SocketAddr, bytes: u64) {
        self.heard = Some((remote, bytes));
    }

    /// Something was typed.
    pub(crate) fn typed(&mut self, bytes: u64) {
        if let Some((remote, heard)) = self.heard.take()
            && heard == bytes
        {
            self.typed_by = Some(remote);
        }
    }

    /// The terminal said something.
    pub(crate) fn said(&mut self, bytes: u64) {
        self.said = Some(bytes);
    }

    /// Something was sent to a remote; says whether both ways are copied by now.
    pub(crate) fn sent(&mut self, remote: SocketAddr, bytes: u64) -> bool {
        self.said.take() == Some(bytes) && self.typed_by == Some(remote)
    }
}

/// Who joined a terminal with which remote, in a container.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pairs: Vec<(ProcessSerial, SocketAddr)>,
    charge: Charge,
}

impl Joined {
    pub(crate) fn new(budget: &Budget) -> Self {
        Joined { pairs: Vec::new(), charge: budget.charge(Account::Objects, 0) }
    }

    pub(crate) fn note(&mut self, process: ProcessSerial, remote: SocketAddr) {
        if self.pairs.iter().any(|joined| joined.0 == process) {
            return;
        }
        if self.pairs.len() >= MAX_JOINED {
            self.pairs.remove(0);
        }
        self.pairs.push((process, remote));
        self.charge.set(heap_of::<(ProcessSerial, SocketAddr)>(self.pairs.capacity()));
    }

    /// The remote that one of those processes joined a terminal with.
    pub(crate) fn find(&self, is_meant: impl Fn(ProcessSerial) -> bool) -> Option<SocketAddr> {
        self.pairs.iter().find(|(process, _)| is_meant(*process)).map(|(_, remote)| *remote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote() -> SocketAddr {
        "198.51.100.9:443".parse().unwrap()
    }

    #[test]
    fn what_is_copied_both_ways_joins() {
        let mut terminal = Terminal::default();
        terminal.heard(remote(), 3);
        terminal.typed(3);
        terminal.said(40);
        assert!(terminal.sent(remote(), 40));
    }

    #[test]
    fn one_way_alone_joins_nothing() {
        let mut types = Terminal::default();
        types.heard(remote(), 3);
        types.typed(3);
        assert!(!types.sent(remote(), 40));
        let mut reports = Terminal::default();
        reports.said(40);
        assert!(!reports.sent(remote(), 40));
    }

    #[test]
    fn other_sizes_are_other_bytes() {
        let mut encrypts = Terminal::default();
        for bytes in 1..100 {
            encrypts.heard(remote(), bytes + 36);
            encrypts.typed(bytes);
            encrypts.said(bytes);
            assert!(!encrypts.sent(remote(), bytes + 36));
        }
    }

    #[test]
    fn an_answer_to_someone_else_joins_nothing() {
        let mut terminal = Terminal::default();
        terminal.heard(remote(), 3);
        terminal.typed(3);
        terminal.said(40);
        assert!(!terminal.sent("198.51.100.8:443".parse().unwrap(), 40));
    }

    #[test]
    fn joined_terminals_are_bounded() {
        let mut joined = Joined::new(&Budget::default());
        for serial in 0..1000 {
            joined.note(ProcessSerial(serial), remote());
        }
        assert_eq!(joined.pairs.len(), MAX_JOINED);
        assert_eq!(joined.find(|process| process == ProcessSerial(999)), Some(remote()));
    }
}
