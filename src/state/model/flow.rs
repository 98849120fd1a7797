//! Bytes from a remote in the naive model: chains, and how they spread.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::event::{Tgid, Time};
use crate::state::{Access, Making, Origin};

use super::happens::is_no_storage;
use super::naive::{Ix, Naive, Object, Open, Peer};

/// A chain has at most so many steps: of a longer one the step before the newest is left out.
const STEPS: usize = 12;

/// Where bytes came from: the steps, the newest first, and the end of the chain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    pub(super) steps: Vec<Step>,
    pub(super) remote: Option<(SocketAddr, Time)>,
}

impl Chain {
    pub(super) fn new(mut steps: Vec<Step>, remote: Option<(SocketAddr, Time)>) -> Chain {
        if steps.len() > STEPS {
            steps.remove(1);
        }
        Chain { steps, remote }
    }

    /// Where a file came from that was written like this: what a compiler made was made here.
    pub(super) fn origin(&self) -> Origin {
        if self.remote.is_none() || self.is_built() { Origin::Created } else { Origin::Network }
    }

    /// A compiler made it, or it is a copy of what one made.
    fn is_built(&self) -> bool {
        self.steps.iter().any(|step| step.making == Making::Built)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) file: Ix,
    pub(super) path: Rc<[u8]>,
    pub(super) writer: Tgid,
    pub(super) program: Rc<[u8]>,
    pub(super) time: Time,
    pub(super) making: Making,
}

/// A source of network bytes.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Whose connection it was counts, too.
    Remote(SocketAddr, Time, Tgid),
    /// A file; the first step is its own.
    File(Rc<Chain>),
}

impl Source {
    pub(super) fn is_built(&self) -> bool {
        match self {
            Source::Remote(..) => false,
            Source::File(chain) => chain.is_built(),
        }
    }

    pub(super) fn is_same(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Remote(a, _, by), Source::Remote(b, _, other)) => (a, by) == (b, other),
            (Source::File(a), Source::File(b)) => {
                a.steps.first().map(|step| step.file) == b.steps.first().map(|step| step.file)
            }
            (Source::Remote(..), Source::File(_)) | (Source::File(_), Source::Remote(..)) => false,
        }
    }
}

/// Where a file or program came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Provenance {
    pub(super) origin: Origin,
    pub(super) chain: Option<Rc<Chain>>,
}

impl Provenance {
    pub(super) fn is_tainted(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.remote.is_some())
    }
}

impl Naive {
    /// `process` has bytes from `source` now; what it writes to has them as well, and who reads that.
    pub(super) fn taint(&mut self, process: Ix, source: &Source, time: Time) {
        let mut reached = vec![process];
        let mut at = 0;
        while at < reached.len() {
            let process = reached[at];
            at += 1;
            self.touched.insert(process);
            let was_clean = match (self.processes[process].inputs.as_slice(), &self.processes[process].stdin)
            {
                ([], _) => true,
                ([only], Some(stdin)) => only.is_same(stdin),
                _ => false,
            };
            if !self.processes[process].note_input(source) || !was_clean {
                continue;
            }
            let held: Vec<Open> = self.table(process).values().copied().collect();
            let container = self.processes[process].container;
            let mut carriers = Vec::new();
            for open in held.iter().filter(|open| !open.passed_on) {
                if let Object::File(file) = open.object
                    && open.access.is_write()
                    && !self.file(container, file).writes_seen
                    && !is_no_storage(&self.file(container, file).path)
                {
                    self.writes(process, file, true, time);
                    carriers.push(open.object);
                }
            }
            let relays = self.relays(process, source);
            for open in held.iter().filter(|open| !open.passed_on) {
                let Some(end) = self.far_end(open.object) else { continue };
                let slot = match end {
                    Object::Reader(pipe) => &mut self.pipes[pipe],
                    Object::Socket(socket) if relays => match &mut self.sockets[socket].pair {
                        Some((_, slot)) => slot,
                        None => continue,
                    },
                    _ => continue,
                };
                // The first that it had from there is what counts.
                if slot.is_none() {
                    *slot = Some(source.clone());
                    carriers.push(end);
                }
            }
            // The oldest first, whatever they read from.
            let mut readers = BTreeMap::new();
            for (reader, on_stdin) in
                carriers.into_iter().flat_map(|carrier| self.readers(container, carrier))
            {
                *readers.entry(reader).or_insert(false) |= on_stdin;
            }
            for (reader, on_stdin) in readers.into_iter().filter(|(reader, _)| *reader != process) {
                if on_stdin {
                    self.processes[reader].stdin = Some(source.clone());
                }
                reached.push(reader);
            }
        }
    }

