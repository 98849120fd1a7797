//! The script behind an interpreter: in `sh FILE` the program is the file and the shell its carrier.
//!
//! gVisor reports a script that was run by its shebang under its own path, so this is about scripts that were
//! handed to an interpreter as an argument, or as its standard input.
//!
//! Commands that make way for another by exec (`env`, `nohup`, `nice`, `setsid`, `stdbuf`, `taskset`, `chrt`, `ionice`,
//! and `timeout` in its child) carry nothing: the sentry reports that exec, and from then on the process is the other
//! one. The same goes for what a shell runs by `-c`; all that it does itself, and says in so many words, is to read a
//! file (`sh -c '. FILE'`). A file that a shell reads of its own accord is an open and no more.

use super::path::basename;
use super::program::{Program, is_foreign};

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

/// What a program was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    pub(crate) runs: Runs<'a>,
    /// Of a loader, where among its arguments those of the program begin that it loads: it may be an interpreter.
    pub(crate) loads: Option<usize>,
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

/// How an interpreter reads its arguments. Letters are those of options with one dash, words those with two.
struct Interpreter {
    language: Language,
    /// The names that it goes by; a version such as `3.13` may follow.
    names: &'static [&'static str],
    /// Letters with a value: the rest of the word, or else the next argument.
    with_value: &'static [u8],
    /// Letters with a value that can only be the rest of the word.
    attached: &'static [u8],
    /// Letters with code as their value.
    inline: &'static [u8],
    /// Letters with the file as their value.
    file: &'static [u8],
    /// The letter with a module as its value.
    module: Option<u8>,
    /// Words with a value: behind a `=`, or else the next argument.
    words_with_value: &'static [&'static str],
    /// Words after which no file is run.
    words_inline: &'static [&'static str],
    /// First operands that say no more than that a file follows.
    commands: &'static [&'static str],
}

const PLAIN: Interpreter = Interpreter {
    language: Language::Loader,
    names: &[],
    with_value: b"",
    attached: b"",
    inline: b"",
    file: b"",
    module: None,
    words_with_value: &[],
    words_inline: &["version", "help"],
    commands: &[],
};

/// python3(1), perlrun(1), ruby(1), lua(1), node(1), deno-run, php(1).
const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        language: Language::Python,
        names: &["python", "pypy"],
        with_value: b"WX",
        inline: b"c",
        module: Some(b'm'),
        words_with_value: &["check-hash-based-pycs"],
        ..PLAIN
    },
    Interpreter {
        language: Language::Perl,
        names: &["perl"],
        with_value: b"I",
        attached: b"CDFMVdimx",
        inline: b"eE",
        ..PLAIN
    },
    Interpreter {
        language: Language::Ruby,
        names: &["ruby"],
        with_value: b"CEIr",
        attached: b"FKTWix",
        inline: b"e",
        words_with_value: &["encoding", "external-encoding", "internal-encoding"],
        ..PLAIN
    },
    Interpreter {
        language: Language::Ruby,
        names: &["lua", "luajit"],
        with_value: b"l",
        attached: b"OWbj",
        inline: b"e",
        ..PLAIN
    },
    Interpreter {
        language: Language::Node,
        names: &["node", "nodejs", "deno", "bun"],
        with_value: b"Cr",
        inline: b"ep",
        words_with_value: &[
            "require",
            "import",
            "loader",
            "experimental-loader",
            "conditions",
            "env-file",
            "preload",
            "config",
            "import-map",
        ],
        words_inline: &["eval", "print", "version", "help"],
        commands: &["run", "inspect"],
        ..PLAIN
    },
    Interpreter {
        language: Language::Php,
        names: &["php"],
        with_value: b"Scdtz",
        inline: b"BERr",
        file: b"Ff",
        ..PLAIN
    },
];

/// ld.so(8), and musl's.
const LOADER: Interpreter = Interpreter {
    words_with_value: &[
        "library-path",
        "preload",
        "audit",
        "argv0",
        "inhibit-rpath",
        "glibc-hwcaps-prepend",
        "glibc-hwcaps-mask",
    ],
    words_inline: &["list", "verify", "list-tunables", "list-diagnostics", "version", "help"],
    ..PLAIN
};

