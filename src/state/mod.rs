//! What the engine remembers of a sandbox: processes, descriptors, files with their provenance, connections, the GPU.
//!
//! [`State::apply`] takes one event and says what it was about ([`Observation`]); rules then ask the state about
//! that. The state knows no rules and no denylists, and every table in it is bounded.
//!
//! Which of two events of different threads comes first is not to be trusted: a child's first event can precede its
//! clone. Such a process is a stub until the clone completes it.

mod apply;
mod arena;
mod budget;
mod builder;
mod cadence;
mod code;
mod container;
mod digest;
mod early;
mod enters;
mod fd_table;
mod fds;
mod files;
mod gpu;
mod image;
mod inodes;
mod installer;
mod interpreter;
#[cfg(any(test, feature = "fuzzing"))]
mod invariants;
mod job;
mod metadata;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod model;
mod moved;
mod net;
mod orders;
pub(crate) mod path;
mod pressure;
mod process;
mod processes;
mod program;
mod recall;
mod relay;
mod sight;
mod terminal;
#[cfg(test)]
mod tests;
mod view;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::{Context, Event, Fd, Ino, Nanos, OpenFlags, Sysno, Time};

pub use arena::Id;
use arena::{Arena, Evict, Keep};
pub(crate) use budget::{Account, Budget, Charge, Pins, heap_of};
pub use budget::{DEFAULT_BUDGET, MIN_BUDGET, Shared};
pub use cadence::{Cadence, Pauses};
pub use code::{Code, Taken};
pub use container::{Container, ContainerIx};
pub use digest::Digests;
use enters::Enters;
pub use fd_table::FdTable;
pub use fds::{Access, Descriptor, Held, Nvidia, Object, OnExec, PipeEnd};
pub use files::File;
pub use gpu::{Gpu, GpuRequest, GpuState};
pub use image::{Answer, Image};
use inodes::Inodes;
pub use job::Job;
pub use metadata::{Group, HostNamespaces, ImageName, Metadata, Mount, Pod, User};
pub(crate) use net::is_remote;
pub use net::{Endpoint, Failures, Outcome, Returns, Role, Socket, Traffic};
use process::Deeds;
pub use process::{Ancestor, Birth, LineageId, Process, ProcessKey, ProcessSerial, SessionLeader};
use processes::Processes;
pub use program::{
    Actor, Argv, Derivation, FileSerial, Making, Origin, Program, Provenance, Remote, Script, Source,
};
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

/// How long after its end a process may still be heard of, in a session that does not say when processes start: its
/// threads report late. Whoever bears its id after that is another one.
const AFTERLIFE: Nanos = Nanos::from_secs(1);

/// How long after its start a process that is new to us still has what it was born with: then its clone is late or
/// lost, and its parent its maker.
const NEWBORN: Nanos = Nanos::from_secs(1);

/// After a container was refused, so much passes before another one is taken into consideration: the look costs.
const LOOK_AGAIN: Nanos = Nanos::from_secs(1);

/// How far ahead of the clock an event may be before it is not believed. Long enough for a sandbox that sleeps over
/// a weekend, short enough that a sentry cannot make every window run out at once with one message.
const MAX_JUMP: Nanos = Nanos::from_mins(4 * 24 * 60);

/// How far behind the clock an event may be before that is counted: threads are late by milliseconds.
const MAX_LATE: Nanos = Nanos::from_mins(1);

/// A pipe, with what went through it as far as that matters.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// The source of network bytes that a writer had.
    pub source: Option<Source>,
    /// The inode that the sentry calls it by, once it did.
    pub(crate) ino: Option<Ino>,
    /// The same pipe under another id: users named its inode before its maker reported.
    pub(crate) twin: Option<PipeId>,
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
    /// The path or address of the call was another one when it began: another thread changed it meanwhile.
    pub arg_changed: bool,
}

