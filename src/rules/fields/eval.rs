//! How each field is read off an event and what is remembered of the sandbox. Nothing is computed unless asked for.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::event::{Call, Event, Fd, Kind, MapProt, ModeBits, OpenFlags, Sysno, Text};
use crate::intel::{Hit, Intel, TextHits};
use crate::state::{
    Code, Endpoint, File, FileSerial, News, Object, Observation, Origin, Process, Program, Provenance,
    Returns, Role, Socket, State, Subject, Taken, Traffic,
};

use super::{FieldId, FieldRef, Memo, Value};

/// Where the kernel cuts a process name; names in rules are cut alike, or they could never match.
const COMM_MAX: usize = 15;

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
    /// The value of a field; nothing where it has none.
    #[must_use]
    pub fn get(&self, field: FieldRef) -> Option<Value<'a>> {
        match field.id {
            FieldId::EvtType => Some(Value::Word(self.event.kind.event_type().name()?)),
            FieldId::EvtRes => Some(match self.call()?.exit?.errno.name() {
                Some(name) => Value::Word(name),
                None => Value::Text(Cow::Owned(self.call()?.exit?.errno.to_string().into_bytes())),
            }),
            FieldId::EvtRawres => {
                let exit = self.call()?.exit?;
                Some(Value::Int(if exit.succeeded() { exit.result } else { exit.errno.0.saturating_neg() }))
            }
            FieldId::EvtFailed => Some(Value::Bool(!self.call()?.exit?.succeeded())),
            FieldId::EvtIsOpenRead => Some(Value::Bool(self.open_flags()?.is_read())),
            FieldId::EvtIsOpenWrite => Some(Value::Bool(self.open_flags()?.is_write())),
            FieldId::EvtIsOpenCreate => Some(Value::Bool(self.open_flags()?.contains(OpenFlags::CREAT))),
            FieldId::EvtArgFlags => {
                Some(Value::Text(Cow::Owned(flag_names(self.open_flags()?).into_bytes())))
            }
            FieldId::EvtArgModeExec => Some(Value::Bool(self.mode()?.intersects(ModeBits::EXEC))),
            FieldId::EvtArgFilename => self.path_given().map(Value::text),
            FieldId::EvtArgChanged => Some(Value::Bool(self.observation.arg_changed)),
            FieldId::ProcName => name_of(self.process()?),
            FieldId::ProcExe => self.program()?.argv.first().map(Value::text),
            FieldId::ProcExepath => present(&self.program()?.path),
            FieldId::ProcArgs => Some(Value::Text(Cow::Owned(args_of(self.program()?)))),
            FieldId::ProcCmdline => Some(Value::Text(Cow::Owned(cmdline_of(self.program()?)))),
            FieldId::ProcCwd => {
                let said = self.event.context.as_ref().and_then(|context| context.cwd.present());
                said.or_else(|| self.process()?.cwd.as_deref()).map(Value::text)
            }
            FieldId::ProcPname => self.ancestor(1).and_then(|program| present(&program.name)),
            FieldId::ProcPcmdline => {
                self.ancestor(1).map(|program| Value::Text(Cow::Owned(cmdline_of(program))))
            }
            FieldId::ProcPexepath => self.ancestor(1).and_then(|program| present(&program.path)),
            FieldId::ProcAname => match field.index {
                Some(0) => name_of(self.process()?),
                Some(nth) => self.ancestor(nth).and_then(|program| present(&program.name)),
                None => {
                    let names =
                        self.process()?.ancestors.iter().map(|ancestor| &*ancestor.actor.program.name);
                    Some(Value::Texts(names.filter(|name| !name.is_empty()).map(Cow::Borrowed).collect()))
                }
            },
            FieldId::ProcPid | FieldId::ProcVpid => Some(Value::Int(i64::from(self.process()?.key.tgid.0))),
            FieldId::ProcPpid => {
                self.process()?.ancestors.first().map(|parent| Value::Int(i64::from(parent.actor.tgid.0)))
            }
            FieldId::ProcDuration => {
                let start = self.process()?.key.start;
                start.is_known().then(|| Value::Int(self.observation.time.since(start).0))
            }
            FieldId::ProcIsExeUpperLayer => match self.program()?.executable.origin {
                Origin::Unknown | Origin::Memfd => None,
                Origin::Image => Some(Value::Bool(false)),
                Origin::Created | Origin::Network => Some(Value::Bool(true)),
            },
            FieldId::ProcIsExeFromMemfd => {
                Some(Value::Bool(self.program()?.executable.origin == Origin::Memfd))
            }
            FieldId::ProcExeOrigin => Some(Value::Word(self.program()?.executable.origin.name())),
            FieldId::ProcExeAncestry => ancestry(&self.program()?.executable),
            FieldId::ProcExeWriter => writer(&self.program()?.executable),
            FieldId::ProcExeInstalled => Some(Value::Bool(self.program()?.executable.is_installed())),
            FieldId::ProcExeBuilt => Some(Value::Bool(self.program()?.executable.is_built())),
            FieldId::ProcProgramPath => present(self.program()?.effective_path()),
            FieldId::ProcProgramOrigin => Some(Value::Word(self.process()?.program_origin().name())),
            FieldId::ProcProgramRemote => self.program_remote().map(Value::Endpoint),
            FieldId::ProcProgramFed => Some(Value::Bool(self.process()?.is_fed_from_network())),
            FieldId::ProcProgramWriter => writer(self.program()?.effective()),
            FieldId::ProcProgramInstalled => Some(Value::Bool(self.program()?.effective().is_installed())),
            FieldId::ProcProgramBuilt => Some(Value::Bool(self.program()?.effective().is_built())),
            FieldId::ProcLibOrigin => Some(Value::Word(self.foreign_code()?.provenance.origin.name())),
            FieldId::ProcLibPath => Some(Value::text(&self.foreign_code()?.path)),
            FieldId::ProcLibRemote => {
                self.foreign_code()?.provenance.remote().map(|remote| Value::Endpoint(remote.addr))
            }
            FieldId::ProcLibAncestry => ancestry(&self.foreign_code()?.provenance),
            FieldId::ProcLibMapped => Some(Value::Bool(self.foreign_code()?.taken == Taken::Mapped)),
            FieldId::ProcProgramAncestry => ancestry(self.program()?.effective()),
            FieldId::ProcStdioRemote => self.stdio_remote().map(Value::Endpoint),
            FieldId::ThreadTid => Some(Value::Int(i64::from(self.event.context.as_ref()?.tid.0))),
            FieldId::UserUid => self.process()?.uid.map(|uid| Value::Int(i64::from(uid.0))),
            FieldId::FdNum => self.observation.fd.map(|fd| Value::Int(i64::from(fd.0))),
            FieldId::FdName => self.fd_name(),
            FieldId::FdDirectory => {
                let path = self.fd_path()?;
                let slash = path.iter().rposition(|byte| *byte == b'/')?;
                Some(Value::text(path.get(..slash.max(1))?))
            }
            FieldId::FdFilename => self.fd_path()?.rsplit(|byte| *byte == b'/').next().map(Value::text),
            FieldId::FdTypechar => self.fd_kind().map(|(char, _)| Value::Word(char)),
            FieldId::FdType => self.fd_kind().map(|(_, name)| Value::Word(name)),
            FieldId::FdL4proto => match self.socket()? {
                socket if !socket.family.is_inet() => None,
                socket => match socket.kind {
                    1 => Some(Value::Word("tcp")),
                    2 => Some(Value::Word("udp")),
                    3 => Some(Value::Word("raw")),
                    _ => None,
                },
            },
            FieldId::FdRip => self.remote().map(|remote| Value::Ip(remote.ip())),
            FieldId::FdRnet => self.remote().map(|remote| Value::Ip(remote.ip())),
            FieldId::FdRport => self.remote().map(|remote| Value::Int(i64::from(remote.port()))),
            FieldId::FdRemote => self.remote().map(Value::Endpoint),
            FieldId::FdSip | FieldId::FdSnet => self.server().map(|server| Value::Ip(server.ip())),
            FieldId::FdSport => self.server().map(|server| Value::Int(i64::from(server.port()))),
            FieldId::FdIsServer => match self.socket()?.role {
                Role::Client { .. } => Some(Value::Bool(false)),
                Role::Server { .. } => Some(Value::Bool(true)),
                Role::Idle | Role::Local => None,
            },
            FieldId::FileId => self.file().map(|file| serial(file.serial)),
            FieldId::FilePath => self.file().map(|file| Value::text(&file.path)),
            FieldId::FileOrigin => self.file().map(|file| Value::Word(file.provenance.origin.name())),
            FieldId::FileRemote => {
                self.file()?.provenance.remote().map(|remote| Value::Endpoint(remote.addr))
            }
            FieldId::FileInstalled => Some(Value::Bool(self.file()?.provenance.is_installed())),
            FieldId::FileBuilt => Some(Value::Bool(self.file()?.provenance.is_built())),
            FieldId::FileIsCode => Some(Value::Bool(self.takes_code(self.file()?))),
            FieldId::FileAncestry => ancestry(&self.file()?.provenance),
            FieldId::NetRemote => self
                .remote()
                .or_else(|| self.file()?.provenance.remote().map(|remote| remote.addr))
                .or_else(|| self.program_remote())
                .map(Value::Endpoint),
            FieldId::NetNew => match self.observation.subject {
                Subject::Socket { news, .. } => Some(Value::Bool(news == News::Attempt)),
                Subject::Process
                | Subject::File(_)
                | Subject::Gpu(_)
                | Subject::Child(_)
                | Subject::Other => None,
            },
            FieldId::NetAttempts => self.endpoint().map(|endpoint| Value::count(endpoint.attempts)),
            FieldId::NetFailures => self.endpoint().map(|endpoint| Value::count(endpoint.failures.total())),
            FieldId::NetRefused => self.endpoint().map(|endpoint| Value::count(endpoint.failures.refused)),
            FieldId::NetTimedOut => self.endpoint().map(|endpoint| Value::count(endpoint.failures.timed_out)),
            FieldId::NetUnreachable => {
                self.endpoint().map(|endpoint| Value::count(endpoint.failures.unreachable))
            }
            FieldId::NetRetryPeriod => self.returns()?.pauses.median().map(|pause| Value::Int(pause.0)),
            FieldId::NetRetryGrowth => self.returns()?.pauses.growth_permille().map(Value::count),
            FieldId::NetRelayed => self.relayed().map(Value::Endpoint),
            FieldId::NetRelayedNet => self.relayed().map(|remote| Value::Ip(remote.ip())),
            FieldId::NetAllSends => self.returns().map(|returns| Value::count(returns.sends.messages())),
            FieldId::NetAllPeriod => self.returns()?.sends.period().map(|period| Value::Int(period.0)),
            FieldId::NetAllDispersion => self.returns()?.sends.dispersion_permille().map(Value::count),
            FieldId::NetAllSendSize => self.returns()?.sends.size().map(Value::count),
            FieldId::MemAnonymous => self.anonymous().map(|memory| Value::count(memory.bytes)),
            FieldId::MemIsCode => {
                let both = MapProt::WRITE | MapProt::EXEC;
                self.anonymous().map(|memory| Value::Bool(memory.prot.contains(both)))
            }
            FieldId::ProcTerminalRemote => {
                self.state.terminal_remote(self.observation.process).map(Value::Endpoint)
            }
            FieldId::ProcOrdersFrom => self.state.orders_from(self.observation.process).map(Value::Endpoint),
            FieldId::NetConnectedFor => {
                self.endpoint()?.connected_for(self.observation.time).map(|span| Value::Int(span.0))
            }
            FieldId::NetSends => self.traffic().map(|traffic| Value::count(traffic.sends.messages())),
            FieldId::NetRecvs => self.traffic().map(|traffic| Value::count(traffic.recvs.messages())),
            FieldId::NetOpens => {
                let before = self.traffic()?.opens_before;
                Some(Value::count(self.process()?.opens.saturating_sub(before)))
            }
            FieldId::NetPeriod => self.traffic()?.sends.period().map(|period| Value::Int(period.0)),
            FieldId::NetDispersion => self.traffic()?.sends.dispersion_permille().map(Value::count),
            FieldId::NetSendSize => self.traffic()?.sends.size().map(Value::count),
            FieldId::NetRecvSize => self.traffic()?.recvs.size().map(Value::count),
            FieldId::GpuState => Some(Value::Word(self.process()?.gpu.state().name())),
            FieldId::GpuIoctls => Some(Value::count(self.process()?.gpu.ioctls())),
            FieldId::GpuRequest => match self.observation.subject {
                Subject::Gpu(request) => request.map(|request| Value::Word(request.name())),
                Subject::Process
                | Subject::File(_)
                | Subject::Socket { .. }
                | Subject::Child(_)
                | Subject::Other => None,
            },
            FieldId::IntelIpTags => self.ip_hit().map(|hit| tags(&hit)),
            FieldId::IntelIpSource => self.ip_hit().map(|hit| source(&hit)),
            FieldId::IntelIpConfidence => self.ip_hit().map(|hit| Value::Int(i64::from(hit.confidence()))),
            FieldId::IntelBinTags => self.binary_hit().map(|(_, hit)| tags(&hit)),
            FieldId::IntelBinSource => self.binary_hit().map(|(_, hit)| source(&hit)),
            FieldId::IntelTextTags => {
                let hits = self.text_hits()?;
                Some(Value::Texts(hits.tags.iter().map(|tag| Cow::Owned(tag.as_bytes().to_vec())).collect()))
            }
            FieldId::IntelTextSource => {
                self.text_hits()?.source.map(|source| Value::Text(Cow::Owned(source.as_bytes().to_vec())))
            }
            FieldId::IntelTextMatch => {
                self.text_hits()?.argument.map(|argument| Value::Text(Cow::Owned(argument.into_vec())))
            }
            FieldId::ContainerId => self
                .state
                .container_at(self.observation.container)
                .map(|container| Value::text(&container.id)),
            FieldId::StatePartial => Some(Value::Bool(self.state.sight().is_partial())),
            FieldId::StateExecUnseen => Some(Value::Bool(self.process()?.exec_unseen)),
            FieldId::StateClaimsOther => Some(Value::Bool(self.state.sight().claims_other)),
            FieldId::StatePressure => Some(Value::Bool(self.state.evictions().total() > 0)),
            // The matcher puts it in where a step was counted.
            FieldId::MatchCount => None,
        }
    }

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
    fn ancestor(&self, nth: u8) -> Option<&'a Program> {
        let at = usize::from(nth).checked_sub(1)?;
        let ancestor = self.process()?.ancestors.get(at)?;
        Some(&*ancestor.actor.program).filter(|program| !program.is_unknown())
    }

    fn call(&self) -> Option<&'a Call> {
        self.event.kind.call()
    }

    fn open_flags(&self) -> Option<OpenFlags> {
        let Kind::Open(open) = &self.event.kind else { return None };
        Some(open.flags)
    }

    /// The permission bits that a chmod or a creating open asks for.
    fn mode(&self) -> Option<ModeBits> {
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
    fn returns(&self) -> Option<&'a Returns> {
        self.endpoint()?.returns.as_deref()
    }

    /// Where a connection within the container leads on to.
    fn relayed(&self) -> Option<SocketAddr> {
        match self.observation.subject {
            Subject::Socket { socket, .. } => self.state.onward(self.observation.container, socket),
            Subject::Process | Subject::File(_) | Subject::Gpu(_) | Subject::Child(_) | Subject::Other => {
                None
            }
        }
    }

    /// The memory that an mmap(2) asks for without a file behind it, by its arguments or its registers.
    fn anonymous(&self) -> Option<Anonymous> {
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

    fn server(&self) -> Option<SocketAddr> {
        match self.socket()?.role {
            Role::Client { remote, .. } => Some(remote),
            Role::Server { .. } | Role::Idle | Role::Local => None,
        }
    }

    /// The gravest of the foreign code that the process took in beside its program.
    fn foreign_code(&self) -> Option<&'a Code> {
        self.process()?.foreign_code()
    }

    /// Whether the event takes the file in as code.
    fn takes_code(&self, file: &File) -> bool {
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

    fn program_remote(&self) -> Option<SocketAddr> {
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
    fn stdio_remote(&self) -> Option<SocketAddr> {
        let process = self.observation.process;
        let input = self.state.connected_remote(process, Fd::STDIN);
        let output = self.state.connected_remote(process, Fd::STDOUT);
        input.filter(|_| input == output).or_else(|| self.state.relayed_remote(process))
    }

    fn fd_path(&self) -> Option<&'a [u8]> {
        self.file().map(|file| &*file.path)
    }

    fn fd_name(&self) -> Option<Value<'a>> {
        if let Some(path) = self.fd_path() {
            return Some(Value::text(path));
        }
        let socket = self.socket()?;
        let (client, server) = match socket.role {
            Role::Client { remote, .. } => (None, Some(remote)),
            Role::Server { remote } => (remote, None),
            Role::Idle | Role::Local => return None,
        };
        let end =
            |addr: Option<SocketAddr>| addr.map_or_else(|| "0.0.0.0:0".to_owned(), |addr| addr.to_string());
        Some(Value::Text(Cow::Owned(format!("{}->{}", end(client), end(server)).into_bytes())))
    }

    fn fd_kind(&self) -> Option<(&'static str, &'static str)> {
        if let Some(socket) = self.socket() {
            return match socket.family {
                crate::event::Family::INET => Some(("4", "ipv4")),
                crate::event::Family::INET6 => Some(("6", "ipv6")),
                crate::event::Family::UNIX => Some(("u", "unix")),
                _ => None,
            };
        }
        if self.file().is_some() {
            return Some(("f", "file"));
        }
        let object = self.state.descriptor(self.observation.process, self.observation.fd?)?.object;
        match object {
            Object::Pipe(..) => Some(("p", "pipe")),
            Object::Unknown | Object::File(_) | Object::Socket(_) | Object::Nvidia(_) | Object::Anon => None,
        }
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

/// Memory without a file behind it.
struct Anonymous {
    bytes: u64,
    prot: MapProt,
}

/// `MAP_ANONYMOUS`, `include/uapi/asm-generic/mman-common.h`
const MAP_ANONYMOUS: u32 = 0x20;

fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn present(text: &[u8]) -> Option<Value<'_>> {
    if text.is_empty() { None } else { Some(Value::text(text)) }
}

