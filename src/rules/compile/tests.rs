//! What becomes of rules when they are loaded.

use super::*;
use crate::rules::fields::Unavailable;

fn report(rule: &str) -> RuleReport {
    let mut reports = compiled(rule).reports;
    reports.remove(0)
}

fn compiled(rules: &str) -> Compiled {
    compile(&[("test.yaml", rules)], Thresholds::default(), 1)
}

fn rule(condition: &str) -> String {
    format!("- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: >\n    {condition}\n")
}

/// The reasons why a condition can never hold; nothing if it can.
fn never(condition: &str) -> Option<Vec<Unavailable>> {
    let report = report(&rule(condition));
    match report.fate {
        Fate::Loaded => None,
        Fate::Skipped(Skipped::NeverTrue) => Some(report.losses.iter().map(|loss| loss.reason).collect()),
        fate @ (Fate::Skipped(_) | Fate::Broken) => panic!("{condition}: {fate:?}"),
    }
}

/// What a condition that can hold loses.
fn loses(condition: &str) -> Vec<(LossKind, String)> {
    let report = report(&rule(condition));
    assert_eq!(report.fate, Fate::Loaded, "{condition}");
    report.losses.into_iter().map(|loss| (loss.kind, loss.what)).collect()
}

#[test]
fn a_condition_that_needs_what_gvisor_does_not_tell_is_left_out_with_the_reason() {
    for (condition, reason) in [
        ("evt.type = execve and thread.cap_effective contains CAP_SYS_ADMIN", Unavailable::Capabilities),
        ("evt.type = read and evt.buffer contains x", Unavailable::Payload),
        ("evt.type in (mkdir, mkdirat) and evt.arg.path startswith /bin", Unavailable::Pointer),
        ("evt.type = connect and fd.sip.name = example.org", Unavailable::NameService),
        ("evt.type = connect and fd.sip.name exists", Unavailable::NameService),
        ("evt.type = connect and tolower(fd.sip.name) = example.org", Unavailable::NameService),
        ("evt.type = connect and proc.name = val(fd.sip.name)", Unavailable::NameService),
        ("evt.type = execve and user.loginname = root", Unavailable::Audit),
        ("evt.type in (signaldeliver, page_fault)", Unavailable::NoEvent),
        ("evt.type = open and evt.dir = >", Unavailable::Beginning),
        ("evt.type = execve and container.id = host", Unavailable::OutsideContainers),
        ("evt.type = execve and not container.id != host", Unavailable::OutsideContainers),
        ("evt.type = connect and evt.arg.path exists", Unavailable::NoParameter),
        ("evt.type = openat and proc.env contains x", Unavailable::Forgotten),
    ] {
        assert_eq!(never(condition), Some(vec![reason]), "{condition}");
    }
}

#[test]
fn a_denied_check_on_a_hidden_value_is_not_taken_for_true() {
    assert_eq!(
        never("evt.type = unshare and not thread.cap_permitted contains CAP_SYS_ADMIN"),
        Some(vec![Unavailable::Capabilities])
    );
    // What may be missing is missing, and the denial holds.
    assert_eq!(
        loses("evt.type = connect and not fd.sip.name in (a.example, b.example)"),
        [(LossKind::Exclusion, "fd.sip.name".to_owned())]
    );
    // An exclusion that needs a hidden value beside another is made wider: rather nothing than something false.
    assert_eq!(
        loses("evt.type = chmod and not (proc.name = x and evt.arg.filename startswith /var)"),
        [(LossKind::Exclusion, "evt.arg.filename".to_owned())]
    );
}

#[test]
fn a_condition_with_another_way_to_hold_loses_only_the_one() {
    assert_eq!(
        loses("(evt.type = mkdir and evt.arg.path contains x) or (evt.type = openat and fd.name contains x)"),
        [(LossKind::Alternative, "evt.arg.path".to_owned())]
    );
    // The name of an open is told, that of an unlink is not.
    assert!(loses("evt.type in (open, unlinkat) and evt.arg.name contains x").is_empty());
    assert_eq!(
        loses("evt.type in (openat, page_fault) and fd.name contains x"),
        [(LossKind::Alternative, "page_fault".to_owned())]
    );
}

