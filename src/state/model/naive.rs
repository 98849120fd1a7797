//! The naive model: what is remembered of a sandbox, in plain maps and whole copies.
//!
//! Written from the kernel's manual pages and what gVisor shows of its calls, not from the code that it is held
//! against. It forgets nothing: processes that are gone are only marked. Fork copies the descriptor map, a step of a
//! chain copies the chain. Where `state` follows a rule of thumb (nobody says which bytes went where), the rule is
//! written down here a second time in its plainest form.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;

use crate::event::{Context, Errno, Event, Family, Tgid, Time, Uid};
use crate::state::{Access, Nvidia, OnExec, Origin, PipeEnd};

use super::words::{Asks, COMMANDS, Command, REQUESTS, SESSIONS, Told, Trade};

/// The place of an object in its list.
pub(super) type Ix = usize;

/// An event that is further ahead of the clock is not believed: four days.
const TOO_FAR: i64 = 4 * 24 * 3600 * 1_000_000_000;

/// So many of the processes that are gone are still known.
const GONE_KNOWN: usize = 64;

/// So many ancestors are carried.
const ANCESTORS: usize = 8;

/// So many sources are told apart; the newest takes the last one's place.
const INPUTS: usize = 8;

/// Where bytes came from: the steps, the newest first, and the end of the chain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    pub(super) steps: Vec<Step>,
    pub(super) remote: Option<(SocketAddr, Time)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) file: Ix,
    pub(super) path: Rc<[u8]>,
    pub(super) writer: Tgid,
    pub(super) program: Rc<[u8]>,
    pub(super) time: Time,
}

/// A source of network bytes.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Whose connection it was counts, too.
    Remote(SocketAddr, Time, Tgid),
    /// A file; the first step is its own.
    File(Rc<Chain>),
}

impl Source {
    fn is_same(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Remote(a, _, by), Source::Remote(b, _, other)) => (a, by) == (b, other),
            (Source::File(a), Source::File(b)) => {
                a.steps.first().map(|step| step.file) == b.steps.first().map(|step| step.file)
            }
            (Source::Remote(..), Source::File(_)) | (Source::File(_), Source::Remote(..)) => false,
        }
    }
}

/// Where a file or program came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Provenance {
    pub(super) origin: Origin,
    pub(super) chain: Option<Rc<Chain>>,
}

impl Provenance {
    pub(super) fn is_tainted(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.remote.is_some())
    }
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: Rc<[u8]>,
    pub(super) provenance: Provenance,
    pub(super) written: Option<Time>,
    /// Writes to it are traced.
    pub(super) writes_seen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Unknown,
    File(Ix),
    Socket(Ix),
    Reader(Ix),
    Writer(Ix),
    Control,
    Gpu,
    Uvm,
    Anon,
}

impl Object {
    pub(super) fn pipe(pipe: Ix, end: PipeEnd) -> Object {
        match end {
            PipeEnd::Read => Object::Reader(pipe),
            PipeEnd::Write => Object::Writer(pipe),
        }
    }

    pub(super) fn device(device: Nvidia) -> Object {
        match device {
            Nvidia::Control => Object::Control,
            Nvidia::Gpu => Object::Gpu,
            Nvidia::Uvm => Object::Uvm,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) object: Object,
    pub(super) access: Access,
    pub(super) on_exec: OnExec,
    /// It was open when the program started, and is none of the standard three.
    pub(super) passed_on: bool,
}

pub(super) type Table = BTreeMap<i32, Open>;

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: Rc<[u8]>,
    pub(super) name: Vec<u8>,
    pub(super) argv: Vec<Vec<u8>>,
    pub(super) executable: Provenance,
    pub(super) script: Option<(Vec<u8>, Provenance)>,
    pub(super) time: Time,
    pub(super) told: Told,
    pub(super) trade: Trade,
}

impl Program {
    pub(super) fn unknown() -> Rc<Program> {
        Rc::new(Program {
            path: Rc::default(),
            name: Vec::new(),
            argv: Vec::new(),
            executable: Provenance::default(),
            script: None,
            time: Time(0),
            told: Told::Nothing,
            trade: Trade::Other,
        })
    }