fn serial<'a>(serial: FileSerial) -> Value<'a> {
    Value::count(serial.0)
}

fn ancestry<'a>(provenance: &Provenance) -> Option<Value<'a>> {
    provenance.derivation.as_ref()?;
    Some(Value::Ints(provenance.ancestry().map(|file| i64::try_from(file.0).unwrap_or(i64::MAX)).collect()))
}

fn writer(provenance: &Provenance) -> Option<Value<'_>> {
    let writer = &provenance.derivation.as_ref()?.writer.program;
    present(basename(writer.effective_path())).or_else(|| present(&writer.name))
}

fn tags<'a>(hit: &Hit<'a>) -> Value<'a> {
    Value::Texts(hit.tags().iter().map(|tag| Cow::Owned(tag.as_bytes().to_vec())).collect())
}

fn source<'a>(hit: &Hit<'a>) -> Value<'a> {
    Value::text(hit.source().as_bytes())
}

/// The process's name: what exec made it, or, while nothing is known of its program, what it calls itself.
fn name_of(process: &Process) -> Option<Value<'_>> {
    let name = if process.program.name.is_empty() { process.comm.bytes() } else { &process.program.name };
    present(name.get(..COMM_MAX).unwrap_or(name))
}

fn args_of(program: &Program) -> Vec<u8> {
    let args: Vec<&[u8]> = program.argv.iter().skip(1).collect();
    args.join(&b' ')
}

fn cmdline_of(program: &Program) -> Vec<u8> {
    let mut line = program.name.to_vec();
    for arg in program.argv.iter().skip(1) {
        line.push(b' ');
        line.extend_from_slice(arg);
    }
    line
}

fn flag_names(flags: OpenFlags) -> String {
    let access = match (flags.is_read(), flags.is_write()) {
        (true, true) => "O_RDWR",
        (false, true) => "O_WRONLY",
        (_, false) => "O_RDONLY",
    };
    const NAMES: &[(OpenFlags, &str)] = &[
        (OpenFlags::CREAT, "O_CREAT"),
        (OpenFlags::EXCL, "O_EXCL"),
        (OpenFlags::TRUNC, "O_TRUNC"),
        (OpenFlags::APPEND, "O_APPEND"),
        (OpenFlags::DIRECTORY, "O_DIRECTORY"),
        (OpenFlags::CLOEXEC, "O_CLOEXEC"),
        (OpenFlags::TMPFILE, "O_TMPFILE"),
    ];
    let mut names = access.to_owned();
    for (flag, name) in NAMES {
        if flags.contains(*flag) {
            names.push('|');
            names.push_str(name);
        }
    }
    names
}
