//! From rules as their files say them to rules that can be matched: fields and types are checked, conditions become
//! predicates, and what is wrong is said with its place.

mod absence;
mod condition;
#[cfg(test)]
mod differential;
mod gate;
mod glob;
mod output;
mod predicate;
mod transform;
mod triggers;

use std::sync::Arc;

use crate::event::Nanos;

use super::diagnostics::{Diagnostic, Diagnostics, codes};
use super::falco::{RuleSource, StepSource, StepWhat, load};
use super::file::Scope;
use super::fingerprint::Fingerprint;
use super::ruleset::{Count, MetBy, Needed, Rule, RuleSet, Step, StepOrder, Thresholds};
use super::source::Sources;

use condition::ConditionCompiler;
pub(crate) use condition::Kept;
pub(crate) use gate::{Conjunct, ConjunctKey, Gate, Key, KeyIs, Opening};
pub(crate) use output::Template;
pub(crate) use predicate::{FoldCase, Predicate, Term};
pub(crate) use triggers::Triggers;

/// The time that a sequence has if its rule does not say.
const DEFAULT_WITHIN: Nanos = Nanos::from_mins(10);

/// What came of compiling rule files.
#[derive(Debug)]
pub struct Compiled {
    /// The rules; nothing if there is an error anywhere: a set is loaded whole or not at all.
    pub rules: Option<RuleSet>,
    /// The files, to show the places of diagnostics.
    pub sources: Sources,
    /// Everything that is wrong or doubtful.
    pub diagnostics: Diagnostics,
}

/// Compiles rule files, given by name and text, in this order.
#[must_use]
pub fn compile(files: &[(&str, &str)], thresholds: Thresholds, generation: u64) -> Compiled {
    let (rules, sources, mut diagnostics) = load(files);
    let enabled: Vec<&RuleSource> = rules.iter().filter(|rule| usable(rule, &mut diagnostics)).collect();
    let ids: Vec<&str> = enabled.iter().map(|rule| rule.id.value.as_str()).collect();
    let mut lists = condition::Lists::default();
    let compiled: Vec<Rule> =
        enabled.iter().map(|rule| rule_of(rule, &ids, &mut lists, &mut diagnostics)).collect();
    let rules = (!diagnostics.has_errors()).then(|| RuleSet::new(compiled, thresholds, generation));
    Compiled { rules, sources, diagnostics }
}

/// Whether a rule is to be compiled at all.
fn usable(rule: &RuleSource, diagnostics: &mut Diagnostics) -> bool {
    if rule.source.value != "syscall" {
        let message = format!("rule `{}` is for the source `{}`", rule.name.value, rule.source.value);
        diagnostics.push(
            Diagnostic::warning(codes::OTHER_SOURCE, message, rule.source.span)
                .help("only `syscall` events come from a sandbox; the rule is left out"),
        );
        return false;
    }
    rule.enabled
}

fn rule_of(
    rule: &RuleSource,
    ids: &[&str],
    lists: &mut condition::Lists,
    diagnostics: &mut Diagnostics,
) -> Rule {
    let names: Vec<Option<String>> =
        rule.steps.iter().map(|step| step.alias.as_ref().map(|alias| alias.value.clone())).collect();
    let mut compiler =
        ConditionCompiler { step_names: &names, kept: Vec::new(), used: Vec::new(), lists, diagnostics };
    let steps: Vec<Step> = rule.steps.iter().map(|step| step_of(step, ids, &mut compiler)).collect();
    let until = rule.until.as_ref().map(|until| (compiler.condition(until), Triggers::of(until)));
    let mut once = Vec::new();
    for field in &rule.once {
        match compiler.field_named(field) {
            Ok(term) => once.push(term),
            Err(diagnostic) => compiler.diagnostics.push(*diagnostic),
        }
    }
    let output = Template::compile(&rule.output, &mut compiler);
    absence::check(rule, &compiler.kept, compiler.diagnostics);
    let ConditionCompiler { kept, used, .. } = compiler;
    Rule {
        id: rule.id.value.as_str().into(),
        name: rule.name.value.as_str().into(),
        desc: rule.desc.as_ref().map_or("", |desc| desc.value.as_str()).trim().into(),
        priority: rule.priority.value,
        tags: rule.tags.iter().map(|tag| tag.value.as_str().into()).collect(),
        scope: rule.scope.as_ref().map_or(Scope::Process, |scope| scope.value),
        within: rule.within.as_ref().map_or(DEFAULT_WITHIN, |within| within.value),
        weight: rule.weight.as_ref().map(|weight| weight.value),
        shadow: rule.shadow,
        action: rule.action.as_ref().map(|action| action.value),
        fingerprint: Fingerprint::of(rule),
        order: if rule.unordered { StepOrder::Set } else { StepOrder::Sequence },
        steps,
        until,
        once,
        once_per: rule.once_per.as_ref().map_or(Nanos::MAX, |span| span.value),
        output,
        kept,
        used,
    }
}

fn step_of(step: &StepSource, ids: &[&str], compiler: &mut ConditionCompiler<'_>) -> Step {
    let met_by = match &step.what {
        StepWhat::Condition(expr) => MetBy::Event(compiler.condition(expr), Triggers::of(expr)),
        StepWhat::Match(rules) => MetBy::Match(
            rules.iter().filter_map(|rule| ids.iter().position(|known| *known == rule.value)).collect(),
        ),
    };
    let count = step.count.as_ref().map(|count| {
        let mut term = |field: &Option<super::lang::Field>| match compiler.field_named(field.as_ref()?) {
            Ok(term) => Some(term),
            Err(diagnostic) => {
                compiler.diagnostics.push(*diagnostic);
                None
            }
        };
        Count { at_least: count.at_least.value, by: term(&count.by), distinct: term(&count.distinct) }
    });
    let stands_alone = match &met_by {
        MetBy::Event(condition, _) => !condition.asks_earlier(),
        MetBy::Match(_) => true,
    };
    let swaps = stands_alone && count.is_none();
    let gate = match &step.what {
        StepWhat::Condition(expr) => Some(Gate::of(expr, compiler.step_names, compiler.lists)),
        StepWhat::Match(_) => None,
    };
    Step {
        gate,
        name: step.alias.as_ref().map(|alias| Arc::from(alias.value.as_str())),
        met_by,
        needed: if step.optional { Needed::Optional } else { Needed::Yes },
        weight: step.weight.as_ref().map_or(0, |weight| weight.value),
        swaps,
        count,
        absent_for: step.within.as_ref().filter(|_| step.absent).map(|within| within.value),
    }
}