    /// A stranger under a shell's name is no shell.
    fn is_shell(&self) -> bool {
        self.trade == Trade::Shell && !self.is_stranger()
    }

    pub(super) fn is_stranger(&self) -> bool {
        matches!(self.executable.origin, Origin::Created | Origin::Network | Origin::Memfd)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Ancestor {
    pub(super) process: Ix,
    pub(super) tgid: Tgid,
    pub(super) program: Rc<Program>,
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) container: Ix,
    pub(super) tgid: Tgid,
    pub(super) start: Time,
    /// Its clone or its container's start was seen.
    pub(super) seen: bool,
    /// It ran a program of its own since it is known.
    pub(super) execed: bool,
    pub(super) family: Ix,
    pub(super) ancestors: Vec<Ancestor>,
    pub(super) program: Rc<Program>,
    pub(super) comm: Vec<u8>,
    pub(super) uid: Option<Uid>,
    pub(super) cwd: Option<Vec<u8>>,
    pub(super) exec_session: bool,
    /// Devices that were opened and asked since the last exec.
    pub(super) gpu: Vec<(Nvidia, Option<u64>)>,
    pub(super) opens: u64,
    pub(super) exited: Option<Time>,
    /// So many others have exited since that nobody knows it any more.
    pub(super) gone: bool,
    pub(super) table: Ix,
    pub(super) inputs: Vec<Source>,
    pub(super) stdin: Option<Source>,
    pub(super) asked: Option<(Vec<u8>, Option<Provenance>)>,
    pub(super) renames: usize,
}

impl Process {
    /// The network bytes that it had last.
    pub(super) fn input(&self) -> Option<&Source> {
        self.inputs.last().or(self.stdin.as_ref())
    }

    pub(super) fn learns(&mut self, source: &Source) {
        self.note_input(source);
    }

    fn note_input(&mut self, source: &Source) -> bool {
        if self.inputs.iter().any(|known| known.is_same(source)) {
            return false;
        }
        self.inputs.truncate(INPUTS - 1);
        self.inputs.push(source.clone());
        true
    }
}

/// How a socket came to have a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    None,
    Local,
    /// Whom this side connected to, since when, and how that ended (`None`: it goes on).
    Client(SocketAddr, Time, Option<Errno>),
    Server(Option<SocketAddr>),
}

#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) family: Family,
    pub(super) kind: i32,
    pub(super) peer: Peer,
    /// Everything that passed since it has this peer: when and how much.
    pub(super) sent: Vec<(Time, u64)>,
    pub(super) received: Vec<(Time, u64)>,
}

impl Socket {
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        match self.peer {
            Peer::Client(remote, ..) => Some(remote),
            Peer::Server(remote) => remote,
            Peer::None | Peer::Local => None,
        }
    }
}

/// Attempts to reach an endpoint, one a socket: when, and how each report of them ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoint {
    pub(super) attempts: Vec<Time>,
    pub(super) failures: u64,
    pub(super) successes: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) id: Vec<u8>,
    pub(super) first: Option<Ix>,
    pub(super) files: Vec<File>,
    pub(super) names: BTreeMap<Vec<u8>, Ix>,
    pub(super) endpoints: BTreeMap<SocketAddr, Endpoint>,
}

/// What an event was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Process,
    File(Ix),
    /// The socket, whether its remote is an endpoint, and whether this is the first that is seen of a connect.
    Socket(Ix, bool, bool),
    Gpu(Option<u64>),
    Child(Ix),
    Other,
}

/// What the model says of an event.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) time: Time,
    pub(super) container: Ix,
    pub(super) process: Ix,
    pub(super) fd: Option<i32>,
    pub(super) about: About,
}

