//! Programs of different versions: what an older one has stored is opened by this one, and what a
//! newer one has written is kept, merged, forwarded and shown by this one, with the real programs.
//!
//! The bytes of messages and of stored values are proved one by one beside `proto` and `store`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the harness of a test fails by panicking"
)]

#[expect(dead_code, reason = "shared by several tests, each using a part")]
#[path = "e2e/city.rs"]
mod city;
#[path = "compat/newer.rs"]
mod newer;
#[path = "compat/older.rs"]
mod older;
