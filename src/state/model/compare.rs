//! Whether the state shows what the model knows.
//!
//! Ids and numbers of the state mean nothing to the model. They are paired with the model's places when they first
//! meet; from then on a pair stays a pair, in both directions, so that one object cannot turn into two, nor two into
//! one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use crate::event::{Errno, Fd, Text};
use crate::hash::Map;
use crate::state::{
    Access, Birth, ContainerIx, Descriptor, EndpointId, FdTable, FileId, Nvidia, Object, Observation, OnExec,
    Outcome, PipeId, Process, ProcessId, ProcessSerial, Role, Socket, SocketId, State, Subject,
};
use crate::state::{GpuState, program};

use super::flow::{self, Chain};
use super::naive::{self, About, Ix, Naive, Peer, Seen};

/// Messages that are closer together are one.
const SAME_MESSAGE: i64 = 10_000_000;

/// Pairs of what is the same on both sides.
#[derive(Debug)]
struct Pairs<K> {
    there: Map<K, Ix>,
    here: BTreeMap<Ix, K>,
}

impl<K> Default for Pairs<K> {
    fn default() -> Self {
        Pairs { there: Map::default(), here: BTreeMap::new() }
    }
}

impl<K: Copy + Eq + Hash + fmt::Debug> Pairs<K> {
    fn same(&mut self, theirs: K, ours: Ix, what: &str) {
        let (known, of) = (self.there.get(&theirs).copied(), self.here.get(&ours).copied());
        if known.is_none() && of.is_none() {
            self.there.insert(theirs, ours);
            self.here.insert(ours, theirs);
            return;
        }
        assert_eq!((known, of), (Some(ours), Some(theirs)), "{what} {theirs:?} is the model's {ours}");
    }
}

/// The comparison of one run.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    processes: Pairs<ProcessId>,
    serials: BTreeMap<Ix, ProcessSerial>,
    files: Pairs<(ContainerIx, FileId)>,
    file_serials: Pairs<(ContainerIx, program::FileSerial)>,
    sockets: Pairs<SocketId>,
    pipes: Pairs<PipeId>,
    endpoints: BTreeMap<(u16, std::net::SocketAddr), EndpointId>,
    /// Programs and chains that were found equal; they never change, and are kept so that no other takes their place.
    programs: BTreeMap<(usize, usize), (Arc<program::Program>, Rc<naive::Program>)>,
    chains: BTreeMap<(usize, usize), (Arc<program::Derivation>, Rc<Chain>)>,
}

fn container_of(ix: Ix) -> ContainerIx {
    ContainerIx(u16::try_from(ix).unwrap_or(u16::MAX))
}

impl Comparison {
    /// What an event was about, and everything that it touched.
    pub(super) fn step(
        &mut self,
        state: &State,
        theirs: Option<&Observation>,
        model: &Naive,
        ours: Option<&Seen>,
    ) {
        assert_eq!(theirs.is_some(), ours.is_some(), "an observation");
        self.counters(state, model);
        if let (Some(theirs), Some(ours)) = (theirs, ours) {
            assert_eq!(theirs.time, ours.time, "time");
            assert_eq!(theirs.container, container_of(ours.container), "container");
            self.processes.same(theirs.process, ours.process, "process");
            assert_eq!(theirs.fd.map(|fd| fd.0), ours.fd, "descriptor");
            self.subject(theirs, ours, model);
            // A child may be older than what is known of its parent, and names it.
            if let Some(actor) = state.process_at(theirs.process) {
                self.serials.entry(ours.process).or_insert(actor.serial);
            }
        }
        for touched in &model.touched {
            self.process(state, model, *touched);
        }
    }

