//! Signals by number and name, as `include/uapi/asm-generic/signal.h` has them for amd64.

/// The signals from 1 on. Real-time ones have no names of their own.
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The name of a signal; nothing for a number that has none.
#[must_use]
pub fn name(number: u32) -> Option<&'static str> {
    NAMES.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

/// The signal of that name.
#[must_use]
pub fn by_name(wanted: &[u8]) -> Option<u32> {
    let at = NAMES.iter().position(|name| name.as_bytes() == wanted)?;
    u32::try_from(at).ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_number() {
        for number in 1..=31 {
            assert_eq!(by_name(name(number).unwrap().as_bytes()), Some(number));
        }
        assert_eq!((name(9), name(17)), (Some("SIGKILL"), Some("SIGCHLD")));
        assert_eq!((name(0), name(32), by_name(b""), by_name(b"SIGRT_1")), (None, None, None, None));
    }
}
