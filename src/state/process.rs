//! Processes: who they are, what they run, what they hold, and whom they descend from.
//!
//! A process is (container, thread group id, start time of the group): ids are reused, the three together are not.
//! Threads have no state of their own. The comm is kept as evidence and never used as an identity.
//!
//! Lineage outlives its members:
//! each process carries its nearest [`MAX_ANCESTORS`] ancestors as they were when it was made.

use std::net::SocketAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::event::{Fd, Tgid, Tid, Time, Uid};

use super::FileId;
use super::arena::{Evict, Keep};
use super::budget::{Budget, Shared, Weight, heap_of};
use super::code::Code;
use super::container::ContainerIx;
use super::early::Early;
use super::gpu::Gpu;
use super::job::Job;
use super::processes::TableId;
use super::program::{Actor, Argv, COMM_MAX, Origin, Program, Provenance, Source, is_foreign};
use super::terminal::Terminal;

/// Ancestors that a process carries: as far back as Falco's rules look (`proc.aname[7]`), and one more.
pub(crate) const MAX_ANCESTORS: usize = 8;

/// Inputs that are remembered of a process; the newest replaces the last one beyond it.
pub(crate) const MAX_INPUTS: usize = 8;

/// What tells processes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessKey {
    /// The container, by its place in the sandbox.
    pub container: ContainerIx,
    /// The thread group id.
    pub tgid: Tgid,
    /// When the group started; 0 where the session does not say.
    pub start: Time,
}

/// A process's number: never given twice in a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessSerial(pub u64);

/// A family of processes: a child of the container's first process, with all its descendants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineageId(pub u64);

/// An ancestor as it was when the descendant was made.
#[derive(Clone, Debug)]
pub struct Ancestor {
    /// Its number.
    pub serial: ProcessSerial,
    /// Who it was.
    pub actor: Actor,
}

/// The leader of a session (setsid(2)), after whom it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLeader {
    /// The leader's number: it may be gone.
    pub serial: ProcessSerial,
    /// Its id, which is the session's.
    pub tgid: Tgid,
}

impl SessionLeader {
    pub(crate) fn of(process: &Process) -> SessionLeader {
        SessionLeader { serial: process.serial, tgid: process.key.tgid }
    }
}

/// Memory that several processes have as one (clone(2) with `CLONE_VM`), by the first that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryId(pub(crate) ProcessSerial);

/// How a process became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// Its clone, its start or its container's start was seen.
    Seen,
    /// It was there already, or its clone is still to come: what it holds is not known.
    Unseen,
}

/// A short name, as the kernel keeps it of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comm {
    bytes: [u8; COMM_MAX],
    len: u8,
}

impl Comm {
    pub(crate) fn new(name: &[u8]) -> Comm {
        let mut comm = Comm::default();
        for (slot, byte) in comm.bytes.iter_mut().zip(name) {
            *slot = *byte;
            comm.len = comm.len.saturating_add(1);
        }
        comm
    }

