//! Lists, macros, exceptions and changes, across items and files.

use super::*;
use crate::rules::diagnostics::MAX_DIAGNOSTICS;

/// What `load` makes of one file without an error.
fn rules(text: &str) -> Vec<RuleSource> {
    all_rules(&[text])
}

/// The same for several files.
fn all_rules(texts: &[&str]) -> Vec<RuleSource> {
    let files: Vec<(&str, &str)> = texts.iter().map(|text| ("test.yaml", *text)).collect();
    let (rules, sources, diagnostics) = load(&files);
    assert!(diagnostics.is_empty(), "{}", diagnostics.text(&sources));
    rules
}

/// The only condition of the only rule.
fn condition(text: &str) -> String {
    condition_of(&rules(text)[0])
}

fn condition_of(rule: &RuleSource) -> String {
    match &rule.steps[0].what {
        StepWhat::Condition(expr) => expr.to_string(),
        StepWhat::Match(_) => panic!("no condition"),
    }
}

/// The errors of one file as `line:column code message`.
fn errors(text: &str) -> Vec<String> {
    let (_, sources, diagnostics) = load(&[("test.yaml", text)]);
    let data = diagnostics.data(&sources);
    data.iter().map(|it| format!("{}:{} {} {}", it.line, it.column, it.code, it.message)).collect()
}

/// A rule with this condition, and `more` before it.
fn with(more: &str, condition: &str) -> String {
    format!("{more}\n- rule: R\n  condition: {condition}\n  output: o\n  priority: INFO\n")
}

#[test]
fn macros_are_put_in_wherever_they_are_defined() {
    let text =
        with("- macro: a\n  condition: b or x.y = 1", "a and not b") + "- condition: x.z = 2\n  macro: b\n";
    assert_eq!(condition(&text), "(x.z = 2 or x.y = 1) and not x.z = 2");
}

#[test]
fn what_comes_out_of_a_macro_has_its_place_there() {
    let text = with("- macro: a\n  condition: x.y = 1", "a");
    let rules = rules(&text);
    let StepWhat::Condition(expr) = &rules[0].steps[0].what else { panic!() };
    assert_eq!(expr.span.start as usize, text.find("x.y").unwrap());
}

#[test]
fn a_later_definition_counts_for_every_rule() {
    let first = with("- macro: a\n  condition: x.y = 1\n- list: l\n  items: [p]", "a and x.z in (l)");
    let second = "- macro: a\n  condition: x.y = 2\n- list: l\n  items: [q]\n";
    assert_eq!(condition_of(&all_rules(&[&first, second])[0]), "x.y = 2 and x.z in (q)");
}

#[test]
fn lists_stand_for_their_items_in_lists_and_conditions() {
    let lists = "- list: a\n  items: [b, \"'b'\", c d]\n- list: b\n  items: ['\"(s)\"', 7]\n- list: none\n  items: []";
    assert_eq!(
        condition(&with(lists, "x.y in (a, z, \"a\")")),
        "x.y in (\"(s)\", 7, \"b\", \"c d\", z, \"a\")"
    );
    assert_eq!(condition(&with(lists, "x.y in a")), "x.y in (\"(s)\", 7, \"b\", \"c d\")");
    assert_eq!(condition(&with(lists, "x.y = anyof b")), "x.y = anyof (\"(s)\", 7)");
    assert_eq!(condition(&with(lists, "x.y in (none)")), "x.y in ()");
    // A list of one stands for its item wherever its name stands without quotes.
    let one = "- list: one\n  items: ['\"the one\"']";
    assert_eq!(
        condition(&with(one, "x.y=one or x.y startswith one")),
        "x.y = \"the one\" or x.y startswith \"the one\""
    );
    assert_eq!(condition(&with(lists, "x.y = \"a\"")), "x.y = \"a\"");
    assert_eq!(
        errors(&with(lists, "x.y = b")),
        ["8:20 E0109 `b` is a list of 2 items, and one value is compared here"]
    );
}

#[test]
fn an_item_with_its_own_lists_name_is_a_text() {
    assert_eq!(
        condition(&with("- list: cron\n  items: [cron, crond]", "x.y in (cron)")),
        "x.y in (cron, crond)"
    );
}

