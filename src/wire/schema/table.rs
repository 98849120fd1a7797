//! The table: every message type and trace point, with what may be asked for at each.
//!
//! Sources: gVisor's schema at three releases (message types), `runsc trace metadata` (points, optional and context
//! fields). Raw points are not listed, there is one pair for each number up to [`Sysno::MAX_RAW`].

use super::Release::{R2022, R2026};
use super::{CallPoints, MessageSpec, OwnPoint, Release, SessionField, Source};
use crate::event::Sysno;
use crate::wire::MessageType;

/// The message of raw calls.
pub(super) const RAW: MessageType = MessageType(6);

const fn field(name: &'static str, since: Release) -> SessionField {
    SessionField { name, since, until: R2026 }
}

/// Context fields that every point of every release has, [`CWD`] and what came in 2026 aside.
const TIME: SessionField = field("time", R2022);
const THREAD_ID: SessionField = field("thread_id", R2022);
const TASK_START_TIME: SessionField = field("task_start_time", R2022);
const GROUP_ID: SessionField = field("group_id", R2022);
const GROUP_START_TIME: SessionField = field("thread_group_start_time", R2022);
const CONTAINER_ID: SessionField = field("container_id", R2022);
const CREDENTIALS: SessionField = field("credentials", R2022);
const CWD: SessionField = field("cwd", R2022);
const PROCESS_NAME: SessionField = field("process_name", R2022);
const PARENT_GROUP_ID: SessionField = field("parent_thread_group_id", R2026);
const IS_EXEC_SESSION: SessionField = field("is_exec_session", R2026);

/// The context fields of every point but `sentry/exit_notify_parent`.
pub(super) const CONTEXT: &[SessionField] = &[
    TIME,
    THREAD_ID,
    TASK_START_TIME,
    GROUP_ID,
    GROUP_START_TIME,
    CONTAINER_ID,
    CREDENTIALS,
    CWD,
    PROCESS_NAME,
    PARENT_GROUP_ID,
    IS_EXEC_SESSION,
];

/// `sentry/exit_notify_parent` lost its working directory after 2022 and never had the session's mark.
const CONTEXT_OF_EXIT: &[SessionField] = &[
    TIME,
    THREAD_ID,
    TASK_START_TIME,
    GROUP_ID,
    GROUP_START_TIME,
    CONTAINER_ID,
    CREDENTIALS,
    SessionField { until: R2022, ..CWD },
    PROCESS_NAME,
    PARENT_GROUP_ID,
];

const NONE: &[SessionField] = &[];
const FD_PATH: &[SessionField] = &[field("fd_path", R2022)];
const ENVV: &[SessionField] = &[field("envv", R2022)];
const FD_PATH_ENVV: &[SessionField] = &[field("fd_path", R2022), field("envv", R2022)];
const ENV: &[SessionField] = &[field("env", R2022)];

/// `sentry/execve` always carries the environment; there is no field to ask for it.
const OF_EXECVE: &[SessionField] = &[
    field("binary_info", R2022),
    field("binary_sha256", R2026),
    field("binary_sha1", R2026),
    field("fd_info", R2026),
    field("pipe_proc_info", R2026),
];

const fn own(
    number: u16,
    name: &'static str,
    since: Release,
    point: &'static str,
    optional: &'static [SessionField],
) -> MessageSpec {
    let point = OwnPoint { name: point, optional, context: CONTEXT };
    MessageSpec { number: MessageType(number), name, since, source: Source::Own(point) }
}

const fn calls(
    number: u16,
    name: &'static str,
    since: Release,
    calls: &'static [CallPoints],
) -> MessageSpec {
    MessageSpec { number: MessageType(number), name, since, source: Source::Calls(calls) }
}

const fn call(sysno: u32, name: &'static str, optional: &'static [SessionField]) -> CallPoints {
    CallPoints { sysno: Sysno(sysno), name, optional }
}

