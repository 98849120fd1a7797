//! What the real binary makes of the recorded traces: replayed, played into the daemon, dumped, cut.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use common::corpus::{Recorded, recorded};
use common::{Listening, client, run, sluicebox, text, wait_for};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Severities, mildest first.
const SEVERITIES: [&str; 3] = ["notice", "alert", "kill"];

/// What `replay --format json` said of a trace.
struct Replayed {
    trace: Recorded,
    status: Option<i32>,
    findings: String,
}

impl Replayed {
    /// The worst severity as a place in [`SEVERITIES`].
    fn worst(&self) -> Option<usize> {
        self.findings.lines().map(severity).max()
    }
}

fn severity(line: &str) -> usize {
    let severity = &parse(line)["severity"];
    SEVERITIES.iter().position(|name| severity == name).unwrap()
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Every trace of the corpus, replayed once for all tests.
fn replayed() -> &'static [Replayed] {
    static REPLAYED: OnceLock<Vec<Replayed>> = OnceLock::new();
    REPLAYED.get_or_init(|| {
        let replay = |trace: Recorded| {
            let output = run(sluicebox().args(["replay", "--format", "json"]).arg(&trace.path));
            Replayed { trace, status: output.status.code(), findings: text(&output.stdout) }
        };
        recorded().into_iter().map(replay).collect()
    })
}

/// What was said of one trace.
fn replay_of(release: &'static str, name: &str) -> &'static Replayed {
    let wanted = Recorded::open(release, name);
    replayed().iter().find(|replayed| replayed.trace == wanted).unwrap()
}

/// A daemon that prints findings as JSON lines.
fn daemon(directory: &Path, log: Stdio) -> Listening {
    let socket = directory.join("events.sock");
    let mut command = sluicebox();
    command.args(["run", "--format", "json", "--workers", "2", "--socket"]).arg(&socket);
    Listening::start_logging(command, socket, log)
}

fn play(daemon: &Listening, trace: &Path, more: &[&str]) -> Output {
    run(sluicebox().arg("play").arg(&daemon.socket).arg(trace).args(more))
}

/// Stops the daemon, which first consumes what was sent to it, and takes all that it printed.
fn printed_by(daemon: Listening) -> String {
    daemon.signal(Signal::SIGTERM);
    let (status, printed) = daemon.end();
    assert_eq!(status, Some(0));
    printed
}

/// The lines of each container, in an order that does not depend on which worker was faster.
fn by_container<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, Vec<&'a str>> {
    let mut containers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let container = parse(line)["container"]["id"].as_str().unwrap().to_owned();
        containers.entry(container).or_default().push(line);
    }
    for lines in containers.values_mut() {
        lines.sort_unstable();
    }
    containers
}

#[test]
fn replay_fails_for_everything_malicious_that_is_not_known_to_be_missed_and_for_nothing_else() {
    let mut wrong = Vec::new();
    for Replayed { trace, status, findings } in replayed() {
        if *status != Some(i32::from(trace.is_malicious() && !trace.is_missed())) {
            wrong.push(format!("{trace}: status {status:?}\n{findings}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn play_into_run_prints_the_bytes_of_replay() {
    for Replayed { trace, findings, .. } in replayed() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), Stdio::null());
        let played = play(&daemon, &trace.path, &[]);
        assert!(played.status.success(), "{trace}: {}", text(&played.stderr));
        assert_eq!(&printed_by(daemon), findings, "{trace}");
    }
}

#[test]
fn a_second_connection_is_a_sandbox_of_its_own() {
    for name in ["m_pipe_to_shell", "m_gpu_miner", "b_install_tool"] {
        let Replayed { trace, findings, .. } = replay_of("2024", name);
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), Stdio::null());
        let played = play(&daemon, &trace.path, &["--times", "2"]);
        assert!(played.status.success(), "{trace}: {}", text(&played.stderr));
        let printed = printed_by(daemon);
        // Two workers may print in turns, but either prints its own lines in their order.
        let mut first: Vec<&str> = Vec::new();
        let mut second: Vec<&str> = Vec::new();
        for line in printed.lines() {
            if first.contains(&line) { second.push(line) } else { first.push(line) }
        }
        let expected: Vec<&str> = findings.lines().collect();
        assert_eq!(first, expected, "{trace}");
        assert_eq!(second, expected, "{trace}, the second time");
    }
}

