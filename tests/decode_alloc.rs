//! Decoding allocates nothing, for no event of a large trace.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]
#![expect(clippy::disallowed_methods, reason = "a test reads its trace")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use sluicebox::event::Kind;
use sluicebox::wire::{decode, tracefile};

struct Counting;

thread_local! {
    /// Allocations of this thread: the test harness has threads of its own.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get().wrapping_add(1));
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_event_of_a_large_trace_costs_an_allocation() {
    let trace = std::fs::read("tests/corpus/2024/b_busy_mix.trace.zst").unwrap();
    let trace = zstd::decode_all(trace.as_slice()).unwrap();
    let mut reader = tracefile::Reader::new(trace.as_slice()).unwrap();
    let mut texts = 0;
    while let Some(packet) = reader.next_packet().unwrap() {
        let before = COUNT.get();
        let message = decode(packet).unwrap();
        if let Some(Kind::SentryExecve(exec)) = message.event.map(|event| event.kind) {
            texts += exec.argv.iter().count() + exec.env.iter().count();
        }
        assert_eq!(COUNT.get(), before, "event {}", reader.packets());
    }
    assert_eq!(reader.packets(), 55_745);
    assert!(texts > 1000, "lists were walked");
    assert!(COUNT.get() > 0, "the counter counts");
}
