//! The process that connected, read from `/proc` while it waits for the handshake's answer.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Uid, geteuid};

use super::bundle::Bundle;
use super::command_line::{self, Command, Verb};
use super::{
    Identity, Labels, PeerProcess, Pid, Reason, Rootfs, RunscRoot, Runtime, Sandbox, Standing, StartTime,
    read_bounded, state_file,
};

/// The longest command line that is read, in bytes. Longer ones have no place in a runtime.
pub const MAX_CMDLINE: u64 = 64 << 10;

/// Clock ticks a second in `/proc` (USER_HZ), the same on all architectures that gVisor runs on.
const TICKS: u64 = 100;

/// Which programs are taken for runsc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Any that is called `runsc…`, lies where it says, and that only root or we could have changed.
    #[default]
    Installed,
    /// Those files and no others.
    Only(Vec<PathBuf>),
}

/// What the kernel says of a peer: SO_PEERCRED, SO_PEERPIDFD.
#[derive(Debug)]
pub struct Credentials<'a> {
    /// The process id in our namespace; 0 where it lies outside of that.
    pub pid: u32,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// The handle that still means the process when its id is another's.
    pub pidfd: Option<&'a OwnedFd>,
    /// How long ago it connected.
    pub waited: Duration,
}

/// Who the peer is. Reads a few files below `/proc` and the bundle's: call it before the handshake is answered, and not
/// where others would wait.
#[must_use]
pub fn identify(credentials: &Credentials<'_>, policy: &Policy) -> Identity {
    let mut peer = PeerProcess {
        pid: (credentials.pid != 0).then_some(Pid(credentials.pid)),
        uid: credentials.uid,
        gid: credentials.gid,
        started: None,
        executable: None,
    };
    let standing = look(credentials, policy, &mut peer).map_or_else(Standing::Unverified, Standing::Verified);
    Identity { peer, standing }
}

fn look(credentials: &Credentials<'_>, policy: &Policy, peer: &mut PeerProcess) -> Result<Sandbox, Reason> {
    let Some(pid) = peer.pid else { return Err(Reason::ForeignPidNamespace) };
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let read = |name: &str| read_bounded(&proc.join(name), MAX_CMDLINE).map_err(|error| unreadable(&error));
    let link = |name: &str| fs::read_link(proc.join(name)).map_err(|error| unreadable(&error));

    peer.started = start_time(&read("stat")?);
    let executable = link("exe")?;
    peer.executable = Some(executable.clone());
    let cmdline = read("cmdline")?;
    let (root, cwd) = (link("root")?, link("cwd")?);
    let trusted = is_trusted(&proc.join("exe"), &executable, policy);
    let environ = read("environ").unwrap_or_default();
    // INVARIANT: nothing that was read is believed before this: until here the number may have been another's.
    if !is_still(credentials, peer.started) {
        peer.started = None;
        peer.executable = None;
        return Err(Reason::Gone);
    }
    if !trusted {
        return Err(Reason::NotRunsc(executable));
    }
    if !Uid::from_raw(credentials.uid).is_root() && credentials.uid != geteuid().as_raw() {
        return Err(Reason::ForeignUser(credentials.uid));
    }
    if root != Path::new("/") {
        return Err(Reason::ForeignRoot);
    }
    let Command { root, verb, id, rootfs } = command_line::parse(&cmdline)?;
    let root = cwd.join(root.unwrap_or_else(|| default_root(&environ)));
    let Some(root) = RunscRoot::new(root) else { return Err(Reason::ForeignRoot) };
    let (bundle, labels) = match verb {
        Verb::Make { bundle } => {
            let bundle = bundle.map_or_else(|| cwd.clone(), |bundle| cwd.join(bundle));
            let labels = labels_of(&bundle);
            (Some(bundle), labels)
        }
        Verb::Trace => {
            let entry = state_file::read(&root, &id, &id).map_err(|_| Reason::NoState(id.clone()))?;
            (entry.bundle, entry.labels)
        }
    };
    // An annotation may override options, this one among them.
    let rootfs =
        if labels.iter().any(|(key, _)| key.contains("overlay")) { Rootfs::MayChange } else { rootfs };
    Ok(Sandbox { id, runtime: Some(Runtime { binary: executable, root }), bundle, labels, rootfs })
}

