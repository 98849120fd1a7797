//! Programs and where their bytes came from: what a verdict rests on.
//!
//! A [`Program`] is what exec made of a process, a [`Derivation`] how a file came to be: remote → process → file →
//! process → file. Both are immutable and shared, so evidence keeps them by holding on to them, and lineage and
//! provenance outlive the processes and files that they tell of.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::{Text, Texts, Tgid, Time};

use super::budget::{Account, Budget, Charge, Pins, heap_of};
use super::digest::Digests;
use super::path::basename;

/// Arguments that are kept of a program, in bytes. Enough for any command line that a person typed; a longer one is
/// cut, and what was cut is said.
const ARGV_KEPT: usize = 8192;

/// Steps that a derivation keeps. Who copies a file in circles to wear the chain out loses steps in the middle:
/// the first ones, with the remote, stay.
pub(crate) const MAX_STEPS: u8 = 12;

/// `TASK_COMM_LEN` without the NUL (`include/linux/sched.h`): where the kernel cuts a process name.
pub(crate) const COMM_MAX: usize = 15;

/// Where a program's or a file's bytes came from, as far as anyone can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Nobody said, and nothing was seen.
    #[default]
    Unknown,
    /// A part of the container's image.
    Image,
    /// Written inside the container, by a process that had nothing from the network.
    Created,
    /// Its bytes descend from a remote.
    Network,
    /// It lies in memory only.
    Memfd,
}

impl Origin {
    /// The origin's name in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Origin::Unknown => "unknown",
            Origin::Image => "image",
            Origin::Created => "created",
            Origin::Network => "network",
            Origin::Memfd => "memfd",
        }
    }
}

/// A file's number: never given twice in a sandbox, so that a file that took another's path is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileSerial(pub u64);

/// Who did something, as evidence keeps it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The process id.
    pub tgid: Tgid,
    /// What it ran at that time.
    pub program: Arc<Program>,
}

impl Actor {
    /// The same, without how its program came to be.
    fn without_chain(&self, budget: &Budget) -> Actor {
        Actor { tgid: self.tgid, program: self.program.without_chain(budget) }
    }
}

/// How a file came to be.
#[derive(Clone, Debug)]
pub struct Derivation {
    /// The file's number.
    pub file: FileSerial,
    /// Its path at that time.
    pub path: Box<[u8]>,
    /// Who wrote it.
    pub writer: Actor,
    /// When it was opened for that.
    pub time: Time,
    /// Where the bytes came from.
    pub source: Source,
    /// What the writer does to bytes.
    pub making: Making,
    steps: u8,
    /// Whether a writer in the chain is itself a program whose chain is known.
    is_deep: bool,
    charge: Charge,
    pins: Pins,
}

/// What a writer does to the bytes that it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Making {
    /// It passes them on: a download, a copy, an unpacked archive; or nobody knows better.
    #[default]
    Written,
    /// It makes something new of them, as compilers and linkers do.
    Built,
    /// It is a package manager that is itself of the image, or was installed by one.
    Installed,
}

/// Where bytes came from.
#[derive(Clone, Debug)]
pub enum Source {
    /// From nowhere that was seen.
    Local,
    /// From a remote peer.
    Remote(Remote),
    /// From another file.
    File(Arc<Derivation>),
}

/// A remote peer that bytes came from.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Its address and port.
    pub addr: SocketAddr,
    /// When the process connected to it.
    pub time: Time,
    /// Who did: of `curl | tee FILE` it is curl, and tee writes the file.
    pub by: Actor,
}

impl Source {
    /// The remote at the beginning of the chain, if there is one.
    #[must_use]
    pub fn remote(&self) -> Option<&Remote> {
        let mut source = self;
        // Chains are built link by link with at most MAX_STEPS links, so this ends; the bound is for the reader.
        for _ in 0..=MAX_STEPS {
            match source {
                Source::Local => return None,
                Source::Remote(remote) => return Some(remote),
                Source::File(derivation) => source = &derivation.source,
            }
        }
        None
    }

    /// Whether they are what a compiler made, or a copy of that.
    #[must_use]
    pub(crate) fn is_built(&self) -> bool {
        match self {
            Source::Local | Source::Remote(_) => false,
            Source::File(derivation) => derivation.is_built(),
        }
    }
}

