//! RULES.md's "Semantics that must hold", sentence by sentence, as stories. Events without a meaning of their own
//! stand for steps: `getuid` is a, `geteuid` b, `getgid` c; `close fd=N` is one that has something to remember.

use std::sync::Arc;

use crate::rules::testing::{Outcome, Script, check, intel};
use crate::rules::{RuleSet, Thresholds, compile};

mod absence;
mod model;
mod reload;

/// The steps a, b, c of a sequence.
const ABC: &str = "sequence: [{condition: evt.type = getuid}, {condition: evt.type = geteuid}, {condition: evt.type = getgid}]";
const AB: &str = "sequence: [{condition: evt.type = getuid}, {condition: evt.type = geteuid}]";

/// Compiles rules, given by id and keys.
fn rules(rules: &[(&str, &str)]) -> Arc<RuleSet> {
    let mut file = String::new();
    for (id, keys) in rules {
        file.push_str(&format!("- rule: {id}\n  id: {id}\n  priority: WARNING\n"));
        if !keys.contains("output:") {
            file.push_str("  output: matched\n");
        }
        for line in keys.lines() {
            file.push_str(&format!("  {}\n", line.strip_prefix("        ").unwrap_or(line)));
        }
    }
    let compiled = compile(&[("test.yaml", &file)], Thresholds::default(), 0);
    let said = compiled.diagnostics.text(&compiled.sources);
    Arc::new(compiled.rules.unwrap_or_else(|| panic!("{said}")))
}

fn run(of: &[(&str, &str)], script: &str) -> Outcome {
    check(&rules(of), &intel(), &Script::parse(script).unwrap_or_else(|error| panic!("{error}\n{script}")))
}

/// Runs a script against one rule, `r`; it must cause what it is annotated with and nothing else.
#[track_caller]
fn tells(keys: &str, script: &str) {
    tells_all(&[("r", keys)], script);
}

#[track_caller]
fn tells_all(of: &[(&str, &str)], script: &str) {
    let outcome = run(of, script);
    assert!(outcome.is_as_expected(), "{outcome}");
}

#[test]
fn a_new_event_extends_the_oldest_partial_that_it_fits() {
    tells(
        "scope: container
        sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = getuid}]
        output: closed %first.fd.num",
        "0s pid=10 close fd=3
         1s pid=10 close fd=4
         2s pid=10 getuid
         #^ r closed 3
         3s pid=10 getuid
         #^ r closed 4
         4s pid=10 getuid",
    );
    tells(
        "scope: container
        sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = ioctl and fd.num = val(first.fd.num)}]
        output: closed %first.fd.num",
        "0s pid=10 close fd=3
         1s pid=10 close fd=4
         2s pid=10 ioctl fd=4 request=1
         #^ r closed 4
         2s pid=10 ioctl fd=5 request=1
         3s pid=10 ioctl fd=3 request=1
         #^ r closed 3",
    );
}

#[test]
fn events_that_fit_nothing_are_passed_over() {
    tells(AB, "0s pid=10 getuid\n1s pid=10 getgid\n2s pid=10 close fd=1\n3s pid=10 geteuid\n#^ r");
    tells(AB, "0s pid=10 geteuid\n1s pid=10 getuid\n2s pid=10 getuid");
}

#[test]
fn one_event_may_be_a_step_of_several_rules_and_of_one_rule_only_once() {
    let twice = "sequence: [{condition: evt.type = getuid}, {condition: evt.type = getuid}]";
    tells_all(
        &[
            ("one", "condition: evt.type = getuid"),
            ("twice", twice),
            ("set", &format!("unordered: true\n{twice}")),
        ],
        "0s pid=10 getuid
         #^ one
         1s pid=10 getuid
         #^ one
         #^ twice
         #^ set",
    );
}

