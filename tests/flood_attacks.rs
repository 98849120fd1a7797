//! What a tenant can do to push out of a sandbox's memory what would convict it. Each attack is a test, with a budget
//! that is scaled down with the attack; `common/attacked.yaml` has rules of the shapes that are attacked.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "a test's own helpers, small numbers and constants"
)]

#[path = "common/floods.rs"]
mod floods;

use std::sync::Arc;

use floods::{DOWNLOADER, FLOODER, FLOODS, Flood, INIT, MINER, POOL, SERVER, Scene};
use sluicebox::finding::Severity;
use sluicebox::rules::{Thresholds, compile};

const MANY: u32 = 20_000;
const BUDGET: usize = 1 << 20;

/// Floods of what is itself suspicious.
const TAINTED: [Flood; 7] = [
    Flood::DownloadedFiles,
    Flood::LongPaths,
    Flood::TaintedForks,
    Flood::BusyTaintedForks,
    Flood::DownloadedArguments,
    Flood::Talkers,
    Flood::TaintedPipes,
];

fn scene() -> Scene {
    let text = include_str!("common/attacked.yaml");
    let compiled = compile(&[("attacked.yaml", text)], Thresholds::default(), 1);
    let rules = compiled.rules.expect("rules that compile");
    let mut scene = Scene::with_rules(BUDGET, Arc::new(rules));
    scene.start();
    scene
}

/// Whether a rule matched for a process.
fn convicts(scene: &Scene, rule: &str, process: i32) -> bool {
    scene.found.iter().any(|finding| finding.rule.id == rule && finding.process.pid == process)
}

/// A program that nobody downloaded.
fn run_app(scene: &mut Scene) {
    scene.clone_of(INIT, MINER);
    scene.exec(MINER, b"/home/user/app", &[b"/home/user/app"]);
}

fn open(scene: &mut Scene, process: i32, path: &str) {
    scene.open(process, path.as_bytes(), false, 5);
}

/// Sends twenty small messages at even distances.
fn beat(scene: &mut Scene, fd: i32) {
    for _ in 0..20 {
        scene.send(MINER, fd, 100);
        scene.time += 20_000_000_000;
    }
}

#[test]
fn without_a_flood_every_rule_convicts() {
    let mut scene = scene();
    scene.download();
    scene.run();
    for step in ["/one", "/left", "/two", "/right", "/three", "/quiet"] {
        open(&mut scene, MINER, step);
    }
    (0..40).for_each(|key| open(&mut scene, MINER, &format!("/key{key}")));
    (0..4).for_each(|_| scene.connect(MINER, 5, POOL.parse().unwrap()));
    beat(&mut scene, 5);
    scene.time += 11 * 60 * 1_000_000_000;
    open(&mut scene, INIT, "/any");
    for rule in ["three", "pair", "quiet", "different", "again", "rhythm", "downloaded"] {
        assert!(convicts(&scene, rule, MINER), "{rule}");
    }
}

#[test]
fn decoys_before_a_download_and_a_flood_after_it() {
    for flood in TAINTED {
        let mut scene = scene();
        scene.flooded(flood, 0, MANY);
        scene.download();
        scene.flooded(flood, MANY, 500);
        scene.run();
        scene.connect(MINER, 5, POOL.parse().unwrap());
        assert!(convicts(&scene, "downloaded", MINER), "{flood:?}");
    }
}

#[test]
fn decoys_before_a_miner_is_run_and_a_flood_before_it_mines() {
    for flood in TAINTED {
        let mut scene = scene();
        scene.flooded(flood, 0, MANY);
        scene.download();
        scene.run();
        scene.flooded(flood, MANY, 500);
        scene.connect(MINER, 5, POOL.parse().unwrap());
        assert!(convicts(&scene, "downloaded", MINER), "{flood:?}");
    }
}

#[test]
fn any_flood_between_the_steps_of_who_has_nothing_from_the_network() {
    for flood in FLOODS {
        let mut scene = scene();
        run_app(&mut scene);
        for step in ["/one", "/left", "/two"] {
            open(&mut scene, MINER, step);
        }
        scene.flooded(flood, 0, MANY);
        for step in ["/right", "/three"] {
            open(&mut scene, MINER, step);
        }
        assert!(convicts(&scene, "three", MINER) && convicts(&scene, "pair", MINER), "{flood:?}");
    }
}

