//! The snapshot for an operator who has to believe it: a tree of processes with what they hold, files with the
//! sentence that says how they came to be, connections with their rhythm, and what was not seen.
//!
//! Times count from the first event. Every line is bounded, and all text of the workload is escaped in the model.

use std::fmt::{self, Write as _};

use super::Files;
use super::model::{
    Container, Descriptor, Endpoint, File, Flow, Holder, Origin, Process, Provenance, Remote, Snapshot,
    Socket, Target, Who, Written,
};
use crate::dump::put;

/// Characters of a command line that are shown: the beginning tells what it is.
const SHOWN_COMMAND: usize = 160;

/// Levels of the tree that are indented; who nests deeper is drawn at this depth.
const SHOWN_DEPTH: usize = 16;

/// The whole page.
pub(super) fn page(snapshot: &Snapshot, files: Files) -> String {
    let mut page = Page { out: String::new(), begin: snapshot.begin_ns.unwrap_or_default(), files };
    page.head(snapshot);
    for container in &snapshot.containers {
        page.container(container);
    }
    page.sight(snapshot);
    page.out
}

struct Page {
    out: String,
    begin: i64,
    files: Files,
}

impl Page {
    /// A point in time, counted from the first event.
    fn at(&self, time_ns: i64) -> Seconds {
        Seconds(time_ns.saturating_sub(self.begin))
    }

    fn head(&mut self, snapshot: &Snapshot) {
        let clock = self.at(snapshot.time_ns);
        match snapshot.begin_ns {
            Some(_) => put!(self.out, "after {}, at {clock}\n", counted(snapshot.records, "event")),
            None => put!(self.out, "after {}, none with a time\n", counted(snapshot.records, "event")),
        }
    }

    fn container(&mut self, container: &Container) {
        put!(
            self.out,
            "\ncontainer {} (as claimed), heard of at {}\n",
            container.id,
            self.at(container.since_ns)
        );
        self.processes(&container.processes);
        self.connections(&container.endpoints);
        self.files(&container.files);
    }

    fn processes(&mut self, processes: &[Process]) {
        let alive = processes.iter().filter(|process| process.exited_ns.is_none()).count();
        put!(self.out, "\n  processes  {} alive, {} exited\n", alive, processes.len().saturating_sub(alive));
        for process in processes {
            self.process(process);
        }
    }

    fn process(&mut self, process: &Process) {
        let indent = " ".repeat(process.depth.min(SHOWN_DEPTH).saturating_mul(2).saturating_add(4));
        put!(self.out, "{indent}{} ({})", named(&process.name), process.tgid);
        if process.comm != process.name && !process.comm.is_empty() {
            put!(self.out, " calling itself {}", process.comm);
        }
        put!(self.out, "  {}", self.life(process));
        if !process.seen_from_birth {
            self.out.push_str(", its start was not seen");
        }
        if let Some(parent) = process.ancestors.first().filter(|_| process.depth == 0) {
            put!(self.out, ", child of {} which is forgotten", Whom(parent));
        }
        self.out.push('\n');
        let indent = format!("{indent}    ");
        self.program(process, &indent);
        let details = details(process);
        if !details.is_empty() {
            put!(self.out, "{indent}{details}\n");
        }
        let stdin = process.stdin.as_ref().map(|source| self.from(source));
        if let Some(from) = &stdin {
            let does = if process.runs_network_bytes { "runs" } else { "has" };
            put!(self.out, "{indent}{does} bytes on its standard input {from}\n");
        }
        // What came that way is an input as well; once is enough.
        for source in &process.network {
            let from = self.from(source);
            if Some(&from) != stdin.as_ref() {
                put!(self.out, "{indent}had bytes {from}\n");
            }
        }
        for descriptor in &process.descriptors {
            self.descriptor(descriptor, &indent);
        }
        if process.descriptors_left_out > 0 {
            put!(self.out, "{indent}and {}\n", counted(process.descriptors_left_out, "more descriptor"));
        }
    }

    /// From when to when it lived.
    fn life(&self, process: &Process) -> String {
        let from = process.started_ns.map(|start| self.at(start).to_string()).unwrap_or_default();
        match process.exited_ns {
            Some(exit) => format!("{from} – {}", self.at(exit)),
            None if from.is_empty() => "alive".to_owned(),
            None => format!("alive since {from}"),
        }
    }

