//! From rules as their files say them to rules that can be matched: fields and types are checked, conditions become
//! predicates, and what is wrong is said with its place.

mod absence;
mod condition;
#[cfg(test)]
mod differential;
mod gate;
mod glob;
mod literal;
mod output;
mod predicate;
mod probe;
mod reach;
mod report;
#[cfg(test)]
mod tests;
mod transform;
mod triggers;

use std::sync::Arc;

use crate::event::Nanos;
use crate::hash::Map;
use crate::wire::schema::Release;

use super::diagnostics::{Diagnostic, Diagnostics, codes};
use super::falco::{Broken, Finished, RuleSource, StepSource, StepWhat, load_all};
use super::file::Scope;
use super::fingerprint::Fingerprint;
use super::lang::Expr;
use super::ruleset::{Count, MetBy, Needed, Rule, RuleSet, Step, StepOrder, Thresholds};
use super::source::Sources;

pub(crate) use condition::Kept;
use condition::{ConditionCompiler, Lists};
pub(crate) use gate::{Conjunct, ConjunctKey, Gate, Key, KeyIs, Opening};
pub(crate) use glob::Glob;
pub(crate) use output::Template;
pub(crate) use predicate::{FoldCase, Predicate, Term};
pub use probe::Gap;
pub(crate) use probe::Probe;
pub use reach::{Denied, Loss, LossKind};
use reach::{Findings, Left};
pub use report::{Fate, RuleReport, Skipped};
pub(crate) use triggers::Triggers;

/// The time that a sequence has if its rule does not say.
pub const DEFAULT_WITHIN: Nanos = Nanos::from_mins(10);

/// What came of compiling rule files.
#[derive(Debug)]
pub struct Compiled {
    /// The rules; nothing if there is an error anywhere: a set is loaded whole or not at all.
    pub rules: Option<RuleSet>,
    /// What became of each rule, in the order of the rules.
    pub reports: Vec<RuleReport>,
    /// The files, to show the places of diagnostics.
    pub sources: Sources,
    /// Everything that is wrong or doubtful.
    pub diagnostics: Diagnostics,
}

impl Compiled {
    /// Marks the denied checks on fields that this release of gVisor does not always have: where such a field is
    /// missing, the denial holds, and the rule matches what it was to leave out.
    pub fn mark_denials(&mut self, release: Release) {
        for report in &mut self.reports {
            report.denied.retain(|denied| denied.since > release);
            for Denied { field, since, span } in &report.denied {
                let message = format!(
                    "rule `{}` denies a check on `{field}`, which gVisor says only since {}",
                    report.name,
                    since.name()
                );
                let help = format!("add `{field} exists and`: without a value the denial holds");
                self.diagnostics.push(Diagnostic::warning(codes::BLIND_DENIAL, message, *span).help(help));
            }
        }
    }
}

/// Compiles rule files, given by name and text, in this order.
#[must_use]
pub fn compile(files: &[(&str, &str)], thresholds: Thresholds, generation: u64) -> Compiled {
    let (finished, sources, mut diagnostics) = load_all(files);
    let mut sources_of_rules: Vec<RuleSource> = Vec::with_capacity(finished.len());
    let mut broken: Vec<(usize, Broken)> = Vec::new();
    for (at, rule) in finished.into_iter().enumerate() {
        match rule {
            Finished::Whole(rule) => sources_of_rules.push(*rule),
            Finished::Broken(rule) => broken.push((at, rule)),
        }
    }
    let mut ids: Map<&str, usize> = Map::default();
    for (at, rule) in sources_of_rules.iter().enumerate() {
        ids.insert(&rule.id.value, at);
    }
    let mut reports: Vec<RuleReport> = Vec::with_capacity(sources_of_rules.len());
    let mut compiled: Vec<Option<Rule>> = Vec::with_capacity(sources_of_rules.len());
    let mut lists = Lists::default();
    for rule in &sources_of_rules {
        let mut report = RuleReport::new(rule);
        compiled.push(check(rule, &ids, &mut report, &mut lists, &mut diagnostics));
        reports.push(report);
    }
    for (_, Broken { rest, .. }) in &broken {
        if let Some(rest) = rest.as_deref().filter(|rest| rest.source.value == "syscall") {
            rule_of(rest, &ids, &mut lists, &mut diagnostics);
        }
    }
    waits(&sources_of_rules, &ids, &mut reports);
    for report in &reports {
        report.tell(&mut diagnostics);
    }
    // Where one is broken nothing is run, so that the reports may come out of step with the rules.
    for (at, rule) in broken {
        reports.insert(at.min(reports.len()), RuleReport::broken(rule));
    }
    let rules = (!diagnostics.has_errors()).then(|| {
        let run = compiled.into_iter().zip(&reports).map(|(rule, report)| rule.filter(|_| report.runs()));
        RuleSet::new(in_use(run.collect()), thresholds, generation)
    });
    Compiled { rules, reports, sources, diagnostics }
}

