//! Sockets and what passes through them.

use std::net::SocketAddr;

use crate::event::{
    Accept, Bind, Connect, Errno, Exit, Family, Fd, FdFlags, Raw, SockAddr, Socket as SocketEvent, Sysno,
    Text,
};

use super::super::net::Outcome;
use super::super::orders::Heard;
use super::super::program::{Remote, Source};
use super::super::terminal::is_master;
use super::super::{
    Access, ContainerIx, Descriptor, EndpointId, News, Object, OnExec, Role, Socket, SocketId, State,
    Subject, Traffic, is_remote,
};
use super::descriptors::on_exec;
use super::{About, Acting};

/// `SOCK_STREAM` and `SOCK_DGRAM`, `include/linux/net.h`
pub(super) const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;

/// `AF_UNSPEC`, `include/linux/socket.h`
const AF_UNSPEC: Family = Family(0);

/// The port of name servers: an answer from there is an address, not the bytes of a program.
const DNS_PORT: u16 = 53;

/// A socket's type without its flags, and those.
pub(super) fn kind_and_flags(kind_and_flags: i32) -> (i32, FdFlags) {
    let socket = SocketEvent { kind_and_flags, ..SocketEvent::default() };
    (socket.kind(), socket.flags())
}

/// Which way bytes go through a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Out,
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
            // AF_UNSPEC takes a socket's peer away.
            if event.address == SockAddr::Other(AF_UNSPEC)
                && exit.succeeded()
                && let Some(state) = self.sockets.get_mut(socket)
            {
                *state = Socket::new(state.family, state.kind, Role::Idle);
            }
            return Some(self.about(acting, event.fd));
        };
        let outcome = Outcome::of(exit);
        let endpoint = self.container_mut(acting.container)?.endpoints.at(remote, acting.time);
        let state = self.sockets.get_mut(socket)?;
        if state.family == Family::default() {
            state.family = Family::of(remote);
        }
        let kind = state.kind;
        let is_stream = kind != SOCK_DGRAM;
        let (repeated, since, before) = match state.role {
            Role::Client { remote: earlier, outcome: before, since }
                if earlier == remote && (before == Outcome::Pending || exit.errno == Errno::EISCONN) =>
            {
                (true, since, Some(before))
            }
            Role::Idle | Role::Client { .. } | Role::Server { .. } | Role::Local => {
                (false, acting.time, None)
            }
        };
        if !repeated {
            state.traffic = None;
            state.reader = None;
        }
        state.role = Role::Client { remote, outcome, since };
        state.endpoint = Some(endpoint);
        if let Some(endpoint) = self.container_mut(acting.container)?.endpoints.get_mut(endpoint) {
            if !repeated {
                endpoint.tried(acting.time);
                (endpoint.by, endpoint.kind) = (Some(acting.process), kind);
            }
            if before != Some(outcome) {
                endpoint.came_to(outcome, acting.time);
            }
        }
        if is_stream && outcome.may_carry_bytes() && is_remote(remote.ip()) {
            self.leads_on(acting, remote);
            self.got_from(acting, remote, since);
        }
        let news = if repeated { News::No } else { News::Attempt };
        Some((Some(event.fd), Subject::Socket { socket, endpoint: Some(endpoint), news }))
    }

    /// bind(2), or listen(2) where the sentry says the address: this end of the socket is known.
    pub(super) fn bound(&mut self, acting: &Acting<'_>, fd: Fd, address: SockAddr<'_>, exit: Exit) -> About {
        if let Some(local) = address.inet().filter(|_| exit.succeeded()) {
            let socket = self.socket_behind(acting, fd, Some(Family::of(local)));
            if let Some(socket) = self.sockets.get_mut(socket) {
                socket.local = Some(Box::new(local));
            }
        }
        self.about(acting, fd)
    }

    /// The ports that the process or an ancestor bound lead on to `remote`.
    fn leads_on(&mut self, acting: &Acting<'_>, remote: SocketAddr) {
        let Some(process) = self.processes.get(acting.process) else { return };
        let Some(container) = self.containers.get_mut(usize::from(acting.container.0)) else { return };
        if container.listeners.is_empty() {
            return;
        }
        container.listeners.connected(remote, |owner| {
            owner == process.serial || process.ancestors.iter().any(|ancestor| ancestor.serial == owner)
        });
    }

    /// bind(2).
    pub(super) fn bind(&mut self, acting: &Acting<'_>, event: &Bind<'_>) -> Option<About> {
        let exit = event.call.exit?;
        let about = self.bound(acting, event.fd, event.address, exit);
        if exit.succeeded()
            && let Some(local) = event.address.inet().filter(|local| local.port() != 0)
            && !self.is_datagram(about.1)
            && let Some(owner) = self.processes.get(acting.process).map(|process| process.serial)
            && let Some(container) = self.container_mut(acting.container)
        {
            container.listeners.bound(local.port(), owner);
        }
        Some(about)
    }

    fn is_datagram(&self, subject: Subject) -> bool {
        match subject {
            Subject::Socket { socket, .. } => {
                self.sockets.get(socket).is_some_and(|socket| socket.kind == SOCK_DGRAM)
            }
            Subject::Process | Subject::File(_) | Subject::Gpu(_) | Subject::Child(_) | Subject::Other => {
                false
            }
        }
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
        let listener = self.processes.fds(acting.process).and_then(|fds| fds.get(event.fd));
        let local = match listener.map(|listener| listener.object) {
            Some(Object::Socket(listener)) => {
                self.sockets.get(listener).and_then(|listener| listener.local.clone())
            }
            Some(Object::Unknown | Object::File(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon)
            | None => None,
        };
        let (socket, _) = self.sockets.insert(Socket { local, ..Socket::new(family, SOCK_STREAM, role) });
        let object = Object::Socket(socket);
        self.set_fd(acting, fd, Descriptor::own(object, Access::ReadWrite, on_exec(event.flags)));
        if let Some(addr) = remote.filter(|remote| is_remote(remote.ip())) {
            self.got_from(acting, addr, acting.time);
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

    /// The endpoint that a socket of the container was connected to.
    pub(in super::super) fn endpoint_of(
        &self,
        container: ContainerIx,
        socket: SocketId,
    ) -> Option<EndpointId> {
        let endpoint = self.sockets.get(socket)?.endpoint?;
        self.endpoint_in(container, endpoint).map(|_| endpoint)
    }

    /// A transfer through a socket tells how a connect in the background ended: nobody sees `SO_ERROR`.
    fn settle(&mut self, acting: &Acting<'_>, fd: Fd, exit: Exit) {
        let Some(socket) = self.socket_at_fd(acting, fd) else { return };
        let Some(state) = self.sockets.get_mut(socket) else { return };
        let Role::Client { remote, outcome: Outcome::Pending, since } = state.role else { return };
        let outcome = match exit.errno {
            Errno::OK if exit.result > 0 => Outcome::Connected,
            Errno::ECONNREFUSED
            | Errno::ETIMEDOUT
            | Errno::ENETUNREACH
            | Errno::EHOSTUNREACH
            | Errno::EHOSTDOWN => Outcome::Failed(exit.errno),
            _ => return,
        };
        state.role = Role::Client { remote, outcome, since };
        let endpoint = state.endpoint;
        if let Some(endpoint) = endpoint
            && let Some(container) = self.container_mut(acting.container)
            && let Some(endpoint) = container.endpoints.get_mut(endpoint)
        {
            endpoint.came_to(outcome, acting.time);
        }
    }

    /// Bytes came in through a descriptor.
    pub(super) fn moved_in(&mut self, acting: &Acting<'_>, fd: Fd, fd_path: &Text<'_>, exit: Exit) {
        self.truly_at(acting, fd, fd_path);
        self.read_from_pipe(acting, fd, exit);
        self.settle(acting, fd, exit);
        self.through_terminal(acting, fd, exit, Way::In);
        self.moves_data(acting, fd, exit);
        let Some((socket, bytes)) = self.moved(acting, fd, exit) else { return };
        if let Some(traffic) = self.traffic(acting, socket) {
            traffic.recvs.note(acting.time, bytes);
        }
        if let Some(remote) = self.connected_remote(acting.process, fd)
            && let Some(process) = self.processes.get_mut(acting.process)
        {
            process.heard = Some(Heard::more(process.heard, remote, bytes));
        }
        self.read_by(acting, socket);
        let from =
            self.sockets.get(socket).filter(|socket| socket.kind == SOCK_DGRAM).and_then(Socket::remote);
        if let Some(addr) = from.filter(|from| is_remote(from.ip()) && from.port() != DNS_PORT)
            && bytes > 0
        {
            self.got_from(acting, addr, acting.time);
        }
    }

    /// Bytes went out through a descriptor.
    pub(super) fn moved_out(&mut self, acting: &Acting<'_>, fd: Fd, fd_path: &Text<'_>, exit: Exit) {
        self.truly_at(acting, fd, fd_path);
        self.written_through(acting, fd, exit);
        self.settle(acting, fd, exit);
        self.through_terminal(acting, fd, exit, Way::Out);
        self.moves_data(acting, fd, exit);
        let Some((socket, bytes)) = self.moved(acting, fd, exit) else { return };
        if let Some(traffic) = self.traffic(acting, socket) {
            traffic.sends.note(acting.time, bytes);
        }
        if let Some(heard) = self.processes.get_mut(acting.process).and_then(|process| process.heard.as_mut())
        {
            heard.acts();
        }
        let endpoint = self.sockets.get(socket).and_then(|socket| socket.endpoint);
        if let Some(endpoint) = endpoint
            && let Some(container) = self.container_mut(acting.container)
            && let Some(endpoint) = container.endpoints.get_mut(endpoint)
            && let Some(returns) = &mut endpoint.returns
        {
            returns.sends.note(acting.time, bytes);
        }
    }

    /// Bytes went through a descriptor of a process that made a terminal.
    fn through_terminal(&mut self, acting: &Acting<'_>, fd: Fd, exit: Exit, way: Way) {
        let Some(process) = self.processes.get(acting.process) else { return };
        let Some(mut terminal) = process.terminal.as_deref().copied() else { return };
        let serial = process.serial;
        let Ok(bytes) = u64::try_from(exit.result) else { return };
        if bytes == 0 || !exit.succeeded() {
            return;
        }
        let is_master = self
            .file_behind(acting, fd)
            .and_then(|file| self.file(acting, file))
            .is_some_and(|file| is_master(&file.path));
        let joined = match (self.connected_remote(acting.process, fd), way) {
            (Some(remote), Way::In) => {
                terminal.heard(remote, bytes);
                None
            }
            (Some(remote), Way::Out) => terminal.sent(remote, bytes).then_some(remote),
            (None, Way::In) if is_master => {
                terminal.said(bytes);
                None
            }
            (None, Way::Out) if is_master => {
                terminal.typed(bytes);
                None
            }
            (None, Way::In | Way::Out) => return,
        };
        if let Some(known) =
            self.processes.get_mut(acting.process).and_then(|process| process.terminal.as_deref_mut())
        {
            *known = terminal;
        }
        if let Some(remote) = joined
            && let Some(container) = self.container_mut(acting.container)
        {
            container.terminals.note(serial, remote);
        }
    }

    /// The acting process takes what comes out of a socket.
    fn read_by(&mut self, acting: &Acting<'_>, socket: SocketId) {
        let reader = self.processes.get(acting.process).map(|process| process.serial);
        if let Some(socket) = self.sockets.get_mut(socket) {
            socket.reader = reader;
        }
    }

    /// A descriptor was put in a place: who makes a socket its standard input is to read from it.
    pub(super) fn put_at(&mut self, acting: &Acting<'_>, fd: Fd) {
        if fd == Fd::STDIN
            && let Some(socket) = self.socket_at_fd(acting, fd)
        {
            self.read_by(acting, socket);
        }
    }

    fn socket_at_fd(&self, acting: &Acting<'_>, fd: Fd) -> Option<SocketId> {
        match self.processes.fds(acting.process)?.get(fd)?.object {
            Object::Socket(socket) => Some(socket),
            Object::Unknown | Object::File(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => None,
        }
    }

    /// The acting process has bytes from a remote that it is connected to since `since`.
    fn got_from(&mut self, acting: &Acting<'_>, addr: std::net::SocketAddr, since: crate::event::Time) {
        let Some(by) = self.processes.get(acting.process).map(super::super::Process::actor) else { return };
        self.taint(acting.process, &Source::Remote(Remote { addr, time: since, by }), acting.time);
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
        // A datagram with an address of its own, which lies behind a pointer, goes to who knows whom.
        if raw.sysno() == Sysno::SENDTO && raw.arg(5) != 0 {
            let about = self.about(acting, raw.fd(1));
            if self.is_datagram(about.1) {
                return Some(about);
            }
        }
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
        Some((self.socket_at_fd(acting, fd)?, bytes))
    }
}