/// java(1), options that take the next argument.
const JAVA_WITH_VALUE: &[&[u8]] = &[
    b"-cp",
    b"-classpath",
    b"--class-path",
    b"-p",
    b"--module-path",
    b"--upgrade-module-path",
    b"--add-modules",
    b"--add-opens",
    b"--add-exports",
    b"--add-reads",
    b"--limit-modules",
    b"--source",
];

/// Names of shells: what they run are other programs, which get the pipes.
const SHELLS: &[&[u8]] =
    &[b"sh", b"bash", b"dash", b"ash", b"hush", b"zsh", b"ksh", b"mksh", b"rbash", b"fish", b"csh", b"tcsh"];

/// Programs that are many, told by the name that they are called by. Alpine and others ship parts of it as
/// `busybox-extras`, static ones as `busybox.static`.
fn is_multicall(name: &[u8]) -> bool {
    [&b"busybox"[..], b"toybox"]
        .iter()
        .any(|known| name.strip_prefix(*known).is_some_and(|rest| matches!(rest, [] | [b'-' | b'.', ..])))
}

/// The dynamic loader when it is run as a program: `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`, `ld-2.31.so`.
fn is_loader(name: &[u8]) -> bool {
    (name.starts_with(b"ld-") || name.starts_with(b"ld.so") || name.starts_with(b"ld64."))
        && name.windows(3).any(|part| part == b".so")
}

/// Whether `name` is `known`, possibly with a version behind it.
fn is_version_of(name: &[u8], known: &[u8]) -> bool {
    name.strip_prefix(known)
        .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.' || *byte == b'-'))
}

/// The name that decides how the program at `path` reads its arguments; `args` is left behind the name.
///
/// The resolved path, not `argv[0]`: `sh` is dash, and `exec -a` calls anything by any name. Only who is many needs to
/// be told which one it is.
fn acts_as<'a>(path: &'a [u8], args: &mut impl Iterator<Item = &'a [u8]>) -> Option<(&'a [u8], usize)> {
    let called = args.next();
    if !is_multicall(basename(path)) {
        return Some((basename(path), 1));
    }
    let mut taken = 1usize;
    // A login shell is called `-sh`.
    let mut applet = called.map(|called| basename(called.strip_prefix(b"-").unwrap_or(called)))?;
    while is_multicall(applet) {
        taken = taken.saturating_add(1);
        applet = basename(args.next()?);
    }
    Some((applet, taken))
}

/// What `args`, the program's own name first, tell the program at `path` to run; nothing if it is no interpreter.
pub(crate) fn told<'a>(path: &'a [u8], args: impl Iterator<Item = &'a [u8]>) -> Option<Told<'a>> {
    let mut args = args;
    let (name, taken) = acts_as(path, &mut args)?;
    let only = |runs| Some(Told { runs, loads: None });
    if SHELLS.contains(&name) {
        return only(shell(args));
    }
    if name == b"java" {
        return only(java(args));
    }
    if is_loader(name) {
        let mut at = taken;
        let counted = args.inspect(|_| at = at.saturating_add(1));
        let runs = options(&LOADER, counted);
        let loads = matches!(runs, Runs::File(_)).then_some(at.saturating_sub(1));
        // Without a program it says how it is used.
        return Some(Told { runs: if runs == Runs::Stdin { Runs::Other } else { runs }, loads });
    }
    only(options(interpreter(name)?, args))
}

/// The interpreter of that name.
fn interpreter(name: &[u8]) -> Option<&'static Interpreter> {
    INTERPRETERS
        .iter()
        .find(|interpreter| interpreter.names.iter().any(|known| is_version_of(name, known.as_bytes())))
}

fn options<'a>(interpreter: &Interpreter, args: impl Iterator<Item = &'a [u8]>) -> Runs<'a> {
    let mut args = args;
    let mut is_first = true;
    while let Some(arg) = args.next() {
        match arg {
            b"-" => return Runs::Stdin,
            b"--" => return args.next().map_or(Runs::Stdin, file),
            [b'-', b'-', word @ ..] => {
                let (name, value) = match word.iter().position(|byte| *byte == b'=') {
                    Some(at) => (word.get(..at).unwrap_or_default(), word.get(at..)),
                    None => (word, None),
                };
                let is_among = |words: &[&str]| words.iter().any(|known| known.as_bytes() == name);
                if is_among(interpreter.words_inline) {
                    return Runs::Other;
                }
                if value.is_none() && is_among(interpreter.words_with_value) {
                    args.next();
                }
            }
            [b'-', letters @ ..] => {
                if let Some(runs) = lettered(interpreter, letters, &mut args) {
                    return runs;
                }
            }
            command if is_first && interpreter.commands.iter().any(|known| known.as_bytes() == command) => {
                is_first = false;
            }
            operand => return file(operand),
        }
    }
    Runs::Stdin
}