/// All message types; the one with number n stands at n - 1.
#[rustfmt::skip]
pub(super) const MESSAGES: &[MessageSpec] = &[
    own(1, "MESSAGE_CONTAINER_START", R2022, "container/start", ENV),
    own(2, "MESSAGE_SENTRY_CLONE", R2022, "sentry/clone", NONE),
    own(3, "MESSAGE_SENTRY_EXEC", R2022, "sentry/execve", OF_EXECVE),
    MessageSpec {
        number: MessageType(4),
        name: "MESSAGE_SENTRY_EXIT_NOTIFY_PARENT",
        since: R2022,
        source: Source::Own(OwnPoint {
            name: "sentry/exit_notify_parent",
            optional: NONE,
            context: CONTEXT_OF_EXIT,
        }),
    },
    own(5, "MESSAGE_SENTRY_TASK_EXIT", R2022, "sentry/task_exit", NONE),
    MessageSpec { number: RAW, name: "MESSAGE_SYSCALL_RAW", since: R2022, source: Source::Raw },
    calls(7, "MESSAGE_SYSCALL_OPEN", R2022, &[
        call(2, "open", NONE),
        call(257, "openat", FD_PATH),
        call(85, "creat", FD_PATH),
    ]),
    calls(8, "MESSAGE_SYSCALL_CLOSE", R2022, &[
        call(3, "close", FD_PATH),
    ]),
    calls(9, "MESSAGE_SYSCALL_READ", R2022, &[
        call(0, "read", FD_PATH),
        call(17, "pread64", FD_PATH),
        call(19, "readv", FD_PATH),
        call(295, "preadv", FD_PATH),
        call(327, "preadv2", FD_PATH),
    ]),
    calls(10, "MESSAGE_SYSCALL_CONNECT", R2022, &[
        call(42, "connect", FD_PATH),
    ]),
    calls(11, "MESSAGE_SYSCALL_EXECVE", R2022, &[
        call(59, "execve", ENVV),
        call(322, "execveat", FD_PATH_ENVV),
    ]),
    calls(12, "MESSAGE_SYSCALL_SOCKET", R2022, &[
        call(41, "socket", NONE),
    ]),
    calls(13, "MESSAGE_SYSCALL_CHDIR", R2022, &[
        call(80, "chdir", NONE),
        call(81, "fchdir", FD_PATH),
    ]),
    calls(14, "MESSAGE_SYSCALL_SETID", R2022, &[
        call(105, "setuid", NONE),
        call(106, "setgid", NONE),
        call(112, "setsid", NONE),
    ]),
    calls(15, "MESSAGE_SYSCALL_SETRESID", R2022, &[
        call(117, "setresuid", NONE),
        call(119, "setresgid", NONE),
    ]),
    calls(16, "MESSAGE_SYSCALL_PRLIMIT64", R2022, &[
        call(302, "prlimit64", NONE),
    ]),
    calls(17, "MESSAGE_SYSCALL_PIPE", R2022, &[
        call(22, "pipe", NONE),
        call(293, "pipe2", NONE),
    ]),
    calls(18, "MESSAGE_SYSCALL_FCNTL", R2022, &[
        call(72, "fcntl", FD_PATH),
    ]),
    calls(19, "MESSAGE_SYSCALL_DUP", R2022, &[
        call(32, "dup", FD_PATH),
        call(33, "dup2", FD_PATH),
        call(292, "dup3", FD_PATH),
    ]),
    calls(20, "MESSAGE_SYSCALL_SIGNALFD", R2022, &[
        call(282, "signalfd", FD_PATH),
        call(289, "signalfd4", FD_PATH),
    ]),
    calls(21, "MESSAGE_SYSCALL_CHROOT", R2022, &[
        call(161, "chroot", NONE),
    ]),
    calls(22, "MESSAGE_SYSCALL_EVENTFD", R2022, &[
        call(284, "eventfd", NONE),
        call(290, "eventfd2", NONE),
    ]),
    calls(23, "MESSAGE_SYSCALL_CLONE", R2022, &[
        call(56, "clone", NONE),
    ]),
    calls(24, "MESSAGE_SYSCALL_BIND", R2022, &[
        call(49, "bind", FD_PATH),
    ]),
    calls(25, "MESSAGE_SYSCALL_ACCEPT", R2022, &[
        call(43, "accept", FD_PATH),
        call(288, "accept4", FD_PATH),
    ]),
    calls(26, "MESSAGE_SYSCALL_TIMERFD_CREATE", R2022, &[
        call(283, "timerfd_create", NONE),
    ]),
    calls(27, "MESSAGE_SYSCALL_TIMERFD_SETTIME", R2022, &[
        call(286, "timerfd_settime", FD_PATH),
    ]),
    calls(28, "MESSAGE_SYSCALL_TIMERFD_GETTIME", R2022, &[
        call(287, "timerfd_gettime", FD_PATH),
    ]),
    calls(29, "MESSAGE_SYSCALL_FORK", R2022, &[
        call(57, "fork", NONE),
        call(58, "vfork", NONE),
    ]),
    calls(30, "MESSAGE_SYSCALL_INOTIFY_INIT", R2022, &[
        call(253, "inotify_init", NONE),
        call(294, "inotify_init1", NONE),
    ]),
    calls(31, "MESSAGE_SYSCALL_INOTIFY_ADD_WATCH", R2022, &[
        call(254, "inotify_add_watch", FD_PATH),
    ]),
    calls(32, "MESSAGE_SYSCALL_INOTIFY_RM_WATCH", R2022, &[
        call(255, "inotify_rm_watch", FD_PATH),
    ]),
    calls(33, "MESSAGE_SYSCALL_SOCKETPAIR", R2022, &[
        call(53, "socketpair", NONE),
    ]),
    calls(34, "MESSAGE_SYSCALL_WRITE", R2022, &[
        call(1, "write", FD_PATH),
        call(18, "pwrite64", FD_PATH),
        call(20, "writev", FD_PATH),
        call(296, "pwritev", FD_PATH),
        call(328, "pwritev2", FD_PATH),
    ]),
    own(35, "MESSAGE_SENTRY_MMAP", R2026, "sentry/mmap", NONE),
    calls(36, "MESSAGE_SYSCALL_MMAP", R2026, &[
        call(9, "mmap", FD_PATH),
    ]),
    calls(37, "MESSAGE_SYSCALL_LISTEN", R2026, &[
        call(50, "listen", FD_PATH),
    ]),
    calls(38, "MESSAGE_SYSCALL_PTRACE", R2026, &[
        call(101, "ptrace", NONE),
    ]),
];