/// A bundle that cannot be read is runsc's business; who the sandbox is does not hang on it.
fn labels_of(bundle: &Path) -> Labels {
    match Bundle::read(bundle) {
        Ok(bundle) => bundle.labels,
        Err(error) => {
            tracing::debug!(bundle = %bundle.display(), %error, "a sandbox's bundle cannot be read: it has no labels");
            Labels::new()
        }
    }
}

fn unreadable(error: &io::Error) -> Reason {
    // A process that ends while its files are read gives the latter.
    if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32) {
        Reason::Gone
    } else {
        Reason::Unreadable(error.kind())
    }
}

/// Whether the process behind the number is still the one that connected.
fn is_still(credentials: &Credentials<'_>, started: Option<StartTime>) -> bool {
    match credentials.pidfd {
        Some(pidfd) => {
            let mut ended = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
            poll(&mut ended, PollTimeout::ZERO) == Ok(0)
        }
        // Before Linux 6.5 a number that was reused shows by the time: whoever connected began before that.
        None => started.zip(uptime()).is_some_and(|(started, now)| {
            let waited = u64::try_from(credentials.waited.as_millis() / 10).unwrap_or(u64::MAX);
            started.0 <= now.0.saturating_sub(waited)
        }),
    }
}

/// `/proc/PID/stat`: the start is field 22. The name in field 2 may hold anything, so counting begins behind it.
fn start_time(stat: &[u8]) -> Option<StartTime> {
    let behind = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(behind..)?).ok()?;
    rest.split_ascii_whitespace().nth(20)?.parse().ok().map(StartTime)
}

fn uptime() -> Option<StartTime> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, rest) = text.split_ascii_whitespace().next()?.split_once('.')?;
    let hundredths: u64 = rest.get(..2)?.parse().ok()?;
    Some(StartTime(seconds.parse::<u64>().ok()?.checked_mul(TICKS)?.checked_add(hundredths)?))
}

/// Whether the program is one that may say who a sandbox is. `link` leads to the file itself whatever is at `path` now.
fn is_trusted(link: &Path, path: &Path, policy: &Policy) -> bool {
    let (Ok(runs), Ok(there)) = (fs::metadata(link), fs::metadata(path)) else { return false };
    let is_same = |other: &fs::Metadata| (runs.dev(), runs.ino()) == (other.dev(), other.ino());
    match policy {
        Policy::Installed => {
            let name = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"runsc"));
            let owner = runs.uid() == 0 || runs.uid() == geteuid().as_raw();
            // Writable by its group or by everybody: whoever wrote it last may be anybody.
            name && owner && runs.mode() & 0o022 == 0 && is_same(&there)
        }
        Policy::Only(files) => files.iter().any(|file| fs::metadata(file).is_ok_and(|file| is_same(&file))),
    }
}

