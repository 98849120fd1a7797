//! What a sandbox costs in memory, fresh and under a million of everything, and what an event costs then.
//!
//! `cargo bench -p sluicebox --bench memory`, with a number behind `--` for other than a million. Heap is what the
//! allocator was asked for, without its own overhead; time is the thread's on a processor, per event or two. No gate: `tests/memory.rs` is one, scaled down.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "a bench measures time and prints a table of small numbers"
)]

#[path = "../tests/common/allocator.rs"]
mod allocator;
#[path = "../tests/common/floods.rs"]
mod floods;

use std::sync::Arc;

use floods::{FLOODS, Scene};
use sluicebox::rules::{Thresholds, builtin};
use sluicebox::state::DEFAULT_BUDGET;

/// Nanoseconds that this thread was on a processor: proc(5). Neighbours on a busy machine do not count.
fn on_cpu() -> u64 {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that counts");
    figures.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a number")
}

/// Time at the end as a multiple of that at the start: 1.2 at most is wanted.
fn ratio(first: u64, last: u64) -> String {
    let percent = (last * 100).checked_div(first).unwrap_or_default();
    format!("{}.{:02}", percent / 100, percent % 100)
}

/// Sandboxes that do nothing.
const IDLE: isize = 2000;

/// What an idle sandbox takes: its container runs, and its three processes wait.
fn idle() -> isize {
    let rules =
        Arc::new(builtin::compiled(Thresholds::default()).rules.expect("the rules that come with it"));
    let before = allocator::live();
    let sandboxes: Vec<_> = (0..IDLE)
        .map(|_| {
            let mut scene = Scene::with_rules(DEFAULT_BUDGET, Arc::clone(&rules));
            scene.start();
            scene.into_sandbox()
        })
        .collect();
    let grown = allocator::live() - before;
    drop(sandboxes);
    grown / IDLE
}

fn main() {
    let many: u32 = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let mut scene = Scene::new(DEFAULT_BUDGET);
    let before = allocator::live();
    scene.start();
    println!("fresh, three processes: {} bytes of heap", allocator::live() - before);
    println!("{IDLE} idle sandboxes: {} bytes of heap each", idle());
    println!("budget: {DEFAULT_BUDGET} bytes; {many} of each");
    println!(
        "{:<22}{:>10}{:>10}{:>14}{:>13}{:>8}{:>12}{:>10}",
        "flood", "peak", "charged", "ns first 10%", "ns last 10%", "ratio", "forgotten", "found"
    );
    for flood in FLOODS {
        let mut scene = Scene::new(DEFAULT_BUDGET);
        let before = allocator::live();
        scene.start();
        scene.download();
        allocator::peak();
        let each = |start: u64, count: u32| (on_cpu() - start) / u64::from(count).max(1);
        let (mut first, mut last) = (0, 0);
        for tenth in 0..10 {
            let start = on_cpu();
            for number in 0..many / 10 {
                scene.flood(flood, tenth * (many / 10) + number);
            }
            last = each(start, many / 10);
            if tenth == 0 {
                first = last;
            }
        }
        let peak = allocator::peak() - before;
        scene.run();
        scene.mine();
        println!(
            "{:<22}{:>10}{:>10}{:>14}{:>13}{:>8}{:>12}{:>10}",
            format!("{flood:?}"),
            peak,
            scene.sandbox.state().bytes(),
            first,
            last,
            ratio(first, last),
            scene.sandbox.state().evictions().total(),
            scene
                .severity()
                .map_or_else(|| "nothing".to_owned(), |severity| format!("{severity:?}").to_lowercase()),
        );
    }
}