    /// Everything that is remembered.
    pub(super) fn everything(&mut self, state: &State, model: &Naive) {
        self.counters(state, model);
        assert_eq!(state.containers().count(), model.containers.len(), "containers");
        for (ix, container) in model.containers.iter().enumerate() {
            let at = container_of(ix);
            let theirs = state.container_at(at).map(|container| (&*container.id, container.first));
            let first = container.first.and_then(|first| self.serials.get(&first).copied());
            assert_eq!(theirs, Some((container.id.as_slice(), first)), "container");
            assert_eq!(
                state.sizes(at),
                (container.files.len(), container.endpoints.len()),
                "sizes of {at:?}"
            );
            for endpoint in state.endpoints(at) {
                let ours = container.endpoints.get(&endpoint.remote).cloned().unwrap_or_default();
                assert_eq!(
                    (endpoint.attempts, endpoint.successes, endpoint.failures.total()),
                    (ours.attempts.len() as u64, ours.successes, ours.failures),
                    "attempts, successes, failures at {}",
                    endpoint.remote
                );
                let first_and_last = (ours.attempts.first().copied(), ours.attempts.iter().max().copied());
                assert_eq!(
                    (Some(endpoint.first), Some(endpoint.last)),
                    first_and_last,
                    "{}",
                    endpoint.remote
                );
            }
            for (path, file) in &container.names {
                let known = state.file_named(at, path).map(|id| (at, id));
                let known = known.unwrap_or_else(|| panic!("no file is named {:?}", Text(path)));
                self.files.same(known, scoped(ix, *file), "file by name");
            }
        }
        let known: BTreeSet<Ix> =
            (0..model.processes.len()).filter(|ix| !model.processes[*ix].gone).collect();
        assert_eq!(state.process_count(), known.len(), "processes");
        for (id, _) in state.processes() {
            assert!(self.processes.there.get(&id).is_some_and(|ix| known.contains(ix)), "{id:?} is known");
        }
        for ix in known {
            self.process(state, model, ix);
        }
    }

    fn counters(&self, state: &State, model: &Naive) {
        let sight = state.sight();
        assert_eq!(
            (sight.unattributed, sight.stubs, sight.time_jumps, sight.high_fds),
            (model.unattributed, model.stubs, model.time_jumps, model.high_fds),
            "events without a process, stubs, time jumps, high descriptors"
        );
        assert_eq!(state.clock(), model.clock, "clock");
        assert_eq!(state.evictions().total(), 0, "nothing is evicted in so short a run");
    }

    fn subject(&mut self, theirs: &Observation, ours: &Seen, model: &Naive) {
        match (theirs.subject, ours.about) {
            (Subject::Process, About::Process) | (Subject::Other, About::Other) => {}
            (Subject::File(file), About::File(ix)) => {
                self.file(theirs.container, file, ours.container, ix);
            }
            (Subject::Socket { socket, endpoint, news }, About::Socket(ix, has_endpoint, is_news)) => {
                self.sockets.same(socket, ix, "socket");
                assert_eq!(news == crate::state::News::Attempt, is_news, "news");
                assert_eq!(endpoint.is_some(), has_endpoint, "endpoint");
                if let (Some(endpoint), Some(remote)) = (endpoint, model.sockets[ix].remote()) {
                    let known = self.endpoints.entry((theirs.container.0, remote)).or_insert(endpoint);
                    assert_eq!(*known, endpoint, "endpoint {remote}");
                }
            }
            (Subject::Gpu(request), About::Gpu(number)) => {
                assert_eq!(request.is_some(), number.is_some(), "request");
            }
            (Subject::Child(child), About::Child(ix)) => self.processes.same(child, ix, "child"),
            (theirs, ours) => assert_eq!(format!("{theirs:?}"), format!("{ours:?}"), "subject"),
        }
    }