impl Derivation {
    /// A file that `writer` opened for writing while its bytes came from `source`.
    #[must_use]
    pub(crate) fn new(
        file: FileSerial,
        path: Box<[u8]>,
        writer: Actor,
        time: Time,
        source: Source,
        making: Making,
        budget: &Budget,
    ) -> Arc<Self> {
        let mut source = source;
        let mut steps = match &source {
            Source::Local | Source::Remote(_) => 1,
            Source::File(earlier) => earlier.steps.saturating_add(1),
        };
        if steps > MAX_STEPS {
            // Leave out the step before this one; what came before it stays.
            if let Source::File(earlier) = &source {
                source = earlier.source.clone();
                steps = MAX_STEPS;
            }
        }
        let earlier_is_deep = match &source {
            Source::Local => false,
            Source::Remote(remote) => remote.by.program.has_chain(),
            Source::File(earlier) => earlier.is_deep,
        };
        let is_deep = earlier_is_deep || writer.program.has_chain();
        let bytes = heap_of::<Derivation>(1).saturating_add(heap_of::<u8>(path.len()));
        let charge = budget.charge(Account::Objects, bytes);
        Arc::new(Derivation {
            file,
            path,
            writer,
            time,
            source,
            making,
            steps,
            is_deep,
            charge,
            pins: Pins::default(),
        })
    }

    /// What this step alone costs.
    pub(crate) fn bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// One more piece of evidence keeps this step alive.
    pub(crate) fn pin(&self) {
        self.pins.pin(&self.charge);
    }

    /// One fewer does.
    pub(crate) fn unpin(&self) {
        self.pins.unpin(&self.charge);
    }

    /// The same chain, whose writers and fetchers are told without the chains of their own.
    ///
    /// A program that writes its successor and runs it, on and on, would else make a chain of chains without end.
    fn flat(self: &Arc<Self>, budget: &Budget) -> Arc<Derivation> {
        if !self.is_deep {
            return Arc::clone(self);
        }
        let mut steps: Vec<&Derivation> = self.chain().collect();
        let mut flat = None;
        while let Some(step) = steps.pop() {
            let source = match (&step.source, flat.take()) {
                (Source::File(_), Some(earlier)) => Source::File(earlier),
                (Source::Remote(remote), _) => {
                    Source::Remote(Remote { by: remote.by.without_chain(budget), ..*remote })
                }
                (source @ (Source::Local | Source::File(_)), _) => source.clone(),
            };
            let (path, writer) = (step.path.clone(), step.writer.without_chain(budget));
            flat = Some(Derivation::new(step.file, path, writer, step.time, source, step.making, budget));
        }
        flat.unwrap_or_else(|| Arc::clone(self))
    }

    /// The chain from this file back to the first that is known.
    pub fn chain(&self) -> impl Iterator<Item = &Derivation> {
        std::iter::successors(Some(self), |derivation| match &derivation.source {
            Source::Local | Source::Remote(_) => None,
            Source::File(earlier) => Some(earlier),
        })
        .take(usize::from(MAX_STEPS).saturating_add(1))
    }

    /// Whether a compiler made it, or it is a copy of what one made. What went into that is in the chain all the same.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.chain().any(|step| step.making == Making::Built)
    }

    /// Whether a package manager put it there.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.making == Making::Installed
    }
}

/// A file with what is known of it at one point in time.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Where its bytes came from.
    pub origin: Origin,
    /// How it came to be, if that was seen.
    pub derivation: Option<Arc<Derivation>>,
}

impl Provenance {
    /// The remote that the bytes descend from.
    #[must_use]
    pub fn remote(&self) -> Option<&Remote> {
        self.derivation.as_ref()?.source.remote()
    }

    fn flat(self, budget: &Budget) -> Provenance {
        let derivation = self.derivation.map(|derivation| derivation.flat(budget));
        Provenance { derivation, ..self }
    }

    /// Whether a compiler made it, or it is a copy of what one made.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.derivation.as_ref().is_some_and(|derivation| derivation.is_built())
    }

    /// Whether a package manager put it there, one that is no stranger itself.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.derivation.as_ref().is_some_and(|derivation| derivation.is_installed())
    }

    /// The files that the bytes descend from, the file itself first.
    pub fn ancestry(&self) -> impl Iterator<Item = FileSerial> + '_ {
        self.derivation.iter().flat_map(|derivation| derivation.chain()).map(|derivation| derivation.file)
    }
}

