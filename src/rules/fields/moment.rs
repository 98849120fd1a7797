//! The event itself: its number, time, kind, and what it moved.

use std::borrow::Cow;

use crate::event::{EventType, Kind, ModeBits, OpenFlags, Sysno, Time};
use crate::state::path;

use super::{Scene, Value};

/// Date and time in UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    seconds: i64,
    nanos: i64,
}

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// The calendar of a time. Days are counted in eras of 400 years that begin in March, so that leap days come last.
fn civil(time: Time) -> Civil {
    let (seconds, nanos) = (time.0.div_euclid(NANOS), time.0.rem_euclid(NANOS));
    let (days, seconds) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    // A time has 64 bits of nanoseconds, 292 years: nothing in here comes near its bounds.
    let year =
        day.saturating_sub(day / 1460).saturating_add(day / 36_524).saturating_sub(day / 146_096) / 365;
    let begins = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
    let of_year = day.saturating_sub(begins);
    let month = of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = of_year.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year).saturating_add(i64::from(month <= 2));
    Civil { year, month, day, seconds, nanos }
}

/// Which parts of a time are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// `12:34:56`, with a fraction or without.
    Clock { fraction: bool },
    /// `2026-07-01 12:34:56`
    Date { fraction: bool },
    /// `2026-07-01T12:34:56.000000000Z`
    Iso,
}

fn shown(time: Time, how: Shown) -> String {
    let Civil { year, month, day, seconds, nanos } = civil(time);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match how {
        Shown::Clock { fraction: false } => clock,
        Shown::Clock { fraction: true } => format!("{clock}.{nanos:09}"),
        Shown::Date { fraction: false } => format!("{year:04}-{month:02}-{day:02} {clock}"),
        Shown::Date { fraction: true } => format!("{year:04}-{month:02}-{day:02} {clock}.{nanos:09}"),
        Shown::Iso => format!("{year:04}-{month:02}-{day:02}T{clock}.{nanos:09}Z"),
    }
}

/// Which way a call moves bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moves {
    In,
    Out,
}