/// Something that was done although no event said so: what was asked for is known, and that its thread went on.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    /// What it was about.
    pub observation: Observation,
    /// What it was.
    pub deed: UnseenDeed,
}

/// What was done although no event said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnseenDeed {
    /// The process runs another program, the one that it has now.
    Exec,
    /// A socket was to connect. Whether it did is not known.
    Connect(SocketAddr),
    /// A file was to be opened. Whether it was is not known.
    Open {
        /// Which call.
        call: Sysno,
        /// The path as given.
        path: Box<[u8]>,
        /// How to open it.
        flags: OpenFlags,
    },
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

/// The memory of one sandbox.
#[derive(Clone, Debug)]
pub struct State {
    containers: Vec<Container>,
    processes: Processes,
    sockets: Arena<Socket>,
    pipes: Arena<Pipe>,
    socket_inodes: Inodes<Socket>,
    pipe_inodes: Inodes<Pipe>,
    enters: Enters,
    inferred: Option<Box<Unseen>>,
    clock: Time,
    /// The largest time of an event. The owner's ticks move the clock, but say nothing of the sentry's.
    heard: Time,
    last_serial: u64,
    events: u64,
    sight: Sight,
    budget: Budget,
    /// See [`take_replaced`](State::take_replaced).
    replaced: Option<ContainerIx>,
    forgotten_containers: u64,
    /// When no container was found that another one could replace.
    all_live_at: Option<Time>,
    /// The list of containers.
    list: Charge,
    image: Option<Arc<dyn Image>>,
}

impl Default for State {
    fn default() -> Self {
        State::with_budget(Budget::default())
    }
}

impl State {
    /// The budget, for what others remember of the sandbox.
    pub(crate) fn shared_budget(&self) -> &Budget {
        &self.budget
    }

    /// A memory of so many bytes.
    pub(crate) fn with_budget(budget: Budget) -> Self {
        State {
            containers: Vec::new(),
            processes: Processes::new(&budget),
            sockets: Arena::new(net::MAX_SOCKETS, &budget),
            pipes: Arena::new(MAX_PIPES, &budget),
            socket_inodes: Inodes::new(&budget),
            pipe_inodes: Inodes::new(&budget),
            enters: Enters::new(&budget),
            inferred: None,
            clock: Time::default(),
            heard: Time::default(),
            last_serial: 0,
            events: 0,
            sight: Sight::default(),
            replaced: None,
            forgotten_containers: 0,
            all_live_at: None,
            list: budget.charge(Account::Objects, 0),
            budget,
            image: None,
        }
    }

    /// Takes one event in. Says what it was about, unless it was the mere beginning of a call or cannot be
    /// attributed to a process.
    pub fn apply(&mut self, event: &Event<'_>) -> Option<Observation> {
        let Some(context) = &event.context else {
            self.sight.unattributed();
            return None;
        };
        self.events = self.events.saturating_add(1);
        self.make_room();
        let observation = apply::apply(self, context, &event.kind);
        self.reweigh(observation.as_ref());
        observation
    }

    /// Whom to ask whether a file is in a container's image, where the release does not say.
    pub fn set_image(&mut self, image: Arc<dyn Image>) {
        self.image = Some(image);
    }

    /// What must have happened before the event that was just applied, although its own event did not come. Rules may
    /// judge it as if it had been told.
    pub fn take_unseen(&mut self) -> Option<Unseen> {
        self.inferred.take().map(|unseen| *unseen)
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
        if self.heard.since(claimed) > MAX_LATE {
            self.sight.time_back();
        }
        self.heard = self.heard.max(claimed);
        self.clock = self.clock.max(claimed);
        claimed
    }

    /// Notes what whoever runs a container knows of it; the container need not have been heard of yet. Says whether
    /// there was room for it.
    pub fn describe(&mut self, container: &[u8], metadata: Arc<Metadata>) -> bool {
        let described =
            self.container(container, self.clock).and_then(|container| self.container_mut(container));
        let Some(container) = described else { return false };
        container.metadata = Some(metadata);
        true
    }

