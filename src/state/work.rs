//! What programs work on: training and inference read data and write results, a miner computes of nothing but a few
//! hundred bytes that its pool sends.
//!
//! It is counted of strangers only, those that are no part of the image or took in code that is not: nobody else is
//! asked. Where the transfers of files are not in the session, opens alone have to tell, and the names of files what they
//! are for.

use super::code::is_code_name;
use super::path::basename;
use super::process::Process;
use super::program::{Program, is_foreign};

/// Bytes that are not yet data: a miner has its settings and a log as well. The smallest of models is larger.
const LITTLE: u64 = 256 << 10;

/// How the names of settings and logs end.
const SETTINGS: &[&[u8]] =
    &[b".json", b".conf", b".cfg", b".ini", b".toml", b".yaml", b".yml", b".log", b".pid", b".lock"];

/// Where the system has its programs, libraries and settings.
const SYSTEM: &[&[u8]] =
    &[b"/etc/", b"/usr/", b"/lib/", b"/lib64/", b"/bin/", b"/sbin/", b"/proc/", b"/sys/"];

/// What passed between a process and its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    files: u32,
    bytes: u64,
}

impl Work {
    /// A file was opened that is neither the system's nor code.
    pub(crate) fn opened(&mut self, path: &[u8]) {
        if !SETTINGS.iter().any(|end| path.ends_with(end)) {
            self.files = self.files.saturating_add(1);
        }
    }

    /// Bytes went into one or came out of it.
    pub(crate) fn moved(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether that is more than settings and a log.
    pub(crate) fn has_data(self) -> bool {
        self.files > 0 || self.bytes >= LITTLE
    }
}

impl Process {
    /// Whether it is asked what it works on.
    pub(crate) fn is_stranger(&self) -> bool {
        is_foreign(self.program.effective().origin) || !self.code.is_empty()
    }
}

impl Program {
    /// Whether a file of that path is data to the program: neither the system's, nor a device, nor code.
    pub(crate) fn takes_as_data(&self, path: &[u8]) -> bool {
        let is_device = path.starts_with(b"/dev/") && !path.starts_with(b"/dev/shm/");
        // What the driver compiles is kept there, for a miner as well, and what Python compiles.
        let below = |directory: &[u8]| path.windows(directory.len()).any(|part| part == directory);
        let is_cache = below(b"/.nv/ComputeCache/") || below(b"/__pycache__/");
        !(is_device
            || is_cache
            || SYSTEM.iter().any(|root| path.starts_with(root))
            || self.is_itself(path)
            || self.takes_as_code(path)
            || is_code_name(basename(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Text, Texts};
    use crate::state::program::Argv;

    #[test]
    fn settings_and_a_log_are_no_data_but_a_model_is() {
        let mut work = Work::default();
        work.opened(b"/opt/g/config.json");
        work.opened(b"/opt/g/miner.log");
        work.moved((256 << 10) - 1);
        assert!(!work.has_data());
        let mut named = work;
        named.opened(b"/models/w.safetensors");
        assert!(named.has_data());
        work.moved(1);
        assert!(work.has_data());
    }

    #[test]
    fn code_devices_and_what_the_system_has_are_no_data() {
        let argv = [Text(b"python3"), Text(b"/srv/run.py")];
        let program = Program {
            path: b"/usr/bin/python3".as_slice().into(),
            argv: Argv::copy(&Texts::of(&argv)),
            ..Program::default()
        };
        for path in [
            "/etc/ssl/certs/ca-certificates.crt",
            "/usr/lib/python3/encodings/utf_8.py",
            "/usr/share/x",
            "/proc/meminfo",
            "/sys/devices/system/cpu/online",
            "/dev/nvidia0",
            "/srv/lib/mod.pyc",
            "/srv/lib/fast.so",
            "/srv/lib/libx.so.1",
            "/root/.nv/ComputeCache/index",
            "/srv/__pycache__/mod.cpython-313.pyc.139237630710224",
            "/usr/bin/python3",
        ] {
            assert!(!program.takes_as_data(path.as_bytes()), "{path}");
        }
        for path in ["/data/train.npz", "/dev/shm/queue", "/root/model.safetensors", "/tmp/out.log"] {
            assert!(program.takes_as_data(path.as_bytes()), "{path}");
        }
    }
}
