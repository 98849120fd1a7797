//! A finding as an OCSF Detection Finding (class 2004 of the Open Cybersecurity Schema Framework), the form that data
//! lakes and SIEMs take.
//!
//! Every attribute under a name of OCSF's has its meaning; the rest of the finding, whole, is under `unmapped`, which
//! OCSF keeps for that.

use serde_json::{Map, Value, json};

use super::json::{self as native, text};
use super::text::Command;
use super::{Deed, File, Finding, Process, Remote, RuleName, Severity, Step};

/// The version of the schema whose attributes are used.
const SCHEMA: &str = "1.3.0";

/// Findings.
const CATEGORY: u32 = 2;

/// Detection Finding.
const CLASS: u32 = 2004;

/// A new finding: ours never change.
const CREATE: u32 = 1;

/// The type of an event: its class times 100, plus its activity.
const TYPE: u32 = CLASS * 100 + CREATE;

/// The finding as one line, without its end.
#[must_use]
pub fn line(finding: &Finding) -> String {
    value(finding).to_string()
}

/// The finding as a JSON value.
#[must_use]
pub fn value(finding: &Finding) -> Value {
    let steps = finding.steps();
    let first = steps.first().map_or(finding.time_ns, |(_, step)| step.since_ns);
    let last = steps.iter().map(|(_, step)| step.time_ns).max().unwrap_or(finding.time_ns);
    let container = container(finding);
    let evidences: Vec<Value> = steps.iter().map(|(_, step)| evidence(step, &container)).collect();
    let (severity_id, severity) = severity(finding.severity);
    let deciding = finding.matches.iter().rev().find(|matched| matched.rule == finding.rule);
    let message = deciding.map_or(finding.rule.name.as_str(), |matched| matched.output.as_str());
    json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": TYPE,
        "type_name": "Detection Finding: Create",
        "time": millis(finding.time_ns),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "is_alert": finding.severity >= Severity::Alert && !finding.shadow,
        "message": message,
        "finding_info": {
            "uid": finding.id,
            "title": finding.rule.name,
            "desc": message,
            "created_time": millis(finding.time_ns),
            "first_seen_time": millis(first),
            "last_seen_time": millis(last),
            "analytic": analytic(&finding.rule),
            "related_analytics": related(finding),
            "attacks": attacks(finding),
        },
        "metadata": {
            "version": SCHEMA,
            "uid": finding.id,
            "product": {
                "name": "Sluicebox",
                "vendor_name": "Sluicebox",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "profiles": ["container"],
        },
        "resources": [container_resource(finding)],
        "evidences": evidences,
        "unmapped": native::value(finding),
    })
}

/// OCSF counts milliseconds.
fn millis(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000)
}

/// The schema's severities: 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal.
fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Notice => (2, "Low"),
        Severity::Alert => (4, "High"),
        Severity::Kill => (5, "Critical"),
    }
}

/// A rule as an analytic of type 1, "Rule".
fn analytic(rule: &RuleName) -> Value {
    json!({ "type_id": 1, "type": "Rule", "uid": rule.id, "name": rule.name })
}

/// The other rules that contributed, each once.
fn related(finding: &Finding) -> Vec<Value> {
    let mut told: Vec<&RuleName> = Vec::new();
    for matched in &finding.matches {
        if matched.rule != finding.rule && !told.contains(&&matched.rule) {
            told.push(&matched.rule);
        }
    }
    told.into_iter().map(analytic).collect()
}

/// Tags that are techniques of MITRE ATT&CK, such as `T1496` and `T1059.004`.
fn attacks(finding: &Finding) -> Vec<Value> {
    let mut techniques: Vec<&str> =
        finding.matches.iter().flat_map(|matched| matched.tags.iter().map(String::as_str)).collect();
    techniques.retain(|tag| is_technique(tag));
    techniques.sort_unstable();
    techniques.dedup();
    techniques.into_iter().map(|uid| json!({ "technique": { "uid": uid } })).collect()
}

