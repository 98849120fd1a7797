//! Semantics 8 and 12: rules are reloaded together, and what is unchanged goes on; what a match alone may cause.

use std::sync::Arc;

use super::{AB, rules};
use crate::engine::Sandbox;
use crate::finding::{Action, Finding};
use crate::rules::testing::{Script, intel};
use crate::rules::{RuleSet, Thresholds};

/// What is found if other rules come after so many events of a script.
fn found_with_reload(before: Arc<RuleSet>, after: Arc<RuleSet>, at: usize, script: &str) -> Vec<String> {
    let script = Script::parse(script).unwrap();
    let (intel, mut found) = (intel(), Vec::new());
    let mut sandbox = Sandbox::new(before);
    for (number, event) in script.events().enumerate() {
        if number == at {
            sandbox.reload(Arc::clone(&after));
        }
        sandbox.observe(&event, &intel, &mut found);
    }
    found.into_iter().map(|finding| finding.rule.id).collect()
}

/// The first process starts, 10 is cloned, then this.
const FIRST_STEP: &str = "0s pid=10 getuid\n1s pid=10 geteuid";
const BETWEEN: usize = 3;

#[test]
fn partials_of_unchanged_rules_survive_wherever_the_rules_stand_now() {
    let other = ("other", "condition: evt.type = getgid");
    let found = |before: &[(&str, &str)], after: &[(&str, &str)]| {
        found_with_reload(rules(before), rules(after), BETWEEN, FIRST_STEP)
    };
    assert_eq!(found(&[("r", AB)], &[("r", AB)]), ["r"]);
    assert_eq!(found(&[("r", AB), other], &[other, ("r", AB)]), ["r"]);
    let heavier = format!("weight: 40\ndesc: other\n{AB}");
    assert_eq!(found(&[("r", AB)], &[("r", &heavier)]), ["r"]);
}

#[test]
fn partials_of_rules_that_changed_or_are_gone_go_with_them() {
    let found =
        |after: &[(&str, &str)]| found_with_reload(rules(&[("r", AB)]), rules(after), BETWEEN, FIRST_STEP);
    assert_eq!(found(&[("s", AB)]), Vec::<String>::new());
    assert_eq!(found(&[("r", &format!("within: 5m\n{AB}"))]), Vec::<String>::new());
    assert_eq!(found(&[("r", &format!("scope: container\n{AB}"))]), Vec::<String>::new());
    assert_eq!(found(&[("r", &format!("once: [proc.pid]\n{AB}"))]), Vec::<String>::new());
    assert_eq!(found(&[("r", &format!("output: \"%proc.pid\"\n{AB}"))]), Vec::<String>::new());
}

#[test]
fn a_changed_macro_or_list_changes_every_rule_that_names_it() {
    let with_list = |items: &str| {
        let file = format!(
            "- list: calls\n  items: [{items}]\n- macro: called\n  condition: evt.type in (calls)\n- rule: r\n  id: r\n  \
             priority: WARNING\n  output: o\n  sequence: [{{condition: called}}, {{condition: evt.type = geteuid}}]\n"
        );
        Arc::new(
            crate::rules::compile(&[("f", &file)], crate::rules::Thresholds::default(), 0).rules.unwrap(),
        )
    };
    let found = |items| found_with_reload(with_list("getuid"), with_list(items), BETWEEN, FIRST_STEP);
    assert_eq!(found("getuid"), ["r"]);
    assert_eq!(found("getuid, getgid"), Vec::<String>::new());
}

#[test]
fn points_of_a_rule_that_is_gone_weigh_no_longer() {
    let light = ("light", "condition: evt.type = getuid\nweight: 50");
    let other = ("other", "condition: evt.type = geteuid\nweight: 15");
    let both = || rules(&[light, other]);
    let script = "0s pid=10 getuid\n1s pid=10 geteuid";
    // 50 is a notice, 65 an alert.
    assert_eq!(found_with_reload(both(), both(), BETWEEN, script), ["light", "other"]);
    assert_eq!(found_with_reload(both(), rules(&[other]), BETWEEN, script), ["light"]);
}

fn found(of: &[(&str, &str)], script: &str) -> Vec<Finding> {
    let script = Script::parse(script).unwrap();
    let (intel, mut found) = (intel(), Vec::new());
    let mut sandbox = Sandbox::new(rules(of));
    for event in script.events() {
        sandbox.observe(&event, &intel, &mut found);
    }
    found
}

#[test]
fn action_bounds_what_a_rules_match_alone_may_cause_and_thresholds_decide_the_rest() {
    let rule = |keys: &str| format!("condition: evt.type = getuid\n{keys}");
    let action = |of: &[(&str, &str)]| {
        found(of, "0s pid=10 getuid").last().map(|finding| (finding.severity.name(), finding.action))
    };
    let alone = |keys: &str| action(&[("r", &rule(keys))]);
    assert_eq!(alone("weight: 100"), Some(("kill", Action::Kill)));
    assert_eq!(alone("weight: 100\naction: report"), Some(("kill", Action::Report)));
    assert_eq!(alone("weight: 100\naction: escalate"), Some(("kill", Action::Escalate)));
    assert_eq!(alone("weight: 60\naction: kill"), Some(("alert", Action::Escalate)));
    assert_eq!(alone("weight: 60"), Some(("alert", Action::Report)));
    // Without a weight there is no threshold: the rule says it all.
    assert_eq!(alone("action: kill"), Some(("notice", Action::Kill)));
    assert_eq!(alone("action: kill\nshadow: true"), Some(("notice", Action::Report)));
    let (bound, free) = (rule("weight: 60\naction: report"), rule("weight: 40"));
    assert_eq!(action(&[("a", &bound), ("b", &free)]), Some(("kill", Action::Kill)));
    assert_eq!(action(&[("a", &bound), ("b", &bound)]), Some(("kill", Action::Report)));
}

#[test]
fn rules_lists_and_thresholds_are_reloaded_together_or_not_at_all() {
    let file = |call: &str, notice| {
        let text = format!(
            "- list: calls\n  items: [{call}]\n- rule: r\n  id: r\n  priority: WARNING\n  output: o\n  weight: 30\n  \
             condition: evt.type in (calls)\n"
        );
        crate::rules::compile(&[("f", &text)], Thresholds { notice, ..Thresholds::default() }, 0).rules
    };
    // One item that is no value leaves nothing to load: neither the rule nor the thresholds.
    assert!(file("'\"getgid'", 1).is_none());
    let found = |after: RuleSet| {
        found_with_reload(Arc::new(file("getgid", 40).unwrap()), Arc::new(after), BETWEEN, FIRST_STEP)
    };
    assert_eq!(found(file("geteuid", 25).unwrap()), ["r"]);
    assert_eq!(found(file("geteuid", 40).unwrap()), Vec::<String>::new());
    assert_eq!(found(file("getgid", 25).unwrap()), Vec::<String>::new());
}