    /// The name.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// A process.
#[derive(Clone, Debug)]
pub struct Process {
    /// What tells it apart.
    pub key: ProcessKey,
    /// Its number.
    pub serial: ProcessSerial,
    /// Its family.
    pub lineage: LineageId,
    /// How it became known.
    pub birth: Birth,
    /// When it was first heard of.
    pub since: Time,
    /// Its ancestors, nearest first.
    pub ancestors: Shared<Ancestor>,
    /// What it runs.
    pub program: Arc<Program>,
    /// What its main thread last called itself.
    pub comm: Comm,
    /// Its effective user, where the session says.
    pub uid: Option<Uid>,
    /// Its working directory, where that is known.
    pub cwd: Option<Shared<u8>>,
    /// Its session, process group and terminal.
    pub job: Job,
    /// What it did with the GPU.
    pub gpu: Gpu,
    /// Whether `runsc exec` started it or an ancestor.
    pub exec_session: bool,
    /// The leader of its session, where that is known: a container's first process and those of `runsc exec` lead
    /// one, everyone else was born into it or called setsid(2).
    pub session: Option<SessionLeader>,
    /// Files that it opened for its work: none of /proc, /sys, /dev, /etc.
    pub opens: u64,
    /// When it exited.
    pub exited: Option<Time>,
    pub(crate) fds: TableId,
    pub(crate) inputs: SmallVec<[Source; 1]>,
    /// What came through the descriptor that it runs from, if that is tainted.
    pub(crate) stdin: Option<Source>,
    /// The descriptor that its program runs from if it is an interpreter: standard input, or the pipe of a process
    /// substitution.
    pub(crate) runs_from: Fd,
    /// The memory that it shares with other processes, if it does.
    pub(crate) memory: Option<MemoryId>,
    /// What its last execve(2) asked for, until the sentry reports the outcome.
    pub(crate) asked: Option<Box<AskedProgram>>,
    /// Whether it runs a program that no event told of, and messages were dropped when it started.
    pub exec_unseen: bool,
    /// Whether its last event was that of a program that was loaded.
    pub(crate) loaded: Loaded,
    /// The connect that one of its threads is within.
    pub(crate) connecting: Option<Connecting>,
    /// Messages that had been lost when its main thread was last heard of.
    pub(crate) losses: u64,
    /// Why its main thread's next name may be another one.
    pub(crate) comm_by: CommBy,
    /// What it did so far, while its clone is still to come.
    pub(crate) early: Option<Box<Early>>,
    /// Successful calls of rename(2) and its kin since the last exec, to match them with the operands of mv and ln.
    pub(crate) renames: u32,
    /// Files that those took along with a directory.
    pub(crate) taken_along: usize,
    /// What it did so far.
    pub(crate) deeds: Deeds,
    /// The terminal that it made, if it did.
    pub(crate) terminal: Option<Box<Terminal>>,
    /// The file that it last wrote to: what a program renames that moves its own files.
    pub(crate) wrote: Option<FileId>,
    /// Foreign code that it took in beside its program.
    pub(crate) code: Vec<Code>,
    /// What a remote said that it connected to, and it did not act upon.
    pub(crate) heard: Option<super::orders::Heard>,
    /// The data that it works on.
    pub(crate) work: super::work::Work,
}

/// A connect(2) that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connecting {
    pub(crate) thread: Tid,
    pub(crate) fd: Fd,
    pub(crate) remote: SocketAddr,
}

/// What a process did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deeds {
    /// Nothing since it was made.
    #[default]
    None,
    /// Something.
    Any,
    /// Something that a rule waits for the sequel of.
    Evidence,
}

/// What a process asked execve(2) for.
#[derive(Clone, Debug)]
pub(crate) struct AskedProgram {
    pub(crate) path: Box<[u8]>,
    pub(crate) argv: Argv,
    pub(crate) provenance: Option<Provenance>,
    /// Who called it.
    pub(crate) thread: Tid,
    pub(crate) end: End,
    /// The path was another one when the call ended.
    pub(crate) changed: bool,
}

impl AskedProgram {
    fn heap(&self) -> usize {
        let texts = heap_of::<u8>(self.path.len()).saturating_add(self.argv.heap());
        heap_of::<AskedProgram>(1).saturating_add(texts)
    }
}

/// How a call of execve(2) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nobody said so far.
    Unknown,
    /// The program was loaded.
    Succeeded,
}

/// Whether the sentry has just said what an exec loaded. Until July 2024 it says so before the call's end is reported, later
/// after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// No.
    #[default]
    No,
    /// It has.
    JustNow,
}

/// What is known of the name that a main thread has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CommBy {
    /// The sentry said it.
    #[default]
    Known,
    /// It is what an exec should have made it: symbolic links and scripts may make it another one.
    Exec,
    /// The process is giving itself another one.
    Itself,
}

