//! Accidents of real programs: a full disk, a cut line, a directory put back or copied, a damaged
//! file. Nothing that was reported as saved is lost, nothing wrong is served or sent on, and where
//! a person must act the program says so.
//!
//! Bounded here; the long forms by environment variables:
//!
//! | variable | what |
//! | --- | --- |
//! | `LIANGXIN_BACKLOG=10000` | edits that wait on each side of a partition (here 300) |
//! | `LIANGXIN_RESTORES=20` | backups that are restored while the node goes on (here 2) |
//! | `LIANGXIN_DAMAGES=1000` | damaged copies that a real program opens (here 16) |
//! | `LIANGXIN_SEED=7` | repeats the choices of a run |
//!
//! The figures of a run are printed with `--nocapture`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the harness of a test fails by panicking, and its figures are printed"
)]

#[expect(dead_code, reason = "shared by several tests, each using a part")]
#[path = "e2e/city.rs"]
mod city;
#[path = "accidents/damaged.rs"]
mod damaged;
#[path = "accidents/dots.rs"]
mod dots;
#[path = "accidents/full.rs"]
mod full;
#[path = "accidents/partition.rs"]
mod partition;
#[path = "accidents/restored.rs"]
mod restored;

/// A number from the environment, for the long form of a test.
fn number_of(variable: &str, here: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(here)
}