    fn process(&mut self, state: &State, model: &Naive, ix: Ix) {
        let ours = &model.processes[ix];
        // A process that was not about anything yet is found as an event would find it.
        let id = match self.processes.here.get(&ix) {
            Some(id) => *id,
            None => {
                // Several may bear one id where nobody says when they started: both sides have them by age.
                let same = state.processes().filter(|(id, theirs)| {
                    self.processes.there.get(id).is_none()
                        && (theirs.key.container, theirs.key.tgid, theirs.key.start)
                            == (container_of(ours.container), ours.tgid, ours.start)
                });
                same.min_by_key(|(_, theirs)| theirs.serial).map(|(id, _)| id).expect("the process is known")
            }
        };
        self.processes.same(id, ix, "process");
        let theirs = state.process_at(id);
        assert_eq!(theirs.is_none(), ours.gone, "process {ix} is forgotten");
        let Some(theirs) = theirs else { return };
        let serial = *self.serials.entry(ix).or_insert(theirs.serial);
        assert_eq!(theirs.serial, serial, "serial of {ix}");
        self.life(theirs, ours);
        self.program(&theirs.program, &ours.program, ours.container);
        let runs_input = ours.runs_from != 0 || ours.program.told == super::words::Told::Stdin;
        let fed = ours.stdin.is_some() && runs_input;
        assert_eq!(theirs.is_fed_from_network(), fed, "fed from the network: process {ix}");
        let stage = match theirs.gpu.state() {
            GpuState::None => 0,
            GpuState::Opened => 1,
            GpuState::Initialised => 2,
            GpuState::Context => 3,
        };
        assert_eq!(stage, model.gpu_stage(ix), "GPU state of {ix}");
        let ioctls = ours.gpu.iter().filter(|(_, request)| request.is_some()).count();
        assert_eq!(theirs.gpu.ioctls(), ioctls as u64, "GPU ioctls of {ix}");
        assert_eq!(theirs.inputs.len(), ours.inputs.len(), "sources of {ix}");
        for (theirs, input) in theirs.inputs.iter().zip(&ours.inputs) {
            self.source(Some(theirs), Some(input), ours.container);
        }
        self.source(theirs.stdin_source(), ours.stdin.as_ref(), ours.container);
        self.descriptors(state, id, model, ix);
    }

    fn life(&mut self, theirs: &Process, ours: &naive::Process) {
        assert_eq!(
            (theirs.key.container, theirs.key.tgid, theirs.key.start),
            (container_of(ours.container), ours.tgid, ours.start),
            "key"
        );
        assert_eq!(theirs.birth == Birth::Seen, ours.seen, "whether the birth was seen");
        assert_eq!(theirs.comm.bytes(), ours.comm.as_slice(), "comm");
        assert_eq!(theirs.uid, ours.uid, "uid");
        assert_eq!(theirs.cwd.as_deref(), ours.cwd.as_deref(), "cwd");
        assert_eq!(theirs.exec_session, ours.exec_session, "session of runsc exec");
        assert_eq!(theirs.opens, ours.opens, "opens");
        assert_eq!(theirs.exited, ours.exited, "exit");
        if let Some(founder) = self.serials.get(&ours.family) {
            assert_eq!(theirs.lineage.0, founder.0, "lineage");
        }
        assert_eq!(theirs.ancestors.len(), ours.ancestors.len(), "ancestors");
        for (theirs, ancestor) in theirs.ancestors.iter().zip(&ours.ancestors) {
            assert_eq!(theirs.actor.tgid, ancestor.tgid, "ancestor");
            assert_eq!(Some(&theirs.serial), self.serials.get(&ancestor.process), "ancestor");
            self.program(&theirs.actor.program, &ancestor.program, ours.container);
        }
    }

    fn program(&mut self, theirs: &Arc<program::Program>, ours: &Rc<naive::Program>, container: Ix) {
        let pair = (Arc::as_ptr(theirs).addr(), Rc::as_ptr(ours).addr());
        if self.programs.contains_key(&pair) {
            return;
        }
        assert_eq!((&*theirs.path, &*theirs.name), (&*ours.path, &*ours.name), "program");
        assert!(theirs.argv.iter().eq(ours.argv.iter().map(Vec::as_slice)), "arguments: {}", theirs.argv);
        assert_eq!(theirs.time, ours.time, "time of exec");
        self.provenance(&theirs.executable, &ours.executable, container);
        let scripts = (theirs.script.as_ref(), ours.script.as_ref());
        assert_eq!(
            scripts.0.map(|script| &*script.path),
            scripts.1.map(|(path, _)| path.as_slice()),
            "script of {}",
            theirs.argv
        );
        if let (Some(theirs), Some((_, ours))) = scripts {
            self.provenance(&theirs.provenance, ours, container);
        }
        self.programs.insert(pair, (Arc::clone(theirs), Rc::clone(ours)));
    }

