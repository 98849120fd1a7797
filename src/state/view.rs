//! What rules and evidence may ask the state about an observation. Nothing in here changes anything.

use std::net::SocketAddr;

use crate::event::{Fd, Tgid};

use super::fd_table::Search;
use super::net::is_own;
use super::process::LineageId;
use super::{
    Container, ContainerIx, Descriptor, Endpoint, EndpointId, FdTable, File, FileId, Object, Pipe, PipeId,
    Process, ProcessId, ProcessSerial, Role, Socket, SocketId, Source, State, is_remote,
};

impl State {
    /// The container at that place.
    #[must_use]
    pub fn container_at(&self, container: ContainerIx) -> Option<&Container> {
        self.containers.get(usize::from(container.0))
    }

    /// The containers in the order in which they were first heard of.
    pub fn containers(&self) -> impl Iterator<Item = (ContainerIx, &Container)> {
        self.containers.iter().zip(0u16..).map(|(container, index)| (ContainerIx(index), container))
    }

    /// The process of that id.
    #[must_use]
    pub fn process_at(&self, process: ProcessId) -> Option<&Process> {
        self.processes.get(process)
    }

    /// The process of that number, if it is still remembered.
    #[must_use]
    pub fn process_by_serial(&self, serial: ProcessSerial) -> Option<&Process> {
        self.processes.iter().map(|(_, process)| process).find(|process| process.serial == serial)
    }

    /// The newest bearer of that process id in a container.
    #[must_use]
    pub fn process_of(&self, container: ContainerIx, tgid: Tgid) -> Option<&Process> {
        self.processes.get(self.processes.newest(container, tgid)?)
    }

    /// The remembered processes.
    pub fn processes(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        self.processes.iter()
    }

    /// The descriptors of a process.
    #[must_use]
    pub fn fds(&self, process: ProcessId) -> Option<&FdTable> {
        self.processes.fds(process)
    }

    /// What a descriptor of a process is.
    #[must_use]
    pub fn descriptor(&self, process: ProcessId, fd: Fd) -> Option<Descriptor> {
        self.fds(process)?.get(fd)
    }

    /// The file of that id in a container.
    #[must_use]
    pub fn file_in(&self, container: ContainerIx, file: FileId) -> Option<&File> {
        self.container_at(container)?.files.get(file)
    }

    /// The remembered files of a container.
    pub fn files(&self, container: ContainerIx) -> impl Iterator<Item = &File> {
        self.container_at(container).into_iter().flat_map(|container| container.files.iter())
    }

    /// The file of that name in a container.
    #[must_use]
    pub fn file_named(&self, container: ContainerIx, path: &[u8]) -> Option<FileId> {
        self.container_at(container)?.files.find(path)
    }

    /// The source of network bytes that went through a pipe.
    #[must_use]
    pub fn pipe_source(&self, pipe: PipeId) -> Option<&Source> {
        self.pipes.get(pipe)?.source.as_ref()
    }

    /// The socket of that id.
    #[must_use]
    pub fn socket_at(&self, socket: SocketId) -> Option<&Socket> {
        self.sockets.get(socket)
    }

    /// The remembered sockets, closed ones included.
    pub fn sockets(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.sockets.iter()
    }

    /// The pipe of that id.
    #[must_use]
    pub fn pipe_at(&self, pipe: PipeId) -> Option<&Pipe> {
        self.pipes.get(pipe)
    }

    /// The endpoint of that id in a container.
    #[must_use]
    pub fn endpoint_in(&self, container: ContainerIx, endpoint: EndpointId) -> Option<&Endpoint> {
        self.container_at(container)?.endpoints.get(endpoint)
    }

    /// The remembered endpoints of a container.
    pub fn endpoints(&self, container: ContainerIx) -> impl Iterator<Item = &Endpoint> {
        self.container_at(container).into_iter().flat_map(|container| container.endpoints.iter())
    }

    /// The remote that a descriptor of the process is connected to, if this side connected it: what a reverse shell has
    /// and a server's child has not.
    #[must_use]
    pub fn connected_remote(&self, process: ProcessId, fd: Fd) -> Option<SocketAddr> {
        let Object::Socket(socket) = self.descriptor(process, fd)?.object else { return None };
        match self.socket_at(socket)?.role {
            Role::Client { remote, outcome, .. } if outcome.may_carry_bytes() && is_remote(remote.ip()) => {
                Some(remote)
            }
            Role::Client { .. } | Role::Server { .. } | Role::Idle | Role::Local => None,
        }
    }