/// The acting process and the circumstances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) time: Time,
    pub(super) container: Ix,
    pub(super) process: Ix,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    pub(super) clock: Time,
    pub(super) containers: Vec<Container>,
    pub(super) processes: Vec<Process>,
    pub(super) tables: Vec<Table>,
    pub(super) sockets: Vec<Socket>,
    /// What went through each pipe, as far as it came from a remote.
    pub(super) pipes: Vec<Option<Source>>,
    exits: Vec<Ix>,
    pub(super) unattributed: u64,
    pub(super) stubs: u64,
    pub(super) time_jumps: u64,
    pub(super) high_fds: u64,
    /// Objects that the last event changed beside the acting process.
    pub(super) touched: BTreeSet<Ix>,
}

impl Naive {
    /// Takes one event in.
    pub(super) fn apply(&mut self, event: &Event<'_>) -> Option<Seen> {
        self.touched.clear();
        let Some(context) = &event.context else {
            self.unattributed += 1;
            return None;
        };
        let time = self.time_of(context.time);
        if context.tgid == Tgid(0) {
            self.unattributed += 1;
            return None;
        }
        let container = self.container(context.container.bytes());
        let process = self.bearer(container, context, time);
        self.touched.insert(process);
        let act = Act { context, time, container, process };
        let (fd, about) = self.happens(&act, &event.kind)?;
        Some(Seen { time, container, process, fd: fd.filter(|fd| *fd >= 0), about })
    }

    fn time_of(&mut self, claimed: Time) -> Time {
        if claimed.0 <= 0 {
            return self.clock;
        }
        if self.clock.0 != 0 && claimed.0.saturating_sub(self.clock.0) > TOO_FAR {
            self.time_jumps += 1;
            return self.clock;
        }
        self.clock = self.clock.max(claimed);
        claimed
    }

    fn container(&mut self, id: &[u8]) -> Ix {
        if let Some(known) = self.containers.iter().position(|container| container.id == id) {
            return known;
        }
        self.containers.push(Container {
            id: id.to_vec(),
            first: None,
            files: Vec::new(),
            names: BTreeMap::new(),
            endpoints: BTreeMap::new(),
        });
        self.containers.len() - 1
    }

    /// The process that an event names, which may be unknown so far.
    fn bearer(&mut self, container: Ix, context: &Context<'_>, time: Time) -> Ix {
        let ix = match self.find(container, context.tgid, context.start) {
            Some(known) => known,
            None => self.stranger(container, context, time),
        };
        let process = &mut self.processes[ix];
        if context.tid.0 == context.tgid.0 && !context.comm.is_empty() {
            process.comm = cut(context.comm.bytes(), 15).to_vec();
        }
        if let Some(credentials) = context.credentials {
            process.uid = Some(credentials.effective_uid);
        }
        ix
    }

    pub(super) fn find(&self, container: Ix, tgid: Tgid, start: Time) -> Option<Ix> {
        if start.0 == 0 {
            return self.newest(container, tgid);
        }
        self.processes
            .iter()
            .rposition(|one| (one.container, one.tgid, one.start) == (container, tgid, start))
            .filter(|ix| !self.processes[*ix].gone)
    }

    /// The last that bore an id.
    pub(super) fn newest(&self, container: Ix, tgid: Tgid) -> Option<Ix> {
        self.processes
            .iter()
            .rposition(|one| (one.container, one.tgid) == (container, tgid))
            .filter(|ix| !self.processes[*ix].gone)
    }

    /// A process that nobody saw being made.
    fn stranger(&mut self, container: Ix, context: &Context<'_>, time: Time) -> Ix {
        self.stubs += 1;
        self.replaces(container, context.tgid, context.start, time);
        let parent = if context.parent.0 > 0 && context.parent != context.tgid {
            self.newest(container, context.parent)
        } else {
            None
        };
        self.tables.push(Table::new());
        let ix = self.processes.len();
        let from = parent.map(|parent| &self.processes[parent]);
        let process = Process {
            container,
            tgid: context.tgid,
            start: context.start,
            seen: false,
            execed: false,
            family: parent.map_or(ix, |parent| self.family_of_child(parent, ix)),
            ancestors: parent.map(|parent| self.ancestors_of_child(parent)).unwrap_or_default(),
            program: from.map_or_else(Program::unknown, |from| Rc::clone(&from.program)),
            comm: cut(context.comm.bytes(), 15).to_vec(),
            uid: None,
            cwd: from.and_then(|from| from.cwd.clone()),
            exec_session: context.exec_session,
            gpu: Vec::new(),
            opens: 0,
            exited: None,
            gone: false,
            table: self.tables.len() - 1,
            inputs: Vec::new(),
            stdin: None,
            asked: None,
            renames: 0,
        };
        self.processes.push(process);
        ix
    }

