//! New lists, old deeds: a container that talked to a pool before any list knew of it is found when one does.
//!
//! What is remembered of live containers is put before the rules once more, as it was: the last connect to an endpoint,
//! the exec of what runs. A step is met by it only if the new lists make the difference: its condition holds with them
//! and does not hold with those before. So a deed that was judged already is not judged twice, and a rule that asks no
//! list never hears of it. Steps and matches have the time of the deed; the score and the finding have the present.

use std::sync::Arc;

use super::Sandbox;
use crate::event::{Call, Connect, Event, Kind, SentryExecve, SockAddr, Sysno, Text, Texts, Time};
use crate::finding::Finding;
use crate::hash::Set;
use crate::intel::Intel;
use crate::rules::Scene;
use crate::rules::fields::Memo;
use crate::state::{Observation, ProcessId, Subject};

impl Sandbox {
    /// Judges what is remembered by what `new` lists say and `old` ones did not, and appends what that gives rise to. To be
    /// called once when lists are exchanged; from then on, events are given the new ones.
    pub fn lists_changed(&mut self, old: &Intel, new: &Intel, out: &mut Vec<Finding>) {
        let from = out.len();
        let now = self.state.clock();
        let remotes = self.state.remembered_remotes();
        let news = |remote| {
            new.endpoint(remote, now).is_some_and(|hit| hit.is_news_after(old.endpoint(remote, now).as_ref()))
        };
        let remotes: Vec<_> = remotes.filter(|(_, remote)| news(*remote)).collect();
        for (container, remote) in remotes {
            let Some(recalled) = self.state.recall(container, remote) else { continue };
            let kind = Kind::Connect(Connect {
                call: Call { sysno: Sysno::CONNECT, exit: Some(recalled.exit) },
                address: SockAddr::Inet(remote),
                ..Connect::default()
            });
            self.reconsider(&Event { context: None, kind }, &recalled.observation, old, new, out);
            self.state.dismiss(&recalled);
        }
        // Children that were forked share their parent's program: one exec made all of them.
        let mut seen: Set<usize> = Set::default();
        let running: Vec<_> = self.state.running().collect();
        for (process, time) in running {
            self.reconsider_program(process, time, &mut seen, old, new, out);
        }
        for finding in out.iter_mut().skip(from) {
            finding.retrospective = true;
        }
    }

    fn reconsider_program(
        &mut self,
        id: ProcessId,
        time: Time,
        seen: &mut Set<usize>,
        old: &Intel,
        new: &Intel,
        out: &mut Vec<Finding>,
    ) {
        let Some(process) = self.state.process_at(id) else { return };
        let (container, program) = (process.key.container, Arc::clone(&process.program));
        if program.is_unknown() || !seen.insert(Arc::as_ptr(&program).addr()) {
            return;
        }
        let argv: Vec<Text<'_>> = program.argv.iter().map(Text).collect();
        let kind = Kind::SentryExecve(SentryExecve {
            binary_path: Text(&program.path),
            execfn: Text(&program.path),
            argv: Texts::of(&argv),
            ..SentryExecve::default()
        });
        let subject = Subject::Process;
        let observation = Observation { time, container, process: id, fd: None, subject, arg_changed: false };
        self.reconsider(&Event { context: None, kind }, &observation, old, new, out);
    }

