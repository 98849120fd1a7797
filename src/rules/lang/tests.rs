//! The grammar, edge by edge: what is accepted with its canonical form, what is refused with its message.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::rules::falco::StepWhat;
use crate::rules::source::{SourceId, Span, Spanned, Text};

fn read(text: &str) -> Result<Expr, ParseError> {
    parse(&Text::plain(text, SourceId(0), 0))
}

/// Each condition is accepted, and printed as it stands beside it.
fn accepted(table: &[(&str, &str)]) {
    for (text, canonical) in table {
        match read(text) {
            Ok(expr) => assert_eq!(&expr.to_string(), canonical, "from {text:?}"),
            Err(error) => panic!("{text:?} refused: {error} at {}", error.start),
        }
    }
}

/// Each condition is accepted and is its own canonical form.
fn canonical(table: &[&str]) {
    accepted(&table.iter().map(|text| (*text, *text)).collect::<Vec<_>>());
}

/// Each condition is refused at this offset with this message.
fn refused(table: &[(&str, usize, &str)]) {
    for (text, offset, message) in table {
        match read(text) {
            Ok(expr) => panic!("{text:?} accepted as {expr}"),
            Err(error) => {
                assert_eq!((error.start, error.to_string().as_str()), (*offset, *message), "from {text:?}");
                assert!(error.start <= error.end && error.end <= text.len().max(1), "{text:?}: {error:?}");
            }
        }
    }
}

#[test]
fn and_binds_stronger_than_or_and_not_strongest() {
    accepted(&[
        ("a or b and c", "a or b and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("a or (b and c)", "a or b and c"),
        ("not a and b", "not a and b"),
        ("not (a and b)", "not (a and b)"),
        ("not(a)or b", "not a or b"),
        ("a and (b and (c and d))", "a and b and c and d"),
        ("a or (b or c) or d", "a or b or c or d"),
        ("((((a))))", "a"),
    ]);
}

#[test]
fn nots_in_pairs_are_none() {
    accepted(&[
        ("not not a", "a"),
        ("not not not a", "not a"),
        ("not(not(not a))", "not a"),
        ("not (not (a.b exists))", "a.b exists"),
    ]);
}

#[test]
fn keywords_may_touch_parentheses_and_need_blanks_elsewhere() {
    accepted(&[
        ("(a)and(b)or(c)", "a and b or c"),
        ("a and not(b)", "a and not b"),
        ("a\tand\r\nb\n", "a and b"),
        ("a and notb", "a and notb"),
        ("macro and and_macro or or_macro", "macro and and_macro or or_macro"),
        ("a.b = x and(c)", "a.b = x and c"),
        ("a.b exists and c", "a.b exists and c"),
        ("a.b existsand c", "a.b exists and c"),
        // Nothing says that a macro cannot have a keyword's name.
        ("not", "(not)"),
        ("not or", "not (or)"),
        ("and and or", "(and) and (or)"),
        ("a.b in and or c", "a.b in and or c"),
    ]);
    refused(&[
        ("a andb", 2, "expected a blank or `(` after `and`"),
        ("a orb", 2, "expected a blank or `(` after `or`"),
        ("(a)andnot(b)", 3, "expected a blank or `(` after `and`"),
        ("a andor b", 2, "expected a blank or `(` after `and`"),
        ("aand b", 5, "expected `and`, `or` or the end, found `b`"),
        ("a notb", 2, "expected `and`, `or` or the end, found `notb`"),
        ("a not b", 2, "expected `and`, `or` or the end, found `not`"),
        ("a and or b", 6, "expected a check, a macro or `(`, found `or`"),
        ("a or(b) and c", 8, "expected `and`, `or` or the end, found `and`"),
        ("and a", 0, "expected a check, a macro or `(`, found `and`"),
        ("a and", 5, "expected a check, a macro or `(`, found the end of the condition"),
        ("a or b or", 9, "expected a check, a macro or `(`, found the end of the condition"),
        ("", 0, "the condition is empty"),
        (" \n", 0, "the condition is empty"),
    ]);
}

#[test]
fn parentheses_are_closed() {
    refused(&[
        ("(a.b = 1", 0, "expected `)`, found the end of the condition"),
        ("(a b)", 3, "expected `)`, found `b`"),
        ("a)", 1, "expected `and`, `or` or the end, found `)`"),
        ("()", 1, "expected a check, a macro or `(`, found `)`"),
        ("(test.field) exists", 11, "expected an operator after `test.field`, found `)`"),
    ]);
}

#[test]
fn a_hundred_open_parentheses_are_read_and_no_more() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(read(&nested(MAX_DEPTH)).unwrap().to_string(), "a");
    assert_eq!(read(&nested(MAX_DEPTH + 1)).unwrap_err().kind, ParseErrorKind::TooDeep);
    assert_eq!(read(&"(".repeat(100_000)).unwrap_err().kind, ParseErrorKind::TooDeep);
    assert_eq!(read(&"not(".repeat(50_000)).unwrap_err().kind, ParseErrorKind::TooDeep);
    let calls = format!("{}a.b exists", "tolower(".repeat(30_000));
    assert_eq!(read(&calls).unwrap_err().kind, ParseErrorKind::TooDeep);
    // Not nested: a loop, whatever its length.
    assert_eq!(read(&format!("{}a", "not ".repeat(50_001))).unwrap().to_string(), "not a");
    assert_eq!(read(&" ".repeat(MAX_CONDITION + 1)).unwrap_err().kind, ParseErrorKind::TooLong);
}

