//! A finding that nobody can take for a real one: for trying sinks, and for tests.

use sluicebox::finding::{
    Action, Container, Coverage, Finding, Match, Process, RuleName, ScoreChange, Severity, Versions,
};

/// A notice of the rule `sluicebox-test`, on trial, about a container of that name, at a time in nanoseconds since 1970.
#[must_use]
pub fn sample(time_ns: i64) -> Finding {
    let rule = RuleName { id: "sluicebox-test".to_owned(), name: "Test of the sinks".to_owned() };
    Finding {
        id: format!("test-{time_ns}"),
        time_ns,
        rule: rule.clone(),
        severity: Severity::Notice,
        score: ScoreChange::default(),
        shadow: true,
        retrospective: false,
        action: Action::Report,
        container: Container {
            id: b"sluicebox-test".to_vec(),
            verified: false,
            labels: vec![("test".to_owned(), "true".to_owned())],
        },
        process: Process {
            pid: 1,
            name: b"sluicebox".to_vec(),
            exe: b"/usr/bin/sluicebox".to_vec(),
            argv: vec![b"sluicebox".to_vec(), b"sinks".to_vec(), b"test".to_vec()],
            argv_cut: false,
            origin: "unknown",
            ancestors: Vec::new(),
        },
        matches: vec![Match {
            rule,
            time_ns,
            points: 0,
            output: "a test of the sinks; nothing happened".to_owned(),
            tags: Vec::new(),
            steps: Vec::new(),
        }],
        coverage: Coverage::default(),
        versions: Versions::default(),
    }
}