#[test]
fn sandboxes_at_the_same_time_do_not_change_what_is_found_in_each() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = daemon(directory.path(), Stdio::null());
    let reading = daemon.read_on();
    let players: Vec<_> = replayed()
        .iter()
        .map(|Replayed { trace, .. }| {
            let mut command = sluicebox();
            command.arg("play").arg(&daemon.socket).arg(&trace.path);
            (trace, command.stderr(Stdio::piped()).spawn().unwrap())
        })
        .collect();
    for (trace, player) in players {
        let output = player.wait_with_output().unwrap();
        assert!(output.status.success(), "{trace}: {}", text(&output.stderr));
    }
    printed_by(daemon);
    let printed = reading.join().unwrap();
    let expected = replayed().iter().flat_map(|replayed| replayed.findings.lines());
    assert_eq!(by_container(printed.lines()), by_container(expected));
}

#[test]
fn a_daemon_whose_standard_output_nobody_reads_watches_on_and_says_so_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut daemon = daemon(directory.path(), File::create(&log).unwrap().into());
    daemon.close_stdout();
    let Replayed { trace, findings, .. } = replay_of("2024", "m_pipe_to_shell");
    let played = play(&daemon, &trace.path, &["--times", "3"]);
    assert!(played.status.success(), "{}", text(&played.stderr));
    let summary = format!(" {} findings, verdict kill", findings.lines().count());
    let said = wait_for("three summaries", || {
        let said = fs::read_to_string(&log).unwrap();
        (said.matches(&summary).count() == 3 && said.contains("nobody reads")).then_some(said)
    });
    assert_eq!(said.matches("nobody reads standard output").count(), 1, "{said}");
    // It still takes new connections, and ends as it should.
    drop(client(&daemon.socket));
    assert_eq!(printed_by(daemon), "");
}

#[test]
fn several_traces_are_streams_of_their_own() {
    let honest = ["b_install_tool", "b_web_client"].map(|name| replay_of("2026", name));
    let guilty = ["m_reverse_shell", "m_drop_exec_pool"].map(|name| replay_of("2026", name));
    for (replayed, status) in [(honest.to_vec(), 0), ([honest, guilty].concat(), 1)] {
        let paths = replayed.iter().map(|replayed| &replayed.trace.path);
        let output = run(sluicebox().args(["replay", "--format", "json"]).args(paths));
        assert_eq!(output.status.code(), Some(status));
        let expected: String = replayed.iter().map(|replayed| replayed.findings.as_str()).collect();
        assert_eq!(text(&output.stdout), expected);
        assert_eq!(text(&output.stderr).lines().count(), replayed.len(), "one summary for each");
    }
}

#[test]
fn standard_input_is_a_trace_like_any_other_plain_or_compressed() {
    let Replayed { trace, findings, .. } = replay_of("2022", "m_drop_exec_pool");
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    fs::write(&plain, trace.plain()).unwrap();
    for file in [&trace.path, &plain] {
        let output =
            run(sluicebox().args(["replay", "--format", "json", "-"]).stdin(File::open(file).unwrap()));
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert_eq!(&text(&output.stdout), findings);
        assert!(text(&output.stderr).starts_with("sluicebox: standard input: 2267 events, "));
    }
}