#[test]
fn a_condition_nested_to_the_limit_is_as_deep_when_printed() {
    let text = format!("{}a{}", "not (b and (c or ".repeat(MAX_DEPTH / 2), "))".repeat(MAX_DEPTH / 2));
    let expr = read(&text).unwrap();
    assert_eq!(expr.to_string(), text);
}

#[test]
fn fields_and_their_arguments() {
    accepted(&[
        ("proc.aname[2]=sh", "proc.aname[2] = sh"),
        ("drop.file.id exists", "drop.file.id exists"),
        ("a.b[0a!@#456:/\\.;!$%^&*(){}|] = x", "a.b[0a!@#456:/\\.;!$%^&*(){}|] = x"),
        ("a.b[\"\"] = x", "a.b[\"\"] = x"),
        ("a.b['a aa'] = x", "a.b[\"a aa\"] = x"),
        ("a.b['aa'] = x", "a.b[aa] = x"),
        (r#"a.b["test \"with\" escaping"] = a"#, r#"a.b["test \"with\" escaping"] = a"#),
    ]);
    refused(&[
        ("a.b[] = x", 3, "expected a bare or quoted text in the brackets, found `]`"),
        ("a.b[[] = x", 3, "expected a bare or quoted text in the brackets, found `[`"),
        ("a.b[ x ] = x", 3, "expected a bare or quoted text in the brackets, found a blank"),
        ("a.b[x\"] = x", 3, "expected `]`, found `\"`"),
        ("a.b['''] = x", 3, "expected `]`, found `'`"),
        ("a.b] = x", 3, "expected an operator after `a.b`, found `]`"),
        ("a.b[x]] = x", 6, "expected an operator after `a.b[x]`, found `]`"),
        ("a.b [x] = x", 4, "expected an operator after `a.b`, found `[`"),
        ("macro > 12", 6, "expected `and`, `or` or the end, found `>`"),
        ("a..b = 1", 1, "expected `and`, `or` or the end, found `..b`"),
        ("1.b = 1", 0, "expected a check, a macro or `(`, found `1.b`"),
    ]);
}

#[test]
fn every_operator_with_its_right_side() {
    canonical(&[
        "a.b exists",
        "a.b = v",
        "a.b != v",
        "a.b < 1",
        "a.b <= 1",
        "a.b > 1",
        "a.b >= 1",
        "a.b contains v",
        "a.b icontains v",
        "a.b bcontains cafebabe",
        "a.b startswith v",
        "a.b bstartswith 12ab",
        "a.b endswith v",
        "a.b glob v*",
        "a.b iglob v*",
        "a.b regex ^v[0-9]+$",
        "a.b in (v, w)",
        "a.b intersects (v)",
        "a.b pmatch (/etc, /root)",
    ]);
    accepted(&[
        ("a.b==v", "a.b = v"),
        ("a.b=v", "a.b = v"),
        ("a.b!=v", "a.b != v"),
        ("a.b>=1", "a.b >= 1"),
        ("a.b in()", "a.b in ()"),
        ("a.b in( v ,w )", "a.b in (v, w)"),
        ("a.b inlist", "a.b in list"),
        ("a.b contains\nv", "a.b contains v"),
        ("evt.dir=> and fd.name=*.log", "evt.dir = > and fd.name = *.log"),
    ]);
    refused(&[
        ("a.b startswithvalue", 4, "expected an operator after `a.b`, found `startswithvalue`"),
        ("a.b startswith(v)", 4, "expected an operator after `a.b`, found `startswith`"),
        ("a.b ExIsTs", 4, "expected an operator after `a.b`, found `ExIsTs`"),
        ("a.b", 0, "expected an operator after `a.b`, found the end of the condition"),
        ("a.b exists v", 11, "expected `and`, `or` or the end, found `v`"),
        ("a.b ===", 6, "expected a text after `=`, found `=`"),
        ("a.b !==", 6, "expected a text after `!=`, found `=`"),
        ("a.b = (v)", 6, "expected a text after `=`, found `(`"),
        ("a.b contains (v)", 13, "expected a text after `contains`, found `(`"),
        ("a.b > (v)", 6, "expected a number after `>`, found `(`"),
        ("a.b =", 5, "expected a text after `=`, found the end of the condition"),
        ("a.b in", 6, "expected a list after `in`, found the end of the condition"),
    ]);
}

#[test]
fn a_wrong_operator_comes_with_its_mend() {
    for (text, help) in [
        ("a.b startwith x", "did you mean `startswith`?"),
        ("a.b EXISTS", "operators are written small: exists"),
        ("a.b startswith(x)", "put a blank behind `startswith`"),
        ("a.b = (x)", "write `in (…)` to compare with a list"),
        ("a.b contains (x)", "write `contains anyof (…)` to compare with a list"),
        ("a.b > c.d", "to compare with a field write val(c.d)"),
        ("a.b > .5", "write 0.5"),
        ("tolowr(a.b) = x", "did you mean `tolower`?"),
        (
            "a.b = val(tolower(c.d))",
            "`val()` takes one field and no transformer; a transformer needs no `val()`",
        ),
        ("val(a.b) = x", "on the left side a field stands without `val()`"),
        ("name = x", "a field has a class, a dot and a name, such as `proc.name`"),
    ] {
        assert_eq!(read(text).unwrap_err().help.as_deref(), Some(help), "{text}");
    }
}

#[test]
fn bare_texts_end_at_a_blank_or_a_mark() {
    canonical(&[
        "a.b = 0a!@#456:/\\.;!$%^&*[]{}|",
        "a.b = not",
        "a.b = and",
        "a.b = c.d",
        "a.b = 0xAAA.1",
        "a.b = b64 and c",
        "a.b = é",
        "a.b in (1, a, b.c, 10.0.0.0/8)",
    ]);
    accepted(&[("(a.b endswith \\)", "a.b endswith \\")]);
    refused(&[
        ("a.b = x y", 8, "expected `and`, `or` or the end, found `y`"),
        ("a.b = a,", 7, "expected `and`, `or` or the end, found `,`"),
        ("a.b = a=", 7, "expected `and`, `or` or the end, found `=`"),
        ("a.b = c = 1", 8, "expected `and`, `or` or the end, found `=`"),
        ("#a and b", 0, "expected a check, a macro or `(`, found `#a`"),
    ]);
}

#[test]
fn quoted_texts_and_their_escapes() {
    accepted(&[
        ("a.b = ''", "a.b = \"\""),
        ("a.b = 'x y'", "a.b = \"x y\""),
        ("a.b = 'mixed \"'", r#"a.b = "mixed \"""#),
        ("a.b = \"mixed '\"", r#"a.b = "mixed '""#),
        (r#"a.b = "\b\f\n\r\t\\x\/""#, r#"a.b = "\b\f\n\r\t\\x/""#),
        (r#"a.b = "\x41\x1b\x00\xc3\xa9""#, r#"a.b = "A\x1b\x00é""#),
        (r"a.b = 'it\'s'", r#"a.b = "it's""#),
        // A quote behind a backslash never closes, even behind an escaped one.
        (r"a.b = 'one \' two \\''", r#"a.b = "one ' two \\'""#),
        // So a backslash at the end is written with a blank, which belongs to it.
        (r#"a.b = "end \ ""#, r#"a.b = "end \ ""#),
        (r#"a.b = "a\ b""#, r#"a.b = "a\\b""#),
    ]);
    refused(&[
        ("a.b = '", 6, "the quoted text is never closed"),
        ("a.b = '\"", 6, "the quoted text is never closed"),
        ("a.b = \"x\\\"", 6, "the quoted text is never closed"),
        ("a.b = \"x\"\"", 9, "expected `and`, `or` or the end, found `\"`"),
        (r#"a.b = "mixed \'""#, 13, "unknown escape `\\'`"),
        (r#"a.b = 'mixed \"'"#, 13, "unknown escape `\\\"`"),
        (r#"a.b = "\d""#, 7, "unknown escape `\\d`"),
        (r#"a.b = "\é""#, 7, "unknown escape `\\é`"),
        (r#"a.b = "\x4""#, 7, "unknown escape `\\x`"),
        (r#"a.b = "\xg0""#, 7, "unknown escape `\\x`"),
        (r#"a.b = "\xff""#, 7, "the escapes make bytes that are no text"),
    ]);
}

#[test]
fn numbers_durations_and_sizes() {
    canonical(&[
        "a.b > 1000",
        "a.b < +1",
        "a.b >= -1",
        "a.b <= 0x12345",
        "a.b <= 0XaB00AB",
        "a.b > 1.2",
        "a.b > -0.1222e+10",
        "a.b > 10m",
        "a.b > 1h30m",
        "a.b <= 120s",
        "a.b <= 4KiB",
        "a.b <= 0.25",
    ]);
    accepted(&[("a.b > 1and c", "a.b > 1 and c"), ("a.b > 0x1for(c)", "a.b > 0x1f or c")]);
    refused(&[
        ("a.b > !0.1e+10", 6, "expected a number after `>`, found `!`"),
        ("a.b < 0xAAA.1", 6, "expected a number after `<`, found `0xAAA.1`"),
        ("a.b >= 0aaaaa", 7, "expected a number after `>=`, found `0aaaaa`"),
        ("a.b <= a", 7, "expected a number after `<=`, found `a`"),
        ("a.b <= \"1\"", 7, "expected a number after `<=`, found `\"`"),
        ("a.b < 1e3", 6, "expected a number after `<`, found `1e3`"),
        ("a.b < 10 4", 9, "expected `and`, `or` or the end, found `4`"),
    ]);
}

#[test]
fn lists_by_value_and_by_name() {
    canonical(&["a.b in ()", "a.b in (x)", "a.b in (x, \"y z\", \"\")", "a.b in some_list"]);
    accepted(&[("a.b in('x',\"y\")", "a.b in (\"x\", \"y\")")]);
    refused(&[
        ("a.b in (", 8, "expected a value in the list, found the end of the condition"),
        ("a.b in (x", 7, "expected `)`, found the end of the condition"),
        ("a.b in (x,)", 10, "expected a value in the list, found `)`"),
        ("a.b in (,)", 8, "expected a value in the list, found `,`"),
        ("a.b in ( 1 ,, , b)", 12, "expected a value in the list, found `,`"),
        ("a.b in (x y)", 10, "expected `)`, found `y`"),
        ("a.b in (tolower(c.d))", 15, "expected `)`, found `(`"),
        ("a.b in )", 7, "expected a list after `in`, found `)`"),
        ("a.b in \"x\"", 7, "expected a list after `in`, found `\"`"),
        ("a.b in or c", 7, "expected a list after `in`, found `or`"),
    ]);
}

#[test]
fn modifiers_need_a_blank_before_and_a_list_behind() {
    canonical(&[
        "a.b = oneof (x, y)",
        "a.b != allof (x)",
        "a.b startswith anyof (/etc, /root)",
        "a.b = oneof ()",
        "a.b = oneof some_list",
        "a.b = oneof oneof",
        "a.b = oneof",
        "a.b = anyof and c",
        "a.b = oneof_something",
        "a.b = oneof or a.c = anyof (x)",
        "a.b = oneof andx",
    ]);
    accepted(&[("(a.b = oneof)", "a.b = oneof"), ("a.b contains  allof\n(x)", "a.b contains allof (x)")]);
    refused(&[
        ("a.b ==oneof (x, y)", 12, "expected `and`, `or` or the end, found `(`"),
        ("a.b = oneof(x, y)", 6, "`oneof` is not a transformer"),
        ("a.b = oneof (x,)", 15, "expected a value in the list, found `)`"),
        ("a.b = oneof (x", 12, "expected `)`, found the end of the condition"),
        ("a.b = oneof and_x", 12, "expected a blank or `(` after `and`"),
        ("a.b in oneof (x)", 13, "expected `and`, `or` or the end, found `(`"),
    ]);
}

#[test]
fn transformers_on_the_left() {
    canonical(&[
        "tolower(a.b) = x",
        "toupper(b64(basename(a.b[1]))) exists",
        "len(a.b) > 5",
        "join(\"-\", (a.b, \"x\", 1, tolower(a.c))) = y",
        "join(\"-\", ()) = y",
        "concat(a.b, \"text\", a.c) = y",
        "getopt(proc.args, \"nt:\")[t] = y",
        "getopt(proc.args, \"nt:\")[\"\"] = y",
        "tolower(a.b) = anyof (x)",
    ]);
    accepted(&[
        ("b64(\n b64( a.b\n) )\nexists", "b64(b64(a.b)) exists"),
        ("getopt(proc.args, 'nt:')[\"t\"] = y", "getopt(proc.args, \"nt:\")[t] = y"),
    ]);
    refused(&[
        ("val(a.b) exists", 0, "`val` is not a transformer"),
        (
            "b64(val(a.b)) exists",
            4,
            "expected a field, a transformer, a quoted text or a number, found `val`",
        ),
        ("b64 (a.b) exists", 4, "expected `and`, `or` or the end, found `(`"),
        ("b64(a.b exists", 8, "expected `)`, found `exists`"),
        ("b64(a.b)) exists", 8, "expected an operator after `b64(a.b)`, found `)`"),
        ("b64(name) exists", 4, "expected a field, a transformer, a quoted text or a number, found `name`"),
        ("b64(a.b [1]) exists", 8, "expected `)`, found `[`"),
        ("fake(a.b) exists", 0, "`fake` is not a transformer"),
        ("fake.er(a.b) exists", 7, "expected an operator after `fake.er`, found `(`"),
        (
            "join(\"-\", ((a.b))) = x",
            11,
            "expected a field, a transformer, a quoted text or a number, found `(`",
        ),
        (
            "join(\"-\", (a.b,)) = x",
            15,
            "expected a field, a transformer, a quoted text or a number, found `)`",
        ),
        (
            "join(\"-\", (bare)) = x",
            11,
            "expected a field, a transformer, a quoted text or a number, found `bare`",
        ),
        ("getopt(a.b, \"x\")[] = y", 16, "expected a bare or quoted text in the brackets, found `]`"),
    ]);
}

#[test]
fn two_fields_are_compared_by_val_or_a_transformer_on_the_right() {
    canonical(&[
        "a.b = val(c.d)",
        "a.b = tolower(c.d)",
        "a.b > val(c.d[1])",
        "a.b in val(c.d)",
        "a.b intersects b64(c.d)",
        "tolower(a.b) = b64(toupper(c.d))",
        "a.b = c.d",
    ]);
    refused(&[
        ("a.b = val(val(c.d))", 10, "expected a field, found `val`"),
        ("a.b = val(tolower(c.d))", 10, "expected a field, found `tolower`"),
        (
            "a.b = b64(val(c.d))",
            10,
            "expected a field, a transformer, a quoted text or a number, found `val`",
        ),
        ("a.b = val(c.d [1])", 14, "expected `)`, found `[`"),
        ("a.b = b64 (c.d)", 10, "expected `and`, `or` or the end, found `(`"),
        ("a.b = some_fake(c.d)", 6, "`some_fake` is not a transformer"),
        ("a.b = b64and(c)", 6, "`b64and` is not a transformer"),
        ("a.b = (b64(c.d))", 6, "expected a text after `=`, found `(`"),
        ("a.b = oneof val(c.d)", 15, "expected `and`, `or` or the end, found `(`"),
    ]);
}

#[test]
fn values_keep_their_text_and_whether_they_were_quoted() {
    let expr = read("a.b in (10m, \"10m\")").unwrap();
    let ExprKind::Check(check) = expr.kind else { panic!() };
    let Some(Operand::List(list)) = check.right else { panic!() };
    let seen: Vec<_> = list.items.iter().map(|item| (item.text.as_str(), item.quoted, item.span)).collect();
    let span = |start, end| Span::new(SourceId(0), start, end);
    assert_eq!(seen, [("10m", false, span(8, 11)), ("10m", true, span(13, 18))]);
}

#[test]
fn every_part_knows_its_place() {
    let text = "a and not (proc.name = x or b)";
    let expr = read(text).unwrap();
    let place = |span: Span| text.get(span.start as usize..span.end as usize).unwrap();
    assert_eq!(place(expr.span), text);
    let ExprKind::And(members) = &expr.kind else { panic!() };
    assert_eq!((place(members[0].span), place(members[1].span)), ("a", "not (proc.name = x or b)"));
    let check = expr.checks()[0];
    assert_eq!((place(check.left.span()), place(check.operator.span)), ("proc.name", "="));
    assert_eq!(place(check.right.as_ref().unwrap().span()), "x");
}

#[test]
fn a_field_may_stand_alone() {
    let field = |text| parse_field(&Text::nowhere(text));
    assert_eq!(field(" fd.remote ").unwrap().to_string(), "fd.remote");
    assert_eq!(field("proc.aname[2]").unwrap().argument.as_deref(), Some("2"));
    for text in ["", "name", "a.b c", "tolower(a.b)"] {
        assert!(matches!(field(text).unwrap_err().kind, ParseErrorKind::ExpectedField { .. }), "{text}");
    }
}

#[test]
fn an_item_of_a_yaml_list_is_one_value() {
    for (text, value, quoted) in [
        ("bash", "bash", false),
        ("\"(systemd)\"", "(systemd)", true),
        ("'x y'", "x y", true),
        ("sh -c ls", "sh -c ls", true),
        ("a=b", "a=b", true),
        ("", "", true),
    ] {
        let item = parse_item(&Text::nowhere(text)).unwrap();
        assert_eq!((item.text.as_str(), item.quoted), (value, quoted), "{text}");
    }
    assert!(parse_item(&Text::nowhere("\"a\" b")).is_err());
    assert!(parse_item(&Text::nowhere("\"a")).is_err());
}

/// Any text, with what matters to the grammar in it more often than by chance.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9/.*-]{1,8}",
        "[ \\\\\"'()\\[\\],=<>!\t\n\r\x08\x0ca-c]{0,8}",
        any::<String>(),
        prop::sample::select(vec!["oneof", "and", "not", "or", "val", "\\", "10m", "tolower"])
            .prop_map(str::to_owned),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    "[a-z][a-zA-Z0-9_]{0,5}".prop_filter("keywords are no names", |name| {
        // `oneof or_` is Falco's `oneof`, then its keyword.
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        !["and", "or", "not"].iter().any(|keyword| name.strip_prefix(keyword).is_some_and(ends))
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    (any_text(), any::<bool>()).prop_map(|(text, quoted)| {
        let quoted = quoted || !super::lex::is_bare(&text);
        Value { text, quoted, span: Span::default() }
    })
}

fn any_field() -> impl Strategy<Value = Field> {
    let name = (any_name(), any_name()).prop_map(|(class, name)| format!("{class}.{name}"));
    (name, prop::option::of(any_text())).prop_map(|(name, argument)| Field {
        name,
        argument,
        span: Span::default(),
    })
}

fn any_argument(
    term: impl Strategy<Value = Term> + Clone + 'static,
) -> impl Strategy<Value = Argument> + Clone {
    let number = prop::sample::select(vec!["1", "-2.5", "0x1F", "1e+3"]);
    let leaf = prop_oneof![
        term.prop_map(Argument::Term),
        any_text().prop_map(|text| Argument::Value(Value { text, quoted: true, span: Span::default() })),
        number.prop_map(|number| {
            Argument::Value(Value { text: number.to_owned(), quoted: false, span: Span::default() })
        }),
    ]
    .boxed();
    let list = prop::collection::vec(leaf.clone(), 0..3).prop_map(|all| Argument::List(all, Span::default()));
    prop_oneof![3 => leaf, 1 => list].boxed()
}

fn any_term() -> impl Strategy<Value = Term> {
    any_field().prop_map(Term::Field).boxed().prop_recursive(3, 8, 3, |inner| {
        let function = prop::sample::select(Function::ALL);
        (function, prop::collection::vec(any_argument(inner), 1..3), prop::option::of(any_text())).prop_map(
            |(function, arguments, selector)| {
                Term::Call(Call { function, arguments, selector, span: Span::default() })
            },
        )
    })
}

fn any_check() -> impl Strategy<Value = Check> {
    let list = || {
        prop_oneof![
            prop::collection::vec(any_value(), 0..4)
                .prop_map(|items| Operand::List(List { items: Arc::from(items), span: Span::default() })),
            any_name().prop_map(|name| Operand::Named(Spanned::new(name, Span::default()))),
        ]
    };
    let number = prop::sample::select(vec!["1", "-2.5", "0x1F", "10m", "1h30m", "4KiB"]).prop_map(|text| {
        Operand::Value(Value { text: text.to_owned(), quoted: false, span: Span::default() })
    });
    let term = || any_term().prop_map(Operand::Term);
    let operator = prop::sample::select(Operator::ALL);
    let modifier = prop::option::of(prop::sample::select(Modifier::ALL));
    let text = prop_oneof![3 => any_value().prop_map(Operand::Value), 1 => term()];
    let number = prop_oneof![3 => number, 1 => term()];
    let list_or_term = prop_oneof![3 => list(), 1 => term()];
    (any_term(), operator, modifier, text, number, list(), list_or_term).prop_map(
        |(left, operator, modifier, text, number, list, list_or_term)| {
            let (modifier, right) = match operator.takes() {
                Takes::Nothing => (None, None),
                Takes::Number => (None, Some(number)),
                Takes::List => (None, Some(list_or_term)),
                Takes::Text if modifier.is_some() => (modifier, Some(list)),
                Takes::Text => (None, Some(text)),
            };
            Check { left, operator: Spanned::new(operator, Span::default()), modifier, right }
        },
    )
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let none = Span::default();
    let leaf = prop_oneof![
        3 => any_check().prop_map(move |check| Expr::check(check, none)),
        1 => any_name().prop_map(move |name| Expr { kind: ExprKind::Macro(name), span: none }),
    ];
    leaf.boxed().prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(move |all| Expr::or(all, none).unwrap()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(move |all| Expr::and(all, none).unwrap()),
            inner.prop_map(move |it| Expr::negate(it, none)),
        ]
    })
}

#[test]
fn every_condition_of_the_built_in_rules_is_read_again_as_it_is_printed() {
    let (rules, _, _) = crate::rules::falco::load(crate::rules::builtin::FILES);
    let conditions = rules.iter().flat_map(|rule| {
        let steps = rule.steps.iter().filter_map(|step| match &step.what {
            StepWhat::Condition(condition) => Some(condition),
            StepWhat::Match(_) => None,
        });
        steps.chain(&rule.until)
    });
    let mut seen = 0;
    for condition in conditions {
        let printed = condition.to_string();
        let again = parse(&Text::nowhere(&printed)).unwrap();
        assert_eq!(again.to_string(), printed);
        assert_eq!(parse(&Text::nowhere(&again.to_string())), Ok(again));
        seen += 1;
    }
    assert!(seen > 20, "only {seen}");
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again_as_the_same_tree(expr in any_expr()) {
        let printed = expr.to_string();
        let again = parse(&Text::nowhere(&printed));
        prop_assert_eq!(again.as_ref(), Ok(&expr), "printed: {}", printed);
        prop_assert_eq!(again.unwrap().to_string(), printed);
    }

    #[test]
    fn what_is_read_is_printed_as_something_that_reads_the_same(text in any_text()) {
        if let Ok(expr) = read(&text) {
            let printed = expr.to_string();
            prop_assert_eq!(read(&printed).map(|again| again.to_string()), Ok(printed));
        }
    }

    #[test]
    fn no_text_whatever_is_a_crash(text in any_text()) {
        crate::rules::fuzz::condition(text.as_bytes());
        crate::rules::fuzz::rule_file(text.as_bytes());
    }
}
