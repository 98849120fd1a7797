//! What becomes of a finding: whom it is told.

pub mod sinks;
pub mod spool;
