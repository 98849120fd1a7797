//! The default trace session suffices: a recording stripped of every event that it does not ask for is judged alike.
//!
//! The corpus was recorded with richer sessions than `sluicebox session` prints. What is stripped here is what would
//! never have been sent; fields are left as they are.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::event::Event;
use sluicebox::finding::Severity;
use sluicebox::intel::Intel;
use sluicebox::rules::{RuleSet, Thresholds, builtin, compile, session};
use sluicebox::wire::schema::{
    Point, Release, Source, Stage, call_point, message, own_point, points, raw_point,
};
use sluicebox::wire::{self, MessageType};

use common::recordings;

/// The point of a release that sent an event.
fn point_of(number: MessageType, event: &Event<'_>, release: Release) -> Option<Point> {
    let source = message(number)?.source;
    if let Source::Own(own) = source {
        return own_point(own.name, release);
    }
    let call = event.kind.call()?;
    let stage = if call.exit.is_some() { Stage::Exit } else { Stage::Enter };
    if matches!(source, Source::Raw) {
        raw_point(call.sysno, stage)
    } else {
        call_point(call.sysno, stage, release)
    }
}

/// The points that the built-in rules' session asks for.
fn asked_for(rules: &RuleSet, release: Release) -> BTreeSet<String> {
    let session = session::smallest(rules, release, "/run/s.sock");
    let points = session["trace_session"]["points"].as_array().unwrap();
    points.iter().map(|point| point["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_default_session_is_enough_for_every_verdict() {
    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let intel = Intel::seed();
    let mut wrong = Vec::new();
    let mut kept = 0_usize;
    let mut all = 0_usize;
    for recording in recordings().into_iter().filter(|recording| !recording.is_missed()) {
        let release = Release::by_name(recording.release()).unwrap();
        let asked = asked_for(&rules, release);
        let mut sandbox = Sandbox::new(Arc::clone(&rules));
        let mut found = Vec::new();
        let mut missing: BTreeMap<String, usize> = BTreeMap::new();
        for packet in recording.packets() {
            let message = wire::decode(packet).unwrap();
            let event = message.event.as_ref().unwrap();
            let point = point_of(message.header.message_type, event, release)
                .unwrap_or_else(|| panic!("{recording}: no point sends {event:?}"))
                .to_string();
            all += 1;
            if asked.contains(&point) {
                kept += 1;
                sandbox.packet(packet, &intel, &mut found).unwrap();
            } else {
                *missing.entry(point).or_default() += 1;
            }
        }
        let worst = found.iter().map(|finding| finding.severity).max();
        if (worst >= Some(Severity::Alert)) == recording.is_benign() {
            wrong.push(format!("{recording}: {worst:?} without {missing:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(kept < all, "the session leaves something out, or this test shows nothing");
}

#[test]
fn the_default_session_asks_for_fewer_points_than_everything_in_every_release() {
    let rules = builtin::compiled(Thresholds::default()).rules.unwrap();
    for release in Release::ALL {
        let asked = asked_for(&rules, release);
        // Points of its own for each call and of the sentry; every raw system call is hundreds more.
        let all: BTreeSet<String> = points(release).map(|point| point.to_string()).collect();
        let own = asked.intersection(&all).count();
        assert!(own * 2 < all.len(), "{release:?}: {own} of {}", all.len());
        let dear = ["syscall/read/exit", "syscall/write/exit", "syscall/close/exit", "syscall/read/enter"];
        assert!(dear.iter().all(|point| !asked.contains(*point)), "{release:?}");
    }
}

#[test]
fn a_rule_set_that_asks_for_less_has_a_smaller_session() {
    let builtin = builtin::compiled(Thresholds::default()).rules.unwrap();
    let names = "- rule: R\n  desc: d\n  condition: evt.type = execve and proc.name = x\n  output: o\n  priority: NOTICE\n";
    let names = compile(&[("names.yaml", names)], Thresholds::default(), 1).rules.unwrap();
    for release in Release::ALL {
        let (few, many) = (asked_for(&names, release), asked_for(&builtin, release));
        assert!(few.is_subset(&many) && few.len() < many.len(), "{release:?}: {few:?}");
    }
}
