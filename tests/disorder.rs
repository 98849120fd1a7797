//! Disorder and loss: what a verdict has to withstand.
//!
//! The sentry's threads send their own events in order and those of others in any. What is moved here keeps each thread's order;
//! `shuffled_wholly` does not, and is what no sentry does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::finding::{Finding, Severity, json};
use sluicebox::intel::Intel;
use sluicebox::rules::{RuleSet, Thresholds, builtin};

use common::{Recording, noise, recordings};

/// How late an event may come: an overloaded host delays a thread by some scheduling rounds.
const LATE_NS: u64 = 50_000_000;

fn rules() -> Arc<RuleSet> {
    Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap())
}

fn findings<'p>(rules: &Arc<RuleSet>, packets: impl IntoIterator<Item = &'p [u8]>) -> Vec<Finding> {
    let intel = Intel::seed();
    let mut sandbox = Sandbox::new(Arc::clone(rules));
    let mut found = Vec::new();
    for packet in packets {
        sandbox.packet(packet, &intel, &mut found).unwrap();
    }
    found
}

fn is_guilty(found: &[Finding]) -> bool {
    found.iter().any(|finding| finding.severity >= Severity::Alert)
}

/// Each packet with its thread and time.
fn timed(recording: &Recording) -> Vec<(i32, i64, &[u8])> {
    let placed = |packet| {
        let event = sluicebox::wire::decode(packet).unwrap().event;
        let context = event.and_then(|event| event.context).unwrap_or_default();
        (context.tid.0, context.time.0, packet)
    };
    recording.packets().map(placed).collect()
}

fn sorted(mut packets: Vec<(i64, &[u8])>) -> Vec<&[u8]> {
    packets.sort_by_key(|(time, _)| *time);
    packets.into_iter().map(|(_, packet)| packet).collect()
}

/// Every thread reports later by a delay of its own.
fn late_threads(recording: &Recording, seed: u64) -> Vec<&[u8]> {
    let (mut noise, mut delays) = (noise(seed), BTreeMap::new());
    let late = |(tid, time, packet): (i32, i64, _)| {
        let delay = *delays.entry(tid).or_insert_with(|| (noise() % LATE_NS).cast_signed());
        (time.saturating_add(delay), packet)
    };
    sorted(timed(recording).into_iter().map(late).collect())
}

/// Every event comes later by a delay of its own, but never before an earlier one of its thread.
fn late_events(recording: &Recording, seed: u64) -> Vec<&[u8]> {
    let (mut noise, mut last) = (noise(seed), BTreeMap::new());
    let late = |(tid, time, packet): (i32, i64, _)| {
        let due = time.saturating_add((noise() % LATE_NS).cast_signed());
        let last = last.entry(tid).or_insert(due);
        *last = due.max(*last);
        (*last, packet)
    };
    sorted(timed(recording).into_iter().map(late).collect())
}

/// Every event comes later by a delay of its own, also among those of one thread.
fn shuffled_wholly(recording: &Recording, seed: u64) -> Vec<&[u8]> {
    let mut noise = noise(seed);
    let late =
        |(_, time, packet): (_, i64, _)| (time.saturating_add((noise() % LATE_NS).cast_signed()), packet);
    sorted(timed(recording).into_iter().map(late).collect())
}

/// One event of ten is lost.
fn a_tenth_lost(recording: &Recording, seed: u64) -> Vec<&[u8]> {
    let mut noise = noise(seed);
    recording.packets().filter(|_| !noise().is_multiple_of(10)).collect()
}

/// The recordings whose verdict is not that of the undisturbed trace, with the seeds that show it.
fn changed(disturb: fn(&Recording, u64) -> Vec<&[u8]>, seeds: u64) -> BTreeMap<String, Vec<u64>> {
    let rules = rules();
    let mut changed: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for recording in recordings().into_iter().filter(|recording| !recording.is_missed()) {
        // A long trace is as good as several short ones.
        let seeds = if recording.packets().count() > 20_000 { 1 } else { seeds };
        for seed in 1..=seeds {
            let found = findings(&rules, disturb(&recording, seed));
            if is_guilty(&found) == recording.is_benign() {
                changed.entry(recording.to_string()).or_default().push(seed);
            }
        }
    }
    changed
}

