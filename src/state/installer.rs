//! Package managers: what they write came from the network as well, and is what a user asked for.
//!
//! Only those that are of the image count, or that one of them installed: a stranger named pip is no package manager,
//! and neither is the one that a script downloads to do its own installing.

use super::path::basename;
use super::process::Process;
use super::program::{Making, Program, Provenance, is_foreign};

/// Programs, scripts and modules whose business is to install packages. `ensurepip`, `venv` and `virtualenv` put pip
/// itself in place.
const INSTALLERS: &[&[u8]] = &[
    b"pip",
    b"pip3",
    b"ensurepip",
    b"venv",
    b"virtualenv",
    b"uv",
    b"pipx",
    b"poetry",
    b"pdm",
    b"conda",
    b"mamba",
    b"micromamba",
    b"npm",
    b"npm-cli.js",
    b"npx-cli.js",
    b"yarn",
    b"yarn.js",
    b"pnpm",
    b"pnpm.cjs",
    b"cargo",
    b"gem",
    b"bundle",
    b"bundler",
    b"composer",
    b"apt",
    b"apt-get",
    b"dpkg",
    b"dpkg-deb",
    b"apk",
    b"dnf",
    b"dnf5",
    b"microdnf",
    b"yum",
    b"rpm",
    b"zypper",
    b"pacman",
];

fn is_installers_name(path: &[u8]) -> bool {
    let name = basename(path);
    INSTALLERS.contains(&name)
        // Distributions have pip3.13 and dnf-3.
        || name
            .iter()
            .rposition(|byte| !byte.is_ascii_digit() && *byte != b'.' && *byte != b'-')
            .and_then(|last| name.get(..=last))
            .is_some_and(|unversioned| INSTALLERS.contains(&unversioned))
}

fn is_trusted(provenance: &Provenance) -> bool {
    !is_foreign(provenance.origin) || provenance.is_installed()
}

impl Program {
    /// Whether it is a package manager at work, and no stranger.
    #[must_use]
    pub(crate) fn is_installer(&self) -> bool {
        let trusted = is_trusted(&self.executable)
            && self.script.as_ref().is_none_or(|script| is_trusted(&script.provenance));
        if !trusted {
            return false;
        }
        // `go build` makes what it is told to; only `go install` installs.
        let installs_go = basename(&self.path) == b"go"
            && self.argv.iter().nth(1).is_some_and(|verb| verb == b"install" || verb == b"get");
        installs_go || is_installers_name(self.effective_path())
    }
}

impl Process {
    /// What it does to bytes that it writes.
    pub(crate) fn making(&self) -> Making {
        let parent = self.ancestors.first().map(|parent| &parent.actor.program);
        // ensurepip runs the pip that it has in its pockets as `python -c`.
        let is_ensurepips = || {
            let by_ensurepip = parent.is_some_and(|parent| {
                parent.is_installer()
                    && parent.script.as_ref().is_some_and(|script| *script.path == *b"ensurepip")
            });
            by_ensurepip && is_trusted(&self.program.executable) && self.program.script.is_none()
        };
        if self.program.is_installer() || is_ensurepips() {
            Making::Installed
        } else if self.program.is_builder() {
            Making::Built
        } else {
            Making::Written
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Text, Texts};
    use crate::state::Origin;
    use crate::state::program::{Argv, Script};

    fn program(path: &str, argv: &str, origin: Origin, script: Option<(&str, Origin)>) -> Program {
        let from = |origin| Provenance { origin, derivation: None };
        let texts: Vec<Text<'_>> = argv.split(' ').map(|arg| Text(arg.as_bytes())).collect();
        Program {
            path: path.as_bytes().into(),
            argv: Argv::copy(&Texts::of(&texts)),
            executable: from(origin),
            script: script
                .map(|(path, origin)| Script { path: path.as_bytes().into(), provenance: from(origin) }),
            ..Program::default()
        }
    }

    #[test]
    fn a_package_manager_is_one_of_the_image_and_a_stranger_of_its_name_is_none() {
        use Origin::{Created, Image, Network, Unknown};
        for (path, argv, origin, script, installs) in [
            ("/usr/bin/apt-get", "apt-get install x", Image, None, true),
            ("/usr/bin/dpkg", "dpkg -i x.deb", Unknown, None, true),
            ("/usr/bin/python3.13", "python3 /usr/bin/pip", Image, Some(("/usr/bin/pip", Image)), true),
            ("/usr/bin/python3.13", "pip3.13", Unknown, Some(("/usr/local/bin/pip3.13", Unknown)), true),
            ("/usr/bin/python3.13", "python3 -m pip", Image, Some(("pip", Image)), true),
            ("/usr/bin/python3.13", "python3 /tmp/pip", Image, Some(("/tmp/pip", Network)), false),
            ("/usr/bin/python3.13", "python3 /tmp/pip", Image, Some(("/tmp/pip", Created)), false),
            ("/tmp/uv", "uv pip install x", Network, None, false),
            ("/usr/local/go/bin/go", "go install x@latest", Image, None, true),
            ("/usr/local/go/bin/go", "go build .", Image, None, false),
            ("/usr/bin/curl", "curl -o pip x", Image, None, false),
        ] {
            assert_eq!(program(path, argv, origin, script).is_installer(), installs, "{argv}");
        }
    }
}
