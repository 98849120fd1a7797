//! The forms in which findings leave: OCSF, Falco's and protobuf, over the findings of every recorded trace.
//!
//! `tests/faces/` holds one finding of a recording in each form, to be read; `SLUICEBOX_BLESS=1` writes them anew.
#![expect(clippy::disallowed_methods, reason = "tests read and bless their files")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use sluicebox::engine::Sandbox;
use sluicebox::finding::proto::prost::Message;
use sluicebox::finding::proto::{SecurityEvent, v1};
use sluicebox::finding::{Deed, Finding, falco, json, ocsf};
use sluicebox::intel::Intel;
use sluicebox::rules::{self, RuleSet, Thresholds, builtin};

use common::{Recording, recordings};

/// The findings of a recording.
fn found(rules: &Arc<RuleSet>, recording: &Recording) -> Vec<Finding> {
    let intel = Intel::seed();
    let mut sandbox = Sandbox::new(Arc::clone(rules));
    let mut found = Vec::new();
    for packet in recording.packets() {
        sandbox.packet(packet, &intel, &mut found).unwrap();
    }
    found
}

/// The findings of all recordings, each with the recording's name.
fn findings() -> &'static [(String, Finding)] {
    static FINDINGS: OnceLock<Vec<(String, Finding)>> = OnceLock::new();
    FINDINGS.get_or_init(|| {
        let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
        let mut all = Vec::new();
        for recording in recordings() {
            all.extend(found(&rules, &recording).into_iter().map(|found| (recording.name.clone(), found)));
        }
        assert!(all.len() > 20, "recordings without findings show nothing");
        all
    })
}

#[test]
fn an_ocsf_finding_has_every_required_attribute_and_numbers_that_agree() {
    for (name, finding) in findings() {
        let told = ocsf::value(finding);
        // Required of a Detection Finding, then of its objects.
        for path in [
            "/activity_id",
            "/category_uid",
            "/class_uid",
            "/severity_id",
            "/time",
            "/type_uid",
            "/finding_info/uid",
            "/finding_info/title",
            "/metadata/version",
            "/metadata/product/name",
            "/metadata/product/vendor_name",
            "/finding_info/analytic/type_id",
        ] {
            assert!(told.pointer(path).is_some_and(|value| !value.is_null()), "{name}: no {path}");
        }
        let number = |path: &str| told.pointer(path).and_then(Value::as_i64).unwrap();
        assert_eq!(number("/type_uid"), number("/class_uid") * 100 + number("/activity_id"));
        assert_eq!(number("/class_uid") / 1000, number("/category_uid"));
        assert!(number("/finding_info/first_seen_time") <= number("/finding_info/last_seen_time"));
        let evidences = told["evidences"].as_array().unwrap();
        assert_eq!(evidences.len(), finding.steps().len(), "{name}: a step is missing");
        for evidence in evidences {
            assert!(evidence["process"]["pid"].is_i64(), "{name}: a process without an id");
            let file = &evidence["file"];
            assert!(
                file.is_null() || (file["name"].is_string() && file["type_id"].is_i64()),
                "{name}: {file}"
            );
        }
        assert_eq!(told["unmapped"], json::value(finding), "{name}: something is lost");
    }
}

#[test]
fn an_alert_in_falcos_form_has_what_its_receivers_ask_for() {
    let priorities =
        ["Debug", "Informational", "Notice", "Warning", "Error", "Critical", "Alert", "Emergency"];
    let place = |finding: &Finding| {
        let told = falco::value(finding, None);
        priorities.iter().position(|name| told["priority"] == *name).unwrap()
    };
    for (name, finding) in findings() {
        let told = falco::value(finding, Some("node-7"));
        for key in ["output", "priority", "rule", "source", "time", "hostname"] {
            assert!(told[key].as_str().is_some_and(|text| !text.is_empty()), "{name}: no {key}");
        }
        // A flat map: receivers make labels and columns of it.
        let fields = told["output_fields"].as_object().unwrap();
        assert!(fields.values().all(|value| !value.is_object() && !value.is_array()), "{name}: {fields:?}");
        assert!(!told["output"].as_str().unwrap().contains('\n'), "{name}: more than one line");
        for (_, other) in findings() {
            if finding.severity > other.severity {
                assert!(place(finding) > place(other), "a graver finding has the higher priority");
            }
        }
    }
}

