//! Sluicebox: the analyzer with a memory for gVisor's trace stream.
//!
//! Bytes of trace events go in, findings come out. In between, per container, the engine remembers processes,
//! descriptors, the provenance of files, connections and the GPU, and rules score sequences over that memory.
//!
//! The library does no I/O, reads no clock, starts no thread and logs nothing: its owner hands in bytes, time and
//! lists, and the same inputs always give the same findings. `ARCHITECTURE.md` shows the way of one event through
//! the modules; the order below is the order of that way.
#![forbid(unsafe_code)]

pub mod event;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod wire;
