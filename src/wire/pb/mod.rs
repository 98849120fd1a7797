//! prost's types of `proto/seccheck.proto`: what the decoder is compared with, and what imported traces are written with.
//! Packets from a sentry are never read with them.

#![allow(
    missing_docs,
    dead_code,
    clippy::large_enum_variant,
    unreachable_pub,
    reason = "generated code, held to its schema by tests/generated.rs"
)]

include!("generated.rs");

/// A message that travels in a packet of its own.
pub(crate) trait Packet: prost::Message {
    /// The number in the packet's header.
    const TYPE: super::MessageType;
}

/// Hands all messages that stand for events to a macro, as `number => Message`.
macro_rules! messages {
    ($callback:ident) => {
        $callback! {
            1 => Start, 2 => CloneInfo, 3 => ExecveInfo, 4 => ExitNotifyParentInfo, 5 => TaskExit, 6 => Syscall,
            7 => Open, 8 => Close, 9 => Read, 10 => Connect, 11 => Execve, 12 => Socket, 13 => Chdir, 14 => Setid,
            15 => Setresid, 16 => Prlimit, 17 => Pipe, 18 => Fcntl, 19 => Dup, 20 => Signalfd, 21 => Chroot,
            22 => Eventfd, 23 => Clone, 24 => Bind, 25 => Accept, 26 => TimerfdCreate, 27 => TimerfdSetTime,
            28 => TimerfdGetTime, 29 => Fork, 30 => InotifyInit, 31 => InotifyAddWatch, 32 => InotifyRmWatch,
            33 => SocketPair, 34 => Write, 35 => MmapInfo, 36 => Mmap, 37 => Listen, 38 => Ptrace,
        }
    };
}
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use messages;

macro_rules! packets {
    ($($number:literal => $message:ident,)*) => {
        $(impl Packet for $message {
            const TYPE: super::MessageType = super::MessageType($number);
        })*
    };
}
messages!(packets);
