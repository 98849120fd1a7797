//! Findings of the daemon's own: about connections, not about what a workload did. Rules have no part in them.

use std::os::unix::ffi::OsStrExt;

use sluicebox::event::{Text, Time};
use sluicebox::finding::{
    Action, Container, Coverage, Deed, Finding, Indicator, Match, Process, RuleName, ScoreChange, Severity,
    Step, Versions,
};

use crate::identity::{Identity, Standing};
use crate::serve::ConnectionId;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A client says that it is a container which it is not.
    FalseClaim {
        /// The id that it claims.
        claimed: &'a [u8],
        /// Whose that is, if it is anybody's.
        owner: Option<&'a str>,
    },
    /// The analysis of a sandbox panicked: the sandbox runs on unwatched.
    Panicked {
        /// What the panic said.
        message: &'a str,
    },
}

/// The longest panic message that is told, in bytes: it may quote input.
const MAX_MESSAGE: usize = 1024;

impl Notice<'_> {
    fn rule(self) -> RuleName {
        let (id, name) = match self {
            Notice::FalseClaim { .. } => ("identity_claim", "A client claims to be another container"),
            Notice::Panicked { .. } => ("analysis_panic", "The analysis of a sandbox panicked"),
        };
        RuleName { id: id.to_owned(), name: name.to_owned() }
    }

    fn output(self, identity: &Identity) -> String {
        match self {
            Notice::FalseClaim { claimed, owner } => {
                let claimed = Text(claimed);
                let whose = match (owner, &identity.standing) {
                    (Some(owner), _) => format!("which belongs to sandbox {owner}"),
                    (None, Standing::Verified(own) | Standing::BySocketPath(own)) => {
                        format!("which is none of sandbox {}'s", own.id)
                    }
                    (None, Standing::Unverified(_)) => String::from("which it is not"),
                };
                format!("claims to be container {claimed}, {whose}; the client is {identity}")
            }
            Notice::Panicked { message } => {
                let message = message.as_bytes();
                let message = Text(message.get(..MAX_MESSAGE).unwrap_or(message));
                format!("the analysis panicked, the sandbox is watched no longer: {message}")
            }
        }
    }

    /// What is to be compared, in the form of evidence.
    fn indicators(self, identity: &Identity) -> Vec<Indicator> {
        let said = |what: &[u8], tag: &str, source: &str| Indicator {
            what: what.to_vec(),
            tags: vec![tag.to_owned()],
            source: source.to_owned(),
        };
        match self {
            Notice::FalseClaim { claimed, .. } => {
                let own = identity.sandbox().map(|own| said(own.id.as_str().as_bytes(), "verified", "host"));
                std::iter::once(said(claimed, "claimed", "client")).chain(own).collect()
            }
            Notice::Panicked { .. } => Vec::new(),
        }
    }

    /// The finding. It is held against the client as the host knows it, never against whom it claims to be.
    #[must_use]
    pub fn finding(self, connection: ConnectionId, identity: &Identity, now: Time) -> Finding {
        let rule = self.rule();
        let process = process(identity);
        let step = Step {
            since_ns: now.0,
            time_ns: now.0,
            count: 1,
            name: None,
            event: "connection",
            failed: false,
            process: process.clone(),
            deed: Deed::Other,
            indicators: self.indicators(identity),
        };
        Finding {
            id: format!("{:016x}-{}-{connection}", now.0, rule.id),
            time_ns: now.0,
            rule: rule.clone(),
            severity: Severity::Alert,
            score: ScoreChange::default(),
            shadow: false,
            retrospective: false,
            action: Action::Report,
            container: container(connection, identity),
            process,
            matches: vec![Match {
                rule,
                time_ns: now.0,
                points: 0,
                output: self.output(identity),
                tags: Vec::new(),
                steps: vec![step],
            }],
            coverage: Coverage::default(),
            versions: Versions::default(),
        }
    }
}

/// The client as the container of a finding. Where nobody vouches for it the id is one that no container can have.
#[must_use]
pub fn container(connection: ConnectionId, identity: &Identity) -> Container {
    match identity.sandbox() {
        Some(own) => Container { id: own.id.as_str().into(), verified: true, labels: own.labels.clone() },
        None => Container {
            id: format!("connection:{connection}").into_bytes(),
            verified: false,
            labels: Vec::new(),
        },
    }
}

/// The process that connected, by its number on the host.
fn process(identity: &Identity) -> Process {
    let peer = &identity.peer;
    let path = peer.executable.as_deref();
    Process {
        pid: peer.pid.and_then(|pid| i32::try_from(pid.0).ok()).unwrap_or(0),
        name: path.and_then(|path| path.file_name()).map(|name| name.as_bytes().to_vec()).unwrap_or_default(),
        exe: path.map(|path| path.as_os_str().as_bytes().to_vec()).unwrap_or_default(),
        argv: Vec::new(),
        argv_cut: false,
        origin: "host",
        ancestors: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{PeerProcess, Pid, Reason, Sandbox};

    fn identity(standing: Standing) -> Identity {
        let executable = Some("/usr/bin/python3".into());
        let peer = PeerProcess { pid: Some(Pid(42)), uid: 0, gid: 0, started: None, executable };
        Identity { peer, standing }
    }

    #[test]
    fn a_false_claim_is_held_against_the_claimer_alone() {
        let stranger = identity(Standing::Unverified(Reason::NotRunsc("/usr/bin/python3".into())));
        let claim = Notice::FalseClaim { claimed: b"victim", owner: Some("victim") };
        let finding = claim.finding(ConnectionId(7), &stranger, Time(5));
        assert_eq!(finding.container.id, b"connection:7");
        assert!(!finding.container.verified);
        assert_eq!((finding.rule.id.as_str(), finding.action), ("identity_claim", Action::Report));
        assert_eq!((finding.process.pid, &*finding.process.name), (42, &b"python3"[..]));
        assert_eq!(
            finding.matches[0].output,
            "claims to be container victim, which belongs to sandbox victim; the client is unverified: the program is no \
             trusted runsc: /usr/bin/python3"
        );
    }

    #[test]
    fn a_sandbox_that_lies_is_named_by_what_the_host_knows() {
        let sandbox = Sandbox {
            labels: vec![("user".into(), "u1".into())],
            ..Sandbox::named(crate::identity::ContainerId::new(b"own").unwrap())
        };
        let liar = identity(Standing::Verified(sandbox));
        let claim = Notice::FalseClaim { claimed: b"vic\x1btim", owner: None };
        let finding = claim.finding(ConnectionId(7), &liar, Time(5));
        assert_eq!(finding.container.id, b"own");
        assert!(finding.container.verified);
        assert_eq!(finding.container.labels.len(), 1);
        let said: Vec<_> = finding.matches[0].steps[0].indicators.iter().map(|said| &*said.what).collect();
        assert_eq!(said, [&b"vic\x1btim"[..], b"own"]);
        assert!(!finding.matches[0].output.contains('\x1b'));
    }

    #[test]
    fn a_long_panic_is_cut() {
        let stranger = identity(Standing::Unverified(Reason::Gone));
        let message = "ü".repeat(MAX_MESSAGE);
        let finding = Notice::Panicked { message: &message }.finding(ConnectionId(7), &stranger, Time(5));
        assert!(finding.matches[0].output.len() < MAX_MESSAGE + 200);
    }
}
