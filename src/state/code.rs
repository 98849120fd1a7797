//! Code that a process takes in beside its program: a library is a program, too, and so is a module.
//!
//! Only foreign code is kept, and none that a package manager installed: `pip install numpy` brings libraries from the
//! network as well. Bound: [`MAX_CODE`] for a process; the first ones stay.

use super::interpreter::Language;
use super::path::basename;
use super::process::Process;
use super::program::{Origin, Program, Provenance, is_foreign};

/// Foreign code that is remembered of a process. One piece from the network is enough to know what it is; a flood of
/// modules must not cost memory.
const MAX_CODE: usize = 4;

/// A file whose bytes a process runs beside its program.
#[derive(Clone, Debug)]
pub struct Code {
    /// Its path.
    pub path: Box<[u8]>,
    /// Where it came from.
    pub provenance: Provenance,
    /// How it was taken in.
    pub taken: Taken,
}

/// How a process takes in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It mapped the file executable. That is a proof.
    Mapped,
    /// It is an interpreter and opened a file of its language. It may have looked at it only.
    Interpreted,
}

impl Process {
    /// The foreign code that it runs beside its program: the gravest piece, from the network before all others.
    #[must_use]
    pub fn foreign_code(&self) -> Option<&Code> {
        let from = |origin| self.code.iter().find(move |code| code.provenance.origin == origin);
        from(Origin::Network).or_else(|| from(Origin::Memfd)).or_else(|| from(Origin::Created))
    }

    /// Notes code that it took in, if that is foreign.
    pub(crate) fn take_in(&mut self, path: &[u8], provenance: &Provenance, taken: Taken) {
        if !is_foreign(provenance.origin) || provenance.is_installed() || self.program.is_itself(path) {
            return;
        }
        if let Some(known) = self.code.iter_mut().find(|code| *code.path == *path) {
            known.provenance = provenance.clone();
            if taken == Taken::Mapped {
                known.taken = taken;
            }
            return;
        }
        let code = Code { path: path.into(), provenance: provenance.clone(), taken };
        if self.code.len() < MAX_CODE {
            self.code.push(code);
        } else if code.provenance.origin == Origin::Network
            && let Some(dull) = self.code.iter_mut().find(|known| known.provenance.origin != Origin::Network)
        {
            // What was made here does not keep out what came from outside.
            *dull = code;
        }
    }
}

/// Whether a file of that name is a library, whoever opens it.
pub(crate) fn is_code_name(name: &[u8]) -> bool {
    name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.")
}

impl Program {
    pub(crate) fn is_itself(&self, path: &[u8]) -> bool {
        *self.path == *path || *self.effective_path() == *path
    }

    /// Whether the program takes a file of that name as code when it opens it: the name has the suffix of its language.
    #[must_use]
    pub(crate) fn takes_as_code(&self, path: &[u8]) -> bool {
        let Some(language) = self.language() else { return false };
        let name = basename(path);
        let suffixes: &[&[u8]] = match language {
            Language::Shell => &[b".sh", b".bash"],
            Language::Python => &[b".py", b".pyc", b".so"],
            Language::Perl => &[b".pl", b".pm"],
            Language::Ruby => &[b".rb", b".lua", b".so"],
            Language::Node => &[b".js", b".mjs", b".cjs", b".ts", b".node", b".wasm"],
            Language::Php => &[b".php", b".phar"],
            Language::Loader => &[],
        };
        // Libraries have versions behind their suffix: libx.so.1.
        let is_library = suffixes.contains(&&b".so"[..]) && name.windows(4).any(|part| part == b".so.");
        is_library || suffixes.iter().any(|suffix| name.ends_with(suffix))
    }
}