#[test]
fn within_is_event_time_from_the_first_step_to_the_last() {
    let keys = format!("within: 10m\n{ABC}");
    tells(&keys, "0s pid=10 getuid\n9m pid=10 geteuid\n10m pid=10 getgid\n#^ r");
    tells(&keys, "0s pid=10 getuid\n9m pid=10 geteuid\n10m1ns pid=10 getgid");
    let set = format!("within: 10m\nunordered: true\n{ABC}");
    tells(&set, "0s pid=10 getgid\n9m pid=10 getuid\n10m pid=10 geteuid\n#^ r");
    tells(&set, "0s pid=10 getgid\n9m pid=10 getuid\n10m1ns pid=10 geteuid");
}

#[test]
fn late_events_are_taken_as_they_come() {
    let keys = format!("within: 10m\n{AB}");
    tells(&keys, "20m pid=10 getuid\n15m pid=10 geteuid\n#^ r");
    tells(&keys, "20m pid=10 getuid\n10m pid=10 geteuid\n#^ r");
    // So late that the two are of no one window.
    tells(&keys, "20m pid=10 getuid\n9m59s pid=10 geteuid\n21m pid=10 geteuid\n#^ r");
}

#[test]
fn two_steps_that_close_may_match_in_either_order() {
    let keys = format!("scope: container\n{AB}");
    tells(&keys, "1s pid=10 geteuid\n1s50ms pid=11 getuid\n#^ r");
    tells(&keys, "1s pid=10 geteuid\n1s50ms1ns pid=11 getuid\n2s pid=10 geteuid\n#^ r");
    // Late as well: the order of arrival is what is not trusted.
    tells(&keys, "1s20ms pid=10 geteuid\n1s pid=11 getuid\n#^ r");
    let keys = format!("scope: container\n{ABC}");
    tells(&keys, "0s pid=10 getuid\n5s pid=10 getgid\n5s1ms pid=11 geteuid\n#^ r");
    tells(&keys, "0s pid=10 geteuid\n0s pid=10 getuid\n9s pid=11 getgid\n#^ r");
    // One event is one step: it does not come early twice.
    tells(&format!("scope: container\n{AB}"), "1s pid=10 geteuid\n1s pid=11 getuid\n#^ r\n1s pid=11 getuid");
}

#[test]
fn close_steps_do_not_swap_across_scopes_nor_where_one_asks_for_the_other() {
    tells(&format!("scope: process\n{AB}"), "1s pid=10 geteuid\n1s pid=11 getuid");
    tells(
        "sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = ioctl and fd.num = val(first.fd.num)}]",
        "1s pid=10 ioctl fd=3 request=1\n1s pid=10 close fd=3",
    );
}

#[test]
fn scope_process_is_one_process_whatever_its_threads_and_its_id() {
    let keys = format!("scope: process\n{AB}");
    tells(&keys, "0s pid=10 tid=10 getuid\n1s pid=10 tid=12 geteuid\n#^ r");
    tells(&keys, "0s pid=10 getuid\n1s pid=11 parent=10 geteuid");
    tells(&keys, "0s pid=10 getuid\n1s pid=10 exit\n2s pid=10 geteuid");
}

#[test]
fn scope_lineage_is_a_process_its_ancestors_and_all_their_descendants() {
    let keys = format!("scope: lineage\n{AB}");
    tells(&keys, "0s pid=10 getuid\n1s pid=11 parent=10 geteuid\n#^ r");
    tells(&keys, "0s pid=10 getpid\n0s pid=11 parent=10 getuid\n1s pid=10 geteuid\n#^ r");
    // Siblings, and what is left of a family.
    tells(
        &keys,
        "0s pid=10 getpid\n0s pid=11 parent=10 getuid\n0s pid=12 parent=10 getpid\n1s pid=11 exit\n1s pid=10 exit\n2s pid=12 geteuid\n#^ r",
    );
    // Another child of the first process is another family.
    tells(&keys, "0s pid=10 getuid\n1s pid=20 geteuid");
}

#[test]
fn a_lineage_goes_up_to_but_without_the_containers_first_process() {
    let keys = format!("scope: lineage\n{AB}");
    tells(&keys, "0s pid=1 getuid\n1s pid=10 geteuid");
    tells(&keys, "0s pid=10 getuid\n1s pid=1 geteuid");
    tells(&keys, "0s pid=1 getuid\n1s pid=1 geteuid\n#^ r");
}

