//! What a step that was met leaves behind: enough to tell the story later, cheap enough to be kept on suspicion.
//!
//! Programs, derivations and ancestors are shared with the state, so keeping them costs a counter each; nothing is
//! formatted before a finding is made.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::{EventType, Fd, Kind, Nanos, Time};
use crate::intel::feed::Indicator as IntelIndicator;
use crate::rules::fields::{FieldId, FieldRef, Scene};
use crate::state::path::PATH_MAX;
use crate::state::{
    Account, Actor, Ancestor, Budget, Charge, Derivation, GpuState, Program, Provenance, Remote, Role,
    Shared, Source, Subject, heap_of,
};

/// One step of a match.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// The step's name, if the rule gives it one.
    pub step: Option<Arc<str>>,
    /// When it was met; of a counted step, the last time.
    pub time: Time,
    /// The first time of a counted step.
    pub since: Time,
    /// How often it was met.
    pub count: u32,
    /// The kind of event.
    pub event: EventType,
    /// The call failed: it was an attempt.
    pub failed: bool,
    /// Who did it.
    pub actor: Actor,
    /// Its ancestors, nearest first.
    pub ancestors: Shared<Ancestor>,
    /// What it was done to.
    pub object: Object,
    /// The remote that feeds the program through its standard input.
    pub fed_by: Option<Remote>,
    /// What the denylists said.
    pub indicators: Vec<Indicator>,
}

/// What something was done to.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    /// Nothing but the process itself: it ran its program.
    Process,
    /// A file.
    File {
        /// Its path.
        path: Box<[u8]>,
        /// Where it came from.
        provenance: Provenance,
    },
    /// A remote endpoint.
    Remote {
        /// Its address.
        addr: SocketAddr,
        /// Who connected to whom.
        direction: Direction,
        /// Sockets that were to connect to it.
        attempts: u64,
        /// Those that failed.
        failures: u64,
        /// Messages that were sent over this connection.
        sends: u64,
        /// The median distance between them.
        period: Option<Nanos>,
        /// The descriptor.
        fd: Option<Fd>,
    },
    /// Nothing: what must be absent was, for so long.
    Absent(Nanos),
    /// The GPU.
    Gpu {
        /// How far the process got.
        state: GpuState,
        /// Its ioctls.
        ioctls: u64,
    },
}

/// Who connected to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// This side connected.
    Outbound,
    /// The other side connected.
    Inbound,
}

/// What a denylist said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indicator {
    /// Of what: an address, a name, an argument.
    pub what: Box<[u8]>,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// Which list.
    pub source: Arc<str>,
}

/// What evidence costs, charged for as long as it is kept: its own bytes, and those that it keeps others from giving
/// back. The second are paid where they are made; here they only count against the share of evidence, once for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    own: Charge,
    pinned: Pinned,
}

impl Held {
    /// Charges so many bytes.
    pub(crate) fn own(budget: &Budget, bytes: usize) -> Held {
        Held { own: budget.charge(Account::Evidence, bytes), pinned: Pinned::default() }
    }

    /// Charges so many bytes, and what the evidence holds.
    pub(crate) fn of<'e>(budget: &Budget, own: usize, evidence: impl Iterator<Item = &'e Evidence>) -> Held {
        let (mut own, mut pinned) = (own, Pinned::default());
        for evidence in evidence {
            own = own.saturating_add(evidence.heap());
            pinned.add(evidence);
        }
        let own = budget.charge(Account::Evidence, own.saturating_add(pinned.heap()));
        Held { own, pinned }
    }

    /// Its own bytes and all that it keeps alive, whoever else does.
    pub(crate) fn bytes(&self) -> usize {
        let programs = self.pinned.programs.iter().map(|program| program.bytes());
        let steps = self.pinned.steps.iter().map(|step| step.bytes());
        programs.chain(steps).fold(self.own.bytes(), usize::saturating_add)
    }
}

/// What evidence keeps alive.
#[derive(Debug, Default)]
struct Pinned {
    programs: Vec<Arc<Program>>,
    steps: Vec<Arc<Derivation>>,
}