/// Where runsc keeps its state if it is not told: `$XDG_RUNTIME_DIR/runsc`, else `/var/run/runsc`.
fn default_root(environ: &[u8]) -> PathBuf {
    environ
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"XDG_RUNTIME_DIR="))
        .filter(|directory| !directory.is_empty())
        .map_or_else(
            || PathBuf::from("/var/run/runsc"),
            |directory| Path::new(std::ffi::OsStr::from_bytes(directory)).join("runsc"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Child, Command as Spawn, Stdio};

    /// A program under a name that is trusted: a copy of `sleep`, in a directory of ours.
    struct Fake {
        directory: tempfile::TempDir,
        children: Vec<Child>,
    }

    impl Fake {
        fn new() -> Fake {
            let directory = tempfile::tempdir().unwrap();
            fs::copy("/bin/sleep", directory.path().join("runsc")).unwrap();
            Fake { directory, children: Vec::new() }
        }

        fn runsc(&self) -> PathBuf {
            self.directory.path().join("runsc")
        }

        /// Starts it; as `sleep` is what runs, the command line is of durations.
        fn start(&mut self, arguments: &[&str]) -> u32 {
            let mut command = Spawn::new(self.runsc());
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().unwrap();
            let pid = child.id();
            self.children.push(child);
            pid
        }

        fn identify(&self, pid: u32, policy: &Policy) -> Identity {
            let uid = geteuid().as_raw();
            let credentials = Credentials { pid, uid, gid: 0, pidfd: None, waited: Duration::ZERO };
            identify(&credentials, policy)
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            for child in &mut self.children {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }

    fn reason(identity: Identity) -> Reason {
        match identity.standing {
            Standing::Unverified(reason) => reason,
            Standing::Verified(sandbox) | Standing::BySocketPath(sandbox) => panic!("{sandbox:?}"),
        }
    }

    #[test]
    fn a_program_that_is_not_runsc_speaks_for_nobody() {
        let mut fake = Fake::new();
        let pid = fake.start(&["1000"]);
        // The name is right, but it is no command that connects.
        let clear = reason(fake.identify(pid, &Policy::Installed));
        assert_eq!(clear, Reason::CommandLine(command_line::Unclear::Subcommand));
        let other = Policy::Only(vec![PathBuf::from("/bin/sh"), PathBuf::from("/nonexistent")]);
        assert_eq!(reason(fake.identify(pid, &other)), Reason::NotRunsc(fake.runsc()));
        let only = Policy::Only(vec![fake.runsc()]);
        assert!(matches!(reason(fake.identify(pid, &only)), Reason::CommandLine(_)));
        // Somebody else could have written it.
        fs::set_permissions(fake.runsc(), fs::Permissions::from_mode(0o775)).unwrap();
        assert_eq!(reason(fake.identify(pid, &Policy::Installed)), Reason::NotRunsc(fake.runsc()));
        // And so could whoever puts another file in its place.
        fs::set_permissions(fake.runsc(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(fake.runsc()).unwrap();
        fs::copy("/bin/sleep", fake.runsc()).unwrap();
        assert!(matches!(reason(fake.identify(pid, &Policy::Installed)), Reason::NotRunsc(_)));
    }

    #[test]
    fn a_process_that_is_gone_or_elsewhere_is_not_looked_at() {
        let fake = Fake::new();
        assert_eq!(reason(fake.identify(0, &Policy::Installed)), Reason::ForeignPidNamespace);
        // No process has this number: it is above the kernel's largest.
        let gone = fake.identify(u32::MAX / 2, &Policy::Installed);
        assert_eq!(reason(gone), Reason::Gone);
    }

    #[test]
    fn a_number_that_was_reused_shows_by_the_time() {
        let mut fake = Fake::new();
        let pid = fake.start(&["1000"]);
        // Whoever connected did so an hour ago, and this process is younger.
        let waited = Duration::from_secs(3600);
        let credentials = Credentials { pid, uid: geteuid().as_raw(), gid: 0, pidfd: None, waited };
        let identity = identify(&credentials, &Policy::Installed);
        assert_eq!((identity.peer.started, identity.peer.executable.clone()), (None, None));
        assert_eq!(reason(identity), Reason::Gone);
    }

    #[test]
    fn the_start_is_the_22nd_field_whatever_the_name() {
        let stat = b"7 (a) b) S 1 7 7 0 -1 4194304 5 6 7 8 9 10 11 12 20 0 1 0 4242 99 1";
        assert_eq!(start_time(stat), Some(StartTime(4242)));
        assert_eq!(start_time(b"7 (a"), None);
        assert_eq!(start_time(b"7 (a) S 1"), None);
    }

    #[test]
    fn the_root_follows_the_environment_as_in_runsc() {
        assert_eq!(default_root(b""), Path::new("/var/run/runsc"));
        assert_eq!(default_root(b"A=B\0XDG_RUNTIME_DIR=/run/user/0\0"), Path::new("/run/user/0/runsc"));
    }
}
