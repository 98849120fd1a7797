//! What the event's descriptor is: its type, its name, the two ends of a connection.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use crate::event::{Family, Kind, OpenFlags, SockAddr};
use crate::state::{Object, Origin, Role, Socket};

use super::{Scene, Value};

/// Client and server of a connection, as far as they are known. A socket that listens is a server without a client.
fn ends(socket: &Socket) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let local = socket.local.as_deref().copied();
    match socket.role {
        Role::Client { remote, .. } => (local, Some(remote)),
        Role::Server { remote } => (remote, local),
        Role::Idle | Role::Local => (None, local),
    }
}

/// `client->server`, with `0.0.0.0:0` for an end that is not known.
pub(super) fn name_of<'a>(socket: &Socket) -> Option<Value<'a>> {
    let (client, server) = ends(socket);
    if client.is_none() && server.is_none() {
        return None;
    }
    let end = |addr: Option<SocketAddr>| addr.map_or_else(|| "0.0.0.0:0".to_owned(), |addr| addr.to_string());
    Some(Value::Text(Cow::Owned(format!("{}->{}", end(client), end(server)).into_bytes())))
}

/// The type of a socket by its family.
fn type_of_family(family: Family) -> Option<(&'static str, &'static str)> {
    match family {
        Family::INET => Some(("4", "ipv4")),
        Family::INET6 => Some(("6", "ipv6")),
        Family::UNIX => Some(("u", "unix")),
        Family::NETLINK => Some(("n", "netlink")),
        _ => None,
    }
}

impl<'a> Scene<'a> {
    /// The client's address and port.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        ends(self.socket()?).0
    }

    /// The server's address and port.
    pub(super) fn server(&self) -> Option<SocketAddr> {
        ends(self.socket()?).1
    }

    /// The addresses of both ends.
    pub(super) fn addresses(&self) -> Option<Value<'a>> {
        let (client, server) = ends(self.socket()?);
        let ips: SmallVec<[IpAddr; 2]> = [client, server].into_iter().flatten().map(|end| end.ip()).collect();
        (!ips.is_empty()).then_some(Value::Ips(ips))
    }

    /// The ports of both ends.
    pub(super) fn ports(&self) -> Option<Value<'a>> {
        let (client, server) = ends(self.socket()?);
        let ports: SmallVec<[i64; 8]> =
            [client, server].into_iter().flatten().map(|end| i64::from(end.port())).collect();
        (!ports.is_empty()).then_some(Value::Ints(ports))
    }

    /// Whether the socket is connected, or is being connected.
    pub(super) fn is_connected(&self) -> Option<bool> {
        Some(match self.socket()?.role {
            Role::Client { outcome, .. } => outcome.may_carry_bytes(),
            Role::Server { .. } => true,
            Role::Idle | Role::Local => false,
        })
    }

    /// The path of the file that the event is about. An open has one even where nothing was opened.
    pub(super) fn fd_path(&self) -> Option<Cow<'a, [u8]>> {
        match self.file() {
            Some(file) => Some(Cow::Borrowed(&*file.path)),
            None => self.asked_path(),
        }
    }

    pub(super) fn fd_name(&self) -> Option<Value<'a>> {
        if let Some(path) = self.fd_path() {
            return Some(Value::Text(path));
        }
        if let Some(name) = self.socket().and_then(name_of) {
            return Some(name);
        }
        // Of a local socket only the call that names it tells the name.
        let address = if let Kind::Connect(connect) = &self.event.kind {
            connect.address
        } else if let Kind::Bind(bind) = &self.event.kind {
            bind.address
        } else {
            return None;
        };
        match address {
            SockAddr::Unix(path) => path.present().map(Value::text),
            SockAddr::Abstract(name) => name.present().map(Value::text),
            SockAddr::Absent | SockAddr::Inet(_) | SockAddr::Other(_) | SockAddr::Malformed(_) => None,
        }
    }

    /// The directory of the file's path, and its last part.
    pub(super) fn directory(&self) -> Option<Cow<'a, [u8]>> {
        let cut = |path: &[u8]| path.iter().rposition(|byte| *byte == b'/').map(|slash| slash.max(1));
        match self.fd_path()? {
            Cow::Borrowed(path) => path.get(..cut(path)?).map(Cow::Borrowed),
            Cow::Owned(mut path) => {
                path.truncate(cut(&path)?);
                Some(Cow::Owned(path))
            }
        }
    }

    pub(super) fn filename(&self) -> Option<Value<'a>> {
        let last = |path: &[u8]| {
            path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash.saturating_add(1))
        };
        match self.fd_path()? {
            Cow::Borrowed(path) => path.get(last(path)..).map(Value::text),
            Cow::Owned(path) => Some(Value::Text(Cow::Owned(path.get(last(&path)..)?.to_vec()))),
        }
    }

    /// The path as an open was given it.
    pub(super) fn raw_name(&self) -> Option<Value<'a>> {
        if let Kind::Open(open) = &self.event.kind {
            return open.pathname.present().map(Value::text);
        }
        self.fd_name()
    }

    /// `container.id` and something of the descriptor.
    pub(super) fn in_container(&self, what: Option<Cow<'a, [u8]>>) -> Option<Value<'a>> {
        let mut text = self.short_id()?.to_vec();
        text.push(b':');
        text.extend_from_slice(&what?);
        Some(Value::Text(Cow::Owned(text)))
    }

    /// The type of the event's descriptor, as a letter and as a word.
    pub(super) fn fd_kind(&self) -> Option<(&'static str, &'static str)> {
        if let Some(socket) = self.socket() {
            return type_of_family(socket.family);
        }
        if let Kind::Open(open) = &self.event.kind {
            let is_directory =
                open.flags.contains(OpenFlags::DIRECTORY) && !open.flags.contains(OpenFlags::TMPFILE);
            return Some(if is_directory { ("d", "directory") } else { ("f", "file") });
        }
        if self.file().is_some() {
            return Some(("f", "file"));
        }
        self.type_of(self.state.descriptor(self.observation.process, self.observation.fd?)?.object)
    }

    /// The type of what a descriptor leads to.
    pub(super) fn type_of(&self, object: Object) -> Option<(&'static str, &'static str)> {
        match object {
            Object::Socket(_) => type_of_family(self.socket_of(object)?.family),
            Object::Pipe(..) => Some(("p", "pipe")),
            Object::File(_) | Object::Nvidia(_) => Some(("f", "file")),
            Object::Unknown | Object::Anon => None,
        }
    }

    /// Whether the file's bytes were written inside the container; nothing where nobody knows.
    pub(super) fn is_written_here(&self) -> Option<bool> {
        match self.file()?.provenance.origin {
            Origin::Unknown => None,
            Origin::Image => Some(false),
            Origin::Created | Origin::Network | Origin::Memfd => Some(true),
        }
    }
}
