//! Joins what a stream claims with what the host knows: which of a connection's containers are truly its own.
//!
//! A sentry names a container in each event. The first one of a verified sandbox is known before it says anything; others
//! (a pod's) are its own if runsc's state says so. What is neither is a false claim. Where nobody vouches for a connection
//! its claims stand as claims, unless the container is that of somebody for whom the host does.

use std::sync::{Arc, RwLock};

use sluicebox::engine;
use sluicebox::event::Time;
use sluicebox::finding::{Container, Finding};
use sluicebox::state::{Answer, Image, ImageName, Metadata, Pod};

use super::{ContainerId, Identity, Labels, Rootfs, state_file};
use crate::image::{Root, Roots};
use crate::notice::{self, Notice};
use crate::registry::{Registry, Seat, TOP_RULES, TopRule};
use crate::serve::{ConnectionId, Peer};

/// False claims of one connection that are told. A sentry that was taken over can make any number.
const MAX_TOLD: u32 = 8;

/// What is known of one connection's containers.
#[derive(Debug)]
pub struct Attribution {
    connection: ConnectionId,
    identity: Arc<Identity>,
    seat: Seat,
    images: Arc<Images>,
    /// How many containers the state had heard of when it was last looked at.
    looked_at: u64,
    known: Vec<Known>,
    told: u32,
    /// When the rate was last taken, and how many events there were.
    rated: (Time, u64),
}

#[derive(Debug)]
struct Known {
    id: Box<[u8]>,
    whose: Whose,
}

/// Whose a container is.
#[derive(Clone, Debug)]
enum Whose {
    /// Truly this sandbox's.
    Own(Labels),
    /// Not this client's.
    Foreign,
    /// Nobody knows.
    Claimed,
}

/// The root file systems of one connection's containers, which come one by one.
#[derive(Debug, Default)]
struct Images(RwLock<Roots>);

impl Image for Images {
    fn contains(&self, container: &[u8], path: &[u8]) -> Answer {
        // Nobody waits: only the connection's own worker reads or writes.
        self.0.try_read().map_or(Answer::Unknown, |roots| roots.contains(container, path))
    }
}

impl Attribution {
    /// Enters a connection into the registry. What is known of its sandbox so far is told to the engine.
    #[must_use]
    pub fn new(peer: &Peer, registry: &Arc<Registry>, now: Time) -> Attribution {
        Attribution {
            connection: peer.connection,
            identity: Arc::clone(&peer.identity),
            seat: registry.enter(peer.connection, Arc::clone(&peer.identity), now),
            images: Arc::default(),
            looked_at: 0,
            known: Vec::new(),
            told: 0,
            rated: (now, 0),
        }
    }

    /// Who looks into the images of this connection's containers, if the host knows where one is.
    #[must_use]
    pub fn image(&self) -> Option<Arc<dyn Image>> {
        self.identity.sandbox()?.bundle.as_ref()?;
        Some(Arc::clone(&self.images) as Arc<dyn Image>)
    }

    /// The connection's place in the registry.
    #[must_use]
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Tells the engine of the sandbox's first container, before that says anything.
    pub fn begin(&mut self, sandbox: &mut engine::Sandbox) {
        let Some(own) = self.identity.sandbox() else { return };
        let own = Member {
            id: own.id.clone(),
            bundle: own.bundle.clone(),
            labels: own.labels.clone(),
            rootfs: own.rootfs,
        };
        self.describe(&own, sandbox);
        self.looked_at = sandbox.state().containers_heard_of();
    }

    /// Whether the sandbox has claimed to be a container that was not looked at.
    #[must_use]
    pub fn is_due(&self, sandbox: &engine::Sandbox) -> bool {
        sandbox.state().containers_heard_of() != self.looked_at
    }

    /// Looks at the containers that are new. False claims are appended to `out`.
    #[cold]
    pub fn look(&mut self, sandbox: &mut engine::Sandbox, now: Time, out: &mut Vec<Finding>) {
        self.looked_at = sandbox.state().containers_heard_of();
        let state = sandbox.state();
        // What the state has forgotten nobody will ask for again.
        self.known.retain(|known| state.containers().any(|(_, container)| *container.id == *known.id));
        let is_known = |id: &[u8]| self.known.iter().any(|known| *known.id == *id);
        let new: Vec<Box<[u8]>> = state
            .containers()
            .filter(|(_, container)| !is_known(&container.id))
            .map(|(_, container)| Box::from(&*container.id))
            .collect();
        for id in new {
            if let Some(member) = self.member(&id) {
                self.describe(&member, sandbox);
                continue;
            }
            let whose = self.judge(&id);
            if matches!(whose, Whose::Foreign) {
                self.tell(&id, now, out);
            }
            self.known.push(Known { id, whose });
        }
    }

    /// Looks again at what only stands as long as nobody owns it: the owner may have come later.
    pub fn look_again(&mut self, now: Time, out: &mut Vec<Finding>) {
        if self.identity.sandbox().is_some() {
            return;
        }
        for at in 0..self.known.len() {
            let Some(known) = self.known.get(at) else { return };
            if matches!(known.whose, Whose::Claimed)
                && let id = known.id.clone()
                && matches!(self.judge(&id), Whose::Foreign)
            {
                self.tell(&id, now, out);
                if let Some(known) = self.known.get_mut(at) {
                    known.whose = Whose::Foreign;
                }
            }
        }
    }

    /// Time passes: looks again at claims, and tells the registry what has come together.
    pub fn tick(&mut self, sandbox: &engine::Sandbox, now: Time, out: &mut Vec<Finding>) {
        self.look_again(now, out);
        let (then, before) = std::mem::replace(&mut self.rated, (now, sandbox.stats().events));
        let nanos = u64::try_from(now.since(then).0).unwrap_or(0);
        let events = sandbox.stats().events.saturating_sub(before);
        if let Some(rate) = events.saturating_mul(1_000_000_000).checked_div(nanos) {
            self.seat.entry().note_rate(rate);
        }
        self.note_score(sandbox);
    }