    /// Children of a container's first process found families; all others belong to their parent's.
    pub(super) fn family_of_child(&self, parent: Ix, child: Ix) -> Ix {
        let first = self.containers[self.processes[parent].container].first;
        if first == Some(parent) { child } else { self.processes[parent].family }
    }

    pub(super) fn ancestors_of_child(&self, parent: Ix) -> Vec<Ancestor> {
        let from = &self.processes[parent];
        let mut ancestors =
            vec![Ancestor { process: parent, tgid: from.tgid, program: Rc::clone(&from.program) }];
        ancestors.extend(from.ancestors.iter().cloned());
        ancestors.truncate(ANCESTORS);
        ancestors
    }

    /// Whoever bore the id of a new process is gone.
    pub(super) fn replaces(&mut self, container: Ix, tgid: Tgid, start: Time, time: Time) {
        if let Some(bearer) = self.newest(container, tgid)
            && self.processes[bearer].start <= start
        {
            self.ends(bearer, time);
        }
    }

    /// A whole process ends.
    pub(super) fn ends(&mut self, ix: Ix, time: Time) {
        let process = &mut self.processes[ix];
        if process.exited.is_some() {
            return;
        }
        process.exited = Some(time);
        process.asked = None;
        self.exits.push(ix);
        if let Some(forgotten) = self.exits.len().checked_sub(GONE_KNOWN + 1) {
            self.processes[self.exits[forgotten]].gone = true;
        }
    }

    /// `process` has bytes from `source` now; what it writes to has them as well, and who reads that.
    pub(super) fn taint(&mut self, process: Ix, source: &Source, time: Time) {
        let mut reached = vec![process];
        let mut at = 0;
        while at < reached.len() {
            let process = reached[at];
            at += 1;
            self.touched.insert(process);
            let was_clean = match (self.processes[process].inputs.as_slice(), &self.processes[process].stdin) {
                ([], _) => true,
                ([only], Some(stdin)) => only.is_same(stdin),
                _ => false,
            };
            if !self.processes[process].note_input(source) || !was_clean {
                continue;
            }
            let held: Vec<Open> = self.table(process).values().copied().collect();
            let container = self.processes[process].container;
            let mut carriers = Vec::new();
            for open in held.iter().filter(|open| !open.passed_on) {
                if let Object::File(file) = open.object
                    && open.access.is_write()
                    && !self.file(container, file).writes_seen
                    && !super::happens::is_no_storage(&self.file(container, file).path)
                {
                    self.writes(process, file, true, time);
                    carriers.push(open.object);
                }
            }
            for open in held.iter().filter(|open| !open.passed_on) {
                if let Object::Writer(pipe) = open.object
                    && self.pipes[pipe].is_none()
                {
                    self.pipes[pipe] = Some(source.clone());
                    carriers.push(Object::Reader(pipe));
                }
            }
            for carrier in carriers {
                for (reader, on_stdin) in self.readers(container, carrier) {
                    if reader == process {
                        continue;
                    }
                    if on_stdin {
                        self.processes[reader].stdin = Some(source.clone());
                    }
                    reached.push(reader);
                }
            }
        }
    }

