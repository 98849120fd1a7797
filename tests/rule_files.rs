//! Malformed rule files with the diagnostics that they must give, and public rule files that must give none.
//!
//! `tests/rules/bad/NAME.yaml` has its diagnostics beside it in `NAME.txt`. With `SLUICEBOX_BLESS=1` these are
//! written instead of compared. With `SLUICEBOX_FALCO_RULES=FOLDER` the rule files of that folder are loaded too.
#![expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]

use std::fs;
use std::path::{Path, PathBuf};

use sluicebox::rules::{self, StepWhat, Text, Thresholds, lang};

/// The `.yaml` files of a folder, by name.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn each_malformed_file_gives_its_diagnostics() {
    let bless = std::env::var_os("SLUICEBOX_BLESS").is_some_and(|value| value == "1");
    let files = yaml_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/bad"));
    assert!(files.len() >= 15, "{} malformed files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let (_, sources, diagnostics) = rules::load(&[(&name(&path), &text)]);
        let mut shown = diagnostics.text(&sources);
        if !diagnostics.has_errors() {
            // What is wrong with it is in the types.
            let compiled = rules::compile(&[(&name(&path), &text)], Thresholds::default(), 0);
            assert!(compiled.rules.is_none(), "{} loads", name(&path));
            shown = compiled.diagnostics.text(&compiled.sources);
        }
        let blessed = path.with_extension("txt");
        if bless {
            fs::write(&blessed, &shown).unwrap();
        } else if fs::read_to_string(&blessed).unwrap_or_default() != shown {
            wrong.push(format!("{}:\n{shown}", name(&path)));
        }
    }
    assert!(wrong.is_empty(), "other diagnostics than blessed:\n{}", wrong.join("\n"));
}

#[test]
fn public_rule_files_load_whole() {
    let Some(folder) = std::env::var_os("SLUICEBOX_FALCO_RULES") else {
        println!("skipped: SLUICEBOX_FALCO_RULES names no folder");
        return;
    };
    let texts: Vec<(String, String)> = yaml_files(Path::new(&folder))
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (rules, sources, diagnostics) = rules::load(&files);
    assert!(diagnostics.is_empty(), "{}", diagnostics.text(&sources));
    println!("{} rules of {} files", rules.len(), files.len());
    assert!(!rules.is_empty());
    for rule in &rules {
        for step in &rule.steps {
            let StepWhat::Condition(expr) = &step.what else { continue };
            let printed = expr.to_string();
            let again = lang::parse(&Text::nowhere(&printed));
            assert_eq!(again.map(|expr| expr.to_string()).as_ref(), Ok(&printed), "{}", rule.name.value);
            // The places of checks are those of checks in the files.
            for check in expr.checks() {
                let left = sources.snippet(check.left.span());
                assert!(left.starts_with(|c: char| c.is_ascii_lowercase()), "{}: {left}", rule.name.value);
            }
        }
    }
}
