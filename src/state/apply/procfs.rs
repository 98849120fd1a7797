//! Paths that are no names but ways through a process: its descriptors, its working directory, its root, its program.
//!
//! `/dev/fd` and `/dev/stdin` are links to such paths in every image, so they are read as what they lead to.

use crate::event::{Fd, Tgid};

use super::super::path::canonical;
use super::super::program::Source;
use super::super::{FileId, Object, ProcessId, State};
use super::Acting;

/// Links that are followed one after another: a working directory that is a descriptor of another process is odd
/// enough; more are there to cost.
const MAX_LINKS: usize = 4;

/// Where a path leads, with what follows of it.
struct Link<'a> {
    process: ProcessId,
    to: To,
    rest: &'a [u8],
}

enum To {
    Fd(Fd),
    Cwd,
    Root,
    Exe,
}

/// A component and what follows it, without the slash between them.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().position(|byte| *byte == b'/').and_then(|slash| path.split_at_checked(slash)) {
        Some((first, rest)) => (first, rest.strip_prefix(b"/").unwrap_or(rest)),
        None => (path, b""),
    }
}

fn number(digits: &[u8]) -> Option<i32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl State {
    /// What of `path` is a way through a process.
    fn link<'a>(&self, acting: &Acting<'_>, path: &'a [u8]) -> Option<Link<'a>> {
        let own = |to, rest| Some(Link { process: acting.process, to, rest });
        if let Some(device) = path.strip_prefix(b"/dev/") {
            return match split(device) {
                (b"stdin", rest) => own(To::Fd(Fd::STDIN), rest),
                (b"stdout", rest) => own(To::Fd(Fd::STDOUT), rest),
                (b"stderr", rest) => own(To::Fd(Fd::STDERR), rest),
                (b"fd", rest) => {
                    let (fd, rest) = split(rest);
                    own(To::Fd(Fd(number(fd)?)), rest)
                }
                _ => None,
            };
        }
        let (owner, inside) = split(path.strip_prefix(b"/proc/")?);
        let process = match owner {
            b"self" | b"thread-self" => acting.process,
            pid => self.by_pid(acting, number(pid)?)?,
        };
        let inside = match split(inside) {
            (b"task", rest) => split(rest).1,
            _ => inside,
        };
        let (to, rest) = match split(inside) {
            (b"fd", rest) => {
                let (fd, rest) = split(rest);
                (To::Fd(Fd(number(fd)?)), rest)
            }
            (b"cwd", rest) => (To::Cwd, rest),
            (b"root", rest) => (To::Root, rest),
            (b"exe", b"") => (To::Exe, &b""[..]),
            _ => return None,
        };
        Some(Link { process, to, rest })
    }

    /// The process that the container calls `pid`. Events name processes as the sandbox's first PID namespace does:
    /// only of the container whose process 1 is in there is that the same. The others of a pod have namespaces of
    /// their own.
    fn by_pid(&self, acting: &Acting<'_>, pid: i32) -> Option<ProcessId> {
        self.processes.newest(acting.container, Tgid(1))?;
        self.processes.newest(acting.container, Tgid(pid))
    }

    /// A path of the acting process, joined with `base` where it is relative; ways through processes are walked as
    /// far as they are known.
    pub(super) fn resolved(
        &self,
        acting: &Acting<'_>,
        base: Option<&[u8]>,
        path: &[u8],
    ) -> Option<Box<[u8]>> {
        // What lies behind `/proc/self/cwd/..` is no matter of text, so links go first.
        let mut resolved = match self.followed(acting, path) {
            Some(followed) => followed,
            None => canonical(base, path)?,
        };
        for _ in 0..MAX_LINKS {
            match self.followed(acting, &resolved) {
                Some(followed) => resolved = followed,
                None => break,
            }
        }
        Some(resolved)
    }

    /// Takes one link on the way out of a path. The last part of one stays where it names no directory: what is open
    /// there need not have a name.
    fn followed(&self, acting: &Acting<'_>, path: &[u8]) -> Option<Box<[u8]>> {
        if !(path.starts_with(b"/proc/") || path.starts_with(b"/dev/fd/")) {
            return None;
        }
        let Link { process, to, rest } = self.link(acting, path)?;
        match to {
            To::Fd(_) if rest.is_empty() => None,
            To::Fd(fd) => {
                let through = Acting { process, ..*acting };
                canonical(self.path_behind(&through, fd).as_deref(), rest)
            }
            To::Cwd => {
                let cwd = self.processes.get(process)?.cwd.as_deref()?;
                canonical(Some(cwd), if rest.is_empty() { b"." } else { rest })
            }
            To::Root => canonical(Some(b"/"), if rest.is_empty() { b"." } else { rest }),
            To::Exe => None,
        }
    }

    /// The descriptor that a path of the form `/proc/PID/fd/N`, `/dev/fd/N` or `/dev/stdin` leads to.
    pub(super) fn fd_behind_proc_path(&self, acting: &Acting<'_>, path: &[u8]) -> Option<(ProcessId, Fd)> {
        match self.link(acting, path)? {
            Link { process, to: To::Fd(fd), rest: b"" } => Some((process, fd)),
            Link { .. } => None,
        }
    }

    /// What such a path leads to.
    pub(super) fn object_behind_proc_path(&self, acting: &Acting<'_>, path: &[u8]) -> Option<Object> {
        let (process, fd) = self.fd_behind_proc_path(acting, path)?;
        Some(self.processes.fds(process)?.get(fd)?.object)
    }

    /// The file that such a path leads to.
    pub(super) fn file_behind_proc_path(&self, acting: &Acting<'_>, path: &[u8]) -> Option<FileId> {
        match self.object_behind_proc_path(acting, path)? {
            Object::File(file) => Some(file),
            Object::Unknown | Object::Socket(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => None,
        }
    }

    /// The program that `/proc/PID/exe` leads to: its path, and where its bytes are from if from a remote. It may have
    /// no name any more, but can be copied from there.
    pub(super) fn program_behind_proc_path(
        &self,
        acting: &Acting<'_>,
        path: &[u8],
    ) -> Option<(Box<[u8]>, Option<Source>)> {
        // Most opens are of other paths, and this is asked at every one.
        let is_way = path.starts_with(b"/proc/");
        let Some(Link { process, to: To::Exe, .. }) = is_way.then(|| self.link(acting, path)).flatten()
        else {
            return None;
        };
        let program = &self.processes.get(process)?.program;
        let remote = program.executable.remote().and_then(|_| program.executable.derivation.clone());
        Some((program.path.clone(), remote.map(Source::File)))
    }
}
