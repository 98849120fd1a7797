//! Taint: bytes from a remote reach a process, the files that it writes, and the processes that it feeds by a pipe or a
//! pair of sockets, or shares its memory with.

use smallvec::SmallVec;

use crate::event::{Exit, Fd, Time};

use super::super::fds::Held;
use super::super::processes::Through;
use super::super::program::Remote;
use super::super::{ContainerIx, Object, PipeEnd, Process, ProcessId, Role, Source, State, is_remote};
use super::Acting;

/// Processes that one new source may reach at once: a pipeline is short, and a longer one was built to cost.
const MAX_REACH: usize = 64;

/// Descriptors of a possible writer that are looked at when a program starts: a pipe for a child was made a moment ago
/// and has a low number. Who opens thousands before does so to make each exec dear.
const MAX_LOOKED_AT: usize = 1024;

impl State {
    /// `process` has bytes from `source`. What it holds open for writing has them, too, and so has who reads from
    /// its pipes.
    pub(super) fn taint(&mut self, process: ProcessId, source: &Source, time: Time) {
        self.taint_all(vec![process], source, time);
    }

    /// The same of several processes at once; of more than [`MAX_REACH`] the first.
    pub(super) fn taint_all(&mut self, mut reached: Vec<ProcessId>, source: &Source, time: Time) {
        reached.truncate(MAX_REACH);
        let mut next = 0usize;
        while let Some(process) = reached.get(next).copied() {
            next = next.saturating_add(1);
            let Some(tainted) = self.processes.get_mut(process) else { continue };
            let is_first = tainted.has_only_stdin();
            if !tainted.note_input(source) || !is_first {
                continue;
            }
            let container = tainted.key.container;
            let context = crate::event::Context::default();
            let acting = Acting { context: &context, time, container, process, arg_changed: false };
            // Files are carriers, too: a FIFO has a path, and a growing file has followers.
            let files = self.rewrite_open_files(&acting).into_iter().map(Object::File);
            let carriers: Vec<Object> = files.chain(self.fill_pipes(process, source)).collect();
            let sharers = self.sharers_of_memory(process);
            let readers = self.fed_by(container, process, &carriers, source);
            for reached_now in readers.into_iter().chain(sharers) {
                // Who is reached in many ways counts once, or one reader would use up the reach of all.
                if reached.len() < MAX_REACH && !reached.contains(&reached_now) {
                    reached.push(reached_now);
                }
            }
        }
    }

    /// Who else reads what `writer` puts into `carriers`; those whose programs run from there have it as their
    /// standard input. Where close is not traced, a reader seems to hold the other end as well.
    pub(super) fn fed_by(
        &mut self,
        container: ContainerIx,
        writer: ProcessId,
        carriers: &[Object],
        source: &Source,
    ) -> Vec<ProcessId> {
        let mut readers = self.processes.readers_of(container, carriers);
        readers.retain(|(reader, _)| *reader != writer);
        for (reader, through) in &readers {
            if *through == Through::Stdin
                && let Some(reader) = self.processes.get_mut(*reader)
            {
                reader.stdin = Some(source.clone());
            }
        }
        readers.into_iter().map(|(reader, _)| reader).collect()
    }

    /// Bytes were seen to come out of a pipe: whoever reads them has what was put in.
    pub(super) fn read_from_pipe(&mut self, acting: &Acting<'_>, fd: Fd, exit: Exit) {
        if !exit.succeeded() || exit.result <= 0 {
            return;
        }
        let object = self
            .processes
            .fds(acting.process)
            .and_then(|fds| fds.get(fd))
            .map(|descriptor| descriptor.object);
        if let Some(source) = object.and_then(|object| self.source_in(object)) {
            self.taint(acting.process, &source, acting.time);
        }
    }

