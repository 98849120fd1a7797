//! What the engine remembers of a sandbox: processes, descriptors, files with their provenance, connections, the GPU.
//!
//! [`State::apply`] takes one event and says what it was about ([`Observation`]); rules then ask the state about
//! that. The state knows no rules and no denylists, and every table in it is bounded.
//!
//! Which of two events of different threads comes first is not to be trusted: a child's first event can precede its
//! clone. Such a process is a stub until the clone completes it.

mod apply;
mod arena;
mod builder;
mod cadence;
mod container;
mod fds;
mod files;
mod gpu;
mod interpreter;
#[cfg(any(test, feature = "fuzzing"))]
mod invariants;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod model;
mod net;
pub(crate) mod path;
mod process;
mod program;
mod sight;
mod terminal;
mod view;

use smallvec::SmallVec;

use crate::event::{Context, Event, Fd, Nanos, Time};

pub use arena::Id;
use arena::{Arena, Evict, Keep};
pub use cadence::{Cadence, Pauses};
pub use container::{Container, ContainerIx};
pub use fds::{Access, Descriptor, FdTable, Held, Nvidia, Object, OnExec, PipeEnd};
pub use files::File;
pub use gpu::{Gpu, GpuRequest, GpuState};
pub(crate) use net::is_remote;
pub use net::{Endpoint, Failures, Outcome, Returns, Role, Socket, Traffic};
use process::Processes;
pub use process::{Ancestor, Birth, LineageId, Process, ProcessKey, ProcessSerial};
pub use program::{Actor, Argv, Derivation, FileSerial, Origin, Program, Provenance, Remote, Script, Source};
pub use sight::Sight;
pub use view::Evictions;

/// The id of a file.
pub type FileId = Id<File>;
/// The id of a socket.
pub type SocketId = Id<Socket>;
/// The id of a pipe.
pub type PipeId = Id<Pipe>;
/// The id of a process.
pub type ProcessId = Id<Process>;
/// The id of a remote endpoint.
pub type EndpointId = Id<Endpoint>;

/// Pipes that are remembered of a sandbox.
const MAX_PIPES: usize = 1024;

/// How far ahead of the clock an event may be before it is not believed. Long enough for a sandbox that sleeps over
/// a weekend, short enough that a sentry cannot make every window run out at once with one message.
const MAX_JUMP: Nanos = Nanos::from_mins(4 * 24 * 60);

/// A pipe, with what went through it as far as that matters.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// The source of network bytes that a writer had.
    pub source: Option<Source>,
}

impl Evict for Pipe {
    fn keep(&self) -> Keep {
        if self.source.is_some() { Keep::Suspicious } else { Keep::Dull }
    }
}

/// What an event was about, as far as the state could tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When it happened; never before the epoch, never far ahead of the events before.
    pub time: Time,
    /// The container.
    pub container: ContainerIx,
    /// The process.
    pub process: ProcessId,
    /// The descriptor that it was about.
    pub fd: Option<Fd>,
    /// What it was about.
    pub subject: Subject,
}

/// What an event was about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Subject {
    /// Nothing but the process itself.
    Process,
    /// A file.
    File(FileId),
    /// A socket.
    Socket {
        /// Which.
        socket: SocketId,
        /// The remote endpoint, where it has one.
        endpoint: Option<EndpointId>,
        /// Whether this is the first that is seen of its connect.
        news: News,
    },
    /// A GPU device, with the request of an ioctl.
    Gpu(Option<GpuRequest>),
    /// A process that was made.
    Child(ProcessId),
    /// Something that is open, whatever it is.
    Other,
}

/// Whether a connect is reported for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A socket's first connect to that address.
    Attempt,
    /// How an attempt that was reported before ended, or no connect at all.
    No,
}

/// How many objects of each kind are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Of the sandbox.
    processes: usize,
    sockets: usize,
    pipes: usize,
    /// Of each container.
    files: usize,
    endpoints: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            processes: process::MAX_PROCESSES,
            sockets: net::MAX_SOCKETS,
            pipes: MAX_PIPES,
            files: files::MAX_FILES,
            endpoints: net::MAX_ENDPOINTS,
        }
    }
}

/// The memory of one sandbox.
#[derive(Clone, Debug)]
pub struct State {
    bounds: Bounds,
    containers: Vec<Container>,
    processes: Processes,
    sockets: Arena<Socket>,
    pipes: Arena<Pipe>,
    clock: Time,
    last_serial: u64,
    sight: Sight,
}

impl Default for State {
    fn default() -> Self {
        State::within(Bounds::default())
    }
}

impl State {
    fn within(bounds: Bounds) -> State {
        State {
            bounds,
            containers: Vec::new(),
            processes: Processes::new(bounds.processes),
            sockets: Arena::new(bounds.sockets),
            pipes: Arena::new(bounds.pipes),
            clock: Time::default(),
            last_serial: 0,
            sight: Sight::default(),
        }
    }

