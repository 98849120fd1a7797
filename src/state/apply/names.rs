//! Names that move: rename, link and chmod carry their paths behind pointers, so they are read from the arguments of
//! the program that makes them. `mv`, `ln` and `chmod` run as programs; who renames in another way is not followed.

use crate::event::Raw;

use super::super::files::Stays;
use super::super::path::basename;
use super::super::{Process, State, Subject};
use super::{About, Acting, PROCESS};

/// Operands that are looked at: a longer list is a wildcard over many files, and the first ones do.
const MAX_OPERANDS: usize = 64;

/// The operands of a command: what does not look like an option.
fn operands(process: &Process) -> Vec<Box<[u8]>> {
    let mut after_dashes = false;
    process
        .program
        .argv
        .iter()
        .skip(1)
        .filter(|arg| {
            if *arg == b"--" {
                after_dashes = true;
                return false;
            }
            after_dashes || !arg.starts_with(b"-")
        })
        .take(MAX_OPERANDS)
        .map(Box::from)
        .collect()
}

fn is_tool(process: &Process, tool: &[u8]) -> bool {
    let program = &process.program;
    &*program.name == tool || program.argv.first().is_some_and(|argv0| basename(argv0) == tool)
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
        let tool = if stays == Stays::Yes { &b"ln"[..] } else { b"mv" };
        if !is_tool(process, tool) {
            return Some(PROCESS);
        }
        let operands = operands(process);
        // `mv A B DIR`: the calls come in the order of the operands.
        let (Some(target), Some(from)) = (operands.last(), operands.get(at)) else { return Some(PROCESS) };
        let (Some(from), Some(target)) = (self.absolute(acting, from), self.absolute(acting, target)) else {
            return Some(PROCESS);
        };
        // Nobody says whether the target is a directory; of the two names one is never asked for.
        let mut inside = target.to_vec();
        inside.push(b'/');
        inside.extend_from_slice(basename(&from));
        if let Some(container) = self.container_mut(acting.container) {
            container.files.renamed(&from, &target, stays);
            let moved = if stays == Stays::Yes { &from } else { &target };
            container.files.renamed(moved, &inside, Stays::Yes);
        }
        let file = self.find_file(acting, &target);
        Some((None, file.map_or(Subject::Process, Subject::File)))
    }

    /// chmod(2) and fchmodat(2): the file is the operand of chmod(1).
    pub(super) fn chmod(&mut self, acting: &Acting<'_>, raw: &Raw) -> Option<About> {
        raw.call.exit?;
        let process = self.processes.get(acting.process)?;
        if !is_tool(process, b"chmod") {
            return Some(PROCESS);
        }
        // The first operand is the mode.
        let named = operands(process).into_iter().skip(1).find_map(|operand| {
            let path = self.absolute(acting, &operand)?;
            self.find_file(acting, &path)
        });
        Some((None, named.map_or(Subject::Process, Subject::File)))
    }
}