    /// Who reads from `object`, and whether as standard input. A shell holds its pipelines' pipes without reading.
    fn readers(&self, container: Ix, object: Object) -> Vec<(Ix, bool)> {
        let reads = |open: &Open| open.object == object && !matches!(open.access, Access::Write | Access::Path);
        let mut readers = Vec::new();
        for (ix, process) in self.processes.iter().enumerate() {
            if process.exited.is_some() || process.container != container {
                continue;
            }
            let table = &self.tables[process.table];
            if table.get(&0).is_some_and(reads) {
                readers.push((ix, true));
            } else if !process.program.is_shell() && table.values().any(reads) {
                readers.push((ix, false));
            }
        }
        readers
    }

    /// `process` writes to a file what it has.
    pub(super) fn writes(&mut self, process: Ix, file: Ix, keeps_content: bool, time: Time) {
        let writer = &self.processes[process];
        let known = &self.containers[writer.container].files[file];
        let (earlier, remote) = match writer.input() {
            Some(Source::Remote(addr, since, _)) => (Vec::new(), Some((*addr, *since))),
            Some(Source::File(chain)) => (chain.steps.clone(), chain.remote),
            None if keeps_content && known.provenance.is_tainted() => return,
            None => (Vec::new(), None),
        };
        let origin = if known.path.starts_with(b"/memfd:") {
            Origin::Memfd
        } else if remote.is_none() || writer.program.trade == Trade::Builder && !writer.program.is_stranger()
        {
            Origin::Created
        } else {
            Origin::Network
        };
        let mut steps = vec![Step {
            file,
            path: Rc::clone(&known.path),
            writer: writer.tgid,
            program: Rc::clone(&writer.program.path),
            time,
        }];
        steps.extend(earlier);
        let container = writer.container;
        let known = &mut self.containers[container].files[file];
        known.provenance = Provenance { origin, chain: Some(Rc::new(Chain { steps, remote })) };
        known.written = Some(time);
    }

    pub(super) fn file(&self, container: Ix, file: Ix) -> &File {
        &self.containers[container].files[file]
    }

    pub(super) fn table(&self, process: Ix) -> &Table {
        &self.tables[self.processes[process].table]
    }

    pub(super) fn table_mut(&mut self, process: Ix) -> &mut Table {
        &mut self.tables[self.processes[process].table]
    }

    /// The GPU's state of a process by all that it did: 0 none, 1 opened, 2 initialised, 3 context.
    pub(super) fn gpu_stage(&self, process: Ix) -> u8 {
        let mut asked = Vec::new();
        for (device, number) in &self.processes[process].gpu {
            let Some(number) = number else { continue };
            let Some(request) = REQUESTS.iter().find(|request| request.number == *number) else { continue };
            asked.push(if *device == Nvidia::Uvm { request.on_uvm } else { request.on_control });
        }
        if [Asks::Gpu, Asks::Space, Asks::Channel].iter().all(|part| asked.contains(part)) {
            3
        } else if asked.contains(&Asks::Client) {
            2
        } else {
            u8::from(!self.processes[process].gpu.is_empty())
        }
    }
}

pub(super) fn cut(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}

/// The command behind an executable and its arguments; a program that is not in the list is just itself.
pub(super) fn meaning(path: &[u8], argv: &[Vec<u8>]) -> (Told, Trade) {
    first(|command| command.path == path && has_argv(command, argv))
}

/// The command that goes by these arguments.
pub(super) fn called(argv: &[Vec<u8>]) -> (Told, Trade) {
    first(|command| has_argv(command, argv))
}

fn first(is_it: impl Fn(&Command) -> bool) -> (Told, Trade) {
    let found = COMMANDS.iter().find(|command| is_it(command));
    found.map_or((Told::Nothing, Trade::Other), |command| (command.told, command.trade))
}

fn has_argv(command: &Command, argv: &[Vec<u8>]) -> bool {
    command.argv.iter().map(|arg| arg.bytes()).eq(argv.iter().map(Vec::as_slice))
}

/// What the session of a container says.
pub(super) fn session(container: &[u8]) -> super::words::Session {
    *SESSIONS.iter().find(|session| session.container == container).unwrap_or(&SESSIONS[0])
}
