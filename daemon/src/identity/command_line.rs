//! What a `runsc` command line says: the root directory, the subcommand, the bundle, the container.
//!
//! Go's `flag` rules: `-x` is `--x`, a value follows after `=` or as the next argument, options end at the first argument
//! that is none. A command that makes a sandbox takes exactly one argument, the id, so that is always the last one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::Rootfs;
use super::names::ContainerId;

/// A command that connects to a trace consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// `--root`, as given.
    pub root: Option<PathBuf>,
    /// What it does.
    pub verb: Verb,
    /// The sandbox.
    pub id: ContainerId,
    /// What the options say of overlays.
    pub rootfs: Rootfs,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `create`, `run`, `restore`: it makes the sandbox.
    Make {
        /// `--bundle`, as given; the working directory if it is not.
        bundle: Option<PathBuf>,
    },
    /// `trace create`: it gives a sandbox that lives another session.
    Trace,
}

/// Why a command line does not say which sandbox it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It has none of the subcommands that connect.
    #[error("the command is none of create, run, restore, trace create")]
    Subcommand,
    /// The last argument is no container's id.
    #[error("the command names no container")]
    Container,
}

/// Global options that take any text, which could look like a subcommand (gVisor's `runsc/config/flags.go`). Of others a
/// subcommand is never the value.
const WITH_TEXT: [&[u8]; 17] = [
    b"root",
    b"shared-root",
    b"log",
    b"debug-log",
    b"debug-command",
    b"panic-log",
    b"coverage-report",
    b"pcap-log",
    b"metric-server",
    b"final-metrics-log",
    b"profiling-metrics-log",
    b"strace-syscalls",
    b"trace",
    b"pod-init-config",
    b"override-procs",
    b"network-proxy-path",
    b"platform_device_path",
];

/// Reads a command line as it is in `/proc/PID/cmdline`: each argument ends in a NUL.
///
/// # Errors
/// It is not about one sandbox.
pub fn parse(cmdline: &[u8]) -> Result<Command, Unclear> {
    let mut arguments = cmdline.strip_suffix(b"\0").unwrap_or(cmdline).split(|byte| *byte == 0).skip(1);
    let Globals { root, rootfs, subcommand } = globals(&mut arguments);
    let verb = match subcommand {
        Some(b"create" | b"run" | b"restore") => Verb::Make { bundle: None },
        Some(b"trace") if arguments.next() == Some(b"create") => Verb::Trace,
        Some(_) | None => return Err(Unclear::Subcommand),
    };
    let mut bundle = None;
    let mut last = None;
    while let Some(argument) = arguments.next() {
        last = Some(argument);
        match option(argument) {
            Some((b"bundle", Some(value))) => bundle = Some(path(value)),
            Some((b"bundle", None)) => {
                bundle = arguments.next().map(path);
                last = None;
            }
            Some(_) | None => {}
        }
    }
    let id = last.and_then(|last| ContainerId::new(last).ok()).ok_or(Unclear::Container)?;
    let verb = match verb {
        Verb::Make { .. } => Verb::Make { bundle },
        Verb::Trace => Verb::Trace,
    };
    Ok(Command { root, verb, id, rootfs })
}

/// What stands before a subcommand, and the subcommand.
struct Globals<'a> {
    root: Option<PathBuf>,
    rootfs: Rootfs,
    subcommand: Option<&'a [u8]>,
}

/// What an option says of overlays, if it is about that. The default differs by release (none in 2022, one since 2023), so
/// where nothing is said nothing is known.
fn overlay(name: &[u8], value: Option<&[u8]>) -> Option<Rootfs> {
    let is_on = match (name, value) {
        (b"overlay", value) => !value.is_some_and(|value| value == b"false" || value == b"0"),
        (b"overlay2", Some(value)) => value.starts_with(b"root:") || value.starts_with(b"all:"),
        _ => return None,
    };
    Some(if is_on { Rootfs::Overlaid } else { Rootfs::MayChange })
}

/// Takes them.
fn globals<'a>(arguments: &mut impl Iterator<Item = &'a [u8]>) -> Globals<'a> {
    let mut root = None;
    let mut rootfs = Rootfs::MayChange;
    let mut before: Option<&[u8]> = None;
    for argument in arguments {
        let option = option(argument);
        let valued = match (option, before) {
            (Some((name, value)), _) => overlay(name, value),
            (None, Some(b"overlay2")) => overlay(b"overlay2", Some(argument)),
            (None, _) => None,
        };
        rootfs = valued.unwrap_or(rootfs);
        match (option, before.take()) {
            (_, Some(b"root")) => root = Some(path(argument)),
            (_, Some(name)) if WITH_TEXT.contains(&name) => {}
            (Some((b"root", Some(value))), _) => root = Some(path(value)),
            (Some((name, None)), _) => before = Some(name),
            (Some(_), _) => {}
            // What follows an option is its value, if it is not one that stands alone and this the subcommand.
            (None, Some(_)) if !is_subcommand(argument) => {}
            (None, _) => return Globals { root, rootfs, subcommand: Some(argument) },
        }
    }
    Globals { root, rootfs, subcommand: None }
}

