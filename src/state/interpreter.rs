//! The script behind an interpreter: in `sh FILE` the program is the file and the shell its carrier.
//!
//! gVisor reports a script that was run by its shebang under its own path, so this is about scripts that were
//! handed to an interpreter as an argument, or as its standard input.

use super::path::basename;
use super::program::{Argv, Program, is_foreign};

/// What an interpreter was told to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs<'a> {
    /// A file.
    File(&'a [u8]),
    /// A module by its name, as `python -m` takes it.
    Module(&'a [u8]),
    /// Its standard input.
    Stdin,
    /// Text from the command line, or nothing that can be told.
    Other,
}

/// The language that an interpreter speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Shell,
    Python,
    Perl,
    /// Ruby and Lua.
    Ruby,
    Node,
    Php,
    /// ELF: the dynamic loader, called by hand.
    Loader,
}

struct Interpreter {
    language: Language,
    /// The names that it goes by; a version such as `3.13` may follow.
    names: &'static [&'static str],
    /// Options of one letter that take the next argument as their value.
    with_value: &'static [u8],
    /// Options of one letter after which no file follows but text.
    inline: &'static [u8],
    /// The option of one letter after which a module follows.
    module: Option<u8>,
}

/// bash(1), dash(1), python3(1), perl(1), ruby(1), node(1), php(1), ld.so(8).
const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        language: Language::Shell,
        names: &["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash"],
        with_value: b"oO",
        inline: b"c",
        module: None,
    },
    Interpreter {
        language: Language::Python,
        names: &["python", "pypy"],
        with_value: b"WX",
        inline: b"c",
        module: Some(b'm'),
    },
    Interpreter { language: Language::Perl, names: &["perl"], with_value: b"", inline: b"eE", module: None },
    Interpreter {
        language: Language::Ruby,
        names: &["ruby", "lua", "luajit"],
        with_value: b"rIl",
        inline: b"e",
        module: None,
    },
    Interpreter {
        language: Language::Node,
        names: &["node", "nodejs", "deno", "bun"],
        with_value: b"r",
        inline: b"ep",
        module: None,
    },
    Interpreter { language: Language::Php, names: &["php"], with_value: b"cdz", inline: b"r", module: None },
    Interpreter {
        language: Language::Loader,
        names: &["ld.so", "ld-linux-x86-64.so", "ld-musl-x86_64.so"],
        with_value: b"",
        inline: b"",
        module: None,
    },
];

/// Programs that are many, told by the name that they are called by.
fn is_multicall(name: &[u8]) -> bool {
    matches!(name, b"busybox" | b"toybox")
}

fn interpreter(path: &[u8], called: Option<&[u8]>) -> Option<&'static Interpreter> {
    let known = |name: &[u8]| {
        INTERPRETERS
            .iter()
            .find(|interpreter| interpreter.names.iter().any(|known| is_version_of(name, known.as_bytes())))
    };
    // The resolved path, not `argv[0]`: `sh` is dash, and `exec -a` calls anything by any name.
    known(basename(path)).or_else(|| called.filter(|_| is_multicall(basename(path))).and_then(known))
}

/// Whether `name` is `known`, possibly with a version behind it.
fn is_version_of(name: &[u8], known: &[u8]) -> bool {
    name.strip_prefix(known)
        .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.' || *byte == b'-'))
}

/// What `argv` tells the program at `path` to run; nothing if it is no interpreter.
fn runs<'a>(path: &[u8], argv: &'a Argv) -> Option<Runs<'a>> {
    let mut args = argv.iter();
    let mut called = args.next().map(basename);
    if called.is_some_and(is_multicall) {
        // `busybox sh FILE`: the applet's name stands second.
        called = args.next().map(basename);
    }
    let interpreter = interpreter(path, called)?;
    while let Some(arg) = args.next() {
        match arg {
            b"-" => return Some(Runs::Stdin),
            b"--" => return Some(args.next().map_or(Runs::Stdin, Runs::File)),
            [b'-', b'-', ..] => {}
            [b'-', letters @ ..] => {
                if let Some((b'm', before)) =
                    letters.split_last().filter(|(last, _)| Some(**last) == interpreter.module)
                    && !before.iter().any(|letter| interpreter.inline.contains(letter))
                {
                    return Some(args.next().map_or(Runs::Other, Runs::Module));
                }
                if letters.iter().any(|letter| interpreter.inline.contains(letter)) {
                    return Some(Runs::Other);
                }
                // `sh -s ARGS` reads standard input whatever follows.
                if letters.contains(&b's') && interpreter.inline == b"c" {
                    return Some(Runs::Stdin);
                }
                if letters.last().is_some_and(|letter| interpreter.with_value.contains(letter)) {
                    args.next();
                }
            }
            [b'+', ..] if interpreter.inline == b"c" => {}
            file => return Some(Runs::File(file)),
        }
    }
    Some(Runs::Stdin)
}

