//! Malformed rule files with the diagnostics that they must give, and public rule files that must give none.
//!
//! `tests/rules/bad/NAME.yaml` has its diagnostics beside it in `NAME.txt`. With `SLUICEBOX_BLESS=1` these are
//! written instead of compared. With `SLUICEBOX_FALCO_RULES=FOLDER` the rule files of that folder are loaded too.
#![expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]

use std::fs;
use std::path::{Path, PathBuf};

use sluicebox::rules::{self, Compiled, Fate, StepWhat, Text, Thresholds, lang};

/// Falco's public files.
const FALCO: [&str; 3] = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

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

fn compile(files: &[(&str, &str)]) -> Compiled {
    rules::compile(files, Thresholds::default(), 1)
}

#[test]
fn each_malformed_file_gives_its_diagnostics() {
    let bless = std::env::var_os("SLUICEBOX_BLESS").is_some_and(|value| value == "1");
    let files = yaml_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/bad"));
    assert!(files.len() >= 15, "{} malformed files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let Compiled { rules, sources, diagnostics, .. } = compile(&[(&name(&path), &text)]);
        assert!(rules.is_none());
        let shown = diagnostics.text(&sources);
        assert!(diagnostics.has_errors(), "{} has no error", name(&path));
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
    let Compiled { reports, diagnostics, sources, .. } = compile(&files);
    assert_eq!(diagnostics.errors(), 0, "{}", diagnostics.text(&sources));
    for report in &reports {
        let is_told = !report.why().is_empty();
        assert_eq!(is_told, matches!(report.fate, Fate::Skipped(_)), "{}", report.name);
    }
    if files.iter().filter(|(name, _)| FALCO.contains(name)).count() == FALCO.len() {
        let loaded = reports.iter().filter(|report| report.fate == Fate::Loaded).count();
        assert_eq!((reports.len(), loaded), (93, 79));
    }
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

/// A set in the manner of Falco's, over three files as users have them: what comes with the tool, what others add,
/// what the house changes.
const BASE: &str = "\
- required_engine_version: 0.57.0
- required_plugin_versions:
    - name: container
      version: 0.4.0
- list: editors
  items: [vi, '\"ed (old)\"']
- macro: spawned
  condition: (evt.type in (execve, execveat))
- macro: never
  condition: (evt.num=0)
- macro: trusted
  condition: (never)
- rule: Editor in a container
  desc: d
  condition: >
    spawned and container.id != host and proc.name in (editors)
    and not trusted
  output: \"%proc.name by %user.name in %container.id with %thread.cap_effective\"
  priority: WARNING
  exceptions:
    - name: parents
      fields: proc.pname
      values: [make]
- rule: Switched off
  desc: d
  condition: spawned
  output: o
  priority: notice
  enabled: false
";
const MORE: &str = "\
- list: editors
  items: [nano]
  override: {items: append}
- rule: Editor in a container
  exceptions:
    - name: parents
      values: [cron]
  override: {exceptions: append}
";
const HOUSE: &str = "\
- macro: trusted
  condition: (proc.pname = sudo)
- rule: Switched off
  enabled: true
";

#[test]
fn files_of_a_set_change_one_another_in_their_order() {
    let condition = |files: &[(&str, &str)]| {
        let (rules, sources, diagnostics) = rules::load(files);
        assert!(diagnostics.is_empty(), "{}", diagnostics.text(&sources));
        let StepWhat::Condition(condition) = &rules[0].steps[0].what else { unreachable!("one condition") };
        (condition.to_string(), rules[1].enabled)
    };
    let (base, on) = condition(&[("base", BASE)]);
    assert!(base.contains("not evt.num = 0") && base.contains("(make)") && !on, "{base}");
    let (all, on) = condition(&[("base", BASE), ("more", MORE), ("house", HOUSE)]);
    assert!(all.contains("(vi, \"ed (old)\", nano)"), "{all}");
    assert!(all.contains("not proc.pname = sudo") && all.contains("(make, cron)") && on, "{all}");
    let compiled = compile(&[("base", BASE), ("more", MORE), ("house", HOUSE)]);
    assert_eq!(compiled.diagnostics.text(&compiled.sources), "");
    assert_eq!(compiled.rules.unwrap().rules().len(), 2);
}
