//! Messages of sockets.

use super::fields::{calls, read_fields};
use crate::event::{Accept, Bind, Connect, Context, Listen, Socket, SocketPair};
use crate::wire::error::Fault;
use crate::wire::protobuf::Input;

calls! {
    Socket { 4 => domain, 5 => kind_and_flags, 6 => protocol, }
    SocketPair { 4 => domain, 5 => kind_and_flags, 6 => protocol, 7 => first, 8 => second, }
    Connect<'a> { 4 => fd, 5 => fd_path, 6 => address, }
    Bind<'a> { 4 => fd, 5 => fd_path, 6 => address, }
    Accept<'a> { 4 => fd, 5 => fd_path, 6 => address, 7 => flags, }
    Listen<'a> {
        4 => fd, 5 => fd_path, 6 => backlog, 7 => address, 8 => family, 9 => socket_type,
    }
}