#[test]
fn a_list_is_in_memory_once_for_all_rules_that_name_it() {
    let rule =
        |name: &str| format!("- rule: {name}\n  condition: x.y in (l)\n  output: o\n  priority: INFO\n");
    let rules = rules(&format!("- list: l\n  items: [a, b]\n{}{}", rule("A"), rule("B")));
    let address = |rule: &RuleSource| match &rule.steps[0].what {
        StepWhat::Condition(expr) => match &expr.checks()[0].right {
            Some(crate::rules::lang::Operand::List(list)) => list.items.as_ptr(),
            _ => panic!(),
        },
        StepWhat::Match(_) => panic!(),
    };
    assert_eq!(address(&rules[0]), address(&rules[1]));
}

#[test]
fn append_adds_to_a_list_a_macro_and_a_rule() {
    let more = "- list: l\n  items: [a]\n- list: l\n  append: true\n  items: [b]\n\
                - macro: m\n  condition: x.y in (l)\n- macro: m\n  append: yes\n  condition: or x.z = 1";
    let text = with(more, "m or x.q = 2") + "- rule: R\n  append: true\n  condition: and x.w = 3\n";
    // The text is appended, so `and` binds to what stands before it.
    assert_eq!(condition(&text), "x.y in (a, b) or x.z = 1 or x.q = 2 and x.w = 3");
}

#[test]
fn override_replaces_and_appends_key_by_key() {
    let text = with("", "x.y = 1")
        + "- rule: R\n  output: more\n  condition: x.y = 2\n  tags: [t]\n  priority: ERROR\n  override:\n    \
           output: append\n    condition: replace\n    tags: append\n    priority: replace\n";
    let rule = &rules(&text)[0];
    assert_eq!(condition_of(rule), "x.y = 2");
    assert_eq!((rule.output.value.as_str(), rule.priority.value), ("o more", Priority::Error));
    assert_eq!(rule.tags[0].value, "t");
}

#[test]
fn override_says_what_happens_to_each_key() {
    let rule = with("", "x.y = 1");
    let text = format!(
        "{rule}- rule: R\n  output: more\n  desc: d\n  override:\n    desc: replace\n    tags: append\n    priority: append\n  priority: INFO\n"
    );
    assert_eq!(
        errors(&text),
        [
            "7:3 E0206 the item changes a rule, but does not say what happens to `output`",
            "11:5 E0206 `override` names `tags`, which the item does not have",
            "12:5 E0206 `priority` cannot be appended to",
        ]
    );
}

#[test]
fn a_rule_is_switched_by_its_name_and_enabled() {
    let text = with("", "x.y = 1") + "- rule: R\n  enabled: false\n";
    let rule = &rules(&text)[0];
    assert!(!rule.enabled);
    assert_eq!(condition_of(rule), "x.y = 1");
}

#[test]
fn exceptions_become_and_not() {
    let exceptions =
        |text: &str| condition(&(with("- list: l\n  items: [p, q]", "x.y = 1 or x.z = 2") + text));
    assert_eq!(
        exceptions(
            "  exceptions:\n  - {name: e, fields: [a.b, a.c], comps: [=, startswith], values: [[u, v], [w, x y]]}\n"
        ),
        "(x.y = 1 or x.z = 2) and not (a.b = u and a.c startswith v or a.b = w and a.c startswith \"x y\")"
    );
    assert_eq!(
        exceptions("  exceptions:\n  - {name: e, fields: a.b, values: [u, '\"v\"', l]}\n"),
        "(x.y = 1 or x.z = 2) and not a.b in (u, \"v\", p, q)"
    );
    assert_eq!(
        exceptions(
            "  exceptions:\n  - {name: e, fields: [a.b, a.c], comps: [in, =], values: [[[u, l], v]]}\n"
        ),
        "(x.y = 1 or x.z = 2) and not (a.b in (u, p, q) and a.c = v)"
    );
    // Without values there is nothing to except yet.
    assert_eq!(exceptions("  exceptions:\n  - {name: e, fields: [a.b]}\n"), "x.y = 1 or x.z = 2");
}

