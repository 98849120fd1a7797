//! An event that changes nothing costs no allocation, on the whole way from bytes to rules.
//!
//! "Changes nothing" is: the beginning of a call (but execve's, whose words are kept), transfers on files, questions
//! about descriptors, limits, ioctls on what is no GPU, and opens that fail. What does change something (an open, a
//! fork, an exec, a connect) may allocate for what is new.

#[path = "common/allocator.rs"]
mod allocator;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::Recording;
use sluicebox::engine::Sandbox;
use sluicebox::event::Kind;
use sluicebox::intel::Intel;
use sluicebox::rules::{Thresholds, builtin};
use sluicebox::wire::decode;

/// Whether an event of that kind can change what is remembered.
fn changes_nothing(kind: &Kind<'_>) -> bool {
    /// `F_DUPFD` makes a descriptor, `F_SETFD` changes one.
    const F_SETFD: i32 = 2;
    const F_DUPFD_CLOEXEC: i32 = 1030;
    if let Kind::Fcntl(fcntl) = kind
        && fcntl.call.exit.is_some()
    {
        return !matches!(fcntl.cmd, 0 | F_SETFD | F_DUPFD_CLOEXEC);
    }
    let begins = kind.call().is_some_and(|call| call.exit.is_none());
    let asks = matches!(kind, Kind::Read(_) | Kind::Prlimit(_) | Kind::TaskExit(_));
    (begins || asks) && !matches!(kind, Kind::Execve(_))
}

/// The socket or pipe that an event names: its first mention is news.
fn inode<'a>(kind: &Kind<'a>) -> Option<&'a [u8]> {
    let fd_path = if let Kind::Read(it) = kind {
        it.fd_path
    } else if let Kind::Close(it) = kind {
        it.fd_path
    } else if let Kind::Connect(it) = kind {
        it.fd_path
    } else if let Kind::Fcntl(it) = kind {
        it.fd_path
    } else {
        return None;
    };
    let path = fd_path.bytes();
    (path.starts_with(b"socket:[") || path.starts_with(b"pipe:[")).then_some(path)
}

#[test]
fn an_event_that_changes_nothing_allocates_nothing() {
    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let intel = Intel::seed();
    for (release, name) in [("2024", "b_busy_mix"), ("2026", "b_busy_mix"), ("2024", "b_gcc_build")] {
        let recording = Recording::open(release, name);
        let mut sandbox = Sandbox::new(Arc::clone(&rules));
        let mut found = Vec::with_capacity(64);
        let mut inodes = BTreeSet::new();
        let (mut quiet, mut loud): (u64, BTreeMap<&str, u64>) = (0, BTreeMap::new());
        for packet in recording.packets() {
            let event = decode(packet).unwrap().event.unwrap();
            let before = allocator::allocations();
            sandbox.packet(packet, &intel, &mut found).unwrap();
            let allocations = allocator::allocations() - before;
            let is_first = inode(&event.kind).is_some_and(|inode| inodes.insert(inode.to_vec()));
            if changes_nothing(&event.kind) && !is_first {
                quiet += 1;
                if allocations > 0 {
                    *loud.entry(event.kind.name()).or_default() += allocations;
                }
            }
        }
        assert_eq!(
            loud,
            BTreeMap::new(),
            "{recording}: allocations by kind, of {quiet} events that change nothing"
        );
        assert!(quiet > 1000, "{recording}: {quiet} events were looked at");
    }
}
