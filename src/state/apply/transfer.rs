//! Bytes that the kernel moves from one descriptor to another: the process never has them in its hands.

use crate::event::{Fd, Raw};

use super::super::program::{Remote, Source};
use super::super::{Object, PipeEnd, State, is_remote};
use super::{About, Acting};

impl State {
    /// sendfile(2), splice(2), tee(2), copy_file_range(2): what `from` leads to has reached what `to` leads to.
    pub(super) fn transferred(&mut self, acting: &Acting<'_>, raw: &Raw, from: Fd, to: Fd) -> Option<About> {
        let exit = raw.call.exit?;
        let about = self.about(acting, to);
        if !exit.succeeded() || exit.result <= 0 {
            return Some(about);
        }
        let Some(source) = self.source_behind(acting, from) else { return Some(about) };
        let object = self.processes.fds(acting.process).and_then(|fds| fds.get(to)).map(|to| to.object);
        match object {
            Some(Object::File(file)) => self.write_from(acting, file, Some(source), true),
            Some(Object::Pipe(pipe, PipeEnd::Write)) => self.pour(acting, pipe, &source),
            Some(
                Object::Pipe(_, PipeEnd::Read)
                | Object::Socket(_)
                | Object::Nvidia(_)
                | Object::Anon
                | Object::Unknown,
            )
            | None => {}
        }
        Some(about)
    }

    /// Where the network bytes come from that a descriptor gives.
    fn source_behind(&self, acting: &Acting<'_>, fd: Fd) -> Option<Source> {
        match self.processes.fds(acting.process)?.get(fd)?.object {
            Object::File(file) => {
                let file = self.file(acting, file).filter(|file| file.provenance.remote().is_some())?;
                file.derivation().cloned().map(Source::File)
            }
            object @ Object::Pipe(_, PipeEnd::Read) => self.source_in(object),
            object @ Object::Socket(socket) => {
                if let Some(source) = self.source_in(object) {
                    return Some(source);
                }
                let addr = self.sockets.get(socket)?.remote().filter(|remote| is_remote(remote.ip()))?;
                let by = self.processes.get(acting.process)?.actor();
                Some(Source::Remote(Remote { addr, time: acting.time, by }))
            }
            Object::Pipe(_, PipeEnd::Write) | Object::Nvidia(_) | Object::Anon | Object::Unknown => None,
        }
    }
}
