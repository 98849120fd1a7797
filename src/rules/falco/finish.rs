//! The keys of a rule to a [`RuleSource`]: what must be there is there, what excludes one another is not.

use super::define::{DEFAULT_SOURCE, RuleDefinition};
use super::exceptions::{except, idle_fields};
use super::order::order;
use super::resolve::Resolver;
use super::{Broken, Finished, RuleSource, StepSource, StepWhat};
use crate::hash::{Map, Set};
use crate::rules::diagnostics::{Diagnostic, Diagnostics, closest, codes};
use crate::rules::file::{Priority, StepKeys};
use crate::rules::source::{Span, Spanned};

/// Makes rules of their definitions.
pub(super) fn finish(
    definitions: Vec<(Spanned<String>, RuleDefinition)>,
    mut resolver: Resolver,
    diagnostics: &mut Diagnostics,
) -> Vec<Finished> {
    let ids = ids(&definitions, diagnostics);
    let mut rules = Vec::with_capacity(definitions.len());
    for ((name, definition), id) in definitions.iter().zip(&ids) {
        let keys = &definition.keys;
        let flag = |flag: &Option<Spanned<bool>>, default| flag.as_ref().map_or(default, |flag| flag.value);
        let steps = steps(name, definition, &mut resolver, diagnostics);
        let until = match &keys.until {
            None => Some(None),
            Some(text) => resolver.condition(text, diagnostics).map(Some),
        };
        let output = required(keys.output.as_ref(), "output", name, definition, diagnostics);
        let priority = required(keys.priority.as_ref(), "priority", name, definition, diagnostics);
        let is_broken = definition.is_broken || output.is_none() || priority.is_none();
        let (Some(steps), Some(until)) = (steps, until) else {
            let enabled = flag(&keys.enabled, true);
            rules.push(Finished::Broken(Broken {
                name: name.clone(),
                id: id.value.clone(),
                enabled,
                rest: None,
            }));
            continue;
        };
        // What is missing was said; with something in its place the rest can be looked at.
        let output = output.unwrap_or_default();
        let priority = priority.unwrap_or_else(|| Spanned::new(Priority::Debug, name.span));
        let rule = Box::new(RuleSource {
            name: name.clone(),
            id: id.clone(),
            desc: keys.desc.clone(),
            output,
            priority,
            source: match &keys.source {
                Some(source) => source.clone(),
                None => Spanned::new(DEFAULT_SOURCE.to_owned(), name.span),
            },
            tags: keys.tags.clone().unwrap_or_default(),
            enabled: flag(&keys.enabled, true),
            warn_evttypes: flag(&keys.warn_evttypes, true),
            skip_if_unknown_filter: flag(&keys.skip_if_unknown_filter, false),
            steps,
            is_sequence: keys.sequence.is_some(),
            unordered: flag(&keys.unordered, false),
            scope: keys.scope,
            within: keys.within,
            until,
            weight: keys.weight,
            once: keys.once.clone().unwrap_or_default(),
            once_per: keys.once_per,
            shadow: flag(&keys.shadow, false),
            action: keys.action,
            idle_fields: idle_fields(keys.exceptions.as_deref().unwrap_or(&[])),
            tests: keys.tests.clone().unwrap_or_default(),
            span: name.span,
        });
        rules.push(if is_broken {
            let RuleSource { name, id, enabled, .. } = &*rule;
            Finished::Broken(Broken {
                name: name.clone(),
                id: id.value.clone(),
                enabled: *enabled,
                rest: Some(rule),
            })
        } else {
            Finished::Whole(rule)
        });
    }
    matches(&definitions, &ids, diagnostics);
    rules
}

/// The value of a key that a rule must have. Where it has one that was no good, that was reported already.
fn required<T: Clone>(
    value: Option<&T>,
    key: &str,
    name: &Spanned<String>,
    definition: &RuleDefinition,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    if value.is_none() && !definition.has(key) {
        let message = format!("the rule `{}` has no `{key}`", name.value);
        diagnostics
            .push(Diagnostic::error(codes::MISSING_KEY, message, name.span).help(format!("add `{key}:`")));
    }
    value.cloned()
}

impl RuleDefinition {
    /// Whether it was given a key, with a good value or a bad one.
    fn has(&self, key: &str) -> bool {
        self.present.iter().any(|present| present == key)
    }
}

/// An id for each rule: its own, or one from its name. Of two equal ones from names the second gets a number.
fn ids(
    definitions: &[(Spanned<String>, RuleDefinition)],
    diagnostics: &mut Diagnostics,
) -> Vec<Spanned<String>> {
    let mut given: Map<String, Span> = Map::default();
    for (_, definition) in definitions {
        let Some(id) = &definition.keys.id else { continue };
        if let Some(first) = given.insert(id.value.clone(), id.span) {
            let message = format!("the id `{}` belongs to two rules", id.value);
            diagnostics.push(
                Diagnostic::error(codes::DUPLICATE_ID, message, id.span)
                    .related(first, "first here")
                    .help("give each rule its own"),
            );
        }
    }
    let mut made: Set<String> = Set::default();
    let mut ids = Vec::with_capacity(definitions.len());
    for (name, definition) in definitions {
        let id = match &definition.keys.id {
            Some(id) => id.clone(),
            None => {
                let slug = slug(&name.value);
                let mut id = slug.clone();
                let mut number: usize = 2;
                while given.get(&id).is_some() || made.contains(&id) {
                    id = format!("{slug}-{number}");
                    number = number.saturating_add(1);
                }
                made.insert(id.clone());
                Spanned::new(id, name.span)
            }
        };
        ids.push(id);
    }
    ids
}

