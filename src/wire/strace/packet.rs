//! Messages into packets as a sentry would send them.

use prost::Message;

use crate::wire::{Header, MessageType, pb};

/// A message that travels in a packet of its own.
pub(super) trait Packet: Message {
    /// The number in the packet's header.
    const TYPE: MessageType;
}

macro_rules! packets {
    ($($number:literal => $message:ident,)*) => {
        $(impl Packet for pb::$message {
            const TYPE: MessageType = MessageType($number);
        })*
    };
}

packets! {
    1 => Start,
    2 => CloneInfo,
    3 => ExecveInfo,
    4 => ExitNotifyParentInfo,
    5 => TaskExit,
    6 => Syscall,
    7 => Open,
    8 => Close,
    9 => Read,
    10 => Connect,
    11 => Execve,
    12 => Socket,
    13 => Chdir,
    14 => Setid,
    15 => Setresid,
    17 => Pipe,
    18 => Fcntl,
    19 => Dup,
    20 => Signalfd,
    21 => Chroot,
    22 => Eventfd,
    24 => Bind,
    25 => Accept,
    26 => TimerfdCreate,
    29 => Fork,
    30 => InotifyInit,
    33 => SocketPair,
    34 => Write,
    36 => Mmap,
    37 => Listen,
    38 => Ptrace,
}

/// The packet of a message, nothing dropped before it.
pub(super) fn encode<M: Packet>(message: &M) -> Vec<u8> {
    let mut packet = Header::encode(M::TYPE, 0).to_vec();
    packet.append(&mut message.encode_to_vec());
    packet
}
