//! Code that a process takes in beside its program: executable mappings, and modules that an interpreter opens.

use crate::event::{Exit, Fd, MapProt, SentryMmap};

use super::super::code::Taken;
use super::super::path::{canonical, is_canonical, without_deleted};
use super::super::program::{Origin, Provenance, is_foreign};
use super::super::{FileId, State, Subject};
use super::{About, Acting, PROCESS};

impl State {
    /// Something is about to be mapped executable. An anonymous mapping has no path.
    pub(super) fn sentry_mmap(&mut self, acting: &Acting<'_>, map: &SentryMmap<'_>) -> About {
        let (path, _) = without_deleted(map.path.bytes());
        if map.overlay_lower && !map.overlay_upper {
            return (None, self.find_file(acting, path).map_or(Subject::Process, Subject::File));
        }
        if !is_canonical(path) {
            return PROCESS;
        }
        let Some(file) = self.find_file(acting, path) else { return PROCESS };
        self.maps_code(acting, file);
        (None, Subject::File(file))
    }

    /// mmap(2), by its message or its registers.
    pub(super) fn mmap(
        &mut self,
        acting: &Acting<'_>,
        fd: Fd,
        length: u64,
        prot: MapProt,
        exit: Exit,
    ) -> About {
        // Weights are mapped as often as they are read.
        if exit.succeeded() && fd.is_open() && !prot.contains(MapProt::EXEC) {
            self.has_data_in(acting, fd, length);
        }
        if exit.succeeded()
            && prot.contains(MapProt::EXEC)
            && let Some(file) = self.file_behind(acting, fd)
        {
            self.maps_code(acting, file);
        }
        self.about(acting, fd)
    }

    fn maps_code(&mut self, acting: &Acting<'_>, file: FileId) {
        self.takes_in(acting, file, Taken::Mapped);
    }

    /// The acting process opened a file for reading. If it is an interpreter of the file's language, it runs it.
    pub(super) fn opened_as_code(&mut self, acting: &Acting<'_>, file: FileId) {
        let is_code =
            self.file(acting, file).filter(|file| is_foreign(file.provenance.origin)).is_some_and(|file| {
                self.processes
                    .get(acting.process)
                    .is_some_and(|process| process.program.takes_as_code(&file.path))
            });
        if is_code {
            self.takes_in(acting, file, Taken::Interpreted);
        }
    }

    fn takes_in(&mut self, acting: &Acting<'_>, file: FileId, taken: Taken) {
        let Some(container) = self.containers.get(usize::from(acting.container.0)) else { return };
        let Some(file) = container.files.get(file) else { return };
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.take_in(&file.path, &file.provenance, taken);
        }
    }

    /// Where a module came from that `python -m` finds in the working directory, which it searches first: a
    /// downloaded `pip.py` there is not pip.
    pub(super) fn module_beside(&self, acting: &Acting<'_>, module: &[u8]) -> Option<Provenance> {
        let own = self.processes.get(acting.process).and_then(|process| process.cwd.as_deref());
        let cwd = acting.context.cwd.present().or(own)?;
        let module: Vec<u8> = module.iter().map(|byte| if *byte == b'.' { b'/' } else { *byte }).collect();
        [&b".py"[..], b"/__main__.py", b"/__init__.py"].iter().find_map(|suffix| {
            let path = canonical(Some(cwd), &[&module, *suffix].concat())?;
            let provenance = self.provenance_of(acting, self.find_file(acting, &path)?)?;
            (provenance.origin != Origin::Unknown).then_some(provenance)
        })
    }
}
