//! What the crate promises to others, tested from outside: one binary, one module a promise.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends at the first failure"
)]

mod accepting;
mod across;
mod demo;
mod desk;
mod effects;
mod erasure;
mod figures;
mod golden;
mod merging;
mod moving;
mod permission;
mod preset;
mod programme;
mod saves;
mod schema;
mod states;
mod twins;
mod validation;
mod values;
mod ways;
mod year;
