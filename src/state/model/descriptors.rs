//! What the naive model makes of descriptors.

use std::rc::Rc;

use crate::event::{Call, Close, Dup, Errno, Fcntl, FdFlags, Open as OpenEvent, OpenFlags, Raw, Sysno};
use crate::state::{Access, Nvidia, OnExec};

use super::flow::{Provenance, Source};
use super::happens::{Answer, PROCESS, cloexec, closes, device, is_no_storage, resolve};
use super::naive::{About, Act, File, Naive, Object};
use super::tables::{Change, own};
use super::words::{Asks, REQUESTS, Trade};

impl Naive {
    // Descriptors.

    pub(super) fn anon(&mut self, act: &Act<'_>, call: &Call, flags: FdFlags) -> Option<Answer> {
        call.exit?;
        if let Some(fd) = call.new_fd() {
            self.put(act, fd.0, own(Object::Anon, Access::ReadWrite, cloexec(flags)));
        }
        Some(PROCESS)
    }

    pub(super) fn opens(&mut self, act: &Act<'_>, open: &OpenEvent<'_>) -> Option<Answer> {
        let exit = open.call.exit?;
        let path = open.pathname.bytes();
        let path = if path.starts_with(b"/") || open.dirfd.0 == -100 || open.call.sysno != Sysno::OPENAT {
            self.absolute(act, path)
        } else {
            let dir = open.fd_path.present().filter(|dir| dir.starts_with(b"/")).map(<[u8]>::to_vec);
            resolve(dir.or_else(|| self.path_of(act, open.dirfd.0)).as_deref(), path)
        };
        if !exit.succeeded() {
            let known = path.and_then(|path| self.named(act, &path));
            return Some((None, known.map_or(About::Other, About::File)));
        }
        let fd = open.call.new_fd()?;
        if let Some(path) = &path
            && !(is_no_storage(path)
                || path.starts_with(b"/etc/")
                || path.starts_with(b"/usr/share/zoneinfo/"))
        {
            self.processes[act.process].opens += 1;
        }
        let reads = open.flags.is_read();
        let writes = open.flags.is_write();
        let object = match path {
            None => Object::Unknown,
            Some(path) => self.opened(act, &path, reads, writes, open.flags),
        };
        let access = match (reads, writes) {
            _ if open.flags.contains(OpenFlags::PATH) => Access::Path,
            (true, true) => Access::ReadWrite,
            (false, true) => Access::Write,
            (_, false) => Access::Read,
        };
        let on_exec = closes(open.flags.contains(OpenFlags::CLOEXEC));
        self.put(act, fd.0, own(object, access, on_exec));
        Some(self.about(act, fd.0))
    }

    pub(super) fn opened(
        &mut self,
        act: &Act<'_>,
        path: &[u8],
        reads: bool,
        writes: bool,
        flags: OpenFlags,
    ) -> Object {
        if let Some(device) = device(path) {
            self.processes[act.process].gpu.push((device, None));
            return Object::device(device);
        }
        let reached = match self.behind(act, path) {
            Some(Object::File(file)) => Some(file),
            // The link leads to the pipe, whose end the caller chooses.
            Some(Object::Reader(pipe) | Object::Writer(pipe)) => {
                return if writes { Object::Writer(pipe) } else { Object::Reader(pipe) };
            }
            Some(object) => return object,
            None => None,
        };
        let file = reached.unwrap_or_else(|| self.file_at(act.container, path));
        if (reached.is_some() || !is_no_storage(path)) && !flags.contains(OpenFlags::PATH) {
            let keeps = !flags.intersects(OpenFlags::TRUNC | OpenFlags::EXCL);
            // Bytes come in before they go out.
            if reads && keeps && self.file(act.container, file).provenance.is_tainted() {
                let chain = self.file(act.container, file).provenance.chain.clone();
                chain.into_iter().for_each(|chain| self.taint(act.process, &Source::File(chain), act.time));
            } else if reads && keeps && matches!(self.processes[act.process].program.trade, Trade::Mv(..)) {
                // mv(1) across file systems copies one file after another: what it writes next comes from this one.
                let inputs = &mut self.processes[act.process].inputs;
                inputs.retain(|source| matches!(source, Source::Remote(..)));
            }
            if writes {
                self.writes(act.process, file, keeps, act.time);
            }
        }
        Object::File(file)
    }

    pub(super) fn closes(&mut self, act: &Act<'_>, close: &Close<'_>) -> Option<Answer> {
        let exit = close.call.exit?;
        let about = self.about(act, close.fd.0);
        // close(2): the descriptor is gone whatever else failed.
        if exit.errno != Errno(9) {
            self.change(act, Change::Close(close.fd.0));
        }
        Some(about)
    }