    /// A batch is over: says of whom its findings are, and tells the registry what was seen.
    pub fn note(&self, sandbox: &engine::Sandbox, findings: &mut [Finding]) {
        self.seat.entry().note(sandbox.stats());
        if findings.is_empty() {
            return;
        }
        for finding in findings {
            self.attribute(finding);
        }
        self.note_score(sandbox);
    }

    fn note_score(&self, sandbox: &engine::Sandbox) {
        let containers = sandbox.state().containers().map(|(container, _)| container);
        let Some((score, container)) =
            containers.map(|container| (sandbox.score(container), container)).max_by_key(|(score, _)| *score)
        else {
            return;
        };
        let weights = if score.0 == 0 { Vec::new() } else { sandbox.weights(container) };
        let top = weights.into_iter().take(TOP_RULES);
        let top = top.map(|(rule, points)| TopRule { rule: Box::from(&*rule), points: points.0 });
        self.seat.entry().note_score(score.0, top.collect());
    }

    /// Puts into a finding whom it is truly about.
    pub fn attribute(&self, finding: &mut Finding) {
        let known = self.known.iter().find(|known| *known.id == *finding.container.id);
        match known.map(|known| &known.whose) {
            Some(Whose::Own(labels)) => {
                // Events that name no container are the sandbox's.
                if finding.container.id.is_empty()
                    && let Some(own) = self.identity.sandbox()
                {
                    finding.container.id = own.id.as_str().into();
                }
                finding.container.verified = true;
                finding.container.labels.clone_from(labels);
            }
            // Nobody but the sandbox sends this, whatever it calls itself.
            Some(Whose::Claimed) if self.identity.sandbox().is_none() => {}
            Some(Whose::Foreign | Whose::Claimed) => {
                let claimed = String::from_utf8_lossy(&finding.container.id).into_owned();
                let Container { id, verified, mut labels } =
                    notice::container(self.connection, &self.identity);
                labels.push((CLAIMED.to_owned(), claimed));
                finding.container = Container { id, verified, labels };
            }
            None => {}
        }
    }

    /// The container as a member of this sandbox, if the host says that it is one.
    fn member(&self, id: &[u8]) -> Option<Member> {
        let own = self.identity.sandbox()?;
        if id.is_empty() {
            return None;
        }
        let id = ContainerId::new(id).ok()?;
        let root = &own.runtime.as_ref()?.root;
        let entry = state_file::read(root, &id, &own.id).ok()?;
        Some(Member { id, bundle: entry.bundle, labels: entry.labels, rootfs: own.rootfs })
    }

    fn judge(&self, id: &[u8]) -> Whose {
        let owned = |id: &[u8]| ContainerId::new(id).is_ok_and(|id| self.seat.registry().is_owned(&id));
        match self.identity.sandbox() {
            // The session does not ask for ids: nothing is claimed.
            Some(own) if id.is_empty() => Whose::Own(own.labels.clone()),
            // Without runsc's state nobody knows a pod's other containers.
            Some(own) if own.runtime.is_none() && !owned(id) => Whose::Claimed,
            Some(_) => Whose::Foreign,
            None if owned(id) => Whose::Foreign,
            None => Whose::Claimed,
        }
    }

    fn tell(&mut self, claimed: &[u8], now: Time, out: &mut Vec<Finding>) {
        self.told = self.told.saturating_add(1);
        if self.told > MAX_TOLD {
            return;
        }
        let owners = ContainerId::new(claimed).map(|id| self.seat.registry().owners(&id)).unwrap_or_default();
        let owner = owners.first().and_then(|owner| owner.identity.sandbox()).map(|owner| owner.id.as_str());
        out.push(Notice::FalseClaim { claimed, owner }.finding(self.connection, &self.identity, now));
    }

    /// Tells the engine what is known of a container of this sandbox.
    fn describe(&mut self, member: &Member, sandbox: &mut engine::Sandbox) {
        let id = member.id.as_str().as_bytes();
        if let Some(bundle) = &member.bundle
            && let Ok(root) = Root::of_bundle(id.to_vec(), bundle, member.rootfs)
            && let Ok(mut roots) = self.images.0.write()
        {
            roots.push(root);
        }
        self.seat.owns(member.id.clone());
        sandbox.describe(id, Arc::new(metadata(&member.labels)));
        self.known.push(Known { id: id.into(), whose: Whose::Own(member.labels.clone()) });
    }
}

/// The label of a finding that tells which container the client claimed to be.
pub const CLAIMED: &str = "sluicebox.claimed";

/// A container of which the host says that it is this sandbox's.
struct Member {
    id: ContainerId,
    bundle: Option<std::path::PathBuf>,
    labels: Labels,
    rootfs: Rootfs,
}

/// What labels say that rules can ask for: containerd's annotations have the image's name and the pod.
#[must_use]
pub fn metadata(labels: &Labels) -> Metadata {
    let label = |key: &str| labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let cri = |key: &str| label(&format!("io.kubernetes.cri.{key}"));
    let pod = Pod {
        name: cri("sandbox-name"),
        namespace: cri("sandbox-namespace"),
        uid: cri("sandbox-uid"),
        sandbox_id: cri("sandbox-id"),
        ..Pod::default()
    };
    Metadata {
        name: cri("container-name"),
        image: cri("image-name").map(|name| ImageName::parse(&name)),
        pod: (pod != Pod::default()).then_some(pod),
        labels: labels.clone(),
        verified: true,
        ..Metadata::default()
    }
}
