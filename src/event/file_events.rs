//! Events of files: open, close, transfers, mappings, inotify.

use super::record::record;
use super::{Call, Fd, Gid, Ino, MapProt, ModeBits, OpenFlags, Text, Timespec, Uid};

record! {
    /// open(2), openat(2) and creat(2). The new descriptor is the call's result.
    #[derive(Default)]
    pub struct Open<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The directory of a relative path.
        pub dirfd: Fd,
        /// Where that descriptor leads.
        pub fd_path: Text<'a>,
        /// The path as given.
        pub pathname: Text<'a>,
        /// How to open it.
        pub flags: OpenFlags,
        /// Permissions of a file that is created.
        pub mode: ModeBits,
    }
}

record! {
    /// close(2). The path is there on enter only.
    #[derive(Default)]
    pub struct Close<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor.
        pub fd: Fd,
        /// Where it led.
        pub fd_path: Text<'a>,
    }
}

record! {
    /// read(2), readv(2), pread64(2), preadv(2), preadv2(2). Bytes moved are the call's result.
    #[derive(Default)]
    pub struct Read<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// Bytes asked for.
        pub count: u64,
        /// Whether `offset` was given.
        pub has_offset: bool,
        /// Where in the file.
        pub offset: i64,
        /// `RWF_*` flags.
        pub flags: u32,
    }
}

record! {
    /// write(2), writev(2), pwrite64(2), pwritev(2), pwritev2(2). Bytes moved are the call's result.
    #[derive(Default)]
    pub struct Write<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// Bytes offered.
        pub count: u64,
        /// Whether `offset` was given.
        pub has_offset: bool,
        /// Where in the file.
        pub offset: i64,
        /// `RWF_*` flags.
        pub flags: u32,
    }
}

record! {
    /// mmap(2) (gVisor of 2026; a raw call elsewhere).
    #[derive(Default)]
    pub struct Mmap<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The descriptor, -1 for an anonymous mapping.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// The address asked for.
        pub addr: u64,
        /// Bytes.
        pub length: u64,
        /// What may be done with it.
        pub prot: MapProt,
        /// `MAP_*` flags.
        pub flags: u32,
        /// Where in the file.
        pub offset: i64,
    }
}

record! {
    /// `sentry/mmap`: something is about to be mapped executable by mmap(2) (gVisor of 2026).
    ///
    /// Everything is absent for an anonymous mapping.
    #[derive(Default)]
    pub struct SentryMmap<'a> {
        /// What is mapped.
        pub path: Text<'a>,
        /// Its inode.
        pub ino: Ino,
        /// Its `st_mode`.
        pub mode: u32,
        /// Its owner.
        pub uid: Uid,
        /// Its group.
        pub gid: Gid,
        /// Whether it is the loader's first mapping.
        pub is_initial: bool,
        /// When its inode last changed.
        pub ctime: Option<Timespec>,
        /// It lies in the overlay's upper layer.
        pub overlay_upper: bool,
        /// It lies in the overlay's lower layer.
        pub overlay_lower: bool,
    }
}

record! {
    /// inotify_init(2) and inotify_init1(2).
    #[derive(Copy, Default, Eq)]
    pub struct InotifyInit {
        /// Which call, and how it ended.
        pub call: Call,
        /// `IN_*` flags.
        pub flags: i32,
    }
}

record! {
    /// inotify_add_watch(2).
    #[derive(Default)]
    pub struct InotifyAddWatch<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The inotify descriptor.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// What is watched.
        pub pathname: Text<'a>,
        /// For which events.
        pub mask: u32,
    }
}

record! {
    /// inotify_rm_watch(2).
    #[derive(Default)]
    pub struct InotifyRmWatch<'a> {
        /// Which call, and how it ended.
        pub call: Call,
        /// The inotify descriptor.
        pub fd: Fd,
        /// Where it leads.
        pub fd_path: Text<'a>,
        /// The watch; the sentry reads it from the wrong register, so it is noise.
        pub wd: i32,
    }
}