#[test]
fn replay_looks_into_the_image_where_the_release_does_not_say_what_is_of_it() {
    let trace = &replay_of("2024", "m_installed_miner").trace;
    let bundle = tempfile::tempdir().unwrap();
    let root = bundle.path().join("rootfs");
    fs::create_dir_all(&root).unwrap();
    fs::write(bundle.path().join("config.json"), r#"{"root": {"path": "rootfs"}}"#).unwrap();
    let origin = |image: &Path| {
        let output =
            run(sluicebox().args(["replay", "--format", "json", "--image"]).arg(image).arg(&trace.path));
        let first = text(&output.stdout).lines().next().unwrap_or_default().to_owned();
        parse(&first)["process"]["origin"].as_str().unwrap().to_owned()
    };
    assert_eq!(origin(&root), "unknown", "a bare root cannot say that something is not there");
    assert_eq!(origin(bundle.path()), "created");
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    for program in ["env", "bash", "timeout", "xmrig"] {
        fs::write(root.join("usr/bin").join(program), "").unwrap();
    }
    assert_eq!(origin(bundle.path()), "image");
    let output = run(sluicebox().args(["replay", "--image", "/nonexistent"]).arg(&trace.path));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn fail_on_moves_the_severity_from_which_on_replay_fails() {
    let mut seen = Vec::new();
    for replayed in replayed().iter().filter(|one| one.trace.release == "2024") {
        let (trace, worst) = (&replayed.trace, replayed.worst());
        if seen.contains(&worst) {
            continue;
        }
        seen.push(worst);
        for (level, name) in SEVERITIES.iter().enumerate() {
            let output = run(sluicebox().args(["replay", "--fail-on", name]).arg(&trace.path));
            let expected = i32::from(worst >= Some(level));
            assert_eq!(output.status.code(), Some(expected), "{trace}, --fail-on {name}");
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [None, Some(0), Some(1), Some(2)], "a trace of every severity was tried");
}

#[test]
fn text_is_one_story_for_each_container() {
    for Replayed { trace, findings, .. } in replayed().iter().filter(|one| one.trace.release == "2026") {
        let output = run(sluicebox().args(["replay", "--format", "text"]).arg(&trace.path));
        let told = text(&output.stdout);
        let containers = by_container(findings.lines());
        let heads: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("  container  ")).collect();
        assert_eq!(heads.len(), containers.len(), "{trace}:\n{told}");
        for (id, lines) in &containers {
            assert!(heads.iter().any(|head| head.starts_with(id.as_str())), "{trace}: {id}\n{told}");
            let worst = lines.iter().map(|line| severity(line)).max().unwrap();
            let head = format!("{}  ", SEVERITIES[worst].to_uppercase());
            assert!(told.lines().any(|line| line.starts_with(&head)), "{trace}: no {head}\n{told}");
        }
    }
}

#[test]
fn dump_prints_as_many_lines_as_there_are_records_and_each_is_json() {
    for trace in recorded() {
        let output = run(sluicebox().args(["dump", "--format", "json"]).arg(&trace.path));
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{trace}");
        let lines = text(&output.stdout);
        assert_eq!(lines.lines().count(), trace.packets(), "{trace}");
        for (number, line) in lines.lines().enumerate() {
            let record = parse(line);
            assert_eq!(record["record"], number, "{trace}");
            assert!(record.get("event").is_some(), "{trace}: {line}");
        }
    }
}

#[test]
fn a_cut_trace_is_judged_by_what_is_before_the_cut() {
    let Replayed { trace, findings, .. } = replay_of("2024", "m_drop_exec_pool");
    let records = trace.packets();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut");
    let plain = trace.plain();
    // The last record lacks a byte: everything else is there, and so are the findings.
    fs::write(&path, &plain[..plain.len() - 1]).unwrap();
    let output = run(sluicebox().args(["replay", "--format", "json"]).arg(&path));
    assert_eq!(output.status.code(), Some(2), "a cut is a failure, whatever was found");
    assert_eq!(&text(&output.stdout), findings);
    let said: Vec<String> = text(&output.stderr).lines().map(str::to_owned).collect();
    let before = records - 1;
    assert!(said[0].starts_with(&format!("sluicebox: {}: {before} events, ", path.display())), "{said:?}");
    let cut = format!("sluicebox: the trace is cut off after {before} records: {}", path.display());
    assert_eq!(said[1..], [cut]);

    // Half of a compressed file: the frame has no end, what can be unpacked of it is analysed.
    let packed = fs::read(&trace.path).unwrap();
    fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let dumped = run(sluicebox().args(["dump", "--format", "json"]).arg(&path));
    let replayed = run(sluicebox().args(["replay", "--format", "json"]).arg(&path));
    assert_eq!((dumped.status.code(), replayed.status.code()), (Some(2), Some(2)));
    let lines = text(&dumped.stdout).lines().count();
    assert!((1..records).contains(&lines), "{lines} of {records}");
    let said = text(&replayed.stderr);
    assert!(said.contains(&format!(": {lines} events, ")), "{said}");
    assert!(said.contains(&format!("cut off after {lines} records")), "{said}");
    assert!(findings.starts_with(&text(&replayed.stdout)));
}

#[test]
fn playing_what_is_no_trace_says_so_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = daemon(directory.path(), Stdio::null());
    let garbage = directory.path().join("garbage");
    fs::write(&garbage, [0xa5; 4096]).unwrap();
    let empty = directory.path().join("empty");
    fs::write(&empty, b"").unwrap();
    let missing = directory.path().join("missing");
    for path in [&garbage, &empty, &missing, &directory.path().to_owned()] {
        let output = play(&daemon, path, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.lines().count() == 1 && said.contains(&*path.to_string_lossy()), "{said}");
    }
    assert_eq!(printed_by(daemon), "");
}