    fn provenance(&mut self, theirs: &program::Provenance, ours: &flow::Provenance, container: Ix) {
        assert_eq!(theirs.origin, ours.origin, "origin");
        assert_eq!(theirs.derivation.is_some(), ours.chain.is_some(), "chain");
        if let (Some(theirs), Some(ours)) = (&theirs.derivation, &ours.chain) {
            self.chain(theirs, ours, container);
        }
    }

    fn chain(&mut self, theirs: &Arc<program::Derivation>, ours: &Rc<Chain>, container: Ix) {
        let pair = (Arc::as_ptr(theirs).addr(), Rc::as_ptr(ours).addr());
        if self.chains.contains_key(&pair) {
            return;
        }
        let remote = theirs.source.remote().map(|remote| (remote.addr, remote.time));
        assert_eq!(remote, ours.remote, "remote of the chain");
        assert_eq!(theirs.chain().count(), ours.steps.len(), "steps");
        for (theirs, ours) in theirs.chain().zip(&ours.steps) {
            let in_memory = |path: &[u8]| path.starts_with(b"/memfd:");
            assert!(
                *theirs.path == *ours.path || in_memory(&theirs.path) && in_memory(&ours.path),
                "path of a step"
            );
            assert_eq!(
                (theirs.writer.tgid, &*theirs.writer.program.path, theirs.time, theirs.making),
                (ours.writer, &*ours.program, ours.time, ours.making),
                "step"
            );
            let file = (container_of(container), theirs.file);
            self.file_serials.same(file, scoped(container, ours.file), "file of a step");
        }
        self.chains.insert(pair, (Arc::clone(theirs), Rc::clone(ours)));
    }

    fn source(&mut self, theirs: Option<&program::Source>, ours: Option<&flow::Source>, container: Ix) {
        match (theirs, ours) {
            (None, None) => {}
            (Some(program::Source::Remote(remote)), Some(flow::Source::Remote(addr, time, _))) => {
                assert_eq!((remote.addr, remote.time), (*addr, *time), "source");
            }
            (Some(program::Source::File(theirs)), Some(flow::Source::File(ours))) => {
                self.chain(theirs, ours, container);
            }
            (theirs, ours) => assert_eq!(format!("{theirs:?}"), format!("{ours:?}"), "source"),
        }
    }

    fn descriptors(&mut self, state: &State, id: ProcessId, model: &Naive, ix: Ix) {
        let ours = model.table(ix);
        let theirs = state.fds(id).expect("a living or remembered process has a table");
        let numbers: Vec<i32> = theirs.iter().map(|(fd, _)| fd.0).collect();
        assert!(numbers.iter().eq(ours.keys()), "descriptors of {ix}: {numbers:?}, not {:?}", ours.keys());
        for (fd, open) in ours {
            let found = FdTable::get(theirs, Fd(*fd)).expect("the descriptor is in the table");
            self.descriptor(state, found, model, *open, model.processes[ix].container, *fd);
        }
    }

