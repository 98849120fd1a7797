//! From what was matched to a finding that tells it: the one place where evidence is copied out and formatted.

use crate::event::{EventType, Fd};
use crate::finding::{
    Action, Ancestor, Container, Coverage, Deed, Fetched, File, Finding, Forgotten, Indicator, Match,
    Process, Remote, RuleName, ScoreChange, Severity, Step, Versions, Written,
};
use crate::intel::Intel;
use crate::rules::matcher::{self, Direction, Evidence, Object};
use crate::rules::score::{Level, Points};
use crate::rules::{Priority, Rule, RuleSet};
use crate::state::{Actor, Making, Observation, Program, Provenance, State};

/// How grave the finding of a rule without weight is.
pub(super) fn level_of(rule: &Rule) -> Level {
    match rule.priority {
        Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error => Level::Alert,
        Priority::Warning | Priority::Notice | Priority::Informational | Priority::Debug => Level::Notice,
    }
}

fn action_of(action: crate::rules::Action) -> Action {
    match action {
        crate::rules::Action::Report => Action::Report,
        crate::rules::Action::Escalate => Action::Escalate,
        crate::rules::Action::Kill => Action::Kill,
    }
}

/// Everything that a finding is made of beside its matches.
pub(super) struct Reporter<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) intel: &'a Intel,
    pub(super) state: &'a State,
    pub(super) observation: &'a Observation,
}

impl Reporter<'_> {
    /// The finding. `crossing` is the rule that crossed a threshold; the last match's own where none did.
    pub(super) fn finding(
        &self,
        level: Level,
        before: Points,
        after: Points,
        crossing: Option<usize>,
        contributing: &[(matcher::Match, Points)],
        number: u64,
    ) -> Finding {
        let rule = crossing.or_else(|| contributing.last().map(|(matched, _)| matched.rule));
        let rule = rule.and_then(|rule| self.rules.rules().get(rule));
        let thresholds = self.rules.thresholds;
        let threshold = crossing.map(|_| match level {
            Level::Notice => thresholds.notice,
            Level::Alert => thresholds.alert,
            Level::Kill => thresholds.kill,
        });
        let container = self.container();
        let time_ns = self.observation.time.0;
        Finding {
            id: id(&container.id, time_ns, number),
            time_ns,
            rule: name(rule),
            severity: match level {
                Level::Notice => Severity::Notice,
                Level::Alert => Severity::Alert,
                Level::Kill => Severity::Kill,
            },
            score: ScoreChange { before: before.0, after: after.0, threshold },
            shadow: rule.is_some_and(|rule| rule.shadow),
            retrospective: false,
            action: self.action(level, crossing, contributing),
            container,
            process: self.process(),
            matches: contributing.iter().map(|(matched, points)| self.matched(matched, *points)).collect(),
            coverage: self.coverage(),
            versions: Versions { rules: self.rules.generation(), intel: self.intel.generation() },
        }
    }

    /// What is to be done: what the level asks for, bounded by what the rules allow whose matches brought it about. One
    /// rule without a bound among them is enough to lift it: thresholds decide what several rules together may cause.
    fn action(
        &self,
        level: Level,
        crossing: Option<usize>,
        contributing: &[(matcher::Match, Points)],
    ) -> Action {
        let rules = || contributing.iter().filter_map(|(matched, _)| self.rules.rules().get(matched.rule));
        let said = rules().filter_map(|rule| rule.action).map(action_of).max().unwrap_or(Action::Report);
        let bound = rules().map(|rule| rule.action.map_or(Action::Kill, action_of)).max();
        if rules().any(|rule| rule.shadow) {
            return Action::Report;
        }
        match (crossing, level) {
            // A rule without weight: what it says itself.
            (None, _) => said,
            (Some(_), Level::Kill) => bound.unwrap_or(Action::Report),
            (Some(_), Level::Notice | Level::Alert) => said.min(Action::Escalate),
        }
    }

    fn container(&self) -> Container {
        let container = self.state.container_at(self.observation.container);
        // Who the container truly is, only the host side can say.
        let metadata = container.and_then(|container| container.metadata.as_deref());
        Container {
            id: container.map(|container| container.id.to_vec()).unwrap_or_default(),
            verified: metadata.is_some_and(|metadata| metadata.verified),
            labels: metadata.map(|metadata| metadata.labels.clone()).unwrap_or_default(),
        }
    }

    fn process(&self) -> Process {
        match self.state.process_at(self.observation.process) {
            Some(process) => {
                let told = told(&process.actor(), &process.ancestors);
                let name = if told.name.is_empty() { process.comm.bytes().to_vec() } else { told.name };
                Process { name, origin: process.program_origin().name(), ..told }
            }
            None => told(&Actor { tgid: crate::event::Tgid(0), program: std::sync::Arc::default() }, &[]),
        }
    }

    fn matched(&self, matched: &matcher::Match, points: Points) -> Match {
        let rule = self.rules.rules().get(matched.rule);
        Match {
            rule: name(rule),
            time_ns: matched.time.0,
            points: points.0,
            output: matched.output.clone(),
            tags: rule.into_iter().flat_map(|rule| &rule.tags).map(ToString::to_string).collect(),
            steps: matched.steps.iter().map(step).collect(),
        }
    }

    fn coverage(&self) -> Coverage {
        let sight = self.state.sight();
        let gone = self.state.evictions();
        Coverage {
            partial: sight.is_partial(),
            dropped: sight.dropped,
            undecodable: sight.undecodable,
            truncated: sight.truncated,
            unattributed: sight.unattributed,
            unseen_execs: sight.unseen_execs,
            unseen_connects: sight.unseen_connects,
            args_changed: sight.args_changed,
            time_jumps: sight.time_jumps.saturating_add(sight.time_backs),
            evictions: gone.total(),
            forgotten: Forgotten {
                processes: gone.processes,
                files: gone.files,
                endpoints: gone.endpoints,
                sockets: gone.sockets,
                pipes: gone.pipes,
                descriptors: gone.descriptors,
                evidence: gone.evidence,
                containers: gone.containers,
            },
        }
    }
}

