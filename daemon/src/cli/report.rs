//! Printing the findings of a trace: lines as they come, or one story per container at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::ValueEnum;
use sluicebox::engine::Stats;
use sluicebox::finding::{Finding, Severity, text};
use sluicebox_daemon::respond::sinks::Encoding;

/// A severity as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    Notice,
    Alert,
    Kill,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Severity {
        match level {
            Level::Notice => Severity::Notice,
            Level::Alert => Severity::Alert,
            Level::Kill => Severity::Kill,
        }
    }
}

/// The findings of one stream (stories are told at the end, once per container: its highest finding, which tells the
/// lower ones too): what was printed, what is still to be told, how bad it was.
#[derive(Debug)]
pub(super) struct Report {
    format: Encoding,
    findings: u64,
    worst: Option<Severity>,
    /// By the order in which containers were first found at, which is also the order of the stories.
    stories: Vec<Story>,
    places: BTreeMap<Vec<u8>, usize>,
}

#[derive(Debug)]
struct Story {
    highest: Finding,
    earlier: Vec<Finding>,
}

impl Report {
    pub(super) fn new(format: Encoding) -> Report {
        Report { format, findings: 0, worst: None, stories: Vec::new(), places: BTreeMap::new() }
    }

    /// Takes in one finding.
    pub(super) fn finding(&mut self, finding: Finding, out: &mut impl Write) -> io::Result<()> {
        self.findings = self.findings.saturating_add(1);
        self.worst = self.worst.max(Some(finding.severity));
        match self.format {
            Encoding::Json | Encoding::Ocsf | Encoding::Falco => {
                out.write_all(self.format.encode(&finding).as_bytes())
            }
            Encoding::Text => {
                self.keep(finding);
                Ok(())
            }
        }
    }

    fn keep(&mut self, finding: Finding) {
        let place = self.places.get(&finding.container.id).and_then(|&place| self.stories.get_mut(place));
        match place {
            Some(story) if finding.severity > story.highest.severity => {
                let lower = std::mem::replace(&mut story.highest, finding);
                story.earlier.push(lower);
            }
            // Not higher than what will be told anyway.
            Some(_) => {}
            None => {
                self.places.insert(finding.container.id.clone(), self.stories.len());
                self.stories.push(Story { highest: finding, earlier: Vec::new() });
            }
        }
    }

    /// Tells what was kept for the end.
    pub(super) fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.places.clear();
        for story in self.stories.drain(..) {
            out.write_all(text::story(&story.highest).as_bytes())?;
            for earlier in &story.earlier {
                let score = earlier.score.after / 100;
                writeln!(out, "  before     {} at {score} by {}", earlier.severity.name(), earlier.rule.id)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// The worst severity so far.
    pub(super) fn worst(&self) -> Option<Severity> {
        self.worst
    }

    /// One line about the whole stream.
    pub(super) fn summary(&self, name_of_stream: &str, stats: Stats, nanos: Option<u128>) -> String {
        let Stats { events, dropped, undecodable, held_back, .. } = stats;
        let findings = self.findings;
        let verdict = self.worst.map_or("clean", Severity::name);
        let held_back = if held_back > 0 { format!(" ({held_back} more held back)") } else { String::new() };
        let cost = nanos.and_then(|nanos| nanos.checked_div(u128::from(events)));
        let cost = cost.map(|nanos| format!(", {nanos} ns per event")).unwrap_or_default();
        format!(
            "{name_of_stream}: {events} events, {dropped} dropped, {undecodable} undecodable, \
             {findings} findings{held_back}, verdict {verdict}{cost}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox::finding::{Container, RuleName, ScoreChange, json};
    use sluicebox_daemon::respond::sinks::sample;

    fn finding(container: &str, severity: Severity, rule: &str) -> Finding {
        let sample = sample(1);
        Finding {
            rule: RuleName { id: rule.to_owned(), name: rule.to_owned() },
            severity,
            score: ScoreChange { before: 0, after: 2500, threshold: Some(25) },
            container: Container { id: container.into(), ..sample.container },
            ..sample
        }
    }

    fn printed(report: &mut Report, findings: &[Finding]) -> String {
        let mut out = Vec::new();
        for finding in findings {
            report.finding(finding.clone(), &mut out).unwrap();
        }
        report.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_container_gets_one_story_of_its_highest_finding_that_names_the_lower_ones() {
        let findings = [
            finding("b", Severity::Notice, "first"),
            finding("a", Severity::Alert, "other"),
            finding("b", Severity::Kill, "second"),
            finding("b", Severity::Alert, "too late"),
        ];
        let mut report = Report::new(Encoding::Text);
        let expected = [
            text::story(&findings[2]),
            String::from("  before     notice at 25 by first\n\n"),
            text::story(&findings[1]),
            String::from("\n"),
        ];
        assert_eq!(printed(&mut report, &findings), expected.concat());
        assert_eq!(report.worst(), Some(Severity::Kill));
    }

    #[test]
    fn json_is_one_line_for_every_finding_as_it_comes() {
        let findings = [finding("a", Severity::Alert, "x"), finding("a", Severity::Alert, "x")];
        let mut report = Report::new(Encoding::Json);
        assert_eq!(printed(&mut report, &findings), format!("{}\n", json::line(&findings[0])).repeat(2));
    }

    #[test]
    fn the_summary_says_what_was_seen() {
        let report = Report::new(Encoding::Text);
        let stats = Stats { events: 10, dropped: 2, undecodable: 1, ..Stats::default() };
        assert_eq!(
            report.summary("t", stats, Some(1234)),
            "t: 10 events, 2 dropped, 1 undecodable, 0 findings, verdict clean, 123 ns per event"
        );
        // A stream without events has no cost.
        assert!(report.summary("t", Stats::default(), Some(5)).ends_with("verdict clean"));
    }
}