#[test]
fn a_chain_in_which_everybody_has_64_kib_of_arguments() {
    let mut scene = Scene::new(BUDGET);
    scene.start();
    let mut parent = INIT;
    for process in 50..60 {
        scene.clone_of(parent, process);
        scene.exec_at_length(process, b"/bin/bash");
        parent = process;
    }
    scene.exec_at_length(DOWNLOADER, b"/usr/bin/curl");
    scene.connect(DOWNLOADER, 3, SERVER.parse().unwrap());
    let path = format!("/tmp/{}x", "d/".repeat(2000));
    scene.open(DOWNLOADER, path.as_bytes(), true, 4);
    scene.clone_of(parent, MINER);
    scene.exec_at_length(MINER, path.as_bytes());
    scene.probe(MINER);
    scene.mine();
    let told = scene.found.last().expect("a finding");
    assert!(told.severity >= Severity::Alert);
    for rule in ["downloaded-program-run", "miner-host-probe", "tuning-probe-connects"] {
        assert!(told.matches.iter().any(|matched| matched.rule.id == rule), "{rule}");
    }
}

#[test]
fn a_pool_on_a_high_descriptor_among_many() {
    for high in [40, 5000, 900_000] {
        let mut scene = scene();
        scene.download();
        scene.run();
        scene.connect(MINER, 3, POOL.parse().unwrap());
        scene.dup(MINER, 3, high);
        (0..200_000).filter(|number| 100 + number != high).for_each(|number| {
            scene.dup(MINER, 0, 100 + number);
        });
        beat(&mut scene, high);
        assert!(convicts(&scene, "rhythm", MINER), "fd {high}");
    }
}

#[test]
fn many_processes_with_descriptors_of_their_own_take_none_of_the_miners() {
    for flood in [Flood::HighDescriptors, Flood::OwnDescriptors] {
        let mut scene = scene();
        scene.download();
        scene.run();
        scene.connect(MINER, 40, POOL.parse().unwrap());
        scene.flooded(flood, 0, MANY);
        // More of its own.
        scene.dup(MINER, 0, 300);
        scene.dup(MINER, 0, 600);
        beat(&mut scene, 40);
        assert!(convicts(&scene, "rhythm", MINER), "{flood:?}");
    }
}

#[test]
fn many_processes_with_high_descriptors_push_out_no_file() {
    let mut scene = scene();
    scene.flooded(Flood::WrittenFiles, 0, 500);
    let files = |scene: &Scene| scene.sandbox.state().evictions().files;
    let before = files(&scene);
    scene.flooded(Flood::HighDescriptors, 0, MANY);
    assert_eq!(files(&scene), before);
}

#[test]
fn a_rhythm_among_thousands_of_connections() {
    let mut scene = scene();
    scene.flooded(Flood::Talkers, 0, MANY);
    scene.download();
    scene.run();
    scene.connect(MINER, 5, POOL.parse().unwrap());
    for message in 0..20 {
        scene.send(MINER, 5, 100);
        scene.time += 20_000_000_000;
        scene.flooded(Flood::Talkers, MANY + message * 200, 200);
    }
    assert!(convicts(&scene, "rhythm", MINER));
}

#[test]
fn a_pool_among_remotes_that_are_tried_as_often() {
    let mut scene = scene();
    scene.download();
    scene.run();
    let pool = |scene: &mut Scene, times| {
        (0..times).for_each(|_| scene.connect(MINER, 5, POOL.parse().unwrap()));
    };
    pool(&mut scene, 3);
    for decoy in 0..200 {
        for _ in 0..3 {
            scene.connect(MINER, 6, format!("198.18.0.{decoy}:80").parse().unwrap());
        }
    }
    pool(&mut scene, 1);
    assert!(convicts(&scene, "again", MINER));
}

#[test]
fn partial_matches_that_are_as_far() {
    let mut scene = scene();
    run_app(&mut scene);
    open(&mut scene, MINER, "/one");
    open(&mut scene, MINER, "/two");
    for child in 1000..3000 {
        scene.clone_of(FLOODER, child);
        open(&mut scene, child, "/one");
        open(&mut scene, child, "/two");
    }
    open(&mut scene, MINER, "/three");
    assert!(convicts(&scene, "three", MINER));
}

#[test]
fn partial_matches_of_processes_that_run_on_64_kib_of_arguments() {
    let mut scene = scene();
    run_app(&mut scene);
    scene.exec_at_length(MINER, b"/home/user/app");
    open(&mut scene, MINER, "/one");
    open(&mut scene, MINER, "/two");
    for child in 1000..3000 {
        scene.clone_of(FLOODER, child);
        scene.exec_at_length(child, b"/home/user/app");
        open(&mut scene, child, "/one");
        open(&mut scene, child, "/two");
    }
    open(&mut scene, MINER, "/three");
    assert!(convicts(&scene, "three", MINER));
}