#[test]
fn a_protobuf_event_says_what_the_finding_says() {
    for (name, finding) in findings() {
        let event = SecurityEvent::from(finding);
        let read = SecurityEvent::decode(event.encode_to_vec().as_slice()).unwrap();
        assert_eq!(read, event, "{name}");
        assert_eq!((read.id.as_str(), read.time_ns), (finding.id.as_str(), finding.time_ns));
        assert_eq!(read.severity(), v1::Severity::from(finding.severity));
        assert_eq!(read.action(), v1::Action::from(finding.action));
        let container = read.container.unwrap();
        assert_eq!((&container.id, container.verified), (&finding.container.id, finding.container.verified));
        assert_eq!(read.process.unwrap().argv, finding.process.argv);
        assert_eq!(read.matches.len(), finding.matches.len());
        for (told, matched) in read.matches.iter().zip(&finding.matches) {
            assert_eq!((&told.output, &told.tags), (&matched.output, &matched.tags));
            assert_eq!(told.steps.len(), matched.steps.len());
            for (told, step) in told.steps.iter().zip(&matched.steps) {
                assert_eq!(told.indicators.len(), step.indicators.len());
                assert!(same_deed(told.deed.as_ref(), &step.deed), "{name}: {:?}", told.deed);
            }
        }
    }
}

fn same_deed(told: Option<&v1::step::Deed>, deed: &Deed) -> bool {
    match (told, deed) {
        (Some(v1::step::Deed::Program(told)), Deed::Ran(file))
        | (Some(v1::step::Deed::File(told)), Deed::Touched(file)) => {
            told.path == file.path && told.chain.len() == file.chain.len() && told.origin == file.origin
        }
        (Some(v1::step::Deed::Remote(told)), Deed::Network(remote)) => {
            let endpoint = told.endpoint.as_ref().unwrap();
            endpoint.ip == remote.addr.ip().to_string()
                && endpoint.port == u32::from(remote.addr.port())
                && told.period_ns == remote.period_ns
        }
        (Some(v1::step::Deed::Gpu(told)), Deed::Gpu { state, ioctls }) => {
            told.state == *state && told.ioctls == *ioctls
        }
        (Some(v1::step::Deed::AbsentForNs(told)), Deed::Nothing { span_ns }) => told == span_ns,
        (None, Deed::Other) => true,
        _ => false,
    }
}

/// A rule of this test's own, so that the blessed files stay when the built-in rules change.
const DOWNLOADED: &str = r#"
- rule: Downloaded and run
  id: downloaded-and-run
  desc: A file came from the network and was run; then it connected.
  scope: lineage
  within: 1h
  sequence:
    - as: run
      condition: evt.type = execve and proc.program.origin = network
    - condition: evt.type = connect and fd.rip exists
  weight: 120
  priority: CRITICAL
  output: "%proc.program.path runs bytes that came from %proc.program.remote"
  tags: [T1105, T1059.004, downloads]
"#;

#[test]
fn the_forms_of_one_finding_are_as_blessed() {
    let compiled = rules::compile(&[("downloaded.yaml", DOWNLOADED)], Thresholds::default(), 1);
    assert!(compiled.diagnostics.is_empty(), "{}", compiled.diagnostics.text(&compiled.sources));
    let found = found(&Arc::new(compiled.rules.unwrap()), &Recording::open("2024", "m_drop_exec_pool"));
    let finding = &found[0];
    for (file, told) in [
        ("tests/faces/ocsf.json", pretty(&ocsf::value(finding))),
        ("tests/faces/falco.json", pretty(&falco::value(finding, Some("node-7")))),
    ] {
        if std::env::var("SLUICEBOX_BLESS").is_ok_and(|bless| bless == "1") {
            fs::write(file, &told).unwrap();
        }
        let blessed = fs::read_to_string(file).unwrap();
        assert!(told == blessed, "{file} differs: run with SLUICEBOX_BLESS=1 and read the difference");
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