/// The rules that are run, with what they wait for numbered among these.
fn in_use(rules: Vec<Option<Rule>>) -> Vec<Rule> {
    let mut places = Vec::with_capacity(rules.len());
    let mut next = 0_usize;
    for rule in &rules {
        places.push(rule.is_some().then_some(next));
        next = next.saturating_add(usize::from(rule.is_some()));
    }
    let mut run: Vec<Rule> = rules.into_iter().flatten().collect();
    for step in run.iter_mut().flat_map(|rule| &mut rule.steps) {
        if let MetBy::Match(waited) = &mut step.met_by {
            *waited = waited.iter().filter_map(|rule| *places.get(*rule)?).collect();
        }
    }
    run
}

/// What becomes of a rule by itself. It is compiled for what is wrong with it, also if it is not to be run.
fn check(
    rule: &RuleSource,
    ids: &Map<&str, usize>,
    report: &mut RuleReport,
    lists: &mut Lists,
    diagnostics: &mut Diagnostics,
) -> Option<Rule> {
    if rule.source.value != "syscall" {
        report.fate = Fate::Skipped(Skipped::Source(rule.source.value.clone()));
        return None;
    }
    if rule.skip_if_unknown_filter
        && let Some(unknown) = unknown_field(rule, lists)
    {
        report.fate = Fate::Skipped(Skipped::UnknownField(unknown));
        return None;
    }
    let raised = diagnostics.raised();
    let compiled = rule_of(rule, ids, lists, diagnostics);
    let names = step_names(rule);
    let mut never = false;
    for step in &rule.steps {
        let StepWhat::Condition(condition) = &step.what else { continue };
        let (left, findings) = reach::of(condition, &names);
        let is_never = matches!(left, Left::Never);
        // An optional step that never comes takes nothing away but itself.
        let is_needed = !step.optional && !step.absent;
        never |= is_never && is_needed;
        report.note(&findings, !is_never);
        check_dropped(rule, &findings, &names, lists, diagnostics);
    }
    if let Some(until) = &rule.until {
        let (_, findings) = reach::of(until, &names);
        report.note(&findings, true);
        check_dropped(rule, &findings, &names, lists, diagnostics);
    }
    check_idle(rule, &names, lists, diagnostics);
    if diagnostics.raised() > raised {
        report.fate = Fate::Broken;
    } else if never {
        report.fate = Fate::Skipped(Skipped::NeverTrue);
    }
    Some(compiled)
}

/// Looks the fields up that are compared with nothing, for errors.
fn check_idle(rule: &RuleSource, names: &[Option<String>], lists: &mut Lists, diagnostics: &mut Diagnostics) {
    let mut compiler = ConditionCompiler::new(&rule.name.value, names, lists, diagnostics);
    for term in &rule.idle_fields {
        if let Err(diagnostic) = compiler.term(term) {
            compiler.diagnostics.push(*diagnostic);
        }
    }
}

/// Compiles what was left out of a condition, for its errors.
fn check_dropped(
    rule: &RuleSource,
    findings: &Findings<'_>,
    names: &[Option<String>],
    lists: &mut Lists,
    diagnostics: &mut Diagnostics,
) {
    let mut compiler = ConditionCompiler::new(&rule.name.value, names, lists, diagnostics);
    for dropped in &findings.dropped {
        compiler.condition(dropped);
    }
}