#[test]
fn values_are_appended_to_an_exception_by_its_name() {
    let text = with("", "x.y = 1")
        + "  exceptions:\n  - {name: e, fields: [a.b, a.c], values: [[u, v]]}\n\
           - rule: R\n  append: true\n  exceptions:\n  - {name: e, values: [[w, x]]}\n  - {name: f, fields: a.d, comps: in, values: [z]}\n";
    assert_eq!(
        condition(&text),
        "x.y = 1 and not (a.b = u and a.c = v or a.b = w and a.c = x) and not a.d in (z)"
    );
}

#[test]
fn exceptions_that_do_not_fit_are_refused() {
    let text = |exception: &str| with("", "x.y = 1") + &format!("  exceptions:\n  - {exception}\n");
    for (exception, message) in [
        (
            "{name: e, fields: [a.b, a.c], values: [[u]]}",
            "`values` must have one member for each of 2 fields, found 1",
        ),
        (
            "{name: e, fields: [a.b, a.c], comps: [=], values: []}",
            "`comps` must have one member for each of 2 fields, found 1",
        ),
        ("{name: e, values: [u]}", "the exception `e` has no `fields`"),
        ("{name: e, fields: [a.b], values: [[[u]]]}", "`=` compares with one value, found a list"),
        (
            "{name: e, fields: [a.b], comps: [like], values: [[u]]}",
            "`like` is not an operator with a right side",
        ),
        ("{name: e, fields: a, values: [u]}", "expected a field, found `a`"),
    ] {
        let errors = errors(&text(exception));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].ends_with(message), "{errors:?}");
    }
}

#[test]
fn circles_are_found_and_not_walked() {
    assert_eq!(
        errors(&with("- macro: a\n  condition: b\n- macro: b\n  condition: x.y = 1 or a", "a")),
        ["3:10 E0203 the macro `b` names `a`, which leads back to it"]
    );
    assert_eq!(errors("- macro: a\n  condition: not a"), ["1:10 E0203 the macro `a` names itself"]);
    assert_eq!(
        errors("- list: a\n  items: [b]\n- list: b\n  items: [a]"),
        ["3:9 E0203 the list `b` names `a`, which leads back to it"]
    );
}

#[test]
fn unknown_names_are_errors_with_the_nearest_known_one() {
    let text = with(
        "- macro: spawned_process\n  condition: x.y = 1\n- list: shells\n  items: []",
        "spawned_proces or a.b in shels",
    );
    let (rules, sources, diagnostics) = load(&[("test.yaml", &text)]);
    assert!(rules.is_empty());
    let shown = diagnostics.text(&sources);
    assert!(shown.contains("did you mean `shells`?"), "{shown}");
    assert_eq!(errors(&with("- macro: spawned_process\n  condition: x.y = 1", "spawned_proces")).len(), 1);
}

#[test]
fn a_bomb_of_macros_is_refused_by_its_size() {
    let mut text = String::from("- macro: m0\n  condition: x.y = 1 or x.y = 2\n");
    for level in 1..40 {
        let below = level - 1;
        text.push_str(&format!("- macro: m{level}\n  condition: m{below} and not (m{below} and x.z = 1)\n"));
    }
    let errors = errors(&with(&text, "m39"));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("E0204 with its macros the condition has more than 100000 parts"));
}

#[test]
fn a_chain_of_macros_is_refused_by_its_depth() {
    let mut text = String::from("- macro: m0\n  condition: x.y = 1\n");
    for level in 1..1000 {
        let below = level - 1;
        text.push_str(&format!("- macro: m{level}\n  condition: a.b = 1 and (c.d = 1 or m{below})\n"));
    }
    let errors = errors(&with(&text, "m999"));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("levels deep"));
}

#[test]
fn a_long_chain_of_names_that_adds_nothing_is_no_depth() {
    let mut text = String::from("- macro: m0\n  condition: x.y = 1\n");
    for level in 1..5000 {
        text.push_str(&format!("- macro: m{level}\n  condition: m{}\n", level - 1));
    }
    assert_eq!(condition(&with(&text, "m4999")), "x.y = 1");
}