    /// The remote that feeds a shell and gets its answers: its standard input comes from there through pipes, FIFOs
    /// or a pair of sockets, by way of a program that hands on what it gets, and whoever reads its standard output has
    /// a connection to there. That is a reverse shell without a socket in its hands.
    #[must_use]
    pub fn relayed_remote(&self, process: ProcessId) -> Option<SocketAddr> {
        let shell = self.processes.get(process).filter(|process| process.is_fed_from_network())?;
        let fed = shell.stdin_source()?.remote()?;
        if !fed.by.program.hands_on() && self.connected_remote(process, Fd::STDIN).is_none() {
            return None;
        }
        let remote = fed.addr;
        let far = self.far_end(self.descriptor(process, Fd::STDOUT)?.object)?;
        let answers = self.processes.readers_of(shell.key.container, &[far]);
        let mut connection = Search::new(|object, _| match object {
            Object::Socket(socket) => self.socket_at(socket).and_then(Socket::remote) == Some(remote),
            Object::Unknown | Object::File(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => false,
        });
        let mut connected = |reader: ProcessId| self.fds(reader).is_some_and(|fds| connection.finds(fds));
        answers.into_iter().any(|(reader, _)| connected(reader)).then_some(remote)
    }

    /// The remote that a connection within the container leads on to: where whoever listens on its port last
    /// connected to.
    #[must_use]
    pub fn onward(&self, container: ContainerIx, socket: SocketId) -> Option<SocketAddr> {
        match self.socket_at(socket)?.role {
            Role::Client { remote, .. } if is_own(remote.ip()) => {
                self.container_at(container)?.listeners.onward(remote.port())
            }
            Role::Client { .. } | Role::Server { .. } | Role::Idle | Role::Local => None,
        }
    }

    /// The remote that a process answers to: its standard output is a connection that this side made, and its parent,
    /// a shell, is the one who reads from there. So runs a shell the lines that a remote sends it.
    #[must_use]
    pub fn orders_from(&self, process: ProcessId) -> Option<SocketAddr> {
        let remote = self.connected_remote(process, Fd::STDOUT)?;
        let Object::Socket(socket) = self.descriptor(process, Fd::STDOUT)?.object else { return None };
        let parent = self.process_at(process)?.ancestors.first()?;
        let reads = self.socket_at(socket)?.reader == Some(parent.serial);
        (reads && parent.actor.program.is_shell()).then_some(remote)
    }

    /// The remote that the process or an ancestor joins with a terminal that it made.
    #[must_use]
    pub fn terminal_remote(&self, process: ProcessId) -> Option<SocketAddr> {
        let process = self.process_at(process)?;
        self.container_at(process.key.container)?.terminals.find(|joined| {
            joined == process.serial || process.ancestors.iter().any(|ancestor| ancestor.serial == joined)
        })
    }

    /// The remote that ordered what a process runs: its parent heard just as many bytes from there, over a connection
    /// that this side made.
    #[must_use]
    pub fn ordered_by(&self, process: ProcessId) -> Option<SocketAddr> {
        let process = self.process_at(process)?;
        process.heard?.ordered(&process.program.argv)
    }

    /// Whether a stranger works on data: it, or a worker that it forked, opened files that are not settings or logs by
    /// name, or more bytes than those have passed between it and its files. Of others nobody knows.
    #[must_use]
    pub fn has_data(&self, process: ProcessId) -> Option<bool> {
        self.process_at(process)
            .filter(|process| process.is_stranger())
            .map(|process| process.work.has_data())
    }

    /// The family of a process.
    #[must_use]
    pub fn lineage(&self, process: ProcessId) -> Option<LineageId> {
        Some(self.processes.get(process)?.lineage)
    }

    /// What had to be forgotten so far, by kind.
    #[must_use]
    pub fn evictions(&self) -> Evictions {
        let sum =
            |count: fn(&Container) -> u64| self.containers.iter().map(count).fold(0, u64::saturating_add);
        Evictions {
            processes: self.processes.evictions(),
            files: sum(|container| container.files.evictions()),
            endpoints: sum(|container| container.endpoints.evictions()),
            sockets: self.sockets.evictions(),
            pipes: self.pipes.evictions(),
            descriptors: self.budget.forgotten_descriptors(),
            evidence: self.budget.forgotten_evidence(),
            containers: self.forgotten_containers,
        }
    }

    /// Bytes that are charged to the sandbox's budget, evidence included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.budget.used()
    }

    /// The budget in bytes.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.budget.limit()
    }

    /// How many processes are remembered, exited ones included.
    #[must_use]
    pub fn process_count(&self) -> usize {
        self.processes.len()
    }

    /// How many files and endpoints of a container are remembered.
    #[must_use]
    pub fn sizes(&self, container: ContainerIx) -> (usize, usize) {
        self.container_at(container)
            .map_or((0, 0), |container| (container.files.len(), container.endpoints.len()))
    }
}

/// What had to be forgotten to stay within the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// Processes.
    pub processes: u64,
    /// Files.
    pub files: u64,
    /// Remote endpoints.
    pub endpoints: u64,
    /// Sockets.
    pub sockets: u64,
    /// Pipes.
    pub pipes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Partial matches, counters, and what a score rested on.
    pub evidence: u64,
    /// Containers, with their files, endpoints and processes, which are not counted once more.
    pub containers: u64,
}

impl Evictions {
    /// Each kind with its name.
    #[must_use]
    pub fn by_kind(self) -> [(&'static str, u64); 8] {
        let Evictions { processes, files, endpoints, sockets, pipes, descriptors, evidence, containers } =
            self;
        [
            ("processes", processes),
            ("files", files),
            ("endpoints", endpoints),
            ("sockets", sockets),
            ("pipes", pipes),
            ("descriptors", descriptors),
            ("evidence", evidence),
            ("containers", containers),
        ]
    }

    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.by_kind().into_iter().fold(0, |total, (_, count)| total.saturating_add(count))
    }
}
