//! Programs whose output is built from what they read, not a copy of it: compilers, assemblers, linkers.
//!
//! What `ld` writes from downloaded sources was made in the container; without this distinction every
//! `curl | tar && make && ./configure` would look like a dropped binary. Only programs that are no strangers
//! themselves count: a decoder that calls itself `ld` would launder its payload. `strip`, `objcopy` and `ar` are not
//! among them: what they are given is a program already, and a copy of what was built stays built.

use super::path::basename;
use super::program::{Program, is_foreign};

/// Names by which the toolchains run their last steps.
const BUILDERS: &[&str] = &[
    "as",
    "ld",
    "ld.bfd",
    "ld.gold",
    "ld.lld",
    "lld",
    "mold",
    "collect2",
    "cc1",
    "cc1plus",
    "cc1obj",
    "lto1",
    "f951",
    "go",
    "compile",
    "link",
    "asm",
    "cgo",
    "rustc",
    "clang",
    "tcc",
    "javac",
    "nvcc",
    "cicc",
    "ptxas",
    "fatbinary",
    "nvlink",
    "gnat1",
    "ghc",
    "ocamlopt",
    "zig",
    "swift-frontend",
    "nasm",
    "yasm",
];

/// What the build tools that run in a Java machine are started by: Maven, Gradle, sbt.
const JAVA_BUILDERS: &[&[u8]] = &[
    b"org.codehaus.plexus.classworlds.launcher.Launcher",
    b"org.gradle.wrapper.GradleWrapperMain",
    b"org.gradle.launcher.GradleMain",
    b"org.gradle.launcher.daemon.bootstrap.GradleDaemon",
    b"xsbt.boot.Boot",
];

impl Program {
    /// Whether it is a part of a toolchain.
    #[must_use]
    pub(crate) fn is_builder(&self) -> bool {
        if is_foreign(self.executable.origin) {
            return false;
        }
        let name = basename(&self.path);
        if name == b"java" {
            return self.argv.iter().any(|arg| JAVA_BUILDERS.contains(&arg));
        }
        // Debian's are called x86_64-linux-gnu-ld.bfd, with versions as in gcc-14 behind.
        let tool = std::str::from_utf8(name).unwrap_or("");
        let tool = tool.rsplit_once("-linux-gnu-").map_or(tool, |(_, tool)| tool);
        let unversioned = tool.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        BUILDERS.contains(&tool) || BUILDERS.contains(&unversioned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Origin, Provenance};

    fn program(path: &str, origin: Origin) -> Program {
        let executable = Provenance { origin, derivation: None };
        Program { path: path.as_bytes().into(), executable, ..Program::default() }
    }

    #[test]
    fn toolchains_build_and_strangers_of_their_name_do_not() {
        for (path, origin, builds) in [
            ("/usr/bin/x86_64-linux-gnu-ld.bfd", Origin::Unknown, true),
            ("/usr/libexec/gcc/x86_64-linux-gnu/14/cc1", Origin::Image, true),
            ("/usr/bin/x86_64-linux-gnu-as", Origin::Unknown, true),
            ("/usr/bin/clang-14", Origin::Image, true),
            ("/usr/bin/cp", Origin::Image, false),
            ("/usr/bin/strip", Origin::Image, false),
            ("/tmp/ld", Origin::Network, false),
            ("/tmp/as", Origin::Created, false),
        ] {
            assert_eq!(program(path, origin).is_builder(), builds, "{path}");
        }
    }
}
