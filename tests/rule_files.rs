//! Malformed rule files with the diagnostics that they must give, and public rule files that must give none.
//!
//! `tests/rules/bad/NAME.yaml` has its diagnostics beside it, in `NAME.txt` as people read them and in `NAME.json` as
//! programs do. `tests/rules/good/NAME.yaml` has what is made of it in `NAME.txt`: the conditions of its rules with nothing
//! left to look up, and the warnings. With `SLUICEBOX_BLESS=1` these are written instead of compared. With `SLUICEBOX_FALCO_RULES=FOLDER` the rule files of that folder are loaded too.
#![expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sluicebox::rules::diagnostics::codes;
use sluicebox::rules::{self, Compiled, Fate, StepWhat, Text, Thresholds, lang};
use sluicebox::wire::schema::Release;

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

/// The files of a folder under `tests/rules`, with their texts.
fn examples(folder: &str) -> Vec<(PathBuf, String)> {
    let files = yaml_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules").join(folder));
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// Compares a text with what was blessed, or blesses it; says how they differ.
fn differs(path: &Path, text: &str) -> Option<String> {
    if std::env::var_os("SLUICEBOX_BLESS").is_some_and(|value| value == "1") {
        fs::write(path, text).unwrap();
        return None;
    }
    let blessed = fs::read_to_string(path).unwrap_or_default();
    (blessed != text).then(|| format!("{}:\n{text}", name(path)))
}

#[test]
fn each_malformed_file_gives_its_diagnostics_and_loads_nothing() {
    let files = examples("bad");
    assert!(files.len() >= 40, "{} malformed files", files.len());
    let mut wrong = Vec::new();
    for (path, text) in files {
        let Compiled { rules, sources, diagnostics, .. } = compile(&[(&name(&path), &text)]);
        assert!(diagnostics.has_errors(), "{} has no error", name(&path));
        assert!(rules.is_none());
        wrong.extend(differs(&path.with_extension("txt"), &diagnostics.text(&sources)));
        let data = serde_json::to_string_pretty(&diagnostics.data(&sources)).unwrap() + "\n";
        wrong.extend(differs(&path.with_extension("json"), &data));
    }
    assert!(wrong.is_empty(), "other diagnostics than blessed:\n{}", wrong.join("\n"));
}

#[test]
fn a_malformed_file_takes_the_good_ones_of_its_set_with_it() {
    let good = "- rule: Good\n  condition: evt.type = open\n  output: o\n  priority: INFO\n";
    for (path, text) in examples("bad") {
        let Compiled { rules, reports, .. } = compile(&[("good.yaml", good), (&name(&path), &text)]);
        assert!(rules.is_none(), "{} is half loaded", name(&path));
        assert!(reports.iter().any(|report| report.name == "Good" && report.fate == Fate::Loaded));
    }
}

#[test]
fn every_code_is_given_for_a_malformed_file() {
    let mut texts: Vec<String> = examples("bad").into_iter().map(|(_, text)| text).collect();
    // Too large to be kept as files.
    texts.push("#".repeat(5 << 20));
    texts.push(format!("- macro: long\n  condition: a.b = {}\n", "x".repeat(300 << 10)));
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for text in &texts {
        let mut compiled = compile(&[("test.yaml", text)]);
        compiled.mark_denials(Release::R2022);
        given.extend(compiled.diagnostics.data(&compiled.sources).iter().map(|it| it.code));
    }
    let never: Vec<&str> =
        codes::ALL.iter().map(|code| code.as_str()).filter(|code| !given.contains(code)).collect();
    assert!(never.is_empty(), "no malformed file gives {never:?}");
}

#[test]
fn files_as_falcos_users_have_them_load_and_mean_what_they_mean_there() {
    let mut wrong = Vec::new();
    for (path, text) in examples("good") {
        let (rules, ..) = rules::load(&[(&name(&path), &text)]);
        let Compiled { sources, diagnostics, .. } = compile(&[(&name(&path), &text)]);
        assert!(!diagnostics.has_errors(), "{}", diagnostics.text(&sources));
        let mut shown = String::new();
        for rule in &rules {
            let tags: Vec<&str> = rule.tags.iter().map(|tag| tag.value.as_str()).collect();
            let switched = if rule.enabled { "" } else { ", switched off" };
            shown += &format!("{} ({:?}{switched})", rule.name.value, rule.priority.value);
            shown += &format!(" [{}]\n  says: {}\n", tags.join(", "), rule.output.value.trim());
            for step in &rule.steps {
                let StepWhat::Condition(condition) = &step.what else { continue };
                shown += &format!("  if:   {condition}\n");
            }
        }
        if !diagnostics.is_empty() {
            shown += &format!("\n{}", diagnostics.text(&sources));
        }
        wrong.extend(differs(&path.with_extension("txt"), &shown));
    }
    assert!(wrong.is_empty(), "read otherwise than blessed:\n{}", wrong.join("\n"));
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
