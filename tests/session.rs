//! The default trace session suffices: a recording stripped of every event that it does not ask for is judged alike.
//!
//! The corpus was recorded with richer sessions than `sluicebox session` prints. What is stripped here is what would
//! never have been sent; fields are left as they are.

#![expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::event::{Event, Sysno};
use sluicebox::finding::Severity;
use sluicebox::intel::Intel;
use sluicebox::rules::testing::count_matches;
use sluicebox::rules::{RuleSet, Thresholds, builtin, compile, load, session};
use sluicebox::wire::schema::{
    Point, PointKind, Release, Source, Stage, call_point, message, own_point, points, raw_point,
};
use sluicebox::wire::{self, MessageType};

use common::{Recording, recordings};

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

/// The packets of a recording whose points are wanted.
fn of_points<'p>(
    recording: &'p Recording,
    release: Release,
    is_wanted: impl Fn(Point) -> bool + 'p,
) -> impl Iterator<Item = &'p [u8]> {
    recording.packets().filter(move |packet| {
        let message = wire::decode(packet).unwrap();
        let event = message.event.as_ref().unwrap();
        is_wanted(point_of(message.header.message_type, event, release).unwrap())
    })
}

/// Whether a richer session tells more by a point than what it tells twice, and than attempts to run a program that failed:
/// the smallest session knows programs by `sentry/execve`, which is there when one runs.
fn tells_something_of_its_own(point: Point, release: Release) -> bool {
    match point.kind {
        PointKind::Own(_) => true,
        PointKind::Call(call, stage) => {
            stage == Stage::Enter || !matches!(call.sysno, Sysno::EXECVE | Sysno::EXECVEAT)
        }
        PointKind::Raw(sysno, stage) => {
            call_point(sysno, stage, release).is_none_or(|point| matches!(point.kind, PointKind::Raw(..)))
        }
    }
}

/// Needs `SLUICEBOX_FALCO_RULES`, the folder of Falco's public files. Those that are switched off are switched on here.
#[test]
fn falcos_rules_match_on_their_smallest_session_what_they_match_on_a_richer_one() {
    let Some(folder) = std::env::var_os("SLUICEBOX_FALCO_RULES") else {
        println!("skipped: SLUICEBOX_FALCO_RULES names no folder");
        return;
    };
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    paths.sort();
    let texts: Vec<String> = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut files: Vec<(&str, &str)> = texts.iter().map(|text| ("falco.yaml", text.as_str())).collect();
    let (sources, ..) = load(&files);
    let off = sources.iter().filter(|rule| !rule.enabled);
    let on: String = off.map(|rule| format!("- rule: {:?}\n  enabled: true\n", rule.name.value)).collect();
    files.push(("on.yaml", &on));
    let rules = Arc::new(compile(&files, Thresholds::default(), 1).rules.unwrap());
    let intel = Intel::seed();
    let (mut wrong, mut matches) = (Vec::new(), 0);
    for recording in recordings() {
        let release = Release::by_name(recording.release()).unwrap();
        let asked = asked_for(&rules, release);
        let rich = of_points(&recording, release, |point| tells_something_of_its_own(point, release));
        let all = count_matches(&rules, &intel, rich);
        let smallest = of_points(&recording, release, |point| asked.contains(&point.to_string()));
        let few = count_matches(&rules, &intel, smallest);
        matches += all.iter().map(|(_, matches)| matches).sum::<u64>();
        if all != few {
            wrong.push(format!("{recording}:\n{all:?}\n{few:?}"));
        }
    }
    assert!(matches > 500, "{matches} matches show little");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
