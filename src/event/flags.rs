//! Flag words of the kernel's interface, as sets.
//!
//! Values are those of amd64: `include/uapi/asm-generic/fcntl.h`, `include/uapi/linux/sched.h`,
//! `include/uapi/asm-generic/mman-common.h`, `include/uapi/linux/stat.h`. Unknown bits are kept.

use bitflags::bitflags;

use super::record::{Value, field};

bitflags! {
    /// Flags of open(2); the access mode is not a bit set, see [`OpenFlags::access_mode`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        /// Write only.
        const WRONLY = 0o1;
        /// Read and write.
        const RDWR = 0o2;
        /// Create if missing.
        const CREAT = 0o100;
        /// Fail if it exists.
        const EXCL = 0o200;
        /// Do not become the controlling terminal.
        const NOCTTY = 0o400;
        /// Cut to length 0.
        const TRUNC = 0o1000;
        /// Write at the end.
        const APPEND = 0o2000;
        /// Do not block.
        const NONBLOCK = 0o4000;
        /// Synchronous data.
        const DSYNC = 0o10000;
        /// Bypass the page cache.
        const DIRECT = 0o40000;
        /// Only if it is a directory.
        const DIRECTORY = 0o200_000;
        /// Do not follow a symbolic link.
        const NOFOLLOW = 0o400_000;
        /// Leave the access time alone.
        const NOATIME = 0o1_000_000;
        /// Close on exec.
        const CLOEXEC = 0o2_000_000;
        /// A handle on the path only.
        const PATH = 0o10_000_000;
        /// An unnamed temporary file (the bit beside O_DIRECTORY).
        const TMPFILE = 0o20_000_000;
        const _ = !0;
    }

    /// Flags of clone(2) and clone3(2) as the sentry reports them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CloneFlags: u64 {
        /// The address space is shared.
        const VM = 0x100;
        /// Root, working directory and umask are shared.
        const FS = 0x200;
        /// The descriptor table is shared, not copied.
        const FILES = 0x400;
        /// Signal handlers are shared.
        const SIGHAND = 0x800;
        /// The parent waits until the child execs or exits.
        const VFORK = 0x4000;
        /// The child gets the caller's parent.
        const PARENT = 0x8000;
        /// A thread of the same group.
        const THREAD = 0x10000;
        const _ = !0;
    }

    /// What may be done with a mapping (`PROT_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MapProt: u32 {
        /// Readable.
        const READ = 0x1;
        /// Writable.
        const WRITE = 0x2;
        /// Executable.
        const EXEC = 0x4;
        const _ = !0;
    }

    /// Flags that make descriptors close on exec: O_CLOEXEC, SOCK_CLOEXEC and EFD_CLOEXEC are one bit.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct FdFlags: u32 {
        /// Close on exec.
        const CLOEXEC = 0o2_000_000;
        /// Do not block.
        const NONBLOCK = 0o4000;
        const _ = !0;
    }

    /// Permission bits of a file's mode.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ModeBits: u32 {
        /// Set user id on execution.
        const SETUID = 0o4000;
        /// Set group id on execution.
        const SETGID = 0o2000;
        /// Someone may execute it.
        const EXEC = 0o111;
        const _ = !0;
    }
}

impl OpenFlags {
    /// The two bits of the access mode (`O_ACCMODE`).
    pub const ACCESS_MODE: u32 = 0o3;

    /// Whether the descriptor can be written through.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self.bits() & Self::ACCESS_MODE, 1 | 2)
    }

    /// Whether the descriptor can be read through; false for a mere O_PATH handle.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(self.bits() & Self::ACCESS_MODE, 0 | 2) && !self.contains(OpenFlags::PATH)
    }
}

field! {
    OpenFlags => |it| Value::Hex(u64::from(it.bits()));
    CloneFlags => |it| Value::Hex(it.bits());
    MapProt => |it| Value::Hex(u64::from(it.bits()));
    FdFlags => |it| Value::Hex(u64::from(it.bits()));
    ModeBits => |it| Value::Hex(u64::from(it.bits()));
}
