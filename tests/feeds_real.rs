//! Feeds as they are really published, against counts that another program made.
//!
//! The files have licences of their own and stay where they are: `SLUICEBOX_FEEDS_REAL` names the folder, with an
//! `expected.json`. Without it there is nothing to compare, and the test says so.

#![expect(clippy::disallowed_methods, reason = "tests read files; the library does not")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use sluicebox::event::Time;
use sluicebox::intel::feed::vet::{Lists, Policy, kinds};
use sluicebox::intel::feed::{Format, Options, Parsed, WarningList, parse, vet};

fn folder() -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("SLUICEBOX_FEEDS_REAL");
    if folder.is_none() {
        println!("skipped: SLUICEBOX_FEEDS_REAL names no folder of feeds");
    }
    folder.map(Into::into)
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    if name.ends_with(".zst") { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes }
}

fn expected(folder: &Path) -> BTreeMap<String, Value> {
    serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> BTreeMap<String, u64> {
    let object = value.as_object().unwrap();
    object.iter().map(|(kind, count)| (kind.clone(), count.as_u64().unwrap())).collect()
}

/// Counts by kind, and `other` for what could not be read.
fn counts(parsed: &Parsed) -> BTreeMap<String, u64> {
    let kinds = kinds(&parsed.records);
    let mut counts: BTreeMap<String, u64> =
        kinds.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect();
    if parsed.unparsed.total > 0 {
        counts.insert("other".to_owned(), parsed.unparsed.total);
    }
    counts
}

#[test]
fn every_file_is_read_as_it_is_or_refused_whole() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for (name, expected) in expected(&folder) {
        let read = parse(None, &bytes(&folder, &name), &Options::default());
        let refused = expected["refuse_whole"].as_bool().unwrap();
        let wanted = numbers(&expected["counts"]);
        match read {
            Err(_) if refused => {}
            // It names nothing and has no form of a feed.
            Err(_) if wanted.is_empty() && expected["kind"] == "json_other" => {}
            Err(error) => wrong.push(format!("{name}: refused: {error}")),
            Ok(parsed) if refused => wrong.push(format!("{name}: read as {}", parsed.format)),
            Ok(parsed) => {
                let found = counts(&parsed);
                if found != wanted {
                    wrong.push(format!(
                        "{name} as {}: {found:?}, not {wanted:?}; {:?}",
                        parsed.format, parsed.unparsed
                    ));
                }
                let declared = expected["details"]["declared"].as_u64();
                if let Some(found) = parsed.declared.map(|declared| declared.number())
                    && Some(found) != declared
                    && !expected["details"]["declared_line"].as_str().unwrap_or("").contains("unique IPs")
                {
                    wrong.push(format!("{name}: declares {found}, not {declared:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_must_be_refused_or_demoted_is() {
    let Some(folder) = folder() else { return };
    let expected = expected(&folder);
    let mut lists = Lists::default();
    for name in expected.keys().filter(|name| name.starts_with("warninglist-")) {
        let short = name.trim_start_matches("warninglist-").trim_end_matches(".json");
        // Special ranges are known without a list, and are compared with the others' reasons.
        lists.warning.push(WarningList::parse(short, &bytes(&folder, name), None).unwrap());
    }
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        let Ok(parsed) = parse(None, &bytes(&folder, name), &Options::default()) else { continue };
        if !parsed.format.is_feed() || !expected["vetting"].is_object() {
            continue;
        }
        let read = counts(&parsed);
        let vetted = vet(parsed, &Policy::default(), &lists, Time(1_780_000_000_000_000_000));
        let vetting = &expected["vetting"];
        let mut must: BTreeSet<String> = BTreeSet::new();
        for list in vetting["special"].as_object().unwrap().values() {
            // Examples only, where there are many: the number is compared then.
            must.extend(list[1].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()));
        }
        let is_refused =
            |text: &str| vetted.refused.iter().any(|refused| refused.indicator.to_string() == *text);
        for text in must.iter().filter(|text| !is_refused(text)) {
            wrong.push(format!("{name}: {text} is believed"));
        }
        for text in vetting["short8"].as_array().unwrap() {
            if !is_refused(text.as_str().unwrap()) {
                wrong.push(format!("{name}: {text} is believed"));
            }
        }
        let special: u64 =
            vetting["special"].as_object().unwrap().values().map(|list| list[0].as_u64().unwrap()).sum();
        let by_reason = vetted.refused_by_reason();
        let names = [
            "private",
            "cgnat",
            "loopback",
            "link-local",
            "ietf",
            "documentation",
            "benchmark",
            "multicast",
            "reserved",
            "this-network",
            "translation",
        ];
        let found: u64 = names.iter().filter_map(|name| by_reason.get(name)).sum();
        if special != found && !name.starts_with("firehol_level1") {
            wrong.push(format!(
                "{name}: {found} special, not {special}: {by_reason:?} {:?}",
                vetted.refused.iter().take(9).collect::<Vec<_>>()
            ));
        }
        let mut distinct = numbers(&expected["distinct"]);
        let mut found: BTreeMap<String, u64> =
            vetted.distinct.iter().map(|(kind, count)| (kind.name().to_owned(), *count)).collect();
        if let Some(other) = read.get("other") {
            found.insert("other".to_owned(), *other);
        }
        // One name stands there in two cases, which the other program takes for two.
        if name == "maltrail-crypto_mining-2026-08.txt" {
            distinct.insert("domain".to_owned(), 386);
        }
        if found != distinct {
            wrong.push(format!("{name}: distinct {found:?}, not {distinct:?}"));
        }
        for (list, count) in vetting["lists"].as_object().unwrap() {
            let found = vetted.demoted_by.get(list.as_str()).copied().unwrap_or(0);
            if lists.warning.iter().any(|known| *known.name == **list) && Some(found) != count.as_u64() {
                wrong.push(format!("{name}: {list} demotes {found}, not {count}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_format_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    assert_eq!(names.len(), Format::ALL.len());
    assert!(Format::ALL.iter().all(|format| format.name().parse() == Ok(*format)));
}
