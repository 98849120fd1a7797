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
    EvtArgFlags "evt.arg.flags" Type::Text, Nothing, [], [],
        "The names of the open flags, joined by `|`.";
    EvtArgModeExec "evt.arg.mode.exec" Type::Bool, Nothing, [], [],
        "The mode of a chmod or of a created file lets someone execute it.";
    EvtArgFilename "evt.arg.filename" Type::Text, Nothing, [], [],
        "The path as the call was given it.";
    EvtArgChanged "evt.arg_changed" Type::Bool, Nothing, [], [],
        "The path or address of an open, connect or exec was another one when the call began: another thread changed it meanwhile.";
    ProcName "proc.name" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The process's name, cut to 15 bytes as the kernel does.";
    ProcExe "proc.exe" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The first argument, which is what the caller says the program is.";
    ProcExepath "proc.exepath" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The executable's path, symbolic links resolved.";
    ProcArgs "proc.args" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The arguments without the first, joined by blanks.";
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
    ProcIsExeUpperLayer "proc.is_exe_upper_layer" Type::Bool, Nothing, [Need::Exec], ["execve", "container"],
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
    ThreadTid "thread.tid" Type::Count, Nothing, [], [],
        "The thread's id.";
    UserUid "user.uid" Type::Count, Nothing, [Need::Credentials], [],
        "The effective user id.";
    FdNum "fd.num" Type::Count, Nothing, [], [],
        "The descriptor's number.";
    FdName "fd.name" Type::Text, Nothing, [], [],
        "The file's path, or `ip:port->ip:port` of a connection with `0.0.0.0:0` for an end that is not known.";
    FdDirectory "fd.directory" Type::Text, Nothing, [], [],
        "The directory of the file's path.";
    FdFilename "fd.filename" Type::Text, Nothing, [], [],
        "The last part of the file's path.";
    FdTypechar "fd.typechar" Type::Text, Nothing, [], [],
        "`f` file, `4` IPv4, `6` IPv6, `u` local socket, `p` pipe.";
    FdType "fd.type" Type::Text, Nothing, [], [],
        "`file`, `ipv4`, `ipv6`, `unix`, `pipe`.";
    FdL4proto "fd.l4proto" Type::Text, Nothing, [Need::Socket], [],
        "`tcp`, `udp` or `raw`.";
    FdRip "fd.rip" Type::Ip, Nothing, [], [],
        "The remote address.";
    FdSip "fd.sip" Type::Ip, Nothing, [], [],
        "The server's address: the remote's, where this side connected.";
    FdRport "fd.rport" Type::Count, Nothing, [], [],
        "The remote port.";
    FdSport "fd.sport" Type::Count, Nothing, [], [],
        "The server's port.";
    FdRnet "fd.rnet" Type::Net, Nothing, [], [],
        "The remote address, to compare with prefixes.";
    FdSnet "fd.snet" Type::Net, Nothing, [], [],
        "The server's address, to compare with prefixes.";
    FdRemote "fd.remote" Type::Endpoint, Nothing, [], [],
        "The remote address and port.";
    FdIsServer "fd.is_server" Type::Bool, Nothing, [], [],
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
    IntelBinTags "intel.bin.tags" Type::Texts, Nothing, [Need::Exec], ["execve", "container"],
        "What the denylists say of the program's name.";
    IntelBinSource "intel.bin.source" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "Which list says so.";
    IntelTextTags "intel.text.tags" Type::Texts, Nothing, [Need::Exec], ["execve", "container"],
        "What the denylists say of the arguments.";
    IntelTextSource "intel.text.source" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "Which list says so.";
    IntelTextMatch "intel.text.match" Type::Text, Nothing, [Need::Exec], ["execve", "container"],
        "The argument that it says it of.";
    ContainerId "container.id" Type::Text, Nothing, [], [],
        "The container's id as the sentry claims it.";
    StatePartial "state.partial" Type::Bool, Nothing, [], [],
        "Events were lost before this one.";
    StateExecUnseen "state.exec_unseen" Type::Bool, Nothing, [Need::Exec], [],
        "The process runs a program that no event told of while the sentry dropped messages: most likely its exec was made too large to be sent.";
    StateClaimsOther "state.claims_other" Type::Bool, Nothing, [], [],
        "The sandbox claims to be a container that it is not, as far as the host can tell.";
    StatePressure "state.pressure" Type::Bool, Nothing, [], [],
        "Something had to be forgotten to stay within the bounds.";
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
