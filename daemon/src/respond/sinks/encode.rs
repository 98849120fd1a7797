//! How a finding looks where it goes.

use sluicebox::finding::{Finding, falco, json, ocsf, text};

/// The forms in which findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Stories for an operator.
    Text,
    /// One JSON object a line.
    Json,
    /// OCSF Detection Findings, one JSON object a line.
    Ocsf,
    /// Alerts in the form of Falco's, as falcosidekick takes them, one JSON object a line.
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
    use sluicebox::finding::{Container, RuleName, ScoreChange, Severity};

    use super::super::sample;
    use super::*;

    pub(in crate::respond) fn finding(id: &str) -> Finding {
        let sample = sample(1);
        Finding {
            id: id.to_owned(),
            rule: RuleName { id: "r".to_owned(), name: "R".to_owned() },
            severity: Severity::Alert,
            score: ScoreChange { before: 0, after: 6000, threshold: Some(60) },
            shadow: false,
            container: Container { id: b"c".to_vec(), verified: false, labels: Vec::new() },
            matches: Vec::new(),
            ..sample
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