    /// The source of network bytes that come out of a pipe or of one end of a pair of sockets.
    pub(super) fn source_in(&self, object: Object) -> Option<Source> {
        match object {
            Object::Pipe(pipe, PipeEnd::Read) => self.pipes.get(pipe)?.source.clone(),
            Object::Socket(socket) => self.sockets.get(socket)?.pair.as_ref()?.source.clone(),
            Object::Pipe(_, PipeEnd::Write)
            | Object::File(_)
            | Object::Nvidia(_)
            | Object::Anon
            | Object::Unknown => None,
        }
    }

    /// The other end of a pipe or pair of sockets that bytes can be written into.
    pub(in super::super) fn far_end(&self, object: Object) -> Option<Object> {
        match object {
            Object::Pipe(pipe, PipeEnd::Write) => Some(Object::Pipe(pipe, PipeEnd::Read)),
            Object::Socket(socket) => {
                self.sockets.get(socket)?.pair.as_ref().map(|pair| Object::Socket(pair.peer))
            }
            Object::Pipe(_, PipeEnd::Read)
            | Object::File(_)
            | Object::Nvidia(_)
            | Object::Anon
            | Object::Unknown => None,
        }
    }

    /// The pipes and pairs that the process writes to carry `source` from now on; the ends where it comes out and that
    /// is news. An end that was passed on to its program does not count: nobody closes what is in nobody's way, and
    /// closes may not be traced.
    fn fill_pipes(&mut self, process: ProcessId, source: &Source) -> Vec<Object> {
        let far: Vec<Object> = self
            .processes
            .fds(process)
            .into_iter()
            .flat_map(|fds| fds.iter())
            .filter(|(_, descriptor)| descriptor.held == Held::Own)
            .filter_map(|(_, descriptor)| self.far_end(descriptor.object))
            .collect();
        let has_pairs = far.iter().any(|end| matches!(end, Object::Socket(_)));
        let relays = has_pairs && self.relays(process, source);
        far.into_iter()
            .filter(|end| relays || !matches!(end, Object::Socket(_)))
            .flat_map(|end| self.fill_both(end, source))
            .collect()
    }

    /// Fills an end, and that of its twin; those for which it is news.
    pub(super) fn fill_both(&mut self, end: Object, source: &Source) -> SmallVec<[Object; 2]> {
        let twin = match end {
            Object::Pipe(pipe, end) => {
                self.pipes.get(pipe).and_then(|pipe| pipe.twin).map(|twin| Object::Pipe(twin, end))
            }
            Object::Socket(_) | Object::File(_) | Object::Nvidia(_) | Object::Anon | Object::Unknown => None,
        };
        [Some(end), twin].into_iter().flatten().filter(|end| self.fill(*end, source)).collect()
    }

    /// Whether a process that has a pair of sockets hands on through it what comes from `source`.
    ///
    /// Python's asyncio and Node give each child such a pair, and an agent that talks to its service over one
    /// connection and to a shell over a pair is nothing odd: so only of those is it believed that do nothing else, or
    /// that run no file of the image. And what the other side came to say is no download: sshd hands on what its user
    /// types.
    fn relays(&self, process: ProcessId, source: &Source) -> bool {
        let by_trade = self.processes.get(process).is_some_and(|it| it.program.hands_on());
        by_trade && !self.accepted(process, source)
    }

    /// Whether the process took the connection that `source` is about, and did not make it: what sshd hands on to the
    /// shell of its user is typed by a user.
    fn accepted(&self, process: ProcessId, source: &Source) -> bool {
        let Source::Remote(remote) = source else { return false };
        self.processes.fds(process).into_iter().flat_map(|fds| fds.iter()).any(|(_, descriptor)| {
            match descriptor.object {
                Object::Socket(socket) => self.sockets.get(socket).is_some_and(|socket| match socket.role {
                    Role::Server { remote: Some(addr) } => addr == remote.addr,
                    Role::Server { remote: None } | Role::Client { .. } | Role::Idle | Role::Local => false,
                }),
                Object::Pipe(..) | Object::File(_) | Object::Nvidia(_) | Object::Anon | Object::Unknown => {
                    false
                }
            }
        })
    }

