//! Decoding whole events of recorded traces, every field, and nothing else: no socket, no state, no rules.
//!
//! `busy_mix` is a busy build container (55,745 events), `gcc_build` a small build (3401), both recorded in real gVisor
//! of July 2024 with every trace point on. Throughput is in events. Packets lie in memory and are hot in the cache for
//! the small trace; lists of arguments are checked, not walked.
#![expect(clippy::disallowed_methods, reason = "a bench reads its trace")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluicebox::wire::{decode, tracefile};

#[expect(clippy::unwrap_used, reason = "a bench without its trace is none")]
fn packets(name: &str) -> Vec<Vec<u8>> {
    let path = format!("tests/corpus/2024/b_{name}.trace.zst");
    let trace = zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap();
    let mut reader = tracefile::Reader::new(trace.as_slice()).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        packets.push(packet.to_vec());
    }
    packets
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for name in ["busy_mix", "gcc_build"] {
        let packets = packets(name);
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for packet in &packets {
                    let message = decode(black_box(packet));
                    assert!(black_box(message).is_ok());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
