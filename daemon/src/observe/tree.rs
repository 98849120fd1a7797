//! One sandbox as it is now: its processes as a tree, and what waits for its sequel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluicebox::engine;
use sluicebox::event::Text;
use sluicebox::state::{self, ContainerIx};

/// Processes of a container that are shown; a fork bomb has thousands.
const PROCESSES: usize = 1000;

/// Partial matches of a container that are shown.
const WAITING: usize = 500;

/// Bytes of a command line that are shown.
const COMMAND: usize = 256;

/// A sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Its connection.
    pub connection: u64,
    /// The sandbox's clock.
    pub time_ns: i64,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its id as it claims, escaped.
    pub id: String,
    /// Its score, in hundredths of a point.
    pub score: u64,
    /// Parents before their children.
    pub processes: Vec<Process>,
    /// Processes that are not shown.
    pub processes_left_out: usize,
    /// What waits for its sequel.
    pub partial_matches: Vec<PartialMatch>,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id in the sandbox's root namespace.
    pub pid: i32,
    /// Steps from a process that has no remembered ancestor.
    pub depth: usize,
    /// What it runs, escaped.
    pub exe: String,
    /// How it was called, escaped and cut.
    pub command: String,
    /// Where what it runs came from.
    pub origin: String,
    /// It is gone, and remembered for what it left behind.
    pub is_gone: bool,
}

/// A partial match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialMatch {
    /// The rule.
    pub rule: String,
    /// Steps that are met.
    pub met: usize,
    /// Steps that there are.
    pub steps: usize,
    /// When the first of them was met.
    pub since_ns: i64,
    /// When the last of them was met.
    pub last_ns: i64,
    /// Who met the last of them.
    pub pid: i32,
}

impl Tree {
    /// What a sandbox is now.
    #[must_use]
    pub fn of(connection: u64, sandbox: &engine::Sandbox) -> Tree {
        let state = sandbox.state();
        let containers = state.containers().map(|(at, container)| {
            let (processes, processes_left_out) = processes(state, at);
            let partial_matches = sandbox.waiting(at).take(WAITING).map(|waiting| PartialMatch {
                rule: waiting.rule.to_string(),
                met: waiting.met,
                steps: waiting.steps,
                since_ns: waiting.since.0,
                last_ns: waiting.last.0,
                pid: waiting.process.0,
            });
            Container {
                id: Text(&container.id).to_string(),
                score: sandbox.score(at).0,
                processes,
                processes_left_out,
                partial_matches: partial_matches.collect(),
            }
        });
        Tree { connection, time_ns: state.clock().0, containers: containers.collect() }
    }
}

/// The processes of a container, parents before their children, and how many are left out.
fn processes(state: &state::State, container: ContainerIx) -> (Vec<Process>, usize) {
    let mut all: BTreeMap<u64, &state::Process> = BTreeMap::new();
    for (_, process) in state.processes().filter(|(_, process)| process.key.container == container) {
        all.insert(process.serial.0, process);
    }
    // The nearest ancestor that is remembered; serials grow, so it is older.
    let mut children: BTreeMap<Option<u64>, Vec<u64>> = BTreeMap::new();
    for (serial, process) in &all {
        let known = |ancestor: &u64| ancestor < serial && all.contains_key(ancestor);
        let parent = process.ancestors.iter().map(|ancestor| ancestor.serial.0).find(known);
        children.entry(parent).or_default().push(*serial);
    }
    let mut shown = Vec::new();
    let roots = children.get(&None).into_iter().flatten().rev();
    let mut next: Vec<(u64, usize)> = roots.map(|serial| (*serial, 0)).collect();
    while let Some((serial, depth)) = next.pop() {
        if shown.len() >= PROCESSES {
            break;
        }
        if let Some(process) = all.get(&serial) {
            shown.push(line(process, depth));
        }
        let below = children.get(&Some(serial)).into_iter().flatten().rev();
        next.extend(below.map(|child| (*child, depth.saturating_add(1))));
    }
    let left_out = all.len().saturating_sub(shown.len());
    (shown, left_out)
}

fn line(process: &state::Process, depth: usize) -> Process {
    let mut command = Vec::new();
    for argument in process.program.argv.iter() {
        if command.len() >= COMMAND {
            break;
        }
        if !command.is_empty() {
            command.push(b' ');
        }
        command.extend(argument.iter().take(COMMAND));
    }
    command.truncate(COMMAND);
    Process {
        pid: process.key.tgid.0,
        depth,
        exe: Text(&process.program.path).to_string(),
        command: Text(&command).to_string(),
        origin: process.program_origin().name().to_owned(),
        is_gone: process.exited.is_some(),
    }
}