impl<'a> Scene<'a> {
    pub(super) fn time_as(&self, how: Shown) -> Option<Value<'a>> {
        Some(Value::Text(Cow::Owned(shown(self.observation.time, how).into_bytes())))
    }

    pub(super) fn since_first(&self) -> Option<i64> {
        let container = self.state.container_at(self.observation.container)?;
        Some(self.observation.time.since(container.since).0)
    }

    /// Which way the event moves bytes, whether any moved or not.
    pub(super) fn moves(&self) -> Option<Moves> {
        let EventType::Syscall(sysno) = self.event.kind.event_type() else { return None };
        match sysno {
            Sysno::READ
            | Sysno::READV
            | Sysno::PREAD64
            | Sysno::PREADV
            | Sysno::PREADV2
            | Sysno::RECVFROM
            | Sysno::RECVMSG
            | Sysno::RECVMMSG => Some(Moves::In),
            Sysno::WRITE
            | Sysno::WRITEV
            | Sysno::PWRITE64
            | Sysno::PWRITEV
            | Sysno::PWRITEV2
            | Sysno::SENDTO
            | Sysno::SENDMSG
            | Sysno::SENDMMSG
            | Sysno::SENDFILE => Some(Moves::Out),
            _ => None,
        }
    }

    pub(super) fn moved(&self) -> Option<Value<'a>> {
        self.moves()?;
        self.event.kind.call()?.success().filter(|bytes| *bytes >= 0).map(Value::Int)
    }

    /// Whether it is a call that waits for others.
    pub(super) fn waits(&self) -> bool {
        // poll, select, pause, nanosleep, wait4, clock_nanosleep, waitid, pselect6, ppoll, epoll_pwait, epoll_pwait2
        const WAITS: &[u32] = &[7, 23, 34, 35, 61, 230, 247, 270, 271, 281, 441];
        match self.event.kind.event_type() {
            EventType::Syscall(sysno) => sysno == Sysno::EPOLL_WAIT || WAITS.contains(&sysno.0),
            EventType::Container | EventType::ProcExit | EventType::ThreadExit | EventType::MapExec => false,
        }
    }

    /// Falco's category of the event.
    pub(super) fn category(&self) -> &'static str {
        match self.moves() {
            Some(Moves::In) => return "IO-read",
            Some(Moves::Out) => return "IO-write",
            None => {}
        }
        let EventType::Syscall(sysno) = self.event.kind.event_type() else { return "process" };
        match sysno {
            Sysno::OPEN
            | Sysno::OPENAT
            | Sysno::OPENAT2
            | Sysno::CREAT
            | Sysno::CHDIR
            | Sysno::FCHDIR
            | Sysno::CHMOD
            | Sysno::FCHMOD
            | Sysno::FCHMODAT
            | Sysno::FCHMODAT2
            | Sysno::CHOWN
            | Sysno::MKDIR
            | Sysno::MKDIRAT
            | Sysno::RMDIR
            | Sysno::UNLINK
            | Sysno::UNLINKAT
            | Sysno::RENAME
            | Sysno::RENAMEAT
            | Sysno::RENAMEAT2
            | Sysno::LINK
            | Sysno::LINKAT
            | Sysno::SYMLINK
            | Sysno::SYMLINKAT
            | Sysno::MOUNT
            | Sysno::UMOUNT2
            | Sysno::TRUNCATE
            | Sysno::FTRUNCATE
            | Sysno::FALLOCATE
            | Sysno::USERFAULTFD => "file",
            Sysno::SOCKET
            | Sysno::CONNECT
            | Sysno::ACCEPT
            | Sysno::ACCEPT4
            | Sysno::BIND
            | Sysno::LISTEN
            | Sysno::SHUTDOWN
            | Sysno::SETSOCKOPT => "net",
            Sysno::PIPE
            | Sysno::PIPE2
            | Sysno::SOCKETPAIR
            | Sysno::EVENTFD
            | Sysno::EVENTFD2
            | Sysno::INOTIFY_INIT
            | Sysno::INOTIFY_INIT1
            | Sysno::INOTIFY_ADD_WATCH
            | Sysno::INOTIFY_RM_WATCH => "IPC",
            Sysno::EXECVE
            | Sysno::EXECVEAT
            | Sysno::CLONE
            | Sysno::CLONE3
            | Sysno::FORK
            | Sysno::VFORK
            | Sysno::PTRACE
            | Sysno::PRLIMIT64
            | Sysno::PRCTL
            | Sysno::CHROOT
            | Sysno::SETSID
            | Sysno::SETPGID
            | Sysno::SETNS
            | Sysno::UNSHARE => "process",
            Sysno::SETUID | Sysno::SETGID | Sysno::SETRESUID | Sysno::SETRESGID => "user",
            Sysno::MMAP | Sysno::MPROTECT | Sysno::MEMFD_CREATE | Sysno::MLOCK2 => "memory",
            Sysno::KILL | Sysno::SIGNALFD | Sysno::SIGNALFD4 => "signal",
            Sysno::TIMERFD_CREATE | Sysno::TIMERFD_SETTIME | Sysno::TIMERFD_GETTIME => "time",
            Sysno::CLOSE
            | Sysno::DUP
            | Sysno::DUP2
            | Sysno::DUP3
            | Sysno::FCNTL
            | Sysno::IOCTL
            | Sysno::SPLICE => "IO-other",
            _ => "other",
        }
    }

    /// Whether an open may create a file that someone can execute.
    pub(super) fn is_open_exec(&self) -> bool {
        let Kind::Open(open) = &self.event.kind else { return false };
        let creates =
            open.call.sysno == Sysno::CREAT || open.flags.intersects(OpenFlags::CREAT | OpenFlags::TMPFILE);
        creates && open.mode.intersects(ModeBits::EXEC)
    }

    /// The path that an open asked for, joined with its directory, whether it is there or not.
    pub(super) fn asked_path(&self) -> Option<Cow<'a, [u8]>> {
        let Kind::Open(open) = &self.event.kind else { return None };
        let given = open.pathname.present()?;
        if path::is_canonical(given) {
            return Some(Cow::Borrowed(given));
        }
        let context = self.event.context.as_ref();
        let own =
            context.and_then(|context| context.cwd.present()).or_else(|| self.process()?.cwd.as_deref());
        let base = open.fd_path.present().filter(|base| path::is_file_path(base)).or(own);
        path::canonical(base, given).map(|path| Cow::Owned(path.into_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_by_the_calendar() {
        for (nanos, iso) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400 * NANOS, "2000-02-29T00:00:00.000000000Z"),
            (1_782_909_296 * NANOS + 5, "2026-07-01T12:34:56.000000005Z"),
            (4_107_542_399 * NANOS, "2100-02-28T23:59:59.000000000Z"),
            (-NANOS, "1969-12-31T23:59:59.000000000Z"),
        ] {
            assert_eq!(shown(Time(nanos), Shown::Iso), iso);
        }
        assert!(
            !shown(Time(i64::MAX), Shown::Iso).is_empty() && !shown(Time(i64::MIN), Shown::Iso).is_empty()
        );
    }
}
