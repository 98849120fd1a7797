//! Who goes when the memory of a sandbox is full.
//!
//! In this order: files that nothing from the network went into; processes that are gone; sockets without a peer,
//! endpoints that were tried once, pipes that carried nothing. Then what the flood consists of: of the kind that holds
//! most, whatever is needed least. So a flood of one kind never takes the last of what another kind has that is
//! suspicious. Within a kind the arena decides, oldest first.
//!
//! The evidence of partial matches is not asked: it holds what it needs, and its share has a limit of its own.

use super::arena::Keep;
use super::{ContainerIx, Observation, State};

/// A kind of object, of one container where each has its own.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Processes,
    Sockets,
    Pipes,
    Files(ContainerIx),
    Endpoints(ContainerIx),
}

impl State {
    /// Forgets what is needed least until the next event finds room.
    pub(super) fn make_room(&mut self) {
        while self.budget.is_short() && self.forget_one() {}
    }

    /// Takes the objects that an event changed into account anew.
    pub(super) fn settle(&mut self, observation: Option<&Observation>) {
        self.processes.settle();
        self.sockets.settle();
        self.pipes.settle();
        let container = observation.map(|observation| observation.container);
        match container.and_then(|container| self.container_mut(container)) {
            Some(container) => container.settle(),
            // An event that is no news may have changed a container all the same.
            None => {
                for container in &mut self.containers {
                    container.settle();
                }
            }
        }
    }

    fn forget_one(&mut self) -> bool {
        let dull = |keep: Option<Keep>| keep == Some(Keep::Dull);
        let clean = |keep: Option<Keep>| keep.is_some_and(|keep| keep < Keep::Suspicious);
        let files = self
            .containers()
            .filter(|(_, container)| clean(container.files.least_keep()))
            .max_by_key(|(index, container)| (container.files.weight(), std::cmp::Reverse(*index)))
            .map(|(index, _)| Kind::Files(index));
        let endpoints = || {
            let mut containers = self.containers();
            let found = containers.find(|(_, container)| dull(container.endpoints.least_keep()));
            found.map(|(index, _)| Kind::Endpoints(index))
        };
        let kind = files
            .or_else(|| dull(self.processes.least_keep()).then_some(Kind::Processes))
            .or_else(|| dull(self.sockets.least_keep()).then_some(Kind::Sockets))
            .or_else(endpoints)
            .or_else(|| dull(self.pipes.least_keep()).then_some(Kind::Pipes))
            .or_else(|| self.heaviest());
        kind.is_some_and(|kind| self.forget(kind))
    }

    /// The kind that holds most of the memory, the first of equals.
    fn heaviest(&self) -> Option<Kind> {
        let own = [
            (Kind::Processes, self.processes.least_keep().map(|_| self.processes.weight())),
            (Kind::Sockets, self.sockets.least_keep().map(|_| self.sockets.weight())),
            (Kind::Pipes, self.pipes.least_keep().map(|_| self.pipes.weight())),
        ];
        let of_containers = self.containers().flat_map(|(index, container)| {
            let files = container.files.least_keep().map(|_| container.files.weight());
            let endpoints = container.endpoints.least_keep().map(|_| container.endpoints.weight());
            [(Kind::Files(index), files), (Kind::Endpoints(index), endpoints)]
        });
        let mut most: Option<(Kind, usize)> = None;
        for (kind, weight) in own.into_iter().chain(of_containers) {
            if let Some(weight) = weight
                && most.is_none_or(|(_, known)| weight > known)
            {
                most = Some((kind, weight));
            }
        }
        most.map(|(kind, _)| kind)
    }

    fn forget(&mut self, kind: Kind) -> bool {
        match kind {
            Kind::Processes => self.processes.evict(),
            Kind::Sockets => self.sockets.evict().is_some(),
            Kind::Pipes => self.pipes.evict().is_some(),
            Kind::Files(container) => {
                self.container_mut(container).is_some_and(|container| container.files.evict())
            }
            Kind::Endpoints(container) => {
                self.container_mut(container).is_some_and(|container| container.endpoints.evict())
            }
        }
    }
}
