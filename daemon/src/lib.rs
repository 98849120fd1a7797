//! Sluicebox on a host.
