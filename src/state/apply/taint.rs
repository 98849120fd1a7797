//! Taint: bytes from a remote reach a process, the files that it writes, and the processes that it feeds by a pipe.

use crate::event::{Exit, Fd, Time};

use super::super::fds::Held;
use super::super::process::Through;
use super::super::{ContainerIx, Object, PipeEnd, PipeId, Process, ProcessId, Source, State};
use super::Acting;

/// Processes that one new source may reach at once: a pipeline is short, and a longer one was built to cost.
const MAX_REACH: usize = 64;

impl State {
    /// `process` has bytes from `source`. What it holds open for writing has them, too, and so has who reads from
    /// its pipes.
    pub(super) fn taint(&mut self, process: ProcessId, source: &Source, time: Time) {
        let mut reached = vec![(process, source.clone())];
        let mut next = 0usize;
        while let Some((process, source)) = reached.get(next).cloned() {
            next = next.saturating_add(1);
            let Some(tainted) = self.processes.get_mut(process) else { continue };
            let is_first = tainted.has_only_stdin();
            if !tainted.note_input(&source) || !is_first {
                continue;
            }
            let container = tainted.key.container;
            let context = crate::event::Context::default();
            let acting = Acting { context: &context, time, container, process };
            // Files are carriers, too: a FIFO has a path, and a growing file has followers.
            let files = self.rewrite_open_files(&acting).into_iter().map(Object::File);
            let pipes =
                self.fill_pipes(process, &source).into_iter().map(|pipe| Object::Pipe(pipe, PipeEnd::Read));
            for carrier in files.chain(pipes) {
                for (reader, through) in self.processes.readers_of(container, carrier) {
                    // Where close is not traced, a reader seems to hold the other end as well.
                    if reader == process {
                        continue;
                    }
                    if through == Through::Stdin
                        && let Some(reader) = self.processes.get_mut(reader)
                    {
                        reader.stdin = Some(source.clone());
                    }
                    // Who reads in many ways is reached once, or one reader would use up the reach of all.
                    let is_new = reached.iter().all(|(known, _)| *known != reader);
                    if is_new && reached.len() < MAX_REACH {
                        reached.push((reader, source.clone()));
                    }
                }
            }
        }
    }

    /// The kernel moved bytes from `source` into a pipe; whoever reads from it has them.
    pub(super) fn pour_into(&mut self, acting: &Acting<'_>, pipe: PipeId, source: &Source) {
        match self.pipes.get_mut(pipe) {
            Some(pipe) if pipe.source.is_none() => pipe.source = Some(source.clone()),
            Some(_) | None => return,
        }
        let readers = self.processes.readers_of(acting.container, Object::Pipe(pipe, PipeEnd::Read));
        for (reader, through) in readers.into_iter().filter(|(reader, _)| *reader != acting.process) {
            if through == Through::Stdin
                && let Some(reader) = self.processes.get_mut(reader)
            {
                reader.stdin = Some(source.clone());
            }
            self.taint(reader, source, acting.time);
        }
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
        if let Some(Object::Pipe(pipe, PipeEnd::Read)) = object
            && let Some(source) = self.pipes.get(pipe).and_then(|pipe| pipe.source.clone())
        {
            self.taint(acting.process, &source, acting.time);
        }
    }

    /// The pipes that the process writes to carry `source` from now on; those of which that is news. An end that was
    /// passed on to its program does not count: nobody closes what is in nobody's way, and closes may not be traced.
    fn fill_pipes(&mut self, process: ProcessId, source: &Source) -> Vec<PipeId> {
        let written: Vec<PipeId> = self
            .processes
            .fds(process)
            .into_iter()
            .flat_map(|fds| fds.iter())
            .filter_map(|(_, descriptor)| match descriptor.object {
                Object::Pipe(pipe, PipeEnd::Write) if descriptor.held == Held::Own => Some(pipe),
                Object::Pipe(..)
                | Object::Unknown
                | Object::File(_)
                | Object::Socket(_)
                | Object::Nvidia(_)
                | Object::Anon => None,
            })
            .collect();
        written
            .into_iter()
            .filter(|pipe| match self.pipes.get_mut(*pipe) {
                Some(pipe) if pipe.source.is_none() => {
                    pipe.source = Some(source.clone());
                    true
                }
                Some(_) | None => false,
            })
            .collect()
    }

    /// The source of network bytes on a process's standard input: what it holds when its program starts.
    pub(super) fn tainted_stdin(&self, container: ContainerIx, process: ProcessId) -> Option<Source> {
        match self.processes.fds(process)?.get(Fd::STDIN)?.object {
            Object::Pipe(pipe, PipeEnd::Read) => self.pipes.get(pipe)?.source.clone(),
            Object::File(file) => {
                let file = self.file_in(container, file).filter(|file| file.provenance.remote().is_some())?;
                file.derivation().cloned().map(Source::File)
            }
            Object::Pipe(_, PipeEnd::Write)
            | Object::Unknown
            | Object::Socket(_)
            | Object::Nvidia(_)
            | Object::Anon => None,
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
