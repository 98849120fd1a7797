//! Numbers of the constants that strace prints by name: those that an event carries and somebody looks at.
//!
//! Sources: `include/uapi/asm-generic/{fcntl,mman-common}.h`, `include/uapi/linux/{sched,fcntl,prctl,memfd,
//! ptrace}.h`, `include/linux/socket.h`; values of amd64.

use crate::event::signal;

/// Open flags, in octal as the header has them; CLOEXEC and NONBLOCK under the names of sockets, pipes and event
/// descriptors are the same bits.
const OPEN: &[(&str, u64)] = &[
    ("O_RDONLY", 0),
    ("O_WRONLY", 0o1),
    ("O_RDWR", 0o2),
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_NOCTTY", 0o400),
    ("O_TRUNC", 0o1000),
    ("O_APPEND", 0o2000),
    ("O_NONBLOCK", 0o4000),
    ("O_DSYNC", 0o10000),
    ("O_DIRECT", 0o40000),
    ("O_LARGEFILE", 0o100_000),
    ("O_DIRECTORY", 0o200_000),
    ("O_NOFOLLOW", 0o400_000),
    ("O_NOATIME", 0o1_000_000),
    ("O_CLOEXEC", 0o2_000_000),
    ("O_SYNC", 0o4_010_000),
    ("O_PATH", 0o10_000_000),
    ("O_TMPFILE", 0o20_200_000),
    ("SOCK_STREAM", 1),
    ("SOCK_DGRAM", 2),
    ("SOCK_RAW", 3),
    ("SOCK_SEQPACKET", 5),
    ("SOCK_NONBLOCK", 0o4000),
    ("SOCK_CLOEXEC", 0o2_000_000),
    ("EFD_SEMAPHORE", 1),
    ("EFD_NONBLOCK", 0o4000),
    ("EFD_CLOEXEC", 0o2_000_000),
    ("SFD_NONBLOCK", 0o4000),
    ("SFD_CLOEXEC", 0o2_000_000),
    ("TFD_NONBLOCK", 0o4000),
    ("TFD_CLOEXEC", 0o2_000_000),
    ("IN_NONBLOCK", 0o4000),
    ("IN_CLOEXEC", 0o2_000_000),
    ("EPOLL_CLOEXEC", 0o2_000_000),
    ("CLOSE_RANGE_UNSHARE", 2),
    ("CLOSE_RANGE_CLOEXEC", 4),
    ("MFD_CLOEXEC", 1),
    ("MFD_ALLOW_SEALING", 2),
    ("MFD_HUGETLB", 4),
    ("MFD_NOEXEC_SEAL", 8),
    ("MFD_EXEC", 0x10),
];

