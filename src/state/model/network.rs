//! What the naive model makes of sockets, of bytes that pass, and of paths.

use crate::event::{Connect, Errno, Exit, Family, Tgid};
use crate::state::{Access, OnExec};

use super::flow::{Provenance, Source};
use super::happens::{Answer, is_no_storage, resolve};
use super::naive::{About, Act, File, Ix, Naive, Object, Peer, Socket};
use super::tables::own;
use super::words::PEERS;

impl Naive {
    // Sockets and bytes.

    pub(super) fn new_socket(&mut self, family: Family, kind: i32, peer: Peer) -> Object {
        self.sockets.push(Socket { family, kind, peer, pair: None, sent: Vec::new(), received: Vec::new() });
        Object::Socket(self.sockets.len() - 1)
    }

    pub(super) fn connects(&mut self, act: &Act<'_>, connect: &Connect<'_>) -> Option<Answer> {
        let exit = connect.call.exit?;
        let fd = connect.fd.0;
        // Nothing was tried on what is no socket.
        if matches!(exit.errno, Errno(9 | 88)) {
            return Some(self.about(act, fd));
        }
        let remote = connect.address.inet();
        let known = self.table(act.process).get(&fd).copied();
        let socket = match known.map(|open| open.object) {
            Some(Object::Socket(socket)) => socket,
            _ => {
                let peer = if remote.is_some() { Peer::None } else { Peer::Local };
                let object = self.new_socket(remote.map_or(Family::UNIX, Family::of), 1, peer);
                let on_exec = known.map_or(OnExec::Keep, |open| open.on_exec);
                self.put(act, fd, own(object, Access::ReadWrite, on_exec));
                self.sockets.len() - 1
            }
        };
        let Some(remote) = remote else { return Some(self.about(act, fd)) };
        let outcome = match exit.errno.0 {
            0 | 106 => Some(Errno::OK),
            4 | 114 | 115 | 512 => None,
            _ => Some(exit.errno),
        };
        let one = &mut self.sockets[socket];
        let is_known = |before: Option<Errno>| before.is_none() || exit.errno.0 == 106;
        let before = match one.peer {
            Peer::Client(earlier, _, before) if earlier == remote && is_known(before) => Some(before),
            _ => None,
        };
        let is_first = before.is_none();
        let since = match one.peer {
            Peer::Client(_, since, _) if !is_first => since,
            _ => act.time,
        };
        if is_first {
            one.sent.clear();
            one.received.clear();
        }
        one.peer = Peer::Client(remote, since, outcome);
        let is_stream = one.kind != 2;
        let endpoint = self.containers[act.container].endpoints.entry(remote).or_default();
        if is_first {
            endpoint.attempts.push(act.time);
        }
        match outcome {
            _ if before == Some(outcome) => {}
            Some(Errno::OK) => endpoint.successes += 1,
            Some(_) => endpoint.failures += 1,
            None => {}
        }
        if is_stream && outcome.is_none_or(|errno| errno == Errno::OK) && is_outside(remote) {
            self.taint(act.process, &Source::Remote(remote, since, act.context.tgid), act.time);
        }
        Some((Some(fd), About::Socket(socket, true, is_first)))
    }

    /// A transfer tells how a connect in the background ended.
    fn settles(&mut self, act: &Act<'_>, fd: i32, exit: Exit) {
        let Some(Object::Socket(socket)) = self.table(act.process).get(&fd).map(|open| open.object) else {
            return;
        };
        let Peer::Client(remote, since, None) = self.sockets[socket].peer else { return };
        let Some(endpoint) = self.containers[act.container].endpoints.get_mut(&remote) else { return };
        match exit.errno.0 {
            0 if exit.result > 0 => endpoint.successes += 1,
            101 | 110 | 111 | 112 | 113 => endpoint.failures += 1,
            _ => return,
        }
        self.sockets[socket].peer = Peer::Client(remote, since, Some(exit.errno));
    }

    pub(super) fn comes_in(&mut self, act: &Act<'_>, fd: i32, exit: Exit) {
        self.settles(act, fd, exit);
        let Some(bytes) = moved(exit) else { return };
        let object = self.table(act.process).get(&fd).map(|open| open.object);
        if let Some(source) = object.and_then(|object| self.comes_out(object)) {
            self.taint(act.process, &source, act.time);
        }
        let Some(Object::Socket(socket)) = object else { return };
        let one = &mut self.sockets[socket];
        let Some(remote) = one.remote() else { return };
        one.received.push((act.time, bytes));
        let is_dns = PEERS.iter().any(|peer| peer.addr == remote && peer.is_dns);
        if one.kind == 2 && is_outside(remote) && !is_dns {
            self.taint(act.process, &Source::Remote(remote, act.time, act.context.tgid), act.time);
        }
    }

