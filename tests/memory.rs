//! A hostile container can neither grow a sandbox beyond its budget nor make it forget what was begun.
//!
//! Scaled down, with a budget that is scaled down with it: `benches/memory.rs` sends a million of each.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/floods.rs"]
mod floods;

use floods::{FLOODS, Scene};
use sluicebox::finding::Severity;
use sluicebox::state::{DEFAULT_BUDGET, Evictions};

/// Enough to go several times beyond the budget with each flood.
const MANY: u32 = 8000;
const BUDGET: usize = 1 << 20;

#[test]
fn a_fresh_sandbox_takes_at_most_64_kib() {
    // What all sandboxes share is made with the first one.
    Scene::new(DEFAULT_BUDGET).start();
    let mut scene = Scene::new(DEFAULT_BUDGET);
    let before = allocator::live();
    scene.start();
    let grown = allocator::live() - before;
    assert!(grown <= 64 << 10, "{grown} bytes");
    let charged = isize::try_from(scene.sandbox.state().bytes()).unwrap();
    assert!(charged >= grown / 2 && charged <= 64 << 10, "{charged} of {grown} bytes are charged");
}

#[test]
fn no_flood_takes_more_than_the_budget_and_a_tenth() {
    for flood in FLOODS {
        let mut scene = Scene::new(BUDGET);
        let before = allocator::live();
        scene.start();
        allocator::peak();
        scene.flooded(flood, 0, MANY);
        let peak = allocator::peak() - before;
        let bound = isize::try_from(BUDGET + BUDGET / 10).unwrap();
        assert!(peak <= bound, "{flood:?}: {peak} bytes, {} charged", scene.sandbox.state().bytes());
        assert!(scene.sandbox.state().bytes() <= BUDGET, "{flood:?}");
    }
}

#[test]
fn a_chain_that_was_begun_before_a_flood_convicts_after_it() {
    for flood in FLOODS {
        let mut scene = Scene::new(BUDGET);
        scene.start();
        scene.download();
        scene.flooded(flood, 0, MANY);
        scene.run();
        scene.mine();
        assert!(scene.severity() >= Some(Severity::Alert), "{flood:?}: {:?}", scene.severity());
    }
}

#[test]
fn a_match_that_is_past_its_first_step_before_a_flood_is_completed_after_it() {
    for flood in FLOODS {
        let mut scene = Scene::new(BUDGET);
        scene.start();
        scene.download();
        scene.run();
        let matched = |scene: &Scene| {
            let matches = scene.found.iter().flat_map(|finding| &finding.matches);
            matches.filter(|matched| matched.steps.len() > 1).count()
        };
        assert_eq!(matched(&scene), 0);
        scene.flooded(flood, 0, MANY);
        scene.mine();
        assert!(matched(&scene) > 0, "{flood:?}: {:?}", scene.found.len());
    }
}

#[test]
fn what_is_forgotten_is_counted_by_its_kind() {
    type Count = fn(&Evictions) -> u64;
    let kinds: [(floods::Flood, Count); 5] = [
        (floods::Flood::Forks, |gone| gone.processes),
        (floods::Flood::Descriptors, |gone| gone.descriptors),
        (floods::Flood::ReadFiles, |gone| gone.files),
        (floods::Flood::Remotes, |gone| gone.endpoints + gone.sockets),
        (floods::Flood::Arguments, |gone| gone.processes),
    ];
    for (flood, count) in kinds {
        let mut scene = Scene::new(BUDGET);
        scene.start();
        // A descriptor takes the least of all: so many go beyond the share of descriptors.
        scene.flooded(flood, 0, 20_000);
        let gone = scene.sandbox.state().evictions();
        assert!(count(&gone) > 0, "{flood:?}: {gone:?}");
        assert!(count(&gone) >= gone.total() / 2, "{flood:?}: {gone:?}");
    }
}
