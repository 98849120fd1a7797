//! prost's types of `proto/seccheck.proto`: what the decoder is compared with, and what imported traces are written with.
//! Packets from a sentry are never read with them.

#![allow(
    missing_docs,
    dead_code,
    clippy::large_enum_variant,
    unreachable_pub,
    reason = "generated code, held to its schema by tests/generated.rs"
)]

include!("generated.rs");