/// The letters behind a dash, one after another. Nothing if more is to come.
fn lettered<'a>(
    interpreter: &Interpreter,
    letters: &'a [u8],
    args: &mut impl Iterator<Item = &'a [u8]>,
) -> Option<Runs<'a>> {
    let mut rest = letters;
    while let [letter, after @ ..] = rest {
        let mut value = || if after.is_empty() { args.next() } else { Some(after) };
        if interpreter.inline.contains(letter) {
            return Some(Runs::Other);
        }
        if interpreter.module == Some(*letter) {
            return Some(value().map_or(Runs::Other, Runs::Module));
        }
        if interpreter.file.contains(letter) {
            return Some(value().map_or(Runs::Other, file));
        }
        if interpreter.with_value.contains(letter) {
            value();
            return None;
        }
        if interpreter.attached.contains(letter) {
            return None;
        }
        rest = after;
    }
    None
}

/// A file, unless it is named by where in the network it is.
fn file(operand: &[u8]) -> Runs<'_> {
    if operand.windows(3).any(|part| part == b"://") { Runs::Other } else { Runs::File(operand) }
}

/// sh(1), bash(1). What `-o` and `-O` want is always the next argument; so is what `-c` wants, after all options.
fn shell<'a>(args: impl Iterator<Item = &'a [u8]>) -> Runs<'a> {
    let mut args = args;
    let (mut text, mut stdin) = (false, false);
    let operand = loop {
        match args.next() {
            None => break None,
            // A dash alone ends the options as two do.
            Some(b"-" | b"--") => break args.next(),
            Some(b"--version" | b"--help") => return Runs::Other,
            Some(b"--rcfile" | b"--init-file") => {
                args.next();
            }
            Some([b'-', b'-', ..]) => {}
            Some([b'-' | b'+', letters @ ..]) => {
                text |= letters.contains(&b'c');
                stdin |= letters.contains(&b's');
                for _ in letters.iter().filter(|letter| matches!(letter, b'o' | b'O')) {
                    args.next();
                }
            }
            Some(operand) => break Some(operand),
        }
    };
    match operand {
        Some(command) if text => sourced(command).map_or(Runs::Other, Runs::File),
        None if text => Runs::Other,
        Some(script) if !stdin => Runs::File(script),
        // `sh -s ARGS` reads standard input whatever follows.
        Some(_) | None => Runs::Stdin,
    }
}

/// The file that a command reads into the shell, if that is certain: `. FILE` or `source FILE`, in plain words, the
/// file with a slash so that no PATH is asked.
fn sourced(command: &[u8]) -> Option<&[u8]> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@ ".contains(byte);
    let mut words = command.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (read, file) = (words.next()?, words.next()?);
    (matches!(read, b"." | b"source") && file.contains(&b'/') && command.iter().all(is_plain)).then_some(file)
}

/// java(1): an archive, or a source file; a class is found by a path that is not told.
fn java<'a>(args: impl Iterator<Item = &'a [u8]>) -> Runs<'a> {
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg {
            b"-jar" => return args.next().map_or(Runs::Other, Runs::File),
            option if JAVA_WITH_VALUE.contains(&option) => {
                args.next();
            }
            [b'-', ..] => {}
            source if source.ends_with(b".java") => return Runs::File(source),
            _ => return Runs::Other,
        }
    }
    Runs::Other
}