    fn program(&mut self, process: &Process, indent: &str) {
        let program = &process.program;
        let forked = match (program.ran_ns, process.started_ns) {
            (Some(ran), Some(start)) => ran < start,
            (Some(_) | None, _) => false,
        };
        if forked {
            put!(self.out, "{indent}forked, runs on as {}\n", Command(process));
            return;
        }
        if program.path.is_empty() && program.argv.is_empty() {
            put!(self.out, "{indent}runs a program that is not known\n");
            return;
        }
        put!(self.out, "{indent}$ {}\n", Command(process));
        let path = if program.path.is_empty() { "a program without a path" } else { &program.path };
        put!(self.out, "{indent}{path}, {}\n", self.came(&program.executable));
        if let Some(script) = &program.script {
            put!(self.out, "{indent}script {}, {}\n", script.path, self.came(&script.provenance));
        }
    }

    /// Where a file came from, as a clause after its path.
    fn came(&self, provenance: &Provenance) -> String {
        let origin = match provenance.origin {
            "unknown" => "of unknown origin",
            "image" => "of the image",
            "created" => "made here",
            "network" => "from the network",
            "memfd" => "in memory only",
            other => other,
        };
        if provenance.chain.is_empty() {
            return origin.to_owned();
        }
        format!("{origin}: {}", self.sentence(&provenance.chain, provenance.remote.as_ref()))
    }

    /// Where bytes came from, as a clause after "bytes". Of a file only the beginning: its chain stands with it.
    fn from(&self, origin: &Origin) -> String {
        match (&origin.remote, origin.chain.first()) {
            (Some(remote), Some(last)) => format!("from {}, first from {}", last.path, remote.addr),
            (None, Some(last)) => format!("from {}", last.path),
            (Some(remote), None) => {
                format!("from {} (connected at {})", remote.addr, self.at(remote.time_ns))
            }
            (None, None) => "from inside".to_owned(),
        }
    }

    /// A chain as one sentence, the last step first: `tar (7) wrote it at 2s from /tmp/x.tgz, which curl (5) wrote at
    /// 1s with bytes from 203.0.113.1:80 (connected at 0.9s)`. At most 12 steps: the library keeps no more.
    fn sentence(&self, chain: &[Written], remote: Option<&Remote>) -> String {
        let mut out = String::new();
        let Some((last, earlier)) = chain.split_first() else { return out };
        put!(out, "{} wrote it at {}", Whom(&last.by), self.at(last.time_ns));
        for step in earlier {
            put!(out, " from {}, which {} wrote at {}", step.path, Whom(&step.by), self.at(step.time_ns));
        }
        if let Some(remote) = remote {
            put!(out, " with bytes from {} (connected at {})", remote.addr, self.at(remote.time_ns));
        }
        out
    }

    fn descriptor(&mut self, descriptor: &Descriptor, indent: &str) {
        let access = match descriptor.access {
            "read" => "r-",
            "write" => "-w",
            "path" => "--",
            _ => "rw",
        };
        put!(self.out, "{indent}{:>3} {access} ", descriptor.fd);
        match &descriptor.to {
            Target::Unknown => self.out.push_str("open, not known what"),
            Target::Anon => self.out.push_str("event, timer or watch"),
            Target::File { path: None, .. } => self.out.push_str("a file that is forgotten"),
            Target::File { path: Some(path), origin } => put!(self.out, "{path}{}", Marked(origin)),
            Target::Memfd { path, .. } => put!(self.out, "{path}, in memory only"),
            Target::Nvidia { device } => self.out.push_str(device),
            Target::Forgotten => self.out.push_str("a socket that is forgotten"),
            Target::Socket(socket) => put!(self.out, "{}", Ends(socket)),
            Target::Pipe { end, others, others_count, carries } => {
                let arrow = if *end == "read" { "←" } else { "→" };
                put!(self.out, "pipe {arrow} ");
                self.holders(others, *others_count);
                if let Some(source) = carries {
                    let from = self.from(source);
                    put!(self.out, ", carries bytes {from}");
                }
            }
        }
        if descriptor.cloexec {
            self.out.push_str("  [closes on exec]");
        } else if descriptor.passed_on {
            self.out.push_str("  [passed on by exec]");
        }
        self.out.push('\n');
    }

