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
use sluicebox::rules::{RuleSet, Thresholds, builtin, session};
use sluicebox::wire::schema::{Point, Release, Source, Stage, call_point, message, own_point, raw_point};
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
