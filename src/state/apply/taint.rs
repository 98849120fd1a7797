//! Taint: bytes from a remote reach a process, the files that it writes, and the processes that it feeds by a pipe.

use crate::event::{Fd, Time};

use super::super::{Object, PipeEnd, PipeId, Process, ProcessId, Source, State};
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
            let is_first = tainted.inputs.is_empty();
            if !tainted.note_input(&source) || !is_first {
                continue;
            }
            let container = tainted.key.container;
            let context = crate::event::Context::default();
            let acting = Acting { context: &context, time, container, process };
            self.rewrite_open_files(&acting);
            for pipe in self.fill_pipes(process, &source) {
                for reader in self.processes.reading_on_stdin(Object::Pipe(pipe, PipeEnd::Read)) {
                    if let Some(reader_process) = self.processes.get_mut(reader) {
                        reader_process.stdin = Some(source.clone());
                    }
                    if reached.len() < MAX_REACH {
                        reached.push((reader, source.clone()));
                    }
                }
            }
        }
    }

    /// The pipes that the process writes to carry `source` from now on; those of which that is news.
    fn fill_pipes(&mut self, process: ProcessId, source: &Source) -> Vec<PipeId> {
        let written: Vec<PipeId> = self
            .processes
            .fds(process)
            .into_iter()
            .flat_map(|fds| fds.iter())
            .filter_map(|(_, descriptor)| match descriptor.object {
                Object::Pipe(pipe, PipeEnd::Write) => Some(pipe),
                Object::Pipe(_, PipeEnd::Read)
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

    /// The source of network bytes on a process's standard input.
    pub(super) fn tainted_stdin(&self, process: ProcessId) -> Option<Source> {
        match self.processes.fds(process)?.get(Fd::STDIN)?.object {
            Object::Pipe(pipe, PipeEnd::Read) => self.pipes.get(pipe)?.source.clone(),
            Object::Pipe(_, PipeEnd::Write)
            | Object::Unknown
            | Object::File(_)
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