impl Pinned {
    fn add(&mut self, evidence: &Evidence) {
        self.add_program(&evidence.actor.program);
        self.add_chain(&evidence.actor.program.executable);
        if let Some(script) = &evidence.actor.program.script {
            self.add_chain(&script.provenance);
        }
        if let Some(remote) = &evidence.fed_by {
            self.add_program(&remote.by.program);
        }
        for ancestor in evidence.ancestors.iter() {
            self.add_program(&ancestor.actor.program);
        }
        match &evidence.object {
            Object::File { provenance, .. } => self.add_chain(provenance),
            Object::Process | Object::Remote { .. } | Object::Absent(_) | Object::Gpu { .. } => {}
        }
    }

    fn add_program(&mut self, program: &Arc<Program>) {
        if !self.programs.iter().any(|known| Arc::ptr_eq(known, program)) {
            program.pin();
            self.programs.push(Arc::clone(program));
        }
    }

    fn add_chain(&mut self, provenance: &Provenance) {
        let mut next = provenance.derivation.as_ref();
        while let Some(step) = next.filter(|step| !self.steps.iter().any(|known| Arc::ptr_eq(known, step))) {
            step.pin();
            self.steps.push(Arc::clone(step));
            self.add_program(&step.writer.program);
            next = match &step.source {
                Source::File(earlier) => Some(earlier),
                Source::Remote(remote) => {
                    self.add_program(&remote.by.program);
                    None
                }
                Source::Local => None,
            };
        }
    }

    fn heap(&self) -> usize {
        heap_of::<Arc<Program>>(self.programs.capacity())
            .saturating_add(heap_of::<Arc<Derivation>>(self.steps.capacity()))
    }
}

impl Clone for Pinned {
    fn clone(&self) -> Self {
        self.programs.iter().for_each(|program| program.pin());
        self.steps.iter().for_each(|step| step.pin());
        Pinned { programs: self.programs.clone(), steps: self.steps.clone() }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.programs.iter().for_each(|program| program.unpin());
        self.steps.iter().for_each(|step| step.unpin());
    }
}

impl Evidence {
    /// What it holds on the heap beside its own size, as far as it is its own.
    fn heap(&self) -> usize {
        let object = match &self.object {
            Object::File { path, .. } => heap_of::<u8>(path.len()),
            Object::Process | Object::Remote { .. } | Object::Absent(_) | Object::Gpu { .. } => 0,
        };
        let indicators = self.indicators.iter().map(|indicator| {
            heap_of::<u8>(indicator.what.len()).saturating_add(heap_of::<Arc<str>>(indicator.tags.capacity()))
        });
        let list = heap_of::<Indicator>(self.indicators.capacity());
        indicators.fold(list.saturating_add(object), usize::saturating_add)
    }

    /// What an event leaves behind; nothing if its process is gone. `used` are the fields that the rule asks for.
    pub(crate) fn of(scene: &Scene<'_>, step: Option<&Arc<str>>, used: &[FieldRef]) -> Option<Evidence> {
        let process = scene.process()?;
        let time = scene.observation.time;
        let fed = process.stdin_source().filter(|_| process.is_fed_from_network());
        Some(Evidence {
            step: step.cloned(),
            time,
            since: time,
            count: 1,
            event: scene.event.kind.event_type(),
            failed: is_attempt(&scene.event.kind),
            actor: process.actor(),
            ancestors: process.ancestors.clone(),
            object: object_of(scene),
            fed_by: fed.and_then(|source| source.remote()).cloned(),
            indicators: indicators(scene, used),
        })
    }
}

impl Evidence {
    /// What the passing of time leaves behind: that nothing met a step for `span`, up to `until`. Everything else is as it
    /// was when the step before it was met.
    pub(crate) fn of_absence(
        before: &Evidence,
        step: Option<&Arc<str>>,
        span: Nanos,
        until: Time,
    ) -> Evidence {
        Evidence {
            step: step.cloned(),
            time: until,
            since: before.time,
            count: 1,
            failed: false,
            object: Object::Absent(span),
            indicators: Vec::new(),
            ..before.clone()
        }
    }
}