/// What a process runs: made by exec, shared by the process, its forked children and the evidence.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The executable's path as the sentry resolved it.
    pub path: Box<[u8]>,
    /// What the kernel would call the process: the basename of the path that was asked for, cut to 15 bytes.
    pub name: Box<[u8]>,
    /// The arguments.
    pub argv: Argv,
    /// What the executable's bytes hash to, where the session asks for that.
    pub digests: Digests,
    /// Where the executable came from.
    pub executable: Provenance,
    /// The script behind an interpreter, with where it came from.
    pub script: Option<Script>,
    /// When it was run.
    pub time: Time,
    pub(crate) charge: Charge,
    pub(crate) pins: Pins,
}

/// A script that an interpreter runs.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its path.
    pub path: Box<[u8]>,
    /// Where it came from.
    pub provenance: Provenance,
}

impl Program {
    /// The path of what truly runs: the script behind an interpreter, else the executable.
    #[must_use]
    pub fn effective_path(&self) -> &[u8] {
        self.script.as_ref().map_or(&self.path, |script| &script.path)
    }

    /// Where what truly runs came from. A foreign interpreter is foreign whatever it runs.
    #[must_use]
    pub fn effective(&self) -> &Provenance {
        match &self.script {
            Some(script) if !is_foreign(self.executable.origin) => &script.provenance,
            _ => &self.executable,
        }
    }

    /// The program as it is kept: charged, and with chains that end.
    pub(crate) fn kept(mut self, budget: &Budget) -> Arc<Program> {
        self.executable = self.executable.flat(budget);
        self.script = self
            .script
            .map(|script| Script { provenance: script.provenance.flat(budget), path: script.path });
        let texts = [&self.path, &self.name, &self.argv.joined];
        let script = self.script.as_ref().map_or(0, |script| heap_of::<u8>(script.path.len()));
        let others = script.saturating_add(self.digests.heap());
        let bytes = texts.iter().map(|text| heap_of::<u8>(text.len())).fold(others, usize::saturating_add);
        self.charge = budget.charge(Account::Objects, bytes.saturating_add(heap_of::<Program>(1)));
        Arc::new(self)
    }

    /// One more piece of evidence keeps the program alive.
    pub(crate) fn pin(&self) {
        self.pins.pin(&self.charge);
    }

    /// One fewer does.
    pub(crate) fn unpin(&self) {
        self.pins.unpin(&self.charge);
    }

    /// What the program costs, without the chains that it shares.
    pub(crate) fn bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// Whether it is known how its file or its script came to be.
    fn has_chain(&self) -> bool {
        let script = self.script.as_ref().map(|script| &script.provenance);
        script.into_iter().chain([&self.executable]).any(|provenance| provenance.derivation.is_some())
    }

    fn without_chain(self: &Arc<Self>, budget: &Budget) -> Arc<Program> {
        if !self.has_chain() {
            return Arc::clone(self);
        }
        let bare = |provenance: &Provenance| Provenance { origin: provenance.origin, derivation: None };
        let script = self.script.as_ref();
        let script =
            script.map(|script| Script { path: script.path.clone(), provenance: bare(&script.provenance) });
        let copy = Program::clone(self);
        Program { executable: bare(&self.executable), script, ..copy }.kept(budget)
    }

    /// Whether nothing at all is known of it: the program of a process that was first seen in mid-life.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.path.is_empty() && self.argv.is_empty()
    }
}

/// Whether a program of that origin is no part of the image.
pub(crate) fn is_foreign(origin: Origin) -> bool {
    match origin {
        Origin::Created | Origin::Network | Origin::Memfd => true,
        Origin::Unknown | Origin::Image => false,
    }
}

/// The name that the kernel would give a process that runs `path`.
pub(crate) fn comm_of(path: &[u8]) -> Box<[u8]> {
    let name = basename(path);
    name.get(..COMM_MAX).unwrap_or(name).into()
}

/// Arguments in one piece, separated by NULs as in `/proc/PID/cmdline`, at most 8 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argv {
    joined: Box<[u8]>,
    cut: bool,
}

