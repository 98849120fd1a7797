//! From the library's state to the [`model`](super::model).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use sluicebox::event::{Family, Fd, Text, Time};
use sluicebox::state::{
    self, Access, Birth, Cadence, ContainerIx, Derivation, FdTable, Held, Nvidia, Object, OnExec, Outcome,
    PipeEnd, PipeId, ProcessId, Role, SocketId, Source, State,
};

use super::model::{
    Connection, Container, Descriptor, Endpoint, Evictions, File, Flow, Gpu, Holder, Origin, Process,
    Program, Provenance, Remote, Script, Sight, Snapshot, Socket, Target, Who, Written,
};

/// Descriptors that are shown of all processes together. A table is shared until it is written to, so a workload can
/// have far more of them than anyone has memory to list.
const DESCRIPTORS: usize = 65_536;

/// Holders of a pipe's other end or of a socket that are named: a fork bomb has thousands, and each would name all.
const HOLDERS: usize = 8;

/// Copies what `state` remembers after `records` records, the first of which was made at `begin`.
pub(super) fn snapshot(state: &State, records: u64, begin: Option<Time>) -> Snapshot {
    let copier = Copier::new(state);
    let (sight, evictions) = (state.sight(), state.evictions());
    Snapshot {
        records,
        begin_ns: begin.map(|begin| begin.0),
        time_ns: state.clock().0,
        containers: state.containers().map(|(at, container)| copier.container(at, container)).collect(),
        sight: Sight {
            partial: sight.is_partial(),
            dropped: sight.dropped,
            undecodable: sight.undecodable,
            truncated: sight.truncated,
            unknown_types: sight.unknown_types,
            unattributed: sight.unattributed,
            stubs: sight.stubs,
            time_jumps: sight.time_jumps,
            high_fds: sight.high_fds,
        },
        evictions: Evictions {
            processes: evictions.processes,
            files: evictions.files,
            endpoints: evictions.endpoints,
            sockets: evictions.sockets,
            pipes: evictions.pipes,
            descriptors: evictions.descriptors,
            evidence: evictions.evidence,
            containers: evictions.containers,
        },
    }
}

/// The state with what has to be looked up in it the other way round. The maps are only asked, never walked: their
/// order is not that of anything.
struct Copier<'s> {
    state: &'s State,
    /// What each living process holds, and how much of it is left out.
    held: HashMap<ProcessId, (Vec<(Fd, state::Descriptor)>, usize)>,
    /// Who holds an end of a pipe.
    pipes: HashMap<(PipeId, End), Vec<(ProcessId, Fd)>>,
    /// Who holds a socket.
    sockets: HashMap<SocketId, Vec<(ProcessId, Fd)>>,
    /// The sockets that were to connect to an address.
    clients: HashMap<SocketAddr, Vec<SocketId>>,
}

/// [`PipeEnd`] as a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Read,
    Write,
}

