//! `dump --state` on recorded traces: what the engine remembers of them, blessed, and what else its two faces promise.
//!
//! `SLUICEBOX_BLESS=1 cargo test -p sluicebox-daemon --test dump_state` writes `dump_state/*.txt` anew; read the
//! difference before you commit it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::Path;

use common::corpus::Recorded;
use common::{packet, run, sluicebox, text, trace_of};
use serde_json::Value;

/// Each page with the arguments that it comes of, and the trace.
const PAGES: [(&str, &[&str], &str); 6] = [
    ("m_drop_exec_pool", &[], "m_drop_exec_pool"),
    ("m_pipe_to_shell", &[], "m_pipe_to_shell"),
    ("m_copies", &["--at", "2s"], "m_copies"),
    ("m_scm_file", &["--at", "1.2s"], "m_scm_file"),
    ("m_rs_mkfifo", &["--at", "3s"], "m_rs_mkfifo"),
    ("b_gcc_build", &[], "b_gcc_build"),
];

fn page(arguments: &[&str], trace: &Path) -> String {
    let output = run(sluicebox().args(["dump", "--state"]).args(arguments).arg(trace));
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn document(arguments: &[&str], trace: &Path) -> Value {
    serde_json::from_str(&page(&[&["--format", "json"], arguments].concat(), trace)).unwrap()
}

#[test]
fn every_page_is_the_blessed_one() {
    let bless = std::env::var_os("SLUICEBOX_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dump_state");
    let mut stale = Vec::new();
    for (name, arguments, trace) in PAGES {
        let shown = page(arguments, &Recorded::open("2026", trace).path);
        let path = folder.join(format!("{name}.txt"));
        if bless {
            fs::write(&path, &shown).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != shown {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "these pages changed; bless them if the change is meant: {stale:?}");
}

#[test]
fn the_readme_shows_a_piece_of_such_a_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("../README.md")).unwrap();
    let (_, section) = readme.split_once("\n## What it remembers\n").unwrap();
    let piece = section.split("```").nth(1).unwrap().strip_prefix("text\n").unwrap();
    let page = fs::read_to_string(folder.join("tests/dump_state/m_rs_mkfifo.txt")).unwrap();
    assert!(page.contains(piece), "{piece}");
}

#[test]
fn the_document_tells_whom_a_pipe_leads_to_and_where_a_program_came_from() {
    let shell = document(&["--at", "3s"], &Recorded::open("2026", "m_rs_mkfifo").path);
    let processes = shell["containers"][0]["processes"].as_array().unwrap();
    let shell = processes.iter().find(|process| process["program"]["argv"][1] == "-i").unwrap();
    assert_eq!(shell["runs_network_bytes"], true);
    let input = &shell["descriptors"][0];
    assert_eq!(
        (&input["fd"], &input["to"]["type"], &input["to"]["end"]),
        (&0.into(), &"pipe".into(), &"read".into())
    );
    assert_eq!(input["to"]["others"][0]["name"], "cat");
    assert_eq!(input["to"]["carries"]["remote"]["addr"], "203.0.113.84:1337");

    let copies = document(&["--at", "2s"], &Recorded::open("2026", "m_copies").path);
    let processes = copies["containers"][0]["processes"].as_array().unwrap();
    let miner = processes.iter().find(|process| process["program"]["path"] == "/tmp/d").unwrap();
    let executable = &miner["program"]["executable"];
    let chain: Vec<&Value> =
        executable["chain"].as_array().unwrap().iter().map(|step| &step["path"]).collect();
    assert_eq!(chain, ["/tmp/d", "/tmp/c", "/tmp/b", "/tmp/a"]);
    assert_eq!(executable["remote"]["addr"], "203.0.113.62:8012");
}

#[test]
fn both_faces_show_every_process_and_connection_of_a_trace_the_same_way_each_time() {
    for name in ["m_gpu_child", "b_scm_workers", "b_daemon", "m_local_relay"] {
        let trace = Recorded::open("2026", name).path;
        let (document, shown) = (document(&[], &trace), page(&["--all"], &trace));
        assert_eq!(shown, page(&["--all"], &trace), "{name}");
        let container = &document["containers"][0];
        for process in container["processes"].as_array().unwrap() {
            let name = process["name"].as_str().unwrap();
            assert!(shown.contains(&format!("{name} ({})", process["tgid"])), "{process}");
        }
        for (list, key) in [("files", "path"), ("endpoints", "remote")] {
            for entry in container[list].as_array().unwrap() {
                assert!(shown.contains(entry[key].as_str().unwrap()), "{name}: {entry}");
            }
        }
    }
}

#[test]
fn a_moment_is_a_record_or_a_time_and_nothing_after_it_is_remembered() {
    let trace = Recorded::open("2026", "m_drop_exec_pool").path;
    let records = |arguments: &[&str]| document(arguments, &trace)["records"].as_u64().unwrap();
    let all = records(&[]);
    assert_eq!(records(&["--at", "0"]), 1);
    assert_eq!(records(&["--at", "99"]), 100);
    assert_eq!(records(&["--at", &all.to_string()]), all);
    assert_eq!(records(&["--at", "3600s"]), all);
    let early = document(&["--at", "0.05s"], &trace);
    assert!(early["records"].as_u64().unwrap() < all);
    assert!(early["time_ns"].as_i64().unwrap() - early["begin_ns"].as_i64().unwrap() <= 50_000_000);
    assert_eq!(early["containers"][0]["endpoints"], Value::Array(Vec::new()));
    for wrong in ["", "s", "-1", "1.5", "1.2345678901s", "1.+5s", "x"] {
        let output = run(sluicebox().args(["dump", "--state", "--at", wrong]).arg(&trace));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn a_hostile_name_cannot_write_to_the_terminal_or_end_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.trace");
    // An open for writing by thread 7 of process 6 of container `c`: O_CREAT | O_WRONLY, result 3.
    let context = [&[0x10, 7, 0x20, 6, 0x32, 1, b'c', 0x4a, 3][..], b"a\nb"].concat();
    let name = b"/a\n\x1b[2J\"\\";
    let event = [
        &[0x0a, u8::try_from(context.len()).unwrap()][..],
        &context,
        &[0x12, 2, 0x08, 3, 0x18, 2, 0x32, u8::try_from(name.len()).unwrap()],
        name,
        &[0x38, 0x41],
    ]
    .concat();
    fs::write(&path, trace_of(&[packet(7, &event), b"broken".to_vec()])).unwrap();
    let shown = page(&["--all"], &path);
    assert!(!shown.contains('\x1b') && shown.contains("/a\\n\\u{1b}[2J"), "{shown}");
    assert!(shown.contains("1 undecodable"), "{shown}");
    let document = document(&[], &path);
    assert_eq!(document["containers"][0]["files"][0]["path"], "/a\\n\\u{1b}[2J\"\\\\");
    assert_eq!(document["sight"]["undecodable"], 1);
}

#[test]
fn a_cut_trace_shows_what_is_remembered_at_the_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.trace");
    let mut plain = Recorded::open("2026", "m_drop_exec_pool").plain();
    plain.truncate(plain.len() - 1);
    fs::write(&path, plain).unwrap();
    let output = run(sluicebox().args(["dump", "--state"]).arg(&path));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains(".cache-x"));
    assert!(text(&output.stderr).contains("cut off after"), "{}", text(&output.stderr));
}