    /// A state with room for next to nothing.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn confined() -> State {
        State::within(Bounds { processes: 5, sockets: 3, pipes: 2, files: 4, endpoints: 2 })
    }

    /// Takes one event in. Says what it was about, unless it was the mere beginning of a call or cannot be
    /// attributed to a process.
    pub fn apply(&mut self, event: &Event<'_>) -> Option<Observation> {
        let Some(context) = &event.context else {
            self.sight.unattributed();
            return None;
        };
        apply::apply(self, context, &event.kind)
    }

    /// The largest time that was seen and believed.
    #[must_use]
    pub fn clock(&self) -> Time {
        self.clock
    }

    /// Moves the clock to `now` if that is later: what a quiet sandbox's owner does now and then.
    ///
    /// Before the first event there is no clock to be moved. It is the sentry's, or the recording's that is played:
    /// the owner's, were it far behind, would make every event unbelievable.
    pub fn tick(&mut self, now: Time) {
        if self.clock.is_known() {
            self.clock = self.clock.max(now);
        }
    }

    /// What the engine could and could not see.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The same, to note what the receiver lost.
    pub fn sight_mut(&mut self) -> &mut Sight {
        &mut self.sight
    }

    /// The time of an event that claims `claimed`.
    fn time_of(&mut self, claimed: Time) -> Time {
        if claimed.0 <= 0 {
            return self.clock;
        }
        if self.clock.is_known() && claimed.since(self.clock) > MAX_JUMP {
            self.sight.time_jump();
            return self.clock;
        }
        self.clock = self.clock.max(claimed);
        claimed
    }

    fn next_serial(&mut self) -> u64 {
        self.last_serial = self.last_serial.saturating_add(1);
        self.last_serial
    }

    /// The container of that claimed id; a new one unless there are too many.
    fn container(&mut self, id: &[u8], time: Time) -> Option<ContainerIx> {
        let known = self.containers.iter().zip(0u16..).find(|(container, _)| *container.id == *id);
        if let Some((_, index)) = known {
            return Some(ContainerIx(index));
        }
        if self.containers.len() >= container::MAX_CONTAINERS || id.len() > container::MAX_CONTAINER_ID {
            self.sight.unattributed();
            return None;
        }
        let index = u16::try_from(self.containers.len()).ok()?;
        self.containers.push(Container::new(id, time, self.bounds));
        Some(ContainerIx(index))
    }

    /// The process that an event's context names; a stub where it is not known.
    fn process(&mut self, container: ContainerIx, context: &Context<'_>) -> ProcessId {
        let key = ProcessKey { container, tgid: context.tgid, start: context.start };
        let id = match self.processes.find(key) {
            Some(id) => id,
            None => self.stub(key, context),
        };
        if let Some(process) = self.processes.get_mut(id) {
            if context.tid.0 == context.tgid.0
                && !context.comm.is_empty()
                && process.comm.bytes() != context.comm.bytes()
            {
                process.comm = process::Comm::new(context.comm.bytes());
            }
            if let Some(credentials) = &context.credentials {
                process.uid = Some(credentials.effective_uid);
            }
        }
        id
    }

    fn stub(&mut self, key: ProcessKey, context: &Context<'_>) -> ProcessId {
        let parent = (context.parent.0 > 0 && context.parent != context.tgid)
            .then(|| self.processes.newest(key.container, context.parent))
            .flatten();
        let serial = ProcessSerial(self.next_serial());
        let fds = self.processes.new_table(FdTable::default());
        let from = parent.and_then(|parent| self.processes.get(parent));
        let lineage = match from {
            Some(parent) => self.lineage_of_child(parent, serial),
            None => LineageId(serial.0),
        };
        let process = Process {
            key,
            serial,
            lineage,
            birth: Birth::Unseen,
            ancestors: from.map(process::ancestors_of_child).unwrap_or_default(),
            program: from.map(|parent| std::sync::Arc::clone(&parent.program)).unwrap_or_default(),
            comm: process::Comm::new(context.comm.bytes()),
            uid: None,
            cwd: from.and_then(|parent| parent.cwd.clone()),
            gpu: Gpu::default(),
            exec_session: context.exec_session,
            opens: 0,
            exited: None,
            fds,
            inputs: SmallVec::new(),
            stdin: None,
            asked: None,
            renames: 0,
            terminal: None,
        };
        self.sight.stub();
        self.processes.insert(process)
    }

    /// The family of a child: a family of its own below the container's first process, else its parent's.
    fn lineage_of_child(&self, parent: &Process, child: ProcessSerial) -> LineageId {
        let first =
            self.containers.get(usize::from(parent.key.container.0)).and_then(|container| container.first);
        if first == Some(parent.serial) { LineageId(child.0) } else { parent.lineage }
    }

    fn container_mut(&mut self, container: ContainerIx) -> Option<&mut Container> {
        self.containers.get_mut(usize::from(container.0))
    }
}