/// Leaves out the rules that wait for nothing but rules that are left out or switched off.
fn waits(rules: &[RuleSource], ids: &Map<&str, usize>, reports: &mut [RuleReport]) {
    loop {
        // Of a rule with an error nobody knows yet whether it will run.
        let runs = |id: &str, reports: &[RuleReport]| {
            let waited = ids.get(id).and_then(|at| reports.get(*at));
            waited.is_none_or(|waited| waited.runs() || waited.fate == Fate::Broken)
        };
        let mut changed = false;
        for (at, rule) in rules.iter().enumerate() {
            if reports.get(at).is_none_or(|report| report.fate != Fate::Loaded) {
                continue;
            }
            let in_vain = rule.steps.iter().find_map(|step| match &step.what {
                StepWhat::Match(waited) if !step.optional => {
                    let none = waited.iter().all(|id| !runs(&id.value, reports));
                    none.then(|| waited.iter().map(|id| id.value.clone()).collect())
                }
                StepWhat::Match(_) | StepWhat::Condition(_) => None,
            });
            if let (Some(waited), Some(report)) = (in_vain, reports.get_mut(at)) {
                report.fate = Fate::Skipped(Skipped::Waits(waited));
                changed = true;
            }
        }
        // Each round leaves out one rule at least.
        if !changed {
            return;
        }
    }
}

/// The first field of a rule's conditions and output, or event type in them, that there is not.
fn unknown_field(rule: &RuleSource, lists: &mut Lists) -> Option<String> {
    let mut diagnostics = Diagnostics::default();
    rule_of(rule, &Map::default(), lists, &mut diagnostics);
    let sorted = diagnostics.sorted();
    let unknown = sorted
        .iter()
        .find(|diagnostic| matches!(diagnostic.code, codes::UNKNOWN_FIELD | codes::UNKNOWN_EVENT_TYPE))?;
    unknown.message.split('`').nth(1).map(str::to_owned)
}

fn step_names(rule: &RuleSource) -> Vec<Option<String>> {
    rule.steps.iter().map(|step| step.alias.as_ref().map(|alias| alias.value.clone())).collect()
}

fn rule_of(
    rule: &RuleSource,
    ids: &Map<&str, usize>,
    lists: &mut Lists,
    diagnostics: &mut Diagnostics,
) -> Rule {
    let names = step_names(rule);
    let mut compiler = ConditionCompiler::new(&rule.name.value, &names, lists, diagnostics);
    let steps: Vec<Step> = rule.steps.iter().map(|step| step_of(step, ids, &mut compiler)).collect();
    let until = rule.until.as_ref().map(|until| {
        let (predicate, triggers, _) = reached(until, &mut compiler);
        (predicate, triggers)
    });
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

/// What of a condition can hold, with the events that it is tested on and its gate.
fn reached(condition: &Expr, compiler: &mut ConditionCompiler<'_>) -> (Predicate, Triggers, Gate) {
    let (left, _) = reach::of(condition, compiler.step_names);
    let left = match left {
        Left::Some(left) => left,
        Left::Always => {
            return (
                Predicate::All(Box::new([])),
                Triggers::of(condition),
                Gate::of_nothing(Opening::Always),
            );
        }
        Left::Never => return (Predicate::Never, Triggers::none(), Gate::of_nothing(Opening::Never)),
    };
    let gate = Gate::of(&left, compiler.step_names, compiler.lists);
    (compiler.condition(&left), Triggers::of(&left), gate)
}

fn step_of(step: &StepSource, ids: &Map<&str, usize>, compiler: &mut ConditionCompiler<'_>) -> Step {
    let mut gate = None;
    let met_by = match &step.what {
        StepWhat::Condition(expr) => {
            let (predicate, triggers, of_condition) = reached(expr, compiler);
            gate = Some(of_condition);
            MetBy::Event(predicate, triggers)
        }
        StepWhat::Match(rules) => {
            MetBy::Match(rules.iter().filter_map(|rule| ids.get(rule.value.as_str()).copied()).collect())
        }
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