    /// How many containers were ever heard of. It changes whenever another one is.
    #[must_use]
    pub fn containers_heard_of(&self) -> u64 {
        u64::try_from(self.containers.len()).unwrap_or(u64::MAX).saturating_add(self.forgotten_containers)
    }

    /// How many events were taken in that could be attributed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    fn next_serial(&mut self) -> u64 {
        self.last_serial = self.last_serial.saturating_add(1);
        self.last_serial
    }

    /// The container of that claimed id; a new one unless there are too many.
    fn container(&mut self, id: &[u8], time: Time) -> Option<ContainerIx> {
        let clock = self.clock;
        let known = self.containers.iter_mut().zip(0u16..).find(|(container, _)| *container.id == *id);
        if let Some((container, index)) = known {
            container.last = clock;
            return Some(ContainerIx(index));
        }
        if id.len() > container::MAX_CONTAINER_ID {
            self.sight.unattributed();
            return None;
        }
        if self.containers.len() >= container::MAX_CONTAINERS {
            return self.replace_container(id, time);
        }
        let index = u16::try_from(self.containers.len()).ok()?;
        self.containers.push(Container::new(id, time, &self.budget));
        self.list.set(heap_of::<Container>(self.containers.capacity()));
        Some(ContainerIx(index))
    }

    /// Puts a new container in the place of one that ended, and forgets all of that: the one that was silent for
    /// longest. Refused where all seem to live.
    #[cold]
    fn replace_container(&mut self, id: &[u8], time: Time) -> Option<ContainerIx> {
        let now = self.clock;
        if self.all_live_at.is_some_and(|looked| now.since(looked) < LOOK_AGAIN) {
            self.sight.unattributed();
            return None;
        }
        let living = self.processes.containers_alive();
        let ended = |(container, index): &(&Container, u16)| {
            !living.contains(&ContainerIx(*index)) || now.since(container.last) > container::SILENCE
        };
        let containers = self.containers.iter().zip(0u16..);
        let Some((_, index)) = containers.filter(ended).min_by_key(|(container, at)| (container.last, *at))
        else {
            self.all_live_at = Some(now);
            self.sight.unattributed();
            return None;
        };
        let place = ContainerIx(index);
        self.processes.forget_container(place);
        let new = Container::new(id, time, &self.budget);
        *self.container_mut(place)? = new;
        self.replaced = Some(place);
        self.forgotten_containers = self.forgotten_containers.saturating_add(1);
        Some(place)
    }

    /// The container whose place another one took since this was last asked.
    pub(crate) fn take_replaced(&mut self) -> Option<ContainerIx> {
        self.replaced.take()
    }

    /// The process that an event's context names; a stub where it is not known.
    fn process(&mut self, container: ContainerIx, context: &Context<'_>, now: Time) -> ProcessId {
        let key = ProcessKey { container, tgid: context.tgid, start: context.start };
        let known =
            self.processes.find(key).filter(|id| key.start.is_known() || !self.is_long_gone(*id, now));
        let id = match known {
            Some(id) => id,
            None => self.stub(key, context, now),
        };
        self.processes.acts(id);
        let Some(process) = self.processes.get(id) else { return id };
        if process.deeds == Deeds::None
            && let Some(process) = self.processes.get_mut(id)
        {
            process.deeds = Deeds::Any;
        }
        if let Some(credentials) = &context.credentials
            && let Some(process) = self.processes.count_mut(id)
        {
            process.uid = Some(credentials.effective_uid);
            process.job.gid = Some(credentials.effective_gid);
        }
        id
    }

    /// A rule waits for the sequel of what the process did: it is remembered as long as what is suspicious.
    pub(crate) fn note_evidence(&mut self, process: ProcessId) {
        if self.processes.get(process).is_some_and(|process| process.deeds != Deeds::Evidence)
            && let Some(process) = self.processes.get_mut(process)
        {
            process.deeds = Deeds::Evidence;
            self.processes.arena.settle();
        }
    }

    fn is_long_gone(&self, process: ProcessId, now: Time) -> bool {
        let exited = self.processes.get(process).and_then(|process| process.exited);
        exited.is_some_and(|exited| now.since(exited) > AFTERLIFE)
    }

    /// A process whose clone is late, lost, or from before our time. What it would have from its maker it has from
    /// its present parent until the clone says better; descriptors only if it was born just now.
    fn stub(&mut self, key: ProcessKey, context: &Context<'_>, now: Time) -> ProcessId {
        let parent = (context.parent.0 > 0 && context.parent != context.tgid)
            .then(|| self.processes.newest(key.container, context.parent))
            .flatten();
        let serial = ProcessSerial(self.next_serial());
        let is_newborn = key.start.is_known() && now.since(key.start) <= NEWBORN;
        let maker = parent
            .filter(|parent| is_newborn && self.processes.get(*parent).is_some_and(|it| it.exited.is_none()));
        let inherited = maker.and_then(|maker| self.processes.fds(maker)).cloned();
        let fds = self.processes.new_table(inherited.unwrap_or_else(|| FdTable::new(&self.budget)));
        if let Some(early) = parent
            .and_then(|parent| self.processes.count_mut(parent))
            .and_then(|parent| parent.early.as_mut())
        {
            early.offspring = early::Offspring::Some;
        }
        let from = parent.and_then(|parent| self.processes.get(parent));
        let maker = maker.and_then(|maker| self.processes.get(maker));
        let lineage = match from {
            Some(parent) => self.lineage_of_child(parent, serial),
            None => LineageId(serial.0),
        };
        // Nobody but the first process of a container or of `runsc exec` has no parent: such a one leads a session.
        let leads = context.exec_session && context.parent.0 == 0;
        let process = Process {
            key,
            serial,
            lineage,
            birth: Birth::Unseen,
            since: now,
            ancestors: from
                .map(|parent| process::ancestors_of_child(parent, &self.budget))
                .unwrap_or_default(),
            program: match from {
                Some(parent) => std::sync::Arc::clone(&parent.program),
                // The sentry tells of no exec here, and nobody has named it anew yet.
                None if leads => {
                    let name = context.comm.bytes().into();
                    Program { name, time: now, ..Program::default() }.kept(&self.budget)
                }
                None => std::sync::Arc::default(),
            },
            comm: process::Comm::new(context.comm.bytes()),
            uid: None,
            cwd: from.and_then(|parent| parent.cwd.clone()),
            job: match maker {
                Some(maker) => maker.job,
                None if leads => Job::default().leader(key.tgid),
                None => Job::default(),
            },
            gpu: Gpu::default(),
            exec_session: context.exec_session,
            session: match maker {
                Some(maker) => maker.session,
                None => leads.then_some(SessionLeader { serial, tgid: key.tgid }),
            },
            opens: 0,
            exited: None,
            fds,
            inputs: maker.map(|maker| maker.inputs.clone()).unwrap_or_default(),
            stdin: maker.and_then(|maker| maker.stdin.clone()),
            runs_from: maker.map_or(Fd::STDIN, |maker| maker.runs_from),
            memory: None,
            asked: None,
            exec_unseen: maker.is_some_and(|maker| maker.exec_unseen),
            loaded: process::Loaded::No,
            connecting: None,
            losses: self.sight.lost(),
            comm_by: process::CommBy::Known,
            early: Some(Box::default()),
            renames: 0,
            taken_along: 0,
            deeds: Deeds::Any,
            terminal: None,
            wrote: None,
            code: maker.map(|maker| maker.code.clone()).unwrap_or_default(),
            heard: None,
            work: work::Work::default(),
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