impl Argv {
    /// Copies what fits.
    #[must_use]
    pub(crate) fn copy(texts: &Texts<'_>) -> Argv {
        let mut joined = Vec::new();
        for text in texts.iter() {
            let room = ARGV_KEPT.saturating_sub(joined.len());
            if text.bytes().len() >= room {
                joined.extend_from_slice(text.bytes().get(..room).unwrap_or_default());
                return Argv { joined: joined.into_boxed_slice(), cut: true };
            }
            joined.extend_from_slice(text.bytes());
            joined.push(0);
        }
        joined.pop();
        Argv { joined: joined.into_boxed_slice(), cut: false }
    }

    /// What they take on the heap.
    pub(crate) fn heap(&self) -> usize {
        heap_of::<u8>(self.joined.len())
    }

    /// The arguments, the program's own name first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let present = if self.joined.is_empty() { None } else { Some(&*self.joined) };
        present.into_iter().flat_map(|joined| joined.split(|byte| *byte == 0))
    }

    /// `argv[0]`
    #[must_use]
    pub fn first(&self) -> Option<&[u8]> {
        self.iter().next()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty()
    }

    /// Whether some were left out because they were too long.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

impl fmt::Display for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, arg) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            let plain = !arg.is_empty()
                && arg.iter().all(|byte| byte.is_ascii_graphic() && !b"'\"\\$`".contains(byte));
            if plain { Text(arg).fmt(f)? } else { write!(f, "'{}'", Text(arg))? }
        }
        if self.cut { f.write_str(" …") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(args: &[&str]) -> Argv {
        let texts: Vec<Text<'_>> = args.iter().map(|arg| Text(arg.as_bytes())).collect();
        Argv::copy(&Texts::of(&texts))
    }

    #[test]
    fn arguments_are_kept_in_order_with_empty_ones() {
        let kept = argv(&["sh", "-c", "", "a b"]);
        assert!(kept.iter().eq(["sh", "-c", "", "a b"].map(str::as_bytes)));
        assert_eq!(kept.to_string(), "sh -c '' 'a b'");
        assert!(argv(&[]).is_empty());
    }

    #[test]
    fn arguments_beyond_the_bound_are_cut_and_it_shows() {
        let kept = argv(&["x", &"y".repeat(3 * ARGV_KEPT)]);
        assert!(kept.is_cut());
        assert!(kept.to_string().ends_with('…'));
    }

    fn step(number: u64, source: Source) -> Arc<Derivation> {
        let writer = Actor { tgid: Tgid(1), program: Arc::default() };
        let (number, path, budget) = (FileSerial(number), Box::from(*b"/f"), Budget::default());
        Derivation::new(number, path, writer, Time(1), source, Making::Written, &budget)
    }

    #[test]
    fn a_chain_worn_out_by_copies_keeps_its_remote_and_its_bound() {
        let by = Actor { tgid: Tgid(1), program: Arc::default() };
        let remote = Remote { addr: "198.51.100.1:80".parse().unwrap(), time: Time(1), by };
        let mut derivation = step(0, Source::Remote(remote.clone()));
        for number in 1..1000 {
            derivation = step(number, Source::File(derivation));
        }
        assert_eq!(derivation.source.remote().map(|remote| remote.addr), Some(remote.addr));
        let chain: Vec<u64> = derivation.chain().map(|step| step.file.0).collect();
        assert_eq!(chain.len(), usize::from(MAX_STEPS));
        assert_eq!((chain[0], chain[chain.len() - 1]), (999, 0));
    }

    #[test]
    fn a_program_that_writes_its_successor_for_ever_makes_no_endless_chain() {
        let budget = Budget::default();
        let mut program = Arc::new(Program::default());
        let mut used = Vec::new();
        for number in 0..10_000 {
            let writer = Actor { tgid: Tgid(1), program: Arc::clone(&program) };
            let by = writer.clone();
            let source =
                Source::Remote(Remote { addr: "198.51.100.1:80".parse().unwrap(), time: Time(1), by });
            let (number, path) = (FileSerial(number), Box::from(*b"/tmp/worm"));
            let file = Derivation::new(number, path, writer, Time(1), source, Making::Written, &budget);
            let executable = Provenance { origin: Origin::Network, derivation: Some(file) };
            program = Program { executable, ..Program::default() }.kept(&budget);
            used.push(budget.used());
        }
        assert_eq!(used[10], used[9_999]);
        assert_eq!(program.executable.remote().map(|remote| remote.time), Some(Time(1)));
        drop(program);
        assert_eq!(budget.used(), 0);
    }
}