    fn holders(&mut self, holders: &[Holder], count: usize) {
        if holders.is_empty() {
            self.out.push_str("nobody");
        }
        for (at, holder) in holders.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            put!(self.out, "{comma}{} ({}) by {}", named(&holder.name), holder.tgid, holder.fd);
        }
        let more = count.saturating_sub(holders.len());
        if more > 0 {
            put!(self.out, " and {more} more");
        }
    }

    fn connections(&mut self, endpoints: &[Endpoint]) {
        put!(self.out, "\n  connections  to {}\n", counted(endpoints.len(), "endpoint"));
        for endpoint in endpoints {
            put!(self.out, "    {}  {}", endpoint.remote, counted(endpoint.attempts, "connect"));
            let pending =
                endpoint.attempts.saturating_sub(endpoint.connected.saturating_add(endpoint.failures));
            let ends = [
                (endpoint.connected, "connected at once"),
                (endpoint.failures, "failed"),
                (pending, "begun without waiting"),
            ];
            for (at, (count, end)) in ends.into_iter().filter(|(count, _)| *count > 0).enumerate() {
                put!(self.out, "{} {count} {end}", if at == 0 { ":" } else { "," });
            }
            if endpoint.attempts > 1 {
                put!(self.out, "; {} – {}\n", self.at(endpoint.first_ns), self.at(endpoint.last_ns));
            } else {
                put!(self.out, "; {}\n", self.at(endpoint.first_ns));
            }
            for connection in &endpoint.open {
                self.out.push_str("        open in ");
                self.holders(&connection.by, connection.by.len());
                if let (Some(since), Some(outcome)) = (connection.socket.since_ns, &connection.socket.outcome)
                {
                    put!(self.out, ", {outcome} since {}", self.at(since));
                }
                put!(self.out, "{}\n", Traffic(&connection.socket.sent, &connection.socket.received));
            }
            self.closed(&endpoint.closed);
        }
    }

    /// Closed sockets: each where there is a rhythm to tell, the others as a sum.
    fn closed(&mut self, sockets: &[Socket]) {
        let (mut count, mut sent, mut received) = (0u64, 0u64, 0u64);
        for socket in sockets {
            if socket.sent.period_ns.is_some() || socket.received.period_ns.is_some() {
                let since = socket.since_ns.map(|since| format!(", tried at {}", self.at(since)));
                put!(self.out, "        closed{}", since.unwrap_or_default());
                put!(self.out, "{}\n", Traffic(&socket.sent, &socket.received));
            } else {
                count = count.saturating_add(1);
                sent = sent.saturating_add(socket.sent.bytes);
                received = received.saturating_add(socket.received.bytes);
            }
        }
        if count > 0 {
            put!(
                self.out,
                "        {} closed, {sent} bytes out, {received} in\n",
                counted(count, "connection")
            );
        }
    }

    fn files(&mut self, files: &[File]) {
        let tells = |file: &&File| match self.files {
            Files::All => true,
            Files::Written => is_told(file),
        };
        let told: Vec<&File> = files.iter().filter(tells).collect();
        put!(self.out, "\n  files  {} written or foreign", files.iter().filter(|file| is_told(file)).count());
        let rest = files.len().saturating_sub(told.len());
        if rest > 0 {
            put!(self.out, "; {rest} that were only read are left out");
        }
        self.out.push('\n');
        for file in told {
            put!(self.out, "    {}\n        {}", file.path, self.came(&file.provenance));
            if let Some(written) = file.written_ns.filter(|_| file.provenance.chain.is_empty()) {
                put!(self.out, ", opened for writing at {}", self.at(written));
            }
            self.out.push('\n');
        }
    }

    fn sight(&mut self, snapshot: &Snapshot) {
        let (sight, gone) = (&snapshot.sight, &snapshot.evictions);
        self.out.push_str("\nsight  ");
        let lost = [
            (sight.dropped, "dropped by the sentry"),
            (sight.undecodable, "undecodable"),
            (sight.truncated, "too large"),
            (sight.unknown_types, "of unknown type"),
            (sight.unattributed, "without a process"),
        ];
        self.sum(&lost, "nothing lost");
        let odd = [
            (sight.stubs, "heard of before their start"),
            (sight.time_jumps, "times not believed"),
            (sight.high_fds, "descriptors too high to be kept"),
        ];
        if odd.iter().any(|(count, _)| *count > 0) {
            self.out.push_str("; ");
            self.sum(&odd, "");
        }
        self.out.push_str("\nforgotten  ");
        let evicted = [
            (gone.processes, "processes"),
            (gone.files, "files"),
            (gone.endpoints, "endpoints"),
            (gone.sockets, "sockets"),
            (gone.pipes, "pipes"),
            (gone.descriptors, "descriptors"),
            (gone.evidence, "matches that were under way"),
            (gone.containers, "containers"),
        ];
        self.sum(&evicted, "nothing to stay within bounds");
        self.out.push('\n');
    }

    fn sum(&mut self, counts: &[(u64, &str)], none: &str) {
        let mut first = true;
        for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
            put!(self.out, "{}{count} {what}", if first { "" } else { ", " });
            first = false;
        }
        if first {
            self.out.push_str(none);
        }
    }
}