    /// Lets the rules see a deed of which the lists say something new.
    fn reconsider(
        &mut self,
        event: &Event<'_>,
        observation: &Observation,
        old: &Intel,
        new: &Intel,
        out: &mut Vec<Finding>,
    ) {
        let Some(judgement) = self.judgements.get_mut(usize::from(observation.container.0)) else { return };
        // What was made of the old lists is not what is made of the new ones.
        let (then, now) = (Memo::default(), Memo::default());
        let before = Scene { event, observation, state: &self.state, intel: old, memo: &then };
        let scene = Scene { intel: new, memo: &now, ..before };
        self.matches.clear();
        judgement.matcher.observe_again(&self.rules, &before, &scene, &mut self.matches);
        if !self.matches.is_empty() {
            let now = Observation { time: self.state.clock(), ..observation.clone() };
            self.judge(&now, new, out, &mut |_, _| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{json, text};
    use crate::intel::feed::{FileHash, Indicator, Record};
    use crate::intel::{Added, IntelBuilder, Trust};
    use crate::rules::testing::Script;
    use crate::rules::{Thresholds, builtin};

    /// The bundled lists and what a feed named `late` says of that address and port.
    fn lists(remote: &str, trust: Trust) -> Intel {
        let mut builder = IntelBuilder::seed();
        let feed = builder.feed("late", ["mining-pool"]);
        let record = Record::bare(Indicator::Endpoint(remote.parse().unwrap()), 1);
        assert_eq!(builder.add(feed, &record, 90, trust), Added::Kept);
        builder.build(1)
    }

    fn played(script: &str) -> Sandbox {
        let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
        let mut sandbox = Sandbox::new(rules);
        let mut found = Vec::new();
        for event in Script::parse(script).unwrap().events() {
            sandbox.observe(&event, &Intel::seed(), &mut found);
        }
        assert!(found.is_empty(), "nobody knew");
        sandbox
    }

    const CONNECTS: &str = "0s pid=10 connect fd=3 remote=198.51.100.7:443\n\
                            5s pid=10 close fd=3\n\
                            10m pid=10 getuid";

    #[test]
    fn a_connection_that_is_over_is_found_when_a_list_learns_of_it() {
        let mut sandbox = played(CONNECTS);
        let (old, new) = (Intel::seed(), lists("198.51.100.7:443", Trust::Full));
        let mut found = Vec::new();
        sandbox.lists_changed(&old, &new, &mut found);
        let [finding] = found.as_slice() else { panic!("one finding, not {}", found.len()) };
        assert!(finding.retrospective);
        assert_eq!((finding.rule.id.as_str(), finding.versions.intel), ("known-pool", 1));
        let step = &finding.matches[0].steps[0];
        assert!(finding.time_ns - step.time_ns > 590_000_000_000, "found now, done ten minutes ago");
        assert_eq!(
            (&*step.indicators[0].source, &*step.indicators[0].what),
            ("late", &b"198.51.100.7:443"[..])
        );
        assert!(json::line(finding).contains(r#""retrospective":true"#));
        assert!(text::story(finding).contains("(in retrospect)"));
    }

    #[test]
    fn what_was_found_once_is_not_found_again() {
        let mut sandbox = played(CONNECTS);
        let (old, new) = (Intel::seed(), lists("198.51.100.7:443", Trust::Full));
        let mut found = Vec::new();
        sandbox.lists_changed(&old, &new, &mut found);
        sandbox.lists_changed(&new, &new, &mut found);
        // A feed that comes and goes.
        sandbox.lists_changed(&new, &old, &mut found);
        sandbox.lists_changed(&old, &new, &mut found);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn neither_another_port_nor_a_hint_convicts() {
        for new in [lists("198.51.100.7:444", Trust::Full), lists("198.51.100.7:443", Trust::Hint)] {
            let mut found = Vec::new();
            played(CONNECTS).lists_changed(&Intel::seed(), &new, &mut found);
            assert!(found.is_empty());
        }
    }

    #[test]
    fn a_program_that_runs_is_found_when_a_list_learns_its_digest() {
        let rules = "- rule: known\n  desc: d\n  condition: evt.type = execve and intel.hash.tags intersects (miner)\n  \
                     output: \"%intel.hash.source %intel.hash.since\"\n  priority: CRITICAL\n";
        let rules = crate::rules::compile(&[("test.yaml", rules)], Thresholds::default(), 1).rules.unwrap();
        let mut sandbox = Sandbox::new(Arc::new(rules));
        let mut found = Vec::new();
        let script =
            format!("0s pid=10 execve path=/usr/bin/cron sha256={}\n10m pid=10 getuid", "5".repeat(64));
        for event in Script::parse(&script).unwrap().events() {
            sandbox.observe(&event, &Intel::seed(), &mut found);
        }
        assert!(found.is_empty(), "nobody knew");
        let mut builder = IntelBuilder::seed();
        let feed = builder.feed("late", ["miner"]);
        let digest = FileHash::Sha256([0x55; 32]);
        assert_eq!(
            builder.add(feed, &Record::bare(Indicator::Hash(digest), 1), 90, Trust::Full),
            Added::Kept
        );
        let new = builder.build(1);
        sandbox.lists_changed(&Intel::seed(), &new, &mut found);
        sandbox.lists_changed(&new, &new, &mut found);
        let [finding] = found.as_slice() else { panic!("one finding, not {}", found.len()) };
        let indicator = &finding.matches[0].steps[0].indicators[0];
        assert_eq!((&*indicator.source, &*indicator.what), ("late", "5".repeat(64).as_bytes()));
        assert!(finding.retrospective);
    }

    #[test]
    fn a_program_that_runs_is_found_when_a_list_learns_its_name() {
        let mut sandbox = played("0s pid=10 execve path=/usr/bin/newminer argv=newminer\n1m pid=10 getuid");
        let mut builder = IntelBuilder::seed();
        builder.names("late", "miner", 90, "newminer");
        let mut found = Vec::new();
        let before = sandbox.score(crate::state::ContainerIx(0));
        sandbox.lists_changed(&Intel::seed(), &builder.build(1), &mut found);
        assert!(sandbox.score(crate::state::ContainerIx(0)) > before);
    }
}