#[test]
fn scope_container_crosses_lineages_and_not_containers() {
    let keys = format!("scope: container\n{AB}");
    tells(&keys, "0s pid=10 getuid\n1s pid=20 geteuid\n#^ r");
    tells(&keys, "0s pid=1 getuid\n1s pid=50 container=two geteuid");
}

#[test]
fn fork_inherits_nothing_of_a_partial_match() {
    tells(
        &format!("scope: process\n{AB}"),
        "0s pid=10 getuid\n1s pid=10 fork child=11\n2s pid=11 geteuid\n3s pid=10 geteuid\n#^ r",
    );
}

#[test]
fn exec_keeps_a_partial_match() {
    tells(
        &format!("scope: process\n{AB}"),
        "0s pid=10 getuid\n1s pid=10 execve path=/x\n2s pid=10 geteuid\n#^ r",
    );
}

#[test]
fn exit_keeps_it_until_within_runs_out() {
    let keys = format!("scope: container\nwithin: 10m\n{AB}");
    tells(&keys, "0s pid=10 getuid\n1s pid=10 exit\n10m pid=20 geteuid\n#^ r");
    tells(&keys, "0s pid=10 getuid\n1s pid=10 exit\n10m1ns pid=20 geteuid");
}

#[test]
fn partials_per_rule_and_container_are_bounded_and_the_oldest_goes_of_those_that_did_not_come_first() {
    let keys = "scope: container
        sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = getuid}]
        output: closed %first.fd.num";
    let flood: String = (0..70).map(|fd| format!("0s pid=10 close fd={fd}\n")).collect();
    let outcome = run(&[("r", keys)], &format!("{flood}1s pid=10 times=100 getuid"));
    assert_eq!(outcome.matches_of("r"), 64);
    assert_eq!(outcome.matches[15].output, "closed 15");
    assert_eq!(outcome.matches[16].output, "closed 22");
    assert_eq!(outcome.findings[0].finding.coverage.evictions, 6);
}

#[test]
fn who_floods_step_one_does_not_push_out_the_partial_that_is_about_to_close() {
    let keys = "scope: container
        sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = getuid}, {condition: evt.type = geteuid}]
        output: closed %first.fd.num";
    let story = "0s pid=10 close fd=3
         0s pid=10 getuid
         1s pid=11 times=1000 close fd=9
         2s pid=10 geteuid
         #^ r closed 3";
    tells(keys, story);
}

#[test]
fn a_field_without_a_value_makes_every_check_false_and_its_not_true() {
    for (condition, holds) in [
        ("fd.rip = 198.51.100.7", false),
        ("fd.rip != 198.51.100.7", false),
        ("not fd.rip = 198.51.100.7", true),
        ("not fd.rip != 198.51.100.7", true),
        ("fd.rip exists", false),
        ("not fd.rip exists", true),
        ("fd.rport < 1000", false),
        ("fd.rport >= 0", false),
        ("fd.rnet in (0.0.0.0/0)", false),
        ("proc.pname in (x)", false),
        ("fd.name contains x or fd.name startswith x or fd.name endswith x or fd.name glob *", false),
        ("intel.ip.tags intersects (mining-pool)", false),
        ("fd.rport != val(fd.num)", false),
        ("thread.tid != val(fd.num)", false),
    ] {
        let keys = format!("condition: evt.type = getuid and ({condition})");
        let matches = run(&[("r", &keys)], "0s pid=1 getuid").matches_of("r");
        assert_eq!(matches == 1, holds, "{condition}");
    }
}

#[test]
fn a_step_that_asks_for_what_an_earlier_one_had_not_is_not_met() {
    tells(
        "sequence: [{as: first, condition: evt.type = getuid}, {condition: evt.type = close and fd.num != val(first.fd.num)}]",
        "0s pid=10 getuid\n1s pid=10 close fd=3",
    );
}

