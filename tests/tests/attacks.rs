//! Attacks on a hub by a node whose certificate is real: each is answered with its code, changes
//! nothing of others, and an honest node keeps its session beside it.
//!
//! The hostile node speaks frames by hand over real TLS. Row numbers are those of the threat table
//! in the page on trust.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends at the first failure"
)]

#[path = "attacks/authority.rs"]
mod authority;
#[path = "attacks/bundles.rs"]
mod bundles;
#[path = "attacks/causality.rs"]
mod causality;
#[path = "attacks/floods.rs"]
mod floods;
#[path = "attacks/forward.rs"]
mod forward;
#[path = "attacks/frames.rs"]
mod frames;
#[path = "attacks/hostile.rs"]
mod hostile;
#[path = "attacks/lines.rs"]
mod lines;
#[path = "attacks/proof.rs"]
mod proof;
#[path = "attacks/replay.rs"]
mod replay;
#[path = "attacks/restored.rs"]
mod restored;
#[path = "attacks/scopes.rs"]
mod scopes;
#[path = "attacks/stick_proof.rs"]
mod stick_proof;
#[path = "attacks/world.rs"]
mod world;
