//! What calls were given when they began, to be compared with what they were given when they ended.
//!
//! Arguments behind pointers can be changed by another thread while the call runs: what was checked is not what was
//! used. And a thread that began to open a file and does something else by now has had an answer, though it was lost.
//!
//! Bounds: [`SLOTS`] calls at once, by thread, and [`OPENINGS`] of those that open a file; a thread that falls into
//! another's slot is not judged. Of paths up to [`PATH_KEPT`] bytes are kept: what a prober looks for is shorter.

use std::hash::{BuildHasher, Hasher};

use crate::event::{Connect, Execve, Kind, Open, OpenFlags, SockAddr, Sysno, Text, Tid};

use super::budget::{Account, Budget, Charge, heap_of};

/// Calls that are remembered, a power of two: few threads are within such a call at once.
const SLOTS: usize = 256;

/// Opens that are remembered, a power of two.
const OPENINGS: usize = 16;

/// The longest path of an open that is remembered, in bytes.
const PATH_KEPT: usize = 104;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    thread: Tid,
    call: Sysno,
    given: u64,
}

/// An open that has begun, of an absolute path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    thread: Tid,
    pub(crate) call: Sysno,
    pub(crate) flags: OpenFlags,
    len: u8,
    path: [u8; PATH_KEPT],
}

impl Opening {
    const NONE: Opening =
        Opening { thread: Tid(0), call: Sysno(0), flags: OpenFlags::empty(), len: 0, path: [0; PATH_KEPT] };

    pub(crate) fn path(&self) -> Text<'_> {
        Text(self.path.get(..usize::from(self.len)).unwrap_or_default())
    }

    fn begin(&mut self, thread: Tid, open: &Open<'_>) {
        *self = Opening { thread: Tid(0), ..*self };
        let path = open.pathname.bytes();
        if let Some(kept) = self.path.get_mut(..path.len()).filter(|_| path.starts_with(b"/"))
            && let Ok(len) = u8::try_from(path.len())
        {
            kept.copy_from_slice(path);
            (self.thread, self.call, self.flags, self.len) = (thread, open.call.sysno, open.flags, len);
        }
    }
}

/// What the calls that run now were given.
#[derive(Clone, Debug)]
pub(crate) struct Enters {
    slots: Box<[Slot; SLOTS]>,
    openings: Box<[Opening; OPENINGS]>,
    hash: foldhash::quality::RandomState,
    _charge: Charge,
}

