//! What was done earlier, put before the rules once more: for lists that learn of it later.

use std::net::SocketAddr;

use super::net::{Outcome, Role, Socket};
use super::{ContainerIx, News, Observation, ProcessId, SocketId, State, Subject};
use crate::event::{Errno, Exit, Family, Time};

/// A remembered connection, as an event of its own. While it is recalled it has a socket again.
#[derive(Debug)]
pub(crate) struct Recalled {
    /// What it was about. Its time is that of the last attempt.
    pub(crate) observation: Observation,
    /// How it ended.
    pub(crate) exit: Exit,
    socket: SocketId,
}

impl State {
    /// The endpoints that containers are remembered to have connected to.
    pub(crate) fn remembered_remotes(&self) -> impl Iterator<Item = (ContainerIx, SocketAddr)> + '_ {
        (0u16..).zip(&self.containers).flat_map(|(at, container)| {
            container.endpoints.iter().map(move |endpoint| (ContainerIx(at), endpoint.remote))
        })
    }

    /// The processes that run something, and since when.
    pub(crate) fn running(&self) -> impl Iterator<Item = (ProcessId, Time)> + '_ {
        let alive = self.processes.iter().filter(|(_, process)| process.exited.is_none());
        alive.map(|(id, process)| (id, process.program.time))
    }

    /// Recalls a connection, by whoever tried it last, or else by any process of the container.
    pub(crate) fn recall(&mut self, container: ContainerIx, remote: SocketAddr) -> Option<Recalled> {
        let endpoints = &self.container_at(container)?.endpoints;
        let id = endpoints.find(&remote)?;
        let endpoint = endpoints.get(id)?;
        let (kind, time, first) = (endpoint.kind, endpoint.last, endpoint.first);
        let process = endpoint.by.filter(|by| self.processes.get(*by).is_some()).or_else(|| {
            let mut processes = self.processes.iter();
            processes.find(|(_, process)| process.key.container == container).map(|(id, _)| id)
        })?;
        let errno = if endpoint.successes > 0 {
            Errno::OK
        } else if endpoint.failures.total() >= endpoint.attempts {
            Errno::ECONNREFUSED
        } else {
            Errno::EINPROGRESS
        };
        let exit = Exit { result: 0, errno };
        let role = Role::Client { remote, outcome: Outcome::of(exit), since: first };
        let mut socket = Socket::new(Family::of(remote), kind, role);
        socket.endpoint = Some(id);
        let (socket, _) = self.sockets.insert(socket);
        let subject = Subject::Socket { socket, endpoint: Some(id), news: News::Attempt };
        let observation = Observation { time, container, process, fd: None, subject, arg_changed: false };
        Some(Recalled { observation, exit, socket })
    }

    /// Takes the socket away again that a recalled connection was given.
    pub(crate) fn dismiss(&mut self, recalled: &Recalled) {
        self.sockets.remove(recalled.socket);
    }
}
