//! Programs that hand on what a connection brings, as it comes: what stands between a remote and the shell that it
//! has in its hands.
//!
//! An agent with a connection of its own starts shells on pipes as well, a CI runner for each job. What it writes into
//! them are orders of its own making, so of a program of the image that does other work nothing else is believed.

use super::interpreter::Runs;
use super::path::basename;
use super::program::{Program, is_foreign};

/// Programs whose one work is to copy between a connection and something else.
const RELAYS: &[&[u8]] = &[
    b"nc",
    b"nc.openbsd",
    b"nc.traditional",
    b"ncat",
    b"netcat",
    b"cryptcat",
    b"socat",
    b"socat1",
    b"telnet",
    b"openssl",
    b"websocat",
];

impl Program {
    /// Whether what it writes is what it reads: a relay by trade, a stranger, or code that lies in no file.
    pub(crate) fn hands_on(&self) -> bool {
        if is_foreign(self.effective().origin) {
            return true;
        }
        // `busybox nc`
        let applet = self.argv.iter().nth(1).filter(|_| basename(&self.path) == b"busybox");
        let called = self.argv.first();
        if [Some(&*self.path), called, applet]
            .into_iter()
            .flatten()
            .any(|name| RELAYS.contains(&basename(name)))
        {
            return true;
        }
        match self.interprets() {
            Some(Runs::Other | Runs::Stdin) => true,
            Some(Runs::File(_) | Runs::Module(_)) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Text, Texts};
    use crate::state::program::{Argv, Origin, Provenance, Script};

    #[test]
    fn an_agent_of_the_image_is_no_relay_but_nc_strangers_and_inline_code_are() {
        use Origin::{Created, Image, Network, Unknown};
        for (path, argv, origin, script, relays) in [
            ("/usr/bin/nc.openbsd", "nc 198.51.100.1 4444", Image, None, true),
            ("/usr/bin/busybox", "busybox nc 198.51.100.1 4444", Image, None, true),
            ("/usr/bin/busybox", "nc 198.51.100.1 4444", Unknown, None, true),
            ("/usr/bin/openssl", "openssl s_client -quiet", Image, None, true),
            ("/usr/bin/python3", "python3 -c import_socket", Image, None, true),
            ("/usr/bin/python3", "python3 -", Image, None, true),
            ("/usr/bin/bash", "bash -c exec_5<>/dev/tcp/x/1", Image, None, true),
            ("/usr/bin/python3", "python3 /srv/agent.py", Image, Some(("/srv/agent.py", Unknown)), false),
            ("/usr/bin/python3", "python3 /tmp/agent.py", Image, Some(("/tmp/agent.py", Created)), true),
            ("/usr/bin/python3", "python3 -m agent", Image, Some(("agent", Image)), false),
            ("/usr/local/bin/runner", "runner", Image, None, false),
            ("/tmp/runner", "runner", Network, None, true),
        ] {
            let from = |origin| Provenance { origin, derivation: None };
            let texts: Vec<Text<'_>> = argv.split(' ').map(|arg| Text(arg.as_bytes())).collect();
            let program = Program {
                path: path.as_bytes().into(),
                argv: Argv::copy(&Texts::of(&texts)),
                executable: from(origin),
                script: script.map(|(path, origin): (&str, _)| Script {
                    path: path.as_bytes().into(),
                    provenance: from(origin),
                }),
                ..Program::default()
            };
            assert_eq!(program.hands_on(), relays, "{argv}");
        }
    }
}
