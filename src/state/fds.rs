//! Descriptors: what a number leads to. The tables that hold them are in `fd_table.rs`.

use crate::event::Fd;

use super::{FileId, PipeId, SocketId};

/// What a descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// Open, but nobody said what it is.
    Unknown,
    /// A file with a path.
    File(FileId),
    /// A socket.
    Socket(SocketId),
    /// One end of a pipe.
    Pipe(PipeId, PipeEnd),
    /// An NVIDIA device.
    Nvidia(Nvidia),
    /// An eventfd, timerfd, signalfd, inotify or epoll descriptor.
    Anon,
}

/// Which end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PipeEnd {
    /// Where bytes come out.
    Read,
    /// Where bytes go in.
    Write,
}

/// Which NVIDIA device node (`nvproxy.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nvidia {
    /// `/dev/nvidiactl`
    Control,
    /// `/dev/nvidia0` and so on: one GPU.
    Gpu,
    /// `/dev/nvidia-uvm`: unified memory, which every CUDA context needs.
    Uvm,
}

/// What can be done through a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Write only.
    Write,
    /// Both.
    ReadWrite,
    /// Neither: a handle on the path only (`O_PATH`).
    Path,
}

impl Access {
    /// Whether bytes can go in.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Access::Write | Access::ReadWrite => true,
            Access::Read | Access::Path => false,
        }
    }

    /// Whether bytes can come out.
    #[must_use]
    pub fn is_read(self) -> bool {
        match self {
            Access::Read | Access::ReadWrite => true,
            Access::Write | Access::Path => false,
        }
    }
}

/// What happens to a descriptor when its process runs another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExec {
    /// It stays open.
    Keep,
    /// It closes (`FD_CLOEXEC`).
    Close,
}

/// Whether the program that holds a descriptor opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It did, or was given it as standard input, output or error.
    Own,
    /// It was open when the program started; nobody is known to use it.
    PassedOn,
}

/// An open descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What it leads to.
    pub object: Object,
    /// What can be done through it.
    pub access: Access,
    /// What exec does to it.
    pub on_exec: OnExec,
    /// Whose it is.
    pub held: Held,
}

impl Descriptor {
    /// A descriptor that the running program opened.
    pub(crate) fn own(object: Object, access: Access, on_exec: OnExec) -> Descriptor {
        Descriptor { object, access, on_exec, held: Held::Own }
    }
}

/// What a call does to a table: kept of a process whose clone is still to come, to be done again on what it inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableOp {
    /// The number leads to something new.
    Set(Fd, Descriptor),
    /// The number turned out to lead there all along.
    Mend(Fd, Descriptor),
    /// `new` leads where `old` does; where that is not known, to `otherwise`.
    Dup { old: Fd, new: Fd, on_exec: OnExec, otherwise: Object },
    /// close(2)
    Close(Fd),
    /// close_range(2), both ends included.
    CloseRange(u32, u32),
    /// close_range(2) with `CLOSE_RANGE_CLOEXEC`.
    CloseRangeOnExec(u32, u32),
    /// fcntl(2) with F_SETFD.
    OnExec(Fd, OnExec),
    /// A program is run.
    Exec,
}
