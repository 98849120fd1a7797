//! What the state remembers, copied out: plain data that both faces show, so that they cannot differ.
//!
//! Names of members are those of the JSON document and a promise to scripts. Text of the workload is escaped here,
//! once. Times are nanoseconds since the epoch by the sentry's clock.

use serde::Serialize;

/// All that is remembered of a sandbox at one moment.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    /// Records that were taken in.
    pub(super) records: u64,
    /// The first time that was seen.
    pub(super) begin_ns: Option<i64>,
    /// The sandbox's clock.
    pub(super) time_ns: i64,
    pub(super) containers: Vec<Container>,
    pub(super) sight: Sight,
    pub(super) evictions: Evictions,
}

#[derive(Debug, Serialize)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) since_ns: i64,
    /// Parents before their children, else in the order in which they were heard of.
    pub(super) processes: Vec<Process>,
    pub(super) files: Vec<File>,
    pub(super) endpoints: Vec<Endpoint>,
}

#[derive(Debug, Serialize)]
pub(super) struct Process {
    pub(super) serial: u64,
    pub(super) tgid: i32,
    pub(super) name: String,
    pub(super) comm: String,
    /// Steps from a process that has no remembered ancestor.
    pub(super) depth: usize,
    /// Nearest first; those that are forgotten as well.
    pub(super) ancestors: Vec<Who>,
    pub(super) lineage: u64,
    pub(super) seen_from_birth: bool,
    pub(super) started_ns: Option<i64>,
    pub(super) exited_ns: Option<i64>,
    pub(super) program: Program,
    pub(super) uid: Option<u32>,
    pub(super) cwd: Option<String>,
    pub(super) exec_session: bool,
    pub(super) opens: u64,
    pub(super) gpu: Gpu,
    /// Where the network bytes came from that its program had.
    pub(super) network: Vec<Origin>,
    /// The same of its standard input.
    pub(super) stdin: Option<Origin>,
    /// Whether it is an interpreter that runs what its standard input brings from the network.
    pub(super) runs_network_bytes: bool,
    /// What a living process holds.
    pub(super) descriptors: Vec<Descriptor>,
    /// Descriptors that it holds beyond those.
    pub(super) descriptors_left_out: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Who {
    pub(super) serial: Option<u64>,
    pub(super) tgid: i32,
    pub(super) name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Program {
    pub(super) path: String,
    pub(super) argv: Vec<String>,
    pub(super) argv_cut: bool,
    /// When it was run; a process that was only forked has its parent's.
    pub(super) ran_ns: Option<i64>,
    pub(super) executable: Provenance,
    pub(super) script: Option<Script>,
}

#[derive(Debug, Serialize)]
pub(super) struct Script {
    pub(super) path: String,
    pub(super) provenance: Provenance,
}

#[derive(Debug, Serialize)]
pub(super) struct Provenance {
    pub(super) origin: &'static str,
    /// How the bytes came to be there, the last step first.
    pub(super) chain: Vec<Written>,
    /// The remote that the chain begins with.
    pub(super) remote: Option<Remote>,
}

#[derive(Debug, Serialize)]
pub(super) struct Written {
    pub(super) path: String,
    pub(super) by: Who,
    pub(super) time_ns: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Remote {
    pub(super) addr: String,
    pub(super) time_ns: i64,
}

/// Where bytes came from: from a remote at once, or from a file with its chain.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    pub(super) remote: Option<Remote>,
    pub(super) chain: Vec<Written>,
}

#[derive(Debug, Serialize)]
pub(super) struct Gpu {
    pub(super) state: &'static str,
    pub(super) ioctls: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Descriptor {
    pub(super) fd: i32,
    pub(super) access: &'static str,
    pub(super) cloexec: bool,
    /// Whether it was open already when the program started, and is no standard descriptor.
    pub(super) passed_on: bool,
    pub(super) to: Target,
}

/// What a descriptor leads to.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Target {
    Unknown,
    /// An eventfd, timerfd, signalfd, inotify or epoll descriptor.
    Anon,
    /// A file that was forgotten while it was open has no path.
    File {
        path: Option<String>,
        origin: &'static str,
    },
    Memfd {
        path: String,
        origin: &'static str,
    },
    Socket(Box<Socket>),
    /// A socket that was forgotten while it was open.
    Forgotten,
    Pipe {
        end: &'static str,
        /// The first living processes that hold the other end.
        others: Vec<Holder>,
        /// All that hold it.
        others_count: usize,
        /// What went through it, if that came from the network.
        carries: Option<Origin>,
    },
    Nvidia {
        device: &'static str,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Holder {
    pub(super) tgid: i32,
    pub(super) name: String,
    pub(super) fd: i32,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Socket {
    /// The kernel's name, or its number.
    pub(super) family: String,
    /// `stream`, `dgram`, `raw`, or the number.
    pub(super) kind: String,
    pub(super) role: &'static str,
    pub(super) remote: Option<String>,
    /// How a connect went so far.
    pub(super) outcome: Option<String>,
    /// When it was tried.
    pub(super) since_ns: Option<i64>,
    pub(super) sent: Flow,
    pub(super) received: Flow,
}

/// What passed in one direction, as far as that was seen.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Flow {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// The median distance between messages.
    pub(super) period_ns: Option<i64>,
    /// How uneven the distances are: their median absolute deviation in thousandths of the median.
    pub(super) dispersion_permille: Option<u64>,
    /// The median size of a message in bytes.
    pub(super) size: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct File {
    pub(super) serial: u64,
    pub(super) path: String,
    /// When it was last opened for writing.
    pub(super) written_ns: Option<i64>,
    pub(super) provenance: Provenance,
}

#[derive(Debug, Serialize)]
pub(super) struct Endpoint {
    pub(super) remote: String,
    pub(super) attempts: u64,
    pub(super) connected: u64,
    pub(super) failures: u64,
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
    /// Sockets to it that are still held.
    pub(super) open: Vec<Connection>,
    /// Sockets to it that nobody holds any more but are remembered, of whichever container.
    pub(super) closed: Vec<Socket>,
}

/// A socket that is held.
#[derive(Debug, Serialize)]
pub(super) struct Connection {
    pub(super) by: Vec<Holder>,
    pub(super) socket: Socket,
}

#[derive(Debug, Serialize)]
pub(super) struct Sight {
    pub(super) partial: bool,
    pub(super) dropped: u64,
    pub(super) undecodable: u64,
    pub(super) truncated: u64,
    pub(super) unknown_types: u64,
    pub(super) unattributed: u64,
    pub(super) stubs: u64,
    pub(super) time_jumps: u64,
    pub(super) high_fds: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Evictions {
    pub(super) processes: u64,
    pub(super) files: u64,
    pub(super) endpoints: u64,
    pub(super) sockets: u64,
    pub(super) pipes: u64,
    pub(super) descriptors: u64,
    pub(super) evidence: u64,
    pub(super) containers: u64,
}
