//! A finding as one line of JSON (DESIGN.md section 11: the fields named there are a promise to scripts).
//!
//! Text of the workload becomes JSON strings with whatever is not UTF-8 escaped as in terminal output: a reader gets
//! the same characters on every line, and no workload can end one.

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::Text;

use super::{Coverage, Deed, File, Finding, Indicator, Process, Remote, RuleName, Step};

/// The finding as one line, without its end.
#[must_use]
pub fn line(finding: &Finding) -> String {
    value(finding).to_string()
}

/// The finding as a JSON value.
#[must_use]
pub fn value(finding: &Finding) -> Value {
    let labels: serde_json::Map<String, Value> =
        finding.container.labels.iter().map(|(key, label)| (key.clone(), label.as_str().into())).collect();
    let matches: Vec<Value> = finding
        .matches
        .iter()
        .map(|matched| {
            json!({
                "rule": rule(&matched.rule),
                "time_ns": matched.time_ns,
                "points": Points(matched.points),
                "output": matched.output,
                "tags": matched.tags,
            })
        })
        .collect();
    let evidence: Vec<Value> = finding.steps().into_iter().map(|(rule, step)| evidence(rule, step)).collect();
    let mut told = json!({
        "id": finding.id,
        "time_ns": finding.time_ns,
        "rule": finding.rule.id,
        "rule_name": finding.rule.name,
        "severity": finding.severity.name(),
        "score": {
            "before": Points(finding.score.before),
            "after": Points(finding.score.after),
            "threshold": finding.score.threshold,
        },
        "shadow": finding.shadow,
        "action": finding.action.name(),
        "container": {
            "id": text(&finding.container.id),
            "verified": finding.container.verified,
            "labels": labels,
        },
        "process": process(&finding.process),
        "matches": matches,
        "evidence": evidence,
        "coverage": coverage(&finding.coverage),
        "versions": {
            "sluicebox": env!("CARGO_PKG_VERSION"),
            "rules": finding.versions.rules,
            "intel": finding.versions.intel,
        },
    });
    if finding.retrospective
        && let Some(fields) = told.as_object_mut()
    {
        fields.insert("retrospective".to_owned(), true.into());
    }
    told
}

fn coverage(coverage: &Coverage) -> Value {
    let mut told = json!({
        "partial": coverage.partial,
        "dropped": coverage.dropped,
        "undecodable": coverage.undecodable,
        "truncated": coverage.truncated,
        "unattributed": coverage.unattributed,
        "evictions": coverage.evictions,
    });
    // By kind only where there is something to tell.
    if coverage.evictions > 0
        && let Some(fields) = told.as_object_mut()
    {
        let kinds = coverage.forgotten.by_kind().into_iter();
        let kinds: serde_json::Map<String, Value> =
            kinds.map(|(kind, count)| (kind.to_owned(), count.into())).collect();
        fields.insert("forgotten".to_owned(), Value::Object(kinds));
    }
    told
}

fn evidence(rule: &RuleName, step: &Step) -> Value {
    let mut entry = json!({
        "time_ns": step.since_ns,
        "last_time_ns": step.time_ns,
        "count": step.count,
        "rule": rule.id,
        "step": step.name.as_deref().unwrap_or(step.event),
        "event": step.event,
        "failed": step.failed,
        "process": process(&step.process),
    });
    let (key, deed) = match &step.deed {
        Deed::Ran(ran) => ("program", file(ran)),
        Deed::Touched(touched) => ("file", file(touched)),
        Deed::Network(endpoint) => ("remote", remote(endpoint)),
        Deed::Gpu { state, ioctls } => ("gpu", json!({ "state": state, "ioctls": ioctls })),
        Deed::Nothing { span_ns } => ("absent_for_ns", json!(span_ns)),
        Deed::Other => ("other", Value::Null),
    };
    if let Some(entry) = entry.as_object_mut() {
        if !deed.is_null() {
            entry.insert(key.to_owned(), deed);
        }
        if !step.indicators.is_empty() {
            entry.insert("indicators".to_owned(), step.indicators.iter().map(indicator).collect());
        }
    }
    entry
}

fn rule(rule: &RuleName) -> Value {
    json!({ "id": rule.id, "name": rule.name })
}

fn process(process: &Process) -> Value {
    let ancestors: Vec<Value> = process
        .ancestors
        .iter()
        .map(|ancestor| json!({ "pid": ancestor.pid, "name": text(&ancestor.name) }))
        .collect();
    json!({
        "pid": process.pid,
        "name": text(&process.name),
        "exe": text(&process.exe),
        "argv": process.argv.iter().map(|arg| text(arg)).collect::<Vec<_>>(),
        "argv_cut": process.argv_cut,
        "origin": process.origin,
        "ancestors": ancestors,
    })
}

fn file(file: &File) -> Value {
    let chain: Vec<Value> = file
        .chain
        .iter()
        .map(|written| {
            json!({
                "time_ns": written.time_ns,
                "path": text(&written.path),
                "by": process(&written.by),
                "built": written.built,
                "installed": written.installed,
            })
        })
        .collect();
    json!({
        "path": text(&file.path),
        "origin": file.origin,
        "remote": file.remote.as_ref().map(|remote| remote.addr.to_string()),
        "remote_time_ns": file.remote.as_ref().map(|remote| remote.time_ns),
        "remote_by": file.remote.as_ref().map(|remote| process(&remote.by)),
        "chain": chain,
    })
}

fn remote(remote: &Remote) -> Value {
    json!({
        "addr": remote.addr.to_string(),
        "ip": remote.addr.ip().to_string(),
        "port": remote.addr.port(),
        "direction": if remote.inbound { "inbound" } else { "outbound" },
        "attempts": remote.attempts,
        "failures": remote.failures,
        "sends": remote.sends,
        "period_ns": remote.period_ns,
        "fd": remote.fd,
    })
}

fn indicator(indicator: &Indicator) -> Value {
    json!({ "what": text(&indicator.what), "tags": indicator.tags, "source": indicator.source })
}

/// Text of the workload as a string.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        // JSON escapes what a terminal must not see by itself; valid text stays as it is for machines.
        Ok(text) => text.to_owned(),
        Err(_) => Text(bytes).to_string(),
    }
}

/// Hundredths of a point as a number of points.
pub(super) fn points(hundredths: u64) -> Value {
    json!(Points(hundredths))
}

/// Hundredths of a point as a number of points: a whole one where it is whole.
struct Points(u64);

impl Serialize for Points {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        if rest == 0 {
            serializer.serialize_u64(whole)
        } else {
            // Two digits behind the point print the same way everywhere.
            let rest = u8::try_from(rest).unwrap_or(0);
            let whole = u32::try_from(whole).unwrap_or(u32::MAX);
            serializer.serialize_f64(f64::from(whole) + f64::from(rest) / 100.0)
        }
    }
}
