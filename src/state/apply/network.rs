//! Sockets and what passes through them.

use crate::event::{
    Accept, Connect, Errno, Exit, Family, Fd, FdFlags, Raw, Socket as SocketEvent, Sysno, Text,
};

use super::super::net::Outcome;
use super::super::program::{Remote, Source};
use super::super::{
    Access, ContainerIx, Descriptor, EndpointId, News, Object, OnExec, Role, Socket, SocketId, State,
    Subject, Traffic, is_remote,
};
use super::{About, Acting};

/// `SOCK_STREAM` and `SOCK_DGRAM`, `include/linux/net.h`
const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;

/// The port of name servers: an answer from there is an address, not the bytes of a program.
const DNS_PORT: u16 = 53;

/// A socket's type without its flags, and those.
pub(super) fn kind_and_flags(kind_and_flags: i32) -> (i32, FdFlags) {
    let socket = SocketEvent { kind_and_flags, ..SocketEvent::default() };
    (socket.kind(), socket.flags())
}

fn on_exec(flags: FdFlags) -> OnExec {
    if flags.contains(FdFlags::CLOEXEC) { OnExec::Close } else { OnExec::Keep }
}

impl State {
    /// socket(2).
    pub(super) fn socket(&mut self, acting: &Acting<'_>, event: &SocketEvent) -> Option<About> {
        event.call.exit?;
        let Some(fd) = event.call.new_fd() else { return Some((None, Subject::Other)) };
        let role = if event.domain == Family::UNIX { Role::Local } else { Role::Idle };
        let (socket, _) = self.sockets.insert(Socket::new(event.domain, event.kind(), role));
        let object = Object::Socket(socket);
        self.set_fd(acting, fd, Descriptor::own(object, Access::ReadWrite, on_exec(event.flags())));
        Some(self.about(acting, fd))
    }

    /// connect(2).
    pub(super) fn connect(&mut self, acting: &Acting<'_>, event: &Connect<'_>) -> Option<About> {
        let exit = event.call.exit?;
        // Nothing was tried, and what is behind the descriptor stays what it is.
        if matches!(exit.errno, Errno::EBADF | Errno::ENOTSOCK) {
            return Some(self.about(acting, event.fd));
        }
        let socket = self.socket_behind(acting, event.fd, event.address.inet().map(Family::of));
        let Some(remote) = event.address.inet() else {
            return Some(self.about(acting, event.fd));
        };
        let outcome = Outcome::of(exit);
        let endpoint = self.container_mut(acting.container)?.endpoints.at(remote, acting.time);
        let state = self.sockets.get_mut(socket)?;
        let is_stream = state.kind != SOCK_DGRAM;
        let repeated = matches!(
            state.role,
            Role::Client { remote: earlier, outcome: Outcome::Pending, .. } if earlier == remote
        );
        let since = match state.role {
            Role::Client { since, .. } if repeated => since,
            Role::Idle | Role::Client { .. } | Role::Server { .. } | Role::Local => acting.time,
        };
        if !repeated {
            state.traffic = None;
        }
        state.role = Role::Client { remote, outcome, since };
        if let Some(endpoint) = self.container_mut(acting.container)?.endpoints.get_mut(endpoint) {
            if !repeated {
                endpoint.attempts = endpoint.attempts.saturating_add(1);
                endpoint.last = acting.time;
            }
            match outcome {
                Outcome::Connected => endpoint.successes = endpoint.successes.saturating_add(1),
                Outcome::Failed(_) => endpoint.failures = endpoint.failures.saturating_add(1),
                Outcome::Pending => {}
            }
        }
        if is_stream && outcome.may_carry_bytes() && is_remote(remote.ip()) {
            self.taint(acting.process, &Source::Remote(Remote { addr: remote, time: since }), acting.time);
        }
        let news = if repeated { News::No } else { News::Attempt };
        Some((Some(event.fd), Subject::Socket { socket, endpoint: Some(endpoint), news }))
    }

    /// accept(2), accept4(2).
    pub(super) fn accept(&mut self, acting: &Acting<'_>, event: &Accept<'_>) -> Option<About> {
        event.call.exit?;
        let Some(fd) = event.call.new_fd() else { return Some(self.about(acting, event.fd)) };
        let remote = event.address.inet();
        let role = match remote {
            Some(remote) => Role::Server { remote: Some(remote) },
            None => Role::Server { remote: None },
        };
        let family = remote.map_or(Family::UNIX, Family::of);
        let (socket, _) = self.sockets.insert(Socket::new(family, SOCK_STREAM, role));
        let object = Object::Socket(socket);
        self.set_fd(acting, fd, Descriptor::own(object, Access::ReadWrite, on_exec(event.flags)));
        if let Some(addr) = remote.filter(|remote| is_remote(remote.ip())) {
            self.taint(acting.process, &Source::Remote(Remote { addr, time: acting.time }), acting.time);
        }
        Some(self.about(acting, fd))
    }