/// What else an argument can be called.
const OTHER: &[(&str, u64)] = &[
    ("NULL", 0),
    ("CLONE_VM", 0x100),
    ("CLONE_FS", 0x200),
    ("CLONE_FILES", 0x400),
    ("CLONE_SIGHAND", 0x800),
    ("CLONE_PIDFD", 0x1000),
    ("CLONE_PTRACE", 0x2000),
    ("CLONE_VFORK", 0x4000),
    ("CLONE_PARENT", 0x8000),
    ("CLONE_THREAD", 0x1_0000),
    ("CLONE_NEWNS", 0x2_0000),
    ("CLONE_SYSVSEM", 0x4_0000),
    ("CLONE_SETTLS", 0x8_0000),
    ("CLONE_PARENT_SETTID", 0x10_0000),
    ("CLONE_CHILD_CLEARTID", 0x20_0000),
    ("CLONE_DETACHED", 0x40_0000),
    ("CLONE_UNTRACED", 0x80_0000),
    ("CLONE_CHILD_SETTID", 0x100_0000),
    ("CLONE_NEWCGROUP", 0x200_0000),
    ("CLONE_NEWUTS", 0x400_0000),
    ("CLONE_NEWIPC", 0x800_0000),
    ("CLONE_NEWUSER", 0x1000_0000),
    ("CLONE_NEWPID", 0x2000_0000),
    ("CLONE_NEWNET", 0x4000_0000),
    ("CLONE_IO", 0x8000_0000),
    ("AF_UNSPEC", 0),
    ("AF_UNIX", 1),
    ("AF_LOCAL", 1),
    ("AF_INET", 2),
    ("AF_INET6", 10),
    ("AF_NETLINK", 16),
    ("AF_PACKET", 17),
    ("AF_VSOCK", 40),
    ("IPPROTO_IP", 0),
    ("IPPROTO_ICMP", 1),
    ("IPPROTO_TCP", 6),
    ("IPPROTO_UDP", 17),
    ("IPPROTO_ICMPV6", 58),
    ("F_DUPFD", 0),
    ("F_GETFD", 1),
    ("F_SETFD", 2),
    ("F_GETFL", 3),
    ("F_SETFL", 4),
    ("F_DUPFD_CLOEXEC", 1030),
    ("F_ADD_SEALS", 1033),
    ("FD_CLOEXEC", 1),
    ("PROT_NONE", 0),
    ("PROT_READ", 1),
    ("PROT_WRITE", 2),
    ("PROT_EXEC", 4),
    ("PROT_GROWSDOWN", 0x100_0000),
    ("PROT_GROWSUP", 0x200_0000),
    ("MAP_SHARED", 1),
    ("MAP_PRIVATE", 2),
    ("MAP_SHARED_VALIDATE", 3),
    ("MAP_FIXED", 0x10),
    ("MAP_ANONYMOUS", 0x20),
    ("MAP_32BIT", 0x40),
    ("MAP_GROWSDOWN", 0x100),
    ("MAP_DENYWRITE", 0x800),
    ("MAP_LOCKED", 0x2000),
    ("MAP_NORESERVE", 0x4000),
    ("MAP_POPULATE", 0x8000),
    ("MAP_NONBLOCK", 0x1_0000),
    ("MAP_STACK", 0x2_0000),
    ("MAP_HUGETLB", 0x4_0000),
    ("MAP_FIXED_NOREPLACE", 0x10_0000),
    ("PR_SET_PDEATHSIG", 1),
    ("PR_GET_DUMPABLE", 3),
    ("PR_SET_DUMPABLE", 4),
    ("PR_SET_NAME", 15),
    ("PR_GET_NAME", 16),
    ("PR_SET_SECCOMP", 22),
    ("PR_CAPBSET_READ", 23),
    ("PR_SET_CHILD_SUBREAPER", 36),
    ("PR_SET_NO_NEW_PRIVS", 38),
    ("PTRACE_TRACEME", 0),
    ("PTRACE_PEEKTEXT", 1),
    ("PTRACE_PEEKDATA", 2),
    ("PTRACE_POKETEXT", 4),
    ("PTRACE_POKEDATA", 5),
    ("PTRACE_CONT", 7),
    ("PTRACE_ATTACH", 16),
    ("PTRACE_DETACH", 17),
    ("PTRACE_SEIZE", 0x4206),
    ("AT_FDCWD", u64::MAX - 99),
    ("AT_SYMLINK_NOFOLLOW", 0x100),
    ("AT_REMOVEDIR", 0x200),
    ("AT_SYMLINK_FOLLOW", 0x400),
    ("AT_EMPTY_PATH", 0x1000),
    ("RENAME_NOREPLACE", 1),
    ("RENAME_EXCHANGE", 2),
    ("MSG_PEEK", 2),
    ("MSG_DONTWAIT", 0x40),
    ("MSG_WAITALL", 0x100),
    ("MSG_NOSIGNAL", 0x4000),
    ("SHUT_RD", 0),
    ("SHUT_WR", 1),
    ("SHUT_RDWR", 2),
    ("SPLICE_F_MOVE", 1),
    ("SPLICE_F_MORE", 4),
    ("RLIMIT_CPU", 0),
    ("RLIMIT_STACK", 3),
    ("RLIMIT_CORE", 4),
    ("RLIMIT_NOFILE", 7),
    ("RLIMIT_MEMLOCK", 8),
    ("RLIM64_INFINITY", u64::MAX),
    ("RLIM_INFINITY", u64::MAX),
    ("CLOCK_REALTIME", 0),
    ("CLOCK_MONOTONIC", 1),
    ("CLOCK_BOOTTIME", 7),
    ("S_IFREG", 0o100_000),
    ("S_IFCHR", 0o20_000),
    ("S_IFIFO", 0o10_000),
    // Directions of `_IOC`.
    ("_IOC_NONE", 0),
    ("_IOC_WRITE", 1),
    ("_IOC_READ", 2),
];