    fn descriptor(
        &mut self,
        state: &State,
        theirs: Descriptor,
        model: &Naive,
        ours: naive::Open,
        container: Ix,
        fd: i32,
    ) {
        assert_eq!(theirs.on_exec == OnExec::Close, ours.on_exec == OnExec::Close, "CLOEXEC of {fd}");
        assert_eq!(access(theirs.access), access(ours.access), "access of {fd}");
        match (theirs.object, ours.object) {
            (Object::Unknown, naive::Object::Unknown)
            | (Object::Anon, naive::Object::Anon)
            | (Object::Nvidia(Nvidia::Control), naive::Object::Control)
            | (Object::Nvidia(Nvidia::Gpu), naive::Object::Gpu)
            | (Object::Nvidia(Nvidia::Uvm), naive::Object::Uvm) => {}
            (Object::File(file), naive::Object::File(ix)) => {
                let at = container_of(container);
                self.file(at, file, container, ix);
                let known = state.file_in(at, file).expect("the file of a descriptor is known");
                let ours = model.file(container, ix);
                let in_memory = ours.path.starts_with(b"/memfd:") && known.path.starts_with(b"/memfd:");
                assert!(
                    in_memory || *known.path == *ours.path,
                    "path behind {fd}: {:?} is {:?} to the model",
                    Text(&known.path),
                    Text(&ours.path)
                );
                assert_eq!(known.written, ours.written, "when what is behind {fd} was written");
                self.provenance(&known.provenance, &ours.provenance, container);
            }
            (Object::Socket(socket), naive::Object::Socket(ix)) => {
                self.sockets.same(socket, ix, "socket");
                let known = state.socket_at(socket).expect("the socket of a descriptor is known");
                is_same_socket(known, &model.sockets[ix]);
                let comes_out = known.pair.as_ref().map(|pair| pair.source.as_ref());
                let ours = model.sockets[ix].pair.as_ref().map(|(_, source)| source.as_ref());
                assert_eq!(comes_out.is_some(), ours.is_some(), "half of a pair");
                self.source(comes_out.flatten(), ours.flatten(), container);
            }
            (Object::Pipe(pipe, end), naive::Object::Reader(ix) | naive::Object::Writer(ix)) => {
                self.pipes.same(pipe, ix, "pipe");
                assert_eq!(naive::Object::pipe(ix, end), ours.object, "end of the pipe behind {fd}");
                let source = state.pipe_source(pipe);
                self.source(source, model.pipes[ix].as_ref(), container);
            }
            (theirs, ours) => assert_eq!(format!("{theirs:?}"), format!("{ours:?}"), "object behind {fd}"),
        }
    }

    fn file(&mut self, at: ContainerIx, file: FileId, container: Ix, ix: Ix) {
        self.files.same((at, file), scoped(container, ix), "file");
    }
}

/// Files are numbered by container in the model; a pair must not mix containers up.
fn scoped(container: Ix, file: Ix) -> Ix {
    file * 64 + container
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
        Access::ReadWrite => "both",
        Access::Path => "neither",
    }
}

fn is_same_socket(theirs: &Socket, ours: &naive::Socket) {
    assert_eq!((theirs.family, theirs.kind), (ours.family, ours.kind), "socket");
    let peer = match theirs.role {
        Role::Idle => Peer::None,
        Role::Local => Peer::Local,
        Role::Server { remote } => Peer::Server(remote),
        Role::Client { remote, outcome, since } => {
            let outcome = match outcome {
                Outcome::Pending => None,
                Outcome::Connected => Some(Errno::OK),
                Outcome::Failed(errno) => Some(errno),
            };
            Peer::Client(remote, since, outcome)
        }
    };
    assert_eq!(peer, ours.peer, "peer");
    let traffic = theirs.traffic.as_deref().cloned().unwrap_or_default();
    for (cadence, passed) in [(traffic.sends, &ours.sent), (traffic.recvs, &ours.received)] {
        let bytes: u64 = passed.iter().map(|(_, bytes)| bytes).sum();
        let mut messages = 0;
        let mut last = None;
        for (time, _) in passed {
            if last.is_none_or(|last: i64| time.0 - last >= SAME_MESSAGE) {
                messages += 1;
                last = Some(time.0);
            }
        }
        assert_eq!((cadence.bytes(), cadence.messages()), (bytes, messages), "bytes and messages");
    }
}
