//! The tests that a rule carries in its file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::error::ScriptError;
use super::script::Script;
use super::{Outcome, check};
use crate::intel::Intel;
use crate::rules::{RuleSet, RuleSource, Span};

/// How often each rule matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches(BTreeMap<Arc<str>, u64>);

impl Matches {
    /// How often the rule of that id matched.
    #[must_use]
    pub fn of(&self, rule: &str) -> u64 {
        self.0.get(rule).copied().unwrap_or(0)
    }

    /// The rules that matched, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(rule, matches)| (&**rule, *matches))
    }

    pub(super) fn add(&mut self, rule: &Arc<str>) {
        let matches = self.0.entry(Arc::clone(rule)).or_default();
        *matches = matches.saturating_add(1);
    }
}

/// The recordings of one name, each with how often every rule matches in it.
pub type Recordings = Vec<(String, Matches)>;

/// What came of one test of a rule; it prints as a line or a few.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Where the test stands.
    pub span: Span,
    /// The recording that it is about; nothing for a script.
    pub recording: Option<String>,
    /// How often the rule is to match.
    pub expected: u64,
    /// Why the test failed, if it did.
    pub failure: Option<Failure>,
}

/// Why a test of a rule failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The rule matched more or less often.
    Matches(u64),
    /// Not everything came that the script's annotations expect.
    Missing(Box<Outcome>),
    /// The script cannot be run.
    Script(ScriptError),
    /// The trace cannot be run, or there is none of that name.
    Trace(String),
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.recording.as_deref().unwrap_or("script");
        match &self.failure {
            None => write!(f, "{what}: {} matches, as expected", self.expected),
            Some(Failure::Matches(matches)) => write!(f, "{what}: {matches} matches, not {}", self.expected),
            Some(Failure::Missing(outcome)) => write!(f, "{what}: not as annotated\n{outcome}"),
            Some(Failure::Script(error)) => write!(f, "{what}: {error}"),
            Some(Failure::Trace(error)) => write!(f, "{what}: {error}"),
        }
    }
}

/// Runs the tests of a rule. `rules` are all rules, since rules build on rules.
///
/// A trace may be there in several recordings, one for each release of gVisor for instance: `recordings` says which
/// there are of a name, each with its matches ([`count_matches`](super::count_matches)), or why there are none. The
/// test must hold in all of them.
pub fn run_rule(
    rule: &RuleSource,
    rules: &Arc<RuleSet>,
    intel: &Intel,
    recordings: &mut dyn FnMut(&str) -> Result<Recordings, String>,
) -> Vec<Tested> {
    let id = &rule.id.value;
    let mut tested = Vec::new();
    for test in &rule.tests {
        let expected = u64::from(test.matches.value);
        let result = |recording, failure| Tested { span: test.span, recording, expected, failure };
        let counted = |matches| (matches != expected).then_some(Failure::Matches(matches));
        if let Some(events) = &test.events {
            let failure = match Script::parse(&events.value) {
                Err(error) => Some(Failure::Script(error)),
                Ok(script) => {
                    let outcome = check(rules, intel, &script);
                    let all_came = outcome.missing.is_empty();
                    let count = counted(outcome.matches_of(id));
                    count.or_else(|| (!all_came).then(|| Failure::Missing(Box::new(outcome))))
                }
            };
            tested.push(result(None, failure));
        } else if let Some(trace) = &test.trace {
            match recordings(&trace.value) {
                Ok(recordings) if recordings.is_empty() => {
                    let failure = Failure::Trace("there is no trace of that name".to_owned());
                    tested.push(result(Some(trace.value.clone()), Some(failure)));
                }
                Ok(recordings) => {
                    for (recording, matches) in recordings {
                        tested.push(result(Some(recording), counted(matches.of(id))));
                    }
                }
                Err(error) => tested.push(result(Some(trace.value.clone()), Some(Failure::Trace(error)))),
            }
        }
    }
    tested
}
