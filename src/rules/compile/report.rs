//! What became of each rule: loaded whole, loaded without a part, or left out, and why.

use std::collections::BTreeSet;

use crate::rules::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::rules::falco::{Broken, RuleSource};
use crate::rules::source::Span;

use super::reach::{Denied, Findings, Loss, LossKind};

/// What became of a rule.
#[derive(Clone, Debug)]
pub struct RuleReport {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Where its name stands.
    pub span: Span,
    /// Whether it is switched on. One that is not is checked like the others, and not run.
    pub enabled: bool,
    /// What became of it.
    pub fate: Fate,
    /// The parts of its conditions that never come to bear.
    pub losses: Vec<Loss>,
    /// Denied checks on fields that earlier releases of gVisor do not always have.
    pub denied: Vec<Denied>,
    /// Fields that only whoever runs the container can fill.
    pub from_outside: BTreeSet<&'static str>,
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It can be run.
    Loaded,
    /// It was left out.
    Skipped(Skipped),
    /// It has an error.
    Broken,
}

/// Why a rule was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It can never match on gVisor, for the reasons that its losses give.
    NeverTrue,
    /// It is for events of another source.
    Source(String),
    /// It asks for a field or an event type that there is not, and says itself that it may be left out then.
    UnknownField(String),
    /// It waits for a match of rules that were left out or are switched off.
    Waits(Vec<String>),
}

impl RuleReport {
    pub(super) fn new(rule: &RuleSource) -> RuleReport {
        RuleReport {
            name: rule.name.value.clone(),
            id: rule.id.value.clone(),
            span: rule.span,
            enabled: rule.enabled,
            fate: Fate::Loaded,
            losses: Vec::new(),
            denied: Vec::new(),
            from_outside: BTreeSet::new(),
        }
    }

    /// Of a rule that is not whole.
    pub(super) fn broken(rule: Broken) -> RuleReport {
        let Broken { name, id, enabled, rest: _ } = rule;
        RuleReport {
            name: name.value,
            id,
            span: name.span,
            enabled,
            fate: Fate::Broken,
            losses: Vec::new(),
            denied: Vec::new(),
            from_outside: BTreeSet::new(),
        }
    }

    /// Whether it takes part in the analysis.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.enabled && self.fate == Fate::Loaded
    }

    /// Notes what was noticed about one of its conditions.
    pub(super) fn note(&mut self, findings: &Findings<'_>, is_left: bool) {
        let new: Vec<Loss> = if is_left {
            findings.losses.clone()
        } else {
            findings.losses.iter().chain(&findings.facts).cloned().collect()
        };
        for loss in new {
            let same = |known: &Loss| {
                (known.kind, &known.what, known.reason) == (loss.kind, &loss.what, loss.reason)
            };
            if !self.losses.iter().any(same) {
                self.losses.push(loss);
            }
        }
        for denied in &findings.denied {
            if !self.denied.contains(denied) {
                self.denied.push(denied.clone());
            }
        }
        self.from_outside.extend(&findings.from_outside);
    }

    /// Why it was left out, in a sentence each; nothing if it was not.
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        match &self.fate {
            Fate::Loaded | Fate::Broken => Vec::new(),
            Fate::Skipped(Skipped::NeverTrue) if self.losses.is_empty() => {
                vec!["its condition contradicts itself".to_owned()]
            }
            Fate::Skipped(Skipped::NeverTrue) => self.losses.iter().map(Loss::sentence).collect(),
            Fate::Skipped(Skipped::Source(source)) => {
                vec![format!("only `syscall` events come from a sandbox, not those of `{source}`")]
            }
            Fate::Skipped(Skipped::UnknownField(field)) => {
                vec![format!(
                    "there is no field or event type `{field}`, and the rule says `skip-if-unknown-filter`"
                )]
            }
            Fate::Skipped(Skipped::Waits(rules)) => {
                vec![format!("it waits for rules that are left out or switched off: {}", rules.join(", "))]
            }
        }
    }

    /// Says in a diagnostic what the rule is not, or loses.
    pub(super) fn tell(&self, diagnostics: &mut Diagnostics) {
        match &self.fate {
            Fate::Broken => {}
            Fate::Skipped(Skipped::Source(source)) => {
                let message = format!("rule `{}` is for the source `{source}`", self.name);
                diagnostics.push(
                    Diagnostic::warning(codes::OTHER_SOURCE, message, self.span)
                        .help("only `syscall` events come from a sandbox; the rule is left out"),
                );
            }
            Fate::Skipped(_) => {
                let message = format!("rule `{}` is left out: {}", self.name, self.why().join("; "));
                diagnostics.push(Diagnostic::warning(codes::NEVER_TRUE, message, self.span));
            }
            Fate::Loaded if self.losses.is_empty() => {}
            Fate::Loaded => {
                let losses: Vec<String> = self.losses.iter().map(Loss::sentence).collect();
                let message = format!("rule `{}` loses a part: {}", self.name, losses.join("; "));
                diagnostics.push(Diagnostic::note(codes::LOSES_PART, message, self.span));
            }
        }
    }
}

impl Loss {
    /// In a sentence without its full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let what = match self.kind {
            LossKind::Alternative => "check on",
            LossKind::Exclusion => "exclusion by",
        };
        format!("the {what} `{}`: {}", self.what, self.reason.sentence())
    }
}

impl LossKind {
    /// In a word, for JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            LossKind::Alternative => "alternative",
            LossKind::Exclusion => "exclusion",
        }
    }
}
