//! Decoding allocates nothing, for no event of a large trace.
#![expect(clippy::disallowed_methods, reason = "a test reads its trace")]

#[path = "common/allocator.rs"]
mod allocator;

use sluicebox::event::Kind;
use sluicebox::wire::{decode, tracefile};

#[test]
fn no_event_of_a_large_trace_costs_an_allocation() {
    let trace = std::fs::read("tests/corpus/2024/b_busy_mix.trace.zst").unwrap();
    let trace = zstd::decode_all(trace.as_slice()).unwrap();
    let mut reader = tracefile::Reader::new(trace.as_slice()).unwrap();
    let mut texts = 0;
    while let Some(packet) = reader.next_packet().unwrap() {
        let before = allocator::allocations();
        let message = decode(packet).unwrap();
        if let Some(Kind::SentryExecve(exec)) = message.event.map(|event| event.kind) {
            texts += exec.argv.iter().count() + exec.env.iter().count();
        }
        assert_eq!(allocator::allocations(), before, "event {}", reader.packets());
    }
    assert_eq!(reader.packets(), 55_745);
    assert!(texts > 1000, "lists were walked");
    assert!(allocator::allocations() > 0, "the counter counts");
}
