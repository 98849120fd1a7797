//! What the engine says when a container's score crosses a threshold: who, what, why, and on what ground.
//!
//! The type is plain data that depends on nothing else of the library; its faces are beside it: [`json`] and [`proto`]
//! for machines, [`ocsf`] for data lakes, [`falco`] for whatever takes Falco's alerts, [`text`] for the person who is
//! called at night. Formats are promises, this struct is not.

pub mod falco;
pub mod json;
pub mod ocsf;
pub mod proto;
pub mod text;

/// A finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable: the same events give the same id, so that a repeat is harmless.
    pub id: String,
    /// When the threshold was crossed, in nanoseconds since the epoch.
    pub time_ns: i64,
    /// The rule whose match crossed it.
    pub rule: RuleName,
    /// How grave it is.
    pub severity: Severity,
    /// The container's score before and after.
    pub score: ScoreChange,
    /// The rule is on trial: nobody is to act on it.
    pub shadow: bool,
    /// It is about what was done before the lists knew of it; its steps say when that was.
    pub retrospective: bool,
    /// The most that is to be done about it.
    pub action: Action,
    /// The container.
    pub container: Container,
    /// The process whose event crossed the threshold.
    pub process: Process,
    /// Every match that contributed, in the order of time.
    pub matches: Vec<Match>,
    /// What could and could not be seen.
    pub coverage: Coverage,
    /// Which rules and lists it rests on.
    pub versions: Versions,
}

/// A rule by its id and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleName {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What is to be done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Tell somebody.
    Report,
    /// Look closer: a richer trace session.
    Escalate,
    /// Kill the container.
    Kill,
}

impl Action {
    /// The action's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::Report => "report",
            Action::Escalate => "escalate",
            Action::Kill => "kill",
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a line.
    Notice,
    /// Worth a person's time.
    Alert,
    /// Worth the container's life.
    Kill,
}

impl Severity {
    /// The severity's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Alert => "alert",
            Severity::Kill => "kill",
        }
    }
}

/// A score before and after, in hundredths of a point, with the threshold that was crossed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreChange {
    /// Before this match.
    pub before: u64,
    /// With it.
    pub after: u64,
    /// The threshold in points; nothing for a rule that is a finding of its own.
    pub threshold: Option<u32>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id: as the sentry claims it, unless it is verified.
    pub id: Vec<u8>,
    /// Whether the host side vouches for the id.
    pub verified: bool,
    /// What the embedder or the OCI bundle says of it.
    pub labels: Vec<(String, String)>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id in the sandbox's root namespace.
    pub pid: i32,
    /// Its name.
    pub name: Vec<u8>,
    /// Its executable.
    pub exe: Vec<u8>,
    /// Its arguments.
    pub argv: Vec<Vec<u8>>,
    /// Some of the arguments were left out.
    pub argv_cut: bool,
    /// Where what it runs came from.
    pub origin: &'static str,
    /// Its ancestors, nearest first.
    pub ancestors: Vec<Ancestor>,
}

/// An ancestor of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its id.
    pub pid: i32,
    /// Its name.
    pub name: Vec<u8>,
}

/// A rule's match.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The rule.
    pub rule: RuleName,
    /// When it matched.
    pub time_ns: i64,
    /// What it added to the score, in hundredths of a point; less than its weight once its cap is reached.
    pub points: u64,
    /// What it says.
    pub output: String,
    /// The rule's tags.
    pub tags: Vec<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step of a match.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When it was met; of a repeated one, the first time.
    pub since_ns: i64,
    /// When it was met; of a repeated one, the last time.
    pub time_ns: i64,
    /// How often.
    pub count: u32,
    /// The step's name in the rule.
    pub name: Option<String>,
    /// The kind of event.
    pub event: &'static str,
    /// The call failed: it was an attempt.
    pub failed: bool,
    /// Who did it.
    pub process: Process,
    /// What was done.
    pub deed: Deed,
    /// What the denylists said.
    pub indicators: Vec<Indicator>,
}

