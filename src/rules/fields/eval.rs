//! How each field is read off a scene. Nothing is computed unless asked for.

use std::borrow::Cow;

use crate::event::{EventType, Fd, Kind, MapProt, ModeBits, OpenFlags, Time};
use crate::intel::Hit;
use crate::state::path::basename;
use crate::state::{FileSerial, News, Origin, Process, Program, Provenance, Role, Subject, Taken};

use super::moment::{Moves, Shown};
use super::outside::OfPod;
use super::params::ParamName;
use super::{FieldId, FieldRef, Scene, Value};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Where the kernel cuts a process name; names in rules are cut alike, or they could never match.
const COMM_MAX: usize = 15;

impl<'a> Scene<'a> {
    /// The value of a field; nothing where it has none.
    #[must_use]
    pub fn get(&self, field: FieldRef) -> Option<Value<'a>> {
        match field.id {
            FieldId::EvtType => self.type_names(),
            FieldId::EvtRes => Some(match self.call()?.exit?.errno.name() {
                Some(name) => Value::Word(name),
                None => Value::Text(Cow::Owned(self.call()?.exit?.errno.to_string().into_bytes())),
            }),
            FieldId::EvtRawres => {
                let exit = self.call()?.exit?;
                Some(Value::Int(if exit.succeeded() { exit.result } else { exit.errno.0.saturating_neg() }))
            }
            FieldId::EvtFailed => Some(Value::Bool(!self.call()?.exit?.succeeded())),
            FieldId::EvtIsOpenRead => Some(Value::Bool(self.open_flags().is_some_and(OpenFlags::is_read))),
            FieldId::EvtIsOpenWrite => Some(Value::Bool(self.open_flags().is_some_and(OpenFlags::is_write))),
            FieldId::EvtIsOpenCreate => {
                Some(Value::Bool(self.open_flags().is_some_and(|flags| flags.contains(OpenFlags::CREAT))))
            }
            FieldId::EvtArgModeExec => Some(Value::Bool(self.mode()?.intersects(ModeBits::EXEC))),
            FieldId::EvtArgChanged => Some(Value::Bool(self.observation.arg_changed)),
            FieldId::ProcName => name_of(self.process()?),
            FieldId::ProcExe => self.program()?.argv.first().map(Value::text),
            FieldId::ProcExepath => present(&self.program()?.path),
            FieldId::ProcArgs => match field.index {
                Some(at) => self.arg(at),
                None => Some(Value::Text(Cow::Owned(args_of(self.program()?)))),
            },
            FieldId::ProcCmdline => Some(Value::Text(Cow::Owned(cmdline_of(self.program()?)))),
            FieldId::ProcCwd => self.cwd(),
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
            FieldId::FdNum => match (&self.event.kind, self.observation.fd) {
                (_, Some(fd)) => Some(Value::Int(i64::from(fd.0))),
                // What an open that failed returns instead.
                (Kind::Open(_), None) => Some(Value::Int(-1)),
                (_, None) => None,
            },
            FieldId::FdName => self.fd_name(),
            FieldId::FdDirectory => self.directory().map(Value::Text),
            FieldId::FdFilename => self.filename(),
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
            FieldId::ProcOrderedBy => self.state.ordered_by(self.observation.process).map(Value::Endpoint),
            FieldId::ProcHasData => self.state.has_data(self.observation.process).map(Value::Bool),
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
            FieldId::IntelIpConfidence => self.ip_hit().map(|hit| confidence(&hit)),
            FieldId::IntelIpSince => self.known_for(self.ip_hit()?.since()),
            FieldId::IntelBinTags => self.binary_hit().map(|(_, hit)| tags(&hit)),
            FieldId::IntelBinSource => self.binary_hit().map(|(_, hit)| source(&hit)),
            FieldId::IntelBinConfidence => self.binary_hit().map(|(_, hit)| confidence(&hit)),
            FieldId::IntelBinSince => self.known_for(self.binary_hit()?.1.since()),
            FieldId::IntelHashTags => self.hash_hit().map(|(_, hit)| tags(&hit)),
            FieldId::IntelHashSource => self.hash_hit().map(|(_, hit)| source(&hit)),
            FieldId::IntelHashConfidence => self.hash_hit().map(|(_, hit)| confidence(&hit)),
            FieldId::IntelHashSince => self.known_for(self.hash_hit()?.1.since()),
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
            FieldId::IntelTextConfidence => Some(Value::Int(i64::from(self.text_hits()?.confidence))),
            FieldId::IntelTextSince => self.known_for(self.text_hits()?.since),
            FieldId::ContainerId => self.short_id().map(Value::text),
            FieldId::StatePartial => Some(Value::Bool(self.state.sight().is_partial())),
            FieldId::StateExecUnseen => Some(Value::Bool(self.process()?.exec_unseen)),
            FieldId::StateClaimsOther => Some(Value::Bool(self.state.sight().claims_other)),
            FieldId::StatePressure => Some(Value::Bool(self.state.evictions().total() > 0)),
            FieldId::EvtNum => Some(Value::count(self.state.events())),
            FieldId::EvtTime => self.time_as(Shown::Clock { fraction: true }),
            FieldId::EvtTimeS => self.time_as(Shown::Clock { fraction: false }),
            FieldId::EvtTimeIso => self.time_as(Shown::Iso),
            FieldId::EvtDatetime => self.time_as(Shown::Date { fraction: true }),
            FieldId::EvtDatetimeS => self.time_as(Shown::Date { fraction: false }),
            FieldId::EvtRawtime => Some(Value::Int(self.observation.time.0)),
            FieldId::EvtRawtimeS => Some(Value::Int(self.observation.time.0.div_euclid(SECOND))),
            FieldId::EvtRawtimeNs => Some(Value::Int(self.observation.time.0.rem_euclid(SECOND))),
            FieldId::EvtReltime => self.since_first().map(Value::Int),
            FieldId::EvtReltimeS => self.since_first().map(|span| Value::Int(span.div_euclid(SECOND))),
            FieldId::EvtReltimeNs => self.since_first().map(|span| Value::Int(span.rem_euclid(SECOND))),
            FieldId::EvtSource => Some(Value::Word("syscall")),
            FieldId::EvtIsAsync => Some(Value::Bool(false)),
            FieldId::EvtDir => Some(Value::Word("<")),
            FieldId::SyscallType => match self.event.kind.event_type() {
                EventType::Syscall(_) => self.type_names(),
                EventType::Container | EventType::ProcExit | EventType::ThreadExit | EventType::MapExec => {
                    None
                }
            },
            FieldId::EvtCategory => Some(Value::Word(self.category())),
            FieldId::EvtArg => self.argument(ParamName(field.index?)),
            FieldId::EvtArgAt => self.argument_at(field.index?),
            FieldId::EvtRawarg | FieldId::EvtRawargText => self.raw_argument(ParamName(field.index?)),
            FieldId::EvtArgs | FieldId::EvtInfo => self.arguments(),
            FieldId::EvtBuflen => self.moved(),
            FieldId::EvtIsIo => Some(Value::Bool(self.moves().is_some())),
            FieldId::EvtIsIoRead => Some(Value::Bool(self.moves() == Some(Moves::In))),
            FieldId::EvtIsIoWrite => Some(Value::Bool(self.moves() == Some(Moves::Out))),
            FieldId::EvtIoDir => self.moves().map(|moves| match moves {
                Moves::In => Value::Word("read"),
                Moves::Out => Value::Word("write"),
            }),
            FieldId::EvtIsWait => Some(Value::Bool(self.waits())),
            FieldId::EvtCount => Some(Value::Int(1)),
            FieldId::EvtCountError => {
                let failed = self.call().and_then(|call| call.exit).is_some_and(|exit| !exit.succeeded());
                Some(Value::Int(i64::from(failed)))
            }
            FieldId::EvtIsOpenExec => Some(Value::Bool(self.is_open_exec())),
            FieldId::FsPathName => self.asked_path().map(Value::Text),
            FieldId::FsPathNameraw => {
                let Kind::Open(open) = &self.event.kind else { return None };
                open.pathname.present().map(Value::text)
            }
            FieldId::ProcPexe => self.ancestor(1)?.argv.first().map(Value::text),
            FieldId::ProcAexe => {
                self.of_ancestors(field.index, |program| program.argv.first().map(Cow::Borrowed))
            }
            FieldId::ProcAexepath => self.of_ancestors(field.index, |program| {
                (!program.path.is_empty()).then_some(Cow::Borrowed(&*program.path))
            }),
            FieldId::ProcAargs => self.of_ancestors(field.index, |program| {
                (!program.is_unknown()).then(|| Cow::Owned(args_of(program)))
            }),
            FieldId::ProcAcmdline => self.of_ancestors(field.index, |program| {
                (!program.is_unknown()).then(|| Cow::Owned(cmdline_of(program)))
            }),
            FieldId::ProcCmdnargs => self.sizes_of_args().map(|(count, _)| Value::count(count)),
            FieldId::ProcCmdlenargs => self.sizes_of_args().map(|(_, bytes)| Value::count(bytes)),
            FieldId::ProcExeline => self.exeline(),
            FieldId::ProcEnv => self.environment(),
            FieldId::ProcLoginshellid => self.login_shell(),
            FieldId::ProcTty => self.process()?.job.tty.map(|tty| Value::Int(i64::from(tty))),
            FieldId::ProcApid => self.ancestor_ids(field.index),
            FieldId::ProcPvpid => self.ancestor_ids(Some(1)),
            FieldId::ProcSid => self.session().map(|id| Value::Int(i64::from(id.0))),
            FieldId::ProcSname => present(&self.leader(self.session())?.name),
            FieldId::ProcSidExe => self.leader(self.session())?.argv.first().map(Value::text),
            FieldId::ProcSidExepath => present(&self.leader(self.session())?.path),
            FieldId::ProcVpgid | FieldId::ProcPgid => {
                self.process()?.job.group.map(|id| Value::Int(i64::from(id.0)))
            }
            FieldId::ProcVpgidName | FieldId::ProcPgidName => {
                present(&self.leader(self.process()?.job.group)?.name)
            }
            FieldId::ProcVpgidExe | FieldId::ProcPgidExe => {
                self.leader(self.process()?.job.group)?.argv.first().map(Value::text)
            }
            FieldId::ProcVpgidExepath | FieldId::ProcPgidExepath => {
                present(&self.leader(self.process()?.job.group)?.path)
            }
            FieldId::ProcPpidDuration => {
                let start = self.parent()?.key.start;
                start.is_known().then(|| Value::Int(self.observation.time.since(start).0))
            }
            FieldId::ProcPidTs => known(self.process()?.key.start),
            FieldId::ProcPpidTs => known(self.parent()?.key.start),
            FieldId::ProcIsExeWritable => self.is_executable_writable().map(Value::Bool),
            FieldId::ProcIsExeLowerLayer => match self.program()?.executable.origin {
                Origin::Unknown | Origin::Memfd => None,
                Origin::Image => Some(Value::Bool(true)),
                Origin::Created | Origin::Network => Some(Value::Bool(false)),
            },
            FieldId::ProcIsSidLeader => {
                let process = self.process()?;
                self.session().map(|id| Value::Bool(id == process.key.tgid))
            }
            FieldId::ProcIsVpgidLeader | FieldId::ProcIsPgidLeader => {
                let process = self.process()?;
                process.job.group.map(|id| Value::Bool(id == process.key.tgid))
            }
            FieldId::ProcExeIno => self.executable_inode(),
            FieldId::ProcExeInoCtime => known(self.executable_changed()?),
            FieldId::ProcExeInoCtimeProcStart => {
                let start = self.process()?.key.start;
                let changed = self.executable_changed()?;
                start.is_known().then(|| Value::Int(start.since(changed).0))
            }
            FieldId::ProcExeInoCtimePidnsStart => {
                Some(Value::Int(self.executable_changed()?.since(self.first_start()?).0))
            }
            FieldId::ProcPidnsInitStartTs => known(self.first_start()?),
            FieldId::ProcStdinType => self.standard_type(Fd::STDIN),
            FieldId::ProcStdoutType => self.standard_type(Fd::STDOUT),
            FieldId::ProcStderrType => self.standard_type(Fd::STDERR),
            FieldId::ProcStdinName => self.standard_name(Fd::STDIN),
            FieldId::ProcStdoutName => self.standard_name(Fd::STDOUT),
            FieldId::ProcStderrName => self.standard_name(Fd::STDERR),
            FieldId::ThreadVtid => Some(Value::Int(i64::from(self.event.context.as_ref()?.tid.0))),
            FieldId::ThreadIsmain => {
                let context = self.event.context.as_ref()?;
                Some(Value::Bool(context.tid.0 == context.tgid.0))
            }
            FieldId::UserName => self.user_name(),
            FieldId::UserHomedir => self.of_user(|user| &user.home),
            FieldId::UserShell => self.of_user(|user| &user.shell),
            // Nobody logs in to a sandbox: the kernel's number for that, as it is read without its sign's loss.
            FieldId::UserLoginuid => Some(Value::Int(-1)),
            FieldId::GroupGid => self.process()?.job.gid.map(|gid| Value::Int(i64::from(gid.0))),
            FieldId::GroupName => self.group_name(),
            FieldId::FdNameraw => self.raw_name(),
            FieldId::FdTypes => self.types(field.index),
            FieldId::FdIp | FieldId::FdNet => self.addresses(),
            FieldId::FdCip | FieldId::FdCnet => self.client().map(|client| Value::Ip(client.ip())),
            FieldId::FdLip | FieldId::FdLnet => self.local().map(|local| Value::Ip(local.ip())),
            FieldId::FdPort => self.ports(),
            FieldId::FdCport => self.client().map(|client| Value::Int(i64::from(client.port()))),
            FieldId::FdLport => self.local().map(|local| Value::Int(i64::from(local.port()))),
            FieldId::FdSockfamily => {
                let family = self.socket()?.family;
                if family.is_inet() {
                    Some(Value::Word("ip"))
                } else {
                    (family == crate::event::Family::UNIX).then_some(Value::Word("unix"))
                }
            }
            FieldId::FdConnected => self.is_connected().map(Value::Bool),
            FieldId::FdContainername => {
                let Value::Text(name) = self.fd_name()? else { return None };
                self.in_container(Some(name))
            }
            FieldId::FdContainerdirectory => self.in_container(self.directory()),
            FieldId::FdIsUpperLayer => self.is_written_here().map(Value::Bool),
            FieldId::FdIsLowerLayer => self.is_written_here().map(|here| Value::Bool(!here)),
            FieldId::ContainerFullId => self.full_id().map(Value::text),
            FieldId::ContainerName => self.of_container(|metadata| metadata.name.as_deref()),
            FieldId::ContainerType => self.of_container(|metadata| metadata.runtime.as_deref()),
            FieldId::ContainerImage => self.of_image(|image| Some(&image.reference)),
            FieldId::ContainerImageId => self.of_image(|image| image.id.as_deref()),
            FieldId::ContainerImageRepository => self.of_image(|image| Some(&image.repository)),
            FieldId::ContainerImageTag => self.of_image(|image| image.tag.as_deref()),
            FieldId::ContainerImageDigest => self.of_image(|image| image.digest.as_deref()),
            FieldId::ContainerPrivileged => self.metadata()?.privileged.map(Value::Bool),
            FieldId::ContainerMounts => self.mounts(),
            FieldId::ContainerStartTs => known(self.first_heard()?),
            FieldId::ContainerDuration => {
                Some(Value::Int(self.observation.time.since(self.first_heard()?).0))
            }
            FieldId::ContainerIp => self.container_ip(),
            FieldId::ContainerHostPid => self.metadata()?.host_namespaces.map(|host| Value::Bool(host.pid)),
            FieldId::ContainerHostNetwork => {
                self.metadata()?.host_namespaces.map(|host| Value::Bool(host.network))
            }
            FieldId::ContainerHostIpc => self.metadata()?.host_namespaces.map(|host| Value::Bool(host.ipc)),
            FieldId::ContainerLabels => self.container_labels(),
            FieldId::K8sPodName => self.of_pod(OfPod::Name),
            FieldId::K8sNsName => self.of_pod(OfPod::Namespace),
            FieldId::K8sPodId | FieldId::K8sPodUid => self.of_pod(OfPod::Uid),
            FieldId::K8sPodSandboxId => self.pod_sandbox_short(),
            FieldId::K8sPodFullSandboxId => self.of_pod(OfPod::SandboxId),
            FieldId::K8sPodLabels => self.pod_labels(),
            FieldId::K8sPodIp => self.pod_ip(),
            // These need a key, see `get_keyed`.
            FieldId::ContainerMount
            | FieldId::ContainerMountSource
            | FieldId::ContainerMountDest
            | FieldId::ContainerMountMode
            | FieldId::ContainerMountRdwr
            | FieldId::ContainerMountPropagation
            | FieldId::ContainerLabel
            | FieldId::K8sPodLabel => None,
            // The matcher puts it in where a step was counted.
            FieldId::MatchCount => None,
        }
    }
}

fn present(text: &[u8]) -> Option<Value<'_>> {
    if text.is_empty() { None } else { Some(Value::text(text)) }
}

fn known<'a>(time: Time) -> Option<Value<'a>> {
    time.is_known().then_some(Value::Int(time.0))
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

fn confidence<'a>(hit: &Hit<'_>) -> Value<'a> {
    Value::Int(i64::from(hit.confidence()))
}

/// The process's name: what exec made it, or, while nothing is known of its program, what it calls itself.
pub(super) fn name_of(process: &Process) -> Option<Value<'_>> {
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

pub(super) fn flag_names(flags: OpenFlags) -> String {
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
