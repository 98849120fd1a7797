//! Disorder and loss: what a verdict has to withstand.
//!
//! The sentry's threads send their own events in order and those of others in any. What is moved here keeps each thread's order;
//! [`shuffled_wholly`] does not, and is what no sentry does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::finding::{Finding, Severity};
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
    for recording in recordings() {
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

const NONE: BTreeMap<String, Vec<u64>> = BTreeMap::new();

#[test]
fn threads_that_report_50_ms_late_change_no_verdict() {
    assert_eq!(changed(late_threads, 5), NONE);
}

#[test]
fn events_that_come_50_ms_late_change_no_verdict() {
    assert_eq!(changed(late_events, 5), NONE);
}

#[test]
fn a_thread_that_overtakes_itself_changes_no_verdict() {
    assert_eq!(changed(shuffled_wholly, 3), NONE);
}

#[test]
fn a_tenth_of_the_events_lost_changes_no_verdict() {
    assert_eq!(changed(a_tenth_lost, 5), NONE);
}

#[test]
#[ignore = "a tool"]
fn look() {
    let name = std::env::var("LOOK").unwrap();
    let rules = rules();
    for recording in recordings().into_iter().filter(|r| r.to_string() == name) {
        for seed in 1..=5 {
            let mut noise = noise(seed);
            let mut lost = Vec::new();
            let kept: Vec<&[u8]> = recording
                .packets()
                .filter(|p| {
                    let l = noise().is_multiple_of(10);
                    if l {
                        lost.push(*p)
                    };
                    !l
                })
                .collect();
            let intel = Intel::seed();
            let mut sandbox = Sandbox::new(Arc::clone(&rules));
            let mut found = Vec::new();
            for packet in kept {
                sandbox.packet(packet, &intel, &mut found).unwrap();
            }
            println!("== seed {seed} guilty {} ", is_guilty(&found));
            for f in &found {
                println!(
                    "   {:?} {:?}",
                    f.severity,
                    f.matches.iter().map(|m| (m.rule.id.clone(), m.points)).collect::<Vec<_>>()
                );
            }
            if is_guilty(&found) {
                continue;
            }
            for p in lost {
                let e = sluicebox::wire::decode(p).unwrap().event.unwrap();
                let k = format!("{:?}", e.kind);
                if [
                    "Execve",
                    "Clone",
                    "Connect",
                    "Socket",
                    "Dup",
                    "Pipe",
                    "sysno: Sysno(16)",
                    "\"/dev/nvidia",
                    "sendto",
                ]
                .iter()
                .any(|w| k.contains(w))
                    && !k.contains("nscd")
                    && !k.contains("/lib")
                    && !k.contains("/etc")
                    && !k.contains("/proc/self")
                    && !k.contains("ENOENT")
                {
                    println!(
                        "   lost {}/{} {}",
                        e.context.as_ref().unwrap().tgid.0,
                        String::from_utf8_lossy(e.context.as_ref().unwrap().comm.bytes()),
                        k.chars().take(260).collect::<String>()
                    );
                }
            }
        }
    }
}