#[test]
fn the_id_is_made_from_the_name_and_unique() {
    let rule = |name: &str, more: &str| {
        format!("- rule: {name}\n  condition: x.y = 1\n  output: o\n  priority: INFO\n{more}")
    };
    let text = rule("Reads /etc, slowly!", "")
        + &rule("Reads etc slowly", "")
        + &rule("é", "")
        + &rule("b", "  id: own.id\n");
    let ids: Vec<String> = rules(&text).into_iter().map(|rule| rule.id.value).collect();
    assert_eq!(ids, ["reads-etc-slowly", "reads-etc-slowly-2", "rule", "own.id"]);
    let twice = rule("a", "  id: x\n") + &rule("b", "  id: x\n");
    assert_eq!(errors(&twice), ["10:7 E0208 the id `x` belongs to two rules"]);
}

#[test]
fn all_keys_of_a_sequence_arrive() {
    let rule = &rules(
        "- rule: Pool\n  condition: x.y = 1\n  output: o\n  priority: debug\n\
         - rule: Many\n  id: many\n  desc: d\n  scope: lineage\n  within: 1h 30m\n  unordered: true\n  sequence:\n  \
         - {as: drop, condition: a.b = 1, count: {at_least: 4, by: fd.remote, distinct: fd.rip}}\n  \
         - {condition: a.c = val(drop.a.b), optional: true, weight: 10}\n  \
         - {condition: a.d exists, absent: true, within: 10s}\n  \
         - match: [pool]\n  until: a.e = 1\n  weight: 35\n  once: [proc.exepath, 'proc.aname[2]']\n  shadow: true\n  \
         action: kill\n  priority: Informational\n  output: '%a.b'\n  source: syscall\n  tests:\n  \
         - {trace: t, matches: 1}\n  - matches: 0\n    events: |\n      0s pid=1 open\n",
    )[1];
    assert_eq!(
        (rule.scope.unwrap().value, rule.within.unwrap().value),
        (Scope::Lineage, Nanos::from_secs(5400))
    );
    assert_eq!((rule.unordered, rule.shadow, rule.enabled, rule.is_sequence), (true, true, true, true));
    assert_eq!((rule.action.unwrap().value, rule.priority.value), (Action::Kill, Priority::Informational));
    assert_eq!((rule.weight.unwrap().value, rule.steps.len(), rule.tests.len()), (35, 4, 2));
    assert_eq!(rule.until.as_ref().unwrap().to_string(), "a.e = 1");
    assert_eq!(
        rule.once.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["proc.exepath", "proc.aname[2]"]
    );
    let count = rule.steps[0].count.as_ref().unwrap();
    assert_eq!((count.at_least.value, count.by.as_ref().unwrap().name.as_str()), (4, "fd.remote"));
    assert_eq!(rule.steps[0].alias.as_ref().unwrap().value, "drop");
    assert!(rule.steps[1].optional && rule.steps[2].absent);
    assert!(matches!(&rule.steps[3].what, StepWhat::Match(ids) if ids[0].value == "pool"));
}

#[test]
fn errors_in_conditions_point_at_line_and_column() {
    let rule =
        |condition: &str| format!("- rule: R\n  output: o\n  priority: INFO\n  condition: {condition}\n");
    for (condition, place) in [
        // Plain, on one line and on several.
        ("a.b = 1 andd c", "4:22"),
        ("a.b = 1\n    and\n    c dd", "6:7"),
        // Folded and literal, with empty lines and comments in the header.
        (">\n    a.b = 1\n\n    and c dd\n", "7:11"),
        (">-  # why\n    a.b = 1\n    and c dd", "6:11"),
        ("|\n    a.b = 1\n      and c dd\n", "6:13"),
        // Quoted, with escapes before the place.
        ("'a.b = ''x y'' and c dd'", "4:35"),
        ("\"a.b = \\\"x\\\" and c dd\"", "4:33"),
        ("\"a.b = \\\n    x and c dd\"", "5:13"),
        // At its end: what is open is marked.
        (">\n    a.b = 1 and\n    (c or d\n", "6:5"),
        (">\n    a.b = \"é\" and é\n", "5:19"),
    ] {
        let errors = errors(&rule(condition));
        assert_eq!(errors.len(), 1, "{condition}: {errors:?}");
        assert!(errors[0].starts_with(&format!("{place} ")), "{condition}: {errors:?}");
    }
}

