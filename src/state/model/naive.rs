//! The naive model: what is remembered of a sandbox, in plain maps and whole copies.
//!
//! Written from the kernel's manual pages and what gVisor shows of its calls, not from the code that it is held
//! against. It forgets nothing: processes that are gone are only marked. Fork copies the descriptor map, a step of a
//! chain copies the chain. Where `state` follows a rule of thumb (nobody says which bytes went where), the rule is
//! written down here a second time in its plainest form.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;

use crate::event::{Context, Errno, Event, Family, Kind, Tgid, Tid, Time, Uid};
use crate::state::{Access, Making, Nvidia, OnExec, Origin, PipeEnd};

use super::flow::{Chain, Provenance, Source};
use super::tables::Early;
use super::words::{Asks, REQUESTS, Told, Trade};

/// The place of an object in its list.
pub(super) type Ix = usize;

/// An event that is further ahead of the clock is not believed: four days.
const TOO_FAR: i64 = 4 * 24 * 3600 * 1_000_000_000;

/// So many sources are told apart; the newest takes the last one's place.
const INPUTS: usize = 8;

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
    pub(super) fn is_shell(&self) -> bool {
        self.trade == Trade::Shell && !self.is_stranger()
    }

    /// What it writes is what it reads: a relay, a stranger, code that lies in no file.
    pub(super) fn hands_on(&self) -> bool {
        let runs = self.script.as_ref().map_or(&self.executable, |(_, script)| script);
        is_foreign(runs.origin)
            || self.is_stranger()
            || self.trade == Trade::Relay
            || matches!(self.told, Told::Inline | Told::Stdin)
    }

    pub(super) fn is_stranger(&self) -> bool {
        is_foreign(self.executable.origin)
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
    /// When it was first heard of.
    pub(super) since: Time,
    /// What it did so far, while its clone is still to come.
    pub(super) early: Option<Early>,
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
    /// The descriptor that an interpreter runs from: standard input, or a pipe that it was told by its path.
    pub(super) runs_from: i32,
    pub(super) asked: Option<Asked>,
    pub(super) renames: usize,
    /// The file that it wrote last since its exec.
    pub(super) wrote: Option<Ix>,
}

/// What a thread asked execve(2) for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: Vec<u8>,
    pub(super) provenance: Option<Provenance>,
    pub(super) thread: Tid,
}

impl Process {
    /// The network bytes that it had last. What was built of such bytes counts where there is nothing else.
    pub(super) fn input(&self) -> Option<&Source> {
        let plain = self.inputs.iter().rfind(|source| !source.is_built());
        plain.or_else(|| self.inputs.last()).or(self.stdin.as_ref())
    }

    /// What it does to the bytes that it writes.
    pub(super) fn making(&self) -> Making {
        match (self.program.trade, self.program.told) {
            _ if self.program.is_stranger() => Making::Written,
            (Trade::Builder, _) => Making::Built,
            (_, Told::Module(b"pip")) => Making::Installed,
            _ => Making::Written,
        }
    }

    pub(super) fn note_input(&mut self, source: &Source) -> bool {
        // What comes again is the newest, as it came first.
        if let Some(at) = self.inputs.iter().position(|known| known.is_same(source)) {
            let known = self.inputs.remove(at);
            self.inputs.push(known);
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
    /// The other end, if it is half of a pair, and what comes out of this one as far as it came from a remote.
    pub(super) pair: Option<(Ix, Option<Source>)>,
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
    /// What its writers renamed without saying where to, and when; each file once.
    pub(super) moved: Vec<(Rc<Chain>, Time)>,
    /// Somebody renamed what he was not seen to write.
    pub(super) strangers_moved: bool,
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
    pub(super) exits: Vec<Ix>,
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
        // A thread makes no other call before its exec has ended.
        let is_exec = matches!(event.kind, Kind::Execve(_) | Kind::SentryExecve(_));
        self.processes[process].asked.take_if(|asked| asked.thread == context.tid && !is_exec);
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
            moved: Vec::new(),
            strangers_moved: false,
        });
        self.containers.len() - 1
    }

    pub(super) fn file(&self, container: Ix, file: Ix) -> &File {
        &self.containers[container].files[file]
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

fn is_foreign(origin: Origin) -> bool {
    matches!(origin, Origin::Created | Origin::Network | Origin::Memfd)
}

pub(super) fn cut(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}
