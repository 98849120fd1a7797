//! What rules cost an event: the same events with few rules and with many.
//!
//! Measured: state and rules over decoded events of a busy recorded trace, with one sandbox a pass; so `none`, which has no
//! rule, is what is not the rules'. The many are made of eight forms, each with texts, ports and prefixes of its own, as
//! rule sets of a large user are. With `SLUICEBOX_FALCO_RULES=FOLDER`, the rules of that folder's files are measured as well
//! (`theirs`), and variations of them.
//! Loading is measured apart: a thousand rules, a condition nested to the limit, a list of ten thousand names.
//! Not measured: decoding, the socket.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench without its trace is none")]
#![expect(clippy::disallowed_methods, reason = "a bench reads its files; the library does not")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use sluicebox::engine::Sandbox;
use sluicebox::intel::Intel;
use sluicebox::rules::{RuleSet, Thresholds, builtin, compile};
use sluicebox::wire;

use common::Recording;

/// So many rules of eight forms that match nothing in the trace.
fn many(count: usize) -> String {
    let mut file = String::new();
    for i in 0..count {
        let condition = match i % 8 {
            0 => format!(
                "evt.type in (open, openat) and evt.is_open_read = true and fd.name startswith /srv/secret{i}"
            ),
            1 => format!("evt.type = execve and evt.failed = false and proc.name in (tool{i}, tool{i}b)"),
            2 => format!("evt.type = execve and evt.failed = false and proc.cmdline contains \"--flag{i}\""),
            3 => format!("evt.type = connect and fd.rport = 2{i}"),
            4 => format!("evt.type = connect and fd.rnet in (192.0.{}.{}/32)", i / 256, i % 256),
            5 => format!(
                "evt.type in (open, openat, creat) and evt.is_open_write = true and fd.directory in (/etc/conf{i}) \
                 and not proc.name in (dpkg, apt, installer{i})"
            ),
            6 => {
                format!("evt.type in (open, openat) and fd.filename = key{i}.pem and not proc.name = sshd{i}")
            }
            _ => format!("evt.type = execve and proc.pname = server{i} and proc.name in (bash, sh, dash)"),
        };
        writeln!(
            file,
            "- rule: Rule {i}\n  desc: d\n  condition: {condition}\n  output: \"%proc.cmdline\"\n  priority: NOTICE"
        )
        .unwrap();
    }
    file
}

fn compiled(files: &[(&str, &str)]) -> Arc<RuleSet> {
    let compiled = compile(files, Thresholds::default(), 1);
    let said = compiled.diagnostics.text(&compiled.sources);
    assert!(compiled.rules.is_some(), "{said}");
    Arc::new(compiled.rules.unwrap())
}

/// The items of the rule files that `SLUICEBOX_FALCO_RULES` names the folder of.
fn falco() -> Option<Vec<Value>> {
    let folder = std::env::var_os("SLUICEBOX_FALCO_RULES")?;
    let mut files: Vec<_> =
        std::fs::read_dir(Path::new(&folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let items = files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        serde_saphyr::from_str::<Vec<Value>>(&text).unwrap()
    });
    Some(items.collect())
}

/// So many rules: the items' own, then each again with another exception, as a site has them that copies and changes.
/// JSON is YAML.
fn varied(items: &[Value], count: usize) -> String {
    let (rules, others): (Vec<&Value>, Vec<&Value>) =
        items.iter().partition(|item| item.get("rule").is_some());
    let mut file: Vec<Value> = others.into_iter().cloned().collect();
    for (number, rule) in rules.iter().cycle().take(count).enumerate() {
        let mut rule = (*rule).clone();
        if number >= rules.len() {
            rule["rule"] = format!("{} {number}", rule["rule"].as_str().unwrap()).into();
            let condition = rule["condition"].as_str().unwrap();
            rule["condition"] = format!("({condition}) and not proc.name = exempt{number}").into();
        }
        file.push(rule);
    }
    Value::Array(file).to_string()
}

fn events(criterion: &mut Criterion) {
    let intel = Intel::seed();
    let recording = Recording::open("2024", "b_busy_mix");
    let packets: Vec<&[u8]> = recording.packets().collect();
    let events: Vec<_> = packets.iter().filter_map(|packet| wire::decode(packet).unwrap().event).collect();
    let builtin = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let (twenty, thousand) = (many(20), many(1000));
    let with_builtin: Vec<(&str, &str)> =
        builtin::FILES.iter().copied().chain([("many.yaml", thousand.as_str())]).collect();
    let mut sets = vec![
        ("none", compiled(&[])),
        ("built-in", builtin),
        ("20", compiled(&[("many.yaml", &twenty)])),
        ("1000", compiled(&[("many.yaml", &thousand)])),
        ("built-in and 1000", compiled(&with_builtin)),
    ];
    if let Some(items) = falco() {
        for (name, count) in [("20 of theirs", 20), ("theirs", 93), ("1000 of theirs", 1000)] {
            sets.push((name, compiled(&[("theirs.yaml", &varied(&items, count))])));
        }
        let theirs = varied(&items, 93);
        let files: Vec<(&str, &str)> =
            builtin::FILES.iter().copied().chain([("theirs.yaml", theirs.as_str())]).collect();
        sets.push(("built-in and theirs", compiled(&files)));
    }
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Elements(events.len() as u64));
    for (name, set) in sets {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut sandbox = Sandbox::new(Arc::clone(&set));
                let mut found = Vec::new();
                for event in &events {
                    sandbox.observe(event, &intel, &mut found);
                }
                black_box((sandbox, found))
            });
        });
    }
    group.finish();
}

fn loading(criterion: &mut Criterion) {
    let rule = |condition: &str| {
        format!("- rule: R\n  desc: d\n  condition: {condition}\n  output: o\n  priority: NOTICE\n")
    };
    let deep = rule(&format!("{}proc.name = x{}", "(".repeat(100), ")".repeat(100)));
    let names: Vec<String> = (0..10_000).map(|number| format!("name{number}")).collect();
    let list = format!("- list: names\n  items: [{}]\n{}", names.join(", "), rule("proc.name in (names)"));
    let mut group = criterion.benchmark_group("loading");
    for (name, file) in
        [("1000 rules", many(1000)), ("a condition 100 deep", deep), ("a list of 10,000 names", list)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| compiled(&[("file.yaml", &file)]));
        });
    }
    group.finish();
}

criterion_group!(benches, events, loading);
criterion_main!(benches);