#[test]
fn what_is_always_so_is_no_loss() {
    for condition in [
        "evt.type = openat and not evt.num = 0",
        "evt.type = openat and evt.dir = < and container.id != host",
        "evt.type = openat and not (container.id = host and thread.cap_permitted contains x)",
        "evt.type = openat and not (evt.num = 0 and thread.cap_permitted contains x)",
        "evt.type = execve and user.loginuid = -1",
        "evt.type = execve and container.image.repository = nginx",
    ] {
        assert!(loses(condition).is_empty(), "{condition}");
    }
}

#[test]
fn an_error_in_a_part_that_is_lost_is_an_error() {
    let rules = rule("evt.type = mkdir and evt.arg.path contains x and proc.nmae = y");
    let compiled = compiled(&rules);
    assert_eq!(compiled.diagnostics.errors(), 1);
    assert_eq!(compiled.reports[0].fate, Fate::Broken);
    assert!(compiled.rules.is_none());
}

#[test]
fn a_rule_that_is_switched_off_is_checked_and_not_run() {
    let compiled = compiled(&format!("{}  enabled: false\n", rule("evt.type = openat")));
    assert_eq!(compiled.reports[0].fate, Fate::Loaded);
    assert!(compiled.rules.unwrap().rules().is_empty());
}

#[test]
fn an_unknown_field_is_an_error_unless_the_rule_says_that_it_may_be() {
    let with = rule("evt.type = openat and fd.nmae = x");
    assert_eq!(compiled(&with).diagnostics.errors(), 1);
    let skipped = report(&format!("{with}  skip-if-unknown-filter: true\n"));
    assert_eq!(skipped.fate, Fate::Skipped(Skipped::UnknownField("fd.nmae".to_owned())));
}

#[test]
fn a_rule_of_another_source_is_left_out() {
    let compiled = compiled(&format!("{}  source: k8s_audit\n", rule("ka.verb = create")));
    assert_eq!(compiled.reports[0].fate, Fate::Skipped(Skipped::Source("k8s_audit".to_owned())));
    assert!(compiled.rules.is_some());
}

#[test]
fn a_rule_that_waits_for_what_never_matches_is_left_out_with_whoever_waits_for_it() {
    let never = "- rule: a\n  output: o\n  priority: INFO\n  condition: evt.type = read and evt.buffer = x\n";
    let waits = |name: &str, of: &str| {
        format!("- rule: {name}\n  output: o\n  priority: INFO\n  sequence:\n    - match: [{of}]\n")
    };
    let rules = format!("{never}{}{}{}", waits("b", "a"), waits("c", "b"), rule("evt.type = openat"));
    let compiled = compiled(&rules);
    for (at, waited) in [(1, "a"), (2, "b")] {
        assert_eq!(compiled.reports[at].fate, Fate::Skipped(Skipped::Waits(vec![waited.to_owned()])));
    }
    assert_eq!(compiled.rules.unwrap().rules().len(), 1);
}

#[test]
fn a_rule_finds_the_match_that_it_waits_for_whatever_was_left_out_before() {
    let rules = "\
- rule: a
  output: o
  priority: INFO
  condition: evt.type = read and evt.buffer = x
- rule: b
  output: o
  priority: INFO
  condition: evt.type = openat
- rule: c
  output: o
  priority: INFO
  sequence:
    - match: [a, b]
";
    let compiled = compiled(rules).rules.unwrap();
    let [_, c] = compiled.rules() else { panic!("two rules are left") };
    let MetBy::Match(waited) = &c.steps[0].met_by else { panic!("it waits") };
    assert_eq!((waited.as_slice(), &*compiled.rules()[waited[0]].id), ([0].as_slice(), "b"));
}

#[test]
fn a_denied_check_on_what_a_release_does_not_always_say_is_marked_for_that_release() {
    let rules = rule("evt.type = execve and not proc.tty = 0");
    for (release, marks) in [(Release::R2022, 1), (Release::R2024, 1), (Release::R2026, 0)] {
        let mut compiled = compiled(&rules);
        compiled.mark_denials(release);
        let data = compiled.diagnostics.data(&compiled.sources);
        assert_eq!(data.iter().filter(|one| one.code == "W0307").count(), marks);
        assert_eq!(compiled.reports[0].denied.len(), marks);
    }
    let mut asserted = compiled(&rule("evt.type = execve and proc.tty != 0"));
    asserted.mark_denials(Release::R2022);
    assert!(asserted.diagnostics.is_empty());
}