/// Whether a file is worth a line: somebody wrote it, or it is no part of the image. What /dev/null is told is not.
fn is_told(file: &File) -> bool {
    let foreign = !matches!(file.provenance.origin, "unknown" | "image");
    (foreign || file.written_ns.is_some()) && file.path != "/dev/null"
}

/// What else there is to tell of a process, on one line.
fn details(process: &Process) -> String {
    let mut parts = Vec::new();
    if let Some(uid) = process.uid {
        parts.push(format!("uid {uid}"));
    }
    if let Some(cwd) = &process.cwd {
        parts.push(format!("in {cwd}"));
    }
    if process.gpu.ioctls > 0 || process.gpu.state != "none" {
        parts.push(format!("GPU {} after {}", process.gpu.state, counted(process.gpu.ioctls, "ioctl")));
    }
    if process.exec_session {
        parts.push("started from outside by runsc exec".to_owned());
    }
    if process.exited_ns.is_some() { String::new() } else { parts.join(", ") }
}

fn named(name: &str) -> &str {
    if name.is_empty() { "unknown" } else { name }
}

/// `1 event`, `2 events`.
fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

struct Whom<'a>(&'a Who);

impl fmt::Display for Whom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", named(&self.0.name), self.0.tgid)
    }
}

/// A span of time in seconds, to the millisecond.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000_000;
        let sign = if millis < 0 { "-" } else { "" };
        let millis = millis.unsigned_abs();
        write!(f, "{sign}{}.{:03}s", millis / 1000, millis % 1000)
    }
}

/// A process's arguments, quoted where they would run together, cut where nobody reads on.
struct Command<'a>(&'a Process);

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        for argument in &self.0.program.argv {
            let space = if line.is_empty() { "" } else { " " };
            let plain = !argument.is_empty() && !argument.contains([' ', '\'', '"']);
            if plain {
                write!(line, "{space}{argument}")?
            } else {
                write!(line, "{space}'{argument}'")?
            }
            if line.len() > SHOWN_COMMAND.saturating_mul(4) {
                break;
            }
        }
        if line.is_empty() {
            return f.write_str(named(&self.0.name));
        }
        match line.char_indices().nth(SHOWN_COMMAND) {
            Some((at, _)) => write!(f, "{}…", line.get(..at).unwrap_or_default()),
            None if self.0.program.argv_cut => write!(f, "{line} …"),
            None => f.write_str(&line),
        }
    }
}

/// The origin of an open file, where it is worth a word.
struct Marked<'a>(&'a str);

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "network" => f.write_str(", from the network"),
            "created" => f.write_str(", made here"),
            _ => Ok(()),
        }
    }
}

/// What a socket is and whom it leads to.
struct Ends<'a>(&'a Socket);

impl fmt::Display for Ends<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.0;
        match (socket.role, &socket.remote, &socket.outcome) {
            ("client", Some(remote), Some(outcome)) if outcome == "connected" => {
                write!(f, "{} connection to {remote}", socket.kind)
            }
            ("client", Some(remote), Some(outcome)) if outcome == "pending" => {
                write!(f, "{} connection to {remote}, pending when last seen", socket.kind)
            }
            ("client", Some(remote), Some(outcome)) => {
                write!(f, "{} socket, {remote} failed with {outcome}", socket.kind)
            }
            ("server", Some(remote), _) => write!(f, "{} connection from {remote}", socket.kind),
            ("server", None, _) => write!(f, "accepted {} socket", socket.family),
            ("local", ..) => write!(f, "local {} socket", socket.kind),
            _ => write!(f, "{} {} socket without a peer", socket.family, socket.kind),
        }?;
        write!(f, "{}", Traffic(&socket.sent, &socket.received))
    }
}

/// What passed, as far as it was seen.
struct Traffic<'a>(&'a Flow, &'a Flow);

impl fmt::Display for Traffic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flow, way) in [(self.0, "out"), (self.1, "in")] {
            if flow.messages == 0 {
                continue;
            }
            write!(f, "; {way} {} with {} bytes", counted(flow.messages, "message"), flow.bytes)?;
            if let Some(period) = flow.period_ns {
                write!(f, ", one every {}", Seconds(period))?;
            }
            if let Some(dispersion) = flow.dispersion_permille {
                write!(f, " ± {}.{} %", dispersion / 10, dispersion % 10)?;
            }
            if let Some(size) = flow.size {
                write!(f, ", {size} bytes each")?;
            }
        }
        Ok(())
    }
}