    pub(super) fn goes_out(&mut self, act: &Act<'_>, fd: i32, exit: Exit) {
        self.settles(act, fd, exit);
        let Some(bytes) = moved(exit) else { return };
        match self.table(act.process).get(&fd).map(|open| open.object) {
            Some(Object::File(file)) => {
                let known = &mut self.containers[act.container].files[file];
                known.writes_seen = true;
                let is_clean = !known.provenance.is_tainted() && !is_no_storage(&known.path);
                if is_clean && self.processes[act.process].input().is_some() {
                    self.writes(act.process, file, true, act.time);
                }
            }
            Some(Object::Socket(socket)) if self.sockets[socket].remote().is_some() => {
                self.sockets[socket].sent.push((act.time, bytes));
            }
            _ => {}
        }
    }

    // Names.

    pub(super) fn absolute(&self, act: &Act<'_>, path: &[u8]) -> Option<Vec<u8>> {
        let own = self.processes[act.process].cwd.as_deref();
        resolve(act.context.cwd.present().or(own), path)
    }

    pub(super) fn path_of(&self, act: &Act<'_>, fd: i32) -> Option<Vec<u8>> {
        match self.table(act.process).get(&fd)?.object {
            Object::File(file) => Some(self.file(act.container, file).path.to_vec()),
            _ => None,
        }
    }

    pub(super) fn file_at(&mut self, container: Ix, path: &[u8]) -> Ix {
        let container = &mut self.containers[container];
        *container.names.entry(path.to_vec()).or_insert_with(|| {
            container.files.push(File {
                path: path.into(),
                provenance: Provenance::default(),
                written: None,
                writes_seen: false,
            });
            container.files.len() - 1
        })
    }

    /// A known file by its path; current distributions have `/bin` as a link to `/usr/bin`.
    pub(super) fn named(&self, act: &Act<'_>, path: &[u8]) -> Option<Ix> {
        let names = &self.containers[act.container].names;
        let merged = || names.get(path.strip_prefix(b"/usr").filter(|rest| rest.starts_with(b"/bin/"))?);
        names.get(path).or_else(merged).copied()
    }

    /// What a path into a descriptor table leads to.
    pub(super) fn behind(&self, act: &Act<'_>, path: &[u8]) -> Option<Object> {
        let (process, fd) = self.fd_behind(act, path)?;
        Some(self.table(process).get(&fd)?.object)
    }

    /// The descriptor that a path is the name of: proc_pid_fd(5). Numbers of processes mean something where process 1
    /// is known: the other containers of a pod have namespaces of their own.
    pub(super) fn fd_behind(&self, act: &Act<'_>, path: &[u8]) -> Option<(Ix, i32)> {
        let path = std::str::from_utf8(path).ok()?;
        let (owner, number) = match path {
            "/dev/stdin" => ("self", "0"),
            "/dev/stdout" => ("self", "1"),
            "/dev/stderr" => ("self", "2"),
            _ => match path.strip_prefix("/dev/fd/") {
                Some(number) => ("self", number),
                None => path.strip_prefix("/proc/")?.split_once("/fd/")?,
            },
        };
        let process = match owner {
            "self" | "thread-self" => act.process,
            pid => {
                self.newest(act.container, Tgid(1))?;
                self.newest(act.container, Tgid(pid.parse().ok()?))?
            }
        };
        Some((process, number.parse().ok()?))
    }

    pub(super) fn about(&self, act: &Act<'_>, fd: i32) -> Answer {
        let about = match self.table(act.process).get(&fd).map(|open| open.object) {
            Some(Object::File(file)) => About::File(file),
            Some(Object::Socket(socket)) => {
                let endpoints = &self.containers[act.container].endpoints;
                let has_endpoint = match self.sockets[socket].peer {
                    Peer::Client(remote, ..) => endpoints.contains_key(&remote),
                    _ => false,
                };
                About::Socket(socket, has_endpoint, false)
            }
            Some(Object::Control | Object::Gpu | Object::Uvm) => About::Gpu(None),
            Some(Object::Reader(_) | Object::Writer(_) | Object::Anon | Object::Unknown) | None => {
                About::Other
            }
        };
        (Some(fd), about)
    }
}

/// Bytes that passed, if any did.
pub(super) fn moved(exit: Exit) -> Option<u64> {
    u64::try_from(exit.result).ok().filter(|bytes| exit.succeeded() && *bytes > 0)
}

pub(super) fn is_outside(remote: std::net::SocketAddr) -> bool {
    PEERS.iter().any(|peer| peer.addr == remote && peer.is_outside)
}