#[test]
fn what_only_the_runtime_knows_is_named() {
    let report = report(&rule("evt.type = execve and container.privileged = true and not k8s.ns.name = x"));
    assert!(report.from_outside.iter().eq(["container.privileged", "k8s.ns.name"].iter()));
}

#[test]
fn an_event_type_that_there_is_not_is_an_error_in_a_list_as_well() {
    for condition in ["evt.type = opnat", "evt.type in (open, opnat)", "evt.type != opnat"] {
        let compiled = compiled(&rule(condition));
        let data = compiled.diagnostics.data(&compiled.sources);
        assert_eq!(data[0].help.as_deref(), Some("did you mean `openat`?"), "{condition}");
    }
}

#[test]
fn a_rule_with_an_error_in_its_keys_is_counted_as_broken_and_no_other_is() {
    let rules = rule("evt.type = open")
        + "- rule: counts\n  output: o\n  priority: INFO\n  sequence:\n    - condition: evt.type = open\n      count: {at_least: 0}\n"
        + "- rule: waits\n  output: o\n  priority: INFO\n  sequence:\n    - match: [counts]\n";
    let Compiled { reports, rules, .. } = compiled(&rules);
    let fates: Vec<_> =
        reports.iter().map(|report| (report.name.as_str(), report.fate == Fate::Broken)).collect();
    assert_eq!(fates, [("r", false), ("counts", true), ("waits", false)]);
    assert!(rules.is_none() && reports[2].fate == Fate::Loaded);
}

#[test]
fn every_rule_that_uses_a_bad_macro_or_list_is_broken_though_it_is_said_once() {
    let of = |name: &str| {
        format!("- rule: {name}\n  output: o\n  priority: INFO\n  condition: evt.type = connect and web\n")
    };
    let web = "- list: ports\n  items: [http]\n- macro: web\n  condition: fd.sport in (ports)\n";
    let Compiled { reports, diagnostics, .. } = compiled(&format!("{web}{}{}", of("a"), of("b")));
    assert!(reports.len() == 2 && reports.iter().all(|report| report.fate == Fate::Broken));
    assert_eq!(diagnostics.errors(), 1);
}

#[test]
fn built_in_rules_ask_with_exists_or_with_positive_words_before_they_convict() {
    for release in Release::ALL {
        let mut compiled = crate::rules::builtin::compiled(Thresholds::default());
        compiled.mark_denials(release);
        assert!(compiled.diagnostics.is_empty(), "{}", compiled.diagnostics.text(&compiled.sources));
    }
}

/// The checks of a conjunction in the order in which they are asked.
fn asked(condition: &str) -> Vec<predicate::Test> {
    let (mut diagnostics, mut lists) = (Diagnostics::default(), Lists::default());
    let mut compiler = ConditionCompiler::new("", &[], &mut lists, &mut diagnostics);
    let condition = crate::rules::lang::parse(&crate::rules::source::Text::nowhere(condition)).unwrap();
    let Predicate::All(members) = compiler.condition(&condition) else { panic!("no conjunction") };
    let tests = members.into_iter().map(|member| match member {
        Predicate::Check(_, test) => test,
        other @ (Predicate::Never | Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_)) => {
            panic!("{other:?}")
        }
    });
    tests.collect()
}

#[test]
fn cheapest_checks_come_first_and_each_kind_of_list_has_its_own_structure() {
    use predicate::Test;
    let condition = "proc.cmdline regex \"a+\" and proc.cmdline contains b and proc.name in (c, d) and \
                     fd.rnet in (10.0.0.0/8, 192.168.0.0/16) and evt.failed = true";
    let order = asked(condition);
    assert!(
        matches!(
            order.as_slice(),
            [Test::Is(true), Test::Net(_), Test::TextIn(_), Test::Contains(_), Test::Regex(_)]
        ),
        "{order:?}"
    );
}
