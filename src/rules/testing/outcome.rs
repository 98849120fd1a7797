//! What a script caused, beside what it was to cause.

use std::fmt;
use std::sync::Arc;

use super::script::{Expected, Script, What};
use crate::event::{EventType, Sysno, Text};
use crate::finding::{Finding, Severity};
use crate::rules::RuleSet;
use crate::rules::matcher::{Evidence, Match, Object};
use crate::rules::score::Points;
use crate::state::Provenance;

/// What a script caused. It prints as a list of what is missing and what is too much.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Every match, in order.
    pub matches: Vec<CausedMatch>,
    /// Every finding, in order.
    pub findings: Vec<CausedFinding>,
    /// Annotations that nothing fulfilled.
    pub missing: Vec<Missing>,
    /// Matches that no annotation expects, by their place in `matches`.
    pub unexpected: Vec<usize>,
    /// Findings that no annotation expects, by their place in `findings`; empty for a script that annotates none.
    pub unexpected_findings: Vec<usize>,
    lines: Vec<(usize, String)>,
}

/// A match and the line that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausedMatch {
    /// The line, counted from 1.
    pub line: usize,
    /// The rule's id.
    pub rule: Arc<str>,
    /// What it added to the score.
    pub points: Points,
    /// What it says.
    pub output: String,
    /// How the files came to be that its steps are about: `via PATH <- PATH <- REMOTE`.
    pub chains: Vec<String>,
    /// How many steps it tells.
    pub steps: usize,
}

/// A finding and the line that caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct CausedFinding {
    /// The line, counted from 1.
    pub line: usize,
    /// The finding.
    pub finding: Finding,
}

/// An annotation that nothing fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The line that was to cause it, counted from 1.
    pub line: usize,
    /// What was to come.
    pub what: String,
}

impl Outcome {
    /// Whether everything came that was expected, and nothing else.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.unexpected_findings.is_empty()
    }

    /// How often a rule matched.
    #[must_use]
    pub fn matches_of(&self, rule: &str) -> u64 {
        let count = self.matches.iter().filter(|matched| *matched.rule == *rule).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    pub(super) fn compare(&mut self, script: &Script) {
        self.lines.clone_from(&script.lines);
        let mut matches: Vec<bool> = vec![false; self.matches.len()];
        let mut findings: Vec<bool> = vec![false; self.findings.len()];
        for expected in &script.expected {
            let found = match &expected.what {
                What::Match { rule, points, says } => claim(&mut matches, &self.matches, |matched| {
                    matched.line == expected.line
                        && *matched.rule == **rule
                        && points.as_ref().is_none_or(|points| matched.points.to_string() == *points)
                        && says.as_ref().is_none_or(|says| matched.says(says))
                }),
                What::Finding { severity, rule } => claim(&mut findings, &self.findings, |caused| {
                    caused.line == expected.line
                        && caused.finding.severity == *severity
                        && rule.as_ref().is_none_or(|rule| caused.finding.rule.id == *rule)
                }),
            };
            if !found {
                self.missing.push(Missing { line: expected.line, what: words_of(expected) });
            }
        }
        let left = |claimed: &[bool]| {
            (0..).zip(claimed).filter(|(_, claimed)| !**claimed).map(|(at, _)| at).collect()
        };
        self.unexpected = left(&matches);
        if script.expected.iter().any(|expected| matches!(expected.what, What::Finding { .. })) {
            self.unexpected_findings = left(&findings);
        }
    }
}

/// Claims the first that fits and is not claimed.
fn claim<T>(claimed: &mut [bool], all: &[T], fits: impl Fn(&T) -> bool) -> bool {
    match claimed.iter_mut().zip(all).find(|(claimed, one)| !**claimed && fits(one)) {
        Some((claimed, _)) => {
            *claimed = true;
            true
        }
        None => false,
    }
}

fn words_of(expected: &Expected) -> String {
    match &expected.what {
        What::Match { rule, points, says } => {
            let points = points.as_ref().map(|points| format!(" +{points}")).unwrap_or_default();
            let says = says.as_ref().map(|says| format!(" {says}")).unwrap_or_default();
            format!("{rule}{points}{says}")
        }
        What::Finding { severity, rule } => {
            let rule = rule.as_ref().map(|rule| format!(" {rule}")).unwrap_or_default();
            format!("finding {}{rule}", Severity::name(*severity))
        }
    }
}

impl CausedMatch {
    pub(super) fn new(line: usize, rules: &RuleSet, matched: &Match, points: Points) -> CausedMatch {
        CausedMatch {
            line,
            rule: matched.rule_id(rules).unwrap_or_default(),
            points,
            output: matched.output.clone(),
            chains: matched.steps.iter().filter_map(chain_of).collect(),
            steps: matched.steps.len(),
        }
    }

    fn says(&self, text: &str) -> bool {
        match text.starts_with("via ") {
            true => self.chains.iter().any(|chain| chain == text),
            false => self.output.contains(text),
        }
    }
}

/// How the file came to be that a step is about.
fn chain_of(evidence: &Evidence) -> Option<String> {
    match &evidence.object {
        Object::File { path, provenance } => Some(told(path, provenance)),
        Object::Process => {
            let ran = [EventType::Container, EventType::Syscall(Sysno::EXECVE)].contains(&evidence.event);
            let program = &evidence.actor.program;
            ran.then(|| match &evidence.fed_by {
                Some(remote) => format!("via {} <- {}", Text(program.effective_path()), remote.addr),
                None => told(program.effective_path(), program.effective()),
            })
        }
        Object::Remote { .. } | Object::Gpu { .. } | Object::Absent(_) => None,
    }
}

fn told(path: &[u8], provenance: &Provenance) -> String {
    let mut told = format!("via {}", Text(path));
    let chain = provenance.derivation.iter().flat_map(|derivation| derivation.chain());
    // The first link is the file itself.
    for written in chain.skip(1) {
        told.push_str(&format!(" <- {}", Text(&written.path)));
    }
    if let Some(remote) = provenance.remote() {
        told.push_str(&format!(" <- {}", remote.addr));
    }
    told
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |number: usize| {
            self.lines.iter().find(|(line, _)| *line == number).map_or("", |(_, text)| text.as_str())
        };
        for missing in &self.missing {
            writeln!(f, "missing: {}\n  at line {}: {}", missing.what, missing.line, line(missing.line))?;
        }
        for matched in self.unexpected.iter().filter_map(|at| self.matches.get(*at)) {
            let CausedMatch { rule, points, output, chains, .. } = matched;
            writeln!(f, "unexpected: {rule} +{points} {output}")?;
            for chain in chains {
                writeln!(f, "  {chain}")?;
            }
            writeln!(f, "  at line {}: {}", matched.line, line(matched.line))?;
        }
        for caused in self.unexpected_findings.iter().filter_map(|at| self.findings.get(*at)) {
            let Finding { severity, rule, .. } = &caused.finding;
            writeln!(f, "unexpected: finding {} {}", severity.name(), rule.id)?;
            writeln!(f, "  at line {}: {}", caused.line, line(caused.line))?;
        }
        Ok(())
    }
}