#[test]
fn a_counted_step_needs_so_many_within_its_time_apart_by_value() {
    let keys = "within: 10m
        sequence: [{condition: evt.type = close, count: {at_least: 3, by: fd.num}}]
        output: '%count times %fd.num'";
    tells(
        keys,
        "0s pid=10 close fd=3\n1s pid=10 close fd=4\n2s pid=10 close fd=3\n10m pid=10 close fd=3\n#^ r 3 times 3",
    );
    tells(
        keys,
        "0s pid=10 close fd=3\n2s pid=10 close fd=3\n10m1ns pid=10 close fd=3\n10m2s pid=10 close fd=3\n#^ r 3 times 3",
    );
    // After a match it starts anew.
    let outcome = run(&[("r", keys)], "0s pid=10 times=8 every=1s close fd=3");
    assert_eq!(outcome.matches_of("r"), 2);
    // Scopes count apart, and a late event from before the window does not count.
    tells(keys, "0s pid=10 times=2 close fd=3\n1s pid=11 close fd=3");
    tells(keys, "20m pid=10 times=2 close fd=3\n9m pid=10 close fd=3\n21m pid=10 close fd=3\n#^ r");
}

#[test]
fn distinct_counts_values_and_not_events() {
    let keys = "within: 10m
        sequence: [{condition: 'evt.type in (close, getuid)', count: {distinct: fd.num, at_least: 3}}]";
    tells(
        keys,
        "0s pid=10 times=9 close fd=3\n1s pid=10 times=9 getuid\n2s pid=10 close fd=4\n3s pid=10 close fd=5\n#^ r",
    );
    // A value that comes again is as young as its last time.
    tells(
        keys,
        "0s pid=10 close fd=3\n1m pid=10 close fd=4\n5m pid=10 close fd=3\n11m pid=10 close fd=5\n#^ r",
    );
    tells(keys, "0s pid=10 close fd=3\n1m pid=10 close fd=4\n11m pid=10 close fd=5");
}

#[test]
fn a_counted_step_may_be_any_step() {
    let keys = "within: 10m
        sequence: [{condition: evt.type = getuid}, {condition: evt.type = close, count: {at_least: 2}}, {condition: evt.type = geteuid}]";
    tells(
        keys,
        "0s pid=10 getuid\n1s pid=10 close fd=3\n2s pid=10 geteuid\n3s pid=10 close fd=3\n4s pid=10 geteuid\n#^ r",
    );
    tells(keys, "0s pid=10 getuid\n1s pid=10 close fd=3\n2s pid=10 close fd=3\n10m1ns pid=10 geteuid");
}

#[test]
fn once_is_at_most_one_match_per_container_and_value() {
    let keys = "condition: evt.type = close
        once: [fd.num]";
    tells(
        keys,
        "0s pid=10 close fd=3\n#^ r\n1s pid=11 close fd=3\n2s pid=10 close fd=4\n#^ r\n3s pid=50 container=two close fd=3\n#^ r",
    );
    // No value is a value.
    tells("condition: evt.type = getuid\nonce: [fd.num]", "0s pid=10 getuid\n#^ r\n1s pid=10 getuid");
}

#[test]
fn an_optional_step_is_not_needed_and_adds_its_weight() {
    let keys = "weight: 10
        sequence: [{condition: evt.type = getuid}, {condition: evt.type = geteuid, optional: true, weight: 5}, {condition: evt.type = getgid}]";
    tells(keys, "0s pid=10 getuid\n1s pid=10 getgid\n#^ r +10");
    let script = "0s pid=10 getuid\n1s pid=10 geteuid\n2s pid=10 getgid\n#^ r +15";
    tells(keys, script);
    assert_eq!(run(&[("r", keys)], script).matches[0].steps, 3);
}

#[test]
fn an_optional_step_may_come_first_and_cannot_shorten_the_time_of_the_others() {
    let keys = "weight: 10
        within: 10m
        sequence: [{condition: evt.type = geteuid, optional: true, weight: 5}, {condition: evt.type = getuid}, {condition: evt.type = getgid}]";
    tells(keys, "0s pid=10 geteuid\n1s pid=10 getuid\n10m pid=10 getgid\n#^ r +15");
    tells(keys, "0s pid=10 geteuid\n1m pid=10 getuid\n11m pid=10 getgid\n#^ r +10");
    tells(keys, "0s pid=10 geteuid\n1m pid=10 getgid");
}

