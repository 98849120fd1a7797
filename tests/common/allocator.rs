//! The system's allocator, counting.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]
#![allow(dead_code, reason = "not every user of this module asks for all figures")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// Of this thread alone: the test harness has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counters do not allocate. `realloc` is the trait's
// own, which allocates anew: a block that grows counts twice while it is copied, as it may where it cannot grow in place.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get().wrapping_add(1));
        let live = LIVE.get().wrapping_add_unsigned(layout.size());
        LIVE.set(live);
        PEAK.set(PEAK.get().max(live));
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub_unsigned(layout.size()));
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations so far.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Bytes that are allocated now, beyond those that were freed for another thread.
pub(crate) fn live() -> isize {
    LIVE.get()
}

/// The most bytes that were allocated since the last call, which starts anew.
pub(crate) fn peak() -> isize {
    PEAK.replace(LIVE.get())
}
