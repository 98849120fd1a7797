//! Every recorded trace, judged by the built-in rules.
//!
//! Beside each `NAME.trace.zst` lies the blessed `NAME.findings.txt`: the stories as an operator reads them, then the
//! same findings as JSON lines. `SLUICEBOX_BLESS=1 cargo test --test corpus` writes them anew; read the difference
//! before you commit it. `verdicts.toml` is written by hand and nothing touches it.

#![expect(clippy::disallowed_methods, reason = "tests read and bless their files")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use serde::Deserialize;
use sluicebox::engine::Sandbox;
use sluicebox::event::Time;
use sluicebox::finding::{Finding, Severity, json, text};
use sluicebox::intel::Intel;
use sluicebox::rules::{RuleSet, Thresholds, builtin};

use common::recordings;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    at_least: Option<String>,
    below: Option<String>,
    because: String,
    /// Why the rules do not come to this verdict yet. A recording that is no longer missed fails the test until the
    /// line is taken out.
    missed: Option<String>,
    /// Pieces of what truly happened that the stories must tell.
    #[serde(default)]
    tells: Vec<String>,
    /// Why the stories do not tell all of it yet; goes as `missed` does.
    untold: Option<String>,
}

fn severity(name: &str) -> Severity {
    match name {
        "notice" => Severity::Notice,
        "alert" => Severity::Alert,
        "kill" => Severity::Kill,
        other => panic!("verdicts.toml: no severity {other}"),
    }
}

fn rules() -> Arc<RuleSet> {
    let compiled = builtin::compiled(Thresholds::default());
    assert!(compiled.diagnostics.is_empty(), "{}", compiled.diagnostics.text(&compiled.sources));
    Arc::new(compiled.rules.unwrap())
}

/// The findings of some packets, and whether everything was seen.
fn findings<'p>(rules: &Arc<RuleSet>, packets: impl Iterator<Item = &'p [u8]>) -> (Vec<Finding>, Sandbox) {
    let intel = Intel::seed();
    let mut sandbox = Sandbox::new(Arc::clone(rules));
    let mut found = Vec::new();
    for packet in packets {
        sandbox.packet(packet, &intel, &mut found).unwrap();
    }
    (found, sandbox)
}

fn told(found: &[Finding]) -> String {
    let mut out = String::new();
    for finding in found {
        writeln!(out, "{}", text::story(finding)).unwrap();
    }
    for finding in found {
        writeln!(out, "{}", json::line(finding)).unwrap();
    }
    out
}

fn worst(found: &[Finding]) -> Option<Severity> {
    found.iter().map(|finding| finding.severity).max()
}

#[test]
fn every_verdict_is_the_one_that_was_written_by_hand() {
    let verdicts: BTreeMap<String, Verdict> =
        toml::from_str(&fs::read_to_string("tests/corpus/verdicts.toml").unwrap()).unwrap();
    let rules = rules();
    let mut wrong = Vec::new();
    for recording in recordings() {
        let verdict =
            verdicts.get(&recording.name).unwrap_or_else(|| panic!("no verdict for {}", recording.name));
        let (found, sandbox) = findings(&rules, recording.packets());
        let worst = worst(&found);
        let right = match (&verdict.at_least, &verdict.below) {
            (Some(at_least), None) => worst >= Some(severity(at_least)),
            (None, Some(below)) => worst < Some(severity(below)),
            _ => panic!("{}: a verdict is either at_least or below", recording.name),
        };
        match (right, &verdict.missed) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => wrong.push(format!("{recording}: {worst:?}, but {}", verdict.because)),
            (true, Some(_)) => wrong.push(format!("{recording}: {worst:?}, no longer missed")),
        }
        let stories: String = found.iter().map(text::story).collect();
        let missing: Vec<&String> = verdict.tells.iter().filter(|piece| !stories.contains(*piece)).collect();
        match (missing.is_empty(), &verdict.untold) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => wrong.push(format!("{recording}: the stories do not tell {missing:?}")),
            (true, Some(_)) => wrong.push(format!("{recording}: no longer untold")),
        }
        let evictions = sandbox.state().evictions().total();
        assert_eq!(evictions, 0, "{recording}: nothing had to be forgotten in a trace of this size");
        assert_eq!(sandbox.stats().undecodable, 0, "{recording}");
        let sight = sandbox.state().sight();
        let inferred = sight.unseen_execs + sight.unseen_connects + sight.args_changed + sight.time_backs;
        assert_eq!(inferred > 0, sight.dropped > 0, "{recording}: where nothing was lost nothing is guessed");
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_story_is_the_blessed_one() {
    let bless = std::env::var_os("SLUICEBOX_BLESS").is_some();
    let rules = rules();
    let mut stale = Vec::new();
    for recording in recordings() {
        let told = told(&findings(&rules, recording.packets()).0);
        let path = recording.path.with_file_name(format!("{}.findings.txt", recording.name));
        if bless {
            fs::write(&path, &told).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != told {
            stale.push(format!("{recording}, {}", path.display()));
        }
    }
    assert_eq!(stale, Vec::<String>::new(), "these stories changed; bless them if the change is meant");
}

#[test]
fn the_same_packets_give_the_same_bytes_on_any_thread_and_with_any_hash_seed() {
    let rules = rules();
    for recording in recordings() {
        let expected = told(&findings(&rules, recording.packets()).0);
        // Each map draws a seed of its own, so every run is one with other seeds.
        std::thread::scope(|scope| {
            let runs: Vec<_> =
                (0..3).map(|_| scope.spawn(|| told(&findings(&rules, recording.packets()).0))).collect();
            for run in runs {
                assert_eq!(run.join().unwrap(), expected, "{recording}");
            }
        });
    }
}

#[test]
fn an_owner_whose_clock_is_far_behind_changes_no_finding() {
    let rules = rules();
    let intel = Intel::seed();
    for recording in recordings().into_iter().filter(|recording| !recording.is_benign()) {
        let expected = told(&findings(&rules, recording.packets()).0);
        let mut sandbox = Sandbox::new(Arc::clone(&rules));
        let mut found = Vec::new();
        for packet in recording.packets() {
            sandbox.tick(Time(1), &intel, &mut Vec::new());
            sandbox.packet(packet, &intel, &mut found).unwrap();
        }
        assert_eq!(told(&found), expected, "{recording}");
    }
}
