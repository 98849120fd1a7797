//! The table of fields.

use super::{FieldDef, Takes, Type};

/// What a trace session must contain for a field to have its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Which program a process runs.
    Exec,
    /// Opens of files.
    Open,
    /// Where the bytes of files came from: opens, connects, pipes, renames, memfds.
    Provenance,
    /// Files that are mapped executable, where the release says so.
    Code,
    /// Connects.
    Connect,
    /// Sockets as they are made, which tells one attempt from the next.
    Socket,
    /// What is sent.
    Send,
    /// What is received.
    Recv,
    /// ioctls, and the opens of devices.
    Gpu,
    /// Ports that are bound.
    Listen,
    /// Duplicated descriptors.
    Dup,
    /// The user and group ids of the thread.
    Credentials,
    /// The working directory with every event.
    Cwd,
    /// The addresses that sockets are bound to.
    Bind,
    /// Sessions and process groups as they are made.
    Job,
    /// What the standard descriptors of an exec are.
    Terminal,
    /// The environment of a container's first process; an exec tells it anyway.
    Env,
    /// The SHA-256 of every program that is run, which the sentry reads whole for that.
    Digest,
}

const ORIGINS: &[&str] = &["unknown", "image", "created", "network", "memfd"];
const GPU_STATES: &[&str] = &["none", "opened", "initialised", "context"];

macro_rules! fields {
    ($($id:ident $name:literal $kind:expr, $takes:ident, $needs:tt, $changed_by:tt, $doc:literal;)*) => {
        /// Every field, for looking one up in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FieldId {
            $(#[doc = $doc] $id,)*
        }

        /// All fields.
        pub const FIELDS: &[FieldDef] = &[$(FieldDef {
            id: FieldId::$id,
            name: $name,
            kind: $kind,
            takes: Takes::$takes,
            doc: $doc,
            needs: &$needs,
            changed_by: &$changed_by,
        },)*];

        impl FieldId {
            /// The field's line in the table.
            #[must_use]
            pub fn def(self) -> &'static FieldDef {
                match self {
                    $(FieldId::$id => {
                        const DEF: FieldDef = FieldDef {
                            id: FieldId::$id,
                            name: $name,
                            kind: $kind,
                            takes: Takes::$takes,
                            doc: $doc,
                            needs: &$needs,
                            changed_by: &$changed_by,
                        };
                        &DEF
                    })*
                }
            }
        }
    };
}

