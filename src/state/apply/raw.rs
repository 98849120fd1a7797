//! Calls of which only the registers are seen.

use crate::event::{FdFlags, MapProt, Raw, Sysno};

use super::super::fds::{Nvidia, TableOp};
use super::super::files::Stays;
use super::super::gpu::device_by_request;
use super::super::{Object, OnExec, State, Subject};
use super::descriptors::on_exec;
use super::{About, Acting, PROCESS};

/// `include/uapi/asm-generic/ioctls.h`
const FIONCLEX: u64 = 0x5450;
const FIOCLEX: u64 = 0x5451;

impl State {
    /// Hands a raw call to its handler. Of all others, that they ended is all there is to tell.
    pub(super) fn raw(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        match raw.sysno() {
            Sysno::PRCTL => {
                self.prctl(acting, raw);
                raw.call.exit.map(|_| PROCESS)
            }
            Sysno::IOCTL => self.ioctl(acting, raw),
            Sysno::SENDTO | Sysno::SENDMSG | Sysno::SENDMMSG => self.send(acting, raw),
            Sysno::RECVFROM | Sysno::RECVMSG => self.recv(acting, raw),
            Sysno::MEMFD_CREATE => self.memfd_create(acting, raw),
            Sysno::CLOSE_RANGE => self.close_range(acting, raw),
            Sysno::CHMOD | Sysno::FCHMODAT => self.chmod(acting, raw),
            Sysno::FCHMOD | Sysno::LISTEN => raw.call.exit.map(|_| self.about(acting, raw.fd(1))),
            Sysno::RENAME | Sysno::RENAMEAT | Sysno::RENAMEAT2 => self.renamed(acting, raw, Stays::No),
            Sysno::LINK | Sysno::LINKAT | Sysno::SYMLINK | Sysno::SYMLINKAT => {
                self.renamed(acting, raw, Stays::Yes)
            }
            Sysno::SETPGID => {
                if raw.call.exit?.succeeded() {
                    self.began_group(acting.process, raw);
                }
                Some(PROCESS)
            }

            Sysno::SETSID => raw.call.exit.map(|exit| self.setsid(acting, exit)),
            Sysno::UNSHARE => self.unshare(acting, raw),
            Sysno::EPOLL_CREATE => self.opened_unseen(acting, raw, Object::Anon, OnExec::Keep),
            Sysno::EPOLL_CREATE1 => {
                let flags = FdFlags::from_bits_truncate(u32::try_from(raw.arg(1)).unwrap_or(0));
                self.opened_unseen(acting, raw, Object::Anon, on_exec(flags))
            }
            Sysno::PIDFD_OPEN => self.opened_unseen(acting, raw, Object::Anon, OnExec::Close),
            Sysno::PIDFD_GETFD => self.opened_unseen(acting, raw, Object::Unknown, OnExec::Close),
            Sysno::OPENAT2 | Sysno::OPEN_BY_HANDLE_AT => {
                self.opened_unseen(acting, raw, Object::Unknown, OnExec::Keep)
            }
            Sysno::SENDFILE => self.transferred(acting, raw, raw.fd(2), raw.fd(1)),
            Sysno::SPLICE | Sysno::COPY_FILE_RANGE => self.transferred(acting, raw, raw.fd(1), raw.fd(3)),
            Sysno::TEE => self.transferred(acting, raw, raw.fd(1), raw.fd(2)),
            Sysno::MMAP => {
                let prot = MapProt::from_bits_retain(u32::try_from(raw.arg(3) & 0xffff_ffff).unwrap_or(0));
                raw.call.exit.map(|exit| self.mmap(acting, raw.fd(5), raw.arg(2), prot, exit))
            }
            _ => raw.call.exit.map(|_| PROCESS),
        }
    }

    /// ioctl(2): those on NVIDIA devices matter, and the two by which Python and Node say what exec does.
    fn ioctl(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        let fd = raw.fd(1);
        let Some(exit) = raw.call.exit else {
            self.ioctl_begins(acting, raw);
            return None;
        };
        let on_exec = match raw.arg(2) {
            FIOCLEX => Some(OnExec::Close),
            FIONCLEX => Some(OnExec::Keep),
            _ => None,
        };
        if let Some(on_exec) = on_exec.filter(|_| exit.succeeded()) {
            self.table_op(acting, TableOp::OnExec(fd, on_exec));
        }
        let Some(device) = self.device_of(acting, raw) else { return Some(self.about(acting, fd)) };
        let request = self.processes.get_mut(acting.process)?.gpu.ioctl(device, raw.arg(2));
        Some((Some(fd), Subject::Gpu(Some(request))))
    }

    /// The end of the call may be lost, and how it ends says nothing about the GPU.
    fn ioctl_begins(&mut self, acting: &Acting<'_>, raw: &Raw) {
        if let Some(device) = self.device_of(acting, raw)
            && let Some(process) = self.processes.get_mut(acting.process)
        {
            process.gpu.asks(device, raw.arg(2));
        }
    }

    /// The NVIDIA device that an ioctl is for.
    fn device_of(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<Nvidia> {
        let object = self
            .processes
            .fds(acting.process)
            .and_then(|fds| fds.get(raw.fd(1)))
            .map(|descriptor| descriptor.object);
        match object {
            Some(Object::Nvidia(device)) => Some(device),
            Some(Object::Unknown) | None => {
                let process = self.processes.count_mut(acting.process)?;
                let device = device_by_request(raw.arg(2), process.gpu.state());
                if device.is_none() {
                    process.gpu.presume(raw.arg(2));
                }
                device
            }
            Some(Object::File(_) | Object::Socket(_) | Object::Pipe(..) | Object::Anon) => None,
        }
    }
}