/// A name as an id: small letters and digits, a dash for anything between them.
fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "rule".to_owned() } else { slug.to_owned() }
}

fn steps(
    name: &Spanned<String>,
    definition: &RuleDefinition,
    resolver: &mut Resolver,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<StepSource>> {
    let keys = &definition.keys;
    let exceptions = keys.exceptions.as_deref().unwrap_or(&[]);
    match (&keys.condition, &keys.sequence) {
        (Some(text), None) => {
            let condition = resolver.condition(text, diagnostics)?;
            let condition = except(condition, exceptions, resolver, diagnostics)?;
            let span = text.whole();
            let what = StepWhat::Condition(condition);
            let (optional, absent) = (false, false);
            Some(vec![StepSource {
                alias: None,
                what,
                optional,
                absent,
                within: None,
                weight: None,
                count: None,
                span,
            }])
        }
        (None, Some(sequence)) => {
            if let Some(exception) = exceptions.first() {
                let message = "exceptions need a `condition`, the rule has a `sequence`";
                let help = "write `and not …` in the condition of the step that they are meant for";
                diagnostics
                    .push(Diagnostic::error(codes::BAD_EXCEPTION, message, exception.name.span).help(help));
                return None;
            }
            sequence_steps(&sequence.value, resolver, diagnostics)
        }
        (Some(_), Some(sequence)) => {
            let message = format!("the rule `{}` has a `condition` and a `sequence`", name.value);
            let help = "move the condition into a step of the sequence";
            diagnostics.push(Diagnostic::error(codes::CONFLICTING_KEYS, message, sequence.span).help(help));
            None
        }
        (None, None) => {
            if !definition.has("condition") && !definition.has("sequence") {
                let message = format!("the rule `{}` has no `condition`", name.value);
                let help = "add `condition:`, or `sequence:` for several events";
                diagnostics.push(Diagnostic::error(codes::MISSING_KEY, message, name.span).help(help));
            }
            None
        }
    }
}

fn sequence_steps(
    keys: &[StepKeys],
    resolver: &mut Resolver,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<StepSource>> {
    let mut aliases: Map<&str, Span> = Map::default();
    let mut steps = Vec::with_capacity(keys.len());
    for step in keys {
        if let Some(alias) = &step.alias
            && let Some(first) = aliases.insert(&alias.value, alias.span)
        {
            let message = format!("two steps are called `{}`", alias.value);
            diagnostics.push(
                Diagnostic::error(codes::DUPLICATE_ID, message, alias.span).related(first, "first here"),
            );
        }
        if step.optional && step.absent {
            let message = "a step cannot be `optional` and `absent`";
            diagnostics.push(Diagnostic::error(codes::CONFLICTING_KEYS, message, step.span));
        }
        if step.absent && step.within.is_none() {
            let message = "an `absent` step has no `within`";
            let help = "say how long nothing may happen, such as `within: 10m`";
            diagnostics.push(Diagnostic::error(codes::MISSING_KEY, message, step.span).help(help));
        }
        let what = match (&step.condition, &step.matches) {
            (Some(text), None) => resolver.condition(text, diagnostics).map(StepWhat::Condition),
            (None, Some(rules)) => Some(StepWhat::Match(rules.clone())),
            _ => {
                let message = "a step needs either `condition` or `match`";
                diagnostics.push(Diagnostic::error(codes::CONFLICTING_KEYS, message, step.span));
                None
            }
        };
        steps.push(what.map(|what| StepSource {
            alias: step.alias.clone(),
            what,
            optional: step.optional,
            absent: step.absent,
            within: step.within,
            weight: step.weight,
            count: step.count.clone(),
            span: step.span,
        }));
    }
    steps.into_iter().collect()
}

/// Reports `match` of rules that are not there, or that wait for one another.
fn matches(
    definitions: &[(Spanned<String>, RuleDefinition)],
    ids: &[Spanned<String>],
    diagnostics: &mut Diagnostics,
) {
    let mut positions: Map<&str, usize> = Map::default();
    for (index, id) in ids.iter().enumerate() {
        positions.insert(&id.value, index);
    }
    let mut named = Vec::with_capacity(definitions.len());
    for (_, definition) in definitions {
        let steps = definition.keys.sequence.iter().flat_map(|sequence| &sequence.value);
        let mut indices = Vec::new();
        for id in steps.filter_map(|step| step.matches.as_ref()).flatten() {
            if let Some(index) = positions.get(id.value.as_str()) {
                indices.push(*index);
                continue;
            }
            let message = format!("there is no rule with the id `{}`", id.value);
            let near = closest(&id.value, ids.iter().map(|id| id.value.as_str()));
            diagnostics.push(
                Diagnostic::error(codes::UNKNOWN_RULE, message, id.span)
                    .help("`match` takes ids: a rule's `id`, or its name in small letters with dashes")
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
            );
        }
        named.push(indices);
    }
    for (user, used) in order(&named).cycles {
        let (Some(user), Some(used)) = (ids.get(user), ids.get(used)) else { continue };
        let message = format!("the rule `{}` waits for `{}`, which waits for it", user.value, used.value);
        diagnostics.push(Diagnostic::error(codes::CYCLE, message, user.span).help("break the circle"));
    }
}
