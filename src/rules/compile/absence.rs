//! What a step that must be absent cannot be.

use crate::rules::diagnostics::{Diagnostic, Diagnostics, codes};
use crate::rules::falco::RuleSource;
use crate::rules::lang::duration_text;

use super::DEFAULT_WITHIN;
use super::condition::Kept;

/// Reports steps that must be absent and can never be met, or of which something is asked that nothing gives.
pub(super) fn check(rule: &RuleSource, kept: &[Kept], diagnostics: &mut Diagnostics) {
    let Some(any) = rule.steps.iter().find(|step| step.absent) else { return };
    let is_present = |step: &&crate::rules::StepSource| !step.optional && !step.absent;
    let first = rule.steps.iter().find(|step| !step.optional);
    if rule.steps.iter().find(is_present).is_none() {
        let message = "nothing but absence: the time of an `absent` step begins with a step that is met";
        let help = "put the step before it that begins the time";
        diagnostics.push(Diagnostic::error(codes::CONFLICTING_KEYS, message, any.span).help(help));
    } else if let Some(first) = first.filter(|first| first.absent && !rule.unordered) {
        let message =
            "the first step that a match needs cannot be `absent`: its time begins with the step before it";
        let help = "put the step before it that begins the time";
        diagnostics.push(Diagnostic::error(codes::CONFLICTING_KEYS, message, first.span).help(help));
    }
    let within = rule.within.as_ref().map_or(DEFAULT_WITHIN, |within| within.value);
    for (index, step) in rule.steps.iter().enumerate().filter(|(_, step)| step.absent) {
        if let Some(count) = &step.count {
            let message = "a step cannot be counted and `absent`";
            diagnostics.push(
                Diagnostic::error(codes::CONFLICTING_KEYS, message, count.at_least.span)
                    .help("leave out `count`: one event is enough to void the match"),
            );
        }
        if let Some(own) = step.within.filter(|own| own.value > within) {
            let message = "the step must be absent for longer than the whole rule lasts: it can never be met";
            let help = format!("raise the rule's `within`, which is {}", duration_text(within));
            diagnostics.push(Diagnostic::error(codes::BAD_VALUE, message, own.span).help(help));
        }
        if kept.iter().any(|kept| kept.step == index) {
            let alias = step.alias.as_ref().map_or("", |alias| alias.value.as_str());
            let message = format!("`{alias}` must be absent, so none of its fields ever has a value");
            let help = "ask for the fields of a step that is met";
            diagnostics.push(Diagnostic::error(codes::BAD_VALUE, message, step.span).help(help));
        }
    }
}