impl Process {
    /// The process as evidence keeps it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { tgid: self.key.tgid, program: Arc::clone(&self.program) }
    }

    /// The sources of network bytes that its program had, in the order in which they came.
    pub fn network_inputs(&self) -> &[Source] {
        &self.inputs
    }

    /// The newest source of network bytes that the process had. What was built from such bytes counts only where
    /// there is nothing else, or a glance at an object file would make a build of any download.
    pub(crate) fn network_input(&self) -> Option<&Source> {
        let plain = self.inputs.iter().rev().find(|source| !source.is_built());
        plain.or_else(|| self.inputs.last()).or(self.stdin.as_ref())
    }

    /// Whether it had no source of network bytes so far but what came through its standard input, which it may have
    /// inherited without a thought: in `curl URL | sh` all that the script runs has it.
    pub(crate) fn has_only_stdin(&self) -> bool {
        match (self.inputs.as_slice(), &self.stdin) {
            ([], _) => true,
            ([only], Some(stdin)) => same_source(only, stdin),
            _ => false,
        }
    }

    /// Notes a source of network bytes, the newest from now on; says whether it is news.
    pub(crate) fn note_input(&mut self, source: &Source) -> bool {
        if let Some(at) = self.inputs.iter().position(|known| same_source(known, source)) {
            if let Some(later) = self.inputs.get_mut(at..) {
                later.rotate_left(1);
            }
            return false;
        }
        if self.inputs.len() >= MAX_INPUTS {
            self.inputs.pop();
        }
        self.inputs.push(source.clone());
        true
    }

    /// Whether it is an interpreter that runs network bytes from its standard input, or from another pipe that it was
    /// told to run.
    #[must_use]
    pub fn is_fed_from_network(&self) -> bool {
        self.stdin.is_some() && (self.runs_from != Fd::STDIN || self.program.reads_stdin())
    }

    /// Where what truly runs came from: a shell that is fed from the network runs network bytes.
    #[must_use]
    pub fn program_origin(&self) -> Origin {
        if self.is_fed_from_network() { Origin::Network } else { self.program.effective().origin }
    }
}

fn same_source(a: &Source, b: &Source) -> bool {
    match (a, b) {
        (Source::Local, Source::Local) => true,
        // In `curl URL | sh` the script's own downloads come from the same server, but not by way of curl.
        (Source::Remote(a), Source::Remote(b)) => a.addr == b.addr && a.by.tgid == b.by.tgid,
        (Source::File(a), Source::File(b)) => a.file == b.file,
        (Source::Local | Source::Remote(_) | Source::File(_), _) => false,
    }
}

impl Evict for Process {
    fn keep(&self) -> Keep {
        let has_foreign = !self.inputs.is_empty() || !self.code.is_empty();
        let is_tainted = has_foreign || is_foreign(self.program_origin());
        match self.deeds {
            _ if self.exited.is_some() => Keep::Dull,
            // It is as its parent made it: nothing is lost that its next event would not bring back.
            Deeds::None if is_tainted => Keep::Normal,
            Deeds::None => Keep::Dull,
            Deeds::Evidence => Keep::Suspicious,
            Deeds::Any if is_tainted => Keep::Suspicious,
            Deeds::Any => Keep::Normal,
        }
    }

    fn weigh(&self) -> Weight {
        let asked = self.asked.as_ref().map_or(0, |asked| asked.heap());
        let early = self.early.as_ref().map_or(0, |early| early.heap());
        let terminal = self.terminal.as_ref().map_or(0, |_| heap_of::<Terminal>(1));
        let inputs = if self.inputs.spilled() { heap_of::<Source>(self.inputs.capacity()) } else { 0 };
        let code = self.code.iter().map(|code| heap_of::<u8>(code.path.len()));
        let code = code.fold(heap_of::<Code>(self.code.capacity()), usize::saturating_add);
        let cwd = self.cwd.as_ref().map_or(0, Shared::bytes);
        Weight {
            own: [asked, early, inputs, terminal, code].into_iter().fold(0, usize::saturating_add),
            shared: self.program.bytes().saturating_add(self.ancestors.bytes()).saturating_add(cwd),
        }
    }
}

/// The ancestors of a child: its parent as it is now, then the parent's own, at most [`MAX_ANCESTORS`].
pub(crate) fn ancestors_of_child(parent: &Process, budget: &Budget) -> Shared<Ancestor> {
    let nearest = Ancestor { serial: parent.serial, actor: parent.actor() };
    let ancestors = std::iter::once(nearest).chain(parent.ancestors.iter().cloned()).take(MAX_ANCESTORS);
    Shared::new(ancestors.collect::<Box<[Ancestor]>>(), budget)
}
