//! An event with everything that a condition may ask about it, and who and what stands around it.

use std::net::SocketAddr;

use crate::event::{Call, Event, Fd, Kind, MapProt, ModeBits, OpenFlags, Sysno, Text, Time};
use crate::intel::feed::FileHash;
use crate::intel::{Hit, Intel, TextHits};
use crate::state::path::basename;
use crate::state::{
    Code, Endpoint, File, Observation, Process, Program, Returns, Socket, State, Subject, Traffic,
};

use super::{Memo, Value};

/// `MAP_ANONYMOUS`, `include/uapi/asm-generic/mman-common.h`
const MAP_ANONYMOUS: u32 = 0x20;

/// Memory without a file behind it.
pub(super) struct Anonymous {
    pub(super) bytes: u64,
    pub(super) prot: MapProt,
}

/// An event with everything that a condition may ask about it.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The event.
    pub event: &'a Event<'a>,
    /// What it was about.
    pub observation: &'a Observation,
    /// What is remembered of the sandbox, the event included.
    pub state: &'a State,
    /// What the denylists say.
    pub intel: &'a Intel,
    /// What was made of it so far for whoever asked.
    pub memo: &'a Memo,
}

impl<'a> Scene<'a> {
    /// The acting process.
    #[must_use]
    pub fn process(&self) -> Option<&'a Process> {
        self.state.process_at(self.observation.process)
    }

    /// What the acting process runs; nothing while nothing is known of it.
    #[must_use]
    pub fn program(&self) -> Option<&'a Program> {
        Some(&*self.process()?.program).filter(|program| !program.is_unknown())
    }

    /// The nth ancestor's program: as the parent is now if it is still there, else as it was.
    pub(super) fn ancestor(&self, nth: u8) -> Option<&'a Program> {
        let at = usize::from(nth).checked_sub(1)?;
        let ancestor = self.process()?.ancestors.get(at)?;
        Some(&*ancestor.actor.program).filter(|program| !program.is_unknown())
    }

    /// The event's names. Most have one.
    pub(super) fn type_names(&self) -> Option<Value<'a>> {
        match self.event.kind.names() {
            [] => None,
            [name] => Some(Value::Word(name)),
            names => Some(Value::Words(names)),
        }
    }

    pub(super) fn call(&self) -> Option<&'a Call> {
        self.event.kind.call()
    }

    pub(super) fn open_flags(&self) -> Option<OpenFlags> {
        let Kind::Open(open) = &self.event.kind else { return None };
        Some(open.flags)
    }

    /// The permission bits that a chmod or a creating open asks for.
    pub(super) fn mode(&self) -> Option<ModeBits> {
        if let Kind::Open(open) = &self.event.kind {
            return open.flags.contains(OpenFlags::CREAT).then_some(open.mode);
        }
        let Kind::Raw(raw) = &self.event.kind else { return None };
        let register = match raw.sysno() {
            Sysno::CHMOD | Sysno::FCHMOD => 2,
            Sysno::FCHMODAT => 3,
            _ => return None,
        };
        Some(ModeBits::from_bits_retain(u32::try_from(raw.arg(register) & 0o7777).unwrap_or(0)))
    }

    /// The path as the call was given it.
    pub(crate) fn path_given(&self) -> Option<&'a [u8]> {
        let path = if let Kind::Open(open) = &self.event.kind {
            open.pathname
        } else if let Kind::Execve(exec) = &self.event.kind {
            exec.pathname
        } else if let Kind::SentryExecve(exec) = &self.event.kind {
            exec.execfn
        } else if let Kind::Chdir(chdir) = &self.event.kind {
            chdir.pathname
        } else if let Kind::Chroot(chroot) = &self.event.kind {
            chroot.pathname
        } else if let Kind::InotifyAddWatch(event) = &self.event.kind {
            event.pathname
        } else {
            return None;
        };
        path.present()
    }

    /// The file that the event is about.
    #[must_use]
    pub fn file(&self) -> Option<&'a File> {
        match self.observation.subject {
            Subject::File(file) => self.state.file_in(self.observation.container, file),
            Subject::Process
            | Subject::Socket { .. }
            | Subject::Gpu(_)
            | Subject::Child(_)
            | Subject::Other => None,
        }
    }

    /// The socket that the event is about.
    #[must_use]
    pub fn socket(&self) -> Option<&'a Socket> {
        match self.observation.subject {
            Subject::Socket { socket, .. } => self.state.socket_at(socket),
            Subject::Process | Subject::File(_) | Subject::Gpu(_) | Subject::Child(_) | Subject::Other => {
                None
            }
        }
    }

    /// What passed through the connection that the event is about.
    #[must_use]
    pub fn traffic(&self) -> Option<&'a Traffic> {
        self.socket()?.traffic.as_deref()
    }

    /// The remote endpoint that the event is about.
    #[must_use]
    pub fn endpoint(&self) -> Option<&'a Endpoint> {
        match self.observation.subject {
            Subject::Socket { endpoint, .. } => self.state.endpoint_in(self.observation.container, endpoint?),
            Subject::Process | Subject::File(_) | Subject::Gpu(_) | Subject::Child(_) | Subject::Other => {
                None
            }
        }
    }

    /// What came of coming back to that endpoint.
    pub(super) fn returns(&self) -> Option<&'a Returns> {
        self.endpoint()?.returns.as_deref()
    }

    /// Where a connection within the container leads on to.
    pub(super) fn relayed(&self) -> Option<SocketAddr> {
        match self.observation.subject {
            Subject::Socket { socket, .. } => self.state.onward(self.observation.container, socket),
            Subject::Process | Subject::File(_) | Subject::Gpu(_) | Subject::Child(_) | Subject::Other => {
                None
            }
        }
    }

    /// The memory that an mmap(2) asks for without a file behind it, by its arguments or its registers.
    pub(super) fn anonymous(&self) -> Option<Anonymous> {
        let (bytes, prot, flags) = if let Kind::Mmap(mmap) = &self.event.kind {
            (mmap.length, mmap.prot, mmap.flags)
        } else if let Kind::Raw(raw) = &self.event.kind {
            if raw.sysno() != Sysno::MMAP {
                return None;
            }
            let low = |register: usize| u32::try_from(raw.arg(register) & 0xffff_ffff).unwrap_or(0);
            (raw.arg(2), MapProt::from_bits_retain(low(3)), low(4))
        } else {
            return None;
        };
        (flags & MAP_ANONYMOUS != 0).then_some(Anonymous { bytes, prot })
    }

    /// The address at the other end of the socket that the event is about.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.socket()?.remote()
    }

    /// The gravest of the foreign code that the process took in beside its program.
    pub(super) fn foreign_code(&self) -> Option<&'a Code> {
        self.process()?.foreign_code()
    }

    /// Whether the event takes the file in as code.
    pub(super) fn takes_code(&self, file: &File) -> bool {
        let exec = |prot: MapProt| prot.contains(MapProt::EXEC);
        if let Kind::SentryMmap(_) = &self.event.kind {
            true
        } else if let Kind::Mmap(mmap) = &self.event.kind {
            exec(mmap.prot)
        } else if let Kind::Raw(raw) = &self.event.kind {
            raw.sysno() == Sysno::MMAP
                && exec(MapProt::from_bits_retain(u32::try_from(raw.arg(3) & 0xffff_ffff).unwrap_or(0)))
        } else if let Kind::Open(open) = &self.event.kind {
            let opened = open.flags.is_read() && open.call.exit.is_some_and(|exit| exit.succeeded());
            opened && self.program().is_some_and(|program| program.takes_as_code(&file.path))
        } else {
            false
        }
    }

    pub(super) fn program_remote(&self) -> Option<SocketAddr> {
        let process = self.process()?;
        let fed = process.stdin_source().filter(|_| process.is_fed_from_network());
        let remote = match fed {
            Some(source) => source.remote(),
            None => process.program.effective().remote(),
        };
        let remote = remote.or_else(|| process.foreign_code()?.provenance.remote());
        remote.map(|remote| remote.addr)
    }

    /// The remote behind standard input and output: by one socket, or through whoever relays both.
    pub(super) fn stdio_remote(&self) -> Option<SocketAddr> {
        let process = self.observation.process;
        let input = self.state.connected_remote(process, Fd::STDIN);
        let output = self.state.connected_remote(process, Fd::STDOUT);
        input.filter(|_| input == output).or_else(|| self.state.relayed_remote(process))
    }

    /// What the denylists say of the remote.
    pub(crate) fn ip_hit(&self) -> Option<Hit<'a>> {
        self.intel.endpoint(self.remote()?, self.observation.time)
    }

    /// What the denylists say of the program under any of its names, with the name that they know.
    pub(crate) fn binary_hit(&self) -> Option<(&'a [u8], Hit<'a>)> {
        let program = self.program()?;
        let now = self.observation.time;
        let argv0 = program.argv.first().map(basename);
        [Some(basename(&program.path)), Some(&*program.name), argv0]
            .into_iter()
            .flatten()
            .find_map(|name| self.intel.binary_name(name, now).map(|hit| (name, hit)))
    }

    /// What the denylists say of the program's bytes, with the digest that they know.
    pub(crate) fn hash_hit(&self) -> Option<(FileHash, Hit<'a>)> {
        let digests = &self.program()?.digests;
        [digests.sha256().map(FileHash::Sha256), digests.sha1().map(FileHash::Sha1)]
            .into_iter()
            .flatten()
            .find_map(|digest| self.intel.file(&digest, self.observation.time).map(|hit| (digest, hit)))
    }

    /// How long ago something began that a list dates.
    pub(super) fn known_for(&self, since: Option<Time>) -> Option<Value<'a>> {
        Some(Value::Int(self.observation.time.since(since?).0.max(0)))
    }

    /// Hits in the arguments: in all of them while the exec is at hand, later in those that were kept.
    pub(crate) fn text_hits(&self) -> Option<TextHits> {
        let now = self.observation.time;
        let hits = if let Kind::SentryExecve(exec) = &self.event.kind {
            self.intel.arguments(exec.argv.iter().map(Text::bytes), now)
        } else if let Kind::ContainerStart(start) = &self.event.kind {
            self.intel.arguments(start.args.iter().map(Text::bytes), now)
        } else {
            self.intel.arguments(self.program()?.argv.iter(), now)
        };
        (!hits.tags.is_empty()).then_some(hits)
    }
}