impl Program {
    /// What it was told to run, if it is an interpreter. A stranger that calls itself python3 is none: what runs is
    /// the stranger.
    pub(crate) fn interprets(&self) -> Option<Runs<'_>> {
        if is_foreign(self.executable.origin) {
            return None;
        }
        let mut outer = told(&self.path, self.argv.iter())?;
        if let Told { runs: Runs::File(program), loads: Some(at) } = outer {
            // What a loader was told is what the program was told that it loads.
            outer = told(program, self.argv.iter().skip(at)).unwrap_or(outer);
        }
        Some(outer.runs)
    }

    /// The language that it interprets. A stranger under an interpreter's name interprets none.
    pub(crate) fn language(&self) -> Option<Language> {
        if is_foreign(self.executable.origin) {
            return None;
        }
        let (name, _) = acts_as(&self.path, &mut self.argv.iter())?;
        if SHELLS.contains(&name) {
            return Some(Language::Shell);
        }
        if is_loader(name) {
            return Some(Language::Loader);
        }
        interpreter(name).map(|interpreter| interpreter.language)
    }

    /// Whether it is a shell; a stranger under a shell's name is none.
    #[must_use]
    pub(crate) fn is_shell(&self) -> bool {
        !is_foreign(self.executable.origin)
            && acts_as(&self.path, &mut self.argv.iter()).is_some_and(|(name, _)| SHELLS.contains(&name))
    }

    /// Whether it is an interpreter that was told to run its standard input.
    #[must_use]
    pub fn reads_stdin(&self) -> bool {
        self.interprets() == Some(Runs::Stdin)
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::Argv;
    use super::*;
    use crate::event::{Text, Texts};

    fn argv(args: &str) -> Argv {
        // A bar stands for a blank inside an argument.
        let args: Vec<String> = args.split(' ').map(|arg| arg.replace('|', " ")).collect();
        let texts: Vec<Text<'_>> = args.iter().map(|arg| Text(arg.as_bytes())).collect();
        Argv::copy(&Texts::of(&texts))
    }

    fn shown(path: &str, args: &str) -> String {
        match told(path.as_bytes(), argv(args).iter()).map(|told| told.runs) {
            None => "no interpreter".to_owned(),
            Some(Runs::Stdin) => "stdin".to_owned(),
            Some(Runs::Other) => "other".to_owned(),
            Some(Runs::Module(module)) => format!("module {}", Text(module)),
            Some(Runs::File(file)) => Text(file).to_string(),
        }
    }

    fn check(cases: &[(&str, &str, &str)]) {
        for (path, args, expected) in cases {
            assert_eq!(shown(path, args), *expected, "{path} {args}");
        }
    }

    #[test]
    fn what_a_shell_was_told_to_run() {
        check(&[
            ("/usr/bin/dash", "sh x.sh a b", "x.sh"),
            ("/usr/bin/bash", "bash -e -o pipefail ./x", "./x"),
            ("/usr/bin/bash", "bash -euo pipefail ./x", "./x"),
            ("/usr/bin/bash", "bash +e ./x", "./x"),
            ("/usr/bin/bash", "bash --rcfile /dev/null ./x", "./x"),
            ("/usr/bin/bash", "bash -c ls", "other"),
            ("/usr/bin/bash", "bash -lc ls", "other"),
            ("/usr/bin/bash", "bash", "stdin"),
            ("/usr/bin/bash", "bash -", "stdin"),
            ("/usr/bin/bash", "bash - ./x", "./x"),
            ("/usr/bin/bash", "bash -- ./x", "./x"),
            ("/usr/bin/bash", "bash -s -- arg", "stdin"),
            ("/usr/bin/bash", "bash --version", "other"),
            ("/usr/bin/bash", "bash /dev/fd/63", "/dev/fd/63"),
        ]);
    }

    #[test]
    fn a_command_that_only_reads_a_file_into_the_shell_runs_that_file() {
        check(&[
            ("/bin/sh", "sh -c .|/tmp/x.sh", "/tmp/x.sh"),
            ("/bin/bash", "bash -ec source||./x.sh|arg", "./x.sh"),
            ("/bin/bash", "bash -c .|x.sh", "other"),
            ("/bin/bash", "bash -c .|/tmp/x;ls", "other"),
            ("/bin/bash", "bash -c .|$HOME/x", "other"),
            ("/bin/bash", "bash -c exec|/tmp/x", "other"),
        ]);
    }

    #[test]
    fn what_an_interpreter_was_told_to_run() {
        check(&[
            ("/usr/bin/python3.13", "python3 -u -W ignore t.py", "t.py"),
            ("/usr/bin/python3.13", "python3 -Wignore -Xdev t.py", "t.py"),
            ("/usr/bin/python3.13", "python3 -m pip install x", "module pip"),
            ("/usr/bin/python3.13", "python3 -Im pip install x", "module pip"),
            ("/usr/bin/python3.13", "python3 -mpip install x", "module pip"),
            ("/usr/bin/python3.13", "python3 -", "stdin"),
            ("/usr/bin/python3.13", "python3 -c x t.py", "other"),
            ("/usr/bin/perl", "perl -w -Ilib -MFoo=e x.pl", "x.pl"),
            ("/usr/bin/perl", "perl -I lib x.pl", "x.pl"),
            ("/usr/bin/perl", "perl -lane code x", "other"),
            ("/usr/bin/ruby3.1", "ruby -l -rjson -r set x.rb", "x.rb"),
            ("/usr/bin/lua5.4", "lua -l mod x.lua", "x.lua"),
            ("/usr/bin/node", "node --no-warnings i.js", "i.js"),
            ("/usr/bin/node", "node --require ./hook.js -r ./b.js --title=x i.js", "i.js"),
            ("/usr/bin/node", "node --eval code i.js", "other"),
            ("/usr/bin/deno", "deno run --allow-net x.ts", "x.ts"),
            ("/usr/bin/deno", "deno run https://198.51.100.1/x.ts", "other"),
            ("/usr/bin/php8.2", "php -d a=b -f x.php", "x.php"),
            ("/usr/bin/php8.2", "php -r code", "other"),
            ("/usr/lib/jvm/java-21/bin/java", "java -Xmx1g -cp lib -jar /tmp/x.jar a", "/tmp/x.jar"),
            ("/usr/lib/jvm/java-21/bin/java", "java -cp /app com.example.Main", "other"),
            ("/usr/lib/jvm/java-21/bin/java", "java Hello.java", "Hello.java"),
            ("/usr/bin/pythonista", "pythonista x", "no interpreter"),
        ]);
    }

    #[test]
    fn a_program_of_many_names_is_what_it_is_called_and_nothing_else_is() {
        check(&[
            ("/bin/busybox", "busybox sh /tmp/x", "/tmp/x"),
            ("/bin/busybox", "busybox busybox sh /tmp/x", "/tmp/x"),
            ("/bin/busybox", "sh /tmp/x", "/tmp/x"),
            ("/bin/busybox", "-sh", "stdin"),
            ("/bin/busybox.static", "/bin/sh /tmp/x", "/tmp/x"),
            ("/bin/busybox", "wget http://x", "no interpreter"),
            ("/bin/busybox", "busybox", "no interpreter"),
            // `exec -a busybox python3 t.py`
            ("/usr/bin/python3.13", "busybox t.py", "t.py"),
            ("/usr/bin/sleep", "python3 t.py", "no interpreter"),
        ]);
    }

    #[test]
    fn a_loader_runs_what_it_loads_and_says_where_that_begins() {
        for (path, args, runs, loads) in [
            ("/lib64/ld-linux-x86-64.so.2", "ld.so /tmp/x a", "/tmp/x", Some(1)),
            ("/usr/lib/ld-2.31.so", "ld.so --library-path /l --argv0 sh /tmp/x", "/tmp/x", Some(5)),
            ("/lib/ld-musl-x86_64.so.1", "ld --preload=/l.so -- /bin/sh x", "/bin/sh", Some(3)),
            ("/lib64/ld-linux-x86-64.so.2", "ld.so --verify /tmp/x", "other", None),
            ("/lib64/ld-linux-x86-64.so.2", "ld.so", "other", None),
            ("/usr/bin/x86_64-linux-gnu-ld.bfd", "ld x.o", "no interpreter", None),
        ] {
            assert_eq!(shown(path, args), runs, "{path} {args}");
            assert_eq!(told(path.as_bytes(), argv(args).iter()).and_then(|told| told.loads), loads, "{args}");
        }
    }

    #[test]
    fn a_command_that_makes_way_for_another_carries_nothing() {
        for args in
            ["env -i A=b sh x", "nohup /tmp/x", "timeout 5 /tmp/x", "nice -n 19 sh x", "setsid /tmp/x"]
        {
            let name = args.split(' ').next().unwrap_or_default();
            assert_eq!(shown(&format!("/usr/bin/{name}"), args), "no interpreter", "{args}");
        }
    }
}
