//! What the naive model makes of names that move.
//!
//! Programs say by their arguments what they rename, or nothing. Of those that say nothing the model has the rule of
//! thumb of `state` once more: who renames means the file that he wrote last, and a file that is run from where nobody
//! wrote it came by such a rename, if it is certain enough by which.

use std::rc::Rc;

use crate::event::Exit;
use crate::state::{Making, Origin};

use super::flow::{Chain, Provenance, Step};
use super::happens::{Answer, PROCESS, last_name};
use super::naive::{About, Act, Naive};
use super::words::Trade;

/// So many renames are remembered.
const MOVED: usize = 16;

impl Naive {
    /// mv(1) and ln(1) say by their arguments what their calls moved.
    pub(super) fn moves(&mut self, act: &Act<'_>, exit: Exit, stays: bool) -> Answer {
        if !exit.succeeded() {
            return PROCESS;
        }
        let process = &mut self.processes[act.process];
        process.renames += 1;
        let (from, to) = match (process.program.trade, stays) {
            (Trade::Mv(from, to), false) | (Trade::Ln(from, to), true) => (from, to),
            _ => {
                self.moves_its_own(act);
                return PROCESS;
            }
        };
        // Each call takes an operand, and there is one beside the target.
        if process.renames > 1 {
            return PROCESS;
        }
        let (Some(from), Some(to)) = (self.absolute(act, from), self.absolute(act, to)) else {
            return PROCESS;
        };
        let inside = [&to, &b"/"[..], last_name(&from)].concat();
        let container = &mut self.containers[act.container];
        match container.names.get(&from).copied() {
            Some(file) => {
                if !stays {
                    container.names.remove(&from);
                    container.files[file].path = Rc::from(to.as_slice());
                }
                container.names.insert(to.clone(), file);
                // Nobody says whether the target is a directory.
                container.names.insert(inside.clone(), file);
            }
            None => {
                container.names.remove(&to);
                container.names.remove(&inside);
            }
        }
        if !stays {
            self.moves_below(act, &from, &to, &inside);
        }
        (None, self.named(act, &to).map_or(About::Process, About::File))
    }

    /// What lies below a directory goes with it. Which of the two names that has, nobody says.
    fn moves_below(&mut self, act: &Act<'_>, from: &[u8], to: &[u8], inside: &[u8]) {
        let container = &mut self.containers[act.container];
        for (ix, file) in container.files.iter_mut().enumerate() {
            let old = Rc::clone(&file.path);
            let Some(rest) = old.strip_prefix(from).filter(|rest| rest.starts_with(b"/")) else { continue };
            let new = [to, rest].concat();
            if container.names.get(&*old) == Some(&ix) && *old != *new {
                container.names.remove(&*old);
            }
            file.path = Rc::from(new.as_slice());
            container.names.insert(new, ix);
            container.names.insert([inside, rest].concat(), ix);
        }
    }

    /// A program renames what it wrote last, most likely.
    fn moves_its_own(&mut self, act: &Act<'_>) {
        let (wrote, making) = (self.processes[act.process].wrote, self.processes[act.process].making());
        let chain = wrote.and_then(|file| self.file(act.container, file).provenance.chain.clone());
        let container = &mut self.containers[act.container];
        match chain {
            Some(chain) => {
                container.moved.retain(|(known, _)| known.steps[0].file != chain.steps[0].file);
                container.moved.push((chain, act.time));
                let forgotten = container.moved.len().saturating_sub(MOVED);
                container.moved.drain(..forgotten);
            }
            None if making == Making::Installed => {}
            None => container.strangers_moved = true,
        }
    }

    /// Where a file came from that is run and that nobody was seen to write.
    pub(super) fn arrives(&mut self, act: &Act<'_>, path: &[u8], is_made_here: bool) -> Provenance {
        // No image brings anything there.
        let is_scratch = [&b"/tmp/"[..], b"/var/tmp/", b"/dev/shm/", b"/run/"]
            .iter()
            .any(|directory| path.starts_with(directory));
        let beside = |known: &Chain| directory(&known.steps[0].path) == directory(path);
        let container = &self.containers[act.container];
        let moved = container.moved.as_slice();
        let meant = if is_made_here || is_scratch {
            let all_installed = !container.strangers_moved
                && moved.iter().all(|(known, _)| known.steps[0].making == Making::Installed);
            match (moved.iter().rfind(|(known, _)| beside(known)), moved) {
                (Some(meant), _) => Some(meant),
                (None, [only]) => Some(only),
                (None, moved) if all_installed => moved.last(),
                (None, _) => None,
            }
        } else {
            // One name must continue the other, but for dots before it.
            let name = |path: &[u8]| {
                let name = last_name(path);
                let dots = name.iter().take_while(|byte| **byte == b'.').count();
                name[dots..].to_vec()
            };
            moved.iter().rfind(|(known, _)| {
                let (old, new) = (name(&known.steps[0].path), name(path));
                beside(known) && (old.starts_with(&new) || new.starts_with(&old))
            })
        };
        let Some((old, time)) = meant.cloned() else {
            let origin = if is_made_here { Origin::Created } else { Origin::Unknown };
            return Provenance { origin, chain: None };
        };
        let file = self.file_at(act.container, path);
        // The mover wrote the path that is run, from where it had its bytes.
        let mut steps = old.steps.clone();
        steps[0] = Step { file, path: path.into(), time, ..steps[0].clone() };
        let chain = Chain { steps, remote: old.remote };
        let provenance = Provenance { origin: chain.origin(), chain: Some(Rc::new(chain)) };
        let known = &mut self.containers[act.container].files[file];
        known.provenance = provenance.clone();
        known.written = Some(time);
        provenance
    }
}

fn directory(path: &[u8]) -> &[u8] {
    path.strip_suffix(last_name(path)).unwrap_or_default()
}