/// The argument of a call that lies behind a pointer and decides what the call is about.
#[derive(Clone, Copy)]
enum Given<'a> {
    Path(&'a [u8]),
    Address(SockAddr<'a>),
}

impl Enters {
    pub(crate) fn new(budget: &Budget) -> Self {
        Enters {
            slots: Box::new([Slot::default(); SLOTS]),
            openings: Box::new([Opening::NONE; OPENINGS]),
            hash: foldhash::quality::RandomState::default(),
            _charge: budget.charge(
                Account::Objects,
                heap_of::<Slot>(SLOTS).saturating_add(heap_of::<Opening>(OPENINGS)),
            ),
        }
    }

    /// The open that the thread of this event began and of which this event is not the end: that was lost.
    #[inline]
    pub(crate) fn unfinished(&mut self, thread: Tid, kind: &Kind<'_>) -> Option<Opening> {
        let at = usize::try_from(thread.0.cast_unsigned()).ok()? & OPENINGS.saturating_sub(1);
        let slot = self.openings.get_mut(at)?;
        let open = if let Kind::Open(open) = kind { Some(open) } else { None };
        let began = slot.thread == thread && thread.0 != 0;
        if !began && open.is_none() {
            return None;
        }
        let ends = open.is_some_and(|open| open.call.exit.is_some() && open.call.sysno == slot.call);
        let lost = (began && !ends).then_some(*slot);
        if began {
            slot.thread = Tid(0);
        }
        if let Some(open) = open.filter(|open| open.call.exit.is_none()) {
            slot.begin(thread, open);
        }
        lost
    }

    /// Whether the call that this event ends was given something else when it began. Nothing for other events.
    pub(crate) fn changed(&mut self, thread: Tid, kind: &Kind<'_>) -> bool {
        let (call, given) = if let Kind::Open(Open { call, pathname, .. }) = kind {
            (call, Given::Path(pathname.bytes()))
        } else if let Kind::Execve(Execve { call, pathname, .. }) = kind {
            (call, Given::Path(pathname.bytes()))
        } else if let Kind::Connect(Connect { call, address, .. }) = kind {
            (call, Given::Address(*address))
        } else {
            return false;
        };
        let Some(given) = self.hashed(given) else { return false };
        let Ok(at) = usize::try_from(thread.0.cast_unsigned()) else { return false };
        let at = at & SLOTS.saturating_sub(1);
        let Some(slot) = self.slots.get_mut(at) else { return false };
        if call.exit.is_none() {
            *slot = Slot { thread, call: call.sysno, given };
            return false;
        }
        let began = std::mem::take(slot);
        (began.thread, began.call) == (thread, call.sysno) && thread.0 != 0 && began.given != given
    }

    /// Nothing where the sentry could not read the argument.
    fn hashed(&self, given: Given<'_>) -> Option<u64> {
        let mut hasher = self.hash.build_hasher();
        match given {
            Given::Path([]) => return None,
            Given::Path(path) => hasher.write(path),
            Given::Address(SockAddr::Inet(addr)) => std::hash::Hash::hash(&addr, &mut hasher),
            Given::Address(SockAddr::Unix(name) | SockAddr::Abstract(name)) => hasher.write(name.bytes()),
            Given::Address(SockAddr::Absent | SockAddr::Other(_) | SockAddr::Malformed(_)) => return None,
        }
        Some(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Call, Errno, Exit, Text};

    fn open(path: &[u8], exit: Option<i64>) -> Kind<'_> {
        let exit = exit.map(|result| Exit { result, errno: Errno::OK });
        Kind::Open(Open {
            call: Call { sysno: Sysno::OPENAT, exit },
            pathname: Text(path),
            ..Open::default()
        })
    }

    #[test]
    fn a_path_that_changes_while_the_call_runs_is_seen() {
        let mut enters = Enters::new(&Budget::default());
        for (name, began, ended, changed) in
            [("same", "/a", "/a", false), ("another", "/a", "/b", true), ("not readable", "/a", "", false)]
        {
            assert!(!enters.changed(Tid(7), &open(began.as_bytes(), None)));
            assert_eq!(enters.changed(Tid(7), &open(ended.as_bytes(), Some(3))), changed, "{name}");
        }
    }

    #[test]
    fn an_open_whose_thread_goes_on_without_its_end_was_tried() {
        let mut enters = Enters::new(&Budget::default());
        let other = Kind::Close(crate::event::Close::default());
        let mut tried = |kind: &Kind<'_>| {
            enters.unfinished(Tid(7), kind).map(|opening| opening.path().to_string()).unwrap_or_default()
        };
        assert_eq!(tried(&open(b"/dev/mem", None)), "");
        assert_eq!(tried(&open(b"/dev/mem", Some(3))), "", "its end");
        assert_eq!(tried(&other), "");
        assert_eq!(tried(&open(b"/dev/mem", None)), "");
        assert_eq!(tried(&open(b"/dev/kmem", None)), "/dev/mem");
        assert_eq!(tried(&other), "/dev/kmem");
        assert_eq!(tried(&other), "");
        assert_eq!(tried(&open(b"relative", None)), "");
        assert_eq!(tried(&other), "");
        assert_eq!(tried(&open(&[b'/'; 4096], None)), "");
        assert_eq!(tried(&other), "");
    }

    #[test]
    fn an_end_is_compared_with_its_own_beginning_only() {
        let mut enters = Enters::new(&Budget::default());
        assert!(!enters.changed(Tid(7), &open(b"/a", None)));
        assert!(!enters.changed(Tid(8), &open(b"/b", Some(3))), "another thread");
        assert!(!enters.changed(Tid(7 + 256), &open(b"/b", Some(3))), "another thread of the same slot");
        assert!(!enters.changed(Tid(7), &open(b"/b", Some(3))), "its beginning was lost to that thread");
    }
}
