//! The tutorial tells the truth: the examples of `docs/rules.md` load, their tests hold, and the diagnostics that it shows are given.
//!
//! The YAML blocks of a section are one rule set. A text block that shows a diagnostic must be a part of what the set gives; a
//! section that shows none must give none.

#![expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use sluicebox::intel::Intel;
use sluicebox::rules::testing::{self, Recordings, count_matches, run_rule};
use sluicebox::rules::{self, RuleSet, Thresholds, compile};

use common::Recording;

const PAGE: &str = "docs/rules.md";

/// A part of the page under a heading of its own.
#[derive(Debug, Default)]
struct Section {
    title: String,
    /// Name and text.
    files: Vec<(String, String)>,
    shown: Vec<String>,
}

impl Section {
    fn files(&self) -> Vec<(&str, &str)> {
        self.files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }
}

/// The sections that have examples.
fn sections() -> Vec<Section> {
    let page = fs::read_to_string(PAGE).unwrap();
    let mut sections = Vec::new();
    let mut block: Option<(&str, String)> = None;
    for line in page.lines() {
        match &mut block {
            None => {
                if let Some(title) = line.strip_prefix("## ") {
                    sections.push(Section { title: title.to_owned(), ..Section::default() });
                }
                block = line.strip_prefix("```").map(|language| (language, String::new()));
            }
            Some((language, text)) if line == "```" => {
                let section = sections.last_mut().unwrap();
                match *language {
                    "yaml" => {
                        let name = format!("rules-{}.yaml", section.files.len().saturating_add(1));
                        section.files.push((name, std::mem::take(text)));
                    }
                    "text" => section.shown.push(std::mem::take(text)),
                    other => panic!("{PAGE}: what is a block of `{other}`?"),
                }
                block = None;
            }
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(block.is_none(), "{PAGE}: a block is not closed");
    sections.retain(|section| !section.files.is_empty());
    sections
}

/// What a rule set makes of the recordings of a name, in each release that has one.
fn play(name: &str, rules: &Arc<RuleSet>, intel: &Intel) -> Recordings {
    let releases = ["2022", "2024", "2026"];
    let there = |release: &&str| fs::exists(format!("tests/corpus/{release}/{name}.trace.zst")).unwrap();
    let recordings = releases.into_iter().filter(there).map(|release| {
        let recording = Recording::open(release, name);
        (recording.to_string(), count_matches(rules, intel, recording.packets()))
    });
    recordings.collect()
}

#[test]
fn the_examples_of_the_tutorial_load_and_their_tests_hold() {
    let intel = testing::intel();
    let mut failed = Vec::new();
    let mut tests_of: BTreeMap<String, usize> = BTreeMap::new();
    for section in sections() {
        let compiled = compile(&section.files(), Thresholds::default(), 1);
        let given = compiled.diagnostics.text(&compiled.sources);
        for shown in &section.shown {
            assert!(
                given.contains(shown.as_str()),
                "{}: it shows\n{shown}\nand gives\n{given}",
                section.title
            );
        }
        assert_eq!(given.is_empty(), section.shown.is_empty(), "{}: {given}", section.title);
        let Some(set) = compiled.rules else { continue };
        let set = Arc::new(set);
        let (sources, texts, _) = rules::load(&section.files());
        let runs = |id: &str| set.rules().iter().any(|rule| &*rule.id == id);
        for rule in sources.iter().filter(|rule| runs(&rule.id.value)) {
            let tested = run_rule(rule, &set, &intel, &mut |name| Ok(play(name, &set, &intel)));
            assert!(!tested.is_empty(), "{}: `{}` has no test", section.title, rule.name.value);
            *tests_of.entry(section.title.clone()).or_default() += tested.len();
            for test in tested.iter().filter(|test| test.failure.is_some()) {
                let line = texts.position(test.span.source, test.span.start).line;
                let file = texts.name(test.span.source);
                failed.push(format!("{}: {file}:{line}: {}: {test}", section.title, rule.name.value));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(tests_of.len() >= 7 && tests_of.values().sum::<usize>() >= 25, "{tests_of:?}");
}
