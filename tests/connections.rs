//! What the state knows of connections, told by rules with their tests: `tests/rules/connections.yaml`.

use sluicebox::rules::testing::{self, run_rule};
use sluicebox::rules::{self, Thresholds};

#[test]
fn connections_are_what_their_events_make_them() {
    let files = [("connections.yaml", include_str!("rules/connections.yaml"))];
    let compiled = rules::compile(&files, Thresholds::default(), 1);
    let (sources, texts, diagnostics) = rules::load(&files);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.text(&texts));
    let rules = std::sync::Arc::new(compiled.rules.unwrap());
    let intel = testing::intel();
    let mut failed = Vec::new();
    for rule in &sources {
        for test in run_rule(rule, &rules, &intel, &mut |_| Ok(Vec::new())) {
            if test.failure.is_some() {
                let line = texts.position(test.span.source, test.span.start).line;
                failed.push(format!("line {line}: {}: {test}", rule.id.value));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
