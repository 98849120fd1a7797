//! A finding in the form of Falco's JSON alerts, which falcosidekick and whatever else takes Falco's output takes:
//! `output`, `priority`, `rule`, `source`, `tags`, `time` and a flat map of `output_fields`.
//!
//! The fields under Falco's names have Falco's meaning. What Falco has no name for is under `sluicebox.`.

use serde_json::{Map, Value, json};

use crate::event::Text;

use super::json::{points, text};
use super::text::{Command, UtcNanos};
use super::{Deed, Finding, Severity};

/// The alert as one line, without its end. `hostname` is that of the host on which the container runs.
#[must_use]
pub fn line(finding: &Finding, hostname: Option<&str>) -> String {
    value(finding, hostname).to_string()
}

/// The alert as a JSON value.
#[must_use]
pub fn value(finding: &Finding, hostname: Option<&str>) -> Value {
    let mut alert = json!({
        "output": output(finding),
        "priority": priority(finding.severity),
        "rule": finding.rule.name,
        // Falco's name for system calls; receivers route by it.
        "source": "syscall",
        "tags": tags(finding),
        "time": UtcNanos(finding.time_ns).to_string(),
        "output_fields": output_fields(finding),
    });
    if let (Some(hostname), Some(fields)) = (hostname, alert.as_object_mut()) {
        fields.insert("hostname".to_owned(), hostname.into());
    }
    alert
}

/// Falco's priorities in ascending order are Debug, Informational, Notice, Warning, Error, Critical, Alert, Emergency.
/// Its `Alert` is above `Critical`, so our alert cannot be called that: a kill is to be the higher of the two.
fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "Notice",
        Severity::Alert => "Error",
        Severity::Kill => "Critical",
    }
}

/// One line for a chat window: time and priority as Falco begins, then what the deciding rule says.
fn output(finding: &Finding) -> String {
    let said = finding.matches.iter().rev().find(|matched| matched.rule == finding.rule);
    let said = said.map_or(finding.rule.name.as_str(), |matched| matched.output.as_str());
    format!(
        "{}: {} {said} (container={} process={} command={} score={})",
        UtcNanos(finding.time_ns),
        priority(finding.severity),
        // Escaped: the line is read in terminals and chat windows.
        Text(&finding.container.id),
        Text(&finding.process.name),
        Command(&finding.process),
        points(finding.score.after),
    )
}

fn tags(finding: &Finding) -> Vec<&str> {
    let mut tags: Vec<&str> =
        finding.matches.iter().flat_map(|matched| matched.tags.iter().map(String::as_str)).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn output_fields(finding: &Finding) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    put("evt.time", finding.time_ns.into());
    put("container.id", text(&finding.container.id).into());
    put("proc.pid", finding.process.pid.into());
    put("proc.name", text(&finding.process.name).into());
    put("proc.exepath", text(&finding.process.exe).into());
    put("proc.cmdline", Command(&finding.process).to_string().into());
    if let Some(parent) = finding.process.ancestors.first() {
        put("proc.ppid", parent.pid.into());
        put("proc.pname", text(&parent.name).into());
    }
    if let Some(remote) = finding.steps().iter().rev().find_map(|(_, step)| match &step.deed {
        Deed::Network(remote) => Some(remote),
        Deed::Ran(_) | Deed::Touched(_) | Deed::Gpu { .. } | Deed::Nothing { .. } | Deed::Other => None,
    }) {
        put("fd.sip", remote.addr.ip().to_string().into());
        put("fd.sport", remote.addr.port().into());
    }
    put("sluicebox.id", finding.id.as_str().into());
    put("sluicebox.rule_id", finding.rule.id.as_str().into());
    put("sluicebox.severity", finding.severity.name().into());
    put("sluicebox.action", finding.action.name().into());
    put("sluicebox.score", points(finding.score.after));
    put("sluicebox.verified", finding.container.verified.into());
    put("sluicebox.retrospective", finding.retrospective.into());
    put("sluicebox.shadow", finding.shadow.into());
    put("sluicebox.coverage", if finding.coverage.partial { "partial" } else { "full" }.into());
    for (key, label) in &finding.container.labels {
        // Receivers know a pod by these two names of Falco's.
        match key.as_str() {
            "io.kubernetes.cri.sandbox-namespace" | "io.kubernetes.pod.namespace" => {
                put("k8s.ns.name", label.as_str().into());
            }
            "io.kubernetes.cri.sandbox-name" | "io.kubernetes.pod.name" => {
                put("k8s.pod.name", label.as_str().into());
            }
            key => put(&format!("container.label.{key}"), label.as_str().into()),
        }
    }
    fields
}