    pub(super) fn duplicates(&mut self, act: &Act<'_>, dup: &Dup<'_>) -> Option<Answer> {
        dup.call.exit?;
        let about = self.about(act, dup.old_fd.0);
        if let Some(new) = dup.call.new_fd() {
            self.copies(act, dup.old_fd.0, new.0, cloexec(dup.flags));
        }
        Some(about)
    }

    pub(super) fn copies(&mut self, act: &Act<'_>, old: i32, new: i32, on_exec: OnExec) {
        if old == new {
            return;
        }
        self.change(act, Change::Copy { old, new, on_exec });
    }

    pub(super) fn controls(&mut self, act: &Act<'_>, fcntl: &Fcntl<'_>) -> Option<Answer> {
        let exit = fcntl.call.exit?;
        let about = self.about(act, fcntl.fd.0);
        if exit.succeeded() {
            match (fcntl.cmd, fcntl.call.new_fd()) {
                (0, Some(new)) => self.copies(act, fcntl.fd.0, new.0, OnExec::Keep),
                (1030, Some(new)) => self.copies(act, fcntl.fd.0, new.0, OnExec::Close),
                (2, _) => self.change(act, Change::Mark(fcntl.fd.0, closes(fcntl.arg & 1 != 0))),
                _ => {}
            }
        }
        Some(about)
    }

    pub(super) fn raw(&mut self, act: &Act<'_>, raw: &Raw) -> Option<Answer> {
        let exit = raw.call.exit?;
        let fd = raw.fd(1).0;
        match raw.call.sysno {
            Sysno::IOCTL => {
                let object = self.table(act.process).get(&fd).map(|open| open.object);
                let known = REQUESTS.iter().find(|request| request.number == raw.args[1]);
                let device = match object {
                    Some(Object::Control) => Some(Nvidia::Control),
                    Some(Object::Gpu) => Some(Nvidia::Gpu),
                    Some(Object::Uvm) => Some(Nvidia::Uvm),
                    None | Some(Object::Unknown) => known.and_then(|request| {
                        // Plain numbers speak only of a process that is at the GPU already.
                        let is_plain = request.on_uvm != Asks::Nothing && self.gpu_stage(act.process) >= 2;
                        request.names.or_else(|| is_plain.then_some(Nvidia::Uvm))
                    }),
                    Some(_) => None,
                };
                let Some(device) = device else { return Some(self.about(act, fd)) };
                self.processes[act.process].gpu.push((device, Some(raw.args[1])));
                Some((Some(fd), About::Gpu(Some(raw.args[1]))))
            }
            Sysno::SENDTO => {
                self.goes_out(act, fd, exit);
                Some(self.about(act, fd))
            }
            Sysno::RECVFROM => {
                self.comes_in(act, fd, exit);
                Some(self.about(act, fd))
            }
            Sysno::MEMFD_CREATE => {
                let fd = raw.call.new_fd()?.0;
                // Its name says nothing; it is a file of its own.
                let files = &mut self.containers[act.container].files;
                files.push(File {
                    path: Rc::from(&b"/memfd:"[..]),
                    provenance: Provenance::default(),
                    written: None,
                    writes_seen: false,
                });
                let file = files.len() - 1;
                self.writes(act.process, file, false, act.time);
                self.put(act, fd, own(Object::File(file), Access::ReadWrite, closes(raw.args[1] & 1 != 0)));
                Some(self.about(act, fd))
            }
            Sysno::CLOSE_RANGE => {
                if exit.succeeded() {
                    let bound = |register: u64| i64::try_from(register & 0xffff_ffff).unwrap_or(i64::MAX);
                    let (first, last) = (bound(raw.args[0]), bound(raw.args[1]));
                    let change = if raw.args[2] & 4 == 0 {
                        Change::CloseRange(first, last)
                    } else {
                        Change::MarkRange(first, last)
                    };
                    self.change(act, change);
                }
                Some(PROCESS)
            }
            Sysno::CHMOD => {
                let Trade::Chmod(path) = self.processes[act.process].program.trade else {
                    return Some(PROCESS);
                };
                let file = self.absolute(act, path).and_then(|path| self.named(act, &path));
                Some((None, file.map_or(About::Process, About::File)))
            }
            Sysno::FCHMOD => Some(self.about(act, fd)),
            Sysno::RENAME => Some(self.moves(act, exit, false)),
            Sysno::LINK => Some(self.moves(act, exit, true)),
            _ => Some(PROCESS),
        }
    }
}