#[test]
fn an_error_in_appended_text_points_into_the_file_that_appends() {
    let first = with("", "x.y = 1");
    let second = "- rule: R\n  append: true\n  condition: and b bb\n";
    let (_, sources, diagnostics) = load(&[("a.yaml", &first), ("b.yaml", second)]);
    let data = diagnostics.data(&sources);
    assert_eq!((data[0].file.as_str(), data[0].line, data[0].column), ("b.yaml", 3, 20));
}

#[test]
fn all_errors_of_all_files_are_found_in_one_run() {
    let files = [
        ("a.yaml", "- rul: x\n- macro: m\n  condition: (\n"),
        ("b.yaml", "a: [\n"),
        ("c.yaml", "- list: l\n"),
    ];
    let (_, sources, diagnostics) = load(&files);
    let codes: Vec<_> = diagnostics.data(&sources).iter().map(|it| (it.file.clone(), it.code)).collect();
    let expected = [("a.yaml", "W0011"), ("a.yaml", "E0104"), ("b.yaml", "E0002"), ("c.yaml", "E0006")];
    assert_eq!(codes, expected.map(|(file, code)| (file.to_owned(), code)));
}

#[test]
fn an_error_in_a_macro_is_said_once_and_rules_without_one_are_kept() {
    let rule = |name: &str, condition: &str| {
        format!("- rule: {name}\n  condition: {condition}\n  output: o\n  priority: INFO\n")
    };
    let text =
        format!("- macro: m\n  condition: x.y\n{}{}{}", rule("A", "m"), rule("B", "m"), rule("C", "x.y = 1"));
    let (rules, _, diagnostics) = load(&[("a.yaml", &text)]);
    assert_eq!((rules.len(), diagnostics.errors()), (1, 1));
}

#[test]
fn a_file_of_errors_gives_a_bounded_number_of_diagnostics() {
    let text = "- a\n".repeat(MAX_DIAGNOSTICS + 50);
    let (_, sources, diagnostics) = load(&[("a.yaml", &text)]);
    assert_eq!(diagnostics.errors(), MAX_DIAGNOSTICS + 50);
    assert!(diagnostics.text(&sources).ends_with("50 more are not shown\n"));
}

#[test]
fn bounds_are_errors_that_name_them() {
    let large = " ".repeat(file::MAX_FILE + 1);
    assert!(errors(&large)[0].contains("E0001 the file has 4194305 bytes, more than 4194304"));
    let items = "- list: a\n  items: [".to_owned() + &"1,".repeat(file::MAX_LIST + 1) + "]";
    assert!(errors(&items)[0].contains("E0009 `items` has 100001 items, more than 100000"));
    let steps = "- {condition: x.y = 1}\n  ".repeat(file::MAX_STEPS + 1);
    let rule = format!("- rule: R\n  output: o\n  priority: INFO\n  sequence:\n  {steps}");
    assert!(errors(&rule)[0].contains("E0009 `sequence` has 33 steps, not 1 to 32"));
}

#[test]
fn what_falco_knows_and_we_have_no_use_for_is_accepted() {
    rules(
        "- required_engine_version: 0.57.0\n- required_plugin_versions:\n  - {name: container, version: 0.4.0}\n\
         - rule: R\n  desc: d\n  condition: a.b = 1\n  output: o\n  priority: INFORMATIONAL\n  source: syscall\n  \
         tags: [a]\n  enabled: yes\n  warn_evttypes: false\n  skip-if-unknown-filter: true\n  capture: false\n  \
         capture_duration: 5000\n",
    );
}

#[test]
fn documents_and_empty_files_are_read() {
    assert!(rules("").is_empty());
    assert!(rules("# nothing\n").is_empty());
    assert_eq!(rules(&format!("---\n- list: l\n  items: [a]\n---\n{}", with("", "x.y in (l)"))).len(), 1);
    assert_eq!(rules("- list: a\n  items:\n    [\n      1, yes, 010, 1e3, .inf, 0x1F,\n    ]\n").len(), 0);
}

#[test]
fn words_that_yaml_takes_for_other_things_stay_text() {
    let lists = "- list: l\n  items: [yes, 010, 1e3, .inf, 0x1F, true, 1_000]";
    assert_eq!(condition(&with(lists, "x.y in (l)")), "x.y in (yes, 010, 1e3, .inf, 0x1F, true, 1_000)");
}
