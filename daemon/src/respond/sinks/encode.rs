//! How a finding looks where it goes.

use sluicebox::finding::{Finding, falco, json, ocsf, text};

/// The forms in which findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Stories for an operator.
    Text,
    /// One JSON object a line.
    Json,
    /// OCSF Detection Findings, one JSON object a line.
    Ocsf,
    /// Alerts in the form of Falco's, one JSON object a line.
    Falco,
}

impl Encoding {
    /// The finding, ending in a newline.
    #[must_use]
    pub fn encode(self, finding: &Finding) -> String {
        let mut line = match self {
            Encoding::Text => return text::story(finding),
            Encoding::Json => json::line(finding),
            Encoding::Ocsf => ocsf::line(finding),
            Encoding::Falco => falco::line(finding, None),
        };
        line.push('\n');
        line
    }
}

#[cfg(test)]
pub(super) mod tests {
    use sluicebox::finding::{
        Action, Container, Coverage, Process, RuleName, ScoreChange, Severity, Versions,
    };

    use super::*;

    pub(in crate::respond) fn finding(id: &str) -> Finding {
        Finding {
            id: id.to_owned(),
            time_ns: 1,
            rule: RuleName { id: "r".to_owned(), name: "R".to_owned() },
            severity: Severity::Alert,
            score: ScoreChange { before: 0, after: 6000, threshold: Some(60) },
            shadow: false,
            retrospective: false,
            action: Action::Report,
            container: Container { id: b"c".to_vec(), verified: false, labels: Vec::new() },
            process: Process {
                pid: 1,
                name: b"sh".to_vec(),
                exe: b"/bin/sh".to_vec(),
                argv: Vec::new(),
                argv_cut: false,
                origin: "image",
                ancestors: Vec::new(),
            },
            matches: Vec::new(),
            coverage: Coverage::default(),
            versions: Versions::default(),
        }
    }

    #[test]
    fn a_machines_form_is_one_line() {
        for encoding in [Encoding::Json, Encoding::Ocsf, Encoding::Falco] {
            let encoded = encoding.encode(&finding("x"));
            assert!(encoded.ends_with('\n') && encoded.matches('\n').count() == 1, "{encoding:?}: {encoded}");
        }
    }
}
