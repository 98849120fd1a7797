//! Whom a finding is about: what a stream claims, against what the host knows.
#![allow(clippy::unwrap_used, reason = "helpers of a test; Clippy knows only its functions as tests")]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicebox::event::Time;
use sluicebox::finding::{Finding, Severity};
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::identity::{
    ContainerId, Identity, PeerProcess, Pid, Reason, RunscRoot, Runtime, Sandbox, Standing,
};
use sluicebox_daemon::registry::Registry;
use sluicebox_daemon::serve::{ConnectionId, Peer};
use sluicebox_daemon::trace::{self, Source};

/// The id that the recording claims.
const CLAIMED: &str = "m_drop_exec_pool";

fn id(id: &str) -> ContainerId {
    ContainerId::new(id.as_bytes()).unwrap()
}

fn sandbox(name: &str, root: &Path) -> Sandbox {
    let root = RunscRoot::new(root.to_owned()).unwrap();
    let runtime = Some(Runtime { binary: PathBuf::from("/usr/bin/runsc"), root });
    Sandbox { runtime, labels: vec![("user".into(), "alice".into())], ..Sandbox::named(id(name)) }
}

fn peer(connection: u64, standing: Standing) -> Peer {
    let executable = Some(PathBuf::from("/usr/bin/python3"));
    let peer = PeerProcess { pid: Some(Pid(42)), uid: 0, gid: 0, started: None, executable };
    Peer { connection: ConnectionId(connection), identity: Arc::new(Identity { peer, standing }) }
}

fn unverified() -> Standing {
    Standing::Unverified(Reason::NotRunsc("/usr/bin/python3".into()))
}

/// A host with one connection that plays a miner.
struct Host {
    knowledge: Knowledge,
    registry: Arc<Registry>,
    root: tempfile::TempDir,
}

impl Host {
    fn new() -> Host {
        Host {
            knowledge: Knowledge::builtin().unwrap(),
            registry: Arc::default(),
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn connect(&self, connection: u64, standing: Standing) -> Analysis {
        Analysis::new(&self.knowledge).of(&peer(connection, standing), &self.registry)
    }

    fn play(analysis: &mut Analysis) -> Vec<Finding> {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/2026/m_drop_exec_pool.trace.zst");
        let mut trace = trace::open(&Source::from(&*path)).unwrap();
        let mut findings = Vec::new();
        while let Some(packet) = trace.next_packet().unwrap() {
            let _counted = analysis.packet(packet);
            findings.extend(analysis.findings());
        }
        findings
    }
}

/// Each finding's container as text, without repeats.
fn containers(findings: &[Finding]) -> Vec<(String, bool)> {
    let mut containers: Vec<_> = findings
        .iter()
        .map(|finding| (common::text(&finding.container.id), finding.container.verified))
        .collect();
    containers.sort();
    containers.dedup();
    containers
}

fn claims(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.rule.id == "identity_claim").count()
}

fn is_convicted(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Kill)
}

#[test]
fn a_verified_sandbox_that_says_who_it_is_is_named_so_with_its_labels() {
    let host = Host::new();
    let mut analysis = host.connect(1, Standing::Verified(sandbox(CLAIMED, host.root.path())));
    let findings = Host::play(&mut analysis);
    assert!(is_convicted(&findings));
    assert_eq!((containers(&findings), claims(&findings)), (vec![(CLAIMED.to_owned(), true)], 0));
    assert!(findings.iter().all(|finding| finding.container.labels == [("user".into(), "alice".into())]));
    let entry = &host.registry.entries()[0];
    analysis.tick(Time(1));
    let glance = entry.glance();
    assert_eq!(glance.findings, u64::try_from(findings.len()).unwrap());
    assert!(glance.events > 0 && glance.score > 0 && !glance.top_rules.is_empty(), "{glance:?}");
    drop(analysis);
    assert!(host.registry.entries().is_empty());
}

#[test]
fn a_verified_sandbox_that_lies_is_named_by_what_it_is_and_the_lie_is_a_finding() {
    let host = Host::new();
    let mut analysis = host.connect(1, Standing::Verified(sandbox("liar", host.root.path())));
    let findings = Host::play(&mut analysis);
    assert!(is_convicted(&findings));
    assert_eq!((containers(&findings), claims(&findings)), (vec![("liar".to_owned(), true)], 1));
    let of_a_rule = findings.iter().find(|finding| finding.rule.id != "identity_claim").unwrap();
    assert!(of_a_rule.container.labels.contains(&("sluicebox.claimed".into(), CLAIMED.into())));
    assert!(!host.registry.is_owned(&id(CLAIMED)));
}

#[test]
fn another_container_of_a_pod_is_its_own_if_runscs_state_says_so() {
    let host = Host::new();
    let state = format!(
        r#"{{"id": "{CLAIMED}", "sandbox": {{"id": "pod", "pid": 7}},
            "spec": {{"annotations": {{"io.kubernetes.cri.container-name": "web"}}}}}}"#
    );
    fs::write(host.root.path().join(format!("{CLAIMED}_sandbox:pod.state")), state).unwrap();
    let mut analysis = host.connect(1, Standing::Verified(sandbox("pod", host.root.path())));
    let findings = Host::play(&mut analysis);
    assert_eq!((containers(&findings), claims(&findings)), (vec![(CLAIMED.to_owned(), true)], 0));
    let label = ("io.kubernetes.cri.container-name".to_owned(), "web".to_owned());
    assert!(findings.iter().all(|finding| finding.container.labels == [label.clone()]));
    assert_eq!(host.registry.owners(&id(CLAIMED))[0].connection, ConnectionId(1));
}

#[test]
fn a_claim_that_nobody_vouches_for_stays_a_claim() {
    let host = Host::new();
    let mut analysis = host.connect(1, unverified());
    let findings = Host::play(&mut analysis);
    assert!(is_convicted(&findings));
    assert_eq!((containers(&findings), claims(&findings)), (vec![(CLAIMED.to_owned(), false)], 0));
}

#[test]
fn whoever_claims_the_id_of_a_verified_sandbox_is_found_and_the_sandbox_is_not_touched() {
    let host = Host::new();
    let mut victim = host.connect(1, Standing::Verified(sandbox(CLAIMED, host.root.path())));
    let mut claimer = host.connect(2, unverified());
    let findings = Host::play(&mut claimer);
    assert_eq!((containers(&findings), claims(&findings)), (vec![("connection:2".to_owned(), false)], 1));
    assert_eq!(victim.findings().count(), 0);
    assert_eq!(host.registry.owners(&id(CLAIMED))[0].glance().score, 0);
}

#[test]
fn a_claim_is_found_false_when_the_true_owner_comes_later() {
    let host = Host::new();
    let mut claimer = host.connect(1, unverified());
    let before = Host::play(&mut claimer);
    assert_eq!((containers(&before), claims(&before)), (vec![(CLAIMED.to_owned(), false)], 0));
    let _victim = host.connect(2, Standing::Verified(sandbox(CLAIMED, host.root.path())));
    claimer.tick(Time(1));
    let after: Vec<Finding> = claimer.findings().collect();
    assert_eq!((containers(&after), claims(&after)), (vec![("connection:1".to_owned(), false)], 1));
    claimer.tick(Time(2));
    assert_eq!(claimer.findings().count(), 0, "it is said once");
}