    fn fill(&mut self, end: Object, source: &Source) -> bool {
        let slot = match end {
            Object::Pipe(pipe, _) => self.pipes.get_mut(pipe).map(|pipe| &mut pipe.source),
            Object::Socket(socket) => {
                let pair = self.sockets.get_mut(socket).and_then(|socket| socket.pair.as_mut());
                pair.map(|pair| &mut pair.source)
            }
            Object::File(_) | Object::Nvidia(_) | Object::Anon | Object::Unknown => None,
        };
        match slot {
            Some(empty @ None) => {
                *empty = Some(source.clone());
                true
            }
            Some(Some(_)) | None => false,
        }
    }

    /// The other processes that have the memory of `process` as theirs: what one reads all have.
    fn sharers_of_memory(&self, process: ProcessId) -> Vec<ProcessId> {
        let Some(memory) = self.processes.get(process).and_then(|process| process.memory) else {
            return Vec::new();
        };
        self.processes
            .iter()
            .filter(|(id, other)| *id != process && other.memory == Some(memory) && other.exited.is_none())
            .map(|(id, _)| id)
            .collect()
    }

    /// The source of network bytes that a relay has at the far end of a pair: one makes the pair for its shell after it
    /// connected. Of a pipe that is not believed: a program that fetched something and later pipes a script of its
    /// own to a shell looks the same.
    fn source_of_relay(&self, container: ContainerIx, reader: ProcessId, end: Object) -> Option<Source> {
        let writes = |id: ProcessId| {
            let fds = self.processes.fds(id).into_iter().flat_map(|fds| fds.iter());
            fds.take(MAX_LOOKED_AT).any(|(_, descriptor)| {
                descriptor.held == Held::Own && self.far_end(descriptor.object) == Some(end)
            })
        };
        let may_write = |(id, other): &(ProcessId, &Process)| {
            *id != reader
                && !other.inputs.is_empty()
                && other.key.container == container
                && other.exited.is_none()
        };
        let mut others: Vec<(ProcessId, &Process)> = self.processes.iter().filter(may_write).collect();
        // By age: which slot a process has depends on who left before.
        others.sort_by_key(|(_, other)| other.serial);
        others.into_iter().take(MAX_REACH).find_map(|(id, other)| {
            let source = other.inputs.last().filter(|_| writes(id))?;
            self.relays(id, source).then(|| source.clone())
        })
    }

    /// The remote at the other end of standard input, if this side connected to it: a program that is started like
    /// that reads from there.
    pub(super) fn connected_stdin(&self, process: ProcessId) -> Option<Source> {
        let Object::Socket(socket) = self.processes.fds(process)?.get(Fd::STDIN)?.object else { return None };
        match self.sockets.get(socket)?.role {
            Role::Client { remote, outcome, since }
                if outcome.may_carry_bytes() && is_remote(remote.ip()) =>
            {
                let by = self.processes.get(process)?.actor();
                Some(Source::Remote(Remote { addr: remote, time: since, by }))
            }
            Role::Client { .. } | Role::Server { .. } | Role::Idle | Role::Local => None,
        }
    }

    /// The source of network bytes behind a descriptor that a program is run from: what it holds when the program
    /// starts.
    pub(super) fn tainted_input(&self, container: ContainerIx, process: ProcessId, fd: Fd) -> Option<Source> {
        let object = self.processes.fds(process)?.get(fd)?.object;
        match object {
            Object::Pipe(..) => self.source_in(object),
            Object::Socket(_) => {
                self.source_in(object).or_else(|| self.source_of_relay(container, process, object))
            }
            Object::File(file) => {
                let file = self.file_in(container, file).filter(|file| file.provenance.remote().is_some())?;
                file.derivation().cloned().map(Source::File)
            }
            Object::Unknown | Object::Nvidia(_) | Object::Anon => None,
        }
    }
}

impl Process {
    /// The source of network bytes that its standard input carries.
    #[must_use]
    pub fn stdin_source(&self) -> Option<&Source> {
        self.stdin.as_ref()
    }
}