    /// Where comes out what goes in.
    fn far_end(&self, object: Object) -> Option<Object> {
        match object {
            Object::Writer(pipe) => Some(Object::Reader(pipe)),
            Object::Socket(socket) => {
                self.sockets[socket].pair.as_ref().map(|(peer, _)| Object::Socket(*peer))
            }
            _ => None,
        }
    }

    /// What comes out of a pipe or of an end of a pair.
    pub(super) fn comes_out(&self, object: Object) -> Option<Source> {
        match object {
            Object::Reader(pipe) => self.pipes[pipe].clone(),
            Object::Socket(socket) => {
                self.sockets[socket].pair.as_ref().and_then(|(_, source)| source.clone())
            }
            _ => None,
        }
    }

    /// Programs talk over pairs of sockets about this and that. Only who hands on what he gets is believed to write
    /// into one what he has from a remote, unless it was the remote that came to him.
    fn relays(&self, process: Ix, source: &Source) -> bool {
        let came = |open: &Open| match (open.object, source) {
            (Object::Socket(socket), Source::Remote(remote, ..)) => {
                self.sockets[socket].peer == Peer::Server(Some(*remote))
            }
            _ => false,
        };
        self.processes[process].program.hands_on() && !self.table(process).values().any(came)
    }

    /// What the oldest relay has that holds the other end of a pair which is standard input to a program that starts.
    pub(super) fn relayed_to(&self, reader: Ix, end: Object) -> Option<Source> {
        if !matches!(end, Object::Socket(_)) {
            return None;
        }
        (0..self.processes.len()).find_map(|ix| {
            let other = &self.processes[ix];
            let writes = |open: &Open| !open.passed_on && self.far_end(open.object) == Some(end);
            let may = ix != reader
                && other.container == self.processes[reader].container
                && other.exited.is_none()
                && self.table(ix).values().any(writes);
            other.inputs.last().filter(|source| may && self.relays(ix, source)).cloned()
        })
    }

    /// Who reads from `object`, and whether as standard input. A shell holds its pipelines' pipes without reading.
    fn readers(&self, container: Ix, object: Object) -> Vec<(Ix, bool)> {
        let reads =
            |open: &Open| open.object == object && !matches!(open.access, Access::Write | Access::Path);
        let mut readers = Vec::new();
        for (ix, process) in self.processes.iter().enumerate() {
            if process.exited.is_some() || process.container != container {
                continue;
            }
            let table = &self.tables[process.table];
            if table.get(&process.runs_from).is_some_and(reads) {
                readers.push((ix, true));
            } else if !process.program.is_shell() && table.values().any(reads) {
                readers.push((ix, false));
            }
        }
        readers
    }

    /// `process` writes to a file what it has.
    pub(super) fn writes(&mut self, process: Ix, file: Ix, keeps_content: bool, time: Time) {
        let writer = &self.processes[process];
        let known = &self.containers[writer.container].files[file];
        let (earlier, remote) = match writer.input() {
            Some(Source::Remote(addr, since, _)) => (Vec::new(), Some((*addr, *since))),
            Some(Source::File(chain)) => (chain.steps.clone(), chain.remote),
            None if keeps_content && known.provenance.is_tainted() => return,
            None => (Vec::new(), None),
        };
        let mut steps = vec![Step {
            file,
            path: Rc::clone(&known.path),
            writer: writer.tgid,
            program: Rc::clone(&writer.program.path),
            time,
            making: writer.making(),
        }];
        steps.extend(earlier);
        let container = writer.container;
        let chain = Chain::new(steps, remote);
        let known = &mut self.containers[container].files[file];
        let origin = if known.path.starts_with(b"/memfd:") { Origin::Memfd } else { chain.origin() };
        known.provenance = Provenance { origin, chain: Some(Rc::new(chain)) };
        known.written = Some(time);
        self.processes[process].wrote = Some(file);
    }
}