#[test]
fn unordered_steps_are_a_set_and_not_a_sequence() {
    let keys = format!("unordered: true\n{ABC}");
    for order in
        [["getuid", "geteuid", "getgid"], ["getgid", "geteuid", "getuid"], ["geteuid", "getgid", "getuid"]]
    {
        let [first, second, third] = order;
        tells(
            &keys,
            &format!("0s pid=10 {first}\n1s pid=10 {second}\n1s pid=10 {second}\n2s pid=10 {third}\n#^ r"),
        );
    }
}

#[test]
fn a_repeated_step_of_a_set_is_met_anew_and_begins_no_other() {
    let keys = format!("within: 10m\nunordered: true\nscope: container\n{AB}");
    let outcome = run(
        &[("r", &keys)],
        "0s pid=10 times=5000 every=1s getuid\n90m pid=10 geteuid\n91m pid=10 getuid\n92m pid=10 geteuid",
    );
    assert_eq!(
        outcome.matches.iter().map(|matched| matched.line).collect::<Vec<_>>(),
        [2, 4],
        "{:?}",
        outcome.matches
    );
    assert_eq!(outcome.findings[0].finding.coverage.evictions, 0);
    // The oldest of the steps decides, each at its newest.
    let keys = format!("within: 10m\nunordered: true\n{ABC}");
    tells(&keys, "0s pid=10 getuid\n9m pid=10 geteuid\n11m pid=10 getuid\n19m pid=10 getgid\n#^ r");
    tells(&keys, "0s pid=10 getuid\n9m pid=10 geteuid\n11m pid=10 getuid\n19m1ns pid=10 getgid");
}

#[test]
fn a_repeated_step_does_not_change_what_another_asked_for() {
    tells(
        "unordered: true
        scope: container
        sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = ioctl and fd.num = val(first.fd.num)}]
        output: closed %first.fd.num",
        "0s pid=10 close fd=3\n1s pid=10 close fd=4\n1s pid=10 close fd=4\n2s pid=10 ioctl fd=3 request=1\n#^ r closed 3\n3s pid=10 ioctl fd=4 request=1\n#^ r closed 4\n4s pid=10 ioctl fd=4 request=1",
    );
}

#[test]
fn until_voids_a_partial_match_of_its_scope() {
    // Its event is none that a step looks at.
    let keys = format!("until: evt.type = getgid\n{AB}");
    tells(&keys, "0s pid=10 getuid\n1s pid=10 getgid\n2s pid=10 geteuid");
    tells(&keys, "0s pid=10 getuid\n1s pid=11 getgid\n2s pid=10 geteuid\n#^ r");
    tells(&keys, "0s pid=10 getgid\n1s pid=10 getuid\n2s pid=10 geteuid\n#^ r");
    // It may ask for what a step had, and voids what was counted.
    tells(
        "until: evt.type = ioctl and fd.num = val(first.fd.num)
        sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = getuid}]",
        "0s pid=10 close fd=3\n1s pid=10 close fd=4\n2s pid=10 ioctl fd=3 request=1\n3s pid=10 times=2 getuid\n#^ r",
    );
    tells(
        "until: evt.type = getgid
        sequence: [{condition: evt.type = getuid, count: {at_least: 3}}]",
        "0s pid=10 times=2 getuid\n1s pid=10 getgid\n2s pid=10 times=2 getuid\n3s pid=10 getuid\n#^ r",
    );
}

#[test]
fn rules_build_on_rules() {
    let base = "sequence: [{condition: evt.type = getuid, count: {at_least: 2}}]";
    let upper = "sequence: [{match: [base, other]}, {condition: evt.type = geteuid}]";
    let top = "sequence: [{match: [upper]}]";
    tells_all(
        &[("base", base), ("other", "condition: evt.type = getppid"), ("upper", upper), ("top", top)],
        "0s pid=10 getuid
         1s pid=10 geteuid
         2s pid=10 getuid
         #^ base
         3s pid=10 geteuid
         #^ upper
         #^ top
         4s pid=10 getppid
         #^ other
         5s pid=11 geteuid
         6s pid=10 geteuid
         #^ upper
         #^ top",
    );
}

