//! Bytes to findings: whole recorded traces through a sandbox with the built-in rules, in memory.
//!
//! Measured: decoding, state, rules, and the few findings; one new sandbox a pass, so that its growth is in the figure.
//! Not measured: the socket, decompression, and printing. Events per second is criterion's throughput.

#![expect(clippy::unwrap_used, reason = "a bench without its trace is none")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluicebox::engine::Sandbox;
use sluicebox::intel::Intel;
use sluicebox::rules::{Thresholds, builtin};

use common::Recording;

fn traces(criterion: &mut Criterion) {
    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let intel = Intel::seed();
    let mut group = criterion.benchmark_group("traces");
    for (release, name) in [
        ("2024", "b_busy_mix"),
        ("2024", "b_gcc_build"),
        ("2026", "b_busy_mix"),
        ("2024", "m_drop_exec_pool"),
    ] {
        let recording = Recording::open(release, name);
        let packets: Vec<&[u8]> = recording.packets().collect();
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(format!("{name} {release}"), |bencher| {
            bencher.iter(|| {
                let mut sandbox = Sandbox::new(Arc::clone(&rules));
                let mut found = Vec::new();
                for packet in &packets {
                    sandbox.packet(packet, &intel, &mut found).unwrap();
                }
                black_box((sandbox, found))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, traces);
criterion_main!(benches);