fn name(rule: Option<&Rule>) -> RuleName {
    rule.map_or_else(
        || RuleName { id: String::new(), name: String::new() },
        |rule| RuleName { id: rule.id.to_string(), name: rule.name.to_string() },
    )
}

/// A stable id: time, container and number in the sandbox. Two sandboxes that claim one id at the same nanosecond
/// would have to be at the same number as well.
fn id(container: &[u8], time_ns: i64, number: u64) -> String {
    /// FNV-1a, 64 bit: not for security, only to make a short name of a long one.
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = container.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    format!("{time_ns:016x}-{hash:016x}-{number}")
}

fn told(actor: &Actor, ancestors: &[crate::state::Ancestor]) -> Process {
    let program: &Program = &actor.program;
    Process {
        pid: actor.tgid.0,
        name: program.name.to_vec(),
        exe: program.path.to_vec(),
        argv: program.argv.iter().map(<[u8]>::to_vec).collect(),
        argv_cut: program.argv.is_cut(),
        origin: program.effective().origin.name(),
        ancestors: ancestors
            .iter()
            .map(|ancestor| Ancestor {
                pid: ancestor.actor.tgid.0,
                name: ancestor.actor.program.name.to_vec(),
            })
            .collect(),
    }
}

fn step(evidence: &Evidence) -> Step {
    Step {
        since_ns: evidence.since.0,
        time_ns: evidence.time.0,
        count: evidence.count,
        name: evidence.step.as_ref().map(ToString::to_string),
        event: evidence.event.name().unwrap_or("unknown"),
        failed: evidence.failed,
        process: told(&evidence.actor, &evidence.ancestors),
        deed: deed(evidence),
        indicators: evidence
            .indicators
            .iter()
            .map(|indicator| Indicator {
                what: indicator.what.to_vec(),
                tags: indicator.tags.iter().map(ToString::to_string).collect(),
                source: indicator.source.to_string(),
            })
            .collect(),
    }
}

fn deed(evidence: &Evidence) -> Deed {
    match &evidence.object {
        Object::Process => {
            let ran = matches!(evidence.event, EventType::Container)
                || evidence.event == EventType::Syscall(crate::event::Sysno::EXECVE);
            // An interpreter that is fed ran nothing new; what it does shows that it runs what it is fed.
            if !ran && evidence.fed_by.is_none() {
                return Deed::Other;
            }
            let program = &evidence.actor.program;
            let mut file = file(program.effective_path(), program.effective());
            if let Some(remote) = &evidence.fed_by {
                file.origin = "network";
                file.remote = Some(fetched(remote));
            }
            Deed::Ran(file)
        }
        Object::File { path, provenance } => Deed::Touched(file(path, provenance)),
        Object::Remote { addr, direction, attempts, failures, sends, period, fd } => Deed::Network(Remote {
            addr: *addr,
            inbound: *direction == Direction::Inbound,
            attempts: *attempts,
            failures: *failures,
            sends: *sends,
            period_ns: period.map(|period| period.0),
            fd: fd.map(|Fd(fd)| fd),
        }),
        Object::Absent(span) => Deed::Nothing { span_ns: span.0 },
        Object::Gpu { state, ioctls } => Deed::Gpu { state: state.name(), ioctls: *ioctls },
    }
}

fn fetched(remote: &crate::state::Remote) -> Fetched {
    Fetched { addr: remote.addr, time_ns: remote.time.0, by: told(&remote.by, &[]) }
}

fn file(path: &[u8], provenance: &Provenance) -> File {
    let chain = provenance.derivation.as_ref().map(|derivation| {
        derivation
            .chain()
            .map(|written| Written {
                time_ns: written.time.0,
                path: written.path.to_vec(),
                by: told(&written.writer, &[]),
                built: written.making == Making::Built,
                installed: written.making == Making::Installed,
            })
            .collect()
    });
    File {
        path: path.to_vec(),
        origin: provenance.origin.name(),
        chain: chain.unwrap_or_default(),
        remote: provenance.remote().map(fetched),
    }
}
