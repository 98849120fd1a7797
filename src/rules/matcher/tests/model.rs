//! The matcher against a naive model that keeps every event and forgets nothing, on random rules and events.
//!
//! The model knows rules of up to four letters, in order or as a set, with optional letters, one `until`, three scopes
//! and a `within`. It is as plain as it can be: all partial matches in one list, each a list of (letter, time); what is
//! too old is found out when it is asked for. Events are farther apart than the tolerance, which has tests of its own.

#![expect(clippy::arithmetic_side_effects, reason = "the numbers of the model are small")]

use proptest::prelude::*;

use super::run;

const LETTERS: [&str; 5] = ["getuid", "geteuid", "getgid", "getegid", "getppid"];

/// The processes: 10 and 20 are children of the first process, 11 is a child of 10.
const PROCESSES: [(i32, i32); 4] = [(1, 1), (10, 10), (11, 10), (20, 20)];

#[derive(Clone, Debug)]
struct Rule {
    scope: usize,
    is_set: bool,
    within: i64,
    /// The letter, and whether it is needed.
    steps: Vec<(usize, bool)>,
    until: Option<usize>,
}

/// Who, what, and how many seconds after the event before.
type Happened = (usize, usize, i64);

impl Rule {
    fn keys(&self) -> String {
        let scope = ["process", "lineage", "container"][self.scope];
        let mut keys = format!("scope: {scope}\nunordered: {}\nwithin: {}s\n", self.is_set, self.within);
        if let Some(until) = self.until {
            keys.push_str(&format!("until: evt.type = {}\n", LETTERS[until]));
        }
        keys.push_str("sequence:\n");
        for (letter, needed) in &self.steps {
            keys.push_str(&format!(
                "- {{condition: evt.type = {}, optional: {}}}\n",
                LETTERS[*letter], !needed
            ));
        }
        keys
    }

    fn scope_of(&self, process: usize) -> i32 {
        let (pid, family) = PROCESSES[process];
        [pid, family, 0][self.scope]
    }
}

/// A partial match of the model.
#[derive(Debug)]
struct Partial {
    scope: i32,
    /// Step and time, in the order in which they were met.
    met: Vec<(usize, i64)>,
}

/// Which events complete a match, by the model.
fn model(rule: &Rule, events: &[Happened]) -> Vec<usize> {
    let needed = |step: &usize| rule.steps[*step].1;
    let all = 0..rule.steps.len();
    let mut partials: Vec<Partial> = Vec::new();
    let mut matches = Vec::new();
    let mut now = 0;
    for (at, (process, letter, later)) in events.iter().enumerate() {
        now += later;
        let scope = rule.scope_of(*process);
        if rule.until == Some(*letter) {
            partials.retain(|partial| partial.scope != scope);
        }
        if !rule.steps.iter().any(|(known, _)| known == letter) {
            continue;
        }
        for partial in &mut partials {
            let too_old = |(_, time): &(usize, i64)| now - time > rule.within;
            if rule.is_set {
                partial.met.retain(|met| !too_old(met));
            } else {
                while partial.met.first().is_some_and(|met| too_old(met) && !needed(&met.0)) {
                    partial.met.remove(0);
                }
                if partial.met.iter().any(too_old) {
                    partial.met.clear();
                }
            }
        }
        partials.retain(|partial| !partial.met.is_empty());
        let fits = |partial: &Partial, step: &usize| {
            let is_met = partial.met.iter().any(|(met, _)| met == step);
            let last = partial.met.last().map(|(met, _)| *met);
            let in_turn = last.is_none_or(|last| *step > last)
                && (last.map_or(0, |last| last + 1)..*step).all(|passed| !needed(&passed));
            rule.steps[*step].0 == *letter && if rule.is_set { !is_met } else { in_turn }
        };
        let own = |partial: &Partial| partial.scope == scope;
        let extended =
            partials.iter().position(|partial| own(partial) && all.clone().any(|step| fits(partial, &step)));
        let index = match extended {
            Some(index) => index,
            None => {
                let renewed =
                    partials.iter_mut().filter(|partial| rule.is_set && own(partial)).find_map(|partial| {
                        // The step that comes first in the rule, as the rule is written.
                        let step = all.clone().find(|step| {
                            rule.steps[*step].0 == *letter && partial.met.iter().any(|(met, _)| met == step)
                        })?;
                        partial.met.iter_mut().find(|(met, _)| *met == step)
                    });
                if let Some((_, time)) = renewed {
                    *time = now;
                    continue;
                }
                partials.push(Partial { scope, met: Vec::new() });
                partials.len() - 1
            }
        };
        let step = all.clone().find(|step| fits(&partials[index], step));
        let Some(step) = step.filter(|_| rule.steps.iter().any(|(_, needed)| *needed)) else {
            partials.retain(|partial| !partial.met.is_empty());
            continue;
        };
        partials[index].met.push((step, now));
        let done = |step: usize| {
            let met = &partials[index].met;
            let passed = !rule.is_set && met.last().is_some_and(|(last, _)| *last > step);
            !needed(&step) || passed || met.iter().any(|(met, _)| *met == step)
        };
        if all.clone().all(done) {
            partials.remove(index);
            matches.push(at);
        }
    }
    matches
}

fn rules() -> impl Strategy<Value = Rule> {
    let step = (0usize..4, prop::bool::weighted(0.75));
    let until = prop::option::weighted(0.3, 0usize..5);
    (0usize..3, any::<bool>(), 2i64..40, prop::collection::vec(step, 1..5), until)
        .prop_map(|(scope, is_set, within, steps, until)| Rule { scope, is_set, within, steps, until })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_matcher_agrees_with_a_model_that_keeps_every_event(
        rule in rules(),
        events in prop::collection::vec((0usize..4, 0usize..5, 1i64..12), 1..60),
    ) {
        let mut now = 0;
        let mut script = String::from("0s pid=10 gettid\n0s pid=11 parent=10 gettid\n0s pid=20 gettid\n");
        for (process, letter, later) in &events {
            now += later;
            script.push_str(&format!("{now}s pid={} {}\n", PROCESSES[*process].0, LETTERS[*letter]));
        }
        let outcome = run(&[("r", &rule.keys())], &script);
        // The first three lines introduce the processes.
        let matched: Vec<usize> = outcome.matches.iter().map(|matched| matched.line - 4).collect();
        prop_assert_eq!(matched, model(&rule, &events), "{}\n{}", rule.keys(), script);
    }
}