/// What a tenth lost can take away, by scenario: in each of these one thing convicts, and it is among the lost.
const RESTS_ON_ONE_THING: &[(&str, &str)] = &[
    ("m_clone_vm", "the one call that asks for the memory of a miner"),
    ("m_exec_session", "the one call that asks for the memory of a miner"),
    ("m_gpu_drop", "one of the ioctls that make a GPU context"),
    ("m_gpu_jitter", "one of the ioctls that make a GPU context"),
    ("m_gpu_so", "one of the ioctls that make a GPU context"),
    ("m_install_chain", "begin and end of one look at the host, of three that make the probe"),
    ("m_installed_miner", "all three messages of its exec"),
    ("m_memfd_fexecve", "begin and end of one look at the host, of three that make the probe"),
    ("m_rs_py_pty", "the clone of the shell and one of its three dups"),
    ("m_unzip", "the one call that asks for the memory of a miner"),
];

/// What a thread that overtakes itself can break: the order within one thread tells what was open when. No sentry does
/// this, as a thread sends its own events.
const RESTS_ON_ORDER: &[(&str, &str)] = &[
    ("m_gpu_drop", "the order of the ioctls that make a GPU context"),
    ("m_gpu_jitter", "the order of the ioctls that make a GPU context"),
    ("m_gpu_so", "the order of the ioctls that make a GPU context"),
    ("m_preload", "the library is mapped before its bytes are written, or before the exec"),
    ("m_rs_mkfifo", "a FIFO that is opened before the descriptor is moved"),
    ("m_rs_pair", "dups before the socketpair"),
    ("m_rs_py_popen", "a line is run before it is heard"),
];

/// What passes from one process to another sooner than an event may be late. A library that is mapped before its bytes
/// are seen to come is not known, and nobody says later that it is still there; nor does anybody say again what was heard.
const RESTS_ON_HASTE: &[(&str, &str)] = &[
    ("m_preload", "the library is mapped 25 ms after the download, by another process"),
    ("m_rs_py_popen", "a line is run 20 ms after it is heard, by another process"),
];

/// Those that changed, without the scenarios that are excused. An honest one never is.
fn unexcused(changed: BTreeMap<String, Vec<u64>>, excused: &[(&str, &str)]) -> BTreeMap<String, Vec<u64>> {
    let is_excused = |name: &str| {
        let scenario = name.split(' ').next().unwrap_or_default();
        scenario.starts_with("m_") && excused.iter().any(|(excused, _)| *excused == scenario)
    };
    changed.into_iter().filter(|(name, _)| !is_excused(name)).collect()
}

const NONE: BTreeMap<String, Vec<u64>> = BTreeMap::new();

#[test]
fn threads_that_report_50_ms_late_change_no_verdict() {
    assert_eq!(unexcused(changed(late_threads, 5), RESTS_ON_HASTE), NONE);
}

#[test]
fn events_that_come_50_ms_late_change_no_verdict() {
    assert_eq!(unexcused(changed(late_events, 5), RESTS_ON_HASTE), NONE);
}

#[test]
fn a_thread_that_overtakes_itself_makes_no_honest_container_guilty() {
    assert_eq!(unexcused(changed(shuffled_wholly, 3), RESTS_ON_ORDER), NONE);
}

#[test]
fn a_tenth_of_the_events_lost_changes_no_verdict_that_rests_on_more_than_one_thing() {
    assert_eq!(unexcused(changed(a_tenth_lost, 5), RESTS_ON_ONE_THING), NONE);
}

#[test]
fn batches_threads_and_hash_seeds_change_no_byte() {
    let rules = rules();
    for recording in recordings().into_iter().filter(|recording| recording.packets().count() < 6000) {
        let packets: Vec<&[u8]> = recording.packets().collect();
        let told = |batch: usize| {
            let intel = Intel::seed();
            let mut sandbox = Sandbox::new(Arc::clone(&rules));
            let mut out = String::new();
            for batch in packets.chunks(batch) {
                let mut found = Vec::new();
                for packet in batch {
                    sandbox.packet(packet, &intel, &mut found).unwrap();
                }
                for finding in &found {
                    out.push_str(&json::line(finding));
                    out.push('\n');
                }
            }
            out
        };
        let expected = told(1);
        for batch in [1, 64] {
            for threads in [1, 8] {
                // Each map draws a seed of its own, so every sandbox is one with other seeds: three at least.
                for _ in 0..if threads == 1 { 3 } else { 1 } {
                    std::thread::scope(|scope| {
                        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(|| told(batch))).collect();
                        for run in runs {
                            assert_eq!(run.join().unwrap(), expected, "{recording}: {threads} by {batch}");
                        }
                    });
                }
            }
        }
    }
}