fields! {
    EvtType "evt.type" Type::Text, Nothing, [], [],
        "The event's name: the system call, or `container`, `procexit`, `threadexit`, `mapexec`.";
    EvtRes "evt.res" Type::Text, Nothing, [], [],
        "How the call ended: `SUCCESS` or the name of the error.";
    EvtRawres "evt.rawres" Type::Count, Nothing, [], [],
        "What the call returned; minus the error's number if it failed.";
    EvtFailed "evt.failed" Type::Bool, Nothing, [], [],
        "Whether the call failed.";
    EvtIsOpenRead "evt.is_open_read" Type::Bool, Nothing, [Need::Open], [],
        "An open that allows reading.";
    EvtIsOpenWrite "evt.is_open_write" Type::Bool, Nothing, [Need::Open], [],
        "An open that allows writing.";
    EvtIsOpenCreate "evt.is_open_create" Type::Bool, Nothing, [Need::Open], [],
        "An open that may create the file.";
    EvtArgModeExec "evt.arg.mode.exec" Type::Bool, Nothing, [], [],
        "The mode of a chmod or of a created file lets someone execute it.";
    EvtArgChanged "evt.arg_changed" Type::Bool, Nothing, [], [],
        "The path or address of an open, connect or exec was another one when the call began: another thread changed it meanwhile.";
    ProcName "proc.name" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The process's name, cut to 15 bytes as the kernel does.";
    ProcExe "proc.exe" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The first argument, which is what the caller says the program is.";
    ProcExepath "proc.exepath" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The executable's path, symbolic links resolved.";
    ProcArgs "proc.args" Type::Text, Index, [Need::Exec], ["execve", "container"],
        "The arguments without the first, joined by blanks, or one of them: `proc.args[0]` is the first argument behind the program's name.";
    ProcCmdline "proc.cmdline" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The name and the arguments, joined by blanks.";
    ProcCwd "proc.cwd" Type::Text, Nothing, [Need::Exec, Need::Cwd], ["execve", "container"],
        "The working directory.";
    ProcPname "proc.pname" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The parent's name.";
    ProcPcmdline "proc.pcmdline" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The parent's name and arguments.";
    ProcPexepath "proc.pexepath" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The parent's executable.";
    ProcAname "proc.aname" Type::Text, Index, [Need::Exec], ["execve", "container"],
        "An ancestor's name: `[1]` is the parent; without a number any ancestor's.";
    ProcPid "proc.pid" Type::Count, Nothing, [], [],
        "The process id, in the sandbox's root namespace.";
    ProcVpid "proc.vpid" Type::Count, Nothing, [], [],
        "The same: gVisor's trace knows one namespace.";
    ProcPpid "proc.ppid" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "The parent's process id.";
    ProcDuration "proc.duration" Type::Duration, Nothing, [], [],
        "How long ago the process started.";
    ProcIsExeUpperLayer "proc.is_exe_upper_layer" Type::Bool, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The executable was written inside the container.";
    ProcIsExeFromMemfd "proc.is_exe_from_memfd" Type::Bool, Nothing, [Need::Exec], ["execve", "container"],
        "The executable lies in memory only.";
    ProcExeOrigin "proc.exe.origin" Type::Enum(ORIGINS), Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "Where the executable came from: part of the image, created in the container, from the network, in memory.";
    ProcExeAncestry "proc.exe.ancestry" Type::FileIds, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The files that the executable's bytes descend from, itself included.";
    ProcExeWriter "proc.exe.writer" Type::Text, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The name of the program that wrote the executable.";
    ProcExeInstalled "proc.exe.installed" Type::Bool, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "A package manager wrote the executable, one that is of the image or was installed itself.";
    ProcExeBuilt "proc.exe.built" Type::Bool, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "A compiler or linker made the executable, or it is a copy of what one made.";
    ProcProgramPath "proc.program.path" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "What truly runs: the script behind an interpreter, else the executable.";
    ProcProgramOrigin "proc.program.origin" Type::Enum(ORIGINS), Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "Where what truly runs came from.";
    ProcProgramRemote "proc.program.remote" Type::Endpoint, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The remote that the bytes of what truly runs descend from; else those of the foreign code that it took in.";
    ProcProgramFed "proc.program.fed" Type::Bool, Nothing, [Need::Exec, Need::Provenance], [],
        "What runs is an interpreter that is fed network bytes through its standard input.";
    ProcProgramWriter "proc.program.writer" Type::Text, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The name of the program that wrote what truly runs.";
    ProcProgramInstalled "proc.program.installed" Type::Bool, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "A package manager wrote what truly runs, one that is of the image or was installed itself.";
    ProcProgramBuilt "proc.program.built" Type::Bool, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "A compiler or linker made what truly runs, or it is a copy of what one made.";
    ProcProgramAncestry "proc.program.ancestry" Type::FileIds, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The files that the bytes of what truly runs descend from, itself included.";
    ProcLibOrigin "proc.lib.origin" Type::Enum(ORIGINS), Nothing, [Need::Exec, Need::Provenance, Need::Code], [],
        "Where foreign code came from that the process took in beside its program: a library that it mapped, a module that an interpreter opened. What a package manager installed does not count.";
    ProcLibPath "proc.lib.path" Type::Text, Nothing, [Need::Exec, Need::Provenance, Need::Code], [],
        "The path of that code.";
    ProcLibRemote "proc.lib.remote" Type::Endpoint, Nothing, [Need::Exec, Need::Provenance, Need::Code], [],
        "The remote that its bytes descend from.";
    ProcLibAncestry "proc.lib.ancestry" Type::FileIds, Nothing, [Need::Exec, Need::Provenance, Need::Code], [],
        "The files that its bytes descend from, itself included.";
    ProcLibMapped "proc.lib.mapped" Type::Bool, Nothing, [Need::Exec, Need::Provenance, Need::Code], [],
        "It was mapped executable, which is a proof; else an interpreter opened a file of its language.";
    ProcStdioRemote "proc.stdio.remote" Type::Endpoint, Nothing, [Need::Exec, Need::Connect, Need::Dup], ["execve", "dup", "dup2", "dup3", "connect", "clone"],
        "The remote that standard input *and* output of the process are connected to, by its own connect or through one that relays both.";
    ProcTerminalRemote "proc.terminal.remote" Type::Endpoint, Nothing, [Need::Exec, Need::Connect, Need::Open, Need::Send, Need::Recv], [],
        "The remote that the process or an ancestor joins with a terminal that it made, by copying both ways; seen where `read` and `write` are in the session.";
    ProcOrdersFrom "proc.orders_from" Type::Endpoint, Nothing, [Need::Exec, Need::Connect, Need::Dup], ["execve"],
        "The remote that standard output leads to, where the parent is a shell that reads from the same connection, made by this side.";
    ProcOrderedBy "proc.ordered_by" Type::Endpoint, Nothing, [Need::Exec, Need::Connect, Need::Recv], ["execve"],
        "The remote from which the parent heard just as many bytes as the command line or the inline code of this program has, over a connection that this side made.";
    ProcHasData "proc.has_data" Type::Bool, Nothing, [Need::Exec, Need::Open], [],
        "Whether a program that is no part of the image, or took in code that is not, works on data: it or a worker that it forked opened a file that is neither code nor the system's nor named as settings and logs are, or read, wrote or mapped 256 KiB of any that are neither code nor the system's.";
    ThreadTid "thread.tid" Type::Count, Nothing, [], [],
        "The thread's id.";
    UserUid "user.uid" Type::Count, Nothing, [Need::Credentials], [],
        "The effective user id.";
    FdNum "fd.num" Type::Count, Nothing, [], [],
        "The descriptor's number.";
    FdName "fd.name" Type::Text, Nothing, [Need::Open, Need::Connect, Need::Dup], [],
        "The file's path, or `ip:port->ip:port` of a connection with `0.0.0.0:0` for an end that is not known.";
    FdDirectory "fd.directory" Type::Text, Nothing, [Need::Open, Need::Dup], [],
        "The directory of the file's path.";
    FdFilename "fd.filename" Type::Text, Nothing, [Need::Open, Need::Dup], [],
        "The last part of the file's path.";
    FdTypechar "fd.typechar" Type::Text, Nothing, [Need::Open, Need::Connect, Need::Socket, Need::Dup], [],
        "`f` file, `d` directory, `4` IPv4, `6` IPv6, `u` local socket, `p` pipe.";
    FdType "fd.type" Type::Text, Nothing, [Need::Open, Need::Connect, Need::Socket, Need::Dup], [],
        "`file`, `directory`, `ipv4`, `ipv6`, `unix`, `pipe`.";
    FdL4proto "fd.l4proto" Type::Text, Nothing, [Need::Socket], [],
        "`tcp`, `udp` or `raw`.";
    FdRip "fd.rip" Type::Ip, Nothing, [Need::Connect], [],
        "The remote address.";
    FdSip "fd.sip" Type::Ip, Nothing, [Need::Connect], [],
        "The server's address: the remote's, where this side connected.";
    FdRport "fd.rport" Type::Count, Nothing, [Need::Connect], [],
        "The remote port.";
    FdSport "fd.sport" Type::Count, Nothing, [Need::Connect], [],
        "The server's port.";
    FdRnet "fd.rnet" Type::Net, Nothing, [Need::Connect], [],
        "The remote address, to compare with prefixes.";
    FdSnet "fd.snet" Type::Net, Nothing, [Need::Connect], [],
        "The server's address, to compare with prefixes.";
    FdRemote "fd.remote" Type::Endpoint, Nothing, [Need::Connect], [],
        "The remote address and port.";
    FdIsServer "fd.is_server" Type::Bool, Nothing, [Need::Connect], [],
        "The other side connected.";
    FileId "file.id" Type::FileId, Nothing, [Need::Provenance], [],
        "The number of the file that the event is about: another file under its path has another.";
    FilePath "file.path" Type::Text, Nothing, [Need::Provenance], [],
        "Its path.";
    FileOrigin "file.origin" Type::Enum(ORIGINS), Nothing, [Need::Provenance], [],
        "Where its bytes came from.";
    FileRemote "file.remote" Type::Endpoint, Nothing, [Need::Provenance], [],
        "The remote that they descend from.";
    FileInstalled "file.installed" Type::Bool, Nothing, [Need::Provenance], [],
        "A package manager wrote it, one that is of the image or was installed itself.";
    FileBuilt "file.built" Type::Bool, Nothing, [Need::Provenance], [],
        "A compiler or linker made it, or it is a copy of what one made.";
    FileIsCode "file.is_code" Type::Bool, Nothing, [Need::Provenance, Need::Code], [],
        "The event takes the file in as code: it is mapped executable, or opened by an interpreter of its language.";
    FileAncestry "file.ancestry" Type::FileIds, Nothing, [Need::Provenance], [],
        "The files that its bytes descend from, itself included.";
    NetRemote "net.remote" Type::Endpoint, Nothing, [Need::Connect], [],
        "The remote endpoint of the event, else the one that this process's bytes came from.";
    NetNew "net.new" Type::Bool, Nothing, [Need::Connect, Need::Socket], [],
        "A connect that begins an attempt; one that only reports how an earlier attempt ended is not new.";
    NetAttempts "net.attempts" Type::Count, Nothing, [Need::Connect, Need::Socket], ["connect"],
        "Sockets of the container that were to connect to this endpoint.";
    NetFailures "net.failures" Type::Count, Nothing, [Need::Connect, Need::Socket], ["connect"],
        "Those of them that failed.";
    NetRefused "net.refused" Type::Count, Nothing, [Need::Connect, Need::Socket, Need::Send], ["connect", "sendto", "recvfrom"],
        "Those of them that were refused.";
    NetTimedOut "net.timed_out" Type::Count, Nothing, [Need::Connect, Need::Socket, Need::Send], ["connect", "sendto", "recvfrom"],
        "Those of them that timed out.";
    NetUnreachable "net.unreachable" Type::Count, Nothing, [Need::Connect, Need::Socket, Need::Send], ["connect", "sendto", "recvfrom"],
        "Those of them to which there was no way.";
    NetRetryPeriod "net.retry.period" Type::Duration, Nothing, [Need::Connect, Need::Socket], ["connect"],
        "The median pause between the last attempts.";
    NetRetryGrowth "net.retry.growth" Type::Ratio, Nothing, [Need::Connect, Need::Socket], ["connect"],
        "By how much a pause is longer than the one before, as the median: 1 for an even retry, 2 where it doubles.";
    NetRelayed "net.relayed" Type::Endpoint, Nothing, [Need::Connect, Need::Listen], [],
        "Where a connection to a port of the container itself leads on to: the remote that whoever listens there last connected to.";
    NetRelayedNet "net.relayed.net" Type::Net, Nothing, [Need::Connect, Need::Listen], [],
        "The address of that, to compare with prefixes.";
    NetConnectedFor "net.connected_for" Type::Duration, Nothing, [Need::Connect], [],
        "How long ago the container was first connected to it.";
    NetAllSends "net.all.sends" Type::Count, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "Messages sent to the endpoint over all connections since the second.";
    NetAllPeriod "net.all.period" Type::Duration, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "The median distance between the last of those.";
    NetAllDispersion "net.all.dispersion" Type::Ratio, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "How uneven those distances are.";
    NetAllSendSize "net.all.send_size" Type::Size, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "The median size of those messages.";
    NetSends "net.sends" Type::Count, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "Messages sent over this connection; what is written within 10 ms is one.";
    NetRecvs "net.recvs" Type::Count, Nothing, [Need::Recv], ["recvfrom", "recvmsg", "read", "readv"],
        "Messages received over it.";
    NetOpens "net.opens" Type::Count, Nothing, [Need::Send, Need::Open], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "Files that the process opened since this connection began to carry bytes; those below /proc, /sys, /dev and /etc do not count.";
    NetPeriod "net.period" Type::Duration, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "The median distance between the last messages sent.";
    NetDispersion "net.dispersion" Type::Ratio, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "How uneven those distances are: median absolute deviation over median.";
    NetSendSize "net.send_size" Type::Size, Nothing, [Need::Send], ["sendto", "sendmsg", "sendmmsg", "write", "writev"],
        "The median size of the last messages sent.";
    NetRecvSize "net.recv_size" Type::Size, Nothing, [Need::Recv], ["recvfrom", "recvmsg", "read", "readv"],
        "The median size of the last messages received.";
    MemAnonymous "mem.anonymous" Type::Count, Nothing, [], ["mmap"],
        "Bytes that an mmap asks for without a file behind them.";
    MemIsCode "mem.is_code" Type::Bool, Nothing, [], ["mmap"],
        "Memory without a file behind it that may be written and executed at once.";
    GpuState "gpu.state" Type::Enum(GPU_STATES), Nothing, [Need::Gpu], ["ioctl"],
        "How far this process got with the GPU: none, opened, initialised, context.";
    GpuIoctls "gpu.ioctls" Type::Count, Nothing, [Need::Gpu], ["ioctl"],
        "Its ioctls on NVIDIA devices.";
    GpuRequest "gpu.request" Type::Text, Nothing, [Need::Gpu], ["ioctl"],
        "The name of this ioctl's request.";
    IntelIpTags "intel.ip.tags" Type::Texts, Nothing, [Need::Connect], [],
        "What the denylists say of the remote address.";
    IntelIpSource "intel.ip.source" Type::Text, Nothing, [Need::Connect], [],
        "Which list says so.";
    IntelIpConfidence "intel.ip.confidence" Type::Count, Nothing, [Need::Connect], [],
        "How sure it is, 0 to 100.";
    IntelIpSince "intel.ip.since" Type::Duration, Nothing, [Need::Connect], [],
        "For how long it has said so: since the date that the list gives, or since it was first seen there.";
    IntelBinTags "intel.bin.tags" Type::Texts, Nothing, [Need::Exec], ["execve", "container"],
        "What the denylists say of the program's name.";
    IntelBinSource "intel.bin.source" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "Which list says so.";
    IntelBinConfidence "intel.bin.confidence" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "How sure it is, 0 to 100.";
    IntelBinSince "intel.bin.since" Type::Duration, Nothing, [Need::Exec], ["execve", "container"],
        "For how long it has said so.";
    IntelHashTags "intel.hash.tags" Type::Texts, Nothing, [Need::Exec, Need::Digest], ["execve"],
        "What the denylists say of the program's bytes, by their SHA-256, or SHA-1 where the session has it. A session with it makes the sentry read every program that is run; releases before 2026 have none. A program that was overwritten in place, with its size and time kept, may have the digest of the one before.";
    IntelHashSource "intel.hash.source" Type::Text, Nothing, [Need::Exec, Need::Digest], ["execve"],
        "Which list says so.";
    IntelHashConfidence "intel.hash.confidence" Type::Count, Nothing, [Need::Exec, Need::Digest], ["execve"],
        "How sure it is, 0 to 100.";
    IntelHashSince "intel.hash.since" Type::Duration, Nothing, [Need::Exec, Need::Digest], ["execve"],
        "For how long it has said so.";
    IntelTextTags "intel.text.tags" Type::Texts, Nothing, [Need::Exec], ["execve", "container"],
        "What the denylists say of the arguments.";
    IntelTextSource "intel.text.source" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "Which list says so.";
    IntelTextMatch "intel.text.match" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The argument that it says it of.";
    IntelTextConfidence "intel.text.confidence" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "How sure it is, 0 to 100.";
    IntelTextSince "intel.text.since" Type::Duration, Nothing, [Need::Exec], ["execve", "container"],
        "For how long it has said so.";
    ContainerId "container.id" Type::Text, Nothing, [], [],
        "The first 12 characters of the container's id as the sentry claims it.";
    StatePartial "state.partial" Type::Bool, Nothing, [], [],
        "Events were lost before this one.";
    StateExecUnseen "state.exec_unseen" Type::Bool, Nothing, [Need::Exec], [],
        "The process runs a program that no event told of while the sentry dropped messages: most likely its exec was made too large to be sent.";
    StateClaimsOther "state.claims_other" Type::Bool, Nothing, [], [],
        "The sandbox claims to be a container that it is not, as far as the host can tell.";
    StatePressure "state.pressure" Type::Bool, Nothing, [], [],
        "Something had to be forgotten to stay within the bounds.";
    EvtNum "evt.num" Type::Count, Nothing, [], [],
        "The event's number in its sandbox, from 1.";
    EvtTime "evt.time" Type::Text, Nothing, [], [],
        "When it happened: the time of day in UTC with nanoseconds.";
    EvtTimeS "evt.time.s" Type::Text, Nothing, [], [],
        "The time of day in UTC without a fraction.";
    EvtTimeIso "evt.time.iso8601" Type::Text, Nothing, [], [],
        "When it happened by ISO 8601, in UTC.";
    EvtDatetime "evt.datetime" Type::Text, Nothing, [], [],
        "Date and time in UTC with nanoseconds.";
    EvtDatetimeS "evt.datetime.s" Type::Text, Nothing, [], [],
        "Date and time in UTC without a fraction.";
    EvtRawtime "evt.rawtime" Type::Count, Nothing, [], [],
        "When it happened, in nanoseconds since 1970.";
    EvtRawtimeS "evt.rawtime.s" Type::Count, Nothing, [], [],
        "The whole seconds of that.";
    EvtRawtimeNs "evt.rawtime.ns" Type::Count, Nothing, [], [],
        "The nanoseconds beside them.";
    EvtReltime "evt.reltime" Type::Duration, Nothing, [], [],
        "How long after the first event of its container it happened.";
    EvtReltimeS "evt.reltime.s" Type::Count, Nothing, [], [],
        "The whole seconds of that.";
    EvtReltimeNs "evt.reltime.ns" Type::Count, Nothing, [], [],
        "The nanoseconds beside them.";
    EvtSource "evt.source" Type::Text, Nothing, [], [],
        "`syscall`";
    EvtIsAsync "evt.is_async" Type::Bool, Nothing, [], [],
        "Never: every event comes from the sentry.";
    EvtDir "evt.dir" Type::Text, Nothing, [], [],
        "`<`: events tell how a call ended.";
    SyscallType "syscall.type" Type::Text, Nothing, [], [],
        "The system call's name; none for the sentry's own events.";
    EvtCategory "evt.category" Type::Text, Nothing, [], [],
        "What kind of thing was done: `file`, `net`, `process`, `IPC`, `memory`, `signal`, `time`, `user`, `IO-read`, `IO-write`, `IO-other`, `other`.";
    EvtArg "evt.arg" Type::Text, Param, [], [],
        "A parameter of the event by name, as text: `evt.arg.flags`.";
    EvtArgAt "evt.arg[n]" Type::Text, Nothing, [], [],
        "The same by place: `evt.arg[0]`.";
    EvtRawarg "evt.rawarg" Type::Count, Param, [], [],
        "A parameter of the event by name, as a number: `evt.rawarg.flags`.";
    EvtRawargText "evt.rawarg (text)" Type::Text, Nothing, [], [],
        "The same where the parameter is text: `evt.rawarg.name`.";
    EvtArgs "evt.args" Type::Text, Nothing, [], [],
        "All parameters that are told, as `name=value`.";
    EvtInfo "evt.info" Type::Text, Nothing, [], [],
        "The same.";
    EvtBuflen "evt.buflen" Type::Count, Nothing, [], [],
        "How many bytes were read, written, sent or received.";
    EvtIsIo "evt.is_io" Type::Bool, Nothing, [], [],
        "A call that reads, writes, sends or receives.";
    EvtIsIoRead "evt.is_io_read" Type::Bool, Nothing, [], [],
        "A call that reads or receives.";
    EvtIsIoWrite "evt.is_io_write" Type::Bool, Nothing, [], [],
        "A call that writes or sends.";
    EvtIoDir "evt.io_dir" Type::Text, Nothing, [], [],
        "`read` or `write` of such a call.";
    EvtIsWait "evt.is_wait" Type::Bool, Nothing, [], [],
        "A call that waits for others: select, poll, epoll_wait and their kin, nanosleep.";
    EvtCount "evt.count" Type::Count, Nothing, [], [],
        "1, for adding up.";
    EvtCountError "evt.count.error" Type::Count, Nothing, [], [],
        "1 if the call failed, else 0.";
    EvtIsOpenExec "evt.is_open_exec" Type::Bool, Nothing, [Need::Open], [],
        "An open that may create a file that someone can execute.";
    FsPathName "fs.path.name" Type::Text, Nothing, [Need::Open], [],
        "The path that an open is about, joined with its directory.";
    FsPathNameraw "fs.path.nameraw" Type::Text, Nothing, [Need::Open], [],
        "The path as the open was given it.";
    ProcPexe "proc.pexe" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The parent's first argument.";
    ProcAexe "proc.aexe" Type::Text, Index, [Need::Exec], ["execve", "container"],
        "An ancestor's first argument: `[1]` is the parent; without a number any ancestor's.";
    ProcAexepath "proc.aexepath" Type::Text, Index, [Need::Exec], ["execve", "container"],
        "An ancestor's executable.";
    ProcAargs "proc.aargs" Type::Text, Index, [Need::Exec], ["execve", "container"],
        "An ancestor's arguments.";
    ProcAcmdline "proc.acmdline" Type::Text, Index, [Need::Exec], ["execve", "container"],
        "An ancestor's name and arguments.";
    ProcCmdnargs "proc.cmdnargs" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "How many arguments there are without the first.";
    ProcCmdlenargs "proc.cmdlenargs" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "How many bytes those have together.";
    ProcExeline "proc.exeline" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "All arguments, the first included, joined by blanks.";
    ProcEnv "proc.env" Type::Text, Key, [Need::Exec, Need::Env], [],
        "The environment as `NAME=value` joined by blanks, or one variable: `proc.env[HOME]`. An exec tells it; later events do not.";
    ProcLoginshellid "proc.loginshellid" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "The process id of the oldest shell among the ancestors.";
    ProcTty "proc.tty" Type::Count, Nothing, [Need::Exec, Need::Terminal], ["execve", "container"],
        "The terminal's device number; 0 without one.";
    ProcApid "proc.apid" Type::Count, Index, [Need::Exec], ["execve", "container"],
        "An ancestor's process id.";
    ProcPvpid "proc.pvpid" Type::Count, Nothing, [Need::Exec], ["execve", "container"],
        "The parent's process id: gVisor's trace knows one namespace.";
    ProcSid "proc.sid" Type::Count, Nothing, [Need::Job], ["execve", "container", "setsid"],
        "The session: the id of the process that began it.";
    ProcSname "proc.sname" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid"],
        "The name of the session's leader, while that is remembered.";
    ProcSidExe "proc.sid.exe" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid"],
        "The leader's first argument.";
    ProcSidExepath "proc.sid.exepath" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid"],
        "The leader's executable.";
    ProcVpgid "proc.vpgid" Type::Count, Nothing, [Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The process group: the id of its first leader.";
    ProcVpgidName "proc.vpgid.name" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The name of the group's leader, while that is remembered.";
    ProcVpgidExe "proc.vpgid.exe" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The leader's first argument.";
    ProcVpgidExepath "proc.vpgid.exepath" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The leader's executable.";
    ProcPgid "proc.pgid" Type::Count, Nothing, [Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The same as `proc.vpgid`: gVisor's trace knows one namespace.";
    ProcPgidName "proc.pgid.name" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The same as `proc.vpgid.name`.";
    ProcPgidExe "proc.pgid.exe" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The same as `proc.vpgid.exe`.";
    ProcPgidExepath "proc.pgid.exepath" Type::Text, Nothing, [Need::Exec, Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The same as `proc.vpgid.exepath`.";
    ProcPpidDuration "proc.ppid.duration" Type::Duration, Nothing, [], [],
        "How long ago the parent started, while that is remembered.";
    ProcPidTs "proc.pid.ts" Type::Count, Nothing, [], [],
        "When the process started, in nanoseconds since 1970.";
    ProcPpidTs "proc.ppid.ts" Type::Count, Nothing, [], [],
        "When the parent started.";
    ProcIsExeWritable "proc.is_exe_writable" Type::Bool, Nothing, [Need::Exec, Need::Credentials], [],
        "The executable can be written by who runs it. An exec tells it; later events do not.";
    ProcIsExeLowerLayer "proc.is_exe_lower_layer" Type::Bool, Nothing, [Need::Exec, Need::Provenance], ["execve", "container"],
        "The executable is a part of the image.";
    ProcIsSidLeader "proc.is_sid_leader" Type::Bool, Nothing, [Need::Job], ["execve", "container", "setsid"],
        "The process leads its session.";
    ProcIsVpgidLeader "proc.is_vpgid_leader" Type::Bool, Nothing, [Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The process leads its process group.";
    ProcIsPgidLeader "proc.is_pgid_leader" Type::Bool, Nothing, [Need::Job], ["execve", "container", "setsid", "setpgid"],
        "The same.";
    ProcExeIno "proc.exe_ino" Type::Count, Nothing, [Need::Exec], [],
        "The executable's inode. An exec tells it; later events do not.";
    ProcExeInoCtime "proc.exe_ino.ctime" Type::Count, Nothing, [Need::Exec], [],
        "When that inode last changed, in nanoseconds since 1970; with an exec only.";
    ProcExeInoCtimeProcStart "proc.exe_ino.ctime_duration_proc_start" Type::Duration, Nothing, [Need::Exec], [],
        "How long before the process started that was; with an exec only.";
    ProcExeInoCtimePidnsStart "proc.exe_ino.ctime_duration_pidns_start" Type::Duration, Nothing, [Need::Exec], [],
        "How long after the container's first process started that was; with an exec only.";
    ProcPidnsInitStartTs "proc.pidns_init_start_ts" Type::Count, Nothing, [], [],
        "When the container's first process started, in nanoseconds since 1970.";
    ProcStdinType "proc.stdin.type" Type::Text, Nothing, [Need::Exec, Need::Dup, Need::Connect], [],
        "What standard input is, as `fd.type` has it.";
    ProcStdoutType "proc.stdout.type" Type::Text, Nothing, [Need::Exec, Need::Dup, Need::Connect], [],
        "What standard output is.";
    ProcStderrType "proc.stderr.type" Type::Text, Nothing, [Need::Exec, Need::Dup, Need::Connect], [],
        "What standard error is.";
    ProcStdinName "proc.stdin.name" Type::Text, Nothing, [Need::Exec, Need::Dup, Need::Connect], [],
        "Where standard input leads, as `fd.name` has it.";
    ProcStdoutName "proc.stdout.name" Type::Text, Nothing, [Need::Exec, Need::Dup, Need::Connect], [],
        "Where standard output leads.";
    ProcStderrName "proc.stderr.name" Type::Text, Nothing, [Need::Exec, Need::Dup, Need::Connect], [],
        "Where standard error leads.";
    ThreadVtid "thread.vtid" Type::Count, Nothing, [], [],
        "The same as `thread.tid`.";
    ThreadIsmain "thread.ismain" Type::Bool, Nothing, [], [],
        "The thread is its process's first.";
    UserName "user.name" Type::Text, Nothing, [Need::Credentials], [],
        "The user's name in the container's passwd, where the embedder gives that; 0 is root.";
    UserHomedir "user.homedir" Type::Text, Nothing, [Need::Credentials], [],
        "The home directory in the container's passwd.";
    UserShell "user.shell" Type::Text, Nothing, [Need::Credentials], [],
        "The login shell in the container's passwd.";
    UserLoginuid "user.loginuid" Type::Count, Nothing, [], [],
        "-1: there is no login behind a process of a sandbox.";
    GroupGid "group.gid" Type::Count, Nothing, [Need::Credentials], [],
        "The effective group id.";
    GroupName "group.name" Type::Text, Nothing, [Need::Credentials], [],
        "The group's name in the container's group file, where the embedder gives that; 0 is root.";
    FdNameraw "fd.nameraw" Type::Text, Nothing, [], [],
        "The path as an open was given it; the same as `fd.name` for other events.";
    FdTypes "fd.types" Type::Texts, Index, [], [],
        "The types of all descriptors of the process, or of one: `fd.types[0]`.";
    FdIp "fd.ip" Type::Ip, Nothing, [Need::Connect], [],
        "The addresses of both ends, as far as they are known.";
    FdCip "fd.cip" Type::Ip, Nothing, [Need::Connect, Need::Bind], [],
        "The client's address.";
    FdLip "fd.lip" Type::Ip, Nothing, [Need::Bind], [],
        "The address of this end, where a bind told it.";
    FdPort "fd.port" Type::Count, Nothing, [Need::Connect], [],
        "The ports of both ends, as far as they are known.";
    FdCport "fd.cport" Type::Count, Nothing, [Need::Connect, Need::Bind], [],
        "The client's port.";
    FdLport "fd.lport" Type::Count, Nothing, [Need::Bind], [],
        "The port of this end, where a bind told it.";
    FdNet "fd.net" Type::Net, Nothing, [Need::Connect], [],
        "The addresses of both ends, to compare with prefixes.";
    FdCnet "fd.cnet" Type::Net, Nothing, [Need::Connect, Need::Bind], [],
        "The client's address, to compare with prefixes.";
    FdLnet "fd.lnet" Type::Net, Nothing, [Need::Bind], [],
        "The address of this end, to compare with prefixes.";
    FdSockfamily "fd.sockfamily" Type::Text, Nothing, [Need::Socket], [],
        "`ip` or `unix`.";
    FdConnected "fd.connected" Type::Bool, Nothing, [Need::Connect], [],
        "The socket is connected, or its attempt goes on.";
    FdContainername "fd.containername" Type::Text, Nothing, [], [],
        "`container.id` and `fd.name`, joined by a colon.";
    FdContainerdirectory "fd.containerdirectory" Type::Text, Nothing, [], [],
        "`container.id` and `fd.directory`, joined by a colon.";
    FdIsUpperLayer "fd.is_upper_layer" Type::Bool, Nothing, [Need::Provenance], [],
        "The file was written inside the container.";
    FdIsLowerLayer "fd.is_lower_layer" Type::Bool, Nothing, [Need::Provenance], [],
        "The file is a part of the image, as far as is known.";
    ContainerFullId "container.full_id" Type::Text, Nothing, [], [],
        "The container's whole id as the sentry claims it.";
    ContainerName "container.name" Type::Text, Nothing, [], [],
        "The container's name.";
    ContainerType "container.type" Type::Text, Nothing, [], [],
        "The runtime's name.";
    ContainerImage "container.image" Type::Text, Nothing, [], [],
        "The image's reference.";
    ContainerImageId "container.image.id" Type::Text, Nothing, [], [],
        "The image's id.";
    ContainerImageRepository "container.image.repository" Type::Text, Nothing, [], [],
        "The image's repository.";
    ContainerImageTag "container.image.tag" Type::Text, Nothing, [], [],
        "The image's tag.";
    ContainerImageDigest "container.image.digest" Type::Text, Nothing, [], [],
        "The image's digest.";
    ContainerPrivileged "container.privileged" Type::Bool, Nothing, [], [],
        "The container runs privileged.";
    ContainerMounts "container.mounts" Type::Text, Nothing, [], [],
        "All mounts, as `source:dest:mode:rdwr:propagation` joined by commas.";
    ContainerMount "container.mount" Type::Text, Key, [], [],
        "One mount by its place or its destination, which may be a pattern; `N/A` where it is not known to be there.";
    ContainerMountSource "container.mount.source" Type::Text, Key, [], [],
        "The source of a mount by its place or destination; `N/A` where it is not known to be there.";
    ContainerMountDest "container.mount.dest" Type::Text, Key, [], [],
        "The destination of a mount by its place or source; `N/A` where it is not known to be there.";
    ContainerMountMode "container.mount.mode" Type::Text, Key, [], [],
        "The mode of a mount by its place or destination.";
    ContainerMountRdwr "container.mount.rdwr" Type::Text, Key, [], [],
        "Whether a mount can be written: `true` or `false`.";
    ContainerMountPropagation "container.mount.propagation" Type::Text, Key, [], [],
        "The propagation of a mount by its place or destination.";
    ContainerStartTs "container.start_ts" Type::Count, Nothing, [], [],
        "When the container was first heard of, in nanoseconds since 1970.";
    ContainerDuration "container.duration" Type::Duration, Nothing, [], [],
        "How long ago that was.";
    ContainerIp "container.ip" Type::Text, Nothing, [], [],
        "The container's address.";
    ContainerHostPid "container.host_pid" Type::Bool, Nothing, [], [],
        "The container shares the host's process ids.";
    ContainerHostNetwork "container.host_network" Type::Bool, Nothing, [], [],
        "The container shares the host's network.";
    ContainerHostIpc "container.host_ipc" Type::Bool, Nothing, [], [],
        "The container shares the host's IPC.";
    ContainerLabel "container.label" Type::Text, Key, [], [],
        "A label: `container.label[app]`.";
    ContainerLabels "container.labels" Type::Text, Nothing, [], [],
        "All labels, as `key:value` joined by commas.";
    K8sPodName "k8s.pod.name" Type::Text, Nothing, [], [],
        "The pod's name.";
    K8sNsName "k8s.ns.name" Type::Text, Nothing, [], [],
        "The pod's namespace.";
    K8sPodId "k8s.pod.id" Type::Text, Nothing, [], [],
        "The pod's id.";
    K8sPodUid "k8s.pod.uid" Type::Text, Nothing, [], [],
        "The same.";
    K8sPodSandboxId "k8s.pod.sandbox_id" Type::Text, Nothing, [], [],
        "The id of the pod's sandbox, its first 12 characters.";
    K8sPodFullSandboxId "k8s.pod.full_sandbox_id" Type::Text, Nothing, [], [],
        "The whole id of the pod's sandbox.";
    K8sPodLabel "k8s.pod.label" Type::Text, Key, [], [],
        "A label of the pod.";
    K8sPodLabels "k8s.pod.labels" Type::Text, Nothing, [], [],
        "All labels of the pod, as `key:value` joined by commas.";
    K8sPodIp "k8s.pod.ip" Type::Text, Nothing, [], [],
        "The pod's address.";
    MatchCount "count" Type::Count, Nothing, [], [],
        "In an output: how often the counted step was met.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_has_an_event_type_that_exists() {
        for field in FIELDS {
            assert_eq!(
                super::super::by_name(field.name).map(|found| found.id),
                Some(field.id),
                "{}",
                field.name
            );
            assert_eq!(field.id.def().name, field.name);
            for event in field.changed_by {
                assert!(crate::event::EventType::by_name(event).is_some(), "{}: {event}", field.name);
            }
        }
    }
}