/// Whether a call failed; or, of an open whose end was lost, is only known to have been tried.
fn is_attempt(kind: &Kind<'_>) -> bool {
    match kind.call().and_then(|call| call.exit) {
        Some(exit) => !exit.succeeded(),
        None => matches!(kind, Kind::Open(_)),
    }
}

fn object_of(scene: &Scene<'_>) -> Object {
    match scene.observation.subject {
        Subject::File(_) => match scene.file() {
            Some(file) => Object::File { path: file.path.clone(), provenance: file.provenance.clone() },
            None => Object::Process,
        },
        Subject::Socket { .. } => {
            let Some(addr) = scene.remote() else { return Object::Process };
            let direction = match scene.socket().map(|socket| socket.role) {
                Some(Role::Server { .. }) => Direction::Inbound,
                Some(Role::Client { .. } | Role::Idle | Role::Local) | None => Direction::Outbound,
            };
            let endpoint = scene.endpoint();
            Object::Remote {
                addr,
                direction,
                attempts: endpoint.map_or(0, |endpoint| endpoint.attempts),
                failures: endpoint.map_or(0, |endpoint| endpoint.failures.total()),
                sends: scene.traffic().map_or(0, |traffic| traffic.sends.messages()),
                period: scene.traffic().and_then(|traffic| traffic.sends.period()),
                fd: scene.observation.fd,
            }
        }
        Subject::Gpu(_) => match scene.process() {
            Some(process) => Object::Gpu { state: process.gpu.state(), ioctls: process.gpu.ioctls() },
            None => Object::Process,
        },
        // A file that is not there has a path all the same.
        Subject::Other => match scene.path_given() {
            Some(path) => Object::File {
                path: path.get(..PATH_MAX).unwrap_or(path).into(),
                provenance: Provenance::default(),
            },
            None => Object::Process,
        },
        Subject::Process | Subject::Child(_) => Object::Process,
    }
}

/// What the denylists say of the fields that the rule asks for: a rule that does not ask is not convinced by them.
fn indicators(scene: &Scene<'_>, used: &[FieldRef]) -> Vec<Indicator> {
    let asks = |fields: &[FieldId]| used.iter().any(|field| fields.contains(&field.id));
    let mut found = Vec::new();
    if asks(&[
        FieldId::IntelIpTags,
        FieldId::IntelIpSource,
        FieldId::IntelIpConfidence,
        FieldId::IntelIpSince,
    ]) && let Some(remote) = scene.remote()
        && let Some(hit) = scene.ip_hit()
    {
        found.push(Indicator {
            what: remote.to_string().into_bytes().into_boxed_slice(),
            tags: hit.tags(),
            source: Arc::clone(hit.source()),
        });
    }
    if asks(&[
        FieldId::IntelHashTags,
        FieldId::IntelHashSource,
        FieldId::IntelHashConfidence,
        FieldId::IntelHashSince,
    ]) && let Some((digest, hit)) = scene.hash_hit()
    {
        let what = IntelIndicator::Hash(digest).to_string().into_bytes().into_boxed_slice();
        found.push(Indicator { what, tags: hit.tags(), source: Arc::clone(hit.source()) });
    }
    if asks(&[
        FieldId::IntelBinTags,
        FieldId::IntelBinSource,
        FieldId::IntelBinConfidence,
        FieldId::IntelBinSince,
    ]) && let Some((name, hit)) = scene.binary_hit()
    {
        found.push(Indicator { what: name.into(), tags: hit.tags(), source: Arc::clone(hit.source()) });
    }
    if asks(&[
        FieldId::IntelTextTags,
        FieldId::IntelTextSource,
        FieldId::IntelTextMatch,
        FieldId::IntelTextConfidence,
        FieldId::IntelTextSince,
    ]) && let Some(hits) = scene.text_hits()
        && let (Some(what), Some(source)) = (hits.argument, hits.source)
    {
        found.push(Indicator { what, tags: hits.tags.into_vec(), source });
    }
    found
}