#[test]
fn a_match_adds_its_weight_halving_every_30_minutes_and_one_rule_at_most_twice_its_weight() {
    tells(
        "condition: evt.type = getuid
        weight: 10",
        "0s pid=10 getuid\n#^ r +10\n0s pid=10 getuid\n#^ r +10\n0s pid=10 getuid\n#^ r +0\n30m pid=10 getuid\n#^ r +10\n30m pid=10 getuid\n#^ r +0",
    );
}

#[test]
fn crossing_thresholds_emits_one_finding_of_the_gravest_with_every_match() {
    let of = [
        ("notice", "condition: evt.type = getgid\nweight: 25"),
        ("one", "condition: evt.type = getuid\nweight: 30"),
        ("two", "condition: evt.type = getuid\nweight: 35"),
    ];
    let script = "0s pid=10 getgid\n#^ notice\n#^ finding notice notice\n1s pid=10 getuid\n#^ one\n#^ two\n#^ finding alert two";
    let outcome = run(&of, script);
    assert!(outcome.is_as_expected(), "{outcome}");
    let told: Vec<&str> =
        outcome.findings[1].finding.matches.iter().map(|matched| &*matched.rule.id).collect();
    assert_eq!(told, ["notice", "one", "two"]);
    // Once it has decayed below a threshold, it can cross it again.
    tells_all(
        &of[..1],
        "0s pid=10 getgid\n#^ notice\n#^ finding notice\n1h pid=10 getgid\n#^ notice\n#^ finding notice",
    );
    tells_all(&of[..1], "0s pid=10 getgid\n#^ notice\n#^ finding notice\n0s pid=10 getgid\n#^ notice");
}

#[test]
fn a_rule_without_weight_emits_its_own_finding_and_adds_nothing() {
    tells(
        "condition: evt.type = getuid",
        "0s pid=10 getuid\n#^ r +0\n#^ finding notice r\n1s pid=10 getuid\n#^ r +0\n#^ finding notice r",
    );
    let outcome = run(&[("r", "condition: evt.type = getuid")], "0s pid=10 getuid");
    assert_eq!((outcome.findings[0].finding.score.before, outcome.findings[0].finding.score.after), (0, 0));
}

#[test]
fn a_shadow_rule_emits_findings_marked_so_and_adds_no_score() {
    let outcome =
        run(&[("r", "condition: evt.type = getuid\nweight: 100\nshadow: true")], "0s pid=10 getuid");
    let [caused] = &outcome.findings[..] else { panic!("{outcome:?}") };
    assert!(caused.finding.shadow);
    assert_eq!(caused.finding.score.after, 0);
}

#[test]
fn an_absent_value_prints_na_and_workload_strings_are_escaped() {
    tells(
        "condition: evt.type = execve and not evt.type = container
        output: '%fd.name ran %proc.exepath (%proc.cmdline) 100%% of %proc.exepath.'",
        r#"0s pid=10 execve path="/tmp/\x1b[2J\n" argv="x '\n\xff'"
         #^ r <NA> ran /tmp/\u{1b}[2J\n
         1s pid=10 execve path=/x argv="y z"
         #^ r <NA> ran /x (x z) 100% of /x."#,
    );
}

#[test]
fn the_same_events_rules_and_lists_give_the_same() {
    let keys = format!("unordered: true\nscope: container\nonce: [proc.pid]\n{AB}");
    let script: String =
        (0..300).map(|n| format!("{n}s pid={} {}\n", 10 + n % 7, ["getuid", "geteuid"][n % 2])).collect();
    let told = || format!("{:?}", run(&[("r", &keys)], &script));
    assert_eq!(told(), told());
    assert!(told().contains("matched"));
}
