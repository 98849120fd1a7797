//! Who goes when the memory of a sandbox is full.
//!
//! In this order: files that were only read; processes that are gone or never did anything; sockets without a peer,
//! endpoints that were tried once, pipes that carried nothing. Then what the flood consists of: of the kind that holds
//! most, whatever is needed least. So a flood of one kind never takes the last of what another kind has that is
//! suspicious. What is suspicious and came first goes when nothing else is left of any kind. Within a kind the arena
//! decides, oldest first.
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

/// Which objects of a kind are meant.
#[derive(Clone, Copy, Debug)]
enum Share {
    /// All.
    All,
    /// All but those that came first and are given up last.
    Loose,
}

impl Share {
    fn of(self, all: Option<usize>, loose: Option<usize>) -> Option<usize> {
        match self {
            Share::All => all,
            Share::Loose => loose,
        }
    }
}

impl State {
    /// Forgets what is needed least until the next event finds room.
    pub(super) fn make_room(&mut self) {
        while self.budget.is_short() && self.forget_one() {}
    }

    /// Takes the objects that an event changed into account anew.
    pub(super) fn reweigh(&mut self, observation: Option<&Observation>) {
        self.processes.arena.settle();
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
        let files = self
            .containers()
            .filter(|(_, container)| dull(container.files.arena.least_keep()))
            .max_by_key(|(index, container)| (container.files.arena.weight(), std::cmp::Reverse(*index)))
            .map(|(index, _)| Kind::Files(index));
        let endpoints = || {
            let mut containers = self.containers();
            let found = containers.find(|(_, container)| dull(container.endpoints.arena.least_keep()));
            found.map(|(index, _)| Kind::Endpoints(index))
        };
        let kind = files
            .or_else(|| dull(self.processes.arena.least_keep()).then_some(Kind::Processes))
            .or_else(|| dull(self.sockets.least_keep()).then_some(Kind::Sockets))
            .or_else(endpoints)
            .or_else(|| dull(self.pipes.least_keep()).then_some(Kind::Pipes))
            .or_else(|| self.heaviest(Share::Loose))
            .or_else(|| self.heaviest(Share::All));
        kind.is_some_and(|kind| self.forget(kind))
    }

    /// The kind that holds most of the memory, the first of equals. Descriptors go with their processes.
    fn heaviest(&self, share: Share) -> Option<Kind> {
        let own = [
            (Kind::Processes, share.of(self.processes.arena.weight(), self.processes.arena.loose_weight())),
            (Kind::Sockets, share.of(self.sockets.weight(), self.sockets.loose_weight())),
            (Kind::Pipes, share.of(self.pipes.weight(), self.pipes.loose_weight())),
        ];
        let of_containers = self.containers().flat_map(|(index, container)| {
            let (files, endpoints) = (&container.files, &container.endpoints);
            [
                (Kind::Files(index), share.of(files.arena.weight(), files.arena.loose_weight())),
                (Kind::Endpoints(index), share.of(endpoints.arena.weight(), endpoints.arena.loose_weight())),
            ]
        });
        let mut most: Option<(Kind, usize)> = None;
        for (kind, weight) in own.into_iter().chain(of_containers) {
            let descriptors = match kind {
                Kind::Processes => self.budget.descriptors(),
                Kind::Sockets | Kind::Pipes | Kind::Files(_) | Kind::Endpoints(_) => 0,
            };
            if let Some(weight) = weight.map(|weight| weight.saturating_add(descriptors))
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

#[cfg(test)]
mod tests {
    use super::super::{
        Account, Budget, Evictions, FileSerial, Origin, Pipe, Provenance, Role, Socket, Source,
    };
    use super::*;
    use crate::event::{Context, Event, ExitNotifyParent, Family, Kind as EventKind, Text, Tgid, Tid, Time};

    const CONTAINER: ContainerIx = ContainerIx(0);

    fn event(state: &mut State, tgid: i32, kind: EventKind<'_>) {
        let (tid, tgid, container) = (Tid(tgid), Tgid(tgid), Text(b"c"));
        let context = Context { time: Time(1), tid, tgid, start: Time(1), container, ..Context::default() };
        state.apply(&Event { context: Some(context), kind });
    }

    /// Two of each: one that nobody would miss, one that is suspicious where its kind can be.
    fn full() -> State {
        let mut state = State::with_budget(Budget::default());
        event(&mut state, 1, EventKind::Raw(crate::event::Raw::default()));
        event(&mut state, 2, EventKind::ExitNotifyParent(ExitNotifyParent::default()));
        event(&mut state, 3, EventKind::Raw(crate::event::Raw::default()));
        let files = &mut state.container_mut(CONTAINER).unwrap().files;
        files.at(b"/read", || FileSerial(1));
        for (path, origin) in [(&b"/made"[..], Origin::Created), (b"/downloaded", Origin::Network)] {
            let file = files.at(path, || FileSerial(2));
            files.written(file, Time(1), Provenance { origin, derivation: None });
        }
        let endpoints = &mut state.container_mut(CONTAINER).unwrap().endpoints;
        endpoints.at("198.51.100.1:1".parse().unwrap(), Time(1));
        state.sockets.insert(Socket::new(Family::INET, 1, Role::Idle));
        state.sockets.insert(Socket::new(Family::INET, 1, Role::Server { remote: None }));
        state.pipes.insert(Pipe::default());
        state.pipes.insert(Pipe { source: Some(Source::Local), ..Pipe::default() });
        state.reweigh(None);
        state.processes.arena.age();
        state.sockets.age();
        state.pipes.age();
        let container = state.container_mut(CONTAINER).unwrap();
        container.files.arena.age();
        container.endpoints.arena.age();
        state
    }

    fn kind_of(before: Evictions, after: Evictions) -> &'static str {
        type Count = fn(&Evictions) -> u64;
        let kinds: [(&str, Count); 5] = [
            ("file", |gone| gone.files),
            ("process", |gone| gone.processes),
            ("socket", |gone| gone.sockets),
            ("endpoint", |gone| gone.endpoints),
            ("pipe", |gone| gone.pipes),
        ];
        kinds
            .into_iter()
            .find(|(_, count)| count(&after) > count(&before))
            .map_or("nothing", |(kind, _)| kind)
    }

    #[test]
    fn files_that_were_only_read_go_first_then_what_is_over_then_what_holds_most() {
        let mut state = full();
        let mut gone = Vec::new();
        for _ in 0..5 {
            let before = state.evictions();
            assert!(state.forget_one());
            gone.push(kind_of(before, state.evictions()));
        }
        assert_eq!(gone, ["file", "process", "socket", "endpoint", "pipe"]);
        let heaviest = state.heaviest(Share::Loose);
        assert!(matches!(heaviest, Some(Kind::Processes)), "{heaviest:?}");
        assert!(state.container_at(CONTAINER).unwrap().files.find(b"/downloaded").is_some());
    }

    #[test]
    fn a_shortage_that_no_object_causes_ends_all_the_same() {
        let mut state = full();
        let _hog = state.budget.charge(Account::Objects, state.budget.limit());
        state.make_room();
        assert!(state.process_count() <= 1, "all but who acts is gone");
    }
}
