//! Killing with a `runsc` that does what it wants.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};

use tempfile::TempDir;

use super::sinks::{Sink, SinkError};
use super::*;
use crate::config::{Config, Kill, Span};
use crate::identity::RunscRoot;

/// A sink that hands findings to the test.
struct Teller(Sender<Finding>);

impl Sink for Teller {
    fn deliver(&mut self, finding: &Finding) -> Result<(), SinkError> {
        self.0.send(finding.clone()).map_err(|_| SinkError::Gone)
    }
}

/// A host with a `runsc` of our own making, which notes how it was called.
struct Host {
    directory: TempDir,
    responder: Responder,
    told: mpsc::Receiver<Finding>,
    force: Arc<InForce>,
}

impl Host {
    /// `script` is what `runsc` does after it has noted its arguments, a call a line.
    fn new(script: &str, change: impl FnOnce(&mut Kill)) -> Host {
        let directory = tempfile::tempdir().unwrap();
        let runsc = directory.path().join("runsc");
        let calls = directory.path().join("calls");
        fs::write(&runsc, format!("#!/bin/sh\necho \"$@\" >>{}\n{script}\n", calls.display())).unwrap();
        fs::set_permissions(&runsc, fs::Permissions::from_mode(0o700)).unwrap();
        let (teller, told) = mpsc::channel();
        let mut sinks = Sinks::new();
        sinks.add("test", 100, Teller(teller)).unwrap();
        let mut config = Config::default();
        config.kill = Kill { mode: Doing::On, timeout: Span::from_secs(1), attempts: 3, ..config.kill };
        change(&mut config.kill);
        let force = Arc::new(InForce::first(config).unwrap().0);
        let responder = Responder::start(Arc::new(sinks)).unwrap();
        Host { directory, responder, told, force }
    }

    fn target(&self, container: &str) -> Target {
        Target {
            runtime: Runtime {
                binary: self.directory.path().join("runsc"),
                root: RunscRoot::new(PathBuf::from("/run/test")).unwrap(),
            },
            container: ContainerId::new(container.as_bytes()).unwrap(),
        }
    }

    fn kill(&self, container: &str) {
        self.kill_at(self.target(container));
    }

    fn kill_at(&self, target: Target) {
        let finding = sinks::example(target.container.as_str());
        self.responder.kill(target, &finding, &self.force);
    }

    /// The next outcome: its rule, and what it says.
    fn outcome(&self) -> (String, String) {
        let finding = self.told.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(finding.action, sluicebox::finding::Action::Report, "an outcome asks for nothing");
        (finding.rule.id, finding.matches[0].output.clone())
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.directory.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_container_is_killed_by_its_id_under_its_root_and_that_is_told() {
    let host = Host::new("exit 0", |_| {});
    host.kill("job-1");
    let (rule, said) = host.outcome();
    assert_eq!(rule, "response-killed");
    assert!(said.starts_with("job-1: killed after ") && said.contains("try 1"), "{said}");
    assert_eq!(host.calls(), ["--root /run/test kill --all job-1 KILL"]);
}

#[test]
fn a_dry_run_calls_nothing_and_says_what_it_would_do() {
    let host = Host::new("exit 0", |kill| kill.mode = Doing::DryRun);
    host.kill("job-1");
    assert_eq!(host.outcome().0, "response-dry-run");
    assert_eq!(host.calls().len(), 0);
    assert_eq!(host.responder.counts().would_kill.load(Ordering::Relaxed), 1);
}

#[test]
fn nothing_is_done_or_said_where_it_is_off() {
    let host = Host::new("exit 0", |kill| kill.mode = Doing::Off);
    host.kill("job-1");
    let Host { responder, told, .. } = host;
    drop(responder);
    assert!(told.try_recv().is_err());
}

#[test]
fn what_failed_is_tried_again_and_the_last_reason_is_told() {
    let host =
        Host::new("echo noise >&2; printf 'loading sandbox:\\033[31m no such file\\n' >&2; exit 128", |_| {});
    host.kill("job-1");
    let (rule, said) = host.outcome();
    assert_eq!(rule, "response-kill-failed");
    assert!(said.contains("not killed in 3 tries") && said.contains("no such file"), "{said}");
    assert!(!said.contains('\u{1b}'), "it reaches no terminal: {said:?}");
    assert_eq!(host.calls().len(), 3);
}

#[test]
fn a_second_try_that_works_is_told_as_such() {
    let host = Host::new("test $(wc -l <\"${0%runsc}calls\") -gt 1", |_| {});
    host.kill("job-1");
    let (rule, said) = host.outcome();
    assert_eq!(rule, "response-killed");
    assert!(said.contains("try 2"), "{said}");
}

#[test]
fn one_that_hangs_is_given_up_with_its_children_and_holds_up_nobody() {
    let mark = "8123.25";
    let script = format!("case $* in *hangs*) sleep {mark} & exec sleep {mark};; esac");
    let host = Host::new(&script, |kill| kill.attempts = 1);
    host.kill("hangs");
    host.kill("job-2");
    assert!(host.outcome().1.starts_with("job-2: killed"), "it is not behind the one that hangs");
    let (rule, said) = host.outcome();
    assert_eq!(rule, "response-kill-failed");
    assert!(said.contains("no answer within 1 s"), "{said}");
    let left = || {
        let processes = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
        processes.filter(|cmdline| cmdline.ends_with(format!("{mark}\0").as_bytes())).count()
    };
    let begin = Instant::now();
    while left() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(30), "its children live on");
        std::thread::yield_now();
    }
}

#[test]
fn one_whose_child_keeps_its_output_open_is_not_waited_for() {
    let host = Host::new("sleep 30 & exit 0", |kill| kill.timeout = Span::from_secs(20));
    let begin = Instant::now();
    host.kill("job-1");
    assert_eq!(host.outcome().0, "response-killed");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn one_that_is_missing_is_told() {
    let host = Host::new("", |kill| kill.attempts = 2);
    let mut target = host.target("job-1");
    target.runtime.binary = Path::new("/nowhere/runsc").to_owned();
    host.kill_at(target);
    let (rule, said) = host.outcome();
    assert_eq!(rule, "response-kill-failed");
    assert!(said.contains("2 tries") && said.contains("does not start"), "{said}");
}

#[test]
fn beyond_the_cap_there_is_an_alarm_and_nothing_is_killed() {
    let host = Host::new("exit 0", |kill| kill.per_minute = 2);
    (0..5).for_each(|number| host.kill(&format!("job-{number}")));
    let mut outcomes: Vec<String> = (0..5).map(|_| host.outcome().0).collect();
    outcomes.sort();
    let limit = "response-kill-limit";
    assert_eq!(outcomes, [limit, limit, limit, "response-killed", "response-killed"]);
    assert_eq!(host.calls().len(), 2);
}

#[test]
fn what_is_under_way_is_told_before_the_end() {
    let host = Host::new("sleep 0.3", |_| {});
    host.kill("job-1");
    let Host { responder, told, directory, .. } = host;
    drop(responder);
    assert_eq!(told.try_iter().count() + told.recv_timeout(Duration::from_secs(5)).iter().count(), 1);
    drop(directory);
}
