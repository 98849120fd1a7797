//! Names that move: rename, link and chmod carry their paths behind pointers, so they are read from the arguments of
//! the program that makes them. `mv`, `ln` and `chmod` run as programs; who renames in another way is not followed.

use crate::event::{Raw, Sysno};

use super::super::files::Stays;
use super::super::path::basename;
use super::super::{Process, Program, State, Subject};
use super::{About, Acting, PROCESS};

/// Operands that are looked at: a longer list is a wildcard over many files, and the first ones do.
const MAX_OPERANDS: usize = 64;

/// Files that a program may take along as it renames directories: all that a container has. Who says `mv` and renames
/// the same directory to and fro does so to make each call dear.
const MAX_TAKEN_ALONG: usize = 4096;

/// Files that are taken along before there has to be room for more: a name has at most 4096 bytes, and each is kept
/// twice.
const BETWEEN_ROOMS: usize = 8;

/// What a command is told to work on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Operands {
    /// What does not look like an option.
    named: Vec<Box<[u8]>>,
    /// The directory of `-t`.
    into: Option<Box<[u8]>>,
}

/// The operands of the tool that a process runs as: after its name, and that of the applet.
fn operands(process: &Process, tool: &[u8]) -> Operands {
    let argv = &process.program.argv;
    // `busybox mv A B`, `git mv A B`
    let is_applet = argv.iter().nth(1) == Some(tool);
    let mut args = argv.iter().skip(if is_applet { 2 } else { 1 });
    let mut operands = Operands::default();
    let mut after_dashes = false;
    while let Some(arg) = args.next() {
        if operands.named.len() >= MAX_OPERANDS {
            break;
        }
        match arg {
            named if after_dashes => operands.named.push(named.into()),
            b"--" => after_dashes = true,
            b"-t" | b"--target-directory" => operands.into = args.next().map(Box::from),
            _ => match arg.strip_prefix(b"--target-directory=") {
                Some(into) => operands.into = Some(into.into()),
                None if arg.starts_with(b"-") => {}
                None => operands.named.push(arg.into()),
            },
        }
    }
    operands
}

impl Program {
    /// Whether it runs as that tool, under its own name or as an applet.
    fn is_tool(&self, tool: &[u8]) -> bool {
        let mut args = self.argv.iter();
        &*self.name == tool
            || args.next().is_some_and(|argv0| basename(argv0) == tool)
            || args.next() == Some(tool)
    }

    /// Whether it has one file in its hands at a time: what it writes comes from the file that it opened last.
    pub(super) fn copies_file_by_file(&self) -> bool {
        [&b"cp"[..], b"mv", b"install"].into_iter().any(|tool| self.is_tool(tool))
    }
}

impl State {
    /// rename(2), link(2), symlink(2) and their kin succeeded.
    pub(super) fn renamed(&mut self, acting: &Acting<'_>, raw: &Raw, stays: Stays) -> Option<About> {
        if !raw.call.exit?.succeeded() {
            return Some(PROCESS);
        }
        let process = self.processes.get_mut(acting.process)?;
        let at = usize::try_from(process.renames).ok()?;
        process.renames = process.renames.saturating_add(1);
        let tools: &[&[u8]] = if stays == Stays::Yes { &[b"ln", b"cp", b"link"] } else { &[b"mv"] };
        let Some(tool) = tools.iter().find(|tool| process.program.is_tool(tool)) else {
            // A symbolic link is no second name: the sentry resolves it.
            if !matches!(raw.sysno(), Sysno::SYMLINK | Sysno::SYMLINKAT) {
                self.moved_its_own(acting);
            }
            return Some(PROCESS);
        };
        let may_take = MAX_TAKEN_ALONG.saturating_sub(process.taken_along);
        let Operands { mut named, into } = operands(process, tool);
        let target = match into {
            Some(into) => into,
            None if named.len() > 1 => named.pop().unwrap_or_default(),
            // `ln TARGET` makes a link of that name here.
            None => Box::from(*b"."),
        };
        // `mv A B DIR`: the calls come in the order of the operands.
        let Some(from) = named.get(at) else { return Some(PROCESS) };
        let (Some(from), Some(target)) = (self.absolute(acting, from), self.absolute(acting, &target)) else {
            return Some(PROCESS);
        };
        // Nobody says whether the target is a directory; of the two names one is never asked for.
        let inside = [&*target, b"/", basename(&from)].concat();
        if let Some(container) = self.container_mut(acting.container) {
            container.files.renamed(&from, &target, stays);
            let moved = if stays == Stays::Yes { &from } else { &target };
            container.files.renamed(moved, &inside, Stays::Yes);
        }
        if stays == Stays::No {
            let taken = self.take_along(acting, [&from, &target, &inside], may_take);
            if let Some(process) = self.processes.get_mut(acting.process) {
                process.taken_along = process.taken_along.saturating_add(taken);
            }
        }
        let file = self.find_file(acting, &target);
        Some((None, file.map_or(Subject::Process, Subject::File)))
    }

    /// What lies below a directory goes with it, from one name to one of two. How many files there were.
    fn take_along(&mut self, acting: &Acting<'_>, [from, to, or_to]: [&[u8]; 3], most: usize) -> usize {
        let Some(container) = self.container_at(acting.container) else { return 0 };
        let below = container.files.below(from, most);
        for some in below.chunks(BETWEEN_ROOMS) {
            let Some(container) = self.container_mut(acting.container) else { break };
            for file in some {
                container.files.taken_along(*file, from, to, or_to);
            }
            // The new names may be a thousand times as long as the old ones.
            container.settle();
            self.make_room();
        }
        below.len()
    }

    /// chmod(2) and fchmodat(2): the file is the operand of chmod(1).
    pub(super) fn chmod(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        raw.call.exit?;
        let process = self.processes.get(acting.process)?;
        if !process.program.is_tool(b"chmod") {
            return Some(PROCESS);
        }
        // The first operand is the mode.
        let named = operands(process, b"chmod").named.into_iter().skip(1).find_map(|operand| {
            let path = self.absolute(acting, &operand)?;
            self.find_file(acting, &path)
        });
        Some((None, named.map_or(Subject::Process, Subject::File)))
    }
}
