//! Every test that a built-in rule carries, over scripts and over the recorded traces of all gVisor releases.
#![expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]
#![expect(clippy::disallowed_types, reason = "a test reads its files; the library does not")]
#![expect(clippy::unwrap_used, reason = "helpers of a test; Clippy knows only its functions as tests")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicebox::intel::Intel;
use sluicebox::rules::testing::{self, Matches, count_matches, run_rule};
use sluicebox::rules::{self, RuleSet, Thresholds, builtin};
use sluicebox::wire::tracefile;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The folders of the corpus, one for each release.
fn releases() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// What all rules make of a recording.
fn play(rules: &Arc<RuleSet>, intel: &Intel, path: &Path) -> Matches {
    let plain = zstd::Decoder::new(File::open(path).unwrap()).unwrap();
    let mut reader = tracefile::Reader::new(plain).unwrap();
    count_matches(rules, intel, std::iter::from_fn(|| reader.next_packet().unwrap().map(<[u8]>::to_vec)))
}

#[test]
fn every_test_of_every_built_in_rule_holds_in_every_release() {
    let compiled = builtin::compiled(Thresholds::default());
    let rules = Arc::new(compiled.rules.unwrap());
    let intel = testing::intel();
    let releases = releases();
    let played: RefCell<BTreeMap<PathBuf, Matches>> = RefCell::default();
    let mut recordings = |name: &str| {
        let paths = releases.iter().map(|release| release.join(format!("{name}.trace.zst")));
        let named = paths.filter(|path| path.exists()).map(|path| {
            let mut played = played.borrow_mut();
            let matches = played.entry(path.clone()).or_insert_with(|| play(&rules, &intel, &path)).clone();
            let release = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            (format!("{release}/{name}"), matches)
        });
        Ok(named.collect())
    };
    let (sources, texts, _) = rules::load(builtin::FILES);
    let (mut failed, mut run) = (Vec::new(), 0);
    for rule in &sources {
        let tested = run_rule(rule, &rules, &intel, &mut recordings);
        assert!(!tested.is_empty(), "{} has no test", rule.id.value);
        for expects in [true, false] {
            let any = rule.tests.iter().any(|test| (test.matches.value > 0) == expects);
            assert!(
                any,
                "{} has no test that {}",
                rule.id.value,
                if expects { "fires" } else { "does not fire" }
            );
        }
        run += tested.len();
        for test in tested.iter().filter(|test| test.failure.is_some()) {
            let line = texts.position(test.span.source, test.span.start).line;
            failed.push(format!("{}:{line}: {}: {test}", texts.name(test.span.source), rule.id.value));
        }
    }
    assert!(failed.is_empty(), "{} of {run} tests failed:\n{}", failed.len(), failed.join("\n"));
}