/// A number in decimal, hexadecimal (`0x`) or octal (`0`), perhaps negative. The kernel's registers have 64 bits: one
/// that is printed as unsigned keeps its bits.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { value.cast_signed().wrapping_neg() } else { value.cast_signed() })
}

/// The value of a word: names and numbers joined by `|`, products and shifts of numbers, `htons(...)`. Parts that are not
/// known do not count; nothing if no part is.
pub(super) fn value(word: &[u8]) -> Option<u64> {
    // A comment may follow, or what became of the argument.
    let word = word.split(|byte| *byte == b' ').next()?;
    if let Some(inner) = word_of(word, b"htons(").or_else(|| word_of(word, b"htonl(")) {
        return value(inner);
    }
    word.split(|byte| *byte == b'|').filter_map(part_of).reduce(|whole, part| whole | part)
}

/// The value of an ioctl's request, such as `_IOC(_IOC_READ, 0x46, 0x2a, 0x20)`.
pub(super) fn request(word: &[u8]) -> Option<u64> {
    match word_of(word, b"_IOC(") {
        Some(inner) => ioctl(inner),
        None => value(word),
    }
}

fn word_of<'w>(word: &'w [u8], call: &[u8]) -> Option<&'w [u8]> {
    word.strip_prefix(call)?.strip_suffix(b")")
}

fn part_of(part: &[u8]) -> Option<u64> {
    if let Some(known) = named(part) {
        return Some(known);
    }
    if let Some(at) = part.iter().position(|byte| *byte == b'*') {
        let (left, right) = part.split_at_checked(at)?;
        return part_of(left)?.checked_mul(part_of(right.get(1..)?)?);
    }
    if let Some(at) = part.windows(2).position(|pair| pair == b"<<") {
        let (left, right) = part.split_at_checked(at)?;
        let by = u32::try_from(part_of(right.get(2..)?)?).ok()?;
        return part_of(left)?.checked_shl(by);
    }
    integer(part).map(i64::cast_unsigned)
}

fn named(name: &[u8]) -> Option<u64> {
    let find = |table: &[(&str, u64)]| {
        table.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, value)| *value)
    };
    find(OPEN).or_else(|| find(OTHER)).or_else(|| signal::by_name(name).map(u64::from))
}

/// `_IOC(direction, type, number, size)`: number and type in the two low bytes, size above, direction in the two
/// highest bits (`include/uapi/asm-generic/ioctl.h`).
fn ioctl(inner: &[u8]) -> Option<u64> {
    let mut parts = inner.split(|byte| *byte == b',').map(|part| value(part.trim_ascii()));
    let (direction, class, number, size) = (parts.next()??, parts.next()??, parts.next()??, parts.next()??);
    let whole = (direction & 3) << 30 | (size & 0x3fff) << 16 | (class & 0xff) << 8 | (number & 0xff);
    parts.next().is_none().then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_kernels_numbers() {
        for (word, expected) in [
            ("O_RDWR|O_CREAT|O_CLOEXEC", Some(0o2_000_102)),
            ("0666", Some(0o666)),
            ("8192*1024", Some(8_388_608)),
            ("1<<4", Some(16)),
            ("-1", Some(u64::MAX)),
            ("AT_FDCWD", Some((-100_i64).cast_unsigned())),
            ("CLONE_VM|CLONE_VFORK|SIGCHLD", Some(0x4111)),
            ("0x7ff8 /* 35 vars */", Some(0x7ff8)),
            ("htons(443)", Some(443)),
            ("SOMETHING_ELSE", None),
            ("O_RDWR|SOMETHING_ELSE", Some(2)),
            ("", None),
        ] {
            assert_eq!(value(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn an_ioctl_is_put_together_from_its_parts() {
        // NV_ESC_RM_CONTROL with its 32 bytes.
        assert_eq!(request(b"_IOC(_IOC_READ|_IOC_WRITE, 0x46, 0x2a, 0x20)"), Some(0xc020_462a));
        // UVM's are plain numbers.
        assert_eq!(request(b"_IOC(_IOC_NONE, 0, 0x25, 0)"), Some(0x25));
        assert_eq!(request(b"0x30000001"), Some(0x3000_0001));
        assert_eq!(request(b"_IOC(1, 2)"), None);
        assert_eq!(request(b"TCGETS"), None);
    }
}
