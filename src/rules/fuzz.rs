//! Bodies of the fuzz targets: what must hold for any bytes whatever.

use super::lang;
use super::source::Text;

/// A condition either is refused, or is printed such that it is read again as the same tree.
///
/// # Panics
/// If it is not: that is the finding.
pub fn condition(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(first) = lang::parse(&Text::nowhere(text)) else { return };
    let printed = first.to_string();
    let second = lang::parse(&Text::nowhere(&printed));
    assert_eq!(second.as_ref(), Ok(&first), "printed: {printed}");
}

/// A rule file is loaded without a crash, and each diagnostic can be shown.
pub fn rule_file(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (rules, sources, diagnostics) = super::load(&[("fuzz.yaml", text)]);
    let shown = diagnostics.text(&sources);
    assert!(shown.is_empty() == diagnostics.is_empty(), "a diagnostic without a text");
    assert!(rules.iter().all(|rule| !rule.steps.is_empty()), "a rule without a step");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_all_sorts() {
        for data in [
            "a.b = \"\\\\\\\" \\ \"",
            "not(not(a and(b or c)))",
            "a.b in (x, 'y z', \"\") or a.c[\"\"] exists",
            "join(\"-\", (a.b, 1, tolower(a.c)))[x] = val(a.d)",
            "((((",
            "a.b > 1h30m and\u{e9}",
            "\0\u{feff}",
        ] {
            condition(data.as_bytes());
        }
        condition(&[0xff, 0xfe]);
        condition(&b"(".repeat(100_000));
    }

    #[test]
    fn rule_files_of_all_sorts() {
        for data in [
            "",
            "- ",
            "[]",
            "a: b",
            "- rule: x\n  condition: >\n    a.b = c and\n    d\n",
            "- list: a\n  items: &x [*x]\n",
            "- macro: a\n  condition: a or a\n- rule: b\n  condition: a\n  output: c\n  priority: info\n",
            "- rule: é\n  condition: \"é\u{2028}\\u00e9 é.b\"\n  output: x\n  priority: INFO",
            "- {rule: [a], condition: {}, sequence: 1, tests: x, once: {}}",
            "%YAML 9\n---\n",
        ] {
            rule_file(data.as_bytes());
        }
        rule_file(&[0xff]);
        rule_file("[".repeat(10_000).as_bytes());
    }
}