    /// The socket behind a descriptor; where that is not known to be one, a new one takes its place: sockets can
    /// arrive over another socket, which no event shows.
    fn socket_behind(&mut self, acting: &Acting<'_>, fd: Fd, family: Option<Family>) -> SocketId {
        let known = self.processes.fds(acting.process).and_then(|fds| fds.get(fd));
        if let Some(Descriptor { object: Object::Socket(socket), .. }) = known
            && self.sockets.get(socket).is_some()
        {
            return socket;
        }
        let role = if family.is_some() { Role::Idle } else { Role::Local };
        let family = family.unwrap_or(Family::UNIX);
        let (socket, _) = self.sockets.insert(Socket::new(family, SOCK_STREAM, role));
        let on_exec = known.map_or(OnExec::Keep, |descriptor| descriptor.on_exec);
        self.set_fd(acting, fd, Descriptor::own(Object::Socket(socket), Access::ReadWrite, on_exec));
        socket
    }

    /// The endpoint that a socket of the container leads to.
    pub(in super::super) fn endpoint_of(
        &self,
        container: ContainerIx,
        socket: SocketId,
    ) -> Option<EndpointId> {
        let remote = self.sockets.get(socket)?.remote()?;
        self.containers.get(usize::from(container.0))?.endpoints.find(&remote)
    }

    /// Bytes came in through a descriptor.
    pub(super) fn moved_in(&mut self, acting: &Acting<'_>, fd: Fd, fd_path: &Text<'_>, exit: Exit) {
        self.truly_at(acting, fd, fd_path);
        self.read_from_pipe(acting, fd, exit);
        let Some((socket, bytes)) = self.moved(acting, fd, exit) else { return };
        if let Some(traffic) = self.traffic(acting, socket) {
            traffic.recvs.note(acting.time, bytes);
        }
        let from =
            self.sockets.get(socket).filter(|socket| socket.kind == SOCK_DGRAM).and_then(Socket::remote);
        if let Some(addr) = from.filter(|from| is_remote(from.ip()) && from.port() != DNS_PORT)
            && bytes > 0
        {
            self.taint(acting.process, &Source::Remote(Remote { addr, time: acting.time }), acting.time);
        }
    }

    /// Bytes went out through a descriptor.
    pub(super) fn moved_out(&mut self, acting: &Acting<'_>, fd: Fd, fd_path: &Text<'_>, exit: Exit) {
        self.truly_at(acting, fd, fd_path);
        self.written_through(acting, fd, exit);
        let Some((socket, bytes)) = self.moved(acting, fd, exit) else { return };
        if let Some(traffic) = self.traffic(acting, socket) {
            traffic.sends.note(acting.time, bytes);
        }
    }

    /// What passes through a socket that has a remote end.
    fn traffic(&mut self, acting: &Acting<'_>, socket: SocketId) -> Option<&mut Traffic> {
        let opens_before = self.processes.get(acting.process)?.opens;
        let socket = self.sockets.get_mut(socket).filter(|socket| socket.remote().is_some())?;
        let new = || Box::new(Traffic { opens_before, ..Traffic::default() });
        Some(socket.traffic.get_or_insert_with(new))
    }

    /// sendto(2) and its kin, by their registers.
    pub(super) fn send(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        let exit = raw.call.exit?;
        // sendmmsg(2) returns messages, not bytes.
        let exit =
            if raw.sysno() == Sysno::SENDMMSG { Exit { result: exit.result.min(1), ..exit } } else { exit };
        self.moved_out(acting, raw.fd(1), &Text::default(), exit);
        Some(self.about(acting, raw.fd(1)))
    }

    /// recvfrom(2) and its kin, by their registers.
    pub(super) fn recv(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        let exit = raw.call.exit?;
        self.moved_in(acting, raw.fd(1), &Text::default(), exit);
        Some(self.about(acting, raw.fd(1)))
    }

    fn moved(&self, acting: &Acting<'_>, fd: Fd, exit: Exit) -> Option<(SocketId, u64)> {
        let bytes = u64::try_from(exit.result).ok().filter(|bytes| exit.succeeded() && *bytes > 0)?;
        match self.processes.fds(acting.process)?.get(fd)?.object {
            Object::Socket(socket) => Some((socket, bytes)),
            Object::Unknown | Object::File(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => None,
        }
    }
}