#[test]
fn counters_of_many_processes() {
    let mut scene = scene();
    run_app(&mut scene);
    let keys = |scene: &mut Scene, process, from: u32, to: u32| {
        (from..to).for_each(|key| open(scene, process, &format!("/key{key}")));
    };
    keys(&mut scene, MINER, 0, 39);
    for child in 1000..1300 {
        scene.clone_of(FLOODER, child);
        keys(&mut scene, child, 0, 39);
    }
    keys(&mut scene, MINER, 39, 40);
    assert!(convicts(&scene, "different", MINER));
}

#[test]
fn absences_of_many_processes() {
    let mut scene = scene();
    run_app(&mut scene);
    open(&mut scene, MINER, "/quiet");
    for child in 1000..3000 {
        scene.clone_of(FLOODER, child);
        open(&mut scene, child, "/quiet");
    }
    scene.time += 11 * 60 * 1_000_000_000;
    open(&mut scene, INIT, "/any");
    assert!(convicts(&scene, "quiet", MINER), "{} others", scene.found.len());
}

#[test]
fn a_container_after_many_that_ended() {
    let mut scene = scene();
    for number in 0..1000 {
        let id = format!("{number:064}");
        scene.start_container(id.as_bytes());
        scene.exits_in(id.as_bytes(), INIT);
    }
    for container in ["c", "another"] {
        scene.container = container.into();
        scene.start();
        scene.download();
        scene.run();
        scene.connect(MINER, 5, POOL.parse().unwrap());
        let told = |finding: &&sluicebox::finding::Finding| finding.container.id == container.as_bytes();
        assert!(scene.found.iter().any(|finding| told(&finding)), "{container}");
    }
}

#[test]
fn a_download_that_is_piped_into_a_shell_among_many_pipes() {
    let mut scene = scene();
    scene.flooded(Flood::TaintedPipes, 0, MANY);
    scene.clone_of(INIT, 50);
    scene.pipe(50, 3, 4);
    scene.clone_of(50, 51);
    scene.clone_of(50, 52);
    scene.dup(51, 4, 1);
    scene.dup(52, 3, 0);
    scene.exec(52, b"/bin/sh", &[b"sh"]);
    scene.exec(51, b"/usr/bin/curl", &[b"curl"]);
    scene.connect(51, 5, SERVER.parse().unwrap());
    scene.flooded(Flood::TaintedPipes, MANY, 500);
    scene.connect(52, 5, POOL.parse().unwrap());
    assert!(convicts(&scene, "fed", 52));
}

#[test]
fn decoys_that_are_found_by_the_thousand_neither_silence_a_rule_nor_make_it_endless() {
    let mut scene = scene();
    for child in 1000..5000 {
        scene.clone_of(FLOODER, child);
        open(&mut scene, child, "/left");
        open(&mut scene, child, "/right");
    }
    run_app(&mut scene);
    for step in ["/left", "/right"] {
        open(&mut scene, MINER, step);
    }
    assert!(convicts(&scene, "pair", MINER));
    for child in 5000..45_000 {
        scene.clone_of(FLOODER, child);
        open(&mut scene, child, "/left");
        open(&mut scene, child, "/right");
    }
    assert!(scene.found.len() < 5000, "{} findings", scene.found.len());
    let stats = scene.sandbox.stats();
    assert_eq!(stats.findings + stats.held_back, 44_001);
}

#[test]
fn a_miner_in_a_directory_that_is_renamed_with_thousands_of_others() {
    let mut scene = scene();
    scene.flooded(Flood::Moves, 0, 640);
    scene.connect(DOWNLOADER, 3, SERVER.parse().unwrap());
    scene.open(DOWNLOADER, b"/srv/there/miner", true, 4);
    scene.flooded(Flood::Moves, 640, 64);
    scene.clone_of(INIT, MINER);
    scene.exec(MINER, b"/srv/back/miner", &[b"miner"]);
    scene.connect(MINER, 5, POOL.parse().unwrap());
    assert!(convicts(&scene, "downloaded", MINER));
}

#[test]
fn a_shell_that_is_fed_through_a_pipe_among_thousands_who_inherited_its_end() {
    let mut scene = scene();
    scene.flooded(Flood::Heirs, 0, 2000);
    scene.clone_of(INIT, 50);
    scene.pipe(50, 3, 4);
    scene.clone_of(50, 51);
    scene.clone_of(50, 52);
    scene.dup(52, 3, 0);
    scene.exec(52, b"/bin/sh", &[b"sh"]);
    scene.connect(51, 5, SERVER.parse().unwrap());
    scene.connect(52, 5, POOL.parse().unwrap());
    assert!(convicts(&scene, "fed", 52));
}