/// Names of shells: what they run are other programs, which get the pipes.
const SHELLS: &[&[u8]] = &[b"sh", b"bash", b"dash", b"ash", b"zsh", b"ksh", b"mksh", b"rbash", b"fish"];

impl Program {
    /// What it was told to run, if it is an interpreter. A stranger that calls itself python3 is none: what runs is
    /// the stranger.
    pub(crate) fn interprets(&self) -> Option<Runs<'_>> {
        if is_foreign(self.executable.origin) { None } else { runs(&self.path, &self.argv) }
    }

    /// The language that it interprets. A stranger under an interpreter's name interprets none.
    pub(crate) fn language(&self) -> Option<Language> {
        if is_foreign(self.executable.origin) {
            return None;
        }
        let mut args = self.argv.iter().map(basename);
        let called = args.next();
        let called = if called.is_some_and(is_multicall) { args.next() } else { called };
        interpreter(&self.path, called).map(|interpreter| interpreter.language)
    }

    /// Whether it is a shell; a stranger under a shell's name is none.
    #[must_use]
    pub(crate) fn is_shell(&self) -> bool {
        if is_foreign(self.executable.origin) {
            return false;
        }
        let name = basename(&self.path);
        let applet = self.argv.iter().map(basename).find(|arg| !is_multicall(arg));
        SHELLS.contains(&name)
            || (is_multicall(name) && applet.is_some_and(|applet| SHELLS.contains(&applet)))
    }

    /// Whether it is an interpreter that was told to run its standard input.
    #[must_use]
    pub fn reads_stdin(&self) -> bool {
        self.interprets() == Some(Runs::Stdin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Text, Texts};

    fn told(path: &str, args: &str) -> String {
        let texts: Vec<Text<'_>> = args.split(' ').map(|arg| Text(arg.as_bytes())).collect();
        match runs(path.as_bytes(), &Argv::copy(&Texts::of(&texts))) {
            None => "no interpreter".to_owned(),
            Some(Runs::Stdin) => "stdin".to_owned(),
            Some(Runs::Other) => "other".to_owned(),
            Some(Runs::Module(module)) => format!("module {}", Text(module)),
            Some(Runs::File(file)) => Text(file).to_string(),
        }
    }

    #[test]
    fn what_an_interpreter_was_told_to_run() {
        for (path, args, expected) in [
            ("/usr/bin/dash", "sh x.sh a b", "x.sh"),
            ("/usr/bin/bash", "bash -e -o pipefail ./x", "./x"),
            ("/usr/bin/bash", "bash -c ls", "other"),
            ("/usr/bin/bash", "bash -lc ls", "other"),
            ("/usr/bin/bash", "bash", "stdin"),
            ("/usr/bin/bash", "bash -s -- arg", "stdin"),
            ("/usr/bin/python3.13", "python3 -u -W ignore t.py", "t.py"),
            ("/usr/bin/python3.13", "python3 -m pip install x", "module pip"),
            ("/usr/bin/python3.13", "python3 -Im pip install x", "module pip"),
            ("/usr/bin/python3.13", "python3 -", "stdin"),
            ("/usr/bin/node", "node --no-warnings i.js", "i.js"),
            ("/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2 /tmp/x", "/tmp/x"),
            ("/bin/busybox", "busybox sh /tmp/x", "/tmp/x"),
            ("/bin/busybox", "sh /tmp/x", "/tmp/x"),
            ("/bin/busybox", "wget http://x", "no interpreter"),
            ("/usr/bin/pythonista", "pythonista x", "no interpreter"),
        ] {
            assert_eq!(told(path, args), expected, "{path} {args}");
        }
    }
}
