//! The rules that come with Sluicebox.

use super::compile::{Compiled, compile};
use super::ruleset::Thresholds;

/// The files of the built-in rules, by name, in their order.
pub const FILES: &[(&str, &str)] = &[
    ("common.yaml", include_str!("../../rules/common.yaml")),
    ("downloaded_program_run.yaml", include_str!("../../rules/downloaded_program_run.yaml")),
    ("gpu_miner.yaml", include_str!("../../rules/gpu_miner.yaml")),
    ("miner_command_line.yaml", include_str!("../../rules/miner_command_line.yaml")),
    ("miner_host_probe.yaml", include_str!("../../rules/miner_host_probe.yaml")),
    ("miner_name.yaml", include_str!("../../rules/miner_name.yaml")),
    ("pool_connection.yaml", include_str!("../../rules/pool_connection.yaml")),
    ("blinding.yaml", include_str!("../../rules/blinding.yaml")),
    ("randomx_memory.yaml", include_str!("../../rules/randomx_memory.yaml")),
    ("reverse_shell.yaml", include_str!("../../rules/reverse_shell.yaml")),
];

/// The built-in rules. They compile; a test sees to it.
#[must_use]
pub fn compiled(thresholds: Thresholds) -> Compiled {
    compile(FILES, thresholds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::falco::{StepWhat, load};
    use crate::rules::lang::{Expr, ExprKind};

    #[test]
    fn the_built_in_rules_compile_without_a_word() {
        let compiled = compiled(Thresholds::default());
        assert_eq!(compiled.diagnostics.text(&compiled.sources), "");
        assert!(compiled.rules.is_some_and(|rules| rules.rules().len() >= 6));
    }

    #[test]
    fn no_single_sign_of_mining_alerts() {
        let compiled = compiled(Thresholds::default());
        let alert = Thresholds::default().alert;
        for rule in compiled.rules.unwrap().rules() {
            // Each of these is several signs in one.
            let whole_story =
                ["reverse-shell", "shell-takes-orders", "remote-terminal", "runs-what-it-hears"]
                    .contains(&&*rule.id);
            assert!(whole_story || rule.weight.is_some_and(|weight| weight < alert), "{}", rule.id);
        }
    }

    /// Whether a condition holds where of all fields only the event's type has a value.
    fn holds_of_nothing(expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::And(members) => members.iter().all(holds_of_nothing),
            ExprKind::Or(members) => members.iter().any(holds_of_nothing),
            ExprKind::Not(inner) => !holds_of_nothing(inner),
            ExprKind::Check(check) => check.left.to_string() == "evt.type",
            ExprKind::Macro(_) => false,
        }
    }

    #[test]
    fn no_built_in_rule_convicts_by_what_is_not_known() {
        let (rules, _, _) = load(FILES);
        for rule in &rules {
            for step in rule.steps.iter().filter(|step| !step.absent && !step.optional) {
                if let StepWhat::Condition(condition) = &step.what {
                    assert!(!holds_of_nothing(condition), "{}: {condition}", rule.id.value);
                }
            }
        }
    }
}
