//! Reading traces, with the real binary: as many lines as records, and one line for whatever is wrong.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{packet, packets, run, sluicebox, text, trace_of};

#[test]
fn dump_prints_exactly_one_line_for_every_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.trace");
    let mut packets = packets();
    // An open whose path would break the line and write to the terminal.
    packets.push(packet(7, b"\x0a\x00\x2a\x09/a\n\x1b[2J\"\\"));
    packets.push(Vec::new());
    fs::write(&path, trace_of(&packets)).unwrap();
    for format in ["text", "json"] {
        let output = run(sluicebox().args(["dump", "--format", format]).arg(&path));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let lines = text(&output.stdout);
        assert_eq!(lines.lines().count(), packets.len(), "{format}");
        assert!(!lines.contains('\x1b'));
        if format == "json" {
            for (number, line) in lines.lines().enumerate() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(record["record"], number, "{line}");
                assert_eq!(record["bytes"], packets[number].len(), "{line}");
                assert!(record.get("event").is_some() != record.get("error").is_some(), "{line}");
            }
        }
    }
}

#[test]
fn a_compressed_trace_and_standard_input_are_the_same_trace() {
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain.dat");
    let compressed = directory.path().join("no-suffix-that-says-so");
    let trace = trace_of(&packets());
    fs::write(&plain, &trace).unwrap();
    fs::write(&compressed, zstd::encode_all(&trace[..], 3).unwrap()).unwrap();
    let expected = run(sluicebox().arg("dump").arg(&plain)).stdout;
    assert!(!expected.is_empty());
    assert!(run(sluicebox().arg("dump").arg(&compressed)).stdout == expected);
    let from_stdin = run(sluicebox().args(["dump", "-"]).stdin(fs::File::open(&compressed).unwrap()));
    assert!(from_stdin.stdout == expected);
    let both = run(sluicebox().arg("dump").arg(&compressed).arg(&plain));
    assert!(both.stdout == [expected.clone(), expected].concat());
}

#[test]
fn what_cannot_be_read_is_one_line_that_says_what_and_where() {
    let directory = tempfile::tempdir().unwrap();
    let make = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let folder = directory.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let whole = trace_of(&packets());
    let mut claims = trace_of(&[]);
    claims.extend_from_slice(&u64::MAX.to_le_bytes());
    let cases = [
        (directory.path().join("missing"), "no such file"),
        (folder, "is a directory"),
        (make("empty", b""), "is empty"),
        (make("text", b"hello\nworld\nthis is no trace at all\n"), "not a trace"),
        (make("garbage", &[0xa5; 4096]), "not a trace"),
        (make("tiny", b"t"), "not a trace"),
        (make("broken.zst", &[0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]), ": "),
        // A frame of 9 bytes that claims a window of 2 GiB.
        (make("window.zst", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0]), "too much memory"),
        (make("cut.zst", &zstd::encode_all(&whole[..], 3).unwrap()[..40]), "cut off"),
        (make("head-only", &whole[..20]), "cut off"),
        (make("claims", &claims), "claims"),
    ];
    for command in ["dump", "replay"] {
        for (path, what) in &cases {
            let output = run(sluicebox().arg(command).arg(path));
            let said = text(&output.stderr);
            let where_ = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(output.status.code(), Some(2), "{command} {where_}: {said}");
            let complaints: Vec<_> = said.lines().filter(|line| !line.contains(" events, ")).collect();
            assert_eq!(complaints.len(), 1, "{command} {where_}: {said}");
            assert!(complaints[0].starts_with("sluicebox: "), "{said}");
            assert!(complaints[0].contains(what) && complaints[0].contains(where_), "{command}: {said}");
        }
    }
}

#[test]
fn everything_before_a_cut_is_processed_and_the_cut_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.trace");
    let packets = packets();
    let mut trace = trace_of(&packets[..1000]);
    trace.truncate(trace.len() - 1);
    fs::write(&path, &trace).unwrap();

    let dumped = run(sluicebox().arg("dump").arg(&path));
    assert_eq!(dumped.status.code(), Some(2));
    assert_eq!(text(&dumped.stdout).lines().count(), 999);
    assert!(text(&dumped.stderr).contains("cut off after 999 records"), "{}", text(&dumped.stderr));

    let replayed = run(sluicebox().arg("replay").arg(&path));
    assert_eq!(replayed.status.code(), Some(2));
    let said = text(&replayed.stderr);
    assert!(said.contains("999 events") && said.contains("cut off after 999 records"), "{said}");
}

#[test]
fn one_bad_trace_among_good_ones_does_not_hide_them() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good.trace");
    fs::write(&good, trace_of(&packets())).unwrap();
    let missing = directory.path().join("missing");
    let output = run(sluicebox().arg("replay").arg(&good).arg(&missing).arg(&good));
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert_eq!(said.lines().filter(|line| line.contains("good.trace: ")).count(), 2, "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.trace");
    fs::write(&path, trace_of(&packets())).unwrap();
    let mut child =
        sluicebox().arg("dump").arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn a_wrong_command_line_is_a_failure() {
    for arguments in [&[][..], &["frobnicate"][..], &["dump"][..], &["replay", "--fail-on", "x", "y"][..]] {
        let output = run(sluicebox().args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    let help = run(sluicebox().arg("--help"));
    assert_eq!(help.status.code(), Some(0));
    std::io::sink().write_all(&help.stdout).unwrap();
}
