//! A finding as a protobuf message: `proto/security_event.proto`, which is a promise to consumers.
//!
//! The types are prost's, committed so that no user of the library needs a protobuf compiler.
//! [`SecurityEvent`] is what an embedder keeps or sends on; [`prost::Message`] encodes it.

#[allow(
    clippy::large_enum_variant,
    reason = "generated code, held to its schema by tests/generated.rs; a step has one deed and is never moved in bulk"
)]
pub mod v1 {
    //! The messages of version 1.
    include!("generated.rs");
}

use std::net::SocketAddr;

pub use prost;
pub use v1::SecurityEvent;

use super::{
    Action, Coverage, Deed, Fetched, File, Finding, Match, Process, Remote, RuleName, Severity, Step,
};

/// Hundredths of a point as points.
fn points(hundredths: u64) -> f64 {
    // Scores are capped far below 2^32 points; a larger one would be shown as the largest.
    let whole = u32::try_from(hundredths / 100).unwrap_or(u32::MAX);
    let rest = u8::try_from(hundredths % 100).unwrap_or(0);
    f64::from(whole) + f64::from(rest) / 100.0
}

impl From<&Finding> for SecurityEvent {
    fn from(finding: &Finding) -> SecurityEvent {
        SecurityEvent {
            id: finding.id.clone(),
            time_ns: finding.time_ns,
            rule: Some((&finding.rule).into()),
            severity: v1::Severity::from(finding.severity).into(),
            score: Some(v1::Score {
                before: points(finding.score.before),
                after: points(finding.score.after),
                threshold: finding.score.threshold,
            }),
            shadow: finding.shadow,
            retrospective: finding.retrospective,
            action: v1::Action::from(finding.action).into(),
            container: Some(v1::Container {
                id: finding.container.id.clone(),
                verified: finding.container.verified,
                labels: finding.container.labels.iter().cloned().collect(),
            }),
            process: Some((&finding.process).into()),
            matches: finding.matches.iter().map(Into::into).collect(),
            coverage: Some((&finding.coverage).into()),
            versions: Some(v1::Versions {
                sluicebox: env!("CARGO_PKG_VERSION").to_owned(),
                rules: finding.versions.rules,
                intel: finding.versions.intel,
            }),
        }
    }
}

impl From<Severity> for v1::Severity {
    fn from(severity: Severity) -> v1::Severity {
        match severity {
            Severity::Notice => v1::Severity::Notice,
            Severity::Alert => v1::Severity::Alert,
            Severity::Kill => v1::Severity::Kill,
        }
    }
}

impl From<Action> for v1::Action {
    fn from(action: Action) -> v1::Action {
        match action {
            Action::Report => v1::Action::Report,
            Action::Escalate => v1::Action::Escalate,
            Action::Kill => v1::Action::Kill,
        }
    }
}

impl From<&RuleName> for v1::Rule {
    fn from(rule: &RuleName) -> v1::Rule {
        v1::Rule { id: rule.id.clone(), name: rule.name.clone() }
    }
}

impl From<&Process> for v1::Process {
    fn from(process: &Process) -> v1::Process {
        v1::Process {
            pid: process.pid,
            name: process.name.clone(),
            exe: process.exe.clone(),
            argv: process.argv.clone(),
            argv_cut: process.argv_cut,
            origin: process.origin.to_owned(),
            ancestors: process
                .ancestors
                .iter()
                .map(|ancestor| v1::Ancestor { pid: ancestor.pid, name: ancestor.name.clone() })
                .collect(),
        }
    }
}

impl From<&Match> for v1::Match {
    fn from(matched: &Match) -> v1::Match {
        v1::Match {
            rule: Some((&matched.rule).into()),
            time_ns: matched.time_ns,
            points: points(matched.points),
            output: matched.output.clone(),
            tags: matched.tags.clone(),
            steps: matched.steps.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Step> for v1::Step {
    fn from(step: &Step) -> v1::Step {
        v1::Step {
            since_ns: step.since_ns,
            time_ns: step.time_ns,
            count: step.count,
            name: step.name.clone().unwrap_or_default(),
            event: step.event.to_owned(),
            failed: step.failed,
            process: Some((&step.process).into()),
            deed: deed(&step.deed),
            indicators: step
                .indicators
                .iter()
                .map(|indicator| v1::Indicator {
                    what: indicator.what.clone(),
                    tags: indicator.tags.clone(),
                    source: indicator.source.clone(),
                })
                .collect(),
        }
    }
}

fn deed(deed: &Deed) -> Option<v1::step::Deed> {
    match deed {
        Deed::Ran(file) => Some(v1::step::Deed::Program(file.into())),
        Deed::Touched(file) => Some(v1::step::Deed::File(file.into())),
        Deed::Network(remote) => Some(v1::step::Deed::Remote(remote.into())),
        Deed::Gpu { state, ioctls } => {
            Some(v1::step::Deed::Gpu(v1::Gpu { state: (*state).to_owned(), ioctls: *ioctls }))
        }
        Deed::Nothing { span_ns } => Some(v1::step::Deed::AbsentForNs(*span_ns)),
        Deed::Other => None,
    }
}

impl From<&File> for v1::File {
    fn from(file: &File) -> v1::File {
        v1::File {
            path: file.path.clone(),
            origin: file.origin.to_owned(),
            chain: file
                .chain
                .iter()
                .map(|written| v1::Written {
                    time_ns: written.time_ns,
                    path: written.path.clone(),
                    by: Some((&written.by).into()),
                    built: written.built,
                    installed: written.installed,
                })
                .collect(),
            remote: file.remote.as_ref().map(|Fetched { addr, time_ns, by }| v1::Fetched {
                endpoint: Some((*addr).into()),
                time_ns: *time_ns,
                by: Some(by.into()),
            }),
        }
    }
}

impl From<SocketAddr> for v1::Endpoint {
    fn from(addr: SocketAddr) -> v1::Endpoint {
        v1::Endpoint { ip: addr.ip().to_string(), port: addr.port().into() }
    }
}

impl From<&Remote> for v1::Remote {
    fn from(remote: &Remote) -> v1::Remote {
        v1::Remote {
            endpoint: Some(remote.addr.into()),
            inbound: remote.inbound,
            attempts: remote.attempts,
            failures: remote.failures,
            sends: remote.sends,
            period_ns: remote.period_ns,
            fd: remote.fd,
        }
    }
}

impl From<&Coverage> for v1::Coverage {
    fn from(coverage: &Coverage) -> v1::Coverage {
        let forgotten = coverage.forgotten.by_kind().into_iter().filter(|(_, count)| *count > 0);
        v1::Coverage {
            partial: coverage.partial,
            dropped: coverage.dropped,
            undecodable: coverage.undecodable,
            truncated: coverage.truncated,
            unattributed: coverage.unattributed,
            unseen_execs: coverage.unseen_execs,
            unseen_connects: coverage.unseen_connects,
            args_changed: coverage.args_changed,
            time_jumps: coverage.time_jumps,
            forgotten: forgotten.map(|(kind, count)| (kind.to_owned(), count)).collect(),
        }
    }
}