/// All of runsc's subcommands: not only those that connect, or `--debug do run x` would be a run.
fn is_subcommand(argument: &[u8]) -> bool {
    const ALL: [&[u8]; 37] = [
        b"boot",
        b"checkpoint",
        b"cpu-features",
        b"create",
        b"debug",
        b"delete",
        b"do",
        b"events",
        b"exec",
        b"export-metrics",
        b"flags",
        b"fscheckpoint",
        b"gofer",
        b"help",
        b"install",
        b"kill",
        b"list",
        b"metric-metadata",
        b"metric-server",
        b"mitigate",
        b"nvproxy",
        b"pause",
        b"port-forward",
        b"ps",
        b"read-control",
        b"restore",
        b"resume",
        b"run",
        b"spec",
        b"start",
        b"state",
        b"statefile",
        b"symbolize",
        b"trace",
        b"uninstall",
        b"usage",
        b"wait",
    ];
    ALL.contains(&argument)
}

/// An option's name, and its value where that is in the same argument.
fn option(argument: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let option = argument.strip_prefix(b"-")?;
    let option = option.strip_prefix(b"-").unwrap_or(option);
    let mut parts = option.splitn(2, |byte| *byte == b'=');
    Some((parts.next()?, parts.next()))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Option<String>, Option<String>, String), Unclear> {
        let command = parse(line.replace(' ', "\0").as_bytes())?;
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let bundle = match command.verb {
            Verb::Make { bundle } => bundle.map(text),
            Verb::Trace => Some(String::from("(trace)")),
        };
        Ok((command.root.map(text), bundle, command.id.as_str().to_owned()))
    }

    fn told(root: &str, bundle: &str, id: &str) -> Result<(Option<String>, Option<String>, String), Unclear> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok((some(root), some(bundle), id.to_owned()))
    }

    #[test]
    fn command_lines_as_runtimes_write_them() {
        for (line, root, bundle, id) in [
            // By hand, with 2022's and 2026's options.
            (
                "runsc --root /s --platform ptrace --network none --ignore-cgroups --overlay --pod-init-config /p create \
                 --bundle /b sb1",
                "/s",
                "/b",
                "sb1",
            ),
            (
                "runsc --root=/s --platform=systrap --overlay2=root:memory --pod-init-config=/p run r3",
                "/s",
                "",
                "r3",
            ),
            ("runsc --root=/s trace create --config /t sb1", "/s", "(trace)", "sb1"),
            ("runsc -root /s --debug run -detach -bundle=/b x", "/s", "/b", "x"),
            ("runsc restore --image-path /i --bundle /b x", "", "/b", "x"),
            // containerd's shim.
            (
                "runsc --root=/run/containerd/runsc/k8s.io --log=/l/log.json --log-format=json --systemd-cgroup=true create \
                 --bundle /b --pid-file /b/init.pid --user-log /u 0f3c",
                "/run/containerd/runsc/k8s.io",
                "/b",
                "0f3c",
            ),
            // Docker.
            (
                "/usr/bin/runsc --root /var/run/docker/runtime-runc/moby --log /l --log-format json create --bundle /b \
                 --pid-file /b/init.pid 0f3c",
                "/var/run/docker/runtime-runc/moby",
                "/b",
                "0f3c",
            ),
        ] {
            assert_eq!(parsed(line), told(root, bundle, id), "{line}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_subcommand_is_a_value() {
        let line = "runsc --debug-command create --log run --root trace run --bundle create x";
        assert_eq!(parsed(line), told("trace", "create", "x"));
        // A root after the subcommand is not the command's.
        assert_eq!(parsed("runsc run --root /elsewhere x"), told("", "", "x"));
    }

    #[test]
    fn only_an_overlay_that_is_asked_for_keeps_the_root_as_it_was() {
        for (options, rootfs) in [
            ("", Rootfs::MayChange),
            ("--overlay", Rootfs::Overlaid),
            ("--overlay=true", Rootfs::Overlaid),
            ("--overlay=false", Rootfs::MayChange),
            ("--overlay2=root:memory", Rootfs::Overlaid),
            ("--overlay2 all:self", Rootfs::Overlaid),
            ("--overlay2=none", Rootfs::MayChange),
            ("--overlay2 none", Rootfs::MayChange),
            ("--overlay2=root:self --overlay2=none", Rootfs::MayChange),
        ] {
            let line = format!("runsc {options} run x").replace(' ', "\0").replace("\0\0", "\0");
            assert_eq!(parse(line.as_bytes()).unwrap().rootfs, rootfs, "{options}");
        }
    }

    #[test]
    fn what_is_about_no_single_sandbox_is_unclear() {
        for (line, unclear) in [
            ("runsc", Unclear::Subcommand),
            ("", Unclear::Subcommand),
            ("runsc --root /s list", Unclear::Subcommand),
            ("runsc trace list", Unclear::Subcommand),
            ("runsc do create x", Unclear::Subcommand),
            ("runsc --debug do run x", Unclear::Subcommand),
            ("runsc run", Unclear::Container),
            ("runsc run --bundle /b", Unclear::Container),
            ("runsc run --bundle=/b", Unclear::Container),
            ("runsc run ../x", Unclear::Container),
        ] {
            assert_eq!(parsed(line), Err(unclear), "{line}");
        }
    }
}
