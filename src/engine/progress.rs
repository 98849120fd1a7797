//! What waits for its sequel, for whoever looks on while a container lives. Findings are made elsewhere.

use std::sync::Arc;

use crate::event::{Tgid, Time};
use crate::state::ContainerIx;

use super::Sandbox;

/// A partial match: some steps of a rule are met, and it waits for the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The rule's id.
    pub rule: Arc<str>,
    /// Steps that are met.
    pub met: usize,
    /// Steps that there are.
    pub steps: usize,
    /// When the first of them was met.
    pub since: Time,
    /// When the last of them was met.
    pub last: Time,
    /// Who met the last of them.
    pub process: Tgid,
}

impl Sandbox {
    /// The partial matches in a container, in the order of the rules, each rule's oldest first.
    pub fn waiting(&self, container: ContainerIx) -> impl Iterator<Item = Waiting> {
        let judgement = self.judgements.get(usize::from(container.0));
        let partials = judgement.into_iter().flat_map(|judgement| judgement.matcher.partials());
        partials.filter_map(|(rule, met)| {
            let rule = self.rules.rules().get(rule)?;
            let last = met.iter().max_by_key(|met| met.evidence.time)?;
            Some(Waiting {
                rule: Arc::clone(&rule.id),
                met: met.len(),
                steps: rule.steps.len(),
                since: met.iter().map(|met| met.evidence.since).min()?,
                last: last.evidence.time,
                process: last.evidence.actor.tgid,
            })
        })
    }

    /// How many partial matches there are in all containers.
    #[must_use]
    pub fn partial_matches(&self) -> usize {
        let counts = self.judgements.iter().map(|judgement| judgement.matcher.partials().count());
        counts.fold(0, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intel::Intel;
    use crate::rules::testing::Script;
    use crate::rules::{Thresholds, compile};

    const RULE: &str = "- rule: R\n  id: r\n  desc: d\n  within: 1m\n  scope: container\n  sequence:\n    \
                        - condition: evt.type = connect\n    - condition: evt.type = listen\n  \
                        priority: NOTICE\n  output: o\n";

    #[test]
    fn a_partial_match_says_how_far_it_is_and_who_brought_it_there() {
        let rules = compile(&[("f", RULE)], Thresholds::default(), 1).rules.unwrap();
        let mut sandbox = Sandbox::new(Arc::new(rules));
        // The container starts long before: its start is an exec, and would be the second step before its turn.
        let script = Script::parse(
            "0s pid=10 openat path=/etc/hosts flags=O_RDONLY\n2s pid=10 connect fd=3 remote=198.51.100.7:443",
        )
        .unwrap();
        let mut found = Vec::new();
        for event in script.events() {
            sandbox.observe(&event, &Intel::empty(), &mut found);
        }
        let (container, _) = sandbox.state().containers().next().unwrap();
        let waiting: Vec<Waiting> = sandbox.waiting(container).collect();
        let [one] = waiting.as_slice() else { panic!("{waiting:?}") };
        assert_eq!((&*one.rule, one.met, one.steps, one.process), ("r", 1, 2, Tgid(10)));
        assert_eq!((one.since, sandbox.partial_matches()), (one.last, 1));
    }
}
