//! What a sandbox costs in memory, fresh and under a million of everything, and what an event costs then.
//!
//! `cargo bench -p sluicebox --bench memory`, with a number behind `--` for other than a million. Heap is what the
//! allocator was asked for, without its own overhead. No gate: `tests/memory.rs` is one, scaled down.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    reason = "a bench measures time and prints a table of small numbers"
)]

#[path = "../tests/common/allocator.rs"]
mod allocator;
#[path = "../tests/common/floods.rs"]
mod floods;

use std::time::Instant;

use floods::{FLOODS, Scene};
use sluicebox::state::DEFAULT_BUDGET;

fn main() {
    let many: u32 = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let mut scene = Scene::new(DEFAULT_BUDGET);
    let before = allocator::live();
    scene.start();
    println!("fresh, three processes: {} bytes of heap", allocator::live() - before);
    println!("budget: {DEFAULT_BUDGET} bytes; {many} of each");
    println!(
        "{:<22}{:>12}{:>12}{:>14}{:>14}{:>12}{:>10}",
        "flood", "peak", "charged", "ns first 10%", "ns last 10%", "forgotten", "found"
    );
    for flood in FLOODS {
        let mut scene = Scene::new(DEFAULT_BUDGET);
        let before = allocator::live();
        scene.start();
        scene.download();
        allocator::peak();
        let (mut first, mut last) = (0, 0);
        for tenth in 0..10 {
            let start = Instant::now();
            for number in 0..many / 10 {
                scene.flood(flood, tenth * (many / 10) + number);
            }
            let each = start.elapsed().as_nanos() / u128::from(many / 10).max(1);
            if tenth == 0 {
                first = each;
            }
            last = each;
        }
        let peak = allocator::peak() - before;
        scene.run();
        scene.mine();
        println!(
            "{:<22}{:>12}{:>12}{:>14}{:>14}{:>12}{:>10}",
            format!("{flood:?}"),
            peak,
            scene.sandbox.state().bytes(),
            first,
            last,
            scene.sandbox.state().evictions().total(),
            scene
                .severity()
                .map_or_else(|| "nothing".to_owned(), |severity| format!("{severity:?}").to_lowercase()),
        );
    }
}