impl<'s> Copier<'s> {
    fn new(state: &'s State) -> Copier<'s> {
        let mut copier = Copier {
            state,
            held: HashMap::new(),
            pipes: HashMap::new(),
            sockets: HashMap::new(),
            clients: HashMap::new(),
        };
        let mut room = DESCRIPTORS;
        for (id, _) in in_order(state).filter(|(_, process)| process.exited.is_none()) {
            let mut descriptors = state.fds(id).into_iter().flat_map(FdTable::iter);
            let held: Vec<_> = descriptors.by_ref().take(room).collect();
            room = room.saturating_sub(held.len());
            for &(fd, descriptor) in &held {
                copier.note_holder(id, fd, descriptor.object);
            }
            copier.held.insert(id, (held, descriptors.count()));
        }
        for (id, socket) in state.sockets() {
            if let Role::Client { remote, .. } = socket.role {
                copier.clients.entry(remote).or_default().push(id);
            }
        }
        copier
    }

    fn note_holder(&mut self, process: ProcessId, fd: Fd, object: Object) {
        let holders = match object {
            Object::Pipe(pipe, PipeEnd::Read) => self.pipes.entry((pipe, End::Read)).or_default(),
            Object::Pipe(pipe, PipeEnd::Write) => self.pipes.entry((pipe, End::Write)).or_default(),
            Object::Socket(socket) => self.sockets.entry(socket).or_default(),
            Object::Unknown | Object::File(_) | Object::Nvidia(_) | Object::Anon => return,
        };
        holders.push((process, fd));
    }

    fn container(&self, at: ContainerIx, container: &state::Container) -> Container {
        let mut files: Vec<File> = self.state.files(at).map(file).collect();
        files.sort_by_key(|file| file.serial);
        let mut endpoints: Vec<Endpoint> =
            self.state.endpoints(at).map(|endpoint| self.endpoint(at, endpoint)).collect();
        endpoints.sort_by(|a, b| (a.first_ns, &a.remote).cmp(&(b.first_ns, &b.remote)));
        Container {
            id: escaped(&container.id),
            since_ns: container.since.0,
            processes: self.tree(at),
            files,
            endpoints,
        }
    }

    /// The processes of a container, each followed by its children. A child whose parent is forgotten follows the
    /// nearest ancestor that is not.
    fn tree(&self, container: ContainerIx) -> Vec<Process> {
        let remembered: Vec<(ProcessId, &state::Process)> =
            in_order(self.state).filter(|(_, process)| process.key.container == container).collect();
        let known: HashSet<u64> = remembered.iter().map(|(_, process)| process.serial.0).collect();
        let mut children: BTreeMap<Option<u64>, Vec<(ProcessId, &state::Process)>> = BTreeMap::new();
        for (id, process) in remembered {
            // A parent's number need not be the lower one (a child may be heard of first), but nobody descends from
            // himself: a claim of that kind makes a root, so every process is in the tree.
            let parent = process
                .ancestors
                .iter()
                .map(|ancestor| ancestor.serial.0)
                .find(|serial| known.contains(serial) && *serial != process.serial.0);
            children.entry(parent).or_default().push((id, process));
        }
        let mut out = Vec::new();
        let mut open: Vec<(usize, (ProcessId, &state::Process))> = Vec::new();
        let mut roots = children.remove(&None).unwrap_or_default().into_iter();
        while let Some((depth, (id, process))) = open.pop().or_else(|| roots.next().map(|root| (0, root))) {
            out.push(self.process(id, process, depth));
            for child in children.remove(&Some(process.serial.0)).unwrap_or_default().into_iter().rev() {
                open.push((depth.saturating_add(1), child));
            }
        }
        // Two processes that claim each other as parents, which only a hostile sentry says.
        for (id, process) in children.into_values().flatten() {
            out.push(self.process(id, process, 0));
        }
        out
    }

    fn process(&self, id: ProcessId, process: &state::Process, depth: usize) -> Process {
        let (held, left_out) = self.held.get(&id).map_or((&[][..], 0), |(held, left)| (&held[..], *left));
        Process {
            serial: process.serial.0,
            tgid: process.key.tgid.0,
            name: escaped(&process.program.name),
            comm: escaped(process.comm.bytes()),
            depth,
            ancestors: process
                .ancestors
                .iter()
                .map(|ancestor| Who { serial: Some(ancestor.serial.0), ..who(&ancestor.actor) })
                .collect(),
            lineage: process.lineage.0,
            seen_from_birth: process.birth == Birth::Seen,
            started_ns: known(process.key.start),
            exited_ns: process.exited.and_then(known),
            program: Program {
                path: escaped(&process.program.path),
                argv: process.program.argv.iter().map(escaped).collect(),
                argv_cut: process.program.argv.is_cut(),
                ran_ns: known(process.program.time),
                executable: provenance(&process.program.executable),
                script: process.program.script.as_ref().map(|script| Script {
                    path: escaped(&script.path),
                    provenance: provenance(&script.provenance),
                }),
            },
            uid: process.uid.map(|uid| uid.0),
            cwd: process.cwd.as_deref().map(escaped),
            exec_session: process.exec_session,
            opens: process.opens,
            gpu: Gpu { state: process.gpu.state().name(), ioctls: process.gpu.ioctls() },
            network: process.network_inputs().iter().map(origin).collect(),
            stdin: process.stdin_source().map(origin),
            runs_network_bytes: process.is_fed_from_network(),
            descriptors: held
                .iter()
                .map(|(fd, descriptor)| self.descriptor(process.key.container, *fd, *descriptor))
                .collect(),
            descriptors_left_out: left_out,
        }
    }

    fn descriptor(&self, container: ContainerIx, fd: Fd, descriptor: state::Descriptor) -> Descriptor {
        Descriptor {
            fd: fd.0,
            access: match descriptor.access {
                Access::Read => "read",
                Access::Write => "write",
                Access::ReadWrite => "read and write",
                Access::Path => "path",
            },
            cloexec: descriptor.on_exec == OnExec::Close,
            passed_on: descriptor.held == Held::PassedOn,
            to: self.target(container, descriptor.object),
        }
    }

    fn target(&self, container: ContainerIx, object: Object) -> Target {
        match object {
            Object::Unknown => Target::Unknown,
            Object::Anon => Target::Anon,
            Object::File(id) => match self.state.file_in(container, id) {
                None => Target::File { path: None, origin: state::Origin::Unknown.name() },
                Some(file) if file.path.starts_with(b"/memfd:") => {
                    Target::Memfd { path: escaped(&file.path), origin: file.provenance.origin.name() }
                }
                Some(file) => {
                    Target::File { path: Some(escaped(&file.path)), origin: file.provenance.origin.name() }
                }
            },
            Object::Socket(id) => match self.state.socket_at(id) {
                Some(found) => Target::Socket(Box::new(socket(found))),
                None => Target::Forgotten,
            },
            Object::Pipe(id, end) => {
                let (end, other) = match end {
                    PipeEnd::Read => ("read", End::Write),
                    PipeEnd::Write => ("write", End::Read),
                };
                Target::Pipe {
                    end,
                    others: self.holders(self.pipes.get(&(id, other))),
                    others_count: self.pipes.get(&(id, other)).map_or(0, Vec::len),
                    carries: self.state.pipe_at(id).and_then(|pipe| pipe.source.as_ref()).map(origin),
                }
            }
            Object::Nvidia(device) => Target::Nvidia {
                device: match device {
                    Nvidia::Control => "/dev/nvidiactl",
                    Nvidia::Gpu => "/dev/nvidiaN",
                    Nvidia::Uvm => "/dev/nvidia-uvm",
                },
            },
        }
    }

    fn holders(&self, held: Option<&Vec<(ProcessId, Fd)>>) -> Vec<Holder> {
        let holder = |(id, fd): &(ProcessId, Fd)| {
            let process = self.state.process_at(*id)?;
            Some(Holder { tgid: process.key.tgid.0, name: escaped(&process.program.name), fd: fd.0 })
        };
        held.into_iter().flatten().take(HOLDERS).filter_map(holder).collect()
    }

    fn endpoint(&self, container: ContainerIx, endpoint: &state::Endpoint) -> Endpoint {
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for &id in self.clients.get(&endpoint.remote).into_iter().flatten() {
            let Some(found) = self.state.socket_at(id) else { continue };
            let Some(held) = self.sockets.get(&id) else {
                closed.push(socket(found));
                continue;
            };
            let is_here = |(holder, _): &(ProcessId, Fd)| {
                self.state.process_at(*holder).is_some_and(|process| process.key.container == container)
            };
            if held.iter().any(is_here) {
                open.push(Connection { by: self.holders(Some(held)), socket: socket(found) });
            }
        }
        open.sort_by_key(|connection| connection.socket.since_ns);
        closed.sort_by_key(|socket| socket.since_ns);
        Endpoint {
            remote: endpoint.remote.to_string(),
            attempts: endpoint.attempts,
            connected: endpoint.successes,
            failures: endpoint.failures.total(),
            first_ns: endpoint.first.0,
            last_ns: endpoint.last.0,
            open,
            closed,
        }
    }
}

/// The remembered processes in the order in which they were heard of.
fn in_order(state: &State) -> impl Iterator<Item = (ProcessId, &state::Process)> {
    let mut all: Vec<_> = state.processes().collect();
    all.sort_by_key(|(_, process)| process.serial);
    all.into_iter()
}

fn socket(socket: &state::Socket) -> Socket {
    let (role, remote, outcome, since) = match socket.role {
        Role::Idle => ("idle", None, None, None),
        Role::Local => ("local", None, None, None),
        Role::Server { remote } => ("server", remote, None, None),
        Role::Client { remote, outcome, since } => ("client", Some(remote), Some(outcome), Some(since)),
    };
    let (sent, received) = socket
        .traffic
        .as_ref()
        .map(|traffic| (flow(&traffic.sends), flow(&traffic.recvs)))
        .unwrap_or_default();
    Socket {
        family: match (socket.family, socket.family.name()) {
            (_, Some(name)) => name.to_owned(),
            (Family(number), None) => number.to_string(),
        },
        // include/linux/net.h
        kind: match socket.kind {
            1 => "stream".to_owned(),
            2 => "dgram".to_owned(),
            3 => "raw".to_owned(),
            number => number.to_string(),
        },
        role,
        remote: remote.map(|remote| remote.to_string()),
        outcome: outcome.map(|outcome| match outcome {
            Outcome::Pending => "pending".to_owned(),
            Outcome::Connected => "connected".to_owned(),
            Outcome::Failed(errno) => errno.to_string(),
        }),
        since_ns: since.map(|since| since.0),
        sent,
        received,
    }
}

fn flow(cadence: &Cadence) -> Flow {
    Flow {
        messages: cadence.messages(),
        bytes: cadence.bytes(),
        period_ns: cadence.period().map(|period| period.0),
        dispersion_permille: cadence.dispersion_permille(),
        size: cadence.size(),
    }
}

fn file(file: &state::File) -> File {
    File {
        serial: file.serial.0,
        path: escaped(&file.path),
        written_ns: file.written.map(|time| time.0),
        provenance: provenance(&file.provenance),
    }
}

fn provenance(provenance: &state::Provenance) -> Provenance {
    Provenance {
        origin: provenance.origin.name(),
        chain: provenance.derivation.iter().flat_map(|last| chain(last)).collect(),
        remote: provenance.remote().map(remote),
    }
}

fn origin(source: &Source) -> Origin {
    let chain = match source {
        Source::Local | Source::Remote(_) => Vec::new(),
        Source::File(last) => chain(last),
    };
    Origin { remote: source.remote().map(remote), chain }
}

fn chain(last: &Derivation) -> Vec<Written> {
    last.chain()
        .map(|step| Written { path: escaped(&step.path), by: who(&step.writer), time_ns: step.time.0 })
        .collect()
}

fn remote(remote: &state::Remote) -> Remote {
    Remote { addr: remote.addr.to_string(), time_ns: remote.time.0 }
}

fn who(actor: &state::Actor) -> Who {
    Who { serial: None, tgid: actor.tgid.0, name: escaped(&actor.program.name) }
}

fn known(time: Time) -> Option<i64> {
    time.is_known().then_some(time.0)
}

fn escaped(bytes: &[u8]) -> String {
    Text(bytes).to_string()
}
