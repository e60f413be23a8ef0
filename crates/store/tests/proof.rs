//! What the proofs promise: the account of every write, and what a comparison costs. A node and a
//! hub are real `Host`s over memory stores with real `Session`s between them and no network.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test harness: what is not as expected must stop the run"
)]

mod proof {
    mod accounts;
    mod costs;
    mod holdings;
    pub(crate) mod pair;
}
