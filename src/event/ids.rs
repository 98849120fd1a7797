//! Ids and numbers of the kernel's interface, one type each so that none passes for another.

use super::record::{Value, field};

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident($inner:ty) => $shape:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        field! { $name => |it| Value::$shape(it.0.into()); }
    )*};
}

id! {
    /// A thread id in the sandbox's root PID namespace. Reused: never an identity by itself.
    Tid(i32) => Signed;
    /// A thread group id (what user space calls the process id) in the root PID namespace. Reused as well.
    Tgid(i32) => Signed;
    /// A process id as an argument of a call, in the caller's PID namespace.
    Pid(i32) => Signed;
    /// A user id inside the container.
    Uid(u32) => Unsigned;
    /// A group id inside the container.
    Gid(u32) => Unsigned;
    /// An inode number.
    Ino(u64) => Unsigned;
    /// A descriptor number; negative ones are the `*at` calls' AT_FDCWD or "none".
    Fd(i32) => Signed;
    /// A system call's number on amd64 (`arch/x86/entry/syscalls/syscall_64.tbl`).
    Sysno(u32) => Unsigned;
}

impl Fd {
    /// Standard input.
    pub const STDIN: Fd = Fd(0);
    /// Standard output.
    pub const STDOUT: Fd = Fd(1);
    /// Standard error.
    pub const STDERR: Fd = Fd(2);
    /// "The working directory" in the `*at` calls (`AT_FDCWD`, `include/uapi/linux/fcntl.h`).
    pub const CWD: Fd = Fd(-100);

    /// The descriptor in a register. The kernel takes an `int`, so only the low 32 bits count.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the kernel looks at the low 32 bits only")]
    pub fn from_register(register: i64) -> Fd {
        Fd(register as i32)
    }

    /// Whether the number can be that of an open descriptor.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.0 >= 0
    }
}