fn is_technique(tag: &str) -> bool {
    let all_digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let Some(number) = tag.strip_prefix('T') else { return false };
    match number.split_once('.') {
        Some((technique, sub)) => all_digits(technique, 4) && all_digits(sub, 3),
        None => all_digits(number, 4),
    }
}

fn container(finding: &Finding) -> Value {
    let mut told = json!({ "uid": text(&finding.container.id), "runtime": "gVisor" });
    let labels = labels(finding);
    if let (Some(fields), false) = (told.as_object_mut(), labels.is_empty()) {
        fields.insert("labels".to_owned(), labels.into());
    }
    told
}

fn container_resource(finding: &Finding) -> Value {
    json!({
        "type": "container",
        "uid": text(&finding.container.id),
        "labels": labels(finding),
        "data": { "verified": finding.container.verified },
    })
}

fn labels(finding: &Finding) -> Vec<String> {
    finding.container.labels.iter().map(|(key, label)| format!("{key}={label}")).collect()
}

fn evidence(step: &Step, container: &Value) -> Value {
    let mut entry = Map::new();
    let mut put = |key: &str, value: Value| {
        entry.insert(key.to_owned(), value);
    };
    put("name", step.name.as_deref().unwrap_or(step.event).into());
    put("process", process(&step.process));
    put("actor", json!({ "process": process(&step.process) }));
    put("container", container.clone());
    put("api", json!({ "operation": step.event }));
    match &step.deed {
        Deed::Ran(ran) => put("file", file(ran)),
        Deed::Touched(touched) => put("file", file(touched)),
        // Whoever connects is the source.
        Deed::Network(remote) if remote.inbound => {
            put("src_endpoint", endpoint(remote));
            put("connection_info", connection(remote));
        }
        Deed::Network(remote) => {
            put("dst_endpoint", endpoint(remote));
            put("connection_info", connection(remote));
        }
        Deed::Gpu { .. } | Deed::Nothing { .. } | Deed::Other => {}
    }
    Value::Object(entry)
}

fn process(process: &Process) -> Value {
    let mut told = json!({
        "pid": process.pid,
        "name": text(&process.name),
        "cmd_line": Command(process).to_string(),
        "lineage": process.ancestors.iter().map(|ancestor| text(&ancestor.name)).collect::<Vec<_>>(),
    });
    if let Some(fields) = told.as_object_mut() {
        if !process.exe.is_empty() {
            fields.insert("file".to_owned(), regular_file(&process.exe));
        }
        if let Some(parent) = process.ancestors.first() {
            let parent = json!({ "pid": parent.pid, "name": text(&parent.name) });
            fields.insert("parent_process".to_owned(), parent);
        }
    }
    told
}

fn file(file: &File) -> Value {
    regular_file(&file.path)
}

/// A file of type 1, "Regular File".
fn regular_file(path: &[u8]) -> Value {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    json!({ "name": text(name), "path": text(path), "type_id": 1, "type": "Regular File" })
}

fn endpoint(remote: &Remote) -> Value {
    json!({ "ip": remote.addr.ip().to_string(), "port": remote.addr.port() })
}

/// Directions are 1 inbound, 2 outbound.
fn connection(remote: &Remote) -> Value {
    let (direction_id, direction) = if remote.inbound { (1, "Inbound") } else { (2, "Outbound") };
    json!({ "direction_id": direction_id, "direction": direction })
}

#[cfg(test)]
mod tests {
    use super::is_technique;

    #[test]
    fn a_technique_is_a_t_with_four_digits_and_perhaps_three_more() {
        for tag in ["T1496", "T1059.004"] {
            assert!(is_technique(tag), "{tag}");
        }
        for tag in ["", "T", "t1496", "T149", "T14966", "T1059.04", "T1059.", "mitre_execution", "TABCD"] {
            assert!(!is_technique(tag), "{tag}");
        }
    }
}