/// What a process did.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// It ran a program.
    Ran(File),
    /// It opened, wrote or changed a file.
    Touched(File),
    /// It dealt with a remote endpoint.
    Network(Remote),
    /// It drove the GPU.
    Gpu {
        /// How far it got.
        state: &'static str,
        /// Its ioctls on GPU devices.
        ioctls: u64,
    },
    /// What must be absent was, for so long up to the step's time.
    Nothing {
        /// How long, in nanoseconds.
        span_ns: i64,
    },
    /// Something of which the event's name says all.
    Other,
}

/// A file, with how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: Vec<u8>,
    /// Where its bytes came from.
    pub origin: &'static str,
    /// The steps of how it came to be, the last first.
    pub chain: Vec<Written>,
    /// The remote that the bytes descend from.
    pub remote: Option<Fetched>,
}

/// Bytes were got from a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its address.
    pub addr: std::net::SocketAddr,
    /// When the connection was made.
    pub time_ns: i64,
    /// By whom.
    pub by: Process,
}

/// A file was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// When it was opened for that.
    pub time_ns: i64,
    /// Its path.
    pub path: Vec<u8>,
    /// Who wrote it.
    pub by: Process,
    /// A compiler or linker made it.
    pub built: bool,
    /// A package manager put it there.
    pub installed: bool,
}

/// A remote endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its address.
    pub addr: std::net::SocketAddr,
    /// The other side connected.
    pub inbound: bool,
    /// Sockets of the container that were to connect to it.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Messages sent over this connection.
    pub sends: u64,
    /// The median distance between them in nanoseconds.
    pub period_ns: Option<i64>,
    /// The descriptor.
    pub fd: Option<i32>,
}

/// What a denylist said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// Of what.
    pub what: Vec<u8>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Which list.
    pub source: String,
}

/// What could and could not be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Something that matters was lost.
    pub partial: bool,
    /// Messages that the sentry could not send.
    pub dropped: u64,
    /// Messages that could not be decoded.
    pub undecodable: u64,
    /// Messages that were larger than the receive buffer.
    pub truncated: u64,
    /// Events that named no process.
    pub unattributed: u64,
    /// Programs that were run although no event said so.
    pub unseen_execs: u64,
    /// Connects whose end was not told.
    pub unseen_connects: u64,
    /// Calls whose path or address another thread changed while they ran.
    pub args_changed: u64,
    /// Events that claimed a time far from the one before.
    pub time_jumps: u64,
    /// What had to be forgotten to stay within the bounds.
    pub evictions: u64,
    /// The same by kind.
    pub forgotten: Forgotten,
}

/// What had to be forgotten, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Processes.
    pub processes: u64,
    /// Files.
    pub files: u64,
    /// Remote endpoints.
    pub endpoints: u64,
    /// Sockets.
    pub sockets: u64,
    /// Pipes.
    pub pipes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Partial matches, counters, and what a score rested on.
    pub evidence: u64,
    /// Containers.
    pub containers: u64,
}

impl Forgotten {
    /// Each kind with its name.
    pub(crate) fn by_kind(self) -> [(&'static str, u64); 8] {
        let Forgotten { processes, files, endpoints, sockets, pipes, descriptors, evidence, containers } =
            self;
        [
            ("processes", processes),
            ("files", files),
            ("endpoints", endpoints),
            ("sockets", sockets),
            ("pipes", pipes),
            ("descriptors", descriptors),
            ("evidence", evidence),
            ("containers", containers),
        ]
    }
}

/// Which rules and lists a finding rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The generation of the rules.
    pub rules: u64,
    /// The generation of the denylists.
    pub intel: u64,
}

impl Finding {
    /// The steps of all matches in the order of time.
    #[must_use]
    pub fn steps(&self) -> Vec<(&RuleName, &Step)> {
        let mut steps: Vec<_> = self
            .matches
            .iter()
            .flat_map(|matched| matched.steps.iter().map(|step| (&matched.rule, step)))
            .collect();
        steps.sort_by_key(|(_, step)| step.since_ns);
        steps
    }
}
