//! What a stranger works on.

use crate::event::{Exit, Fd};

use super::super::work::Work;
use super::super::{ProcessId, State};
use super::Acting;

impl State {
    /// A file was opened: it may be data.
    pub(super) fn opens_data(&mut self, acting: &Acting<'_>, path: &[u8]) {
        let is_data =
            |process: &super::super::Process| process.is_stranger() && process.program.takes_as_data(path);
        if self.processes.get(acting.process).is_some_and(is_data) {
            self.works(acting, |work| work.opened(path));
        }
    }

    /// Bytes went through a descriptor: they may be data.
    pub(super) fn moves_data(&mut self, acting: &Acting<'_>, fd: Fd, exit: Exit) {
        let moved = u64::try_from(exit.result).unwrap_or(0);
        if moved > 0 && exit.succeeded() {
            self.has_data_in(acting, fd, moved);
        }
    }

    /// So many bytes of the file behind a descriptor are in the hands of the acting process.
    pub(super) fn has_data_in(&mut self, acting: &Acting<'_>, fd: Fd, bytes: u64) {
        // Asked first: of nobody else anything is looked up.
        if !self.processes.get(acting.process).is_some_and(super::super::Process::is_stranger) {
            return;
        }
        let is_data = self
            .file_behind(acting, fd)
            .and_then(|file| self.file(acting, file))
            .zip(self.processes.get(acting.process))
            .is_some_and(|(file, process)| process.program.takes_as_data(&file.path));
        if is_data {
            self.works(acting, |work| work.moved(bytes));
        }
    }

    /// Notes work of the acting process, and of the one that it was forked from as a worker.
    fn works(&mut self, acting: &Acting<'_>, note: impl Fn(&mut Work)) {
        let maker = self.maker_of_worker(acting);
        for process in [Some(acting.process), maker].into_iter().flatten() {
            if let Some(process) = self.processes.get_mut(process) {
                note(&mut process.work);
            }
        }
    }

    /// The process that the acting one was forked from, if both run the same program: a loader of data works for who
    /// has the GPU.
    fn maker_of_worker(&self, acting: &Acting<'_>) -> Option<ProcessId> {
        let worker = self.processes.get(acting.process)?;
        let maker = worker.ancestors.first()?;
        if maker.actor.program.effective_path() != worker.program.effective_path() {
            return None;
        }
        let id = self.processes.newest(acting.container, maker.actor.tgid)?;
        (self.processes.get(id)?.serial == maker.serial).then_some(id)
    }
}
