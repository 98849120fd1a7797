//! What holds of a state after every event, whatever came: the tests and the fuzzer ask.

use super::files::MAX_FILES;
use super::net::{MAX_ENDPOINTS, MAX_SOCKETS};
use super::process::{MAX_ANCESTORS, MAX_INPUTS};
use super::processes::MAX_PROCESSES;
use super::program::MAX_STEPS;
use super::{MAX_PIPES, Object, State};

impl State {
    /// Panics where something does not hold that always should.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        assert!(self.processes.len() <= MAX_PROCESSES, "processes");
        assert!(self.sockets.len() <= MAX_SOCKETS, "sockets");
        assert!(self.pipes.len() <= MAX_PIPES, "pipes");
        let evictions = self.evictions();
        for container in &self.containers {
            assert!(container.files.len() <= MAX_FILES, "files");
            assert!(container.endpoints.len() <= MAX_ENDPOINTS, "endpoints");
            container.files.check_invariants();
            container.endpoints.check_invariants();
            for file in container.files.iter() {
                assert!(file.serial.0 <= self.last_serial, "serials rise");
                let steps = file.derivation().map_or(0, |derivation| derivation.chain().count());
                assert!(steps <= usize::from(MAX_STEPS), "steps of a chain");
                assert!(file.written.is_none_or(|written| written <= self.clock), "written in the past");
            }
        }
        for (id, process) in self.processes.iter() {
            let container = self.container_at(process.key.container);
            assert!(container.is_some(), "the container of {id:?} is known");
            assert!(
                process.serial.0 <= self.last_serial && process.lineage.0 <= self.last_serial,
                "serials rise"
            );
            assert!(process.ancestors.len() <= MAX_ANCESTORS, "ancestors");
            assert!(
                process.ancestors.iter().all(|ancestor| ancestor.serial != process.serial),
                "no own ancestor"
            );
            assert!(process.inputs.len() <= MAX_INPUTS, "sources");
            assert!(process.exited.is_none_or(|exited| exited <= self.clock), "exited in the past");
            for (_, descriptor) in self.fds(id).into_iter().flat_map(|fds| fds.iter()) {
                let (is_known, was_evicted) = match descriptor.object {
                    Object::File(file) => (
                        container.is_some_and(|container| container.files.get(file).is_some()),
                        evictions.files > 0,
                    ),
                    Object::Socket(socket) => (self.sockets.get(socket).is_some(), evictions.sockets > 0),
                    Object::Pipe(pipe, _) => (self.pipes.get(pipe).is_some(), self.pipes.evictions() > 0),
                    Object::Unknown | Object::Nvidia(_) | Object::Anon => (true, false),
                };
                assert!(is_known || was_evicted, "an object that nobody evicted is there");
            }
        }
        self.processes.check_invariants();
    }
}
