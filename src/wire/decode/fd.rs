//! Messages of descriptors.

use super::fields::{calls, read_fields};
use crate::event::{
    Context, Dup, Eventfd, Fcntl, Pipe, Signalfd, TimerfdCreate, TimerfdGettime, TimerfdSettime,
};
use crate::wire::error::Fault;
use crate::wire::protobuf::Input;

calls! {
    Pipe { 4 => flags, 5 => reader, 6 => writer, }
    Fcntl<'a> { 4 => fd, 5 => fd_path, 6 => cmd, 7 => arg, }
    Dup<'a> { 4 => old_fd, 5 => new_fd, 6 => fd_path, 7 => flags, }
    Signalfd<'a> { 4 => fd, 5 => fd_path, 6 => sigset, 7 => flags, }
    Eventfd { 4 => val, 5 => flags, }
    TimerfdCreate { 4 => clock_id, 5 => flags, }
    TimerfdSettime<'a> { 4 => fd, 5 => fd_path, 6 => flags, 7 => new_value, 8 => old_value, }
    TimerfdGettime<'a> { 4 => fd, 5 => fd_path, 6 => cur_value, }
}
